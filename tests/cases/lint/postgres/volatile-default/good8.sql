ALTER TABLE users ADD x text DEFAULT md5('random'), ADD y text DEFAULT current_setting('app.tenant'), ADD z text DEFAULT my_own('gen_random_uuid()');
