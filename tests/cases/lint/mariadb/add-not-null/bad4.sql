ALTER TABLE `Order Lines` CHANGE note note varchar(200) NOT NULL;
