//! What a database holds beside its schema and its rows: rights, where counters go on, which materialized
//! views are filled.
//!
//! Each is read as lines that are equal where the state is. A line of a counter is the statement that lets it
//! go on there. Who reads them is not known here.

use crate::dialect::Dialect;
use crate::schema::{Kind, Schema};

/// Who owns what and who may do what, one line each. Where rights are not the database's own, nothing reads them.
pub fn rights(dialect: Dialect) -> Option<&'static str> {
    match dialect {
        Dialect::Postgres => Some(POSTGRES_RIGHTS),
        Dialect::MariaDb | Dialect::MySql | Dialect::Sqlite => None,
    }
}

const POSTGRES_RIGHTS: &str = "\
WITH named AS (SELECT oid, nspname FROM pg_catalog.pg_namespace
  WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\\_%'),
things (what, owner, acl) AS (
  SELECT format(CASE relkind WHEN 'S' THEN 'SEQUENCE %I.%I' ELSE 'TABLE %I.%I' END, nspname, relname), relowner,
    coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::\"char\", relowner))
  FROM pg_catalog.pg_class c JOIN named n ON n.oid = relnamespace WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT format('TABLE %I.%I (%I)', nspname, relname, attname), NULL::oid, attacl
  FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class c ON c.oid = attrelid JOIN named n ON n.oid = relnamespace
  WHERE attacl IS NOT NULL AND NOT attisdropped
  UNION ALL SELECT format('ROUTINE %I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(p.oid)), proowner,
    coalesce(proacl, acldefault('f'::\"char\", proowner)) FROM pg_catalog.pg_proc p JOIN named n ON n.oid = pronamespace
  UNION ALL SELECT format('SCHEMA %I', nspname), nspowner, coalesce(nspacl, acldefault('n'::\"char\", nspowner))
  FROM pg_catalog.pg_namespace WHERE oid IN (SELECT oid FROM named)
  UNION ALL SELECT format('TYPE %I.%I', nspname, typname), typowner, coalesce(typacl, acldefault('T'::\"char\", typowner))
  FROM pg_catalog.pg_type t JOIN named n ON n.oid = typnamespace
  WHERE typtype IN ('d', 'e', 'r') OR (typtype = 'c' AND EXISTS
    (SELECT FROM pg_catalog.pg_class c WHERE c.oid = typrelid AND relkind = 'c'))
  UNION ALL SELECT format('what %s makes (%s)%s', pg_get_userbyid(defaclrole), defaclobjtype,
    (SELECT format(' in %I', nspname) FROM pg_catalog.pg_namespace s WHERE s.oid = defaclnamespace)), NULL, defaclacl
  FROM pg_catalog.pg_default_acl)
SELECT format('%s belongs to %s', what, pg_get_userbyid(owner)) FROM things WHERE owner IS NOT NULL
UNION ALL SELECT format('%s has %s%s on %s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE pg_get_userbyid(a.grantee)::text END,
  a.privilege_type, CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' END, what)
FROM things CROSS JOIN LATERAL aclexplode(acl) a";

/// The queries that say where counters go on which no schema and no rows show.
pub fn counters(dialect: Dialect, schema: &Schema) -> Vec<String> {
    match dialect {
        Dialect::Postgres => vec![POSTGRES_IDENTITIES.to_owned()],
        Dialect::Sqlite if has_sequence_table(schema) => vec![SQLITE_SEQUENCE.to_owned()],
        Dialect::Sqlite => Vec::new(),
        Dialect::MariaDb | Dialect::MySql => {
            let sequences = schema.objects.iter().filter(|object| object.kind == Kind::Sequence);
            let sequence = |name: &str| {
                let name = format!("`{}`", name.trim_matches('`').replace('`', "``"));
                let text = name.replace('\\', "\\\\").replace('\'', "''");
                format!(
                    "SELECT CONCAT('SELECT SETVAL({text}, ', next_not_cached_value, ', 0);') FROM {name} \
                     WHERE next_not_cached_value <> start_value"
                )
            };
            [MARIADB_TABLES.to_owned()].into_iter().chain(sequences.map(|one| sequence(&one.name))).collect()
        }
    }
}

const POSTGRES_IDENTITIES: &str = "\
SELECT format('SELECT setval(pg_get_serial_sequence(%L, %L), %s, true);', format('%I.%I', n.nspname, t.relname), a.attname,
  pg_sequence_last_value(s.seqrelid))
FROM pg_catalog.pg_sequence s JOIN pg_catalog.pg_depend d ON d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = s.seqrelid
  AND d.deptype = 'i' AND d.refclassid = 'pg_catalog.pg_class'::regclass
JOIN pg_catalog.pg_class t ON t.oid = d.refobjid JOIN pg_catalog.pg_namespace n ON n.oid = t.relnamespace
JOIN pg_catalog.pg_attribute a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
WHERE t.relname NOT LIKE 'db\\_migrations%' AND pg_sequence_last_value(s.seqrelid) IS NOT NULL
ORDER BY 1";

const MARIADB_TABLES: &str = "\
SELECT CONCAT('ALTER TABLE `', REPLACE(TABLE_NAME, '`', '``'), '` AUTO_INCREMENT = ', AUTO_INCREMENT, ';')
FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND AUTO_INCREMENT > 1
AND TABLE_NAME NOT LIKE 'db\\_migrations%' ORDER BY TABLE_NAME";

const SQLITE_SEQUENCE: &str = "\
SELECT 'DELETE FROM sqlite_sequence WHERE name = ' || quote(name) || ';' || char(10)
|| 'INSERT INTO sqlite_sequence (name, seq) VALUES (' || quote(name) || ', ' || seq || ');'
FROM sqlite_sequence WHERE name NOT LIKE 'db\\_migrations%' ESCAPE '\\' ORDER BY name";

/// The table is there once one that needs it was made.
fn has_sequence_table(schema: &Schema) -> bool {
    let mut tables = schema.objects.iter().filter(|object| object.kind == Kind::Table);
    tables.any(|table| table.definition.to_ascii_uppercase().contains("AUTOINCREMENT"))
}

/// What names the materialized views that are filled.
pub fn filled(dialect: Dialect) -> Option<&'static str> {
    const POSTGRES: &str =
        "SELECT format('%I.%I', schemaname, matviewname) FROM pg_catalog.pg_matviews WHERE ispopulated";
    (dialect == Dialect::Postgres).then_some(POSTGRES)
}

/// The statements that fill materialized views which were filled, in an order in which they can be.
pub fn refreshes(before: &[String], after: &[String], schema: &Schema) -> Vec<String> {
    let views = schema.objects.iter().filter(|object| object.kind == Kind::MaterializedView);
    let new = views.filter(|view| after.contains(&view.name) && !before.contains(&view.name));
    new.map(|view| format!("REFRESH MATERIALIZED VIEW {};", view.name)).collect()
}

/// The lines that only the first has.
pub fn missing<'a>(of: &'a [String], from: &[String]) -> Vec<&'a String> {
    let there: std::collections::HashSet<&String> = from.iter().collect();
    of.iter().filter(|line| !there.contains(line)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Object;

    #[test]
    fn only_what_is_there_is_asked() {
        let table = |definition: &str| {
            let definition = definition.to_owned();
            Schema::new(vec![Object { kind: Kind::Table, name: "t".to_owned(), definition }])
        };
        assert!(counters(Dialect::Sqlite, &table("CREATE TABLE t (a integer primary key)")).is_empty());
        let counted = "CREATE TABLE t (a integer primary key autoincrement)";
        assert_eq!(counters(Dialect::Sqlite, &table(counted)).len(), 1);
        let object = Object { kind: Kind::Sequence, name: "it's".to_owned(), definition: String::new() };
        let queries = counters(Dialect::MariaDb, &Schema::new(vec![object]));
        assert!(queries[1].starts_with("SELECT CONCAT('SELECT SETVAL(`it''s`, '"), "{}", queries[1]);
    }

    #[test]
    fn views_that_were_filled_are_filled() {
        let view = |name: &str| Object {
            kind: Kind::MaterializedView,
            name: name.to_owned(),
            definition: String::new(),
        };
        let schema = Schema::new(vec![view("p.a"), view("p.b"), view("p.c")]);
        let (before, after) = (["p.a".to_owned()], ["p.c".to_owned(), "p.a".to_owned()]);
        assert_eq!(refreshes(&before, &after, &schema), ["REFRESH MATERIALIZED VIEW p.c;"]);
        assert_eq!(missing(&after, &before), ["p.c"]);
    }
}
