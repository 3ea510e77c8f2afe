//! Tables: regular, partitioned, partitions, inheriting and typed ones.
//!
//! One line for each column and each constraint. What cannot be said inside the parentheses follows
//! as `ALTER TABLE`: checks that are not validated, storage parameters of a constraint's index,
//! columns that differ from the inherited ones, row-level security, replica identity (by an index
//! that no constraint owns: there).

use super::sequences::sequence_options;

/// The storage parameters of a relation (alias of `pg_class`), those of its TOAST table included, as
/// a list, or null.
macro_rules! parameter_list {
    ($c:literal) => {
        concat!(
            "(SELECT string_agg(p.prefix || quote_ident(p.option_name) || '=' || quote_literal(p.option_value), ', '
           ORDER BY p.prefix COLLATE \"C\", p.option_name COLLATE \"C\")
         FROM (SELECT '' AS prefix, o.* FROM pg_options_to_table(",
            $c,
            ".reloptions) o
           UNION ALL SELECT 'toast.', o.* FROM pg_class f, pg_options_to_table(f.reloptions) o WHERE f.oid = ",
            $c,
            ".reltoastrelid) p)"
        )
    };
}

pub(super) use parameter_list;

/// The clause that sets them, if there are any.
macro_rules! storage_parameters {
    ($c:literal) => {
        concat!("coalesce(' WITH (' || ", parameter_list!($c), " || ')', '')")
    };
}

pub(super) use storage_parameters;

/// The lines between the parentheses: columns in their order, then constraints by kind and name.
///
/// Of a partition no column is listed, of a typed table only those that say more than the type, and
/// of an inheriting table only its own. Those which it shares with a parent will stand first when it
/// is made, in the parent's order: so they come first here, by name, that the text be the same again.
macro_rules! lines {
    () => {
        concat!(
            "SELECT 1 AS part, CASE WHEN a.attinhcount > 0 THEN a.attname ELSE '' END AS name,
         CASE WHEN a.attinhcount > 0 THEN 0 ELSE a.attnum END AS position,
         '    ' || quote_ident(a.attname)
         || CASE WHEN c.reloftype <> 0 THEN '' ELSE ' ' || format_type(a.atttypid, a.atttypmod) END
         || CASE WHEN a.attcollation <> t.typcollation AND a.attcollation <> 0 AND c.reloftype = 0
              THEN ' COLLATE ' || a.attcollation::regcollation::text ELSE '' END
         || CASE
              WHEN a.attgenerated = 's' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') STORED'
              WHEN a.attgenerated <> '' THEN ' GENERATED ALWAYS AS (' || pg_get_expr(d.adbin, d.adrelid) || ') VIRTUAL'
              WHEN a.attidentity <> '' THEN ' GENERATED ' || CASE a.attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END
                || ' AS IDENTITY' || coalesce(' (' || nullif(ltrim((",
            identity!(),
            ")), '') || ')', '')
              ELSE coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '')
            END
         || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END AS line
       FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attislocal AND NOT c.relispartition
         AND (c.reloftype = 0 OR a.attnotnull OR a.atthasdef OR a.attidentity <> '')
       UNION ALL
       SELECT CASE k.contype WHEN 'p' THEN 2 WHEN 'u' THEN 3 WHEN 'x' THEN 4 ELSE 5 END, k.conname, 0,
         '    CONSTRAINT ' || quote_ident(k.conname) || ' ' || pg_get_constraintdef(k.oid)
       FROM pg_constraint k
       WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x', 'c') AND k.convalidated AND ",
            local_constraint!()
        )
    };
}

/// What the sequence of an identity column has that is not the default, its name included.
macro_rules! identity {
    () => {
        concat!(
            "SELECT CASE WHEN e.relnamespace = c.relnamespace AND e.relname = c.relname || '_' || a.attname || '_seq'
           THEN '' ELSE 'SEQUENCE NAME ' || e.oid::regclass::text END || ",
            sequence_options!("q"),
            " FROM pg_depend i JOIN pg_sequence q ON q.seqrelid = i.objid JOIN pg_class e ON e.oid = i.objid
         WHERE i.refclassid = c.tableoid AND i.refobjid = c.oid AND i.refobjsubid = a.attnum
           AND i.classid = c.tableoid AND i.deptype = 'i'"
        )
    };
}

/// Neither inherited nor the twin of a partitioned table's.
macro_rules! local_constraint {
    () => {
        "k.conparentid = 0 AND CASE WHEN c.relispartition THEN k.coninhcount = 0 ELSE k.conislocal END"
    };
}

/// Defaults and `NOT NULL` of inherited columns that are not those of the parents, as far as a line
/// does not say them (of a column that is listed: that it has none).
macro_rules! overrides {
    () => {
        "SELECT string_agg(E'\\nALTER TABLE ONLY ' || c.oid::regclass::text || ' ALTER COLUMN ' || quote_ident(a.attname)
           || v.change || ';', '' ORDER BY a.attname, v.change COLLATE \"C\")
       FROM pg_attribute a
         LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
         CROSS JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid) AS value) e
         CROSS JOIN LATERAL (SELECT a.attislocal AND NOT c.relispartition AS listed) l
         CROSS JOIN LATERAL (
           SELECT bool_or(b.attnotnull) AS not_null, bool_and(pg_get_expr(f.adbin, f.adrelid) IS NOT DISTINCT FROM e.value) AS same
           FROM pg_inherits h JOIN pg_attribute b ON b.attrelid = h.inhparent AND b.attname = a.attname
             LEFT JOIN pg_attrdef f ON f.adrelid = b.attrelid AND f.adnum = b.attnum
           WHERE h.inhrelid = c.oid AND NOT b.attisdropped) p
         CROSS JOIN LATERAL (VALUES (CASE WHEN a.attnotnull AND NOT p.not_null AND NOT l.listed THEN ' SET NOT NULL' END),
           (CASE WHEN NOT p.same AND NOT (l.listed AND d.adbin IS NOT NULL) THEN coalesce(' SET DEFAULT ' || e.value, ' DROP DEFAULT') END)) v (change)
       WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
         AND a.attinhcount > 0 AND v.change IS NOT NULL"
    };
}

/// One row a table.
pub(super) const TABLES: &str = concat!(
    "SELECT 'table', c.tableoid::int8, c.oid::int8, 0::int8, 0::int8, r.name,
       'CREATE ' || CASE c.relpersistence WHEN 'u' THEN 'UNLOGGED ' ELSE '' END || 'TABLE ' || r.name
       || CASE WHEN c.relispartition THEN ' PARTITION OF ' || r.parents
            WHEN c.reloftype <> 0 THEN ' OF ' || format_type(c.reloftype, NULL) ELSE '' END
       || coalesce(E' (\\n' || r.lines || E'\\n)',
            CASE WHEN c.relispartition OR c.reloftype <> 0 THEN '' ELSE E' (\\n)' END)
       || CASE WHEN c.relispartition THEN ' ' || pg_get_expr(c.relpartbound, c.oid)
            ELSE coalesce(' INHERITS (' || r.parents || ')', '') END
       || CASE c.relkind WHEN 'p' THEN ' PARTITION BY ' || pg_get_partkeydef(c.oid) ELSE '' END
       || coalesce((SELECT ' USING ' || quote_ident(m.amname) FROM pg_am m WHERE m.oid = c.relam AND m.amname <> 'heap'), '')
       || ",
    storage_parameters!("c"),
    " || ';'
       || coalesce((SELECT string_agg(E'\\nALTER TABLE ' || r.name || ' ADD CONSTRAINT ' || quote_ident(k.conname) || ' '
              || pg_get_constraintdef(k.oid) || ';', '' ORDER BY k.conname)
            FROM pg_constraint k
            WHERE k.conrelid = c.oid AND k.contype = 'c' AND NOT k.convalidated AND ",
    local_constraint!(),
    "), '')
       || coalesce((SELECT string_agg(E'\\nALTER INDEX ' || i.oid::regclass::text || ' SET (' || ",
    parameter_list!("i"),
    " || ');', '' ORDER BY i.relname)
            FROM pg_constraint k JOIN pg_class i ON i.oid = k.conindid
            WHERE k.conrelid = c.oid AND k.contype IN ('p', 'u', 'x') AND i.relkind = 'i' AND i.reloptions IS NOT NULL AND ",
    local_constraint!(),
    "), '')
       || CASE WHEN r.parents IS NULL THEN '' ELSE coalesce((",
    overrides!(),
    "), '') END
       || CASE WHEN c.relrowsecurity THEN E'\\nALTER TABLE ' || r.name || ' ENABLE ROW LEVEL SECURITY;' ELSE '' END
       || CASE WHEN c.relforcerowsecurity THEN E'\\nALTER TABLE ' || r.name || ' FORCE ROW LEVEL SECURITY;' ELSE '' END
       || CASE c.relreplident
            WHEN 'n' THEN E'\\nALTER TABLE ONLY ' || r.name || ' REPLICA IDENTITY NOTHING;'
            WHEN 'f' THEN E'\\nALTER TABLE ONLY ' || r.name || ' REPLICA IDENTITY FULL;'
            WHEN 'i' THEN coalesce((SELECT E'\\nALTER TABLE ONLY ' || r.name || ' REPLICA IDENTITY USING INDEX '
                || quote_ident(k.conname) || ';'
              FROM pg_index i JOIN pg_constraint k ON k.conrelid = i.indrelid AND k.conindid = i.indexrelid
              WHERE i.indrelid = c.oid AND i.indisreplident AND k.contype IN ('p', 'u', 'x') AND k.conparentid = 0), '')
            ELSE '' END
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  CROSS JOIN LATERAL (SELECT c.oid::regclass::text AS name,
    (SELECT string_agg(h.inhparent::regclass::text, ', ' ORDER BY h.inhseqno)
     FROM pg_inherits h WHERE h.inhrelid = c.oid) AS parents,
    (SELECT string_agg(l.line, E',\\n' ORDER BY l.part, l.position = 0 DESC, l.name COLLATE \"C\", l.position)
     FROM (",
    lines!(),
    ") l) AS lines) r
WHERE c.relkind IN ('r', 'p') AND ",
    user_schema!("n"),
    " AND ",
    own_object!("c")
);
