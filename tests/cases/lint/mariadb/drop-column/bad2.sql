ALTER TABLE `Order Lines` ADD x int, DROP `note`;
