ALTER TABLE `Order Lines` ADD x int AS (id + 1) PERSISTENT;
