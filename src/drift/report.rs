//! Differences as a unified diff: one section per object, its whole definitions on both sides.
//!
//! Lines that no tool takes for a part of it stand before each section and say what counts: the whole
//! definitions may differ in more than that, such as the places of columns.

use std::fmt::Write as _;

use super::{Change, Difference, Drift};
use crate::schema::{Kind, Schema};

/// Everything that is the matter with one object.
#[derive(Clone, Debug)]
pub struct Section<'a> {
    /// Its kind.
    pub kind: Kind,
    /// Its name.
    pub name: &'a str,
    /// What counts.
    pub differences: Vec<&'a Difference>,
    /// Both definitions as a unified diff.
    pub patch: String,
}

/// What the two sides are called.
#[derive(Clone, Copy, Debug)]
pub struct Sides {
    /// That which must be.
    pub expected: &'static str,
    /// That which is.
    pub actual: &'static str,
}

impl Sides {
    /// Of a check.
    pub const CHECK: Self = Self { expected: "expected", actual: "actual" };
    /// Of two databases.
    pub const PAIR: Self = Self { expected: "a", actual: "b" };
}

impl Difference {
    /// What is the matter, on one line.
    pub fn head(&self) -> String {
        let part = self.part.as_ref().map(|part| format!(", {part}")).unwrap_or_default();
        let head = format!("{} `{}`{part} is {}", self.kind, self.name, self.change.name());
        // a name may hold a line that others would take for one of ours
        head.replace(char::is_control, "?")
    }
}

/// The differences that count, object by object.
pub fn sections<'a>(drift: &'a Drift, expected: &Schema, actual: &Schema, sides: Sides) -> Vec<Section<'a>> {
    let mut sections: Vec<Section<'a>> = Vec::new();
    for difference in &drift.differences {
        let (kind, name) = (difference.kind, difference.name.as_str());
        let section = sections.iter_mut().find(|section| (section.kind, section.name) == (kind, name));
        if let Some(section) = section {
            section.differences.push(difference);
        } else {
            let patch = patch(difference, expected, actual, sides);
            sections.push(Section { kind, name, differences: vec![difference], patch });
        }
    }
    sections
}

fn patch(difference: &Difference, expected: &Schema, actual: &Schema, sides: Sides) -> String {
    let (kind, name) = (difference.kind, difference.name.as_str());
    let text = |schema: &Schema| schema.find(kind, name).map(|object| format!("{}\n", object.definition));
    let whole = difference.part.is_none();
    let old = text(expected).filter(|_| !(whole && difference.change == Change::Extra));
    let new = text(actual).filter(|_| !(whole && difference.change == Change::Missing));
    // as git does: a tab ends a name that holds blanks
    let file = |side: &str, text: &Option<String>| match text {
        Some(_) => format!("{side}/{kind} {}\t", name.replace(char::is_control, "?")),
        None => "/dev/null".to_owned(),
    };
    let (from, to) = (file(sides.expected, &old), file(sides.actual, &new));
    let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
    let diff = similar::TextDiff::from_lines(&old, &new);
    diff.unified_diff().context_radius(3).header(&from, &to).to_string()
}

/// All sections as one text.
pub fn unified(sections: &[Section<'_>]) -> String {
    let mut text = String::new();
    for section in sections {
        for difference in &section.differences {
            let _ = writeln!(text, "drift: {}", difference.head());
        }
        text.push_str(&section.patch);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::drift::{Filter, Policy, compare};
    use crate::schema::Object;

    fn schema(objects: &[(&str, &str)]) -> Schema {
        let object = |(name, definition): &(&str, &str)| Object {
            kind: Kind::Table,
            name: (*name).to_owned(),
            definition: (*definition).to_owned(),
        };
        Schema::new(objects.iter().map(object).collect())
    }

    #[test]
    fn one_section_per_object() {
        let policy = Policy {
            dialect: Dialect::Sqlite,
            strict: true,
            ignore: Vec::new(),
            filter: Filter::default(),
            every_schema: false,
            lenient_text: false,
        };
        let expected = schema(&[("a", "CREATE TABLE a (x int, y int);"), ("c", "CREATE TABLE c (x int);")]);
        let actual = schema(&[("a", "CREATE TABLE a (x text);"), ("b d", "CREATE TABLE \"b d\" (x int);")]);
        let drift = compare(&expected, &actual, &policy);
        let text = unified(&sections(&drift, &expected, &actual, Sides::CHECK));
        let wanted = "\
drift: table `a`, column x is different
drift: table `a`, column y is missing
--- expected/table a\t
+++ actual/table a\t
@@ -1 +1 @@
-CREATE TABLE a (x int, y int);
+CREATE TABLE a (x text);
drift: table `c` is missing
--- expected/table c\t
+++ /dev/null
@@ -1 +0,0 @@
-CREATE TABLE c (x int);
drift: table `b d` is extra
--- /dev/null
+++ actual/table b d\t
@@ -0,0 +1 @@
+CREATE TABLE \"b d\" (x int);
";
        assert_eq!(text, wanted);
    }
}
