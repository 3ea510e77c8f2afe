create index i on shop.items using gin (label gin_trgm_ops) where label is not null;
