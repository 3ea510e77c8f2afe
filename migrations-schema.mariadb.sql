-- The schema that the locked migrations make of an empty database. Commit this file; do not edit it.
-- Written by `db-migrations`; `db-migrations schema snapshot` makes it anew.
--
-- dialect: mariadb
-- server: MariaDB 10.11.19
-- tool: db-migrations 0.1.0
-- proof: replay
-- digest: c1230cabbd0ea35f4befc9b8255ec2f2073e52485849b13611319b7e297f9a98
-- run accounts::20240105090000_create_accounts
-- run billing::20240312110000_create_invoices
-- run accounts::20240820100000_index_users_by_account
-- run billing::20240901080000_open_invoices
-- skip billing::20241001080000_index_invoices
-- run audit::20241115120000_create_audit_log
-- run legacy::20190301070000_create_countries

SET NAMES utf8mb4;
SET foreign_key_checks = 0;

-- table: accounts
CREATE TABLE `accounts` (
  `id` int(11) NOT NULL,
  `name` varchar(200) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `name` (`name`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- table: audit_log
CREATE TABLE `audit_log` (
  `id` bigint(20) NOT NULL AUTO_INCREMENT,
  `at` timestamp NOT NULL DEFAULT current_timestamp(),
  `account_id` int(11) NOT NULL,
  `what` text NOT NULL,
  PRIMARY KEY (`id`),
  KEY `account_id` (`account_id`),
  CONSTRAINT `audit_log_ibfk_1` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- table: countries
CREATE TABLE `countries` (
  `code` char(2) NOT NULL,
  `name` varchar(100) NOT NULL,
  PRIMARY KEY (`code`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- table: invoices
CREATE TABLE `invoices` (
  `id` int(11) NOT NULL,
  `account_id` int(11) NOT NULL,
  `cents` int(11) NOT NULL CHECK (`cents` >= 0),
  `issued_on` date NOT NULL,
  `paid_on` date DEFAULT NULL,
  PRIMARY KEY (`id`),
  KEY `account_id` (`account_id`),
  CONSTRAINT `invoices_ibfk_1` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- table: users
CREATE TABLE `users` (
  `id` int(11) NOT NULL,
  `account_id` int(11) NOT NULL,
  `email` varchar(320) NOT NULL,
  PRIMARY KEY (`id`),
  UNIQUE KEY `email` (`email`),
  KEY `users_by_account` (`account_id`),
  CONSTRAINT `users_ibfk_1` FOREIGN KEY (`account_id`) REFERENCES `accounts` (`id`) ON DELETE CASCADE
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_general_ci;

-- view: open_invoices
CREATE ALGORITHM=UNDEFINED SQL SECURITY DEFINER VIEW `open_invoices` AS select `invoices`.`id` AS `id`,`invoices`.`account_id` AS `account_id`,`invoices`.`cents` AS `cents` from `invoices` where `invoices`.`paid_on` is null;

-- trigger: invoices_are_audited
DELIMITER ;;
CREATE TRIGGER invoices_are_audited AFTER INSERT ON invoices
FOR EACH ROW
BEGIN
    INSERT INTO audit_log (account_id, what) VALUES (NEW.account_id, CONCAT('invoice ', NEW.id));
END;;
DELIMITER ;

SET foreign_key_checks = 1;
