alter table shop.items rename column label to title;
