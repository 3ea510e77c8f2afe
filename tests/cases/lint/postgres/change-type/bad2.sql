ALTER TABLE users ALTER age SET DATA TYPE text USING age::text;
