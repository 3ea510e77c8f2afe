DELETE u, o FROM users u LEFT JOIN `Order Lines` o ON o.`userId` = u.id;
