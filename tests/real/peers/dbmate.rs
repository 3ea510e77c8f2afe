//! dbmate: up and down in one file, versions that are compared as text, no checksums and no dates. Its program
//! comes from npm (`test.sh` installs it where there is npm); without it these tests are skipped, and say so.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{File, Tool, url, write};
use crate::checks::nothing_is_left_to_do;
use crate::support::database::{Db, each_database};
use crate::support::project::Output;

const DBMATE: Tool = Tool { name: "dbmate", table: "schema_migrations", columns: "version", run };

/// What `DBMATE` names, or what npm has put into `target`.
fn program() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/npm/node_modules/.bin/dbmate");
    let program = std::env::var_os("DBMATE").map_or(installed, PathBuf::from);
    program.exists().then_some(program)
}

fn run(db: &Db, folder: &Path) -> Output {
    let mut url = url(db);
    if db.is_postgres() && !url.contains("sslmode=") {
        url += if url.contains('?') { "&sslmode=disable" } else { "?sslmode=disable" };
    }
    let mut dbmate = Command::new(program().unwrap());
    dbmate.args(["--url", &url, "--no-dump-schema", "--migrations-dir"]).arg(folder).arg("up");
    Output::of(dbmate.current_dir(folder), &["dbmate"])
}

/// Runs a test on each database, where dbmate is there.
fn on_each(test: impl Fn(&Db)) {
    if program().is_some() {
        return each_database(test);
    }
    // not by `eprintln`: the harness would swallow it
    let what = "skipped: no dbmate (npm install --prefix target/npm dbmate, or set DBMATE)";
    let _ = writeln!(std::io::stderr(), "{what}");
}

const SIZES: File = (
    "20240101000000_größen.sql",
    "-- migrate:up\r\nCREATE TABLE sizes (\r\n    id integer PRIMARY KEY,\r\n    label varchar(40) NOT NULL DEFAULT '36½'\r\n);\r\n\r\n-- migrate:down\r\nDROP TABLE sizes;\r\n",
);
const OUTSIDE: File = (
    "20240102000000_outside.sql",
    "-- migrate:up transaction:false\nCREATE INDEX sizes_by_label ON sizes (label);\n-- migrate:down\n",
);
const TEN: File = (
    "10_ten.sql",
    "-- migrate:up\nCREATE TABLE ten (id integer PRIMARY KEY);\n-- migrate:down\nDROP TABLE ten;\n",
);
/// Comes behind `10` here, and before it where versions are numbers.
const NINE: File =
    ("9_nine.sql", "-- migrate:up\nINSERT INTO ten VALUES (9);\n-- migrate:down\nDELETE FROM ten;\n");
const ELEVEN: File =
    ("010_eleven.sql", "-- migrate:up\nCREATE TABLE eleven (id integer PRIMARY KEY);\n-- migrate:down\n");
const REST: File = (
    "20240103000000_rest.sql",
    "-- migrate:up\nCREATE TABLE rest (id integer PRIMARY KEY);\n-- migrate:down\n",
);

#[test]
fn a_history_is_taken_over() {
    on_each(|db| DBMATE.is_taken_over(db, &[SIZES, TEN, NINE, ELEVEN], REST));
}

#[test]
fn a_migration_without_a_transaction_is_taken_over() {
    on_each(|db| {
        let project = DBMATE.past(db, &[SIZES, OUTSIDE]);
        project.run(db, &DBMATE.import()).ok().says("2 recorded");
        project.run(db, &["schema", "snapshot"]).ok();
        nothing_is_left_to_do(&project, db);
        project.run(db, &["schema", "check"]).ok().says("schema check: passed");
    });
}

#[test]
fn whatever_does_not_fit_is_refused_by_name() {
    on_each(|db| {
        let project = DBMATE.past(db, &[SIZES, TEN]);
        project.remove("migrations/10_ten.sql");
        DBMATE.is_refused(
            &project,
            db,
            &["version 10 of `schema_migrations`", "no migration in module `app`"],
        );
        write(&project, &[ELEVEN]);
        DBMATE.is_refused(
            &project,
            db,
            &["version 10 of `schema_migrations`", "no migration in module `app`"],
        );
        write(&project, &[TEN]);
        project.run(db, &DBMATE.import()).ok().says("2 recorded");
    });
}

/// dbmate keeps no checksum: the import cannot see an edited file, and the check of the schema does.
#[test]
fn an_edited_file_is_found_by_the_schema_check() {
    on_each(|db| {
        let project = DBMATE.past(db, &[SIZES, TEN]);
        project.edit("migrations/10_ten.sql", "id integer", "id bigint");
        write(&project, &[REST]);
        project.run(db, &DBMATE.import()).ok().says("2 recorded");
        project.run(db, &["schema", "snapshot"]).ok();
        let dump = db.dump();
        project.run(db, &["migrate", "--locked"]).exits(3).says("ten`, column id is different");
        assert_eq!(db.dump(), dump);
    });
}
