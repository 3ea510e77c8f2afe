//! An application with one crate of a registry, for which a folder stands: no network is needed.

use std::process::Command;

use crate::support::database::Db;
use crate::support::project::{Output, Project};

pub(crate) const USERS_FILE: &str = "migrations/20240101000000_users.sql";
pub(crate) const MORE: &str = "20240102000000_more.sql";
pub(crate) const VARIANT: [&str; 2] = ["20240102100000_v.sqlite.sql", "20240102100000_v.postgres.sql"];

/// The application, and `vendor/jobs` as a published crate.
pub(crate) struct Shop {
    pub(crate) project: Project,
}

impl Shop {
    /// The crate is enabled by name.
    pub(crate) fn new() -> Self {
        Self::with("modules:\n  enable:\n    jobs: {}\n", "")
    }

    /// The crate says itself that it is a module.
    pub(crate) fn declared() -> Self {
        Self::with("# nothing\n", "[package.metadata.db-migrations]\n")
    }

    /// With this configuration, and this in the crate's manifest.
    pub(crate) fn with(config: &str, metadata: &str) -> Self {
        let project = Project::with_config(config)
            .file(
                "Cargo.toml",
                "[package]\nname = \"shop\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\njobs = \"1\"\n[workspace]\n",
            )
            .file("src/main.rs", "fn main() {}\n")
            .file(
                ".cargo/config.toml",
                "[source.crates-io]\nreplace-with = \"vendored\"\n[source.vendored]\ndirectory = \"vendor\"\n",
            )
            .file("vendor/jobs/src/lib.rs", "")
            .file(
                USERS_FILE,
                "CREATE TABLE users (id integer PRIMARY KEY, name text);\nINSERT INTO users VALUES (1, 'ann');\n",
            )
            .file(&Self::file("20240101100000_jobs.sql"), "CREATE TABLE jobs (id integer PRIMARY KEY);\n")
            .file(&Self::file(MORE), "CREATE TABLE more (id integer PRIMARY KEY);\n")
            .file(&Self::file(VARIANT[0]), "ALTER TABLE more ADD COLUMN a integer;\n")
            .file(&Self::file(VARIANT[1]), "ALTER TABLE more ADD COLUMN a bigint;\n");
        let shop = Self { project };
        shop.release("1.0.0", metadata, "");
        shop
    }

    /// A migration of the crate.
    pub(crate) fn file(name: &str) -> String {
        format!("vendor/jobs/migrations/{name}")
    }

    /// The crate comes with these migrations, and the application follows.
    pub(crate) fn update(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            self.project.write(&Self::file(name), text);
        }
        let manifest = self.project.read("vendor/jobs/Cargo.toml");
        let metadata = manifest.split_once("[package.metadata").map_or(String::new(), |(_, rest)| {
            format!("[package.metadata{}", rest.split("[dependencies]").next().unwrap())
        });
        self.release("1.0.1", &metadata, "");
    }

    /// A release of the crate with this in its manifest, and the application follows.
    pub(crate) fn release(&self, version: &str, metadata: &str, dependencies: &str) {
        self.package("jobs", version, metadata, dependencies);
        let mut cargo = Command::new("cargo");
        cargo.args(["generate-lockfile", "--offline", "--quiet"]).current_dir(self.project.path());
        assert!(cargo.status().unwrap().success());
    }

    /// Writes a crate's manifest.
    pub(crate) fn package(&self, name: &str, version: &str, metadata: &str, dependencies: &str) {
        self.project.write(
            &format!("vendor/{name}/Cargo.toml"),
            format!(
                "[package]\nname = \"{name}\"\nversion = \"{version}\"\nedition = \"2021\"\n{metadata}\n[dependencies]\n{dependencies}"
            ),
        );
        let checksums = format!("{{\"files\":{{}},\"package\":\"{}\"}}", "0".repeat(64));
        self.project.write(&format!("vendor/{name}/.cargo-checksum.json"), checksums);
    }

    pub(crate) fn run(&self, db: &Db, args: &[&str]) -> Output {
        self.project.run(db, args)
    }
}
