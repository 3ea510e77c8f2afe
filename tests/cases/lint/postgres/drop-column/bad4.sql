alter table only shop.items drop label cascade;
