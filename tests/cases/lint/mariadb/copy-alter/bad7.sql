CREATE FULLTEXT INDEX f ON users (email);
