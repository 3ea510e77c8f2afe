//! Each rule has its page, and the index names each.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use db_migrations::lint::RULES;

#[test]
fn each_rule_has_a_page_and_a_row() {
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs");
    let pages: BTreeSet<String> = fs::read_dir(docs.join("lint"))
        .unwrap()
        .map(|entry| entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .collect();
    let names: BTreeSet<String> = RULES.iter().map(|rule| rule.name.to_owned()).collect();
    assert_eq!(pages, names);
    let index = fs::read_to_string(docs.join("lint.md")).unwrap();
    for rule in RULES {
        let row = format!("| [`{0}`](lint/{0}.md) | {1} |", rule.name, rule.severity.name());
        assert!(index.contains(&row), "docs/lint.md does not have: {row}");
        let page = fs::read_to_string(docs.join(format!("lint/{}.md", rule.name))).unwrap();
        assert!(page.starts_with(&format!("# `{}`\n", rule.name)), "{}", rule.name);
    }
}
