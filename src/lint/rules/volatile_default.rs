//! `volatile-default`: a new column whose value differs from row to row: each row is written.

use super::{EVERY, Rule};
use crate::config::Severity;
use crate::dialect::Dialect;
use crate::lint::draft::Draft;
use crate::lint::look::Look;
use crate::sql::{Act, What};

pub(super) const RULE: Rule = Rule {
    name: "volatile-default",
    about: "a new column is computed for every row",
    severity: Severity::Error,
    dialects: EVERY,
    squawk: &[],
    timed: true,
    find,
};

fn find(look: &Look<'_>) -> Vec<Draft> {
    look.acts().filter_map(|at| of(look, at)).collect()
}

fn of(look: &Look<'_>, at: (usize, &Act)) -> Option<Draft> {
    let What::AddColumn { table, column, .. } = &at.1.what else { return None };
    if look.is_new(table) {
        return None;
    }
    let name = &column.name;
    if column.counts && look.is_postgres() {
        return Some(
            Draft::new(at, format!("`{table}.{name}` numbers every row: that writes the table anew, and nobody can use it meanwhile"))
                .help("add a column without a default, a sequence for new rows, and fill the old ones in portions"),
        );
    }
    if column.stored && look.dialect != Dialect::Sqlite {
        return Some(
            Draft::new(
                at,
                format!("`{table}.{name}` is computed and stored for every row: that writes the table anew"),
            )
            .help("add a plain column, fill it in portions, and keep it by a trigger or in the application"),
        );
    }
    let default = column.default.as_ref().filter(|_| column.computed_default)?;
    let slow = match look.dialect {
        Dialect::Sqlite => is_refused(default),
        Dialect::Postgres => is_volatile(default),
        Dialect::MariaDb | Dialect::MySql => !is_now(default),
    };
    let (what, help) = if look.dialect == Dialect::Sqlite {
        (
            "is no constant: SQLite refuses it on a table with rows",
            "add the column without a default, and update the rows",
        )
    } else {
        (
            "differs from row to row: that writes the table anew",
            "add the column without it, `SET DEFAULT` for new rows, and fill the old ones in portions",
        )
    };
    let fails = look.dialect == Dialect::Sqlite;
    let message = format!("the default `{default}` of `{table}.{name}` {what}");
    slow.then(|| Draft::new(at, message).failing(fails).help(help))
}

const NOW: &[&str] =
    &["current_timestamp", "current_date", "current_time", "localtimestamp", "localtime", "now"];

/// Whether it is the time of the statement, the same for all rows.
fn is_now(default: &str) -> bool {
    let words = default.trim_matches(|c| matches!(c, '(' | ')' | ' '));
    let word = words.split(['(', ':', ' ']).next().unwrap_or_default();
    NOW.contains(&word) || word == "curdate" || word == "curtime"
}

/// Functions of PostgreSQL and its usual extensions that give each row another value.
const VOLATILE: &[&str] = &[
    "random",
    "random_normal",
    "gen_random_uuid",
    "gen_random_bytes",
    "gen_salt",
    "uuidv4",
    "uuidv7",
    "clock_timestamp",
    "timeofday",
    "nextval",
    "currval",
    "lastval",
    "setval",
    "pg_sleep",
];

/// Beginnings of the names of functions that make keys.
const MAKERS: &[&str] =
    &["uuid_generate_", "gen_ulid", "generate_ulid", "ulid_generate", "nanoid", "gen_random_"];

/// Whether it calls a function that is known to give each row another value. Of others nothing is known here.
fn is_volatile(default: &str) -> bool {
    let outside = default.split('\'').step_by(2);
    let mut names = outside.flat_map(|text| text.split(|c: char| !c.is_alphanumeric() && c != '_'));
    names.any(|name| VOLATILE.contains(&name) || MAKERS.iter().any(|maker| name.starts_with(maker)))
}

/// SQLite takes constants and, on an empty table only, the time.
fn is_refused(default: &str) -> bool {
    default.starts_with('(') || is_now(default)
}
