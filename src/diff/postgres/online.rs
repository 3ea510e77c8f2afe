//! Statements that would lock a table for as long as it is long, in forms that do not.
//!
//! An index is built `CONCURRENTLY`, which no transaction may hold; a constraint is added `NOT VALID` and
//! validated later, which lets others write; a column becomes `NOT NULL` by a check that has been
//! validated, so that nothing is scanned under a lock; a key takes over an index that was built so.

use super::super::Step;
use super::routine::create;
use crate::schema::{Kind, Object};

/// What is put around the ordinary statements.
pub(super) struct Online {
    wanted: bool,
    before: Vec<Step>,
    alone: Vec<Step>,
    behind: Vec<Step>,
    /// Foreign keys: they may point at a key that comes with the rest.
    last: Vec<Step>,
}

impl Online {
    pub(super) const fn new(wanted: bool) -> Self {
        Self { wanted, before: Vec::new(), alone: Vec::new(), behind: Vec::new(), last: Vec::new() }
    }

    /// Takes over the drop of an index.
    pub(super) fn drops(&mut self, index: &Object) -> bool {
        if self.wanted {
            self.before.push(Step::alone(format!("DROP INDEX CONCURRENTLY {};", index.name)));
        }
        self.wanted
    }

    /// Takes over an index or a foreign key of a table that has rows.
    pub(super) fn creates(&mut self, object: &Object) -> bool {
        if !self.wanted {
            return false;
        }
        let text = create(object);
        match object.kind {
            Kind::Index => {
                self.alone.push(Step::alone(text.replacen(" INDEX ", " INDEX CONCURRENTLY ", 1)));
                true
            }
            Kind::ForeignKey if !text.ends_with(" NOT VALID;") => {
                let (table, name) = super::split_last(&object.name);
                let added = self.last.iter().take_while(|step| !step.alone).count();
                self.last.insert(added, Step::new(text.replace(';', " NOT VALID;")));
                self.last.push(Step::alone(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};")));
                true
            }
            _ => false,
        }
    }

    fn behind_validated(&mut self, table: &str, name: &str, add: Step) {
        self.before_alone(add);
        self.alone.push(Step::alone(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};")));
    }

    fn before_alone(&mut self, step: Step) {
        let at = self.alone.iter().take_while(|step| !step.alone).count();
        self.alone.insert(at, step);
    }

    /// The clause that adds a constraint now; none where it comes later.
    pub(super) fn adds(&mut self, table: &str, name: &str, text: &str) -> Option<String> {
        let clause = format!("ADD {text}");
        if !self.wanted {
            return Some(clause);
        }
        let what = text.split_once(&format!("CONSTRAINT {name} ")).map_or("", |(_, what)| what);
        if what.starts_with("CHECK ") {
            self.alone.push(Step::alone(format!("ALTER TABLE {table} VALIDATE CONSTRAINT {name};")));
            return Some(format!("{clause} NOT VALID"));
        }
        let Some((kind, columns, rest)) = key(what) else { return Some(clause) };
        self.alone
            .push(Step::alone(format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {table} {columns};")));
        let takes_over =
            format!("ALTER TABLE {table} ADD CONSTRAINT {name} {kind} USING INDEX {name}{rest};");
        self.behind.push(Step::new(takes_over));
        None
    }

    /// Takes over a `SET NOT NULL`.
    pub(super) fn becomes_not_null(&mut self, table: &str, column: &str) -> bool {
        if !self.wanted {
            return false;
        }
        let check = format!(
            "\"db_migrations_{}_not_null\"",
            super::super::text::unquoted(column).replace('"', "\"\"")
        );
        let add =
            format!("ALTER TABLE {table} ADD CONSTRAINT {check} CHECK ({column} IS NOT NULL) NOT VALID;");
        self.behind_validated(table, &check, Step::new(add));
        self.behind.push(Step::new(format!(
            "ALTER TABLE {table}\n    ALTER COLUMN {column} SET NOT NULL,\n    DROP CONSTRAINT {check};"
        )));
        true
    }

    /// All statements in their order.
    pub(super) fn around(self, steps: Vec<Step>) -> Vec<Step> {
        self.before.into_iter().chain(steps).chain(self.alone).chain(self.behind).chain(self.last).collect()
    }
}

/// The kind, the columns and the rest of a key that can take over an index.
fn key(text: &str) -> Option<(&'static str, &str, &str)> {
    let kind = ["PRIMARY KEY", "UNIQUE"].into_iter().find(|kind| text.starts_with(&format!("{kind} (")))?;
    let list = &text[kind.len() + 1..];
    let (columns, rest) = list.split_at(list.find(')')? + 1);
    (!rest.contains(" INCLUDE ") && !rest.contains(" WITH ")).then_some((kind, columns, rest))
}
