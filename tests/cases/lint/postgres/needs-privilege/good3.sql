CREATE TABLE grants (a int);
