ALTER TABLE users ALTER age SET DEFAULT random();
