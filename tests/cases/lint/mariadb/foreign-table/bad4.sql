DROP TABLE theirs;
