//! What the generators ask of a definition's tokens.
//!
//! A name is told from a keyword by nobody here: a text *mentions* every word and quoted name in it,
//! which is more than it depends on, and so is right for what must be out of the way.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::dialect::Dialect;
use crate::drift::{self, Drift};
use crate::schema::{Kind, Object, Schema};
use crate::sql::{self, TokenKind};

/// A significant token of a definition.
#[derive(Clone, Debug)]
pub(super) struct Word<'a> {
    kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) span: Range<usize>,
    /// How many parentheses are open around it; of a parenthesis, around what it opens.
    pub(super) depth: usize,
}

impl Word<'_> {
    /// Whether it is this unquoted word, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn is_any(&self, words: &[&str]) -> bool {
        words.iter().any(|word| self.is(word))
    }

    /// The name that it stands for, in its own case.
    pub(super) fn name(&self) -> String {
        unquoted(self.text)
    }
}

/// The significant tokens of a text; the marks of MySQL's executable comments are none.
pub(super) fn words(dialect: Dialect, text: &str) -> Vec<Word<'_>> {
    let tokens = sql::tokens(dialect, text).unwrap_or_default();
    let mut depth = 0_usize;
    let mut words = Vec::with_capacity(tokens.len());
    for token in tokens.into_iter().filter(|token| token.kind.is_significant()) {
        let spelled = &text[token.span.clone()];
        if token.kind == TokenKind::Other && (spelled.starts_with("/*") || spelled == "*/") {
            continue;
        }
        depth += usize::from(token.kind == TokenKind::OpenParen);
        words.push(Word { kind: token.kind, text: spelled, span: token.span, depth });
        depth = depth.saturating_sub(usize::from(token.kind == TokenKind::CloseParen));
    }
    words
}

/// A name without its quotes, whichever they are.
pub(super) fn unquoted(text: &str) -> String {
    let quote = match text.as_bytes().first() {
        Some(b'[') if text.len() > 1 => return text[1..text.len() - 1].to_owned(),
        Some(quote @ (b'"' | b'`' | b'\'')) if text.len() > 1 => char::from(*quote),
        _ => return text.to_owned(),
    };
    text[1..text.len() - 1].replace(&format!("{quote}{quote}"), &quote.to_string())
}

/// Every name in a text, without quotes and in lower case; keywords and quoted strings are among them.
pub(super) fn mentions(dialect: Dialect, text: &str) -> BTreeSet<String> {
    let is_name =
        |word: &Word<'_>| matches!(word.kind, TokenKind::Word | TokenKind::QuotedName | TokenKind::Text);
    words(dialect, text).iter().filter(|word| is_name(word)).map(|word| word.name().to_lowercase()).collect()
}

/// What must change, by the words of the check: what is missing must come, what is extra must go.
pub(super) fn differences(dialect: Dialect, from: &Schema, to: &Schema) -> Drift {
    drift::between(dialect, to, from)
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
    fn names_lose_their_quotes() {
        for (text, name) in
            [("\"A\"\"b\"", "A\"b"), ("[A b]", "A b"), ("`a``b`", "a`b"), ("'x'", "x"), ("Ab", "Ab")]
        {
            assert_eq!(unquoted(text), name);
        }
    }

    #[test]
    fn parentheses_are_counted() {
        let depths: Vec<_> = words(Dialect::Sqlite, "a (b, (c)) d")
            .iter()
            .map(|word| (word.text.to_owned(), word.depth))
            .collect();
        let expected =
            [("a", 0), ("(", 1), ("b", 1), (",", 1), ("(", 2), ("c", 2), (")", 2), (")", 1), ("d", 0)];
        assert_eq!(depths, expected.map(|(text, depth)| (text.to_owned(), depth)));
    }

    #[test]
    fn what_is_needed_comes_first() {
        let needs = [(0, 2), (2, 1), (3, 4), (4, 3)];
        assert_eq!(ordered(5, &needs), [1, 2, 0, 4, 3]);
    }
}
