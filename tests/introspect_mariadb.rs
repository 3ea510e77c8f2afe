//! Introspection of MariaDB, on a server of its own: what is dumped loads, and dumps the same again.

#![cfg(feature = "mysql")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should panic")]

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use db_migrations::backend::mysql::{introspect, not_covered};
use db_migrations::dialect::Dialect;
use db_migrations::schema::{Kind, Schema};
use db_migrations::snapshot::{Fingerprint, Proof, Snapshot, render_schema};
use sqlx::mysql::{MySqlConnectOptions, MySqlConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};

/// A server that ends with the test.
struct Server {
    folder: PathBuf,
    process: Child,
}

impl Server {
    /// `None` where no MariaDB is installed.
    fn start(name: &str) -> Option<Self> {
        let folder = PathBuf::from(format!("/dev/shm/dbm-introspect-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        let ids = fs::read_to_string("/etc/passwd").unwrap().lines().find_map(|line| {
            let mut fields = line.strip_prefix("mysql:")?.split(':').skip(1);
            Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
        });
        let (user, group) = ids?;
        std::os::unix::fs::chown(&folder, Some(user), Some(group)).unwrap();
        let command = |program: &str| {
            let mut command = Command::new(program);
            command.arg("--no-defaults").arg(format!("--datadir={}", folder.join("data").display()));
            command.uid(user).gid(group).current_dir(&folder).stdout(Stdio::null()).stderr(Stdio::null());
            command
        };
        let install = command("mariadb-install-db")
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .status();
        assert!(install.unwrap().success());
        let process = command("/usr/sbin/mariadbd")
            .args(["--skip-networking", "--innodb-flush-log-at-trx-commit=0", "--sync-frm=0"])
            .arg(format!("--socket={}", folder.join("s").display()))
            .spawn()
            .unwrap();
        Some(Self { folder, process })
    }

    fn client(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.args(["--no-defaults", "-uroot", "-S"]).arg(self.folder.join("s"));
        command
    }

    /// A connection to a new database.
    async fn database(&self, name: &str) -> MySqlConnection {
        let start = Instant::now();
        let mut root = loop {
            match self.connect("root", "mysql").await {
                Ok(root) => break root,
                Err(error) => assert!(start.elapsed() < Duration::from_secs(30), "{error}"),
            }
            std::thread::sleep(Duration::from_millis(50));
        };
        execute(&mut root, &format!("CREATE DATABASE `{}` CHARACTER SET utf8mb4", name.replace('`', "``")))
            .await;
        self.connect("root", name).await.unwrap()
    }

    /// Without any of the settings that sqlx makes on its own.
    async fn connect(&self, user: &str, database: &str) -> Result<MySqlConnection, sqlx::Error> {
        let options =
            MySqlConnectOptions::new().socket(self.folder.join("s")).username(user).database(database);
        let mut connection =
            options.pipes_as_concat(false).no_engine_substitution(false).timezone(None).connect().await?;
        // sqlx asks for IGNORE_SPACE when it connects
        sqlx::raw_sql("SET sql_mode = DEFAULT").execute(&mut connection).await?;
        Ok(connection)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

async fn execute(connection: &mut MySqlConnection, sql: &str) {
    sqlx::raw_sql(AssertSqlSafe(sql.to_owned()))
        .execute(connection)
        .await
        .unwrap_or_else(|error| panic!("{error}\n{sql}"));
}

async fn dump(connection: &mut MySqlConnection) -> (String, Schema) {
    let schema = introspect(connection, &["db_migrations"]).await.unwrap();
    (render_schema(&schema, Dialect::MariaDb), schema)
}

#[tokio::test]
async fn a_dump_loads_and_dumps_the_same() {
    let Some(server) = Server::start("loads") else { return };
    let mut nasty = server.database("nasty; `one").await;
    execute(&mut nasty, include_str!("cases/introspect/mariadb.sql")).await;
    let (first, schema) = dump(&mut nasty).await;
    for kind in
        [Kind::Sequence, Kind::Table, Kind::Function, Kind::Procedure, Kind::View, Kind::Trigger, Kind::Event]
    {
        assert!(schema.count(kind) > 1, "{kind}");
    }
    assert!(!first.contains("DEFINER=`root`") && !first.contains("nasty; "));

    let file = server.folder.join("dump.sql");
    fs::write(&file, &first).unwrap();
    let mut by_client = server.database("by_client").await;
    // without `--comments` the client takes them out of bodies
    let mut client = server.client("mariadb");
    let status =
        client.args(["--comments", "by_client"]).stdin(fs::File::open(&file).unwrap()).status().unwrap();
    assert!(status.success());
    assert_eq!(dump(&mut by_client).await.0, first);

    let mut by_us = server.database("by_us").await;
    execute(&mut by_us, "SET foreign_key_checks = 0").await;
    for object in &schema.objects {
        execute(&mut by_us, &object.definition).await;
    }
    assert_eq!(dump(&mut by_us).await, (first.clone(), schema.clone()));

    execute(&mut by_us, "INSERT INTO `with space; and ``tick``` VALUES (), (); SELECT nextval(numbers)")
        .await;
    assert_eq!(dump(&mut by_us).await.0, first);
    execute(&mut by_us, "XA START 'x'; DELETE FROM `with space; and ``tick```").await;
    assert_eq!(dump(&mut by_us).await.0, first);
    execute(&mut by_us, "XA END 'x'; XA ROLLBACK 'x'").await;
    let rows: i64 = sqlx::query_scalar("SELECT count(*) FROM `with space; and ``tick```")
        .fetch_one(&mut by_us)
        .await
        .unwrap();
    assert_eq!(rows, 2);
}

#[tokio::test]
async fn what_is_not_read_is_named() {
    let Some(server) = Server::start("named") else { return };
    let mut connection = server.database("named").await;
    execute(&mut connection, include_str!("cases/introspect/mariadb.sql")).await;
    let unread = [
        "event once",
        "function calm",
        "package body pack",
        "package pack",
        "view broken",
        "view broken_too",
    ];
    assert_eq!(not_covered(&mut connection).await.unwrap(), unread);

    execute(&mut connection, "CREATE USER reader; GRANT SELECT, EXECUTE ON named.* TO reader").await;
    let mut reader = server.connect("reader", "named").await.unwrap();
    let schema = introspect(&mut reader, &[]).await.unwrap();
    let by_root = introspect(&mut connection, &[]).await.unwrap();
    for kind in [Kind::Table, Kind::Sequence] {
        assert_eq!(schema.count(kind), by_root.count(kind), "{kind}");
    }
    let unread = not_covered(&mut reader).await.unwrap();
    assert!(
        unread.contains(&"view base".to_owned()) && unread.contains(&"function words".to_owned()),
        "{unread:?}"
    );
}

/// Not fulfilled before `sql::split` knows `DELIMITER`.
#[tokio::test]
async fn a_snapshot_is_read_as_it_was_written() {
    let Some(server) = Server::start("snapshot") else { return };
    let mut connection = server.database("snapshot").await;
    execute(&mut connection, include_str!("cases/introspect/mariadb.sql")).await;
    let (_, schema) = dump(&mut connection).await;
    let fingerprint = Fingerprint { entries: Vec::new(), digest: Some(db_migrations::id::Checksum::of(b"")) };
    let snapshot = Snapshot {
        dialect: Dialect::MariaDb,
        fingerprint,
        proof: Proof::Replay,
        server: "MariaDB".to_owned(),
        schema,
    };
    assert_eq!(Snapshot::parse("x.sql", &snapshot.render()).unwrap(), snapshot);
}

#[tokio::test]
async fn time_of_many_tables() {
    let Some(server) = Server::start("time") else { return };
    let mut connection = server.database("many").await;
    let column = |n| format!(", c{n} VARCHAR(20) NOT NULL DEFAULT 'x'");
    let columns = (1..10).map(column).collect::<Vec<_>>().concat();
    let table = |n| {
        format!("CREATE TABLE t{n} (id BIGINT PRIMARY KEY AUTO_INCREMENT{columns}, KEY (c1)) ENGINE=InnoDB;")
    };
    let tables: String = (0..1000).map(table).collect();
    execute(&mut connection, &tables).await;
    for what in ["first", "second"] {
        let start = Instant::now();
        let schema = introspect(&mut connection, &[]).await.unwrap();
        println!("{what} introspection of {} tables: {:?}", schema.objects.len(), start.elapsed());
        let start = Instant::now();
        let output = server
            .client("mariadb-dump")
            .args(["--no-data", "--routines", "--events", "many"])
            .output()
            .unwrap();
        println!("{what} mariadb-dump: {:?}, {} bytes", start.elapsed(), output.stdout.len());
    }
}
