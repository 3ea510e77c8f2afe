//! Indexes that no constraint owns.

/// The server spells the index of a partitioned table with `ONLY`, for the sake of those attached to
/// it; these are not listed but made with it, so without `ONLY`, unless it is incomplete.
/// An index that failed to be built (`CREATE INDEX CONCURRENTLY`) is marked: it is not the same.
pub(super) const INDEXES: &str = concat!(
    "SELECT 'index', c.tableoid::int8, c.oid::int8, 0::int8, i.indrelid::int8, c.oid::regclass::text,
       CASE WHEN NOT i.indisvalid AND c.relkind = 'i' THEN E'-- invalid\\n' ELSE '' END
       || CASE WHEN i.indisvalid AND c.relkind = 'I'
            THEN replace(pg_get_indexdef(c.oid), ' INDEX ' || quote_ident(c.relname) || ' ON ONLY ',
              ' INDEX ' || quote_ident(c.relname) || ' ON ')
            ELSE pg_get_indexdef(c.oid) END || ';'
       || CASE WHEN i.indisreplident THEN E'\\nALTER TABLE ONLY ' || i.indrelid::regclass::text
            || ' REPLICA IDENTITY USING INDEX ' || quote_ident(c.relname) || ';' ELSE '' END
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT c.relispartition AND NOT EXISTS (SELECT FROM pg_constraint k
    WHERE k.conrelid = i.indrelid AND k.conindid = i.indexrelid AND k.contype IN ('p', 'u', 'x')) AND ",
    user_schema!("n"),
    " AND ",
    own_object!("c")
);
