//! The scripts between schemas of published crates and edited ones: there, by way of what keeps all
//! rows, and back.

use std::time::Instant;

use db_migrations::diff::rename::{Rename, statements, suggested};
use db_migrations::diff::{Script, Style, losses, retain, script};
use db_migrations::drift::between;
use db_migrations::schema::Schema;

use crate::edits::{Change, Edit, Editor};
use crate::law::{carry_out, dialect, introspect, rest};
use crate::schemas;
use crate::support::database::Db;

/// How many candidates of each edit: one, or what the environment says.
fn wanted_edits() -> usize {
    std::env::var("DB_MIGRATIONS_EDITS").map_or(1, |number| number.parse().unwrap())
}

/// A schema, and the databases that are needed for it.
struct Real {
    original: Db,
    schema: Schema,
    /// As the original, before and after each edit.
    from: Db,
    tried: usize,
    findings: Vec<String>,
}

impl Real {
    fn new(original: Db) -> Self {
        let schema = introspect(&original);
        let from = original.copy();
        Self { original, schema, from, tried: 0, findings: Vec::new() }
    }

    /// Tries candidates until some of them have been judged.
    fn edit(&mut self, name: &str, changes: &[Change]) {
        let (mut judged, wanted) = (0, wanted_edits());
        for change in changes.iter().take(20 * wanted) {
            if judged == wanted {
                break;
            }
            let Some((db, rename)) = self.changed(change) else { continue };
            let to = introspect(&db);
            if between(dialect(&db), &to, &self.schema).is_empty() {
                continue;
            }
            judged += 1;
            if let Err(finding) = self.law(&to, rename) {
                let what = match change {
                    Change::Sql(sql) => sql.clone(),
                    _ => format!("{rename:?}"),
                };
                self.findings.push(format!("== {name} ({what})\n{finding}"));
                self.from = self.original.copy();
            }
        }
        if judged == 0 {
            println!("  no candidate: {name} ({})", changes.len());
        }
        self.tried += judged;
    }

    /// Of each edit what the database takes, one after the other.
    fn all_at_once(&mut self, edits: &[Edit]) {
        let db = self.original.copy();
        for (_, changes) in edits {
            let mut statements = changes.iter().take(20).filter_map(|change| match change {
                Change::Sql(sql) => Some(sql),
                _ => None,
            });
            statements.find(|sql| db.try_query(sql).is_ok());
        }
        self.tried += 1;
        if let Err(finding) = self.law(&introspect(&db), None) {
            self.findings.push(format!("== all at once\n{finding}"));
        }
    }

    /// The edited schema, if the database takes the edit.
    fn changed<'a>(&self, change: &'a Change) -> Option<(Db, Option<&'a Rename>)> {
        match change {
            Change::Sql(sql) => {
                let db = self.original.copy();
                db.try_query(sql).ok()?;
                Some((db, None))
            }
            Change::Text(text) => Some((self.loaded(text)?, None)),
            Change::Renamed(rename, text) => Some((self.loaded(text)?, Some(rename))),
        }
    }

    /// A declared text in a database of its own. MariaDB looks at foreign keys once more: while it loads a
    /// text it takes such that refer to nothing.
    fn loaded(&self, text: &str) -> Option<Db> {
        let db = self.original.another();
        db.try_load(text).ok()?;
        if db.is_mariadb() {
            let again = "SELECT concat('ALTER TABLE `', table_name, '` FORCE, ALGORITHM=COPY') FROM information_schema.tables WHERE table_schema = database() AND table_type = 'BASE TABLE'";
            db.try_query(&db.query(again).join("; ")).ok()?;
            let nowhere = "SELECT count(*) FROM information_schema.referential_constraints WHERE constraint_schema = database() AND referenced_table_name NOT IN (SELECT table_name FROM information_schema.tables WHERE table_schema = database())";
            (db.count(nowhere) == 0).then_some(())?;
        }
        Some(db)
    }

    /// Goes from one schema to another; answers with what is there then.
    fn way(&self, from: &Schema, to: &Schema) -> Result<Schema, String> {
        let dialect = dialect(&self.from);
        let way = script(dialect, from, to, Style::default());
        if !way.not_generated.is_empty() {
            return Err(format!("not generated: {:?}{}", way.not_generated, told(&way)));
        }
        carry_out(&self.from, &way).map_err(|error| format!("{error}{}", told(&way)))?;
        let now = introspect(&self.from);
        let rest = rest(dialect, to, &now);
        if rest.is_empty() { Ok(now) } else { Err(format!("{rest}{}", told(&way))) }
    }

    fn law(&self, to: &Schema, rename: Option<&Rename>) -> Result<(), String> {
        let dialect = dialect(&self.from);
        if let Some(rename) = rename {
            let seen = suggested(dialect, &self.schema, to, &[]);
            if !seen.contains(rename) {
                return Err(format!("not suggested, but {seen:?}"));
            }
            let sql = statements(dialect, rename).join("\n");
            self.from.try_query(&sql).map_err(|error| format!("{error}\n{sql}"))?;
        }
        let before = introspect(&self.from);
        let lost = losses(dialect, &before, to);
        let mut now = before.clone();
        if !lost.is_empty() {
            let kept = retain(dialect, &before, to, &lost);
            now = self.way(&now, &kept).map_err(|error| format!("keeping: {error}"))?;
        }
        now = self.way(&now, to).map_err(|error| format!("losing: {error}"))?;
        if let Some(rename) = rename {
            let sql = statements(dialect, &rename.reversed()).join("\n");
            self.from.try_query(&sql).map_err(|error| format!("{error}\n{sql}"))?;
            now = introspect(&self.from);
        }
        self.way(&now, &self.schema).map_err(|error| format!("back: {error}"))?;
        Ok(())
    }
}

/// What a script says, for people.
fn told(script: &Script) -> String {
    script.steps.iter().map(|step| format!("\n{}", step.sql)).collect()
}

fn judge(name: &str, build: fn() -> Option<Db>) {
    let start = Instant::now();
    let Some(original) = build() else { return };
    let built = start.elapsed();
    let mut real = Real::new(original);
    let schema = real.schema.clone();
    let dialect = dialect(&real.original);
    let editor = Editor::new(dialect, &schema);
    let edits = editor.edits();
    for (name, changes) in &edits {
        real.edit(name, changes);
    }
    real.all_at_once(&edits);
    let (mut tried, mut findings) = (real.tried, std::mem::take(&mut real.findings));
    // the tables under views
    let viewed = editor.views().into_iter().find_map(|change| Some(real.changed(&change)?.0));
    if let Some(viewed) = viewed {
        let mut real = Real::new(viewed);
        let schema = real.schema.clone();
        real.edit("a table under views", &Editor::new(dialect, &schema).under_views());
        tried += real.tried;
        findings.append(&mut real.findings);
    }
    let seconds = start.elapsed().as_secs_f32();
    println!(
        "{name}: {} tables, {} objects, {tried} edits, {} findings, {seconds:.1} s ({:.1} s to build)",
        editor.tables(),
        schema.objects.len(),
        findings.len(),
        built.as_secs_f32()
    );
    assert!(tried >= 10, "only {tried} edits");
    assert!(findings.is_empty(), "{}", findings.join("\n"));
}

#[test]
fn m1() {
    judge("m1", schemas::m1);
}

#[test]
fn m2() {
    judge("m2", schemas::m2);
}

#[test]
fn m3() {
    judge("m3", schemas::m3);
}

#[test]
fn diesel() {
    judge("diesel", schemas::diesel);
}

#[test]
fn zksync() {
    judge("zksync", schemas::zksync);
}

#[test]
fn hammerwork() {
    judge("hammerwork", schemas::hammerwork);
}

#[test]
fn torrust_on_mariadb() {
    judge("torrust, MariaDB", schemas::torrust_mariadb);
}

#[test]
fn torrust_on_sqlite() {
    judge("torrust, SQLite", schemas::torrust_sqlite);
}

#[test]
fn lemmy() {
    judge("lemmy", schemas::lemmy);
}
