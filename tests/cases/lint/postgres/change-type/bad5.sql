ALTER TABLE shop.items ALTER label TYPE varchar(10), ALTER user_id TYPE int;
