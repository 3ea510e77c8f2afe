ALTER TABLE users RENAME KEY users_age TO k;
