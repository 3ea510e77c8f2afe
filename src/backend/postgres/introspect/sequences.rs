//! Sequences and the columns that own them.

/// The options of a sequence (alias of `pg_sequence`) that are not the default.
macro_rules! sequence_options {
    ($s:literal) => {
        concat!(
            "(SELECT CASE WHEN s.seqincrement <> 1 THEN ' INCREMENT BY ' || s.seqincrement ELSE '' END
       || CASE WHEN s.seqmin <> d.low THEN ' MINVALUE ' || s.seqmin ELSE '' END
       || CASE WHEN s.seqmax <> d.high THEN ' MAXVALUE ' || s.seqmax ELSE '' END
       || CASE WHEN s.seqstart <> CASE WHEN s.seqincrement > 0 THEN s.seqmin ELSE s.seqmax END
            THEN ' START WITH ' || s.seqstart ELSE '' END
       || CASE WHEN s.seqcache <> 1 THEN ' CACHE ' || s.seqcache ELSE '' END
       || CASE WHEN s.seqcycle THEN ' CYCLE' ELSE '' END
     FROM (SELECT ",
            $s,
            ".*) s, LATERAL (SELECT
       CASE WHEN s.seqincrement > 0 THEN 1 WHEN s.seqtypid = 'int2'::regtype THEN -32768
         WHEN s.seqtypid = 'int4'::regtype THEN -2147483648 ELSE -9223372036854775808 END AS low,
       CASE WHEN s.seqincrement < 0 THEN -1 WHEN s.seqtypid = 'int2'::regtype THEN 32767
         WHEN s.seqtypid = 'int4'::regtype THEN 2147483647 ELSE 9223372036854775807 END AS high) d)"
        )
    };
}

pub(super) use sequence_options;

/// Without those of identity columns. One that a column owns belongs to that column's table.
pub(super) const SEQUENCES: &str = concat!(
    "SELECT 'sequence', c.tableoid::int8, c.oid::int8, 0::int8, coalesce(o.refobjid, 0)::int8, c.oid::regclass::text,
       'CREATE ' || CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END || 'SEQUENCE ' || c.oid::regclass::text
       || CASE WHEN q.seqtypid = 'int8'::regtype THEN '' ELSE ' AS ' || format_type(q.seqtypid, NULL) END
       || ",
    sequence_options!("q"),
    " || ';'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence q ON q.seqrelid = c.oid
  LEFT JOIN pg_depend o ON o.classid = c.tableoid AND o.objid = c.oid AND o.refclassid = c.tableoid
    AND o.refobjsubid > 0 AND o.deptype IN ('a', 'i')
WHERE c.relkind = 'S' AND o.deptype IS DISTINCT FROM 'i' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("c")
);

/// Addressed by class 0 and the OID of the sequence, for they have no row of their own.
pub(super) const OWNERS: &str = concat!(
    "SELECT 'sequence owner', 0::int8, c.oid::int8, 0::int8, o.refobjid::int8, c.oid::regclass::text,
       'ALTER SEQUENCE ' || c.oid::regclass::text || ' OWNED BY ' || o.refobjid::regclass::text || '.'
       || quote_ident(a.attname) || ';'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_depend o ON o.classid = c.tableoid AND o.objid = c.oid AND o.refclassid = c.tableoid
    AND o.refobjsubid > 0 AND o.deptype = 'a'
  JOIN pg_attribute a ON a.attrelid = o.refobjid AND a.attnum = o.refobjsubid
WHERE c.relkind = 'S' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("c")
);
