//! What a migration says about itself: `-- db-migrations: WORD …` lines before its first statement.
//!
//! An unknown word, a missing argument or a line that stands too late is an error: a directive that
//! is silently passed over would run a migration in a way its author did not mean. Directives of
//! other tools that belong to a file format (goose's, dbmate's) are read with that format; only
//! sqlx's `-- no-transaction`, whose layout is our own, is known here. The ids that are named need
//! not exist.

mod comments;

use std::collections::BTreeMap;
use std::ops::Range;
use std::str::FromStr;

use crate::diagnostic::nearest;
use crate::dialect::Dialect;
use crate::id::{IdError, MigrationId};
use crate::migration::{Allow, Former, Phase};
use comments::{Comment, comments, leading_comments};

/// The directives of one migration text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Directives {
    /// The text must run outside of a transaction.
    pub no_transaction: bool,
    /// Migrations that must come first.
    pub depends_on: Vec<MigrationId>,
    /// Migrations that it stands for.
    pub replaces: Vec<Former>,
    /// When it may run in a deploy.
    pub phase: Phase,
    /// Migrations whose old side it takes away.
    pub contract_of: Vec<MigrationId>,
    /// It may run again, for rows that old code has changed in between.
    pub catch_up: bool,
    /// Lint rules that it is excused from.
    pub allow: Vec<Allow>,
    /// The foreign key mode that it asks for (SQLite).
    pub foreign_keys: Option<bool>,
    /// Settings of its session: name → value.
    pub session: BTreeMap<String, String>,
}

/// Why a directive cannot be followed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DirectiveErrorKind {
    /// Nothing stands behind the colon.
    #[error("a directive is missing after `db-migrations:`")]
    Missing,
    /// There is no such directive.
    #[error("unknown directive `{word}`")]
    Unknown {
        /// What was written.
        word: String,
        /// The known word that is near to it.
        nearest: Option<&'static str>,
    },
    /// The directive needs an argument.
    #[error("`{directive}` needs {expected}")]
    MissingArgument {
        /// The directive.
        directive: &'static str,
        /// What it takes.
        expected: &'static str,
    },
    /// The argument is none that the directive takes.
    #[error("`{directive}` takes {expected}, not `{given}`")]
    Argument {
        /// The directive.
        directive: &'static str,
        /// What it takes.
        expected: &'static str,
        /// What was written.
        given: String,
    },
    /// The argument is not a migration's id.
    #[error("`{given}` is not the id of a migration: {error}")]
    Id {
        /// What was written.
        given: String,
        /// What is wrong with it.
        error: IdError,
    },
    /// The directive stands a second time and says something else.
    #[error("`{directive}` is said twice, with different arguments")]
    Contradiction {
        /// The directive.
        directive: &'static str,
    },
    /// Two directives do not go together.
    #[error("`{directive}` does not go with `{other}`")]
    Unfit {
        /// The one.
        directive: &'static str,
        /// The other.
        other: &'static str,
    },
    /// A statement stands before it.
    #[error("a directive must stand before the first statement")]
    Misplaced,
    /// It stands in a block comment.
    #[error("a directive must be a line comment")]
    BlockComment,
}

/// A directive that cannot be followed, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct DirectiveError {
    /// What is wrong.
    pub kind: DirectiveErrorKind,
    /// The bytes that are meant.
    pub span: Range<usize>,
}

impl DirectiveError {
    /// What to do about it, where that is clear.
    pub fn help(&self) -> Option<String> {
        match &self.kind {
            DirectiveErrorKind::Unknown { nearest: Some(word), .. } => {
                Some(format!("did you mean `{word}`?"))
            }
            DirectiveErrorKind::Missing | DirectiveErrorKind::Unknown { .. } => {
                Some(format!("known directives: `{}`", KNOWN.join("`, `")))
            }
            DirectiveErrorKind::Id { .. } => Some("write ids as `namespace::name`".to_owned()),
            DirectiveErrorKind::Misplaced => Some("move the line to the top of the file".to_owned()),
            DirectiveErrorKind::Unfit { directive: "catch-up", .. } => {
                Some("a step that runs again belongs to the expand phase".to_owned())
            }
            DirectiveErrorKind::Unfit { .. } => {
                Some("what has a `contract-of` runs in the contract phase: remove one of the two".to_owned())
            }
            DirectiveErrorKind::BlockComment => Some("write `-- db-migrations: …`".to_owned()),
            DirectiveErrorKind::MissingArgument { .. }
            | DirectiveErrorKind::Argument { .. }
            | DirectiveErrorKind::Contradiction { .. } => None,
        }
    }
}

const KNOWN: [&str; 9] = [
    "no-transaction",
    "depends-on",
    "replaces",
    "phase",
    "contract-of",
    "catch-up",
    "allow",
    "foreign-keys",
    "session",
];

/// What introduces a directive in a comment.
const MARK: &str = "db-migrations:";

/// The directives of a migration's text.
///
/// A text that is written for no particular dialect (`None`) is read only as far as every dialect
/// agrees on it: the comments at its beginning. Of a dialect's text all comments are read, so that
/// a directive that stands too late is found; tokens that are not closed are left to the splitter.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::directives};
/// let text = "-- db-migrations: depends-on users::001_users, shop::7\nSELECT 1;";
/// assert_eq!(directives(Some(Dialect::Sqlite), text)?.depends_on.len(), 2);
/// let error = directives(None, "-- db-migrations: no-transactions\n").unwrap_err();
/// assert_eq!(error.to_string(), "unknown directive `no-transactions`");
/// assert_eq!(error.help().as_deref(), Some("did you mean `no-transaction`?"));
/// # Ok::<(), db_migrations::sql::DirectiveError>(())
/// ```
pub fn directives(dialect: Option<Dialect>, text: &str) -> Result<Directives, DirectiveError> {
    let mut reader =
        Reader { text, found: Directives::default(), phase: None, contract_of: None, catch_up: None };
    let sqlx = text.strip_prefix('\u{feff}').unwrap_or(text).starts_with("-- no-transaction");
    reader.found.no_transaction = sqlx;
    let comments = match dialect {
        Some(dialect) => comments(dialect, text),
        None => leading_comments(text),
    };
    for comment in comments {
        reader.comment(&comment)?;
    }
    reader.end()
}

/// A part of the text and where it begins.
type Word<'a> = (usize, &'a str);

struct Reader<'a> {
    text: &'a str,
    found: Directives,
    phase: Option<Phase>,
    /// Where these stand.
    contract_of: Option<Range<usize>>,
    catch_up: Option<Range<usize>>,
}

impl Reader<'_> {
    /// What all of them say together: what has a `contract-of` is of the contract phase.
    fn end(self) -> Result<Directives, DirectiveError> {
        let phase = match (self.phase, self.contract_of) {
            (Some(Phase::Expand), Some(span)) => {
                let (directive, other) = ("contract-of", "phase expand");
                return Err(DirectiveError { kind: DirectiveErrorKind::Unfit { directive, other }, span });
            }
            (None, Some(_)) => Phase::Contract,
            (phase, _) => phase.unwrap_or_default(),
        };
        if let (Phase::Contract, Some(span)) = (phase, self.catch_up) {
            let (directive, other) = ("catch-up", "phase contract");
            return Err(DirectiveError { kind: DirectiveErrorKind::Unfit { directive, other }, span });
        }
        Ok(Directives { phase, ..self.found })
    }

    fn comment(&mut self, comment: &Comment) -> Result<(), DirectiveError> {
        let body = &self.text[comment.body.clone()];
        let Some(rest) = body.trim_start().strip_prefix(MARK) else { return Ok(()) };
        let start = comment.body.end - rest.len();
        let mark = start - MARK.len();
        let all = mark..mark + MARK.len() + rest.trim_end().len();
        if comment.block {
            return Err(DirectiveError { kind: DirectiveErrorKind::BlockComment, span: all });
        }
        if !comment.leading {
            return Err(DirectiveError { kind: DirectiveErrorKind::Misplaced, span: all });
        }
        let words = words(rest, start);
        let Some((word, arguments)) = words.split_first() else {
            return Err(DirectiveError { kind: DirectiveErrorKind::Missing, span: all });
        };
        if word.1 == "session" {
            return self.session(*word, rest.trim());
        }
        if word.1 == "allow" {
            self.found.allow.push(allow(*word, rest.trim())?);
            return Ok(());
        }
        self.directive(*word, arguments)
    }

    fn directive(&mut self, word: Word<'_>, arguments: &[Word<'_>]) -> Result<(), DirectiveError> {
        let Some(&directive) = KNOWN.iter().find(|known| **known == word.1) else {
            let kind =
                DirectiveErrorKind::Unknown { word: word.1.to_owned(), nearest: nearest(word.1, KNOWN) };
            return Err(error(kind, word));
        };
        let span = word.0..word.0 + word.1.len();
        match directive {
            "contract-of" => self.contract_of = Some(span),
            "catch-up" => self.catch_up = Some(span),
            _ => {}
        }
        match directive {
            "no-transaction" => self.found.no_transaction = alone(directive, arguments)?,
            "catch-up" => self.found.catch_up = alone(directive, arguments)?,
            "depends-on" => self.found.depends_on.extend(ids(directive, word, arguments)?),
            "replaces" => self.found.replaces.extend(ids(directive, word, arguments)?),
            "contract-of" => self.found.contract_of.extend(ids(directive, word, arguments)?),
            "phase" => {
                let values = [("expand", Phase::Expand), ("contract", Phase::Contract)];
                let value = one_of(directive, "`expand` or `contract`", values, word, arguments)?;
                set(&mut self.phase, value, directive, word)?;
            }
            _ => {
                let value =
                    one_of(directive, "`on` or `off`", [("on", true), ("off", false)], word, arguments)?;
                set(&mut self.found.foreign_keys, value, directive, word)?;
            }
        }
        Ok(())
    }
}

impl Reader<'_> {
    /// `session NAME = VALUE`: the value is the rest of the line, since a list of modes holds commas.
    fn session(&mut self, word: Word<'_>, rest: &str) -> Result<(), DirectiveError> {
        let (directive, expected) = ("session", "`NAME = VALUE`");
        let setting = rest[word.1.len()..].trim();
        if setting.is_empty() {
            return Err(error(DirectiveErrorKind::MissingArgument { directive, expected }, word));
        }
        let pair = setting.split_once('=').map(|(name, value)| (name.trim(), value.trim()));
        let Some((name, value)) = pair.filter(|(name, value)| is_setting(name) && !value.is_empty()) else {
            let given = setting.to_owned();
            return Err(error(DirectiveErrorKind::Argument { directive, expected, given }, word));
        };
        let before = self.found.session.insert(name.to_ascii_lowercase(), value.to_owned());
        if before.is_some_and(|before| before != value) {
            return Err(error(DirectiveErrorKind::Contradiction { directive }, word));
        }
        Ok(())
    }
}

/// Whether a text can be the name of a setting: letters, digits, `_` and, between them, `.`.
///
/// ```
/// use db_migrations::sql::is_setting;
/// assert!(is_setting("foreign_key_checks") && is_setting("my.setting"));
/// assert!(!is_setting("a b") && !is_setting("1a") && !is_setting(""));
/// ```
pub fn is_setting(name: &str) -> bool {
    let part = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    name.split('.').all(part)
}

/// The words of a directive, parted by blanks and commas.
fn words(text: &str, start: usize) -> Vec<Word<'_>> {
    let words = text.split(|c: char| c.is_whitespace() || c == ',').filter(|word| !word.is_empty());
    words.map(|word| (start + (word.as_ptr() as usize - text.as_ptr() as usize), word)).collect()
}

fn error(kind: DirectiveErrorKind, (at, word): Word<'_>) -> DirectiveError {
    DirectiveError { kind, span: at..at + word.len() }
}

fn refused(directive: &'static str, expected: &'static str, given: Word<'_>) -> DirectiveError {
    error(DirectiveErrorKind::Argument { directive, expected, given: given.1.to_owned() }, given)
}

fn need(
    directive: &'static str,
    expected: &'static str,
    word: Word<'_>,
    arguments: &[Word<'_>],
) -> Result<(), DirectiveError> {
    if arguments.is_empty() {
        return Err(error(DirectiveErrorKind::MissingArgument { directive, expected }, word));
    }
    Ok(())
}

/// It stands without an argument.
fn alone(directive: &'static str, arguments: &[Word<'_>]) -> Result<bool, DirectiveError> {
    arguments.first().map_or(Ok(true), |argument| Err(refused(directive, "no argument", *argument)))
}

/// `allow RULE REASON`: all behind the rule is why.
fn allow(word: Word<'_>, rest: &str) -> Result<Allow, DirectiveError> {
    let (directive, expected) = ("allow", "the name of a rule, and why it does not count here");
    match rest[word.1.len()..].trim().split_once(char::is_whitespace) {
        Some((rule, reason)) => Ok(Allow { rule: rule.to_owned(), reason: reason.trim().to_owned() }),
        None => Err(error(DirectiveErrorKind::MissingArgument { directive, expected }, word)),
    }
}

fn ids<T: FromStr<Err = IdError>>(
    directive: &'static str,
    word: Word<'_>,
    arguments: &[Word<'_>],
) -> Result<Vec<T>, DirectiveError> {
    need(directive, "the id of a migration", word, arguments)?;
    let id = |argument: &Word<'_>| {
        argument.1.parse().map_err(|why| {
            error(DirectiveErrorKind::Id { given: argument.1.to_owned(), error: why }, *argument)
        })
    };
    arguments.iter().map(id).collect()
}

/// The value that the only argument stands for.
fn one_of<T>(
    directive: &'static str,
    expected: &'static str,
    values: [(&'static str, T); 2],
    word: Word<'_>,
    arguments: &[Word<'_>],
) -> Result<T, DirectiveError> {
    need(directive, expected, word, arguments)?;
    if let Some(second) = arguments.get(1) {
        return Err(refused(directive, expected, *second));
    }
    let given = arguments[0];
    let found = values.into_iter().find(|(name, _)| *name == given.1);
    found.map(|(_, value)| value).ok_or_else(|| refused(directive, expected, given))
}

fn set<T: PartialEq>(
    place: &mut Option<T>,
    value: T,
    directive: &'static str,
    word: Word<'_>,
) -> Result<(), DirectiveError> {
    if place.as_ref().is_some_and(|before| *before != value) {
        return Err(error(DirectiveErrorKind::Contradiction { directive }, word));
    }
    *place = Some(value);
    Ok(())
}

#[cfg(test)]
mod tests;
