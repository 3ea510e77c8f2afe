ALTER TABLE users ADD x text DEFAULT public.uuid_generate_v4()::text;
