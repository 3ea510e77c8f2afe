WITH x AS (SELECT 1 WHERE true) UPDATE shop.items SET label = 'a' FROM x;
