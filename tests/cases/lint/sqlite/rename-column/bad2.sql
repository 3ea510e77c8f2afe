ALTER TABLE users RENAME name TO nick;
