CREATE TABLE role (a int);
