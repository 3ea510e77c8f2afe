PRAGMA foreign_keys = OFF;
CREATE TABLE "new_users" (id integer PRIMARY KEY);
DROP TABLE "users";
ALTER TABLE "new_users" RENAME TO "users";
