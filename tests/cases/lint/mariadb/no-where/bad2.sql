DELETE FROM `Order Lines`;
