//! What all rules have in common; the corpus is in `tests/lint`.

use super::RULES;

#[test]
fn names_are_unique_and_say_what() {
    let mut names: Vec<&str> = RULES.iter().map(|rule| rule.name).collect();
    names.sort_unstable();
    let all = names.len();
    names.dedup();
    assert_eq!(names.len(), all);
    for rule in RULES {
        assert!(!rule.about.ends_with('.') && rule.about.len() < 80, "{}", rule.name);
        #[cfg(feature = "postgres")]
        for name in rule.squawk {
            assert!(squawk_linter::Rule::try_from(*name).is_ok(), "{name}");
        }
    }
}
