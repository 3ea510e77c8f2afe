//! refinery: versions of four and of eight bytes, files of one more order, other alphabets and line ends.

use std::path::Path;

use super::{File, Tool, program, url, write};
use crate::checks::ids;
use crate::support::database::{Db, each_database};
use crate::support::project::Output;

const COLUMNS: &str = "version, name, applied_on, checksum";

pub(super) const NARROW: Tool =
    Tool { name: "refinery", table: "refinery_schema_history", columns: COLUMNS, run: narrow };
pub(super) const WIDE: Tool = Tool { run: wide, ..NARROW };
pub(super) const RENAMED: Tool = Tool { table: "app_history", run: renamed, ..NARROW };

fn narrow(db: &Db, folder: &Path) -> Output {
    Output::of(program("refinery").arg(url(db)).arg(folder), &["refinery"])
}

fn wide(db: &Db, folder: &Path) -> Output {
    Output::of(program("refinery-int8").arg(url(db)).arg(folder), &["refinery-int8"])
}

fn renamed(db: &Db, folder: &Path) -> Output {
    Output::of(program("refinery").arg(url(db)).arg(folder).arg("app_history"), &["refinery"])
}

const USERS: File = (
    "V1__users.sql",
    "CREATE TABLE users (id integer PRIMARY KEY, name varchar(40) NOT NULL DEFAULT 'Zoë');\n",
);
const SIZES: File = (
    "V2__größen_и_цены.sql",
    "-- Größen\nCREATE TABLE sizes (id integer PRIMARY KEY, label varchar(40));\nINSERT INTO sizes VALUES (1, '36½');",
);
const VISITS: File = (
    "V3__visits.sql",
    "CREATE TABLE visits (\r\n    id integer PRIMARY KEY,\r\n    n integer\r\n);\r\nCREATE INDEX visits_by_n ON visits (n);\r\n",
);
const LAST: File = ("V0010__last.sql", "ALTER TABLE users ADD COLUMN size integer;\n");
const REST: File = ("V11__rest.sql", "CREATE TABLE rest (id integer PRIMARY KEY);\n");

const FIRST: [File; 4] = [USERS, SIZES, VISITS, LAST];

#[test]
fn a_history_is_taken_over() {
    each_database(|db| {
        NARROW.is_taken_over(db, &FIRST, REST);
    });
}

#[test]
fn its_dates_are_kept() {
    each_database(|db| {
        let project = NARROW.past(db, &FIRST);
        db.execute("UPDATE refinery_schema_history SET applied_on = '2024-05-06T23:08:09.123456789+01:00' WHERE version = 1");
        let theirs = db.query("SELECT applied_on FROM refinery_schema_history ORDER BY version");
        project.run(db, &NARROW.import()).ok();
        let ours = db.query("SELECT executed_at FROM db_migrations ORDER BY position");
        let second = |text: &String| text[..19].replace(' ', "T");
        let mut wanted: Vec<String> = theirs.iter().map(second).collect();
        wanted[0] = "2024-05-06T22:08:09".to_owned();
        assert_eq!(ours.iter().map(second).collect::<Vec<_>>(), wanted);
    });
}

/// refinery runs a `U` file whenever it comes: the lock has it where it ran.
#[test]
fn a_file_without_order_stands_where_it_ran() {
    each_database(|db| {
        let project = NARROW.past(db, &[USERS, LAST]);
        let late = ("U4__late.sql", REST.1);
        write(&project, &[late]);
        assert_eq!(NARROW.migrate(&project, db).stdout, "U4__late\n");
        project.run(db, &NARROW.import()).ok().says("3 recorded");
        assert_eq!(ids(&project.lock()), ["app::V1__users", "app::V0010__last", "app::U4__late"]);
        project.run(db, &["schema", "snapshot"]).ok();
        project.run(db, &["migrate", "--locked"]).ok().says("nothing to do");
        project.run(db, &["schema", "check"]).ok().says("schema check: passed");
    });
}

#[test]
fn whatever_does_not_fit_is_refused_by_name() {
    each_database(|db| {
        for tool in [NARROW, WIDE] {
            let db = &db.another();
            let project = tool.past(db, &FIRST);
            let path = |file: File| format!("migrations/{}", file.0);

            project.edit(&path(VISITS), "n integer", "n bigint");
            tool.is_refused(
                &project,
                db,
                &["version 3 (`visits`)", &path(VISITS), "another text", "SipHash"],
            );
            project.write(&path(VISITS), VISITS.1);

            project.remove(&path(LAST));
            tool.is_refused(&project, db, &["version 10 (`last`)", "no migration in module `app`"]);
            project.write(&path(LAST), LAST.1);

            // each column is part of what the checksum proves
            for (version, name, change) in [
                (
                    1,
                    "`users`",
                    "checksum = (SELECT checksum FROM (SELECT * FROM refinery_schema_history) h WHERE version = 2)",
                ),
                (2, "`prices`", "name = 'prices'"),
                (10, "`last`", "checksum = NULL"),
            ] {
                db.execute("CREATE TABLE saved AS SELECT * FROM refinery_schema_history");
                db.execute(&format!("UPDATE refinery_schema_history SET {change} WHERE version = {version}"));
                tool.is_refused(&project, db, &[&format!("version {version} ({name})"), "another text"]);
                db.execute("DELETE FROM refinery_schema_history");
                db.execute("INSERT INTO refinery_schema_history SELECT * FROM saved");
                db.execute("DROP TABLE saved");
            }
            // a checkout with other line ends than the one that ran
            write(&project, &[(VISITS.0, &VISITS.1.replace("\r\n", "\n"))]);
            project
                .run(db, &tool.import())
                .ok()
                .says("4 recorded")
                .says("`app::V3__visits` ran with CRLF line ends");
        }
    });
}

#[test]
fn versions_of_eight_bytes_are_taken_over() {
    each_database(|db| {
        let large = ("V20240101000000__large.sql", LAST.1);
        let rest = ("V20240102000000__rest.sql", REST.1);
        WIDE.is_taken_over(db, &[USERS, SIZES, VISITS, large], rest);
    });
}

#[test]
fn a_table_of_another_name_is_taken_over() {
    each_database(|db| RENAMED.is_taken_over(db, &FIRST, REST));
}

/// A function keeps the line ends of its body on PostgreSQL: of the checkout that ran, or of ours.
#[test]
fn line_ends_in_a_body_are_no_drift() {
    let Some(db) = Db::postgres() else { return };
    let body = "CREATE FUNCTION one() RETURNS integer LANGUAGE plpgsql AS $$\r\nBEGIN\r\n    RETURN 1;\r\nEND;\r\n$$;\r\n";
    NARROW.is_taken_over(&db, &[USERS, ("V2__one.sql", body)], REST);
}
