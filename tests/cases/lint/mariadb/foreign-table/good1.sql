INSERT INTO theirs (a) VALUES (1);
