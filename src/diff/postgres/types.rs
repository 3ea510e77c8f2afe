//! Enums, domains and composite types.

use super::super::Step;
use crate::dialect::Dialect;
use crate::diff::text::{qualified, words};
use crate::schema::{Object, Schema};
use crate::sql::TokenKind;

/// The labels of an enum, quoted.
fn labels(definition: &str) -> Vec<&str> {
    let words = words(Dialect::Postgres, definition);
    words.iter().filter(|word| word.kind == TokenKind::Text).map(|word| word.text).collect()
}

/// The statements that add what an enum lacks; `None` where it has to be made anew: a label went or
/// moved, or a new one is used at once, which the transaction that adds it may not do.
pub(super) fn added_labels(from: &Object, to: &Object, wanted: &Schema) -> Option<Vec<Step>> {
    let (was, is) = (labels(&from.definition), labels(&to.definition));
    let mut rest = was.iter();
    let mut next = rest.next();
    let mut steps = Vec::new();
    for (at, label) in is.iter().enumerate() {
        if next == Some(label) {
            next = rest.next();
            continue;
        }
        let used = format!("{label}::{}", to.name);
        if was.contains(label) || wanted.objects.iter().any(|object| object.definition.contains(&used)) {
            return None;
        }
        let place = match (at.checked_sub(1), next) {
            (Some(before), _) => format!(" AFTER {}", is[before]),
            (None, Some(behind)) => format!(" BEFORE {behind}"),
            (None, None) => String::new(),
        };
        steps.push(Step::new(format!("ALTER TYPE {} ADD VALUE {label}{place};", to.name)));
    }
    next.is_none().then_some(steps)
}

/// Labels that went: rows that have one do not fit any more.
pub(super) fn lost_labels<'a>(from: &'a Object, to: &Object) -> Vec<&'a str> {
    let is = labels(&to.definition);
    labels(&from.definition).into_iter().filter(|label| !is.contains(label)).collect()
}

/// The name under which a type waits to be dropped while its successor takes over.
pub(super) fn old_name(name: &str) -> (String, String) {
    let (schema, last) = qualified(name);
    let old = match last.strip_suffix('"') {
        Some(quoted) => format!("{quoted}__old\""),
        None => format!("{last}__old"),
    };
    let whole = schema.map_or_else(|| old.clone(), |schema| format!("{schema}.{old}"));
    (old, whole)
}

/// A domain taken apart.
#[derive(Debug, PartialEq, Eq)]
struct Domain<'a> {
    base: &'a str,
    default: Option<&'a str>,
    not_null: bool,
    /// Name and text of its checks.
    checks: Vec<(&'a str, &'a str)>,
}

impl<'a> Domain<'a> {
    fn read(definition: &'a str) -> Option<Self> {
        // the checks stand on lines of their own
        let (head, checks) = match definition.split_once("\n    CONSTRAINT ") {
            Some((head, checks)) => (head, Some(checks)),
            None => (definition.trim_end_matches(';'), None),
        };
        let words = words(Dialect::Postgres, head);
        let at = words.iter().position(|word| word.is_outer(&["AS"]))? + 1;
        let not_null =
            matches!(words.as_slice(), [.., not, null] if not.is_outer(&["NOT"]) && null.is_outer(&["NULL"]));
        let end = if not_null { words[words.len() - 2].span.start } else { head.len() };
        let default = words.iter().skip(at).find(|word| word.is_outer(&["DEFAULT"]));
        let base_end = default.map_or(end, |word| word.span.start);
        let checks = checks
            .map(|text| text.trim_end_matches(';').split("\n    CONSTRAINT ").collect())
            .unwrap_or_default();
        let check =
            |text: &'a str| text.split_once(" CHECK").map(|(name, _)| (name, &text[name.len() + 1..]));
        let checks: Vec<&str> = checks;
        Some(Self {
            base: head[words.get(at)?.span.start..base_end].trim(),
            default: default.map(|word| head[word.span.end..end].trim()),
            not_null,
            checks: checks.into_iter().filter_map(check).collect(),
        })
    }
}

/// The statements that make one domain of another; `None` where it has to be made anew.
pub(super) fn altered_domain(from: &Object, to: &Object) -> Option<Vec<Step>> {
    if from.definition.contains("\nALTER DOMAIN") || to.definition.contains("\nALTER DOMAIN") {
        return None;
    }
    let (was, is) = (Domain::read(&from.definition)?, Domain::read(&to.definition)?);
    if was.base != is.base {
        return None;
    }
    let mut changes = Vec::new();
    for (name, text) in &was.checks {
        if !is.checks.contains(&(name, text)) {
            changes.push(format!("DROP CONSTRAINT {name}"));
        }
    }
    if was.default != is.default {
        changes.push(
            is.default.map_or_else(|| "DROP DEFAULT".to_owned(), |default| format!("SET DEFAULT {default}")),
        );
    }
    if was.not_null != is.not_null {
        changes.push(if is.not_null { "SET NOT NULL" } else { "DROP NOT NULL" }.to_owned());
    }
    for (name, text) in &is.checks {
        if !was.checks.contains(&(name, text)) {
            changes.push(format!("ADD CONSTRAINT {name} {text}"));
        }
    }
    Some(changes.iter().map(|change| Step::new(format!("ALTER DOMAIN {} {change};", to.name))).collect())
}

/// The statements that make one composite type of another, where attributes only come and go at its end.
pub(super) fn altered_composite(from: &Object, to: &Object) -> Option<Vec<Step>> {
    let attributes = |text: &'_ str| -> Vec<String> {
        let lines = text.lines().skip(1).filter(|line| line.starts_with("    "));
        lines.map(|line| line.trim().trim_end_matches(',').to_owned()).collect()
    };
    let (was, is) = (attributes(&from.definition), attributes(&to.definition));
    let common = was.iter().zip(&is).take_while(|(a, b)| a == b).count();
    let name = |attribute: &str| words(Dialect::Postgres, attribute).first().map(|word| word.text.to_owned());
    let dropped =
        was[common..].iter().filter_map(|attribute| Some(format!("DROP ATTRIBUTE {}", name(attribute)?)));
    let added = is[common..].iter().map(|attribute| format!("ADD ATTRIBUTE {attribute}"));
    let changes: Vec<_> = dropped.chain(added).collect();
    let step =
        |changes: &[String]| Step::new(format!("ALTER TYPE {}\n    {};", to.name, changes.join(",\n    ")));
    (!changes.is_empty()).then(|| vec![step(&changes)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Kind;

    fn object(definition: &str) -> Object {
        Object { kind: Kind::Enum, name: "public.e".to_owned(), definition: definition.to_owned() }
    }

    fn added(from: &str, to: &str) -> Option<Vec<String>> {
        let text = |labels: &str| object(&format!("CREATE TYPE public.e AS ENUM ({labels});"));
        let steps = added_labels(&text(from), &text(to), &Schema::default())?;
        Some(steps.into_iter().map(|step| step.sql).collect())
    }

    #[test]
    fn labels_are_added_in_their_places() {
        assert_eq!(
            added("'b'", "'a', 'b', 'c'").unwrap(),
            ["ALTER TYPE public.e ADD VALUE 'a' BEFORE 'b';", "ALTER TYPE public.e ADD VALUE 'c' AFTER 'b';"]
        );
        assert_eq!(added("'a', 'b'", "'b', 'a'"), None);
        assert_eq!(added("'a', 'b'", "'a'"), None);
        let wanted = Schema::new(vec![object("DEFAULT 'c'::public.e")]);
        assert_eq!(added_labels(&object("('a')"), &object("('a', 'c')"), &wanted), None);
    }

    #[test]
    fn a_domain_is_altered() {
        let altered = |from: &str, to: &str| {
            let steps = altered_domain(&object(from), &object(to))?;
            Some(steps.into_iter().map(|step| step.sql).collect::<Vec<_>>())
        };
        let from = "CREATE DOMAIN public.e AS integer DEFAULT 1 NOT NULL\n    CONSTRAINT a CHECK ((VALUE > 0))\n    CONSTRAINT b CHECK ((VALUE < 9));";
        let to = "CREATE DOMAIN public.e AS integer\n    CONSTRAINT a CHECK ((VALUE > 1))\n    CONSTRAINT b CHECK ((VALUE < 9));";
        let down =
            ["DROP CONSTRAINT a", "DROP DEFAULT", "DROP NOT NULL", "ADD CONSTRAINT a CHECK ((VALUE > 1))"];
        assert_eq!(altered(from, to).unwrap(), down.map(|change| format!("ALTER DOMAIN public.e {change};")));
        assert_eq!(altered("CREATE DOMAIN public.e AS integer;", "CREATE DOMAIN public.e AS bigint;"), None);
    }
}
