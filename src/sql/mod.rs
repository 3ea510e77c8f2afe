//! SQL texts, read without a database: where tokens and statements begin and end, which directives
//! a migration carries, and what a statement means for the plan.
//!
//! Everything rests on one lexer per dialect that follows the database's own scanner, since a wrong
//! guess about a quote or a comment decides what is executed. There is no grammar here: no names are
//! resolved, no statement is checked, and what a text does not make clear from its tokens (a
//! `COMMIT` inside a procedure that it calls, say) is not known. Texts are expected to be normalised
//! by [`crate::migration::normalise`].

pub mod act;
mod cursor;
pub mod deed;
pub mod directive;
pub mod effect;
pub mod lex;
mod nesting;
pub mod parts;
#[cfg(feature = "postgres")]
pub mod postgres;
mod reading;
pub mod rewrite;
pub mod split;

pub use act::{
    Act, Column, Constraint, ConstraintKind, IndexKind, Reading, Verb, What, acts, behind, nesting, words,
};
pub use deed::{Class, Deed, Effect, Kind, Object, Weight, deeds};
pub use directive::{DirectiveError, DirectiveErrorKind, Directives, directives, is_setting};
pub use effect::{
    AddedValue, Boundary, Commits, Executed, Leftovers, Lost, ObjectKind, ObjectName, Rows, Source, Way,
    added_enum_value, asleep, beyond_database, body_only_changes_rows, boundary, called_procedure,
    changes_rows, commits, completion, created_with_engine, creates_code, creates_table, creates_temporary,
    dropped_tables, executed, is_data, is_pragma, leftovers, lost_by_restart, prepared, recovers, rows,
    selects, sets_session, written_tables,
};
pub use lex::{LexError, Token, TokenKind, Unterminated, tokens};
pub use parts::{Part, TableText, normal_form, table_parts, table_text};
pub use reading::{ReadsOtherwise, reads_otherwise};
pub use rewrite::{
    definer, significant, sources, without_auto_increment, without_database, without_definer,
    without_restrict, without_starts,
};
pub use split::{Statement, split};
