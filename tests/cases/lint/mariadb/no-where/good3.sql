DELETE u FROM users u JOIN `Order Lines` o ON o.id = u.id;
