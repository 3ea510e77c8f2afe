//! The statements that `split` finds against those that the server and its client find.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use db_migrations::dialect::Dialect;
use db_migrations::sql::split;
use futures_util::TryStreamExt;
use sqlx::mysql::MySqlConnection;
use sqlx::{AssertSqlSafe, Connection};

use crate::corpus::{DELIMITED, PLAIN};
use crate::support::database::Db;
use crate::support::{block_on, mariadb};

/// Sends a text as it is; gives the number of results, which is one for each statement.
async fn send(connection: &mut MySqlConnection, text: &str) -> Result<usize, sqlx::Error> {
    let results = sqlx::raw_sql(AssertSqlSafe(text.to_owned())).fetch_many(connection);
    results.try_fold(0, async |count, result| Ok(count + usize::from(result.is_left()))).await
}

/// How many statements the server finds in a text.
fn by_the_server(database: &Db, text: &str) -> usize {
    let count: Result<usize, sqlx::Error> = block_on(async {
        let mut connection = mariadb::connect(database.url()).await?;
        let count = send(&mut connection, text).await?;
        connection.close().await?;
        Ok(count)
    });
    count.unwrap_or_else(|error| panic!("{error}\nin {text}"))
}

/// Runs the statements that we find, one by one in one session; each must be one for the server.
fn by_ourselves(database: &Db, text: &str) -> usize {
    let statements = split(Dialect::MariaDb, text).unwrap_or_else(|error| panic!("{error}\nin {text}"));
    let done: Result<(), sqlx::Error> = block_on(async {
        let mut connection = mariadb::connect(database.url()).await?;
        for statement in &statements {
            let one = &text[statement.span.clone()];
            let count = send(&mut connection, one).await.unwrap_or_else(|error| panic!("{error}\nin {one}"));
            assert!(count == 1 || one.starts_with("CALL"), "{count} statements in {one}");
        }
        connection.close().await
    });
    done.unwrap();
    statements.len()
}

/// Runs a script as the client does.
fn by_the_client(database: &Db, script: &Path) {
    let server = mariadb::server().unwrap();
    let mut command = server.client("mariadb");
    command.args(["--default-character-set=utf8mb4", "--comments"]).arg(name(database));
    let output = command.stdin(fs::File::open(script).unwrap()).stdout(Stdio::null()).output().unwrap();
    assert!(output.status.success(), "{}: {}", script.display(), String::from_utf8_lossy(&output.stderr));
}

fn name(database: &Db) -> String {
    database.url().split(['/', '?']).nth(3).unwrap().to_owned()
}

#[track_caller]
fn assert_same(actual: &Db, expected: &Db, what: &str) {
    let (actual, expected) = (actual.dump(), expected.dump());
    for (actual, expected) in actual.lines().zip(expected.lines()) {
        assert_eq!(actual, expected, "{what}");
    }
    assert_eq!(actual.lines().count(), expected.lines().count(), "{what}");
}

/// The dump is a script of its own, with delimiters and with comments that are executed.
fn restores(database: &Db, text: &str) {
    let restored = database.another();
    by_ourselves(&restored, &database.dump());
    assert_same(&restored, database, &format!("the restored dump of: {text}"));
}

#[test]
fn as_the_server_counts_them() {
    for (case, text) in PLAIN {
        let Some(whole) = Db::mariadb() else { return };
        let parts = whole.another();
        let count = by_the_server(&whole, text);
        let ours = by_ourselves(&parts, text);
        assert!(count == ours || text.contains("CALL"), "{case}: {count} for the server, {ours} for us");
        assert_same(&parts, &whole, case);
        restores(&whole, case);
    }
}

#[test]
fn as_the_client_cuts_them() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("script.sql");
    for (case, text, expected) in DELIMITED {
        let Some(whole) = Db::mariadb() else { return };
        let parts = whole.another();
        fs::write(&file, text).unwrap();
        by_the_client(&whole, &file);
        assert_eq!(by_ourselves(&parts, text), *expected, "{case}");
        assert_same(&parts, &whole, case);
        restores(&whole, case);
    }
}
