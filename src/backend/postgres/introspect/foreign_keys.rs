//! Foreign keys.

/// Without those which a partitioned table gives to its partitions, or has because of another's.
pub(super) const FOREIGN_KEYS: &str = concat!(
    "SELECT 'foreign key', k.tableoid::int8, k.oid::int8, 0::int8, k.conrelid::int8,
       k.conrelid::regclass::text || '.' || quote_ident(k.conname),
       'ALTER TABLE ' || CASE c.relkind WHEN 'p' THEN '' ELSE 'ONLY ' END || k.conrelid::regclass::text
       || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid) || ';'
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid
WHERE k.contype = 'f' AND k.conparentid = 0 AND ",
    own_object!("k")
);
