RENAME TABLE a TO b, `Order Lines` TO c;
