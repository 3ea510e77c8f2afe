//! How a finding can be taken away by rewriting its file: words that are put in, and whether the file then has to run
//! outside of a transaction. Whether the result is right is proved elsewhere, before anything is written.

use crate::dialect::Dialect;
use crate::sql::{Act, What, behind};

use super::look::Look;

/// What is put into a text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fix {
    /// Byte offsets and what is put there.
    pub insertions: Vec<(usize, String)>,
    /// The file must run outside of a transaction.
    pub no_transaction: bool,
}

/// A text with all of these in it; each once.
pub fn rewritten<'a>(text: &str, fixes: impl IntoIterator<Item = &'a Fix>) -> String {
    let mut insertions: Vec<&(usize, String)> = Vec::new();
    let mut alone = false;
    for fix in fixes {
        insertions.extend(&fix.insertions);
        alone |= fix.no_transaction;
    }
    insertions.sort();
    insertions.dedup();
    let mut rewritten = String::with_capacity(text.len() + 64);
    if alone {
        rewritten.push_str("-- db-migrations: no-transaction\n");
    }
    let mut from = 0;
    for (at, words) in insertions {
        rewritten.push_str(&text[from..*at]);
        rewritten.push_str(words);
        from = *at;
    }
    rewritten.push_str(&text[from..]);
    rewritten
}

/// `words` behind the first of these runs of words that stands in a change.
pub(super) fn put(look: &Look<'_>, act: &Act, after: &[&[&str]], words: &str) -> Option<Fix> {
    let text = &look.script.text[act.span.clone()];
    let at = after.iter().find_map(|after| behind(look.dialect, text, after))?;
    Some(Fix { insertions: vec![(act.span.start + at, words.to_owned())], no_transaction: false })
}

/// Builds or drops an index beside writers, if the file does nothing else.
pub(super) fn concurrently(look: &Look<'_>, act: &Act) -> Option<Fix> {
    let is_index =
        |what: &What| matches!(what, What::CreateIndex { name: Some(_), .. } | What::DropIndex { .. });
    let single = look.readings.iter().all(|reading| reading.acts.len() == 1);
    if !single || !look.acts().all(|(_, act)| is_index(&act.what)) {
        return None;
    }
    let words = match &act.what {
        What::CreateIndex { again: true, .. } | What::DropIndex { again: true, cascade: false, .. } => {
            " CONCURRENTLY"
        }
        What::CreateIndex { .. } => " CONCURRENTLY IF NOT EXISTS",
        What::DropIndex { cascade: false, .. } => " CONCURRENTLY IF EXISTS",
        _ => return None,
    };
    let fix = put(look, act, &[&["INDEX"]], words)?;
    Some(Fix { no_transaction: !look.script.no_transaction, ..fix })
}

/// Lets the server refuse rather than copy.
pub(super) fn beside_writers(look: &Look<'_>, n: usize) -> Option<Fix> {
    let reading = &look.readings[n];
    let is_mysql = matches!(look.dialect, Dialect::MariaDb | Dialect::MySql);
    if !is_mysql || reading.algorithm.is_some() || reading.lock.is_some() {
        return None;
    }
    let text = look.text(n);
    let words = if behind(look.dialect, text, &["ALTER"]).is_some() {
        ", ALGORITHM=INPLACE, LOCK=NONE"
    } else {
        " ALGORITHM=INPLACE LOCK=NONE"
    };
    // a semicolon belongs to the statement where bodies end by another delimiter
    let end = reading.span.start + text.trim_end_matches(|c: char| c == ';' || c.is_whitespace()).len();
    Some(Fix { insertions: vec![(end, words.to_owned())], no_transaction: false })
}

/// Lets a step run again.
pub(super) fn again(look: &Look<'_>, act: &Act) -> Option<Fix> {
    let (after, words): (&[&[&str]], &str) = match &act.what {
        What::CreateIndex { name: None, .. } => return None,
        What::CreateIndex { .. } => (&[&["INDEX", "CONCURRENTLY"], &["INDEX"]], " IF NOT EXISTS"),
        What::CreateTable { .. } => (&[&["TABLE"]], " IF NOT EXISTS"),
        What::AddColumn { .. } => (&[&["ADD", "COLUMN"]], " IF NOT EXISTS"),
        What::AddEnumValue { .. } => (&[&["ADD", "VALUE"]], " IF NOT EXISTS"),
        What::DropIndex { .. } => (&[&["INDEX", "CONCURRENTLY"], &["INDEX"]], " IF EXISTS"),
        What::DropTable { .. } => (&[&["TABLE"]], " IF EXISTS"),
        What::DropColumn { .. } => (&[&["DROP", "COLUMN"]], " IF EXISTS"),
        _ => return None,
    };
    put(look, act, after, words)
}

#[cfg(test)]
mod tests {
    use super::{Fix, rewritten};

    #[test]
    fn words_are_put_in_once_and_in_their_order() {
        let fix =
            |at: usize, words: &str| Fix { insertions: vec![(at, words.to_owned())], no_transaction: true };
        let fixes = [fix(3, "-b"), fix(1, "-a"), fix(3, "-b")];
        assert_eq!(rewritten("0123", &fixes), "-- db-migrations: no-transaction\n0-a12-b3");
        assert_eq!(rewritten("0123", &[]), "0123");
    }
}
