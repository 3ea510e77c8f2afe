//! `docs/bridges.md` with real ORMs: their entities declare the schema.

use crate::support::crates::cargo_project;
use crate::support::database::{Db, each_database};
use crate::support::project::{Output, Project};

/// The example's own configuration; what Cargo builds for it is kept from run to run.
fn project() -> Project {
    let config = include_str!("../fixtures/bridges/seaorm/db-migrations.yml");
    let folder = concat!("--target-dir, ", env!("CARGO_TARGET_TMPDIR"), "/bridges, --bin");
    assert_eq!(config.matches("--bin").count(), 1);
    cargo_project("bridges/seaorm", &config.replace("--bin", folder))
}

#[test]
fn the_page_shows_the_example() {
    let page = include_str!("../../docs/bridges.md");
    let program = include_str!("../fixtures/bridges/seaorm/src/bin/ddl.rs");
    let config = include_str!("../fixtures/bridges/seaorm/db-migrations.yml");
    assert!(page.contains(program.split_once("\n\n").unwrap().1));
    assert!(page.contains(config.split_once('\n').unwrap().1));
}

/// Writes the migration and runs it; what the second `diff` says is that nothing is left to do.
fn diffed(project: &Project, db: &Db, args: &[&str]) -> Output {
    let output = project.run(db, &[&["diff"], args].concat()).ok();
    project.run(db, &["migrate"]).ok().says("1 migration committed");
    project.run(db, &["diff"]).ok().says("nothing to do: the migrations make what is declared");
    project.run(db, &["schema", "check", "--against", "declared"]).ok();
    output
}

#[test]
fn the_entities_of_sea_orm_are_the_declared_schema() {
    each_database(|db| {
        let project = project();
        diffed(&project, db, &["first"]).says("proved on an empty scratch database");
        db.execute("INSERT INTO customer (id, mail) VALUES (1, 'ann@example.org')");
        db.execute("INSERT INTO customer_order (customer_id, state) VALUES (1, 'paid')");

        // a column, an index and a value of an enum
        let mail = "    pub mail: String,\n";
        let city = "    #[sea_orm(indexed)]\n    pub city: Option<String>,\n";
        project.edit("src/customer.rs", mail, &format!("{mail}{city}"));
        let paid = "    Paid,\n";
        let sent = "    #[sea_orm(string_value = \"sent\")]\n    Sent,\n";
        project.edit("src/order.rs", paid, &format!("{paid}{sent}"));
        diffed(&project, db, &["city"]).says("rows in 2 tables: up, down, up");
        db.execute("UPDATE customer SET city = 'Ulm'");
        db.execute("INSERT INTO customer_order (customer_id, state) VALUES (1, 'sent')");

        // a field with another name
        project.edit("src/customer.rs", "pub mail:", "pub address:");
        let output = project.run(db, &["diff"]).exits(7).says("customer.mail` is in");
        output.says("customer.address`").says("--no-rename");
        diffed(&project, db, &["address", "--rename", "customer.mail=customer.address"]);
        assert_eq!(db.query("SELECT address FROM customer"), ["ann@example.org"]);
        assert_eq!(db.query("SELECT city FROM customer"), ["Ulm"]);
        assert_eq!(db.query("SELECT state FROM customer_order ORDER BY id"), ["paid", "sent"]);
    });
}
