//! The difference between the schema that must be and the one that is.
//!
//! Blocks are matched by kind and name and compared as text, then as tokens, then (tables) part by
//! part, so that an extra column is extra and a column at another place is nothing. What counts is
//! said by [`Policy`]; nothing here knows where either schema came from.

mod filter;
mod report;

use std::collections::{HashMap, HashSet};

use crate::dialect::Dialect;
use crate::schema::{Kind, Object, Schema};
use crate::sql;

pub use filter::Filter;
pub use report::{Section, Sides, sections, unified};

/// What counts as drift.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The database.
    pub dialect: Dialect,
    /// Extra objects and parts count, too.
    pub strict: bool,
    /// Glob patterns over `kind name` that never count.
    pub ignore: Vec<glob::Pattern>,
    /// Which objects count at all.
    pub filter: Filter,
    /// So do extra objects in schemas that the expected one does not name (PostgreSQL).
    pub every_schema: bool,
    /// Both schemas come from different major versions of the server: text alone may differ.
    pub lenient_text: bool,
}

impl Policy {
    /// All of it counts, wherever it is.
    pub fn exact(dialect: Dialect) -> Self {
        Self {
            dialect,
            strict: true,
            ignore: Vec::new(),
            filter: Filter::default(),
            every_schema: true,
            lenient_text: false,
        }
    }
}

/// What is the matter with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Expected, and not there.
    Missing,
    /// There, and not expected.
    Extra,
    /// Not what it must be.
    Different,
    /// The same under another name that the server made up.
    Renamed,
}

impl Change {
    /// The word in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Extra => "extra",
            Self::Different => "different",
            Self::Renamed => "renamed",
        }
    }
}

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The kind of the object.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// The part of a table that is meant: `column id`.
    pub part: Option<String>,
    /// What is the matter.
    pub change: Change,
    /// What must be.
    pub expected: Option<String>,
    /// What is.
    pub actual: Option<String>,
}

impl Difference {
    /// What is the matter, for people: one line, and below it what must be and what is, as a diff where
    /// the texts are long.
    pub fn describe(&self) -> String {
        let head = self.head();
        let (Some(expected), Some(actual)) = (&self.expected, &self.actual) else { return head };
        if expected.lines().count() < 4 && actual.lines().count() < 4 {
            return format!("{head}\n  expected: {expected}\n  actual:   {actual}");
        }
        let (expected, actual) = (format!("{expected}\n"), format!("{actual}\n"));
        let diff = similar::TextDiff::from_lines(&expected, &actual);
        let diff = diff.unified_diff().context_radius(2).header("expected", "actual").to_string();
        format!("{head}\n{}", diff.trim_end())
    }
}

/// All differences.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Drift {
    /// Those that count.
    pub differences: Vec<Difference>,
    /// Those that do not.
    pub notes: Vec<Difference>,
}

impl Drift {
    /// Whether the schema is as it must be.
    pub fn is_empty(&self) -> bool {
        self.differences.is_empty()
    }
}

/// Compares two schemas.
pub fn compare(expected: &Schema, actual: &Schema, policy: &Policy) -> Drift {
    let mut drift = Drift::default();
    let ignored = |object: &Object| {
        let text = format!("{} {}", object.kind, object.name);
        !policy.filter.has(object) || policy.ignore.iter().any(|pattern| pattern.matches(&text))
    };
    let index = actual.by_name();
    let mut matched: HashSet<(Kind, &str)> = HashSet::new();
    let mut missing = Vec::new();
    for object in expected.objects.iter().filter(|object| !ignored(object)) {
        let key = (object.kind, object.name.as_str());
        match index.get(&key) {
            Some(is) => {
                matched.insert(key);
                compare_object(&mut drift, object, is, policy);
            }
            None => missing.push(object),
        }
    }
    let schemas = named_schemas(expected);
    let mut extra: Vec<&Object> = actual
        .objects
        .iter()
        .filter(|object| !matched.contains(&(object.kind, object.name.as_str())) && !ignored(object))
        .filter(|object| {
            policy.every_schema || policy.dialect != Dialect::Postgres || in_schemas(object, &schemas)
        })
        .collect();
    settle(&mut drift, missing, &mut extra, policy);
    for object in extra {
        let difference = whole(object, Change::Extra);
        if policy.strict { drift.differences.push(difference) } else { drift.notes.push(difference) }
    }
    drift
}

/// All that tells two schemas apart, extra objects wherever they are.
pub fn between(dialect: Dialect, expected: &Schema, actual: &Schema) -> Drift {
    compare(expected, actual, &Policy::exact(dialect))
}

/// Objects that went and came: the same under a name that the server made up is a note.
fn settle(drift: &mut Drift, missing: Vec<&Object>, extra: &mut Vec<&Object>, policy: &Policy) {
    let mut nameless: HashMap<String, Vec<&Object>> = HashMap::new();
    for object in extra.iter().filter(|object| generated_name(&object.name)) {
        nameless.entry(without_name(object, policy.dialect)).or_default().push(object);
    }
    for object in missing {
        let twin = generated_name(&object.name)
            .then(|| nameless.get_mut(&without_name(object, policy.dialect)).and_then(Vec::pop))
            .flatten();
        match twin {
            Some(twin) => {
                extra.retain(|other| !std::ptr::eq(*other, twin));
                drift.notes.push(Difference {
                    actual: Some(twin.name.clone()),
                    expected: Some(object.name.clone()),
                    ..whole(object, Change::Renamed)
                });
            }
            None => drift.differences.push(whole(object, Change::Missing)),
        }
    }
}

fn whole(object: &Object, change: Change) -> Difference {
    let text = Some(object.definition.clone());
    let (expected, actual) = if change == Change::Extra { (None, text) } else { (text, None) };
    Difference { kind: object.kind, name: object.name.clone(), part: None, change, expected, actual }
}

fn different(expected: &Object, actual: &Object) -> Difference {
    Difference { actual: Some(actual.definition.clone()), ..whole(expected, Change::Different) }
}

fn compare_object(drift: &mut Drift, expected: &Object, actual: &Object, policy: &Policy) {
    if expected.definition == actual.definition {
        return;
    }
    let dialect = policy.dialect;
    if sql::normal_form(dialect, &expected.definition) == sql::normal_form(dialect, &actual.definition) {
        return;
    }
    let line_ends_only = |object: &Object| object.definition.replace('\r', "");
    if line_ends_only(expected) == line_ends_only(actual) {
        // bodies that another checkout's CRLF files made, in a database that was taken over
        drift.notes.push(different(expected, actual));
        return;
    }
    let parts = expected.kind.has_parts().then(|| {
        Some((
            sql::table_parts(dialect, &expected.definition)?,
            sql::table_parts(dialect, &actual.definition)?,
        ))
    });
    if let Some(Some((expected_parts, actual_parts))) = parts {
        compare_parts(drift, expected, &expected_parts, &actual_parts, policy);
        return;
    }
    let difference = different(expected, actual);
    if policy.lenient_text { drift.notes.push(difference) } else { drift.differences.push(difference) }
}

fn compare_parts(
    drift: &mut Drift,
    object: &Object,
    expected: &[sql::Part],
    actual: &[sql::Part],
    policy: &Policy,
) {
    let difference =
        |part: &sql::Part, change, expected: Option<&sql::Part>, actual: Option<&sql::Part>| Difference {
            kind: object.kind,
            name: object.name.clone(),
            part: Some(part.name.clone()),
            change,
            expected: expected.map(|part| part.text.clone()),
            actual: actual.map(|part| part.text.clone()),
        };
    let mut unmatched: Vec<&sql::Part> =
        actual.iter().filter(|part| expected.iter().all(|other| other.name != part.name)).collect();
    for part in expected {
        match actual.iter().find(|other| other.name == part.name) {
            Some(is) if is.text == part.text => {}
            Some(is) => {
                let found = difference(part, Change::Different, Some(part), Some(is));
                if policy.lenient_text { drift.notes.push(found) } else { drift.differences.push(found) }
            }
            None => match unmatched.iter().position(|other| same_but_name(part, other)) {
                Some(at) => {
                    let twin = unmatched.swap_remove(at);
                    drift.notes.push(difference(part, Change::Renamed, Some(part), Some(twin)));
                }
                None => drift.differences.push(difference(part, Change::Missing, Some(part), None)),
            },
        }
    }
    for part in unmatched {
        let found = difference(part, Change::Extra, None, Some(part));
        if policy.strict { drift.differences.push(found) } else { drift.notes.push(found) }
    }
}

/// Two constraints or indexes whose names the server made up, and which are the same otherwise.
fn same_but_name(a: &sql::Part, b: &sql::Part) -> bool {
    let bare = |part: &sql::Part| match part.name.split_once(' ')? {
        ("constraint", name) => generated_name(name).then(|| part.text.replacen(name, "?", 1)),
        ("index", name) => nameless_index(name, &part.text),
        _ => None,
    };
    bare(a).is_some_and(|text| bare(b) == Some(text))
}

/// `t_id_idx1`: a name as PostgreSQL makes them up; `t_ibfk_1`, `t_chk_1` and `CONSTRAINT_1`: as MySQL
/// and MariaDB do.
fn generated_name(name: &str) -> bool {
    let name = name.trim_matches('"');
    let base = name.trim_end_matches(|c: char| c.is_ascii_digit());
    let of_postgres = ["_idx", "_key", "_fkey", "_check", "_pkey", "_excl"];
    let of_mysql = base.len() < name.len()
        && (base == "CONSTRAINT_" || base.ends_with("_ibfk_") || base.ends_with("_chk_"));
    of_mysql || of_postgres.iter().any(|suffix| base.ends_with(suffix))
}

/// The text of an index without its name, if MariaDB or MySQL can have named it after its first column:
/// `email`, `email_2`.
fn nameless_index(name: &str, text: &str) -> Option<String> {
    let (kind, columns) = text.split_once(&format!(" {name}("))?;
    let column = match columns.strip_prefix('"') {
        Some(quoted) => &quoted[..quoted.find('"')?],
        None if columns.starts_with('(') => "functional_index",
        None => columns.split([',', '(', ')', ' ']).next()?,
    };
    let number = name.trim_matches('"').strip_prefix(column)?;
    let numbered = number.strip_prefix('_').is_some_and(|number| number.parse::<u32>().is_ok());
    (number.is_empty() || numbered).then(|| format!("{kind} ?({columns}"))
}

fn without_name(object: &Object, dialect: Dialect) -> String {
    let bare = object.name.rsplit('.').next().unwrap_or(&object.name);
    let definition = object.definition.replacen(bare, "?", 1);
    format!("{} {}", object.kind, sql::normal_form(dialect, &definition))
}

/// The schemas that the expected one speaks of; `public` always counts.
fn named_schemas(expected: &Schema) -> HashSet<String> {
    let mut schemas: HashSet<String> = expected.objects.iter().map(schema_of).collect();
    schemas.insert("public".to_owned());
    schemas
}

fn in_schemas(object: &Object, schemas: &HashSet<String>) -> bool {
    schemas.contains(&schema_of(object))
}

/// The first part of a qualified name; a schema's own name; for a comment, that of its object.
pub fn schema_of(object: &Object) -> String {
    let name = match object.kind {
        Kind::Comment => object.name.rsplit_once(' ').map_or(object.name.as_str(), |(_, name)| name),
        _ => object.name.as_str(),
    };
    let end = if let Some(quoted) = name.strip_prefix('"') {
        quoted.find('"').map_or(name.len(), |at| at + 2)
    } else {
        name.find(['.', '(']).unwrap_or(name.len())
    };
    name[..end].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_server_makes_up() {
        for name in [
            "t_id_idx",
            "t_id_idx1",
            "\"T_id_fkey\"",
            "t_ibfk_1",
            "\"T_ibfk_12\"",
            "\"CONSTRAINT_1\"",
            "t_chk_2",
        ] {
            assert!(generated_name(name), "{name}");
        }
        for name in ["users", "t_ibfk_", "constraint_1", "CONSTRAINT_", "t_chk", "tree2"] {
            assert!(!generated_name(name), "{name}");
        }
    }

    fn same(a: (&str, &str), b: (&str, &str)) -> bool {
        let part = |(name, text): (&str, &str)| sql::Part {
            name: name.to_owned(),
            text: text.to_owned(),
            source: text.to_owned(),
        };
        same_but_name(&part(a), &part(b))
    }

    #[test]
    fn parts_that_only_their_made_up_names_tell_apart() {
        for (a, b) in [
            (
                ("constraint t_ibfk_1", "constraint t_ibfk_1 foreign key(a)"),
                ("constraint t_ibfk_2", "constraint t_ibfk_2 foreign key(a)"),
            ),
            (
                ("constraint \"CONSTRAINT_1\"", "constraint \"CONSTRAINT_1\" check(a)"),
                ("constraint \"CONSTRAINT_2\"", "constraint \"CONSTRAINT_2\" check(a)"),
            ),
            (
                ("index email", "unique key email(email(3),a)"),
                ("index email_2", "unique key email_2(email(3),a)"),
            ),
            (("index e", "key e(e)"), ("index e_3", "key e_3(e)")),
            (
                ("index \"E mail\"", "key \"E mail\"(\"E mail\" desc)"),
                ("index \"E mail_2\"", "key \"E mail_2\"(\"E mail\" desc)"),
            ),
        ] {
            assert!(same(a, b), "{a:?} {b:?}");
        }
        assert!(same(
            ("index functional_index", "key functional_index((a + 1))"),
            ("index functional_index_2", "key functional_index_2((a + 1))"),
        ));
        for (a, b) in [
            (("index email", "key email(email)"), ("index email_2", "unique key email_2(email)")),
            (("index email", "key email(email)"), ("index by_email", "key by_email(email)")),
            (("index email", "key email(email)"), ("index email_2", "key email_2(email,a)")),
            (("index email_x", "key email_x(email)"), ("index email", "key email(email)")),
            (("column a", "a int"), ("column b", "b int")),
        ] {
            assert!(!same(a, b), "{a:?} {b:?}");
        }
    }

    #[test]
    fn a_renumbered_foreign_key_is_a_note() {
        let table = |number: u8| {
            let definition = format!(
                "CREATE TABLE `t` (\n  `a` int(11) DEFAULT NULL,\n  KEY `a{}` (`a`),\n  CONSTRAINT `t_ibfk_{number}` \
                 FOREIGN KEY (`a`) REFERENCES `u` (`id`)\n) ENGINE=InnoDB;",
                if number > 1 { format!("_{number}") } else { String::new() }
            );
            Schema::new(vec![Object { kind: Kind::Table, name: "t".to_owned(), definition }])
        };
        let policy = Policy {
            dialect: Dialect::MariaDb,
            strict: true,
            ignore: Vec::new(),
            filter: Filter::default(),
            every_schema: false,
            lenient_text: false,
        };
        let drift = compare(&table(1), &table(2), &policy);
        assert!(drift.is_empty(), "{drift:?}");
        let notes: Vec<_> = drift.notes.iter().map(|note| (note.part.as_deref(), note.change)).collect();
        assert_eq!(
            notes,
            [(Some("index a"), Change::Renamed), (Some("constraint t_ibfk_1"), Change::Renamed)]
        );
    }
}
