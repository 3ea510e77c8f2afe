SELECT * FROM theirs;
