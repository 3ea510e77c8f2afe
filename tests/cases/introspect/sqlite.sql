CREATE TABLE plain (id INTEGER PRIMARY KEY AUTOINCREMENT, "odd name" TEXT DEFAULT 'it''s', [brackets] BLOB, `ticks` REAL);
CREATE TABLE IF NOT EXISTS "quoted table" (
    a INT NOT NULL, -- a comment, with a comma
    b TEXT COLLATE NOCASE CHECK (b <> ',' AND length(b) > 0),
    c INT GENERATED ALWAYS AS (a * 2) STORED,
    d INT AS (a + 1) VIRTUAL,
    PRIMARY KEY (a, b)
) WITHOUT ROWID;
CREATE TABLE strict_one (id INTEGER PRIMARY KEY, v ANY) STRICT;
CREATE TABLE child (
    id INTEGER PRIMARY KEY,
    plain_id INTEGER REFERENCES plain (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED,
    /* block; comment */ UNIQUE (plain_id) ON CONFLICT REPLACE
);
CREATE INDEX partial_one ON plain ("odd name" DESC) WHERE "odd name" IS NOT NULL;
CREATE UNIQUE INDEX expression_one ON plain (lower("odd name"), id);
CREATE VIEW v1 (x) AS SELECT id FROM plain;
CREATE VIEW v2 AS SELECT x FROM v1 WHERE x > 1;
CREATE VIRTUAL TABLE docs USING fts5(title, body);
CREATE TRIGGER t1 AFTER INSERT ON plain BEGIN
    INSERT INTO child (plain_id) VALUES (CASE WHEN NEW.id > 0 THEN NEW.id END);
    SELECT 1;
END;
CREATE TRIGGER t2 INSTEAD OF INSERT ON v1 BEGIN SELECT 1; END;
ALTER TABLE child ADD COLUMN late TEXT DEFAULT 'x';
ALTER TABLE strict_one RENAME TO renamed_one;
