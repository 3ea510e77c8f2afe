//! Small projects, and questions that many tests ask.

use std::time::{Duration, Instant};

use sqlx::{AssertSqlSafe, Connection, PgConnection};

use crate::support::database::Db;
use crate::support::project::{Output, Project};

pub(crate) const USERS: &str = "app::20240101000000_users";
pub(crate) const POSTS: &str = "app::20240102000000_posts";
pub(crate) const TAGS: &str = "app::20240103000000_tags";
pub(crate) const TAGS_FILE: &str = "migrations/20240103000000_tags.sql";
pub(crate) const LOCK: &str = "migrations-lock.yml";

/// A project without Cargo.
pub(crate) fn bare() -> Project {
    Project::with_config("cargo: off\n")
}

/// Two migrations: tables with an index and rows.
pub(crate) fn base() -> Project {
    bare()
        .file(
            "migrations/20240101000000_users.sql",
            "CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL);\n\
             INSERT INTO users VALUES (1, 'ann');\n",
        )
        .file(
            "migrations/20240102000000_posts.sql",
            "CREATE TABLE posts (id integer PRIMARY KEY, user_id integer REFERENCES users (id));\n\
             CREATE INDEX posts_user ON posts (user_id);\n",
        )
}

/// A third migration for it.
pub(crate) fn add_tags(project: &Project) {
    project.write(TAGS_FILE, "CREATE TABLE tags (id integer PRIMARY KEY, name text);\n");
}

pub(crate) use crate::support::sha256;

/// Whether a path is that of an SQL file.
pub(crate) fn is_sql(path: &str) -> bool {
    std::path::Path::new(path).extension().is_some_and(|extension| extension == "sql")
}

/// The name of the snapshot on this database.
pub(crate) fn snapshot(db: &Db) -> String {
    format!("migrations-schema.{}.sql", db.dialect())
}

/// What a run says of which nothing stayed, since a migration failed: where DDL commits by itself, the
/// rehearsal has found it before.
pub(crate) fn untouched(db: &Db) -> &'static str {
    if db.is_mariadb() {
        "this was the rehearsal, on a scratch database: nothing was touched"
    } else {
        "everything was rolled back: nothing of this run stayed"
    }
}

/// SQL that takes away the index of [`base`], which its foreign key needs on MariaDB.
pub(crate) fn lose_index(db: &Db) -> &'static str {
    if db.is_mariadb() {
        "SET foreign_key_checks = 0; DROP INDEX posts_user ON posts"
    } else {
        "DROP INDEX posts_user"
    }
}

/// What has run, in the order in which it ran; not what bases stand for.
pub(crate) fn ran(db: &Db) -> Vec<String> {
    db.query("SELECT id FROM db_migrations WHERE kind <> 'archived' ORDER BY position")
}

/// The history without times: equal where the same migrations ran in the same order.
pub(crate) fn history(db: &Db) -> Vec<String> {
    db.query("SELECT concat_ws(' ', id, checksum, kind, position, run) FROM db_migrations ORDER BY position")
}

/// The ids in the lock, in its order.
pub(crate) fn locked(project: &Project) -> Vec<String> {
    let lock = project.lock();
    let lines = lock.lines().filter(|line| !line.starts_with('#') && line.contains("::"));
    lines.map(|line| line.split(": {").next().unwrap().to_owned()).collect()
}

/// Each migration of `status --format json`, as `id state`.
#[track_caller]
pub(crate) fn states(project: &Project, db: &Db) -> Vec<String> {
    let document = project.run(db, &["status", "--format", "json"]).ok().json();
    let lines = document["migrations"].as_array().unwrap();
    lines
        .iter()
        .map(|line| format!("{} {}", line["id"].as_str().unwrap(), line["state"].as_str().unwrap()))
        .collect()
}

/// The ids that `migrate --format json` says it applied.
#[track_caller]
pub(crate) fn applied(output: &Output) -> Vec<String> {
    let document = output.json();
    let applied = document["applied"].as_array().map_or(&[][..], Vec::as_slice);
    applied.iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

/// Polls until it is so; a generous limit keeps a broken test from hanging.
#[track_caller]
pub(crate) fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_mins(2), "it never came so far: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// A connection that stays open, as an application's.
pub(crate) struct Held {
    runtime: tokio::runtime::Runtime,
    connection: Connected,
}

enum Connected {
    MariaDb(sqlx::MySqlConnection),
    Postgres(PgConnection),
    Sqlite(sqlx::SqliteConnection),
}

impl Held {
    /// Connects and executes.
    pub(crate) fn open(db: &Db, sql: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let connection = runtime.block_on(async {
            if db.is_sqlite() {
                let options: sqlx::sqlite::SqliteConnectOptions = db.url().parse().unwrap();
                let options = options.create_if_missing(true);
                Connected::Sqlite(sqlx::SqliteConnection::connect_with(&options).await.unwrap())
            } else if db.is_mariadb() {
                Connected::MariaDb(crate::support::mariadb::connect(db.url()).await.unwrap())
            } else {
                Connected::Postgres(PgConnection::connect(db.url()).await.unwrap())
            }
        });
        let mut held = Self { runtime, connection };
        held.execute(sql);
        held
    }

    pub(crate) fn execute(&mut self, sql: &str) {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.runtime.block_on(async {
            match &mut self.connection {
                Connected::MariaDb(connection) => _ = sql.execute(connection).await.unwrap(),
                Connected::Postgres(connection) => _ = sql.execute(connection).await.unwrap(),
                Connected::Sqlite(connection) => _ = sql.execute(connection).await.unwrap(),
            }
        });
    }

    /// Executes; whether the database took it.
    pub(crate) fn try_execute(&mut self, sql: &str) -> bool {
        let sql = sqlx::raw_sql(AssertSqlSafe(sql.to_owned()));
        self.runtime.block_on(async {
            match &mut self.connection {
                Connected::MariaDb(connection) => sql.execute(connection).await.is_ok(),
                Connected::Postgres(connection) => sql.execute(connection).await.is_ok(),
                Connected::Sqlite(connection) => sql.execute(connection).await.is_ok(),
            }
        })
    }

    /// Closes it and waits until that is done.
    pub(crate) fn close(self) {
        self.runtime.block_on(async {
            match self.connection {
                Connected::MariaDb(connection) => connection.close().await.unwrap(),
                Connected::Postgres(connection) => connection.close().await.unwrap(),
                Connected::Sqlite(connection) => connection.close().await.unwrap(),
            }
        });
    }
}

/// Connections of the program that run a statement with this text in it (PostgreSQL, MariaDB).
pub(crate) fn running(db: &Db, text: &str) -> bool {
    if db.is_mariadb() {
        return db.count(&format!(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID() AND INFO LIKE '%{text}%'"
        )) > 0;
    }
    db.count(&format!(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state = 'active' \
         AND pid <> pg_backend_pid() AND query LIKE '%{text}%'"
    )) > 0
}

/// Whether the program has any connection there (PostgreSQL, MariaDB).
pub(crate) fn connected(db: &Db) -> bool {
    if db.is_mariadb() {
        return db.count(
            "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()",
        ) > 0;
    }
    db.count(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'db-migrations'",
    ) > 0
}
