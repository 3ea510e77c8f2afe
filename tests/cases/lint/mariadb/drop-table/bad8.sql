DROP TABLES `Order Lines`, users;
