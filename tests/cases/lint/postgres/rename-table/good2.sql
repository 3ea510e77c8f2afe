ALTER INDEX users_pkey RENAME TO people_pkey;
