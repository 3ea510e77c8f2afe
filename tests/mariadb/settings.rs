//! Settings of the session that a module or a migration asks for, and that nobody else sees.

use crate::common::project;
use crate::support::database::Db;

const TABLES: &str = "CREATE TABLE p (id INT PRIMARY KEY);\nCREATE TABLE c (p INT, FOREIGN KEY (p) REFERENCES p (id));\n\
     CREATE TABLE modes (who TEXT, mode TEXT, keys_checked INT);\n";
const NOTE: &str = "INSERT INTO modes VALUES ('WHO', @@sql_mode, @@foreign_key_checks);\n";

#[test]
fn by_directive_and_by_module_and_only_there() {
    let Some(db) = Db::mariadb() else { return };
    let project = project(&[
        ("20240101000000_tables", TABLES),
        (
            "20240102000000_loose",
            &format!(
                "-- db-migrations: session foreign_key_checks = 0\n-- db-migrations: session sql_mode = ANSI_QUOTES,NO_ZERO_DATE\nINSERT INTO c VALUES (9);\n{}",
                NOTE.replace("WHO", "loose")
            ),
        ),
        ("20240103000000_strict", &NOTE.replace("WHO", "strict")),
        (
            "20240104000000_careless",
            &format!("SET sql_mode = '', foreign_key_checks = 0;\n{}", NOTE.replace("WHO", "careless")),
        ),
        ("20240105000000_after", &NOTE.replace("WHO", "after")),
    ]);
    project.write("plugins/loose/module.yml", "namespace: loose\n");
    project.write("plugins/loose/migrations/20240106000000_x.sql", NOTE.replace("WHO", "module"));
    project.write(
        "db-migrations.yml",
        "cargo: off\nmodules:\n  paths: [\"plugins/*\"]\n  enable:\n    loose: { session: { foreign_key_checks: 0, sql_mode: \"TRADITIONAL\" } }\n",
    );
    project.run(&db, &["migrate"]).ok();
    let of = |who: &str| {
        db.query(&format!("SELECT CONCAT(keys_checked, ' ', mode) FROM modes WHERE who = '{who}'"))
    };
    assert_eq!(of("loose"), ["0 ANSI_QUOTES,NO_ZERO_DATE"]);
    let usual = of("strict");
    assert!(usual[0].starts_with("1 STRICT_TRANS_TABLES"), "{usual:?}");
    assert_eq!(of("careless"), ["0 "]);
    assert_eq!(of("after"), usual);
    let module = of("module");
    assert!(module[0].starts_with("0 ") && module[0].contains("TRADITIONAL"), "{module:?}");
}

#[test]
fn the_driver_adds_nothing_of_its_own() {
    let Some(db) = Db::mariadb() else { return };
    let text = "CREATE TABLE seen AS SELECT @@sql_mode AS mode, @@global.sql_mode AS server, @@time_zone AS zone, @@global.time_zone AS zones;\n";
    project(&[("20240101000000_seen", text)]).run(&db, &["migrate"]).ok();
    assert_eq!(db.query("SELECT CONCAT(mode <=> server, zone <=> zones) FROM seen"), ["11"]);
}

#[test]
fn what_is_no_setting_is_refused_with_its_place() {
    let Some(db) = Db::mariadb() else { return };
    let bad = project(&[("20240101000000_x", "-- db-migrations: session sql_mode\nSELECT 1;\n")]);
    bad.run(&db, &["migrate"])
        .exits(2)
        .says("`session` takes `NAME = VALUE`")
        .says("20240101000000_x.sql:1:");
    let bad = project(&[(
        "20240101000000_x",
        "-- db-migrations: session no_such_thing = 1\nCREATE TABLE t (x INT);\n",
    )]);
    let output = bad.run(&db, &["migrate"]).says("no_such_thing");
    assert!([3, 4].contains(&output.code), "{output}");
    assert!(!db.dump_schema().contains("`t`"));
    let bad = project(&[]).file("db-migrations.yml", "cargo: off\nsession: { \"a b\": 1 }\n");
    bad.run(&db, &["migrate"]).exits(2).says("is not the name of a setting").says("db-migrations.yml:2:");
}
