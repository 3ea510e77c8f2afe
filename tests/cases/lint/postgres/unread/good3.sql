MERGE INTO users u USING shop.items i ON u.id = i.id WHEN MATCHED THEN DELETE;
