//! Schemas and extensions.

/// `public` is in every database and not listed.
pub(super) const SCHEMAS: &str = concat!(
    "SELECT 'schema', n.tableoid::int8, n.oid::int8, 0::int8, 0::int8, quote_ident(n.nspname),
       'CREATE SCHEMA ' || quote_ident(n.nspname) || ';'
FROM pg_namespace n
WHERE n.nspname <> 'public' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("n")
);

/// Without the version: that is the server's affair.
pub(super) const EXTENSIONS: &str =
    "SELECT 'extension', e.tableoid::int8, e.oid::int8, 0::int8, 0::int8, quote_ident(e.extname),
       'CREATE EXTENSION IF NOT EXISTS ' || quote_ident(e.extname) || ' WITH SCHEMA ' || quote_ident(n.nspname) || ';'
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'";
