ALTER TYPE mood ADD VALUE 'happy';
INSERT INTO t VALUES ('happy');
