//! `tests/cases/lint/DIALECT/RULE/{bad,good}N.sql`: what is bad is found, what is good is not.
//!
//! `before.sql` of each dialect has run before; a table `theirs` is another module's. Behind a line `-- down` stands
//! the way back.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use db_migrations::config::Lint;
use db_migrations::dialect::Dialect;
use db_migrations::lint::{RULES, rule};
use db_migrations::sql::{acts, directives};

use crate::world::{found, migration, module};

const THEIRS: &str = "CREATE TABLE theirs (id int PRIMARY KEY, a int);\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases/lint")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn name(path: &Path) -> &str {
    path.file_stem().unwrap().to_str().unwrap()
}

/// The names of the rules that find something in a text.
fn rules(dialect: Dialect, before: &str, text: &str) -> Vec<(&'static str, String)> {
    // the first has a way back, as the module's others then should have
    let before = format!("{before}\n-- down\nDROP TABLE users;\n");
    let app = vec![migration("app", 1, &before, "before.sql"), migration("app", 2, text, "case.sql")];
    let modules =
        vec![module("app", app), module("other", vec![migration("other", 0, THEIRS, "theirs.sql")])];
    let found = found(modules, dialect, &Lint::default(), &|id| id.as_str() == "app::00002_x");
    found.into_iter().map(|finding| (finding.rule.name, finding.diagnostic.to_string())).collect()
}

/// Files looked at, misses, false alarms.
type Counts = BTreeMap<(String, &'static str), (usize, usize)>;

#[test]
fn what_is_bad_is_found_and_what_is_good_is_not() {
    let (mut wrong, mut counts) = (Vec::new(), Counts::new());
    for dialect in [Dialect::Postgres, Dialect::MariaDb, Dialect::Sqlite] {
        let folder = root().join(dialect.name());
        let before = fs::read_to_string(folder.join("before.sql")).unwrap();
        for cases in entries(&folder).into_iter().filter(|path| path.is_dir()) {
            let wanted = rule(name(&cases)).unwrap_or_else(|| panic!("no rule `{}`", name(&cases)));
            for case in entries(&cases) {
                let text = fs::read_to_string(&case).unwrap();
                let said = rules(dialect, &before, &text);
                let is_found = said.iter().any(|(rule, _)| *rule == wanted.name);
                let is_bad = name(&case).starts_with("bad");
                if is_found != is_bad {
                    let word = if is_bad { "missed" } else { "false alarm" };
                    wrong.push(format!(
                        "{word}: {}/{}/{}\n{text}{said:#?}",
                        dialect,
                        wanted.name,
                        name(&case)
                    ));
                }
                let count = counts.entry((wanted.name.to_owned(), dialect.name())).or_default();
                *(if is_bad { &mut count.0 } else { &mut count.1 }) += 1;
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    every_rule_has_cases(&counts);
    the_table_of_counts_is_right(&counts);
}

fn every_rule_has_cases(counts: &Counts) {
    for rule in RULES.iter().filter(|rule| !rule.name.ends_with("-allow")) {
        for dialect in rule.dialects.iter().filter(|dialect| **dialect != Dialect::MySql) {
            let count = counts.get(&(rule.name.to_owned(), dialect.name())).copied().unwrap_or_default();
            assert!(count.0 > 0 && count.1 > 0, "no cases for `{}` on {dialect}", rule.name);
        }
    }
}

fn the_table_of_counts_is_right(counts: &Counts) {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/lint.md")).unwrap();
    for ((rule, dialect), (bad, good)) in counts {
        let row = format!("| `{rule}` | {dialect} | {bad} | 0 | {good} | 0 |");
        assert!(page.contains(&row), "docs/lint.md does not have: {row}");
    }
}

/// A file that somebody is still writing, in the words of another database.
#[test]
fn half_a_text_is_no_crash() {
    let (mut cuts, mut read) = (0, 0);
    for folder in
        [Dialect::Postgres, Dialect::MariaDb, Dialect::Sqlite].map(|dialect| root().join(dialect.name()))
    {
        let cases = entries(&folder).into_iter().filter(|path| path.is_dir()).flat_map(|rule| entries(&rule));
        for text in cases.map(|case| fs::read_to_string(case).unwrap()) {
            for (cut, _) in text.char_indices() {
                for dialect in [Dialect::Postgres, Dialect::MariaDb, Dialect::Sqlite] {
                    read += usize::from(acts(dialect, &text[..cut]).is_ok());
                }
                if cut % 13 == 0 && directives(None, &text[..cut]).is_ok() {
                    cuts += rules(Dialect::Postgres, "CREATE TABLE users (id int);", &text[..cut]).len();
                }
            }
        }
    }
    assert!(read > 10_000 && cuts > 100, "{read} {cuts}");
}
