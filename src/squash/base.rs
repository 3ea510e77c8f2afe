//! The text of a base, and the file in which it stands.
//!
//! What it replaces comes first, then the schema, then the statements that are kept, each with the migration
//! that it comes from; what is left to a hand is a comment at the end.

use std::fmt::Write as _;

use crate::generate::{NewFile, files};
use crate::id::MigrationId;
use crate::migration::Former;
use crate::module::Format;

use super::choice::Choice;
use super::sort::{Fate, Sorted};

/// What makes the schema.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Schema {
    /// Its statements.
    pub sql: String,
    /// They rebuild a table, which needs foreign keys to be off (SQLite).
    pub foreign_keys_off: bool,
}

/// What stands in a base.
#[derive(Clone, Copy, Debug)]
pub struct Base<'a> {
    /// What it stands for.
    pub choice: &'a Choice,
    /// What makes the schema.
    pub schema: &'a Schema,
    /// The statements of what it replaces.
    pub statements: &'a [Sorted],
    /// What it stands for on the databases for which it is.
    pub formers: &'a [Former],
    /// Where counters go on.
    pub counters: &'a [String],
    /// What fills materialized views.
    pub refreshes: &'a [String],
}

/// Directives are no longer than this, if ids allow it.
const WIDTH: usize = 110;

impl Base<'_> {
    /// Its text.
    pub fn text(&self) -> String {
        let mut text = String::new();
        directive(&mut text, "replaces", self.formers.iter().map(ToString::to_string));
        directive(&mut text, "depends-on", self.choice.depends_on.iter().map(ToString::to_string));
        if self.schema.foreign_keys_off {
            text.push_str("-- db-migrations: foreign-keys off\n");
        }
        let (module, count) = (&self.choice.module, self.choice.ids.len());
        let _ = writeln!(
            text,
            "--\n-- The base of `{module}`: what {count} of its migrations made. Written and proved by"
        );
        text.push_str("-- `db-migrations squash`; a database that ran all of them does not run it.\n");
        if !self.schema.sql.trim().is_empty() {
            let _ = writeln!(text, "\n{}", self.schema.sql.trim_end());
        }
        self.kept(&mut text);
        for (title, statements) in
            [("Where its counters go on.", self.counters), ("What its views show.", self.refreshes)]
        {
            if !statements.is_empty() {
                let _ = writeln!(text, "\n-- {title}\n\n{}", statements.join("\n"));
            }
        }
        self.by_hand(&mut text);
        text
    }

    fn kept(&self, text: &mut String) {
        let mut from: Option<&MigrationId> = None;
        for one in self.statements.iter().filter(|one| one.fate == Fate::Kept) {
            if from.is_none() {
                text.push_str("\n-- What they did to rows and rights, in their order.\n");
            }
            if from != Some(&one.from) {
                let _ = writeln!(text, "\n-- from {}", one.from);
            }
            from = Some(&one.from);
            let _ = writeln!(text, "{};", one.text);
        }
    }

    fn by_hand(&self, text: &mut String) {
        let mut is_first = true;
        for one in self.statements {
            let Some(why) = one.fate.by_hand() else { continue };
            if std::mem::take(&mut is_first) {
                text.push_str("\n-- Not in the base: look whether anything of it must be.\n");
            }
            let why = why.split_whitespace().collect::<Vec<_>>().join(" ");
            let _ = writeln!(text, "--\n-- from {}, line {}: {why}", one.from, one.line);
            // for some databases a lone carriage return ends a comment
            for line in one.text.split(['\r', '\n']).filter(|line| !line.is_empty()) {
                let _ = writeln!(text, "{}", format!("--   {line}").trim_end());
            }
        }
    }
}

/// A directive with many arguments, over as many lines as it needs.
fn directive(text: &mut String, word: &str, arguments: impl Iterator<Item = String>) {
    let mut line = String::new();
    for argument in arguments {
        if !line.is_empty() && line.len() + argument.len() + 1 > WIDTH {
            let _ = writeln!(text, "{line}");
            line.clear();
        }
        if line.is_empty() {
            line = format!("-- db-migrations: {word}");
        }
        let _ = write!(line, " {argument}");
    }
    if !line.is_empty() {
        let _ = writeln!(text, "{line}");
    }
}

/// The file of a base in a format, and whether that format can hold one: `None` where it cannot.
pub fn in_format(format: Format, version: &str, slug: &str, text: &str) -> Option<NewFile> {
    let mut file = files(format, version, Some(version), slug, &[], false).into_iter().next()?;
    file.text = match format {
        Format::Goose => return None, // a dump cannot be cut into statements as goose wants it
        // dbmate wants both sections
        Format::Dbmate => format!("-- migrate:up\n{text}\n-- migrate:down\n"),
        _ => text.to_owned(),
    };
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;
    use crate::id::{Namespace, Version};
    use crate::sql;

    #[test]
    fn a_base_says_all_of_it() {
        let ids: Vec<MigrationId> = vec!["a::1_x".parse().unwrap(), "a::2_y".parse().unwrap()];
        let choice = Choice {
            module: Namespace::new("a").unwrap(),
            formers: ids.iter().cloned().map(Into::into).collect(),
            depends_on: vec!["b::1_z".parse().unwrap()],
            base: "a::2_base".parse().unwrap(),
            version: Version::number("2").unwrap(),
            version_text: "2".to_owned(),
            ids,
        };
        let one = |text: &str, fate| Sorted {
            from: "a::2_y".parse().unwrap(),
            path: "x.sql".to_owned(),
            line: 3,
            text: text.to_owned(),
            fate,
        };
        let statements = [
            one("INSERT INTO t VALUES (1) -- db-migrations: x", Fate::Kept),
            one("DO $$\r-- db-migrations: phase contract\r\n$$", Fate::Hand("told\nby running".to_owned())),
        ];
        let schema = Schema { sql: "CREATE TABLE t (a int);\n".to_owned(), foreign_keys_off: true };
        let of = |statements: &[Sorted]| {
            let (schema, formers) = (&schema, &choice.formers[..]);
            Base { choice: &choice, schema, statements, formers, counters: &[], refreshes: &[] }.text()
        };
        let text = of(&statements[1..]);
        let found = sql::directives(Some(Dialect::Postgres), &text).unwrap();
        assert_eq!((found.depends_on.len(), found.foreign_keys), (1, Some(false)));
        assert_eq!(sql::split(Dialect::Postgres, &text).unwrap().len(), 1);
        assert!(text.ends_with("-- from a::2_y, line 3: told by running\n--   DO $$\n--   -- db-migrations: phase contract\n--   $$\n"));
        let text = of(&statements);
        assert!(text.contains("\n-- from a::2_y\nINSERT INTO t"));
    }

    #[test]
    fn long_directives_are_several() {
        let mut text = String::new();
        directive(&mut text, "replaces", (0..40).map(|n| format!("app::202401010000{n:02}_x")));
        assert!(text.lines().count() > 5 && text.lines().all(|line| line.len() <= WIDTH));
        assert!(text.lines().all(|line| line.starts_with("-- db-migrations: replaces app::")));
    }
}
