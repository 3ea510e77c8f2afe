SET foreign_key_checks = 0;
ALTER TABLE `Order Lines` ADD FOREIGN KEY (id) REFERENCES users (id);
