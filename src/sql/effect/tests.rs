//! Cases of `effect`.

use super::*;

#[track_caller]
fn expect(dialect: Dialect, statement: &str, expected: Boundary) {
    assert_eq!(boundary(dialect, statement), expected, "{statement}");
}

#[test]
fn postgres_transaction_control() {
    for (statement, label) in [
        ("begin isolation level serializable", "BEGIN"),
        ("/* x */ Start -- y\n transaction", "START TRANSACTION"),
        ("COMMIT WORK", "COMMIT"),
        ("END", "END"),
        ("ROLLBACK", "ROLLBACK"),
        ("ROLLBACK WORK TO SAVEPOINT a", "ROLLBACK TO SAVEPOINT"),
        ("rollback to a", "ROLLBACK TO SAVEPOINT"),
        ("ABORT", "ABORT"),
        ("SAVEPOINT a", "SAVEPOINT"),
        ("RELEASE a", "RELEASE"),
        ("PREPARE TRANSACTION 'x'", "PREPARE TRANSACTION"),
        ("COMMIT PREPARED 'x'", "COMMIT PREPARED"),
        ("ROLLBACK PREPARED 'x'", "ROLLBACK PREPARED"),
        ("SET TRANSACTION READ ONLY", "SET TRANSACTION"),
        ("SET LOCAL TRANSACTION READ ONLY", "SET TRANSACTION"),
    ] {
        expect(Dialect::Postgres, statement, TransactionControl(label));
    }
}

#[test]
fn postgres_outside_of_transactions() {
    for (statement, label) in [
        ("VACUUM (FULL) t", "VACUUM"),
        ("CREATE DATABASE a", "CREATE DATABASE"),
        ("DROP DATABASE IF EXISTS a", "DROP DATABASE"),
        ("CREATE TABLESPACE a LOCATION 'x'", "CREATE TABLESPACE"),
        ("DROP TABLESPACE a", "DROP TABLESPACE"),
        ("CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON t (a)", "CREATE INDEX CONCURRENTLY"),
        ("create unique index concurrently i on t (a)", "CREATE INDEX CONCURRENTLY"),
        ("DROP INDEX CONCURRENTLY i", "DROP INDEX CONCURRENTLY"),
        ("REINDEX TABLE CONCURRENTLY t", "REINDEX CONCURRENTLY"),
        ("REINDEX (VERBOSE, CONCURRENTLY) INDEX i", "REINDEX CONCURRENTLY"),
        ("REINDEX SCHEMA s", "REINDEX SCHEMA"),
        ("REINDEX (VERBOSE) DATABASE s", "REINDEX DATABASE"),
        ("REINDEX SYSTEM s", "REINDEX SYSTEM"),
        ("ALTER SYSTEM SET a = 1", "ALTER SYSTEM"),
        ("ALTER DATABASE a SET TABLESPACE b", "ALTER DATABASE SET TABLESPACE"),
        ("CLUSTER", "CLUSTER"),
        ("CLUSTER (VERBOSE)", "CLUSTER"),
        ("ALTER TABLE IF EXISTS s.\"T\" DETACH PARTITION s.p CONCURRENTLY", "DETACH PARTITION CONCURRENTLY"),
        ("CREATE SUBSCRIPTION s CONNECTION '' PUBLICATION p", "CREATE SUBSCRIPTION"),
        ("DROP SUBSCRIPTION s", "DROP SUBSCRIPTION"),
        ("ALTER SUBSCRIPTION s REFRESH PUBLICATION", "ALTER SUBSCRIPTION REFRESH"),
        ("DISCARD ALL", "DISCARD ALL"),
    ] {
        expect(Dialect::Postgres, statement, NoTransaction(label));
    }
}

#[test]
fn ordinary_statements() {
    for statement in [
        "",
        "SELECT 1",
        "'BEGIN'",
        "\"commit\"",
        "PREPARE transaction_count AS SELECT 1",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
        "SET transaction.x = 1",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY v",
        "CREATE INDEX \"concurrently\" ON t (a)",
        "CREATE UNIQUE INDEX i ON t (concurrently)",
        "REINDEX TABLE t",
        "REINDEX (CONCURRENTLY false) TABLE t",
        "CLUSTER t USING i",
        "ALTER TABLE t DETACH PARTITION p",
        "ALTER TABLE t DETACH PARTITION p FINALIZE",
        "ALTER DATABASE a SET work_mem = 1",
        "DISCARD TEMP",
        "DO $$ BEGIN COMMIT; END $$",
    ] {
        expect(Dialect::Postgres, statement, Ordinary);
    }
    for statement in
        ["PRAGMA foreign_keys = off", "PRAGMA journal_mode", "EXPLAIN COMMIT", "SELECT 1", "REINDEX t"]
    {
        expect(Dialect::Sqlite, statement, Ordinary);
    }
    for statement in [
        "BEGIN NOT ATOMIC SELECT 1; END",
        "FLUSH TABLES",
        "FLUSH PRIVILEGES",
        "SET @autocommit = 0",
        "LOCK INSTANCE FOR BACKUP",
        "SET @a = autocommit",
    ] {
        expect(Dialect::MariaDb, statement, Ordinary);
    }
}

#[test]
fn sqlite_and_mysql() {
    for word in ["BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE"] {
        expect(Dialect::Sqlite, &format!("{word} x"), TransactionControl(word));
    }
    for (statement, label) in [
        ("VACUUM", "VACUUM"),
        ("ATTACH 'x' AS y", "ATTACH"),
        ("DETACH y", "DETACH"),
        ("pragma main.Journal_Mode = wal", "PRAGMA journal_mode"),
        ("PRAGMA journal_mode(wal)", "PRAGMA journal_mode"),
        ("PRAGMA synchronous = off", "PRAGMA synchronous"),
    ] {
        expect(Dialect::Sqlite, statement, NoTransaction(label));
    }
    for (statement, label) in [
        ("START TRANSACTION", "START TRANSACTION"),
        ("BEGIN", "BEGIN"),
        ("/*!50000 COMMIT */", "COMMIT"),
        ("ROLLBACK TO x", "ROLLBACK"),
        ("SAVEPOINT x", "SAVEPOINT"),
        ("RELEASE SAVEPOINT x", "RELEASE SAVEPOINT"),
        ("XA START 'x'", "XA"),
        ("SET @x = 1, SESSION autocommit = 0", "SET autocommit"),
        ("set @@session.autocommit=0", "SET autocommit"),
        ("SET @@autocommit := 0", "SET autocommit"),
        ("FLUSH TABLES WITH READ LOCK", "FLUSH TABLES WITH READ LOCK"),
        ("FLUSH LOCAL TABLES t FOR EXPORT", "FLUSH TABLES FOR EXPORT"),
        ("LOCK TABLES t READ", "LOCK TABLES"),
        ("UNLOCK TABLES", "UNLOCK TABLES"),
    ] {
        expect(Dialect::MySql, statement, TransactionControl(label));
    }
}

#[test]
fn what_reaches_beyond_the_database() {
    for (dialect, statement, expected) in [
        (Dialect::Postgres, "CREATE ROLE a", Some("CREATE ROLE")),
        (Dialect::Postgres, "alter user a with password 'x'", Some("ALTER USER")),
        (Dialect::Postgres, "DROP GROUP a", Some("DROP GROUP")),
        (Dialect::Postgres, "ALTER DATABASE a SET b = 1", Some("ALTER DATABASE")),
        (Dialect::Postgres, "ALTER SYSTEM RESET ALL", Some("ALTER SYSTEM")),
        (Dialect::Postgres, "GRANT a, \"on\" TO b WITH ADMIN OPTION", Some("GRANT role")),
        (Dialect::Postgres, "REVOKE ADMIN OPTION FOR a FROM b", Some("REVOKE role")),
        (Dialect::Postgres, "GRANT CONNECT ON DATABASE a TO b", Some("GRANT ON DATABASE")),
        (Dialect::Postgres, "COMMENT ON DATABASE a IS 'x'", Some("COMMENT ON DATABASE")),
        (Dialect::Postgres, "GRANT SELECT (a), UPDATE ON t TO b", None),
        (Dialect::Postgres, "CREATE USER MAPPING FOR a SERVER b", None),
        (Dialect::Postgres, "CREATE SCHEMA a", None),
        (Dialect::Postgres, "CREATE TABLE role (a int)", None),
        (Dialect::Postgres, "DROP SYSTEM", None),
        (Dialect::Sqlite, "ATTACH 'x' AS y", Some("ATTACH")),
        (Dialect::Sqlite, "VACUUM main INTO 'x'", Some("VACUUM INTO")),
        (Dialect::Sqlite, "VACUUM", None),
        (Dialect::MySql, "CREATE OR REPLACE USER a", Some("CREATE USER")),
        (Dialect::MySql, "USE a", Some("USE")),
        (Dialect::MySql, "SET GLOBAL a = 1", Some("SET GLOBAL")),
    ] {
        assert_eq!(beyond_database(dialect, statement), expected, "{statement}");
    }
}

#[test]
fn dropped_and_renamed_tables() {
    for (statement, expected) in [
        ("DROP TABLE Users", Some("users")),
        ("drop table if exists main.[My Users]", Some("my users")),
        ("DROP TABLE 'a''b'", Some("a'b")),
        ("ALTER TABLE \"A\" RENAME TO b", Some("a")),
        ("ALTER TABLE a RENAME COLUMN b TO c", None),
        ("ALTER TABLE a RENAME b TO c", None),
        ("DROP INDEX a", None),
        ("DROP TABLE", None),
    ] {
        assert_eq!(dropped_tables(Dialect::Sqlite, statement).as_deref(), expected, "{statement}");
    }
}

#[test]
fn enum_values_pragmas_and_temporary_objects() {
    let added = |statement| added_enum_value(Dialect::Postgres, statement);
    assert_eq!(
        added("alter type s.\"T\" add value if not exists 'it''s' after 'a'"),
        Some(AddedValue { type_name: "T".to_owned(), value: "it's".to_owned() })
    );
    assert_eq!(added("ALTER TYPE t RENAME VALUE 'a' TO 'b'"), None);
    assert_eq!(added_enum_value(Dialect::Sqlite, "ALTER TYPE t ADD VALUE 'a'"), None);

    assert_eq!(is_pragma("PRAGMA main.Foreign_Keys=ON").as_deref(), Some("foreign_keys"));
    assert_eq!(is_pragma("SELECT * FROM pragma_foreign_keys"), None);

    for (dialect, statement, expected) in [
        (Dialect::Sqlite, "CREATE TEMP TABLE a (b)", true),
        (Dialect::Sqlite, "create temporary trigger a insert on b begin select 1; end", true),
        (Dialect::Sqlite, "CREATE TABLE IF NOT EXISTS [temp].a (b)", true),
        (Dialect::Sqlite, "CREATE TABLE temp (b)", false),
        (Dialect::Sqlite, "CREATE TABLE a AS SELECT * FROM temp.b", false),
        (Dialect::Postgres, "CREATE OR REPLACE LOCAL TEMP VIEW a AS SELECT 1", true),
        (Dialect::Postgres, "CREATE FUNCTION pg_temp.f() RETURNS int", true),
        (Dialect::Postgres, "CREATE INDEX a ON pg_temp.b (c)", false),
        (Dialect::MySql, "CREATE TEMPORARY TABLE a (b int)", true),
        (Dialect::Sqlite, "SELECT 1", false),
    ] {
        assert_eq!(creates_temporary(dialect, statement), expected, "{statement}");
    }
}

#[test]
fn what_a_resumed_migration_needs_again() {
    for yes in [
        "SET search_path = x",
        "set role to bob",
        "SET SESSION x.y = 1",
        "RESET ALL",
        "SET SESSION AUTHORIZATION bob",
    ] {
        assert!(sets_session(Dialect::Postgres, yes), "{yes}");
    }
    for no in [
        "SET LOCAL x = 1",
        "SET TRANSACTION READ ONLY",
        "SET CONSTRAINTS ALL DEFERRED",
        "SELECT 1",
        "UPDATE t SET x = 1",
    ] {
        assert!(!sets_session(Dialect::Postgres, no), "{no}");
    }
    assert!(sets_session(Dialect::Sqlite, "PRAGMA recursive_triggers = ON"));
}

#[test]
fn what_needs_the_client_of_postgres() {
    for (statement, what) in [
        ("COPY t FROM STDIN", "COPY FROM STDIN"),
        ("copy public.t (a, b) from stdin with (format csv)", "COPY FROM STDIN"),
        ("COPY (SELECT a FROM stdin) TO STDOUT", "COPY TO STDOUT"),
        ("\\copy t FROM 'x'", "\\"),
        ("\\.", "\\"),
    ] {
        expect(Dialect::Postgres, statement, Client(what));
    }
    for statement in ["COPY t FROM '/tmp/x'", "COPY t FROM PROGRAM 'ls'", "COPY stdin FROM '/tmp/x'"] {
        expect(Dialect::Postgres, statement, Ordinary);
    }
    expect(Dialect::Sqlite, "COPY t FROM STDIN", Ordinary);
}
