//! A bundle of an application whose crates and plugins lie beside it, outside of its folder.

use std::process::Command;

use crate::bundle::{FILE, from_bundle};
use crate::support::database::Db;
use crate::support::project::{Output, Project};

/// A checkout: an application, and beside it a crate, a crate of that crate, and a plugin folder.
struct Checkout {
    place: Project,
    folder: &'static str,
}

impl Checkout {
    fn new(folder: &'static str) -> Self {
        let package = |name: &str, rest: &str| {
            format!("[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2021\"\n{rest}")
        };
        let declared = "[package.metadata.db-migrations]\n";
        let checkout = Self { place: Project::new(), folder };
        for (path, text) in [
            ("shop/Cargo.toml", package("shop", "[dependencies]\njobs = { path = \"../libs/jobs\" }\n")),
            ("shop/src/main.rs", "fn main() {}\n".to_owned()),
            ("shop/db-migrations.yml", "modules: { paths: [\"../plugins/*\"] }\n".to_owned()),
            ("shop/migrations/20240301000000_own.sql", "CREATE TABLE own (id int);\n".to_owned()),
            (
                "libs/jobs/Cargo.toml",
                package("jobs", &format!("{declared}[dependencies]\nusers = {{ path = \"../../users\" }}\n")),
            ),
            ("libs/jobs/src/lib.rs", String::new()),
            ("libs/jobs/migrations/20240201000000_jobs.sql", "CREATE TABLE jobs (id int);\n".to_owned()),
            ("libs/jobs/checks/none.sql", "SELECT * FROM jobs;\n".to_owned()),
            ("users/Cargo.toml", package("users", declared)),
            ("users/src/lib.rs", String::new()),
            ("users/migrations/20240101000000_users.sql", "CREATE TABLE users (id int);\n".to_owned()),
            ("plugins/tags/20240401000000_tags.sql", "CREATE TABLE tags (id int);\n".to_owned()),
        ] {
            checkout.place.write(&format!("{folder}/{path}"), text);
        }
        let mut cargo = Command::new("cargo");
        cargo.args(["generate-lockfile", "--offline", "--quiet"]);
        assert!(cargo.current_dir(checkout.application()).status().unwrap().success());
        checkout
    }

    fn application(&self) -> std::path::PathBuf {
        self.place.join(self.folder).join("shop")
    }

    fn run(&self, db: &Db, args: &[&str]) -> Output {
        let mut command = self.place.command(args);
        Output::of(command.current_dir(self.application()).env("DATABASE_URL", db.url()), args)
    }

    fn bundle(&self, db: &Db) -> String {
        self.run(db, &["migrate"]).ok();
        self.run(db, &["bundle", "-o", FILE]).ok().says("4 migrations of 4 modules");
        self.place.read(&format!("{}/shop/{FILE}", self.folder))
    }
}

#[test]
fn two_checkouts_give_the_same_bytes_without_a_path_of_the_machine() {
    let db = Db::sqlite();
    let (one, two) = (Checkout::new("here"), Checkout::new("somewhere/deeper/down"));
    let bundle = one.bundle(&db);
    assert_eq!(two.bundle(&db.another()), bundle);
    for checkout in [&one, &two] {
        let folder = checkout.place.path().display().to_string();
        assert!(!bundle.contains(&folder), "{folder} is in it:\n{bundle}");
    }
    for path in [
        "../libs/jobs/migrations/20240201000000_jobs.sql",
        "../libs/jobs/checks/none.sql",
        "../users/migrations/20240101000000_users.sql",
        "../plugins/tags/20240401000000_tags.sql",
        "migrations/20240301000000_own.sql",
    ] {
        assert!(bundle.contains(&format!("\"path\": \"{path}\"")), "{path} is not in it:\n{bundle}");
    }
    one.run(&db, &["modules"]).ok().says("../libs/jobs/migrations");
}

#[test]
fn it_runs_where_nothing_lies_beside_it() {
    let db = Db::sqlite();
    let place = Project::new().file(FILE, Checkout::new("here").bundle(&db));
    let other = db.another();
    from_bundle(&place, other.url(), &["migrate"]).ok().says("schema check: passed");
    assert_eq!(other.dump_schema(), db.dump_schema());
    let broken = db.another();
    broken.execute("CREATE TABLE jobs (a int)");
    from_bundle(&place, broken.url(), &["migrate"])
        .exits(3)
        .says("--> ../libs/jobs/migrations/20240201000000_jobs.sql:1:1");
}

#[test]
fn a_workspace_whose_application_is_a_member_is_bundled() {
    let db = Db::sqlite();
    let checkout = Checkout::new("here");
    let folder = checkout.place.join("here");
    std::fs::remove_file(checkout.application().join("Cargo.lock")).unwrap();
    checkout.place.write(
        "here/Cargo.toml",
        "[workspace]\nresolver = \"2\"\nmembers = [\"shop\", \"users\", \"libs/jobs\"]\n",
    );
    let mut cargo = Command::new("cargo");
    cargo.args(["generate-lockfile", "--offline", "--quiet"]).current_dir(folder);
    assert!(cargo.status().unwrap().success());
    assert_eq!(checkout.bundle(&db), Checkout::new("there").bundle(&db.another()));
}
