CREATE TABLE mine (a int REFERENCES theirs (id));
