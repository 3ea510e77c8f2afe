//! Databases that other tools have really made are taken over.
//!
//! `tests/fixtures/peers` builds the migrators of refinery and diesel, and crates that call them; dbmate's
//! program comes from npm. Each test lets the real tool run the first migrations of a folder, imports its
//! history, and runs the rest. What each tool shares with the others is here.

mod crates;
mod dbmate;
mod diesel;
mod mirror;
mod refinery;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::checks::{nothing_is_left_to_do, schema};
use crate::support::database::Db;
use crate::support::project::{Output, Project};

/// Where the fixture's programs are built, once for all runs of the tests.
fn target() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("peers")
}

/// A program of `tests/fixtures/peers`.
fn program(name: &str) -> Command {
    static BUILT: OnceLock<()> = OnceLock::new();
    BUILT.get_or_init(|| {
        build(&["--bins"]);
        build(&["--bin", "refinery-int8", "--features", "int8-versions"]);
    });
    Command::new(target().join("debug").join(name))
}

fn build(what: &[&str]) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/peers");
    let mut cargo = Command::new("cargo");
    cargo.args(["build", "--locked", "--quiet"]).args(what).current_dir(fixture);
    let output = cargo.env("CARGO_TARGET_DIR", target()).output().unwrap();
    assert!(output.status.success(), "cargo build: {}", String::from_utf8_lossy(&output.stderr));
}

/// The database as these tools' clients want it named: they take a folder of sockets for one more host.
fn url(db: &Db) -> String {
    let url = db.url().replacen("mariadb:", "mysql:", 1);
    if url.contains("?host=") { url.replacen("@localhost/", "@/", 1) } else { url }
}

/// A tool, about to run on the migrations of a project; what it has done, line by line.
struct Tool<'a> {
    /// As `import` calls it.
    name: &'a str,
    /// Its table.
    table: &'a str,
    /// All columns of its table as one text.
    columns: &'a str,
    /// Runs it with a URL and a folder.
    run: fn(&Db, &Path) -> Output,
}

/// A file below `migrations`, and its text.
type File<'a> = (&'a str, &'a str);

impl Tool<'_> {
    /// Its table, row by row.
    fn rows(&self, db: &Db) -> Vec<String> {
        db.query(&format!("SELECT concat_ws('|', {}) FROM {} ORDER BY 1", self.columns, self.table))
    }

    fn migrate(&self, project: &Project, db: &Db) -> Output {
        (self.run)(db, &project.join("migrations")).ok()
    }

    /// A project with these files, all of which the tool has run.
    fn past(&self, db: &Db, files: &[File]) -> Project {
        let project = Project::with_config(&format!("cargo: off\nformat: {}\n", self.name));
        write(&project, files);
        self.migrate(&project, db);
        assert_eq!(self.rows(db).len(), files.len(), "{:?}", self.rows(db));
        project
    }

    /// Whether `migrate` can see that this tool was here.
    fn is_known_by_its_table(&self) -> bool {
        db_migrations::database::FOREIGN_TABLES.iter().any(|(table, _)| *table == self.table)
    }

    fn import(&self) -> [&str; 4] {
        ["import", self.name, "--table", self.table]
    }

    /// Nothing runs twice, the rest runs, the schema is that of a fresh database, and the tool still has
    /// nothing to do.
    fn is_taken_over(&self, db: &Db, first: &[File], rest: File) {
        let project = self.past(db, first);
        let rows = self.rows(db);
        write(&project, &[rest]);
        if self.is_known_by_its_table() {
            project.run(db, &["migrate"]).exits(7).says(&format!("import {} --module", self.name));
        }
        project
            .run(db, &self.import())
            .ok()
            .says(&format!("{} recorded, 0 were recorded before", first.len()));
        project.run(db, &self.import()).ok().says(&format!("0 recorded, {} were", first.len()));
        project.run(db, &["schema", "snapshot"]).ok();
        project
            .run(db, &["migrate", "--locked"])
            .ok()
            .says("1 migration committed")
            .says("schema check: passed");
        nothing_is_left_to_do(&project, db);
        assert_eq!(self.rows(db), rows, "its table is untouched");

        self.has_nothing_to_do(&project, db, rest);
        self.is_as_if_fresh(&project, db, first.len() + 1);
    }

    /// It would run none of the first migrations again.
    fn has_nothing_to_do(&self, project: &Project, db: &Db, rest: File) {
        let dump = db.dump();
        let only_first = Project::new();
        for (path, text) in project.tree() {
            only_first.write(&path, text);
        }
        only_first.remove(&format!("migrations/{}", rest.0.split('/').next().unwrap()));
        let said = self.migrate(&only_first, db).stdout;
        assert_eq!(said, "", "{} ran something again", self.name);
        assert_eq!(db.dump(), dump);
    }

    fn is_as_if_fresh(&self, project: &Project, db: &Db, count: usize) {
        let fresh = db.another();
        project.run(&fresh, &["migrate", "--locked"]).ok().says(&format!("{count} migrations committed"));
        db.execute(&format!("DROP TABLE {}", self.table));
        // SQLite keeps the text of each statement, line ends and all
        assert_eq!(schema(project, db).replace("\r\n", "\n"), schema(project, &fresh));
        assert_eq!(db.dump_schema().replace("\r\n", "\n"), fresh.dump_schema());
    }

    /// The import is refused for a reason with these words, and nothing has changed.
    fn is_refused(&self, project: &Project, db: &Db, words: &[&str]) {
        let (dump, tree) = (db.dump(), project.tree());
        let output = project.run(db, &self.import()).exits(7);
        for word in words {
            assert!(output.stderr.contains(word), "`{word}` is not in {output}");
        }
        assert_eq!(output.stderr.matches("error:").count(), 1, "{output}");
        assert_eq!(db.dump(), dump);
        assert_eq!(project.tree(), tree);
    }
}

fn write(project: &Project, files: &[File]) {
    for (path, text) in files {
        project.write(&format!("migrations/{path}"), text);
    }
}
