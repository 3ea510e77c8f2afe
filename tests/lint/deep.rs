//! Texts that would take a reader's stack or its time: none is a crash, and what is not read is named.

use db_migrations::config::Lint;
use db_migrations::dialect::Dialect;

use crate::world::{found, migration, module};

/// The names of the rules that speak of a text, on the small stack of a test.
fn rules(text: &str) -> Vec<&'static str> {
    let modules = vec![module("app", vec![migration("app", 1, text, "x.sql")]), module("other", Vec::new())];
    found(modules, Dialect::Postgres, &Lint::default(), &|_| true)
        .iter()
        .map(|finding| finding.rule.name)
        .collect()
}

#[test]
fn what_is_too_deep_is_named_and_still_judged_by_its_words() {
    let deep = |n: usize| format!("CREATE INDEX i ON users ({}a{});\n", "(".repeat(n), ")".repeat(n));
    assert_eq!(rules(&deep(20)), ["index-not-concurrent"]);
    let mut both = rules(&deep(100_000));
    both.sort_unstable();
    assert_eq!(both, ["index-not-concurrent", "unread"]);
    let chain = |n: usize, link: &str| format!("CREATE VIEW v AS SELECT {}a;\n", link.repeat(n));
    for link in ["a || ", "a AND ", "a.", "a::"] {
        assert_eq!(rules(&chain(20_000, link)), ["unread"], "{link}");
    }
    assert_eq!(rules(&chain(20_000, "NOT ")), ["unread"]);
    for link in ["a || ", "a AND "] {
        assert!(rules(&chain(900, link)).is_empty(), "{link}");
    }
    assert!(rules(&chain(90, "NOT ")).is_empty());
}

#[test]
fn many_rows_are_no_matter() {
    let rows = "(1, 'x'),".repeat(20_000);
    assert!(rules(&format!("INSERT INTO users VALUES {rows} (2, 'y');\n")).is_empty());
}
