//! What squawk's linter says of one statement of PostgreSQL.
//!
//! Only the rules that ours name are switched on, never its default set: each of our rules takes its verdict from
//! the ones that it lists, and its text, its place and what relaxes it are ours. A statement that squawk's grammar
//! does not know has no verdict: then our reading of its tokens counts alone, and it is named (`unread`).

use std::ops::Range;

/// A verdict: the name of squawk's rule, and the bytes of the statement.
pub(super) type Hit = (String, Range<usize>);

/// The verdicts on a statement; `None` where it cannot be parsed.
#[cfg(feature = "postgres")]
pub(super) fn hits(statement: &str, names: &[&str]) -> Option<Vec<Hit>> {
    use squawk_linter::{Linter, Rule};
    let parsed = squawk_syntax::SourceFile::parse(statement);
    if !parsed.errors().is_empty() {
        return None;
    }
    let rules = names.iter().filter_map(|name| Rule::try_from(*name).ok());
    let found = Linter::from(rules).lint(&parsed, statement);
    let hit = |violation: squawk_linter::Violation| {
        let range = violation.text_range;
        (violation.code.to_string(), usize::from(range.start())..usize::from(range.end()))
    };
    Some(found.into_iter().map(hit).collect())
}

/// Without PostgreSQL there is no grammar for it.
#[cfg(not(feature = "postgres"))]
pub(super) fn hits(_: &str, _: &[&str]) -> Option<Vec<Hit>> {
    None
}
