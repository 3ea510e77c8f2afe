ALTER TABLE users ALTER name TYPE varchar(10);
