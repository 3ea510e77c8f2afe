RENAME TABLE users TO users_old, users_new TO users;
