UPDATE theirs SET a = 1 WHERE id = 5;
