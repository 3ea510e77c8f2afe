ALTER TABLE shop.items ALTER label TYPE varchar;
