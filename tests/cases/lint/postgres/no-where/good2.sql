DELETE FROM users u USING shop.items i WHERE i.user_id = u.id;
