ALTER TABLE users ADD x int DEFAULT -1, ADD y text DEFAULT 'x'::character varying(3);
