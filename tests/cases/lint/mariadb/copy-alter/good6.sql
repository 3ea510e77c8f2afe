ALTER TABLE users MODIFY age int(11) COMMENT 'years';
