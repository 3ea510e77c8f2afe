ALTER TABLE users MODIFY age bigint;
