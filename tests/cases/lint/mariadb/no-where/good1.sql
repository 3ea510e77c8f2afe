UPDATE users u JOIN `Order Lines` o ON o.`userId` = u.id SET u.age = 1;
