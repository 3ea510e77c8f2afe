ALTER TABLE users ADD x text DEFAULT encode(gen_random_bytes(8), 'hex');
