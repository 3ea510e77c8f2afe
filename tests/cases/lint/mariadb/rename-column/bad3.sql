ALTER TABLE `Order Lines` CHANGE COLUMN `userId` user_id bigint;
