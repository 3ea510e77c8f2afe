ALTER TYPE public.mood ADD VALUE 'x';
UPDATE t SET m = 'x'::mood WHERE id = 1;
