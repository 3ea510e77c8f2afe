DROP TABLE IF EXISTS unheard_of;
CREATE TABLE unheard_of (id integer);
