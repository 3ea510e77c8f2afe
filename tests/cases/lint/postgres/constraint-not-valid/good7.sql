CREATE TABLE t (a int REFERENCES users (id), CHECK (a > 0));
