//! Deploys in two phases: what waits, what is caught up, and what a release is.

use std::process::Command;

use crate::bundle::{FILE, from_bundle};
use crate::common::{bare, ran, untouched};
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

const USERS: &str = "app::20240101000000_users";
const POSTER: &str = "app::20240102000000_poster";
const FILL: &str = "app::20240102000001_fill";
const DROP: &str = "app::20240102000002_drop_image";
const TAGS: &str = "app::20240103000000_tags";
const DROP_FILE: &str = "migrations/20240102000002_drop_image.sql";
const FILL_FILE: &str = "migrations/20240102000001_fill.sql";

/// A table that code uses.
fn old() -> Project {
    bare().file(
        "migrations/20240101000000_users.sql",
        "CREATE TABLE users (id integer PRIMARY KEY, image varchar(20));\nINSERT INTO users VALUES (1, 'a'), (2, 'b');\n",
    )
}

/// Renames its column in two phases; a step of the next release stands behind it.
fn rename(project: &Project) {
    project
        .write("migrations/20240102000000_poster.sql", "ALTER TABLE users ADD COLUMN poster varchar(20);\n");
    project.write(
        FILL_FILE,
        format!(
            "-- db-migrations: catch-up\n-- db-migrations: depends-on {POSTER}\n\
             UPDATE users SET poster = image WHERE poster IS NULL OR poster <> image;\n"
        ),
    );
    project.write(
        DROP_FILE,
        format!("-- db-migrations: contract-of {POSTER}\nALTER TABLE users DROP COLUMN image;\n"),
    );
    project.write("migrations/20240103000000_tags.sql", "CREATE TABLE tags (id integer PRIMARY KEY);\n");
}

/// The table of old code and the history, with a deploy of `r1` before the contract phase; old code has written a
/// row since.
fn expanded(db: &Db) -> Project {
    let project = old();
    project.run(db, &["migrate", "--release", "r0"]).ok();
    rename(&project);
    project.run(db, &["migrate", "--phase", "expand", "--release", "r1"]).ok();
    db.execute("INSERT INTO users VALUES (3, 'c', NULL)");
    project
}

const CONTRACT: [&str; 5] = ["migrate", "--phase", "contract", "--release", "r2"];

#[test]
fn a_column_is_renamed_in_two_phases() {
    each_database(|db| {
        let project = old();
        project.run(db, &["migrate", "--release", "r0"]).ok();
        rename(&project);
        let planned = project.run(db, &["plan", "--release", "r1"]).ok();
        planned.says(&format!("{DROP} (waits: `{POSTER}` must have run here in an earlier release)"));
        let done = project.run(db, &["migrate", "--phase", "expand", "--release", "r1"]).ok();
        done.says("schema check: not checked: 1 waiting").says("1 contract step waits").does_not_say("late");
        assert_eq!(ran(db), [USERS, POSTER, FILL, TAGS]);
        let state = project.run(db, &["status", "--release", "r1", "--format", "json"]).ok().json();
        assert_eq!(state["migrations"][3]["state"], "waiting");
        // new code can start
        project.run(db, &["up-to-date", "--release", "r1"]).ok().says("1 step waits for the contract phase");
        project.run(db, &["count", "--simple", "--release", "r1"]).ok().says("0\n");
        project.run(db, &["wait", "--timeout", "0"]).ok().says("1 step waits for the contract phase");
        project.run(db, &["migrate", "--release", "r1"]).ok().says("all has run but what waits");
        project.run(db, &["schema", "check"]).ok().says("not checked: 1 waiting");
        // old code still runs
        db.execute("INSERT INTO users VALUES (3, 'c', NULL)");
        db.execute("UPDATE users SET image = 'z' WHERE id = 1");
        let early = project.run(db, &["migrate", "--phase", "contract", "--release", "r1"]).exits(7);
        early.says(&format!("`{POSTER}` ran here in this release (`r1`)")).says("--release NAME");
        project.run(db, &["execute", DROP, "--release", "r1"]).exits(7).says("in this release");
        let state = project.run(db, &["status", "--release", "r2", "--format", "json"]).ok().json();
        assert_eq!(state["migrations"][3]["state"], "pending");
        project.run(db, &["plan", "--release", "r2"]).ok().says(&format!("{FILL} (1 statement, again)"));
        let json = project.run(db, &[&CONTRACT[..], &["--format", "json"]].concat()).ok().json();
        assert_eq!(json["caught_up"], serde_json::json!([{ "id": FILL, "rows": 2 }]));
        assert_eq!(json["schema_check"]["verdict"], "passed");
        assert_eq!(json["warnings"], serde_json::json!([]), "what has waited is not late");
        assert_eq!(db.query("SELECT poster FROM users ORDER BY id"), ["z", "b", "c"]);
        assert_eq!(ran(db), [USERS, POSTER, FILL, TAGS, DROP]);
        let releases = "SELECT release FROM db_migrations_run ORDER BY started_at";
        let releases =
            if db.is_mariadb() { releases.replace("release", "`release`") } else { releases.to_owned() };
        assert_eq!(db.query(&releases), ["r0", "r1", "r2"]);
        project.run(db, &["list", "--module", "app"]).ok().says("contract").says("PHASE");
        let other = db.another();
        let all = project.run(&other, &["migrate", "--locked", "--phase", "expand"]).ok();
        all.says("the database is empty").says("schema check: passed");
        assert_eq!(ran(&other), [USERS, POSTER, FILL, DROP, TAGS]);
        assert_eq!(other.dump_schema(), db.dump_schema());
    });
}

#[test]
fn a_contract_phase_comes_after_all_expand_steps() {
    each_database(|db| {
        let project = expanded(db);
        project.write(
            "migrations/20240104000000_late.sql",
            format!("-- db-migrations: depends-on {DROP}\nALTER TABLE users ADD COLUMN image integer;\n"),
        );
        let before = db.dump();
        let refused = project.run(db, &["migrate", "--phase", "expand", "--release", "r2"]).exits(7);
        refused.says("`app::20240104000000_late` cannot run before").says(DROP);
        project.write("migrations/20240104000001_more.sql", "CREATE TABLE more (id integer);\n");
        let refused = project.run(db, &CONTRACT).exits(7);
        refused.says("1 expand step is pending, first `app::20240104000001_more`");
        assert_eq!(db.dump(), before);
        project.remove("migrations/20240104000001_more.sql");
        project.run(db, &CONTRACT).ok().says(&format!("caught up {FILL}: 1 row"));
        project.run(db, &["migrate", "--phase", "expand", "--release", "r2"]).ok().says("passed");
    });
}

#[test]
fn directives_that_do_not_fit_are_refused() {
    let db = Db::sqlite();
    let project = old();
    rename(&project);
    project.edit(DROP_FILE, POSTER, "app::nowhere");
    project.run_alone(&["lock"]).exits(1).says(&format!("`{DROP}` is the contract of `app::nowhere`"));
    let refused = project.run(&db, &["migrate"]).exits(7);
    refused.says(&format!("--> {DROP_FILE}:1:")).says("correct the `contract-of`");
    project.edit(DROP_FILE, "app::nowhere", &format!("{POSTER}\n-- db-migrations: phase expand"));
    project.run(&db, &["plan"]).exits(2).says("`contract-of` does not go with `phase expand`").says("remove");
    project.edit(DROP_FILE, "phase expand", "catch-up");
    project.run(&db, &["plan"]).exits(2).says("`catch-up` does not go with `phase contract`");
    project.edit(DROP_FILE, "\n-- db-migrations: catch-up", "");
    project.edit(FILL_FILE, "UPDATE", "CREATE INDEX i ON users (image);\nUPDATE");
    let refused = project.run(&db, &["plan"]).exits(1).says("does more than change rows");
    refused.says(&format!("{FILL_FILE}:3:1"));
    assert!(db.is_empty());
}

#[test]
fn what_is_caught_up_goes_with_a_failing_contract() {
    each_database(|db| {
        let project = expanded(db);
        project.edit(DROP_FILE, "DROP COLUMN image", "DROP COLUMN nowhere");
        project.run(db, &["lock", "--accept", DROP]).ok();
        let before = db.dump();
        let failed = project.run(db, &CONTRACT).exits(3).says(untouched(db));
        failed.says(&format!("migration `{DROP}` failed"));
        assert_eq!(db.dump(), before);
        if db.is_mariadb() {
            let failed = project.run(db, &[&CONTRACT[..], &["--rehearsal", "off"]].concat()).exits(4);
            failed.says("caught up before, and stayed: 1 row").says(&format!("migration `{DROP}` failed"));
            assert_eq!(db.query("SELECT poster FROM users ORDER BY id"), ["a", "b", "c"]);
            assert_eq!(ran(db), [USERS, POSTER, FILL, TAGS]);
        }
        project.edit(DROP_FILE, "DROP COLUMN nowhere", "DROP COLUMN image");
        project.edit(FILL_FILE, "SET poster = image", "SET poster = nowhere");
        project.run(db, &["lock", "--accept", DROP, "--accept", FILL]).ok();
        let before = db.dump();
        let failed = project.run(db, &CONTRACT).exits(3);
        failed.says(&format!("the catch-up of `{FILL}` failed")).says(&format!("{FILL_FILE}:3:"));
        assert_eq!(db.dump(), before);
    });
}

#[test]
fn another_client_catches_up_as_a_run_does() {
    each_database(|db| {
        let project = expanded(db);
        let written = project.run(db, &[&CONTRACT[..], &["--write-sql"]].concat()).ok();
        written.clone().says(&format!("-- {FILL}, again"));
        db.load(&written.stdout);
        assert_eq!(db.query("SELECT poster FROM users ORDER BY id"), ["a", "b", "c"]);
        assert_eq!(ran(db), [USERS, POSTER, FILL, TAGS, DROP]);
        project.run(db, &["migrate"]).ok().says("schema check: passed");
    });
}

#[test]
fn a_contract_outside_of_a_transaction_is_caught_up_before() {
    each_database(|db| {
        let project = expanded(db);
        project.edit(DROP_FILE, "ALTER", "-- db-migrations: no-transaction\nALTER");
        project.run(db, &["lock", "--accept", DROP]).ok();
        let split = [&CONTRACT[..], &["--allow-split"]].concat();
        project.run(db, &[&split[..], &["--write-sql"]].concat()).ok().says("COMMIT");
        project.run(db, &split).ok().says(&format!("caught up {FILL}: 1 row")).says("schema check: passed");
        assert_eq!(db.query("SELECT poster FROM users ORDER BY id"), ["a", "b", "c"]);
        project.run(db, &["rollback", "--yes"]).exits(7).says("has no down script");
        project.write(
            "migrations/20240102000002_drop_image.down.sql",
            "ALTER TABLE users ADD COLUMN image varchar(20);\n",
        );
        project.run(db, &["rollback", "--yes"]).ok();
        let target = project.run(db, &["migrate", DROP, "--release", "r1"]).ok();
        target.says(&format!("1 contract step waits, `{DROP}`")).says("all has run but what waits");
        project.run(db, &[&["migrate", DROP, "--allow-split"], &CONTRACT[1..]].concat()).ok();
    });
}

/// Runs with a variable set.
fn with(project: &Project, db: &Db, (name, value): (&str, &str), args: &[&str]) -> Output {
    Output::of(project.command(args).env("DATABASE_URL", db.url()).env(name, value), args)
}

#[test]
fn a_release_is_named_or_is_the_git_revision() {
    let db = Db::sqlite();
    let project = old();
    let git = |args: &str| {
        let author = ["-c", "user.name=a", "-c", "user.email=a@b"];
        let output =
            Command::new("git").arg("-C").arg(project.path()).args(author).args(args.split(' ')).output();
        let output = output.unwrap();
        assert!(output.status.success(), "git {args}");
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    project.run(&db, &["migrate"]).ok();
    let last =
        || db.query("SELECT coalesce(release, '-') FROM db_migrations_run ORDER BY rowid DESC LIMIT 1");
    assert_eq!(last(), ["-"], "outside of a repository");
    rename(&project);
    git("init -q");
    git("add .");
    git("commit -q -m 1");
    let first = git("rev-parse --short=12 HEAD");
    project.run(&db, &["migrate"]).ok();
    assert_eq!(last(), [first.as_str()]);
    project.run(&db, &["migrate"]).ok().says(&format!("ran here in this release (`{first}`)"));
    project.run(&db, &["status"]).ok().says(&format!("ran here in this release (`{first}`)"));
    let before = db.copy();
    with(&project, &db, ("DB_MIGRATIONS_RELEASE", "r9"), &["migrate"]).ok().says("caught up");
    assert_eq!(last(), ["r9"]);
    // a bundle knows the revision of which it was made
    git("add .");
    git("commit -q -m 2");
    project.run_alone(&["bundle", "-o", FILE]).ok();
    let place = Project::new().file(FILE, project.read(FILE));
    let wanted = git("rev-parse --short=12 HEAD");
    from_bundle(&place, before.url(), &["migrate"]).ok().says(&format!("applied {DROP}"));
    let query = "SELECT release FROM db_migrations_run ORDER BY rowid DESC LIMIT 1";
    assert_eq!(before.query(query), [wanted.as_str()]);
}

#[test]
fn where_a_release_is_not_known_nobody_contracts_by_himself() {
    each_database(|db| {
        let project = expanded(db);
        // the second instance of a deploy without a name
        project.run(db, &["migrate"]).ok().says("since this one has no name (`--release`)");
        db.execute("DELETE FROM db_migrations_run");
        project.run(db, &["migrate", "--release", "r1"]).ok().says("`--phase contract` runs this");
        let done = project.run(db, &["migrate", "--phase", "contract"]).ok();
        done.says("whether that was another release is not known").says(&format!("applied {DROP}"));
    });
}

#[test]
fn a_configuration_can_keep_contracts_out_of_a_plain_run() {
    let db = Db::sqlite();
    let project = old();
    project.write("db-migrations.yml", "cargo: off\npolicy: { phase: expand }\n");
    project.run(&db, &["migrate", "--release", "r0"]).ok();
    rename(&project);
    project.run(&db, &["migrate", "--release", "r1"]).ok();
    project.run(&db, &["migrate", "--release", "r2"]).ok().says("it runs with `--phase contract`");
    project.run(&db, &["up-to-date", "--release", "r2"]).ok();
    project
        .run(&db, &["up-to-date", "--release", "r2", "--phase", "all"])
        .exits(1)
        .says("1 migration pending");
    project.run(&db, &["wait", "--timeout", "0", "--release", "r2"]).ok();
    project.run(&db, &CONTRACT).ok().says(&format!("applied {DROP}"));
    project.write("db-migrations.yml", "cargo: off\npolicy: { phase: contrct }\n");
    project.run(&db, &["plan"]).exits(2).says("contract");
}

#[test]
fn a_target_that_waits_is_reached_as_far_as_the_phase_allows() {
    let db = Db::sqlite();
    let project = old();
    project.run(&db, &["migrate", "--release", "r0"]).ok();
    rename(&project);
    let done = project.run(&db, &["migrate", DROP, "--release", "r1"]).ok();
    done.says(&format!("1 contract step waits, `{DROP}`: `{POSTER}` must have run"))
        .says("2 migrations committed");
    assert_eq!(ran(&db), [USERS, POSTER, FILL], "what stands behind it is not asked for");
    let done = project.run(&db, &["migrate", DROP, "--release", "r1"]).ok();
    done.says("nothing to do: the database is as far as the phase allows");
    project.run(&db, &["migrate", "--release", "r1"]).ok();
    project.run(&db, &["migrate", DROP, "--release", "r1"]).ok();
    assert_eq!(ran(&db), [USERS, POSTER, FILL, TAGS], "and what has run there stays");
}

#[test]
fn names_of_releases_are_one_line() {
    let db = Db::sqlite();
    let project = old();
    for name in ["", " ", "a\nb", "\u{1b}[31m"] {
        for args in [
            &["migrate", "--release", name][..],
            &["status", "--release", name],
            &["wait", "--release", name],
        ] {
            let refused = project.run(&db, args).exits(2).says("the release of `--release` has");
            assert!(!refused.stderr.contains('\u{1b}'), "{:?}", refused.stderr);
        }
        let bundle = ["bundle", "-o", FILE, "--release", name];
        project.run_alone(&bundle).exits(2).says("the release of `--release` has");
    }
    let variable = with(&project, &db, ("DB_MIGRATIONS_RELEASE", " \n"), &["migrate"]).exits(2);
    variable.says("the release of `DB_MIGRATIONS_RELEASE` has no name");
    assert!(db.is_empty());
    with(&project, &db, ("DB_MIGRATIONS_RELEASE", " r0\n"), &["migrate"]).ok();
    assert_eq!(db.query("SELECT release FROM db_migrations_run"), ["r0"]);
}

#[test]
fn a_contract_step_without_a_link_is_named_where_it_runs() {
    let db = Db::sqlite();
    let project = old();
    project.run(&db, &["migrate", "--release", "r0"]).ok();
    project.write(DROP_FILE, "-- db-migrations: phase contract\nALTER TABLE users DROP COLUMN image;\n");
    let note = format!("the contract step `{DROP}` runs in this release");
    project.run(&db, &["plan", "--release", "r1"]).ok().says(&note);
    project.run(&db, &["plan", "--release", "r1", "--phase", "expand"]).ok().does_not_say(&note);
    let done = project.run(&db, &["migrate", "--release", "r1"]).ok();
    assert_eq!(done.stderr.matches(&note).count(), 1, "{}", done.stderr);
}

/// The bundle of a release.
fn released(project: &Project, release: &str) -> Project {
    project.run_alone(&["lock"]).ok();
    project.run_alone(&["bundle", "-o", FILE, "--release", release]).ok();
    Project::new().file(FILE, project.read(FILE))
}

#[test]
fn a_deploy_that_was_taken_back_keeps_its_contract_waiting() {
    each_database(|db| {
        let project = old();
        project.write("db-migrations.yml", "cargo: off\nschema-check: { source: off }\n");
        let first = released(&project, "1.0");
        let fix = "CREATE TABLE fix (id integer PRIMARY KEY);\n";
        project.write("migrations/20240101000001_fix.sql", fix);
        let first_mended = released(&project, "1.0.1");
        project.remove("migrations/20240101000001_fix.sql");
        project.remove("migrations-lock.yml");
        rename(&project);
        let second = released(&project, "1.1");
        let second_again = released(&project, "1.1.1");
        project.write("migrations/20240101000001_fix.sql", fix);
        let (third, fourth) = (released(&project, "1.2"), released(&project, "1.3"));
        let reasons = "SELECT coalesce(reason, '') FROM db_migrations_run ORDER BY started_at";
        let migrate = |place: &Project| from_bundle(place, db.url(), &["migrate"]).ok();
        migrate(&first);
        migrate(&first);
        migrate(&second).says(&format!("applied {POSTER}"));
        migrate(&second).says("all has run but what waits");
        assert_eq!(db.query(reasons), ["", ""], "a restart is worth no row");
        for command in [&["up-to-date"][..], &["count"]] {
            from_bundle(&second, db.url(), command).ok();
        }
        from_bundle(&first_mended, db.url(), &["up-to-date"]).exits(1).says("1 migration pending");
        // the old image is put back; its instances start one after the other
        from_bundle(&first, db.url(), &["migrate", "--dry-run"]).ok();
        migrate(&first).says("this release lacks 3 migrations of those that have run here");
        migrate(&first).does_not_say("lacks 3");
        assert_eq!(db.query(reasons), ["", "", "lacks 2-4"]);
        let waits = format!("release `1.0`, which has no `{POSTER}`, was put back here after that ran");
        migrate(&second_again).says(&waits);
        migrate(&second_again).says("is the first with");
        assert_eq!(db.query(reasons), ["", "", "lacks 2-4", ""]);
        from_bundle(&second_again, db.url(), &["migrate", "--phase", "contract"])
            .exits(7)
            .says("is the first with");
        // and once more, with a migration of its own
        migrate(&first_mended).says("applied app::20240101000001_fix");
        migrate(&third).says("release `1.0.1`, which has no").says("1 contract step waits");
        assert_eq!(db.query(reasons), ["", "", "lacks 2-4", "", "lacks 2-4", ""]);
        migrate(&fourth).says(&format!("caught up {FILL}")).says(&format!("applied {DROP}"));
    });
}
