//! Enums, composite types, range types and domains.

/// Labels in their sort order.
pub(super) const ENUMS: &str = concat!(
    "SELECT 'enum', t.tableoid::int8, t.oid::int8, 0::int8, 0::int8, format_type(t.oid, NULL),
       'CREATE TYPE ' || format_type(t.oid, NULL) || E' AS ENUM (\\n' || coalesce(
         (SELECT string_agg('    ' || quote_literal(l.enumlabel), E',\\n' ORDER BY l.enumsortorder)
          FROM pg_enum l WHERE l.enumtypid = t.oid) || E'\\n', '') || ');'
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE t.typtype = 'e' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("t")
);

/// Addressed by their `pg_class` row, to which dependencies of their attributes belong.
pub(super) const COMPOSITES: &str = concat!(
    "SELECT 'composite type', c.tableoid::int8, c.oid::int8, 0::int8, 0::int8, t.oid::regtype::text,
       'CREATE TYPE ' || t.oid::regtype::text || E' AS (\\n' || coalesce(
         (SELECT string_agg('    ' || quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
              || CASE WHEN a.attcollation <> b.typcollation AND a.attcollation <> 0
                   THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END,
            E',\\n' ORDER BY a.attnum)
          FROM pg_attribute a JOIN pg_type b ON b.oid = a.atttypid
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) || E'\\n', '') || ');'
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_type t ON t.oid = c.reltype
WHERE c.relkind = 'c' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("t")
);

/// The column of the multirange type came with PostgreSQL 14.
pub(super) const RANGES: &str = concat!(
    "SELECT 'range type', t.tableoid::int8, t.oid::int8, 0::int8, 0::int8, format_type(t.oid, NULL),
       'CREATE TYPE ' || format_type(t.oid, NULL) || E' AS RANGE (\\n    SUBTYPE = ' || format_type(r.rngsubtype, NULL)
       || CASE WHEN o.opcdefault THEN '' ELSE E',\\n    SUBTYPE_OPCLASS = ' || quote_ident(m.nspname) || '.'
            || quote_ident(o.opcname) END
       || CASE WHEN r.rngcollation <> b.typcollation AND r.rngcollation <> 0
            THEN E',\\n    COLLATION = ' || r.rngcollation::regcollation::text ELSE '' END
       || CASE WHEN r.rngcanonical <> 0 THEN E',\\n    CANONICAL = ' || r.rngcanonical::text ELSE '' END
       || CASE WHEN r.rngsubdiff <> 0 THEN E',\\n    SUBTYPE_DIFF = ' || r.rngsubdiff::text ELSE '' END
       || coalesce(E',\\n    MULTIRANGE_TYPE_NAME = '
            || format_type((to_jsonb(r) ->> 'rngmultitypid')::oid, NULL), '') || E'\\n);'
FROM pg_range r JOIN pg_type t ON t.oid = r.rngtypid JOIN pg_namespace n ON n.oid = t.typnamespace
  JOIN pg_type b ON b.oid = r.rngsubtype
  JOIN pg_opclass o ON o.oid = r.rngsubopc JOIN pg_namespace m ON m.oid = o.opcnamespace
WHERE ",
    user_schema!("n"),
    " AND ",
    own_object!("t")
);

/// A check that is not validated can only be added afterwards.
pub(super) const DOMAINS: &str = concat!(
    "SELECT 'domain', t.tableoid::int8, t.oid::int8, 0::int8, 0::int8, format_type(t.oid, NULL),
       'CREATE DOMAIN ' || format_type(t.oid, NULL) || ' AS ' || format_type(t.typbasetype, t.typtypmod)
       || CASE WHEN t.typcollation <> b.typcollation AND t.typcollation <> 0
            THEN ' COLLATE ' || t.typcollation::regcollation::text ELSE '' END
       || coalesce(' DEFAULT ' || coalesce(pg_get_expr(t.typdefaultbin, 0), quote_literal(t.typdefault)), '')
       || CASE WHEN t.typnotnull THEN ' NOT NULL' ELSE '' END
       || coalesce((SELECT string_agg(E'\\n    CONSTRAINT ' || quote_ident(k.conname) || ' '
              || pg_get_constraintdef(k.oid), '' ORDER BY k.conname)
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' AND k.convalidated), '') || ';'
       || coalesce((SELECT string_agg(E'\\nALTER DOMAIN ' || format_type(t.oid, NULL) || ' ADD CONSTRAINT '
              || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid) || ';', '' ORDER BY k.conname)
            FROM pg_constraint k WHERE k.contypid = t.oid AND k.contype = 'c' AND NOT k.convalidated), '')
FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace JOIN pg_type b ON b.oid = t.typbasetype
WHERE t.typtype = 'd' AND ",
    user_schema!("n"),
    " AND ",
    own_object!("t")
);
