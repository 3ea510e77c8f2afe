//! What a migration does to a database, read from its tokens: for a person who has to agree to it.
//!
//! Every statement becomes *deeds*: it creates, alters or drops something, changes rows, gives rights, runs a
//! program. Function bodies and `DO` blocks are looked into as far as their words go. The answer errs to the
//! unsafe side: what is not understood is [`Class::Unknown`], what can be told only by running it is
//! [`Class::Opaque`]. Whose a table is is not known here: a deed says what [`Weight`] it has with its owner.

mod alter;
mod body;
mod calls;
mod create;
mod rest;
mod rows;
pub(super) mod walk;

use std::fmt;

use super::cursor::{Cursor, Piece};
use super::lex::TokenKind;
use super::split::split;
use crate::dialect::Dialect;
use walk::{Walk, said};

/// What kind of deed it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Something new comes into being.
    Creates,
    /// Something is changed.
    Alters,
    /// Something goes, with what is in it.
    Drops,
    /// Rows come, change or go.
    Data,
    /// Who may do what.
    Privileges,
    /// Code that runs with another's rights.
    Definer,
    /// Files, programs or other servers are reached.
    Program,
    /// A setting outlives the session.
    Settings,
    /// The transaction is begun, ended or marked.
    Transaction,
    /// What it does is told only by running it.
    Opaque,
    /// It was not understood.
    Unknown,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Creates,
        Self::Alters,
        Self::Drops,
        Self::Data,
        Self::Privileges,
        Self::Definer,
        Self::Program,
        Self::Settings,
        Self::Transaction,
        Self::Opaque,
        Self::Unknown,
    ];

    /// The word in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Creates => "creates",
            Self::Alters => "alters",
            Self::Drops => "drops",
            Self::Data => "data",
            Self::Privileges => "privileges",
            Self::Definer => "security-definer",
            Self::Program => "program",
            Self::Settings => "settings",
            Self::Transaction => "transaction",
            Self::Opaque => "opaque",
            Self::Unknown => "unknown",
        }
    }
}

/// When a deed can destroy something.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Weight {
    /// Never.
    #[default]
    Never,
    /// If another module made what it touches.
    IfOthers,
    /// Unless the same module made what it touches.
    UnlessOwn,
    /// Whosever it is.
    Always,
}

/// What an object is, as far as its name is found by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A table, a view, or what else can be selected from.
    Relation,
    /// An index.
    Index,
    /// A sequence.
    Sequence,
    /// A function or a procedure.
    Function,
    /// A trigger.
    Trigger,
    /// A type or a domain.
    Type,
    /// A schema.
    Schema,
    /// Anything else.
    Other,
}

/// A named object. Unquoted names are in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its schema (MariaDB, MySQL: its database), if that is said.
    pub schema: Option<String>,
    /// Its name.
    pub name: String,
}

impl fmt::Display for Object {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What a deed means for who owns what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is there now.
    Makes(Object),
    /// A view is there now: rows that are written through it are another table's.
    MakesView(Object),
    /// It is gone.
    Ends(Object),
    /// It has another name.
    Renames(Object, Object),
}

/// One thing that a migration does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deed {
    /// What kind of deed.
    pub class: Class,
    /// What is done: `drops`, `deletes from`.
    pub verb: &'static str,
    /// To what kind of thing: `table`; empty where the verb says all.
    pub noun: &'static str,
    /// To which: `users`, `users_name on users`; may be empty.
    pub name: String,
    /// The object whose owner decides how much it weighs.
    pub of: Option<Object>,
    /// When it can destroy something.
    pub weight: Weight,
    /// What it means for who owns what.
    pub effect: Option<Effect>,
    /// The byte where it begins.
    pub at: usize,
}

impl Deed {
    fn new(class: Class, verb: &'static str, noun: &'static str, name: impl Into<String>) -> Self {
        Self { class, verb, noun, name: name.into(), of: None, weight: Weight::Never, effect: None, at: 0 }
    }

    fn always(mut self) -> Self {
        self.weight = Weight::Always;
        self
    }

    fn weighs(mut self, weight: Weight, of: Object) -> Self {
        (self.weight, self.of) = (weight, Some(of));
        self
    }

    fn effect(mut self, effect: Effect) -> Self {
        self.effect = Some(effect);
        self
    }
}

/// `drops table users`.
impl fmt::Display for Deed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = [self.verb, self.noun, &self.name];
        let words: Vec<&str> = words.into_iter().filter(|word| !word.is_empty()).collect();
        f.write_str(&words.join(" "))
    }
}

/// Everything that a migration's text does, in its order; the same deed is named once.
///
/// ```
/// use db_migrations::{dialect::Dialect, sql::{deeds, Class, Weight}};
/// let told = |text| deeds(Dialect::Postgres, text).iter().map(ToString::to_string).collect::<Vec<_>>();
/// assert_eq!(told("CREATE TABLE t (a int); DROP TABLE IF EXISTS u;"), ["creates table t", "drops table u"]);
/// let sly = deeds(Dialect::Postgres, "DO $$ BEGIN TRUNCATE users; END $$;");
/// assert_eq!((sly[0].class, sly[1].to_string().as_str()), (Class::Opaque, "truncates users"));
/// assert!(sly.iter().all(|deed| deed.weight == Weight::Always));
/// ```
pub fn deeds(dialect: Dialect, text: &str) -> Vec<Deed> {
    let Ok(statements) = split(dialect, text) else {
        return vec![Deed::new(Class::Unknown, "cannot be read", "", "").always()];
    };
    let mut reader = Reader { dialect, found: Vec::new(), later: false, depth: 0 };
    for statement in statements {
        reader.statement(&pieces(dialect, &text[statement.span.clone()], statement.span.start));
    }
    let mut deeds: Vec<Deed> = Vec::with_capacity(reader.found.len());
    let mut seen = std::collections::HashSet::new();
    for deed in reader.found {
        if seen.insert((deed.verb, deed.noun, deed.name.clone(), deed.weight as u8)) {
            deeds.push(deed);
        }
    }
    deeds
}

/// The tokens of a statement that stands at `start`. Of long lists of values only what could be a call is kept.
pub(in crate::sql) fn pieces(dialect: Dialect, statement: &str, start: usize) -> Vec<Piece<'_>> {
    let cursor = Cursor::new(dialect, statement);
    let inserts = cursor.peek().is_some_and(|first| first.is_any(&["INSERT", "REPLACE"]));
    let mut values = false;
    let counts = |piece: &Piece<'_>| {
        values |= inserts && piece.is("VALUES");
        !(values && matches!(piece.kind, TokenKind::Text | TokenKind::Number | TokenKind::Comma))
    };
    cursor.filter(counts).map(|piece| Piece { at: piece.at + start, ..piece }).collect()
}

/// Reads statement after statement.
struct Reader {
    dialect: Dialect,
    found: Vec<Deed>,
    /// In the body of something that runs when it is called.
    later: bool,
    /// How many texts stand around this one.
    depth: usize,
}

impl Reader {
    /// What happens only when it is called changes nothing in who owns what.
    fn push(&mut self, at: usize, deed: Deed) {
        let effect = deed.effect.filter(|_| !self.later);
        self.found.push(Deed { effect, at, ..deed });
    }

    /// One whole statement.
    fn statement(&mut self, pieces: &[Piece<'_>]) {
        let Some(first) = pieces.first() else { return };
        if let Some(command) = pieces.iter().find(|piece| piece.text.starts_with('\\')) {
            self.push(command.at, Deed::new(Class::Program, "runs a client's command", "", "").always());
        }
        let before = self.found.len();
        let code = defines_code(pieces);
        let outer = self.later;
        self.later = outer || code;
        self.rows(pieces);
        self.later = outer;
        let changes_rows = self.found.len() > before;
        if !self.head(pieces) && !changes_rows {
            let words = said(pieces, 6);
            let deed = Deed::new(Class::Unknown, "does what was not understood:", "", words);
            self.push(first.at, deed.always());
        }
        let computes = first.is_any(&["SELECT", "VALUES", "DO", "SET", "DECLARE"])
            || first.kind == TokenKind::OpenParen
            || first.is("WITH") && !changes_rows;
        self.calls(pieces, computes && !code);
    }

    /// What the first words of a statement say; whether they were understood.
    fn head(&mut self, pieces: &[Piece<'_>]) -> bool {
        let mut walk = Walk::new(pieces);
        let Some(first) = walk.next() else { return true };
        match first.text.to_ascii_uppercase().as_str() {
            "CREATE" => self.create(first.at, walk),
            "ALTER" => self.alter(first.at, walk),
            "DROP" => self.drop(first.at, walk),
            "RENAME" => self.rename(first.at, walk),
            // what they change was found by `rows`
            "INSERT" | "UPDATE" | "DELETE" | "MERGE" | "REPLACE" | "TRUNCATE" => false,
            _ => self.other(&first, walk),
        }
    }
}

/// Whether the changes of rows in a statement happen only when what it defines is called.
fn defines_code(pieces: &[Piece<'_>]) -> bool {
    const CODE: &[&str] = &["FUNCTION", "PROCEDURE", "TRIGGER", "RULE", "EVENT", "PACKAGE"];
    let things = &["TABLE", "VIEW", "INDEX", "SCHEMA"];
    let thing = pieces.iter().find(|piece| piece.is_any(CODE) || piece.is_any(things));
    pieces.first().is_some_and(|first| first.is("CREATE")) && thing.is_some_and(|thing| thing.is_any(CODE))
}

#[cfg(test)]
mod tests;
