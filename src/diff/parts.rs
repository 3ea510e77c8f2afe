//! What the generators ask of a definition's tokens.
//!
//! A name is told from a keyword by nobody here: a text *mentions* every word and quoted name in it,
//! which is more than it depends on, and so is right for what must be out of the way.

use std::collections::BTreeSet;

use super::text::{Word, words};
use crate::dialect::Dialect;
use crate::drift::Drift;
use crate::schema::{Kind, Object};
use crate::sql::TokenKind;

/// Every name in a text, without quotes and in lower case; keywords and quoted strings are among them.
pub(super) fn mentions(dialect: Dialect, text: &str) -> BTreeSet<String> {
    let is_name =
        |word: &Word<'_>| matches!(word.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text);
    words(dialect, text).iter().filter(|word| is_name(word)).map(|word| word.name().to_lowercase()).collect()
}

/// Differences of kinds that a generator does not know, one line each.
pub(super) fn unknown(drift: &Drift, known: &[Kind]) -> Vec<String> {
    let others = drift.differences.iter().filter(|difference| !known.contains(&difference.kind));
    others.map(|difference| format!("{} `{}`", difference.kind, difference.name)).collect()
}

/// The objects of a schema with their mentions, so that each text is read once.
pub(super) struct Mentioning<'a> {
    pub(super) object: &'a Object,
    pub(super) names: BTreeSet<String>,
}

impl<'a> Mentioning<'a> {
    pub(super) fn new(dialect: Dialect, object: &'a Object) -> Self {
        Self { object, names: mentions(dialect, &object.definition) }
    }

    /// Whether it mentions one of these names, which are in lower case.
    pub(super) fn any(&self, names: &BTreeSet<String>) -> bool {
        names.iter().any(|name| self.names.contains(name))
    }
}

/// Places of the items in an order in which each comes after those that it needs (pairs of places, the
/// first needs the second); otherwise as they were. In a circle, one of them comes before what it needs.
pub(super) fn ordered(count: usize, needs: &[(usize, usize)]) -> Vec<usize> {
    let mut needed = vec![Vec::new(); count];
    for &(item, other) in needs {
        needed[item].push(other);
    }
    let mut seen = vec![false; count];
    let mut order = Vec::with_capacity(count);
    for start in 0..count {
        let mut open = vec![(start, 0)];
        while let Some((item, next)) = open.pop() {
            if next == 0 && std::mem::replace(&mut seen[item], true) {
                continue;
            }
            match needed[item].get(next) {
                Some(&other) => open.extend([(item, next + 1), (other, 0)]),
                None => order.push(item),
            }
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_comes_first() {
        let needs = [(0, 2), (2, 1), (3, 4), (4, 3)];
        assert_eq!(ordered(5, &needs), [1, 2, 0, 4, 3]);
    }
}
