alter table shop.items rename to things;
