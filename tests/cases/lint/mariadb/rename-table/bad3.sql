ALTER TABLE `Order Lines` RENAME TO `lines`;
