//! Reads the schema of a PostgreSQL database (13 or newer) as blocks of (kind, name, definition).
//!
//! Everything is asked in one message: each file beside this one holds the text of a query for one
//! group of kinds, and all of them answer with rows of the same seven columns (see [`Row`]), told
//! apart by the first. So the number of round trips is one, whatever the number of objects, and the
//! whole message is one transaction (an implicit one where none is open), in which the settings
//! that shape the texts hold: outside of it they never existed, in an open transaction the last
//! query of the message puts back what was there. Should a query fail, the transaction is over in
//! both cases, and the settings with it.
//!
//! The definitions are fully qualified, so they load under any search path, with
//! `check_function_bodies` off. An empty path is not the best: an index on a function whose body
//! names something without its schema cannot be made under it (`pg_restore` fails there, too).
//!
//! Only catalogues and functions are read that every role may read. Nothing is told apart by OID,
//! and nothing sorted by a collation of the database: equal objects give an equal text everywhere.

use std::collections::HashSet;

use futures_util::TryStreamExt;
use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Either, PgConnection, Row as _};

use crate::schema::{Kind, Object, Schema, order};

use depend::{Address, Dependencies};
use spelling::cast_elements;

/// The condition that a schema (alias of `pg_namespace`) is not the server's own.
macro_rules! user_schema {
    ($namespace:literal) => {
        concat!($namespace, ".nspname !~ '^pg_' AND ", $namespace, ".nspname <> 'information_schema'")
    };
}

/// The condition that an object (alias of its catalogue) came after `initdb` and not by an extension.
macro_rules! own_object {
    ($object:literal) => {
        concat!(
            $object,
            ".oid >= 16384 AND NOT EXISTS (SELECT FROM pg_depend x WHERE x.classid = ",
            $object,
            ".tableoid AND x.objid = ",
            $object,
            ".oid AND x.deptype = 'e')"
        )
    };
}

mod aggregates;
mod comments;
mod depend;
mod foreign_keys;
mod indexes;
mod namespaces;
mod policies;
mod routines;
mod sequences;
mod settings;
mod spelling;
mod tables;
mod triggers;
mod types;
mod uncovered;
mod views;

pub(crate) use uncovered::not_covered;

/// The message, query by query. The first and the last two set and restore the settings.
const QUERIES: [&str; 24] = [
    settings::SAVE,
    settings::SET,
    namespaces::SCHEMAS,
    namespaces::EXTENSIONS,
    types::ENUMS,
    types::COMPOSITES,
    types::RANGES,
    types::DOMAINS,
    sequences::SEQUENCES,
    sequences::OWNERS,
    routines::ROUTINES,
    aggregates::AGGREGATES,
    tables::TABLES,
    views::VIEWS,
    views::MATERIALIZED_VIEWS,
    indexes::INDEXES,
    triggers::TRIGGERS,
    triggers::RULES,
    policies::POLICIES,
    foreign_keys::FOREIGN_KEYS,
    comments::COMMENTS,
    depend::PARTS,
    depend::EDGES,
    settings::RESTORE,
];

/// The tag of a row that says what an object is a part of.
const PART: &str = "part";

/// The tag of a row that says what an object depends on.
const EDGE: &str = "edge";

/// Reads the schema of the connected database, also inside an open transaction (sees uncommitted objects).
///
/// Tables named in `leave_out` (without a schema) are left out of every schema, together with all
/// that belongs to them. A query that fails aborts an open transaction, as any statement does.
pub(crate) async fn introspect(
    connection: &mut PgConnection,
    leave_out: &[&str],
) -> Result<Schema, sqlx::Error> {
    let mut blocks = Vec::new();
    let mut dependencies = Dependencies::default();
    let mut results = sqlx::raw_sql(AssertSqlSafe(QUERIES.join(";\n"))).fetch_many(connection);
    while let Some(result) = results.try_next().await? {
        let Either::Right(row) = result else { continue };
        let Some(row) = Row::read(&row)? else { continue };
        match row.tag.as_str() {
            PART => dependencies.part(row.address, row.other),
            EDGE => dependencies.edge(row.address, row.other),
            tag => {
                if let (Some(kind), Some(name), Some(definition)) =
                    (Kind::from_name(tag), row.name, row.definition)
                {
                    let definition = if is_deparsed(kind) { cast_elements(&definition) } else { definition };
                    let object = Object { kind, name, definition };
                    blocks.push(Block { address: row.address, relation: row.other.1, object });
                }
            }
        }
    }
    let blocks = dependencies.only_comments_on(belonging(blocks, leave_out));
    let edges = dependencies.between(&blocks);
    let keys: Vec<_> = blocks.iter().map(|block| (block.object.kind, block.object.name.as_str())).collect();
    let order = order(&keys, &edges);
    Ok(Schema::ordered(blocks.into_iter().map(|block| block.object).collect(), &order, &edges))
}

/// A row of any of the queries: `(tag, class, id, other class, other id, name, definition)`.
///
/// The tag is the name of a [`Kind`], [`PART`] or [`EDGE`]. The address is the catalogue that the
/// object stands in and its OID there. What the other address means, the tag says: for a kind, the
/// relation to which the object belongs, or none (0); else the object that this one is part of, or
/// depends on.
struct Row {
    tag: String,
    address: Address,
    other: Address,
    name: Option<String>,
    definition: Option<String>,
}

impl Row {
    /// Nothing for the one-column rows of the settings.
    fn read(row: &PgRow) -> Result<Option<Self>, sqlx::Error> {
        if row.len() == 1 {
            return Ok(None);
        }
        let described = row.len() > 5;
        Ok(Some(Self {
            tag: row.try_get(0)?,
            address: (row.try_get(1)?, row.try_get(2)?),
            other: (row.try_get(3)?, row.try_get(4)?),
            name: if described { row.try_get(5)? } else { None },
            definition: if described { row.try_get(6)? } else { None },
        }))
    }
}

/// Whether the definition is written from parsed expressions, with nothing that a person wrote in it.
fn is_deparsed(kind: Kind) -> bool {
    use Kind::{Domain, Index, MaterializedView, Policy, Rule, Table, Trigger, View};
    matches!(kind, Domain | Table | View | MaterializedView | Index | Trigger | Rule | Policy)
}

/// An object with its place in the catalogues.
struct Block {
    address: Address,
    /// The OID of the table or view to which it belongs (an index, a trigger), else 0.
    relation: i64,
    object: Object,
}

/// Without the tables to be left out, and without what belongs to a relation that is not there
/// (theirs, an extension's, a foreign table's).
fn belonging(mut blocks: Vec<Block>, leave_out: &[&str]) -> Vec<Block> {
    let endings: Vec<_> = leave_out
        .iter()
        .flat_map(|name| [format!(".{name}"), format!(".\"{}\"", name.replace('"', "\"\""))])
        .collect();
    blocks.retain(|block| {
        block.object.kind != Kind::Table || !endings.iter().any(|ending| block.object.name.ends_with(ending))
    });
    let relations: HashSet<_> = blocks
        .iter()
        .filter(|block| matches!(block.object.kind, Kind::Table | Kind::View | Kind::MaterializedView))
        .map(|block| block.address.1)
        .collect();
    blocks.retain(|block| block.relation == 0 || relations.contains(&block.relation));
    blocks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(kind: Kind, id: i64, relation: i64, name: &str) -> Block {
        let object = Object { kind, name: name.to_owned(), definition: ";".to_owned() };
        Block { address: (1, id), relation, object }
    }

    #[test]
    fn a_table_is_left_out_with_its_own() {
        let blocks = vec![
            block(Kind::Table, 1, 0, "public.db_migrations"),
            block(Kind::Table, 2, 0, "s.\"Odd\"\"One\""),
            block(Kind::Table, 3, 0, "public.my_db_migrations"),
            block(Kind::View, 4, 0, "s.db_migrations"),
            block(Kind::Index, 5, 1, "public.a"),
            block(Kind::Index, 6, 3, "public.b"),
            block(Kind::Trigger, 7, 9, "public.foreign_table.t"),
        ];
        let left: Vec<_> = belonging(blocks, &["db_migrations", "Odd\"One"])
            .into_iter()
            .map(|block| block.object.name)
            .collect();
        assert_eq!(left, ["public.my_db_migrations", "s.db_migrations", "public.b"]);
    }
}
