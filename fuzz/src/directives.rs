//! The directives of a migration's text.

use db_migrations::dialect::Dialect;
use db_migrations::migration::normalise;
use db_migrations::sql::{self, Directives};

use super::common::dialect;

/// What is refused is refused with its place; a statement behind them changes nothing; and what is
/// read without a dialect is read by every dialect, or refused there.
pub fn directives(data: &[u8]) {
    let Some((first, rest)) = data.split_first() else { return };
    let Ok(text) = std::str::from_utf8(rest) else { return };
    let text = if *first & 0x80 == 0 { normalise(text) } else { text.to_owned() };
    let general = read(None, &text);
    for dialect in Dialect::ALL {
        // a text that the dialect cannot cut is refused as a whole
        if let (Some(general), Some(own)) = (&general, read(Some(dialect), &text))
            && sql::split(dialect, &text).is_ok()
            && !(is_mysql(dialect) && other_comments(&text))
        {
            assert!(within(general, &own), "{dialect} does not read what all should: {general:?}, {own:?}");
        }
    }
    let dialect = dialect(*first);
    if let Some(before) = read(Some(dialect), &text)
        && sql::split(dialect, &text).is_ok()
        && !text.to_ascii_lowercase().contains("delimiter")
    {
        let longer = format!("{text}\n;SELECT 1;\n-- the end\n");
        assert_eq!(read(Some(dialect), &longer), Some(before), "a statement behind changes nothing");
    }
}

fn read(dialect: Option<Dialect>, text: &str) -> Option<Directives> {
    match sql::directives(dialect, text) {
        Ok(directives) => Some(directives),
        Err(error) => {
            assert!(text.get(error.span.clone()).is_some(), "no place in the text: {error:?}");
            assert!(!error.to_string().is_empty());
            let _ = error.help();
            None
        }
    }
}

fn is_mysql(dialect: Dialect) -> bool {
    matches!(dialect, Dialect::MariaDb | Dialect::MySql)
}

/// `--x` is a comment elsewhere, and two signs there.
fn other_comments(text: &str) -> bool {
    let after = |at: usize| text[at + 2..].chars().next();
    text.match_indices("--").any(|(at, _)| after(at).is_some_and(|c| !c.is_whitespace() && !c.is_control()))
}

fn within(part: &Directives, whole: &Directives) -> bool {
    part.no_transaction <= whole.no_transaction
        && whole.depends_on.starts_with(&part.depends_on)
        && whole.replaces.starts_with(&part.replaces)
        && whole.allow.starts_with(&part.allow)
        && part.session.keys().all(|name| whole.session.contains_key(name))
}
