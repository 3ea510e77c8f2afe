drop table if exists `Order Lines`, users;
