//! Each statement with its deeds, and how much they weigh.

use super::*;

/// Each deed with a mark: `!` for always, `?` unless it is the own one's, `~` if it is another's.
fn told(dialect: Dialect, text: &str) -> Vec<String> {
    let mark = |weight| match weight {
        Weight::Never => "",
        Weight::IfOthers => "~",
        Weight::UnlessOwn => "?",
        Weight::Always => "!",
    };
    let deeds = deeds(dialect, text);
    let calls = |deed: &&Deed| deed.weight != Weight::IfOthers || deed.verb != "calls";
    deeds.iter().filter(calls).map(|deed| format!("{}{deed}", mark(deed.weight))).collect()
}

#[track_caller]
fn is(dialect: Dialect, text: &str, expected: &[&str]) {
    assert_eq!(told(dialect, text), expected, "{text}");
}

use Dialect::{MariaDb, Postgres, Sqlite};

#[test]
fn ordinary_statements_weigh_nothing_for_the_own_module() {
    for dialect in [Postgres, Sqlite, MariaDb] {
        is(
            dialect,
            "CREATE TABLE IF NOT EXISTS t (a int REFERENCES u (id) ON DELETE CASCADE ON UPDATE CASCADE)",
            &["creates table t"],
        );
        is(dialect, "CREATE UNIQUE INDEX i ON t (lower(a))", &["?creates index i on t"]);
        is(dialect, "INSERT INTO t (a) VALUES (1)", &["?inserts into t"]);
        is(dialect, "UPDATE t SET a = 1", &["?updates t"]);
        is(dialect, "ALTER TABLE t ADD COLUMN b int", &["?alters table t"]);
        is(dialect, "ALTER TABLE t RENAME TO u", &["?alters table t"]);
        is(dialect, "CREATE VIEW v AS SELECT count(*) FROM t", &["creates view v"]);
        is(dialect, "SELECT 1", &[]);
    }
    is(Postgres, "INSERT INTO t VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2", &["?inserts into t"]);
    is(MariaDb, "INSERT IGNORE t VALUES (1) ON DUPLICATE KEY UPDATE a = 2", &["?inserts into t"]);
    is(Postgres, "SELECT pg_catalog.set_config('search_path', '', false), nextval('s')", &[]);
    is(Postgres, "SELECT a FROM t JOIN u USING (a) WHERE lower(a) LIKE concat(b, 'x')", &[]);
    is(Postgres, "SELECT * FROM t FOR UPDATE SKIP LOCKED", &[]);
    let lock = "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'UPDATE t SET a = 1 WHERE b IN (SELECT b FROM t FOR UPDATE SKIP LOCKED)'";
    is(Postgres, lock, &["creates function f", "?updates t"]);
    is(Sqlite, "INSERT INTO 't' VALUES ('a', 1), (wipe('x'), 2)", &["?inserts into t"]);
    is(
        Postgres,
        "CLUSTER; CLUSTER (VERBOSE) t USING i; CLUSTER i ON u; REFRESH MATERIALIZED VIEW CONCURRENTLY s.v",
        &["?clusters table t", "?clusters table u", "?refreshes view s.v"],
    );
    is(Postgres, "COMMENT ON TABLE t IS 'x'", &["~comments on t IS 'x'"]);
    is(Sqlite, "PRAGMA foreign_keys = OFF; PRAGMA user_version", &[]);
    is(MariaDb, "SET NAMES utf8mb4; SET @a = 1; ANALYZE TABLE t", &[]);
}

#[test]
fn what_is_lost_always_weighs() {
    is(Postgres, "DROP TABLE a, s.\"B\" CASCADE", &["!drops table a", "!drops table s.B"]);
    is(Postgres, "DROP INDEX CONCURRENTLY IF EXISTS i", &["?drops index i"]);
    is(Postgres, "DROP VIEW v CASCADE", &["!drops view v"]);
    is(MariaDb, "DROP INDEX i ON t", &["?drops index i on t"]);
    is(
        Postgres,
        "ALTER TABLE t ADD a int, DROP IF EXISTS b, ALTER c TYPE text USING (f(c, 1))",
        &["?alters table t", "!drops column t.b", "!changes the type of column t.c"],
    );
    is(Postgres, "ALTER TABLE t DROP CONSTRAINT c, ALTER d DROP DEFAULT", &["?alters table t"]);
    is(
        MariaDb,
        "ALTER TABLE t MODIFY a INT, DROP KEY k, DROP b",
        &["?alters table t", "!changes the type of column t.a", "!drops column t.b"],
    );
    is(Sqlite, "ALTER TABLE t DROP COLUMN b", &["?alters table t", "!drops column t.b"]);
    is(
        Postgres,
        "DELETE FROM ONLY t; TRUNCATE TABLE a, b",
        &["!deletes from t", "!truncates a", "!truncates b"],
    );
    is(
        Postgres,
        "WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x",
        &["!deletes from t", "?inserts into u"],
    );
    is(
        MariaDb,
        "DELETE a, b FROM a JOIN b ON a.x = b.x WHERE a.y = 1",
        &["!deletes from a", "!deletes from b"],
    );
    is(MariaDb, "UPDATE a JOIN b ON a.x = b.x SET a.y = 1", &["?updates a", "?updates b"]);
    is(MariaDb, "CREATE OR REPLACE TABLE t (a INT)", &["!replaces table t", "creates table t"]);
    is(Sqlite, "INSERT OR REPLACE INTO t VALUES (1)", &["?replaces rows of t"]);
}

#[test]
fn bodies_are_read() {
    let body = "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $b$\nBEGIN\n  IF true THEN DELETE FROM t; END IF;\n  UPDATE u SET a = 1;\n  RETURN NEW;\nEND $b$";
    is(Postgres, body, &["~replaces function f", "?deletes from t", "?updates u"]);
    let found = deeds(Postgres, body);
    let line = |deed: &Deed| body[..deed.at].matches('\n').count() + 1;
    assert_eq!(found.iter().map(line).collect::<Vec<_>>(), [1, 3, 4]);
    let sly = "CREATE FUNCTION f() RETURNS void AS 'BEGIN EXECUTE format(''DROP TABLE %I'', $1); END' LANGUAGE plpgsql";
    let dynamic = "!runs what cannot be read: EXECUTE format ( 'DROP TABLE %I' , …";
    is(Postgres, sly, &["creates function f", dynamic, "!drops table % I"]);
    is(
        Postgres,
        "DO $$ BEGIN PERFORM 1; IF true THEN DROP TABLE users; END IF; END $$",
        &["!runs a block of code", "!drops table users"],
    );
    is(
        Postgres,
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC DELETE FROM t; SELECT 1; END",
        &["?deletes from t", "creates function f"],
    );
    is(
        Postgres,
        "CREATE TRIGGER g AFTER INSERT OR UPDATE OR DELETE ON t FOR EACH ROW EXECUTE FUNCTION f()",
        &["?creates trigger g on t"],
    );
    is(
        Sqlite,
        "CREATE TRIGGER g AFTER DELETE ON t BEGIN DELETE FROM u; INSERT INTO v VALUES (1); END",
        &["?deletes from u", "?inserts into v", "?creates trigger g on t"],
    );
    is(
        MariaDb,
        "CREATE PROCEDURE p() BEGIN IF 1 THEN TRUNCATE t; END IF; PREPARE s FROM @x; END",
        &["?truncates t", "creates function p", "!runs what cannot be read: PREPARE s FROM @ x"],
    );
}

#[test]
fn a_sequence_that_is_set_is_told() {
    is(Postgres, "SELECT pg_catalog.setval('public.s', 1, true)", &["?sets sequence public.s"]);
    is(Postgres, "SELECT setval('\"S\"'::regclass, max(a)) FROM t", &["?sets sequence S"]);
    is(
        Postgres,
        "SELECT setval(pg_get_serial_sequence('t', 'id'), coalesce(max(id), 1)) FROM t",
        &["?sets sequence of t"],
    );
    is(MariaDb, "SELECT SETVAL(s, 1)", &["?sets sequence s"]);
    for unknown in
        ["'a' || 's'", "a", "E'\\x73'", "'a; b'", "oid::regclass", "pg_get_serial_sequence('t', 'a') || 's'"]
    {
        is(Postgres, &format!("SELECT setval({unknown}, 1) FROM t"), &["!sets sequence"]);
    }
}

#[test]
fn what_only_computes_is_told_for_what_it_calls() {
    for call in
        ["SELECT 1 FROM t JOIN u ON f()", "SELECT 'a' LIKE f()", "(SELECT f())", "SELECT * FROM f() AS g(a)"]
    {
        is(Postgres, call, &["?calls function f"]);
    }
    is(Postgres, "DECLARE c CURSOR FOR SELECT f()", &["?calls function f"]);
    is(Postgres, "WITH x (a) AS (SELECT lower('A')) SELECT count(*) FROM x", &[]);
}

#[test]
fn what_reaches_further_weighs() {
    is(Postgres, "GRANT ALL ON t TO public", &["!grants ALL ON t TO public"]);
    is(Postgres, "SET ROLE admin", &["!takes another role: ROLE admin"]);
    is(Postgres, "SET LOCAL search_path TO x", &[]);
    is(Postgres, "ALTER TABLE t OWNER TO bob", &["?alters table t", "!gives to another owner table t"]);
    is(
        Postgres,
        "ALTER TABLE t ENABLE ROW LEVEL SECURITY",
        &["?alters table t", "!switches row level security of table t"],
    );
    is(
        Postgres,
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
        &["creates function f", "!runs with its owner's rights (SECURITY DEFINER)"],
    );
    is(
        Postgres,
        "ALTER FUNCTION f() SECURITY DEFINER",
        &["?alters function f", "!runs with its owner's rights (SECURITY DEFINER)"],
    );
    is(Postgres, "COPY t FROM PROGRAM 'curl x'", &["?copies into t", "!runs a program: PROGRAM 'curl x'"]);
    is(Postgres, "COPY (SELECT 1) TO '/tmp/x'", &["!reads or writes a file: '/tmp/x'"]);
    is(
        Postgres,
        "CREATE FUNCTION f() RETURNS int AS 'a.so', 'g' LANGUAGE c",
        &["creates function f", "!is written in c"],
    );
    is(
        Postgres,
        "CREATE EXTENSION pgcrypto; CREATE EXTENSION IF NOT EXISTS plpython3u",
        &["creates extension pgcrypto", "!creates extension plpython3u"],
    );
    is(
        Postgres,
        "ALTER SYSTEM SET x = 1; ALTER DATABASE d SET y = 1",
        &["!alters system SET x = 1", "!alters database d SET y = …"],
    );
    is(Postgres, "SELECT lo_export(1, '/tmp/x')", &["!calls function lo_export"]);
    is(Postgres, "SELECT purge_everything()", &["?calls function purge_everything"]);
    is(
        Postgres,
        "COMMIT; BEGIN",
        &[
            "!takes the transaction into its own hands: COMMIT",
            "!takes the transaction into its own hands: BEGIN",
        ],
    );
    is(
        Sqlite,
        "ATTACH 'x' AS y; PRAGMA writable_schema = ON",
        &["!reaches outside of the database: ATTACH 'x' AS y", "!sets what stays: writable_schema = ON"],
    );
    is(MariaDb, "SET GLOBAL x = 1", &["!sets for the whole server: GLOBAL x = 1"]);
    is(MariaDb, "SELECT 1 INTO OUTFILE '/tmp/x'", &["!writes a file"]);
    is(
        MariaDb,
        "CREATE FUNCTION sys_exec RETURNS INT SONAME 'x.so'",
        &["creates function sys_exec", "!loads a library"],
    );
    is(
        MariaDb,
        "CREATE DEFINER = `root`@`localhost` PROCEDURE p() SELECT 1",
        &["!runs with the rights of another user", "creates function p"],
    );
    is(MariaDb, "CALL p()", &["!runs what cannot be read: CALL p ( )"]);
    is(MariaDb, "/*!50003 DROP TABLE t */", &["!drops table t"]);
}

#[test]
fn what_hides_is_found() {
    is(Postgres, "DELETE FROM ONLY (users)", &["!deletes from users"]);
    let lost = "!changes rows of what was not understood";
    is(Postgres, "WITH x AS (DELETE FROM $1 RETURNING 1) SELECT 1", &[lost]);
    is(Postgres, "WITH x AS (UPDATE ONLY (users) SET a = 1 RETURNING 1) SELECT 1", &["?updates users"]);
    is(Postgres, "EXPLAIN (ANALYZE true) UPDATE users SET a = 1", &["?updates users"]);
    let pieces = "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'DEL'\n'ETE FROM users'";
    is(Postgres, pieces, &["creates function f", "!is written in pieces"]);
    let escapes = r"CREATE FUNCTION f() RETURNS void LANGUAGE sql AS E'\x44ELETE FROM users'";
    assert!(told(Postgres, escapes).contains(&"!is written with escapes".to_owned()));
    let handler = "CREATE PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION DROP TABLE users; DECLARE EXIT HANDLER FOR 1062 UPDATE users SET a = 1; SELECT REPLACE('a', 'b', 'c'); END";
    is(MariaDb, handler, &["?updates users", "creates function p", "!drops table users"]);
}

#[test]
fn what_is_not_understood_is_unknown() {
    for (dialect, text) in
        [(Postgres, "FROBNICATE t"), (Sqlite, "SET x = 1"), (MariaDb, "CREATE THING x"), (Postgres, "UPDATE")]
    {
        let found = deeds(dialect, text);
        assert!(
            found.iter().any(|deed| deed.class == Class::Unknown && deed.weight == Weight::Always),
            "{text}: {found:?}"
        );
    }
    assert_eq!(deeds(Postgres, "SELECT 'x")[0].class, Class::Unknown);
    assert!(deeds(Postgres, "-- nothing\n").is_empty());
}
