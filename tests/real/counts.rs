//! How many objects migrations have made: without ours, and without those of extensions.

use crate::support::database::Db;

/// Objects of a database, by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) tables: i64,
    pub(crate) functions: i64,
    pub(crate) types: i64,
    pub(crate) indexes: i64,
    pub(crate) triggers: i64,
    pub(crate) sequences: i64,
}

impl Counts {
    pub(crate) fn of(db: &Db) -> Self {
        if db.is_sqlite() { sqlite(db) } else { postgres(db) }
    }
}

/// Tables of one schema (PostgreSQL).
pub(crate) fn tables_in(db: &Db, schema: &str) -> i64 {
    db.count(&format!("SELECT count(*) FROM pg_class c WHERE c.relkind IN ('r', 'p') AND c.relnamespace = '{schema}'::regnamespace AND c.relname NOT LIKE 'db\\_migrations%'"))
}

fn postgres(db: &Db) -> Counts {
    let class = |kinds: &str, table: &str| {
        db.count(&format!(
            "SELECT count(*) FROM pg_class c JOIN pg_class t ON t.oid = {table}
             JOIN pg_namespace n ON n.oid = c.relnamespace
             WHERE c.relkind IN ({kinds}) AND t.relname NOT LIKE 'db\\_migrations%'
               AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND {}",
            not_of_an_extension("pg_class", "c")
        ))
    };
    let other = |catalogue: &str, schema: &str, filter: &str| {
        db.count(&format!(
            "SELECT count(*) FROM {catalogue} o JOIN pg_namespace n ON n.oid = {schema}
             WHERE n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND {filter} AND {}",
            not_of_an_extension(catalogue, "o")
        ))
    };
    Counts {
        tables: class("'r', 'p'", "c.oid"),
        functions: other("pg_proc", "o.pronamespace", "true"),
        // not the row types of tables, not the array types that come with every type
        types: other(
            "pg_type",
            "o.typnamespace",
            "o.typelem = 0 AND (o.typrelid = 0 OR (SELECT relkind = 'c' FROM pg_class WHERE oid = o.typrelid))",
        ),
        indexes: class("'i', 'I'", "(SELECT indrelid FROM pg_index WHERE indexrelid = c.oid)"),
        triggers: db.count("SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal"),
        sequences: class("'S'", "c.oid"),
    }
}

fn not_of_an_extension(catalogue: &str, object: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{catalogue}'::regclass AND d.objid = {object}.oid AND d.deptype = 'e')"
    )
}

fn sqlite(db: &Db) -> Counts {
    let count = |kind: &str| {
        db.count(&format!(
            "SELECT count(*) FROM sqlite_schema WHERE type = '{kind}' AND tbl_name NOT LIKE 'db\\_migrations%' ESCAPE '\\' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
        ))
    };
    Counts {
        tables: count("table"),
        indexes: count("index"),
        triggers: count("trigger"),
        ..Counts::default()
    }
}
