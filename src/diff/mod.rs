//! The statements that make one schema of another.
//!
//! Both schemas are values that a database of the same kind has described, so their texts are spelled
//! alike; what is the same is what the [check](crate::drift) calls the same. Each database has a generator
//! of its own beside this file, with one door: `script`. A generator drops whatever is not wanted any
//! more; what that would lose is known to [`losses`], and [`retain`] keeps it.
//!
//! Renames are not seen here: whoever has decided on them carries them out first ([`rename`]), and asks
//! for the rest of the way.

use crate::dialect::Dialect;
use crate::schema::Schema;

mod loss;
mod mix;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(any(feature = "mysql", feature = "sqlite"))]
mod parts;
#[cfg(feature = "postgres")]
mod postgres;
pub mod rename;
pub mod rows;
#[cfg(feature = "sqlite")]
mod sqlite;
mod text;
mod was;

pub use loss::{Loss, losses, retain};
pub use mix::mix;
pub use was::said;

pub(crate) use text::{Word, clauses, mentions, qualified, quoted, unquoted, words};

/// One statement of a migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Its text, the semicolon included.
    pub sql: String,
    /// It must be the only statement of a migration that runs outside of a transaction.
    pub alone: bool,
}

impl Step {
    /// A statement that may stand among others.
    pub fn new(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), alone: false }
    }

    /// One that may not.
    pub fn alone(sql: impl Into<String>) -> Self {
        Self { sql: sql.into(), alone: true }
    }
}

/// The way from one schema to another.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Script {
    /// The statements in their order.
    pub steps: Vec<Step>,
    /// Differences that no statement takes away, one line each.
    pub not_generated: Vec<String>,
    /// What rows can make of it: where it fails, or what must be filled in before. One line each.
    pub hints: Vec<String>,
    /// A rebuild of a table needs foreign keys to be off (SQLite).
    pub foreign_keys_off: bool,
}

impl Script {
    /// Whether there is nothing to do and nothing to say.
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty() && self.not_generated.is_empty()
    }
}

/// How the statements are to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Nothing that keeps others from reading or writing for as long as a table is long (PostgreSQL).
    pub online: bool,
}

/// The way from `from` to `to`; what is no longer wanted is dropped, rows and all.
pub fn script(dialect: Dialect, from: &Schema, to: &Schema, style: Style) -> Script {
    match dialect {
        #[cfg(feature = "mysql")]
        Dialect::MariaDb | Dialect::MySql => mysql::script(dialect, from, to),
        #[cfg(feature = "postgres")]
        Dialect::Postgres => postgres::script(from, to, style),
        #[cfg(feature = "sqlite")]
        Dialect::Sqlite => sqlite::script(from, to),
        #[expect(clippy::allow_attributes, reason = "which arm is left depends on the features")]
        #[allow(unreachable_patterns)]
        _ => {
            let _ = (from, to, style);
            Script::default()
        }
    }
}

/// Whether a statement drops the object of this name, or a constraint of it; names as in
/// [`crate::schema::Object::name`].
pub fn drops(dialect: Dialect, statement: &str, name: &str) -> bool {
    let words = text::words(dialect, statement);
    let last = match dialect {
        Dialect::Postgres => {
            let base = name.split('(').next().unwrap_or(name);
            text::unquoted(base.rsplit('.').next().unwrap_or(base))
        }
        _ => name.to_owned(),
    };
    let is_last = |word: &text::Word<'_>| text::unquoted(word.text) == last;
    if words.first().is_some_and(|word| word.is_outer(&["DROP"])) {
        return words.iter().any(is_last);
    }
    let drops_it = |three: &[text::Word<'_>]| {
        three[0].is_outer(&["DROP"])
            && (is_last(&three[1]) || is_last(&three[2]))
            && !three[1].is_outer(&["COLUMN"])
    };
    words.windows(3).any(drops_it)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_drops_what() {
        let drops = |statement, name| drops(Dialect::Postgres, statement, name);
        assert!(drops("DROP VIEW public.hv;", "public.hv"));
        assert!(drops("ALTER TABLE public.hand\n    DROP CONSTRAINT k;", "public.hand.k"));
        assert!(!drops("ALTER TABLE public.t DROP COLUMN hv;", "public.hv"));
        assert!(!drops("CREATE VIEW public.hv AS SELECT 'DROP';", "public.hv"));
    }
}
