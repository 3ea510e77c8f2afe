SET STATEMENT lock_wait_timeout = 5 FOR DROP TABLE users;
