//! What is in the database and not in the schema that we read.

use sqlx::{PgConnection, Row as _};

/// A catalogue whose objects are not read: its rows as `(class, id)`.
macro_rules! catalogue {
    ($name:literal) => {
        concat!("SELECT o.tableoid, o.oid FROM ", $name, " o WHERE ", own_object!("o"))
    };
    ($name:literal, $condition:literal) => {
        concat!(catalogue!($name), " AND ", $condition)
    };
}

/// Without what other objects bring along: array types, the casts of a range type to its multirange
/// type, the operator family of an operator class's own name.
const UNCOVERED: &str = concat!(
    "SELECT i.type || ' ' || i.identity FROM (",
    catalogue!("pg_event_trigger"),
    " UNION ALL ",
    catalogue!("pg_class", "o.relkind = 'f'"),
    " UNION ALL ",
    catalogue!("pg_foreign_data_wrapper"),
    " UNION ALL ",
    catalogue!("pg_foreign_server"),
    " UNION ALL ",
    catalogue!("pg_statistic_ext"),
    " UNION ALL ",
    catalogue!("pg_ts_config"),
    " UNION ALL ",
    catalogue!("pg_ts_dict"),
    " UNION ALL ",
    catalogue!("pg_ts_parser"),
    " UNION ALL ",
    catalogue!("pg_ts_template"),
    " UNION ALL ",
    catalogue!("pg_operator"),
    " UNION ALL ",
    catalogue!("pg_opclass"),
    " UNION ALL ",
    catalogue!(
        "pg_opfamily",
        "NOT EXISTS (SELECT FROM pg_opclass c WHERE c.opcfamily = o.oid AND c.opcname = o.opfname)"
    ),
    " UNION ALL ",
    catalogue!(
        "pg_cast",
        "NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = o.tableoid AND i.objid = o.oid AND i.deptype = 'i')"
    ),
    " UNION ALL ",
    catalogue!("pg_collation"),
    " UNION ALL ",
    catalogue!("pg_conversion"),
    " UNION ALL ",
    catalogue!("pg_transform"),
    " UNION ALL ",
    catalogue!("pg_language"),
    " UNION ALL ",
    catalogue!("pg_am"),
    " UNION ALL ",
    catalogue!("pg_publication"),
    " UNION ALL ",
    catalogue!(
        "pg_type",
        "(o.typtype = 'p' OR o.typtype = 'b' AND NOT EXISTS (SELECT FROM pg_type e WHERE e.typarray = o.oid))"
    ),
    ") u (class, id) CROSS JOIN LATERAL pg_identify_object(u.class, u.id, 0) i
WHERE i.schema IS NULL OR i.schema !~ '^pg_'
UNION ALL SELECT 'subscription ' || quote_ident(s.subname) FROM pg_subscription s
WHERE s.subdbid = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())"
);

/// The objects of kinds that [`introspect`](super::introspect) does not read, as `kind name`, sorted.
/// Members of extensions are not among them.
pub(crate) async fn not_covered(connection: &mut PgConnection) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(UNCOVERED).persistent(false).fetch_all(connection).await?;
    let mut names = rows.iter().map(|row| row.try_get(0)).collect::<Result<Vec<String>, _>>()?;
    names.sort_unstable();
    Ok(names)
}
