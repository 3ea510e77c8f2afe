GRANT ALL ON *.* TO bob;
