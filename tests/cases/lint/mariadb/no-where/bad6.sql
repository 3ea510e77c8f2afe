SET STATEMENT max_statement_time = 0 FOR UPDATE users SET age = 0;
