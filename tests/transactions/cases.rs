//! The bodies: those of `tests/cases/transaction_control/`, and each keyword in each hiding place.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use db_migrations::dialect::Dialect;
use db_migrations::sql::{self, Boundary};

use crate::support::database::Db;

/// What a body is; `tests/cases/transaction_control/postgres.txt` says what each means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Class {
    Control,
    Hidden,
    Fails,
    Alone,
    Unreadable,
    Client,
    Otherwise,
    Harmless,
}

#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) class: Class,
    pub(crate) body: String,
}

/// How the lexer sees a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Control,
    Alone,
    Unreadable,
    Client,
    Otherwise,
    Nothing,
}

impl Case {
    pub(crate) fn seen(&self, dialect: Dialect) -> Seen {
        let Ok(statements) = sql::split(dialect, &self.body) else { return Seen::Unreadable };
        let kinds: Vec<Boundary> =
            statements.iter().map(|s| sql::boundary(dialect, &self.body[s.span.clone()])).collect();
        let has = |wanted: fn(&Boundary) -> bool| kinds.iter().any(wanted);
        if has(|kind| matches!(kind, Boundary::TransactionControl(_))) {
            Seen::Control
        } else if has(|kind| matches!(kind, Boundary::NoTransaction(_))) {
            Seen::Alone
        } else if has(|kind| matches!(kind, Boundary::Client(_))) {
            Seen::Client
        } else if sql::reads_otherwise(dialect, &self.body, &statements, &BTreeMap::new()).is_some() {
            Seen::Otherwise
        } else {
            Seen::Nothing
        }
    }
}

pub(crate) fn dialect(db: &Db) -> Dialect {
    match db.dialect() {
        "sqlite" => Dialect::Sqlite,
        "mariadb" => Dialect::MariaDb,
        _ => Dialect::Postgres,
    }
}

/// All bodies for a database; each name is there once.
pub(crate) fn all(dialect: Dialect) -> Vec<Case> {
    let mut cases = written(dialect);
    cases.extend(combined(dialect));
    let mut names: Vec<&str> = cases.iter().map(|case| case.name.as_str()).collect();
    names.sort_unstable();
    names.windows(2).for_each(|pair| assert_ne!(pair[0], pair[1]));
    cases
}

fn written(dialect: Dialect) -> Vec<Case> {
    let name = match dialect {
        Dialect::Postgres => "postgres",
        Dialect::Sqlite => "sqlite",
        Dialect::MariaDb | Dialect::MySql => "mariadb",
    };
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/cases/transaction_control/{name}.txt"));
    let text = fs::read_to_string(path).unwrap().replace('\r', "").replace("⟨CR⟩", "\r");
    text.split("\n=== ").skip(1).map(read).collect()
}

fn read(block: &str) -> Case {
    let (head, body) = block.split_once('\n').unwrap();
    let (name, class) = head.split_once(" | ").unwrap();
    let class = match class {
        "control" => Class::Control,
        "hidden" => Class::Hidden,
        "fails" => Class::Fails,
        "alone" => Class::Alone,
        "unreadable" => Class::Unreadable,
        "client" => Class::Client,
        "otherwise" => Class::Otherwise,
        "harmless" => Class::Harmless,
        other => panic!("`{other}` is no class"),
    };
    Case { name: name.to_owned(), class, body: body.trim_end_matches('\n').to_owned() }
}

/// Each keyword in each hiding place.
fn combined(dialect: Dialect) -> Vec<Case> {
    let (keywords, more): (&[&str], &[(&str, &str)]) = match dialect {
        Dialect::Postgres => (
            &["COMMIT", "END", "ROLLBACK", "ABORT", "BEGIN", "START TRANSACTION", "SAVEPOINT a"],
            &[
                ("behind nested comments", "/* ' /* ; */ \" */ {}"),
                ("behind a comment that a lone CR ends", "-- ; \r{}"),
                ("behind a dollar quote", "SELECT $q$ ' ; -- $q$; {}"),
                ("behind an escape string", "SELECT E'\\'; --'; {}"),
            ],
        ),
        Dialect::Sqlite => (
            &["COMMIT", "END", "ROLLBACK", "BEGIN", "SAVEPOINT a"],
            &[
                ("behind brackets", "SELECT 1 AS [' ; --]; {}"),
                ("behind a trigger", "CREATE TRIGGER g AFTER INSERT ON kept BEGIN SELECT ';'; END; {}"),
            ],
        ),
        Dialect::MariaDb | Dialect::MySql => (
            &["COMMIT", "ROLLBACK", "BEGIN", "START TRANSACTION", "SAVEPOINT a", "SET autocommit=0"],
            &[
                ("behind a number sign", "# ' ; \n{}"),
                ("in an executed comment", "/*! {} */"),
                ("behind an escaped quote", "SELECT '\\'; --'; {}"),
            ],
        ),
    };
    let places = [
        ("bare", "{}"),
        ("in lower case", "{l}"),
        ("behind a comment", "/* ; ' */ {}"),
        ("behind a line comment", "-- ; ' \n{}"),
        ("between comments", "/**/{}/* x */"),
        ("behind semicolons", ";;;{}"),
        ("behind a string", "SELECT 'it''s; --'; {}"),
        ("with line breaks of Windows", "\r\n\t{}\r\n"),
    ];
    let mut cases = Vec::new();
    for keyword in keywords {
        for (place, body) in places.iter().chain(more) {
            let body = body.replace("{}", keyword).replace("{l}", &keyword.to_lowercase());
            cases.push(Case { name: format!("{keyword} {place}"), class: Class::Control, body: body + ";" });
        }
    }
    cases
}
