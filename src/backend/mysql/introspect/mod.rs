//! Reads the schema of a MariaDB or MySQL database as blocks of (kind, name, definition).
//!
//! Which objects there are says `information_schema`, in one message; what they are says `SHOW
//! CREATE`, many in a message, since round trips rule. Nothing is set and nothing commits, so it may
//! run inside an open XA transaction; it is not a snapshot, as DDL of others is not held back.
//!
//! The session must have a `sql_mode` without `ANSI_QUOTES` and others that change what `SHOW CREATE`
//! prints (the server's default has none of them), `sql_quote_show_create` on, and `SET NAMES utf8mb4`.
//! An object that the session may not read is found by [`not_covered`], if the server lists it at all.
//!
//! What the server does not keep is not known: the order of two triggers is in the order of the
//! blocks only; a trigger's text may name its own database, where it did when it was made; an event
//! altered to another schedule starts when it was altered. The character sets under which a body was
//! made are taken to be the session's.

mod bytes;
mod definition;
mod listing;
mod show;
mod uncovered;

use std::collections::HashMap;

use sqlx::MySqlConnection;

use crate::dialect::Dialect;
use crate::schema::{Kind, Object, Schema, order};
use crate::sql;

use listing::{Entry, Listing};

pub(crate) use uncovered::not_covered;

/// The rules by which texts are read: MariaDB's; where MySQL's differ, neither prints it.
const DIALECT: Dialect = Dialect::MariaDb;

/// The schema of the connection's database, without the tables named in `leave_out` and their triggers.
///
/// The definitions load in order under `foreign_key_checks = 0`.
pub(crate) async fn introspect(
    connection: &mut MySqlConnection,
    leave_out: &[&str],
) -> Result<Schema, sqlx::Error> {
    let mut listing = listing::list(connection).await?;
    listing.entries.retain(|entry| !leave_out.contains(&entry.table.as_deref().unwrap_or_default()));
    let blocks = read(connection, &listing).await?;
    let blocks: Vec<_> = blocks.into_iter().filter_map(|(entry, object)| Some((entry, object?))).collect();
    let keys: Vec<_> = blocks.iter().map(|(entry, _)| (entry.kind, entry.name.as_str())).collect();
    let edges = edges(&listing.database, &blocks);
    let order = order(&keys, &edges);
    Ok(Schema::ordered(blocks.into_iter().map(|(_, object)| object).collect(), &order, &edges))
}

/// Every entry with its object, or nothing where it cannot be read.
async fn read<'l>(
    connection: &mut MySqlConnection,
    listing: &'l Listing,
) -> Result<Vec<(&'l Entry, Option<Object>)>, sqlx::Error> {
    let shown = show::show(connection, &listing.entries).await?;
    let object = |(entry, shown): (&'l Entry, Option<show::Shown>)| {
        let definition = shown.and_then(|shown| definition::definition(entry, &shown, listing));
        let object = |definition| Object { kind: entry.kind, name: entry.name.clone(), definition };
        (entry, definition.map(object))
    };
    Ok(listing.entries.iter().zip(shown).map(object).collect())
}

/// What must come after what, by places: views after those that they select from, and a trigger
/// after the one that runs before it.
fn edges(database: &str, blocks: &[(&Entry, Object)]) -> Vec<(usize, usize)> {
    let is = |kind| move |block: &(usize, &(&Entry, Object))| block.1.0.kind == kind;
    let views: HashMap<_, _> = blocks
        .iter()
        .enumerate()
        .filter(is(Kind::View))
        .map(|(at, view)| (view.0.name.as_str(), at))
        .collect();
    let mut edges = Vec::new();
    for (at, (_, view)) in blocks.iter().enumerate().filter(is(Kind::View)) {
        let sources = sql::sources(DIALECT, &view.definition, database);
        edges.extend(sources.iter().filter_map(|name| Some((at, *views.get(name.as_str())?))));
    }
    let triggers: Vec<_> = blocks.iter().enumerate().filter(is(Kind::Trigger)).collect();
    let pairs = triggers.windows(2).filter(|pair| pair[0].1.0.table == pair[1].1.0.table);
    edges.extend(pairs.map(|pair| (pair[1].0, pair[0].0)));
    edges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn views_and_triggers_wait_for_others() {
        let entry = |kind, name: &str, table: Option<&str>| Entry {
            kind,
            name: name.to_owned(),
            table: table.map(str::to_owned),
            starts_implicitly: false,
        };
        let entries = [
            entry(Kind::View, "a", None),
            entry(Kind::View, "b", None),
            entry(Kind::Trigger, "z", Some("t")),
            entry(Kind::Trigger, "y", Some("t")),
            entry(Kind::Trigger, "x", Some("u")),
        ];
        let texts = [
            "CREATE VIEW `a` AS select `b`.`a` AS `a` from (`b` join `t`)",
            "CREATE VIEW `b` AS select 1 AS `a`",
            "",
            "",
            "",
        ];
        let object = |(entry, text): (&Entry, &str)| Object {
            kind: entry.kind,
            name: entry.name.clone(),
            definition: text.to_owned(),
        };
        let blocks: Vec<_> = entries.iter().zip(texts).map(|pair| (pair.0, object(pair))).collect();
        assert_eq!(edges("db", &blocks), [(0, 1), (3, 2)]);
    }
}
