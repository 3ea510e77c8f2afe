//! Views and materialized views.

use super::tables::{parameter_list, storage_parameters};

/// A default of a view's column follows.
pub(super) const VIEWS: &str = concat!(
    "SELECT 'view', c.tableoid::int8, c.oid::int8, 0::int8, 0::int8, c.oid::regclass::text,
       'CREATE VIEW ' || c.oid::regclass::text || ",
    storage_parameters!("c"),
    " || E' AS\\n' || rtrim(pg_get_viewdef(c.oid), E' \\t\\r\\n;') || ';'
       || coalesce((SELECT string_agg(E'\\nALTER VIEW ' || c.oid::regclass::text || ' ALTER COLUMN ' || quote_ident(a.attname)
              || ' SET DEFAULT ' || pg_get_expr(d.adbin, d.adrelid) || ';', '' ORDER BY a.attnum)
            FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
            WHERE d.adrelid = c.oid), '')
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("c")
);

/// Without data: whether it is filled is not the schema's affair, and filling it would run functions
/// whose tables may not be there yet.
pub(super) const MATERIALIZED_VIEWS: &str = concat!(
    "SELECT 'materialized view', c.tableoid::int8, c.oid::int8, 0::int8, 0::int8, c.oid::regclass::text,
       'CREATE MATERIALIZED VIEW ' || c.oid::regclass::text
       || coalesce((SELECT ' USING ' || quote_ident(m.amname) FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'), '')
       || ",
    storage_parameters!("c"),
    " || E' AS\\n' || rtrim(pg_get_viewdef(c.oid), E' \\t\\r\\n;') || E'\\n  WITH NO DATA;'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("c")
);
