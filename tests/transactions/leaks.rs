//! Sixty and more ways to leave something in the session, and a migration behind each that writes down
//! what it sees: the same as on its own.

use db_migrations::database::{Guard, Record, Task};
use db_migrations::migration::Script;
use db_migrations::sql;

use crate::support::block_on;
use crate::support::database::Db;
use crate::support::measured::measured;
use crate::world::{connect, new_run, row, run, session};

const POSTGRES: &[&str] = &[
    "SET search_path = pg_catalog",
    "SET search_path = other, public",
    "SELECT set_config('search_path', 'other', false)",
    "SET LOCAL search_path = other",
    "SET ROLE leaking",
    "SET SESSION AUTHORIZATION leaking",
    "SELECT set_config('role', 'leaking', false)",
    "SET session_replication_role = replica",
    "SET standard_conforming_strings = off",
    "SET escape_string_warning = off",
    "SET backslash_quote = off",
    "SET client_min_messages = error",
    "SET client_encoding = 'SQL_ASCII'",
    "SET statement_timeout = 60000",
    "SET lock_timeout = 1",
    "SET idle_in_transaction_session_timeout = 1",
    "SET check_function_bodies = off",
    "SET row_security = off",
    "SET DateStyle = 'SQL, DMY'",
    "SET IntervalStyle = 'sql_standard'",
    "SET TIME ZONE 'Asia/Tokyo'",
    "SET TIME ZONE INTERVAL '5' HOUR TO MINUTE",
    "SET extra_float_digits = -5",
    "SET bytea_output = 'escape'",
    "SET xmloption = document",
    "SET xmlbinary = hex",
    "SET lc_messages = 'C'",
    "SET lc_monetary = 'C'",
    "SET lc_numeric = 'C'",
    "SET default_tablespace = 'pg_default'",
    "SET temp_tablespaces = 'pg_default'",
    "SET default_table_access_method = 'heap'",
    "SET default_with_oids = off",
    "SET default_transaction_read_only = on",
    "SET default_transaction_isolation = 'serializable'",
    "SET default_transaction_deferrable = on",
    "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE",
    "SET transform_null_equals = on",
    "SET array_nulls = off",
    "SET quote_all_identifiers = on",
    "SET enable_seqscan = off",
    "SET plan_cache_mode = force_generic_plan",
    "SET work_mem = '64kB'",
    "SET constraint_exclusion = on",
    "SET default_text_search_config = 'pg_catalog.german'",
    "SET application_name = 'leak'",
    "SET jit = off",
    "SET synchronous_commit = off",
    "SET default_statistics_target = 1",
    "CREATE TEMP TABLE shared (x text)",
    "CREATE TEMP VIEW shared AS SELECT 'temp'::text AS x",
    "CREATE TEMP SEQUENCE numbers START 1000",
    "CREATE FUNCTION pg_temp.lower(text) RETURNS text LANGUAGE sql AS 'SELECT ''temp'''",
    "CREATE TYPE pg_temp.mood AS (x int)",
    "CREATE TEMP TABLE seen (x text)",
    "CREATE TEMP TABLE db_migrations (id text)",
    "PREPARE probe AS SELECT 'leaked'",
    "DO $$ BEGIN EXECUTE 'PREPARE probe AS SELECT 1'; END $$",
    "LISTEN a; LISTEN b",
    "DECLARE probe CURSOR WITH HOLD FOR SELECT 1",
    "DECLARE probe CURSOR FOR SELECT 1",
    "SELECT nextval('numbers')",
    "SELECT pg_advisory_unlock_all()",
    "SELECT pg_advisory_lock(7)",
    "SET CONSTRAINTS ALL DEFERRED",
    "SET CONSTRAINTS later_key IMMEDIATE",
    "INSERT INTO children VALUES (1); INSERT INTO parents VALUES (1); DELETE FROM children; DELETE FROM parents",
    "SET vacuum_cost_delay = 10",
    "RESET ALL",
    "DISCARD PLANS",
    "DISCARD TEMP",
    "DEALLOCATE ALL",
];

/// What a migration on PostgreSQL can see of its session. Our own settings come back, too.
const SEEN_POSTGRES: &str = r"
    CREATE TABLE probe_made (x text DEFAULT 'a\b');
    PREPARE probe AS SELECT 1; DEALLOCATE probe;
    DECLARE probe CURSOR FOR SELECT 1;
    INSERT INTO public.seen SELECT name || ' ' || setting FROM pg_settings WHERE name NOT LIKE 'plpgsql.%';
    INSERT INTO public.seen VALUES (current_user::text), (session_user::text), (current_setting('role')),
      (regexp_replace(current_schemas(true)::text, 'pg_temp_[0-9]+,', '')), ('shared'::regclass::oid::regclass::text), ('a\b'), (lower('Lower')),
      ((SELECT relpersistence::text FROM pg_class WHERE oid = 'numbers'::regclass)),
      ((SELECT count(*)::text FROM pg_listening_channels())), ((SELECT count(*)::text FROM pg_prepared_statements)),
      ((SELECT count(*)::text FROM pg_cursors)), (now()::timestamptz(0)::text LIKE '%+00'), (1.1::float8::text), ('\xff'::bytea::text),
      (coalesce(to_regtype('mood')::text, 'none'));
    DO $$ BEGIN PERFORM lastval(); INSERT INTO public.seen VALUES ('a last value'); EXCEPTION WHEN OTHERS THEN NULL; END $$;
    INSERT INTO children VALUES (5); INSERT INTO parents VALUES (5);
    INSERT INTO public.seen SELECT x FROM probe_made";

const SETUP_POSTGRES: &str = "CREATE SCHEMA other; CREATE TABLE shared (x text); CREATE TABLE other.shared (x text);
    CREATE SEQUENCE numbers; CREATE TABLE seen (x text); CREATE TABLE parents (id int PRIMARY KEY);
    CREATE TABLE children (p int CONSTRAINT later_key REFERENCES parents DEFERRABLE INITIALLY DEFERRED);
    DO $$ BEGIN CREATE ROLE leaking; EXCEPTION WHEN OTHERS THEN NULL; END $$; GRANT ALL ON SCHEMA public, other TO leaking";

const SQLITE: &[&str] = &[
    "PRAGMA recursive_triggers = ON",
    "PRAGMA ignore_check_constraints = ON",
    "PRAGMA writable_schema = ON",
    "PRAGMA legacy_alter_table = ON",
    "PRAGMA defer_foreign_keys = ON",
    "PRAGMA reverse_unordered_selects = ON",
    "PRAGMA case_sensitive_like = ON",
    "PRAGMA foreign_keys = OFF",
    "PRAGMA trusted_schema = OFF",
    "PRAGMA cell_size_check = ON",
    "PRAGMA automatic_index = OFF",
    "PRAGMA cache_size = 10",
    "PRAGMA cache_spill = OFF",
    "PRAGMA locking_mode = EXCLUSIVE",
    "PRAGMA journal_size_limit = 1000",
    "PRAGMA mmap_size = 100000",
    "PRAGMA secure_delete = ON",
    "PRAGMA short_column_names = OFF",
    "PRAGMA full_column_names = ON",
    "PRAGMA count_changes = ON",
    "PRAGMA empty_result_callbacks = ON",
    "PRAGMA read_uncommitted = ON",
    "PRAGMA analysis_limit = 100",
    "PRAGMA threads = 2",
    "PRAGMA wal_autocheckpoint = 1",
    "PRAGMA busy_timeout = 1",
    "PRAGMA checkpoint_fullfsync = ON",
    "PRAGMA fullfsync = ON",
    "PRAGMA main.cache_size(20)",
    "CREATE TEMP TABLE shared (x)",
    "CREATE TEMP TABLE seen (x)",
    "CREATE TEMP TABLE db_migrations (x)",
    "CREATE TEMP VIEW shared AS SELECT 'temp' AS x",
    "CREATE TEMPORARY TABLE a (x); CREATE TEMP TABLE b (x); CREATE INDEX temp.i ON b (x)",
    "CREATE TEMP TRIGGER t AFTER INSERT ON seen BEGIN DELETE FROM seen; END",
    "CREATE TABLE temp.shared (x)",
    "CREATE VIEW temp.shared AS SELECT 1 AS x",
    "PRAGMA recursive_triggers(1); CREATE TEMP TABLE shared (x)",
];

/// Only outside of a transaction.
const SQLITE_ALONE: &[&str] = &[
    "ATTACH ':memory:' AS other; CREATE TABLE other.only_there (x)",
    "PRAGMA journal_mode = OFF",
    "PRAGMA journal_mode = MEMORY",
    "PRAGMA journal_mode = PERSIST",
    "PRAGMA synchronous = OFF",
    "PRAGMA temp_store = MEMORY",
    "VACUUM",
];

const SETTINGS_SQLITE: &[&str] = &[
    "recursive_triggers",
    "ignore_check_constraints",
    "writable_schema",
    "legacy_alter_table",
    "defer_foreign_keys",
    "reverse_unordered_selects",
    "foreign_keys",
    "trusted_schema",
    "cell_size_check",
    "automatic_index",
    "cache_size",
    "cache_spill",
    "locking_mode",
    "journal_size_limit",
    "mmap_size",
    "secure_delete",
    "short_column_names",
    "full_column_names",
    "count_changes",
    "empty_result_callbacks",
    "read_uncommitted",
    "analysis_limit",
    "threads",
    "wal_autocheckpoint",
    "busy_timeout",
    "checkpoint_fullfsync",
    "fullfsync",
    "journal_mode",
    "synchronous",
    "temp_store",
    "query_only",
];

const SEEN_SQLITE: &str = "INSERT INTO seen SELECT name || type FROM sqlite_temp_schema;
    INSERT INTO seen SELECT name FROM pragma_database_list WHERE name <> 'temp';
    INSERT INTO seen VALUES ('a' LIKE 'A'); INSERT INTO seen SELECT 'shared ' || x FROM shared;
    INSERT INTO seen SELECT x FROM ordered; INSERT INTO checked SELECT 1;
    CREATE TABLE made (x); DROP TABLE made";

const SETUP_SQLITE: &str = "CREATE TABLE shared (x); INSERT INTO shared VALUES ('ours'); CREATE TABLE seen (x);
    CREATE TABLE ordered (x); INSERT INTO ordered VALUES (1), (2), (3); CREATE TABLE checked (x CHECK (x > 0))";

const MARIADB: &[&str] = &[
    "SET sql_mode = ''",
    "SET sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'",
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')",
    "SET @@session.sql_mode = 'ORACLE'",
    "SET foreign_key_checks = 0",
    "SET unique_checks = 0",
    "SET check_constraint_checks = 0",
    "SET sql_safe_updates = 1",
    "SET sql_select_limit = 1",
    "SET max_join_size = 1",
    "SET big_tables = 1",
    "SET NAMES latin1",
    "SET CHARACTER SET latin1",
    "SET character_set_connection = latin1",
    "SET collation_connection = 'latin1_bin'",
    "SET character_set_results = NULL",
    "SET time_zone = '+05:00'",
    "SET timestamp = 1000",
    "SET insert_id = 777",
    "SET last_insert_id = 555",
    "SET rand_seed1 = 1, rand_seed2 = 2",
    "SET lc_time_names = 'de_DE'",
    "SET lc_messages = 'de_DE'",
    "SET default_storage_engine = 'MyISAM'",
    "SET default_week_format = 3",
    "SET group_concat_max_len = 4",
    "SET lock_wait_timeout = 1",
    "SET innodb_lock_wait_timeout = 1",
    "SET max_statement_time = 100",
    "SET auto_increment_increment = 10, auto_increment_offset = 5",
    "SET div_precision_increment = 1",
    "SET sql_auto_is_null = 1",
    "SET sql_quote_show_create = 0",
    "SET old_mode = ''",
    "SET tx_isolation = 'SERIALIZABLE'",
    "SET completion_type = 1",
    "SET optimizer_switch = 'index_merge=off'",
    "SET sort_buffer_size = 65536",
    "SET updatable_views_with_limit = 0",
    "SET max_sort_length = 64",
    "SET sql_notes = 0",
    "SET explicit_defaults_for_timestamp = 0",
    "SET system_versioning_alter_history = KEEP",
    "SET @a = 1, @`b c` = 2",
    "SELECT 1 INTO @a",
    "SELECT @a := 5",
    "CREATE TEMPORARY TABLE shared (x VARCHAR(9))",
    "CREATE TEMPORARY TABLE seen (x TEXT)",
    "CREATE TEMPORARY TABLE db_migrations (id INT)",
    "PREPARE probe FROM 'SELECT 1'",
    "EXECUTE IMMEDIATE 'SET sql_mode = \"\"'",
    "BEGIN NOT ATOMIC SET sql_mode = ''; END",
    "IF 1 THEN SET sql_mode = '', @a = 3; END IF",
    "FOR i IN 1..2 DO SET sql_mode = ''; END FOR",
    "CALL sets_a_variable()",
    "CALL sets_a_mode()",
    "CALL prepares()",
    "USE mysql",
    "DO RELEASE_ALL_LOCKS()",
    "DO GET_LOCK('probe', 0)",
    "HANDLER shared OPEN",
    "HANDLER shared OPEN AS probe",
    "INSERT INTO numbers (x) VALUES (1)",
    "SET ROLE NONE",
    "SET STATEMENT sql_mode = '' FOR SELECT 1",
];

const SEEN_MARIADB: &str = "PREPARE probe FROM 'SELECT 2'; DEALLOCATE PREPARE probe;
    HANDLER shared OPEN AS probe; HANDLER probe CLOSE; HANDLER shared OPEN; HANDLER shared CLOSE;
    INSERT INTO seen SELECT CONCAT(VARIABLE_NAME, ' ', VARIABLE_VALUE) FROM information_schema.SESSION_VARIABLES
      WHERE VARIABLE_NAME NOT IN ('TIMESTAMP', 'RAND_SEED1', 'RAND_SEED2', 'PSEUDO_THREAD_ID', 'WARNING_COUNT', 'LAST_GTID', 'IN_TRANSACTION', 'ERROR_COUNT')
        AND VARIABLE_NAME NOT LIKE 'GTID%' AND VARIABLE_NAME NOT LIKE 'INNODB_BUFFER_POOL%';
    INSERT INTO seen VALUES (COALESCE(@a, 'none')), (COALESCE(@`b c`, 'none')), (DATABASE()), (CURRENT_ROLE()), (1 / 3),
      (NOW() > '2020-01-01'), (LAST_INSERT_ID());
    INSERT INTO numbers (x) VALUES (LAST_INSERT_ID()); INSERT INTO seen SELECT CONCAT(IF(id > 700, id, 'next'), ' ', x) FROM numbers WHERE x <> 1;
    INSERT INTO seen SELECT CONCAT('shared ', x) FROM shared; INSERT INTO seen VALUES ('a\\\\b')";

const SETUP_MARIADB: &str =
    "CREATE TABLE shared (x VARCHAR(9)); INSERT INTO shared VALUES ('ours'); CREATE TABLE seen (x TEXT);
    CREATE TABLE numbers (id INT AUTO_INCREMENT PRIMARY KEY, x INT)";

const ROUTINES_MARIADB: &[&str] = &[
    "CREATE PROCEDURE sets_a_variable() SET @a = 9",
    "CREATE PROCEDURE sets_a_mode() SET time_zone = '+01:00'",
    "CREATE PROCEDURE prepares() PREPARE probe FROM 'SELECT 1'",
];

/// How the migration before the probe runs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Before {
    Nothing,
    InTheTransaction,
    Alone,
}

fn set_up(db: &Db) {
    match db.dialect() {
        "sqlite" => db.execute(SETUP_SQLITE),
        "postgres" => db.execute(SETUP_POSTGRES),
        _ => {
            db.execute(SETUP_MARIADB);
            for routine in ROUTINES_MARIADB {
                db.execute(routine);
            }
        }
    }
}

/// What the probe sees behind a migration, whose statements run in a transaction or outside of one. Nothing
/// is committed with the probe: the next one finds the database as it was.
fn seen(db: &Db, leak: &str, before: Before) -> Vec<String> {
    block_on(async {
        let connect = connect(db);
        let dialect = connect.dialect();
        let mut session = match before {
            Before::Alone => {
                let mut guard = crate::world::guard(&*connect).await;
                alone(&mut *guard, dialect, leak).await;
                let mut session = guard.begin(db_migrations::database::Begin::default()).await.unwrap();
                session.write(db_migrations::database::Note::Run(&new_run("r"))).await.unwrap();
                session
            }
            _ => session(&*connect).await,
        };
        if before == Before::InTheTransaction
            && let Err(failure) = run(&mut session, dialect, leak, 1).await
        {
            return vec![format!("the probe is not reached: {failure:?}")];
        }
        let mut seen = Vec::new();
        if db.is_sqlite() {
            for name in SETTINGS_SQLITE {
                seen.push(format!("{name}: {:?}", session.query(&format!("PRAGMA {name}")).await.unwrap()));
            }
        }
        let probe = match db.dialect() {
            "sqlite" => SEEN_SQLITE,
            "postgres" => SEEN_POSTGRES,
            _ => SEEN_MARIADB,
        };
        if let Err(failure) = run(&mut session, dialect, probe, 9).await {
            return vec![format!("the probe fails: {failure:?}")];
        }
        let table = if db.is_postgres() { "public.seen" } else { "seen" };
        let mut written = session.query(&format!("SELECT x FROM {table}")).await.unwrap();
        written.sort();
        seen.push(format!("{written:?}"));
        session.rollback().await.unwrap().guard.free().await.unwrap().close().await;
        seen
    })
}

async fn alone(guard: &mut dyn Guard, dialect: db_migrations::dialect::Dialect, text: &str) {
    let (script, row) = (Script::new(text, "m.sql"), row("m::leak", text, 1));
    let statements = sql::split(dialect, text).unwrap();
    let task = Task { script: &script, statements: &statements, record: Record::Applied(&row), clock: None };
    let done = guard.run_alone(&new_run("r"), task, None, None).await;
    done.unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
}

fn no_leak(db: &Db, in_transaction: &[&str], outside: &[&str]) {
    set_up(db);
    let expected = seen(db, "", Before::Nothing);
    assert!(!expected[0].starts_with("the probe fails"), "{expected:?}");
    let mut wrong = Vec::new();
    let mut judge = |leak: &str, how: &str, seen: Vec<String>| {
        let pairs = seen.iter().zip(&expected).filter(|(seen, expected)| seen != expected);
        let differences: Vec<String> = pairs.map(|(seen, expected)| difference(seen, expected)).collect();
        if !differences.is_empty() || seen.len() != expected.len() {
            wrong.push(format!("{leak} ({how}): {}", differences.join("; ")));
        }
    };
    for leak in in_transaction {
        judge(leak, "in the transaction", seen(db, leak, Before::InTheTransaction));
    }
    for leak in outside {
        let own = db.another();
        set_up(&own);
        let found = seen(&own, leak, Before::Alone);
        let found = found.iter().map(|text| text.replace(&name(&own), &name(db))).collect();
        judge(leak, "outside of one", found);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (dialect, inside, outside) = (db.dialect(), in_transaction.len(), outside.len());
    measured(
        &format!("leaks::nothing_leaks_on_{dialect}"),
        &format!("{dialect}: {inside} in a transaction, {outside} outside of one, 0 reach it"),
    );
}

/// The name of the database, or its file.
fn name(db: &Db) -> String {
    db.url().rsplit("sqlite://").next().unwrap().rsplit_once("/test_").map_or_else(
        || db.path().unwrap().display().to_string(),
        |(_, name)| format!("test_{}", name.split('?').next().unwrap()),
    )
}

/// The first place where two texts part.
fn difference(seen: &str, expected: &str) -> String {
    let at = seen.bytes().zip(expected.bytes()).take_while(|(a, b)| a == b).count();
    let part = |text: &str| {
        let bytes = text.as_bytes();
        String::from_utf8_lossy(&bytes[at.saturating_sub(30)..(at + 60).min(bytes.len())]).into_owned()
    };
    if seen.starts_with("the probe") {
        seen.chars().take(300).collect()
    } else {
        format!("`{}`, not `{}`", part(seen), part(expected))
    }
}

#[test]
fn nothing_leaks_on_sqlite() {
    let outside: Vec<&str> = SQLITE.iter().chain(SQLITE_ALONE).copied().collect();
    no_leak(&Db::sqlite(), SQLITE, &outside);
}

#[test]
fn nothing_leaks_on_postgres() {
    let Some(db) = Db::postgres() else { return };
    let outside: Vec<&str> = POSTGRES
        .iter()
        .copied()
        .filter(|leak| !leak.contains("SET LOCAL") && !leak.contains("CURSOR FOR"))
        .step_by(6)
        .collect();
    no_leak(&db, POSTGRES, &[&outside[..], &["DISCARD ALL"]].concat());
}

#[test]
fn nothing_leaks_on_mariadb() {
    let Some(db) = Db::mariadb() else { return };
    let outside: Vec<&str> = MARIADB.iter().copied().step_by(5).collect();
    no_leak(&db, MARIADB, &outside);
}
