//! PostgreSQL statements that cannot run inside a transaction, read from a real parse (squawk-syntax).
//!
//! It says which those are, and what one that was cut off may have left. What does not parse is `None`: then
//! the tokens decide (`effect`), so a gap in the grammar never reaches a user. What the database holds is
//! not known here.

use squawk_syntax::ast::{
    AlterTableAction, AstNode, CreateSubscription, DetachPartitionOption, DiscardTarget, PathRef,
    ReindexTarget, Stmt, TableRelationName,
};
use squawk_syntax::{SourceFile, SyntaxKind};

/// What a statement that cannot be in a transaction leaves behind it, so that it can be seen afterwards whether
/// it has happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trail {
    /// A new index of this table.
    Index {
        /// The table, as it is spelled.
        table: String,
        /// Its name, without quotes, if it is given one.
        name: Option<String>,
    },
    /// These indexes are gone.
    NoIndex {
        /// Their names, as they are spelled.
        names: Vec<String>,
    },
    /// New indexes in the place of old ones.
    Rebuilt,
    /// A table is no partition of another any more.
    Detached {
        /// The partitioned table, as it is spelled.
        table: String,
        /// The partition, as it is spelled.
        partition: String,
    },
    /// A database, tablespace or subscription is there, or gone.
    Cluster {
        /// The catalogue that lists it, and the column of its name.
        catalogue: (&'static str, &'static str),
        /// Its name, without quotes.
        name: String,
    },
}

/// Words of which one is in every statement that a transaction refuses.
const WORDS: [&str; 10] = [
    "concurrently",
    "vacuum",
    "database",
    "tablespace",
    "subscription",
    "system",
    "reindex",
    "cluster",
    "discard",
    "schema",
];

/// The single statement of a text, if it may be one that a transaction refuses and is understood whole.
fn parse(statement: &str) -> Option<Stmt> {
    let lower = statement.to_ascii_lowercase();
    if !WORDS.iter().any(|word| lower.contains(word)) {
        return None;
    }
    let parsed = SourceFile::parse(statement);
    if !parsed.errors().is_empty() {
        return None;
    }
    let mut statements = parsed.tree().stmts();
    let first = statements.next()?;
    statements.next().is_none().then_some(first)
}

/// What a parse says of a statement inside of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    /// PostgreSQL refuses it: this one.
    Refused(&'static str),
    /// It takes part.
    Ordinary,
    /// It is not understood, or has forms of both kinds, which its tokens tell apart.
    Unclear,
}

/// How a statement stands to a transaction around it.
pub(super) fn outside(statement: &str) -> Parsed {
    let refused_if = |what, refused: bool| if refused { Parsed::Refused(what) } else { Parsed::Ordinary };
    match parse(statement) {
        None | Some(Stmt::Cluster(_) | Stmt::AlterDatabase(_) | Stmt::AlterSubscription(_)) => {
            Parsed::Unclear
        }
        Some(Stmt::Vacuum(_)) => Parsed::Refused("VACUUM"),
        Some(Stmt::CreateDatabase(_)) => Parsed::Refused("CREATE DATABASE"),
        Some(Stmt::DropDatabase(_)) => Parsed::Refused("DROP DATABASE"),
        Some(Stmt::CreateTablespace(_)) => Parsed::Refused("CREATE TABLESPACE"),
        Some(Stmt::DropTablespace(_)) => Parsed::Refused("DROP TABLESPACE"),
        Some(Stmt::AlterSystem(_)) => Parsed::Refused("ALTER SYSTEM"),
        Some(Stmt::DropSubscription(_)) => Parsed::Refused("DROP SUBSCRIPTION"),
        Some(Stmt::CreateSubscription(create)) => refused_if("CREATE SUBSCRIPTION", makes_slot(&create)),
        Some(Stmt::CreateIndex(create)) => {
            refused_if("CREATE INDEX CONCURRENTLY", create.concurrently_token().is_some())
        }
        Some(Stmt::DropIndex(drop)) => {
            refused_if("DROP INDEX CONCURRENTLY", drop.concurrently_token().is_some())
        }
        Some(Stmt::Discard(discard)) => {
            refused_if("DISCARD ALL", matches!(discard.discard_target(), Some(DiscardTarget::DiscardAll(_))))
        }
        Some(Stmt::AlterTable(alter)) => {
            refused_if("DETACH PARTITION CONCURRENTLY", detached(&alter).is_some())
        }
        Some(Stmt::Reindex(reindex)) => match reindex.reindex_target() {
            Some(ReindexTarget::ReindexTargetSchema(_)) => Parsed::Refused("REINDEX SCHEMA"),
            Some(ReindexTarget::ReindexTargetDatabase(_)) => Parsed::Refused("REINDEX DATABASE"),
            Some(ReindexTarget::ReindexTargetSystem(_)) => Parsed::Refused("REINDEX SYSTEM"),
            _ => Parsed::Unclear,
        },
        Some(_) => Parsed::Ordinary,
    }
}

/// Whether a subscription makes a slot at the publisher, which it does unless it is told not to.
fn makes_slot(create: &CreateSubscription) -> bool {
    let options = create.with_params().map(|params| params.syntax().text().to_string().to_ascii_lowercase());
    let options = options.unwrap_or_default().replace([' ', '\'', '"'], "");
    let without = [
        "create_slot=false",
        "create_slot=off",
        "create_slot=0",
        "connect=false",
        "connect=off",
        "connect=0",
    ];
    !without.iter().any(|option| options.contains(option))
}

/// The table and its partition, where a statement detaches one concurrently.
fn detached(alter: &squawk_syntax::ast::AlterTable) -> Option<(String, String)> {
    let partition = alter.actions().find_map(|action| match action {
        AlterTableAction::DetachPartition(detach) => match detach.detach_partition_option() {
            Some(DetachPartitionOption::DetachConcurrently(_)) => detach.table_name_ref(),
            _ => None,
        },
        _ => None,
    })?;
    Some((table(alter.table_relation_name())?, spelled(partition.path_ref())?))
}

fn table(name: Option<TableRelationName>) -> Option<String> {
    spelled(name?.table_name_ref()?.path_ref())
}

fn spelled(path: Option<PathRef>) -> Option<String> {
    Some(path?.syntax().text().to_string().trim().to_owned())
}

const DATABASE: (&str, &str) = ("pg_database", "datname");
const TABLESPACE: (&str, &str) = ("pg_tablespace", "spcname");
const SUBSCRIPTION: (&str, &str) = ("pg_subscription", "subname");

/// What a statement outside of a transaction leaves behind; `None` where it may simply run again.
pub fn trail(statement: &str) -> Option<Trail> {
    let cluster = |catalogue, name: Option<String>| name.map(|name| Trail::Cluster { catalogue, name });
    let name = |text: Option<squawk_syntax::SyntaxToken>| text.map(|token| unquoted(token.text()));
    match parse(statement)? {
        Stmt::CreateIndex(create) => {
            create.concurrently_token()?;
            let path = create.index().and_then(|index| index.path());
            let name = path.map(|path| path.syntax().text().to_string().trim().to_owned());
            let name = name.map(|name| unquoted(&name));
            Some(Trail::Index { table: table(create.table_relation_name())?, name })
        }
        Stmt::DropIndex(drop) => {
            drop.concurrently_token()?;
            Some(Trail::NoIndex {
                names: drop.index_refs().filter_map(|index| spelled(index.path_ref())).collect(),
            })
        }
        Stmt::Reindex(_) => Some(Trail::Rebuilt),
        Stmt::AlterTable(alter) => {
            detached(&alter).map(|(table, partition)| Trail::Detached { table, partition })
        }
        Stmt::CreateDatabase(create) => cluster(DATABASE, name(create.database()?.ident_token())),
        Stmt::DropDatabase(drop) => cluster(DATABASE, name(drop.database_ref()?.ident_token())),
        Stmt::CreateTablespace(create) => cluster(TABLESPACE, name(create.tablespace()?.ident_token())),
        Stmt::DropTablespace(drop) => cluster(TABLESPACE, name(drop.tablespace_ref()?.ident_token())),
        Stmt::CreateSubscription(create) => cluster(SUBSCRIPTION, name(create.subscription()?.ident_token())),
        Stmt::DropSubscription(drop) => cluster(SUBSCRIPTION, name(drop.subscription_ref()?.ident_token())),
        _ => None,
    }
}

/// Whether a text uses a value of an enum in a way that shows the type: a cast to it, or a column of it with the
/// value in its definition. What a comparison or an INSERT means is known to the database only.
pub(crate) fn uses_enum_value(text: &str, type_name: &str, value: &str) -> bool {
    if !text.contains(value) {
        return false;
    }
    let tree = SourceFile::parse(text).tree();
    let shows_type = |kind| {
        matches!(
            kind,
            SyntaxKind::CAST_EXPR | SyntaxKind::COLUMN | SyntaxKind::COLUMN_DEF | SyntaxKind::ADD_COLUMN
        )
    };
    tree.syntax().descendants().filter(|node| shows_type(node.kind())).any(|node| {
        let mut next = node.first_token();
        let mut tokens = Vec::new();
        while let Some(token) = next.filter(|token| node.text_range().contains_range(token.text_range())) {
            next = token.next_token();
            tokens.push(token);
        }
        let names = tokens.iter().any(|token| unquoted(token.text()) == type_name);
        names && tokens.iter().any(|token| literal(token.text()).as_deref() == Some(value))
    })
}

/// What a string literal stands for; `None` for other tokens.
fn literal(token: &str) -> Option<String> {
    let inner = token.strip_prefix('\'')?.strip_suffix('\'')?;
    Some(inner.replace("''", "'"))
}

/// An identifier as the catalogue has it.
fn unquoted(name: &str) -> String {
    match name.strip_prefix('"').and_then(|name| name.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => name.to_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_transaction_refuses() {
        for (text, what) in [
            (
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t (a)",
                Some("CREATE INDEX CONCURRENTLY"),
            ),
            ("CREATE INDEX i ON concurrently (a)", None),
            ("DROP INDEX CONCURRENTLY IF EXISTS s.i", Some("DROP INDEX CONCURRENTLY")),
            ("vacuum (full, analyze) t", Some("VACUUM")),
            (
                "ALTER TABLE IF EXISTS ONLY t DETACH PARTITION p CONCURRENTLY",
                Some("DETACH PARTITION CONCURRENTLY"),
            ),
            ("ALTER TABLE t DETACH PARTITION p", None),
            ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p WITH (connect = false)", None),
            ("CREATE SUBSCRIPTION s CONNECTION 'x' PUBLICATION p", Some("CREATE SUBSCRIPTION")),
            ("CREATE TABLE vacuum_log (database text, discard bool)", None),
            ("REFRESH MATERIALIZED VIEW CONCURRENTLY m", None),
            ("DISCARD ALL", Some("DISCARD ALL")),
            ("DISCARD PLANS", None),
            ("ALTER SYSTEM SET work_mem = '1MB'", Some("ALTER SYSTEM")),
            ("REINDEX SCHEMA s", Some("REINDEX SCHEMA")),
        ] {
            let expected = what.map_or(Parsed::Ordinary, Parsed::Refused);
            assert!(outside(text) == expected || (what.is_none() && parse(text).is_none()), "{text}");
        }
        assert_eq!(outside("CREATE INDEX CONCURRENTLY (("), Parsed::Unclear);
    }

    #[test]
    fn uses_of_an_enum_value() {
        for (text, uses) in [
            ("UPDATE t SET mood = 'new'::s.mood", true),
            ("SELECT CAST('new' AS mood)", true),
            ("ALTER TABLE t ADD COLUMN m mood NOT NULL DEFAULT 'new'", true),
            ("CREATE TABLE u (id int, m \"mood\" DEFAULT 'new')", true),
            ("CREATE TABLE u (id int, m mood DEFAULT 'old', n text DEFAULT 'new')", false),
            ("INSERT INTO t VALUES ('new')", false),
            ("SELECT 'new'::text", false),
            ("SELECT 1 -- 'new'::mood", false),
        ] {
            assert_eq!(uses_enum_value(text, "mood", "new"), uses, "{text}");
        }
    }

    #[test]
    fn what_it_leaves() {
        let index = |table: &str, name: Option<&str>| {
            Some(Trail::Index { table: table.to_owned(), name: name.map(str::to_owned) })
        };
        assert_eq!(trail("CREATE INDEX CONCURRENTLY i ON t (a)"), index("t", Some("i")));
        assert_eq!(
            trail("CREATE INDEX CONCURRENTLY ON \"S\".\"t x\" USING gin (a)"),
            index("\"S\".\"t x\"", None)
        );
        assert_eq!(trail("CREATE INDEX i ON t (a)"), None);
        let names = vec!["s.i".to_owned(), "j".to_owned()];
        assert_eq!(trail("DROP INDEX CONCURRENTLY s.i, j"), Some(Trail::NoIndex { names }));
        let (table, partition) = ("t".to_owned(), "s.p".to_owned());
        assert_eq!(
            trail("ALTER TABLE t DETACH PARTITION s.p CONCURRENTLY"),
            Some(Trail::Detached { table, partition })
        );
        let (catalogue, name) = (("pg_database", "datname"), "A\"b".to_owned());
        assert_eq!(trail("CREATE DATABASE \"A\"\"b\""), Some(Trail::Cluster { catalogue, name }));
        assert_eq!(trail("VACUUM"), None);
    }
}
