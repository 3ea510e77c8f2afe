CREATE INDEX i ON theirs (a);
