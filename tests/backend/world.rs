//! Connections of the library to a test database, and small migrations.

use db_migrations::database::{
    Attempt, Begin, Connect, Guard, NewRow, NewRun, Note, Record, Session, Task, TaskFailure,
};
use db_migrations::dialect::Dialect;
use db_migrations::history::RowKind;
use db_migrations::id::Checksum;
use db_migrations::migration::Script;
use db_migrations::sql;

pub(crate) use crate::support::connect::connect_to;
use crate::support::database::Db;

pub(crate) fn connect(db: &Db) -> Box<dyn Connect> {
    connect_to(db.url())
}

pub(crate) fn new_run(id: &str) -> NewRun {
    NewRun {
        id: id.to_owned(),
        lock_digest: Checksum::of(b""),
        tool_version: "test",
        user: "o'brien\\".to_owned(),
        reason: Some("it's a test".to_owned()),
        release: Some("it's 1".to_owned()),
    }
}

pub(crate) fn row(id: &str, text: &str, position: i64) -> NewRow {
    NewRow {
        id: id.parse().unwrap(),
        checksum: Checksum::of(text.as_bytes()),
        kind: RowKind::Applied,
        position,
        executed_at: None,
        execution_ms: None,
        formers: Vec::new(),
    }
}

pub(crate) async fn guard(connect: &dyn Connect) -> Box<dyn Guard> {
    match connect.connect().await.unwrap().guard().await.unwrap() {
        Attempt::Held(guard) => guard,
        Attempt::Busy(_, holder) => panic!("held by {holder:?}"),
    }
}

pub(crate) async fn session(connect: &dyn Connect) -> Box<dyn Session> {
    let mut session = guard(connect).await.begin(Begin::default()).await.unwrap();
    session.write(Note::Run(&new_run("r"))).await.unwrap();
    session
}

/// Runs a text as migration `m::N` of run `r`.
pub(crate) async fn run(
    session: &mut Box<dyn Session>,
    dialect: Dialect,
    text: &str,
    n: i64,
) -> Result<i64, TaskFailure> {
    let script = Script::new(text, "m.sql");
    let statements = sql::split(dialect, text).unwrap();
    let row = row(&format!("m::{n}"), text, n);
    let task = Task { script: &script, statements: &statements, record: Record::Applied(&row), clock: None };
    session.run(&new_run("r"), &[task]).await.remove(0)
}

/// A table that a transaction can write into: made by the migration itself where that takes part in the
/// transaction, else before it. Answers with what the migration begins with.
pub(crate) fn table(db: &Db, create: &str) -> String {
    if db.is_mariadb() {
        db.execute(create);
        return String::new();
    }
    format!("{create};\n")
}

/// Nothing stayed of a run: nothing at all is there, or tables without rows where making them commits.
#[track_caller]
pub(crate) fn assert_untouched(db: &Db) {
    if !db.is_mariadb() {
        return assert!(db.is_empty());
    }
    for table in db.query("SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()")
    {
        assert_eq!(db.count(&format!("SELECT COUNT(*) FROM `{table}`")), 0, "{table}");
    }
}
