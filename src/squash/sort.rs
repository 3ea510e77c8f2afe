//! What each statement of a migration is when its module is squashed.
//!
//! What makes the schema is thrown away, since the dump makes it. What changes rows or rights is kept, in its
//! order. What is told only by running it, or reaches beyond the database, is left to a hand. The first words
//! decide; whether a kept statement still fits is found out by running it.

use crate::dialect::Dialect;
use crate::id::MigrationId;
use crate::migration::Script;
use crate::sql::{self, Boundary, TokenKind};

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// The dump makes what it makes.
    Schema,
    /// It leaves nothing behind.
    Nothing,
    /// It stands in the base.
    Kept,
    /// A person must look at it; why. What it does shows on a scratch database.
    Hand(String),
    /// A person must look at it; why. Nothing tells what it does: it runs on no scratch database, or no dump
    /// holds it.
    Beyond(String),
}

impl Fate {
    /// Why a person must look at it, if that is so.
    pub fn by_hand(&self) -> Option<&str> {
        match self {
            Self::Hand(why) | Self::Beyond(why) => Some(why),
            Self::Schema | Self::Nothing | Self::Kept => None,
        }
    }
}

/// A statement and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted {
    /// The migration in which it stands.
    pub from: MigrationId,
    /// Its file as it is shown.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// The statement, without its terminator.
    pub text: String,
    /// What becomes of it.
    pub fate: Fate,
}

/// What the first words say, before the rest of the migration is looked at.
enum First {
    Is(Fate),
    /// Rights: kept, and no setting matters to them.
    Rights,
    /// A setting of the session; it matters where data statements run under it.
    Setting,
}

/// The statements of a migration's text; the error is why it cannot be cut into statements.
pub fn sort(dialect: Dialect, id: &MigrationId, script: &Script) -> Result<Vec<Sorted>, String> {
    let statements = sql::split(dialect, &script.text).map_err(|error| error.to_string())?;
    let texts = statements.iter().map(|statement| &script.text[statement.span.clone()]);
    let firsts: Vec<First> = texts.map(|text| first(dialect, text)).collect();
    let has_data = firsts.iter().any(|first| matches!(first, First::Is(Fate::Kept)));
    let mut sorted = Vec::with_capacity(statements.len());
    for (statement, first) in statements.iter().zip(firsts) {
        let text = &script.text[statement.span.clone()];
        let fate = match first {
            First::Is(fate) => fate,
            First::Rights => Fate::Kept,
            First::Setting if has_data => {
                Fate::Hand(format!("the data statements of `{id}` ran under this setting"))
            }
            First::Setting => Fate::Nothing,
        };
        sorted.push(Sorted {
            from: id.clone(),
            path: script.path.to_string(),
            line: script.lines_before + statement.line,
            text: text.to_owned(),
            fate,
        });
    }
    Ok(sorted)
}

/// So many words of a statement are looked at, but for what looks for one anywhere.
const FEW: usize = 12;

fn words(dialect: Dialect, text: &str) -> Vec<String> {
    let tokens = sql::tokens(dialect, text).unwrap_or_default().into_iter();
    let words = tokens.filter(|token| token.kind == TokenKind::Word);
    words.map(|token| text[token.span].to_ascii_uppercase()).collect()
}

fn hand(why: &str) -> First {
    First::Is(Fate::Hand(why.to_owned()))
}

const TOLD_BY_RUNNING: &str = "what it does is told only by running it";

fn first(dialect: Dialect, text: &str) -> First {
    if let Some(what) = sql::beyond_database(dialect, text) {
        return First::Is(Fate::Beyond(format!("it reaches beyond its database: `{what}`")));
    }
    match sql::boundary(dialect, text) {
        Boundary::TransactionControl(_) => return First::Is(Fate::Nothing),
        Boundary::Client(what) => {
            return First::Is(Fate::Hand(format!("it needs the database's own client: `{what}`")));
        }
        Boundary::Ordinary | Boundary::NoTransaction(_) => {}
    }
    let words = words(dialect, text);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let few = &words[..words.len().min(FEW)];
    match few {
        ["CREATE", ..] => create(dialect, text, few),
        ["ALTER", "DEFAULT", "PRIVILEGES", ..] | ["GRANT" | "REVOKE" | "REASSIGN", ..] => First::Rights,
        ["ALTER", ..] => alter(&words),
        ["DROP", "OWNED", ..] => hand("what it drops depends on whose it is"),
        ["DROP" | "COMMENT" | "RENAME", ..] => First::Is(Fate::Schema),
        [
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "REPLACE" | "TRUNCATE" | "COPY" | "LOAD" | "REFRESH",
            ..,
        ] => First::Is(Fate::Kept),
        ["CLUSTER", .., "USING", _] => {
            First::Is(Fate::Beyond("a dump does not hold what it sets: `CLUSTER … USING`".to_owned()))
        }
        ["SET", "CONSTRAINTS", ..]
        | [
            "LOCK" | "UNLOCK" | "ANALYZE" | "VACUUM" | "REINDEX" | "CLUSTER" | "OPTIMIZE" | "CHECKPOINT"
            | "EXPLAIN" | "SHOW" | "NOTIFY" | "LISTEN" | "DEALLOCATE" | "CLOSE" | "CHECK" | "REPAIR",
            ..,
        ] => First::Is(Fate::Nothing),
        ["SET" | "RESET" | "DISCARD" | "USE", ..] => setting(few),
        ["PRAGMA", ..] => pragma(text),
        ["DO" | "CALL" | "EXECUTE" | "PREPARE" | "BEGIN" | "IF" | "DECLARE" | "HANDLER", ..] => {
            hand(TOLD_BY_RUNNING)
        }
        ["SELECT" | "WITH" | "VALUES", ..] => selects(dialect, text, &words),
        _ => hand("it was not understood"),
    }
}

fn create(dialect: Dialect, text: &str, words: &[&str]) -> First {
    if sql::creates_temporary(dialect, text) {
        return hand("what it makes lasts only as long as its session");
    }
    let things = ["TABLE", "VIEW", "INDEX", "FUNCTION", "PROCEDURE", "TRIGGER", "RULE", "EVENT", "POLICY"];
    let thing = words.iter().find(|word| things.contains(word));
    if thing == Some(&"TABLE") && sql::selects(dialect, text) {
        return hand("it makes a table and fills it: the base makes the table, and not its rows");
    }
    First::Is(Fate::Schema)
}

fn alter(words: &[&str]) -> First {
    let pair = |a: &str, b: &str| words.windows(2).any(|two| two == [a, b]);
    if pair("OWNER", "TO") && !words.contains(&"RENAME") {
        return First::Rights;
    }
    let unseen = [("SET", "STATISTICS"), ("SET", "STORAGE"), ("SET", "COMPRESSION"), ("CLUSTER", "ON")];
    if let Some((verb, what)) = unseen.iter().find(|(verb, what)| pair(verb, what)) {
        return First::Is(Fate::Beyond(format!("a dump does not hold what it sets: `{verb} {what}`")));
    }
    let restarts = words.get(1) == Some(&"SEQUENCE") && words.contains(&"RESTART");
    // `ALTER TABLE t AUTO_INCREMENT = 100` and nothing else
    let counts = words.contains(&"AUTO_INCREMENT") && words.len() <= 4;
    First::Is(if restarts || counts { Fate::Kept } else { Fate::Schema })
}

/// Settings that change nothing in what the statements behind them do to rows.
const HARMLESS: [&str; 18] = [
    "NAMES",
    "CHECK_FUNCTION_BODIES",
    "CLIENT_ENCODING",
    "CLIENT_MIN_MESSAGES",
    "STATEMENT_TIMEOUT",
    "LOCK_TIMEOUT",
    "LOCK_WAIT_TIMEOUT",
    "IDLE_IN_TRANSACTION_SESSION_TIMEOUT",
    "STANDARD_CONFORMING_STRINGS",
    "XMLOPTION",
    "ROW_SECURITY",
    "DEFAULT_TABLESPACE",
    "DEFAULT_TABLE_ACCESS_METHOD",
    "DEFAULT_WITH_OIDS",
    "FOREIGN_KEY_CHECKS",
    "UNIQUE_CHECKS",
    "SQL_NOTES",
    "CHARACTER_SET_CLIENT",
];

fn setting(words: &[&str]) -> First {
    let mut names = words.iter().skip(1).filter(|word| !matches!(**word, "SESSION" | "LOCAL" | "GLOBAL"));
    match names.next() {
        Some(name) if HARMLESS.contains(name) => First::Is(Fate::Nothing),
        _ => First::Setting,
    }
}

/// Two numbers of a file are kept in it; all else is of the session.
fn pragma(text: &str) -> First {
    let name = sql::is_pragma(text).unwrap_or_default();
    match name.as_str() {
        "user_version" | "application_id" if text.contains(['=', '(']) => First::Is(Fate::Kept),
        "foreign_keys" | "defer_foreign_keys" | "foreign_key_check" | "integrity_check"
        | "legacy_alter_table" => First::Is(Fate::Nothing),
        _ => First::Setting,
    }
}

/// A `SELECT` does something when it calls, a `WITH` also when it changes rows.
fn selects(dialect: Dialect, text: &str, words: &[&str]) -> First {
    if words.contains(&"SET_CONFIG") {
        return First::Setting;
    }
    let changes = ["INSERT", "UPDATE", "DELETE", "MERGE"].iter().any(|verb| words.contains(verb));
    if !changes && words.contains(&"INTO") {
        return hand("it makes a table and fills it: the base makes the table, and not its rows");
    }
    let tokens = sql::tokens(dialect, text).unwrap_or_default();
    let tokens: Vec<_> = tokens.iter().filter(|token| token.kind.is_significant()).collect();
    let calls = tokens.windows(2).any(|two| {
        let is_name = matches!(two[0].kind, TokenKind::Word | TokenKind::QuotedName);
        is_name && two[1].kind == TokenKind::OpenParen
    });
    let counts = words.windows(3).any(|three| three == ["NEXT", "VALUE", "FOR"]);
    First::Is(if changes || calls || counts { Fate::Kept } else { Fate::Nothing })
}

/// Whether a statement writes a table, as far as its text says.
pub fn may_write(dialect: Dialect, text: &str, table: &str) -> bool {
    let tokens = sql::tokens(dialect, text).unwrap_or_default();
    let name = table.rsplit('.').next().unwrap_or(table).trim_matches(['`', '"']);
    let is_name = |token: &sql::Token| {
        let text = text[token.span.clone()].trim_matches(['`', '"', '[', ']']);
        text.eq_ignore_ascii_case(name)
            || matches!(token.kind, TokenKind::Text) && text.to_lowercase().contains(&name.to_lowercase())
    };
    // what a routine does is not in the text that calls it
    let calls = ["CALL", "EXECUTE"].contains(&words(dialect, text).first().map_or("", String::as_str));
    calls || tokens.iter().any(is_name)
}

/// Words of functions that give another value each time.
const VARYING: [&str; 24] = [
    "NOW",
    "CURRENT_TIMESTAMP",
    "CURRENT_TIME",
    "CURRENT_DATE",
    "LOCALTIME",
    "LOCALTIMESTAMP",
    "CLOCK_TIMESTAMP",
    "STATEMENT_TIMESTAMP",
    "TRANSACTION_TIMESTAMP",
    "TIMEOFDAY",
    "SYSDATE",
    "CURDATE",
    "CURTIME",
    "UTC_TIMESTAMP",
    "UNIX_TIMESTAMP",
    "DATETIME",
    "STRFTIME",
    "UNIXEPOCH",
    "JULIANDAY",
    "RANDOM",
    "RAND",
    "RANDOMBLOB",
    "UUID",
    "GEN_RANDOM_UUID",
];

/// Whether a text names something that gives another value each time: then rows may differ from run to run.
pub fn can_vary(dialect: Dialect, text: &str) -> bool {
    let words = words(dialect, text);
    words.iter().any(|word| VARYING.contains(&word.as_str()) || word.starts_with("UUID_GENERATE"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(dialect: Dialect, text: &str) -> Vec<&'static str> {
        let sorted = sort(dialect, &"a::1_x".parse().unwrap(), &Script::new(text, "x.sql")).unwrap();
        let word = |fate: &Fate| match fate {
            Fate::Schema => "schema",
            Fate::Nothing => "nothing",
            Fate::Kept => "kept",
            Fate::Hand(_) => "hand",
            Fate::Beyond(_) => "beyond",
        };
        sorted.iter().map(|one| word(&one.fate)).collect()
    }

    #[test]
    fn first_words_decide() {
        for (text, wanted) in [
            ("CREATE TABLE t (a int)", "schema"),
            ("CREATE TABLE t AS SELECT 1 AS a", "hand"),
            ("CREATE VIEW v AS SELECT 1", "schema"),
            ("CREATE TEMP TABLE t (a int)", "hand"),
            ("CREATE INDEX CONCURRENTLY i ON t (a)", "schema"),
            ("ALTER TABLE t ADD b int", "schema"),
            ("ALTER TABLE t OWNER TO me", "kept"),
            ("ALTER TABLE t ALTER COLUMN a SET STATISTICS 500", "beyond"),
            ("ALTER TABLE t ALTER a SET STORAGE EXTERNAL", "beyond"),
            ("ALTER TABLE t CLUSTER ON i", "beyond"),
            ("CLUSTER t USING i", "beyond"),
            ("ALTER SEQUENCE s RESTART WITH 5", "kept"),
            ("WITH x AS (SELECT 1) INSERT INTO t SELECT * FROM x", "kept"),
            ("SELECT setval('s', 4)", "kept"),
            ("SELECT 1", "nothing"),
            ("SELECT a INTO u FROM t", "hand"),
            ("DO $$ BEGIN PERFORM 1; END $$", "hand"),
            ("CREATE ROLE r", "beyond"),
            ("GRANT SELECT ON t TO r", "kept"),
            ("SET search_path = x", "nothing"),
            ("VACUUM", "nothing"),
            ("SECURITY LABEL ON TABLE t IS 'x'", "hand"),
        ] {
            assert_eq!(fates(Dialect::Postgres, text), [wanted], "{text}");
        }
        assert_eq!(fates(Dialect::Sqlite, "PRAGMA user_version = 3"), ["kept"]);
        assert_eq!(fates(Dialect::MariaDb, "ALTER TABLE t AUTO_INCREMENT = 7"), ["kept"]);
        assert_eq!(fates(Dialect::MariaDb, "CALL p()"), ["hand"]);
        assert_eq!(fates(Dialect::MariaDb, "SELECT NEXT VALUE FOR s"), ["kept"]);
        // each is one by itself: it must run behind the others
        let two = "DELIMITER //\nINSERT INTO t VALUES (1); INSERT INTO t VALUES (2)//\n";
        assert_eq!(fates(Dialect::MariaDb, two), ["kept", "kept"]);
    }

    #[test]
    fn a_setting_matters_where_rows_are_changed_under_it() {
        let text = "SET search_path = x; INSERT INTO t VALUES (1); SET lock_timeout = 1;";
        assert_eq!(fates(Dialect::Postgres, text), ["hand", "kept", "nothing"]);
    }

    #[test]
    fn what_varies() {
        assert!(can_vary(Dialect::Sqlite, "INSERT INTO t VALUES (1, CURRENT_TIMESTAMP)"));
        assert!(!can_vary(Dialect::Sqlite, "INSERT INTO t VALUES (1, 'now')"));
    }
}
