//! Views, routines, triggers and events: what is a text, and is replaced as a whole.
//!
//! A definition may be several statements: settings around a body, which was made under others. The
//! servers run the triggers of one moment in the order in which they were made, so behind one that is
//! made anew all others are made again.

use std::collections::{BTreeMap, HashSet};

use super::quote;
use crate::dialect::Dialect;
use crate::diff::Step;
use crate::diff::text::words;
use crate::schema::{Kind, Object, Schema};
use crate::sql;

/// The statements of a definition.
pub(super) fn steps(dialect: Dialect, definition: &str) -> Vec<Step> {
    let Ok(statements) = sql::split(dialect, definition) else { return vec![Step::new(definition)] };
    statements.into_iter().map(|statement| Step::new(format!("{};", &definition[statement.span]))).collect()
}

/// The statement that drops an object.
pub(super) fn drop(object: &Object) -> Step {
    let what = match object.kind {
        Kind::View => "VIEW",
        Kind::Function => "FUNCTION",
        Kind::Procedure => "PROCEDURE",
        Kind::Trigger => "TRIGGER",
        Kind::Event => "EVENT",
        Kind::Sequence => "SEQUENCE",
        _ => "TABLE",
    };
    Step::new(format!("DROP {what} {};", quote(&object.name)))
}

/// A view in the place of another.
pub(super) fn replaced(dialect: Dialect, view: &Object) -> Step {
    let text = &view.definition;
    let create = words(dialect, text).first().map_or(0, |word| word.span.end);
    Step::new(format!("{} OR REPLACE{}", &text[..create], &text[create..]))
}

/// A sequence that becomes another; what of it cannot.
pub(super) fn altered(dialect: Dialect, from: &Object, to: &Object) -> (Step, Option<String>) {
    let text = to.definition.trim_end_matches(';');
    let rest = |text: &str| {
        let words = words(dialect, text);
        let name = words.get(2).map_or(0, |word| word.span.end);
        let engine = words.iter().find(|word| word.is("ENGINE")).map_or(text.len(), |word| word.span.start);
        (name, engine)
    };
    let (name, engine) = rest(text);
    let before = from.definition.trim_end_matches(';');
    let is_same = before[rest(before).1..] == text[engine..];
    let step = Step::new(format!("ALTER SEQUENCE {}{};", quote(&to.name), text[name..engine].trim_end()));
    (step, (!is_same).then(|| text[engine..].to_owned()))
}

/// When a trigger runs: its table, time and event.
fn moment(dialect: Dialect, trigger: &Object) -> Option<(String, String)> {
    let statements = sql::split(dialect, &trigger.definition).ok()?;
    let words =
        statements.iter().map(|statement| words(dialect, &trigger.definition[statement.span.clone()]));
    let words = words.into_iter().find(|words| words.first().is_some_and(|word| word.is("CREATE")))?;
    let at = words.iter().position(|word| word.is_any(&["BEFORE", "AFTER"]))?;
    let on = words[at..].iter().position(|word| word.is("ON"))? + at;
    Some((words.get(on + 1)?.name(), format!("{} {}", words[at].text, words.get(at + 1)?.text)))
}

/// The triggers that must be made anew, given those that differ: with each all that run behind it.
pub(super) fn triggers_again<'a>(
    dialect: Dialect,
    from: &'a Schema,
    to: &'a Schema,
    differ: &HashSet<&'a str>,
) -> (Vec<&'a Object>, Vec<&'a Object>) {
    let chains = |schema: &'a Schema| {
        let mut chains: BTreeMap<_, Vec<&'a Object>> = BTreeMap::new();
        for trigger in schema.objects.iter().filter(|object| object.kind == Kind::Trigger) {
            chains.entry(moment(dialect, trigger)).or_default().push(trigger);
        }
        chains
    };
    let (before, now) = (chains(from), chains(to));
    let (mut gone, mut made) = (Vec::new(), Vec::new());
    let none = Vec::new();
    for moment in before.keys().chain(now.keys().filter(|moment| !before.contains_key(moment))) {
        let (old, new) = (before.get(moment).unwrap_or(&none), now.get(moment).unwrap_or(&none));
        let is_change = |trigger: &&Object| differ.contains(trigger.name.as_str());
        if !old.iter().chain(new).any(is_change) {
            continue;
        }
        let same = |(a, b): &(&&Object, &&Object)| a.name == b.name && !differ.contains(a.name.as_str());
        // what only goes leaves the order of the others as it is
        let staying: Vec<_> =
            old.iter().filter(|trigger| new.iter().any(|other| other.name == trigger.name)).collect();
        let kept = staying.iter().copied().zip(new).take_while(same).count();
        let kept: HashSet<&str> = new[..kept].iter().map(|trigger| trigger.name.as_str()).collect();
        gone.extend(old.iter().filter(|trigger| !kept.contains(trigger.name.as_str())));
        made.extend(new.iter().filter(|trigger| !kept.contains(trigger.name.as_str())));
    }
    (gone, made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trigger(name: &str, table: &str) -> Object {
        let definition =
            format!("CREATE TRIGGER `{name}` BEFORE INSERT ON `{table}` FOR EACH ROW SET @a = 1;");
        Object { kind: Kind::Trigger, name: name.to_owned(), definition }
    }

    #[test]
    fn triggers_keep_their_order() {
        let schema = |names: &[&str]| {
            let triggers = names.iter().map(|name| trigger(name, "t"));
            Schema::new(triggers.chain([trigger("other", "u")]).collect())
        };
        let names =
            |triggers: Vec<&Object>| triggers.iter().map(|trigger| trigger.name.clone()).collect::<Vec<_>>();
        for (from, to, differ, gone, made) in [
            (vec!["a", "b", "c"], vec!["a", "b", "c"], vec!["b"], vec!["b", "c"], vec!["b", "c"]),
            (vec!["a", "b", "c"], vec!["a", "c"], vec!["b"], vec!["b"], vec![]),
            (vec!["a", "c"], vec!["b", "a", "c"], vec!["b"], vec!["a", "c"], vec!["b", "a", "c"]),
            (vec!["a"], vec!["a", "b"], vec!["b"], vec![], vec!["b"]),
            (vec!["a", "b"], vec!["b", "a"], vec![], vec![], vec![]),
        ] {
            let (from, to) = (schema(&from), schema(&to));
            let found = triggers_again(Dialect::MariaDb, &from, &to, &differ.into_iter().collect());
            assert_eq!(
                (names(found.0), names(found.1)),
                (
                    gone.iter().map(ToString::to_string).collect(),
                    made.iter().map(ToString::to_string).collect()
                )
            );
        }
    }

    #[test]
    fn settings_are_statements_of_their_own() {
        let definition = "SET @m = @@sql_mode, sql_mode = '';\nCREATE PROCEDURE `p`()\nBEGIN SELECT 1; END;\nSET sql_mode = @m;";
        let steps: Vec<_> = steps(Dialect::MariaDb, definition).into_iter().map(|step| step.sql).collect();
        assert_eq!(steps[1], "CREATE PROCEDURE `p`()\nBEGIN SELECT 1; END;");
        assert_eq!(steps.len(), 3);
    }
}
