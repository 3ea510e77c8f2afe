//! What the tests rest on: databases for one test, and servers that a test may kill.

use crate::support::database::Db;
use crate::support::mariadb::{self, Private};

#[test]
fn the_test_database_answers_and_dumps() {
    let Some(database) = Db::mariadb() else { return };
    assert!(database.is_empty() && database.is_mariadb());
    database.execute(
        "CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, at DATETIME, bytes BLOB);
         INSERT INTO t VALUES (NULL, '2020-01-02 03:04:05', x'00ff'), (NULL, NULL, 'a');
         CREATE FUNCTION f() RETURNS INT RETURN 1",
    );
    assert!(!database.is_empty());
    assert_eq!(database.count("SELECT COUNT(*) FROM t"), 2);
    assert_eq!(database.query("SELECT id FROM t ORDER BY id"), ["1", "2"]);
    assert_eq!(database.query("SELECT at FROM t ORDER BY id"), ["2020-01-02 03:04:05", "NULL"]);
    assert_eq!(database.query("SELECT bytes FROM t WHERE id = 2"), ["a"]);
    assert_eq!(database.query("SELECT f() + 0.5"), ["1.5"]);
    for part in ["AUTO_INCREMENT=3", "0x00FF", "FUNCTION `f`"] {
        assert!(database.dump().contains(part), "{}", database.dump());
    }
    assert!(!database.dump_schema().contains("AUTO_INCREMENT="), "{}", database.dump_schema());
    let another = database.another();
    assert!(another.is_empty());
    another.execute("CREATE SEQUENCE s");
    assert!(!another.is_empty());
}

#[test]
fn a_private_server_keeps_what_was_committed() {
    let Some(mut server) = Private::start() else { return };
    let url = server.url("mysql");
    let run = |sql: &str| mariadb::execute(&url, sql);
    run("CREATE DATABASE d; CREATE TABLE d.t (a INT); INSERT INTO d.t VALUES (1)").unwrap();
    let before = server.pid();
    server.kill9();
    assert!(run("SELECT 1").is_err());
    server.restart();
    assert_ne!(server.pid(), before);
    run("INSERT INTO d.t SELECT a + 1 FROM d.t").unwrap();
    let folder = server.folder().to_owned();
    drop(server);
    assert!(!folder.exists());
}
