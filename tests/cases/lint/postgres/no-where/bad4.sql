TRUNCATE users, shop.items;
