//! Transactions on MariaDB and MySQL: for migrations that change rows only.
//!
//! The transaction is an XA one with a random id. While it is open, every statement that would commit
//! is refused by the server (1399), so nothing can stay behind; its end is `XA COMMIT … ONE PHASE`. A
//! connection that is lost before leaves nothing: the server rolls back.

use std::collections::BTreeMap;

use super::history::{create, upgrade};
use super::journal::Work;
use super::message::{Failed, offset};
use super::settings::literal;
use super::{MySql, quote, text};
use crate::backend::tables::{Words, is_outdated};
use crate::backend::{mirror, sqlx_key};
use crate::database::{
    Begin, BoxFuture, CommitError, CommitResult, Committed, Database, DatabaseError, Guard, MirrorTable,
    NewRun, Note, RolledBack, Session, SqlError, Task, TaskFailure, Written,
};
use crate::fault::fault_point;
use crate::history::Partial;
use crate::migration::Script;
use crate::sql::{self, Statement};
use crate::tool::Tool;

/// How long a message took so far, in milliseconds.
pub(super) const DURATION: &str =
    "TIMESTAMPDIFF(MICROSECOND, @db_migrations_start, UTC_TIMESTAMP(6)) DIV 1000";

impl MySql {
    async fn open_xa(&mut self) -> Result<(), DatabaseError> {
        self.pay().await?;
        self.make_tables().await?;
        fault_point!("session.begun");
        let id = crate::run_id::random();
        self.execute(format!("XA START '{id}'")).await?;
        self.open = Some(id);
        fault_point!("session.opened");
        Ok(())
    }

    /// Says more of the errors of which the server says too little.
    pub(super) async fn explain(&mut self, error: DatabaseError) -> DatabaseError {
        match error {
            DatabaseError::Sql(sql) if sql.number == Some(1399) => DatabaseError::Sql(SqlError {
                message: "the statement commits the open transaction, which is refused here".to_owned(),
                ..sql
            }),
            DatabaseError::Sql(sql) if sql.number == Some(1050) && sql.message.contains("/* Partition") => {
                let hint = "a crash of the server left partitions without their table: look for them with `SELECT NAME FROM \
                     information_schema.INNODB_SYS_TABLES WHERE NAME LIKE '%#P#%'`, and drop each with \
                     ``DROP TABLE `#mysql50#TABLE#P#PARTITION` ``";
                DatabaseError::Sql(SqlError { hint: Some(hint.to_owned()), ..sql })
            }
            DatabaseError::Sql(sql) if sql.number == Some(1205) => {
                let detail = self.blockers().await;
                let hint =
                    "somebody else uses the table; `database.lock-timeout` says how many seconds to wait"
                        .to_owned();
                DatabaseError::Sql(SqlError { detail, hint: Some(hint), ..sql })
            }
            other => other,
        }
    }

    /// Rolls an XA transaction back; says whether rows of tables stay that their engine cannot take back.
    pub(super) async fn end_xa(&mut self, id: &str) -> bool {
        let _ = self.execute(format!("XA END '{id}'")).await;
        let _ = self.execute(format!("XA ROLLBACK '{id}'")).await;
        let rows = self.fetch("SHOW WARNINGS").await.unwrap_or_default();
        rows.iter().any(|row| text(row, 1).ok().flatten().as_deref() == Some("1196"))
    }

    /// A migration and its history row in the open transaction.
    async fn run_script(&mut self, run: &str, task: Task<'_>) -> Result<i64, TaskFailure> {
        let own = |error| TaskFailure::new(None, error);
        let leftovers = sql::leftovers(self.server.dialect, &task.script.text, task.statements);
        self.prepare_session(&task.script.session, &leftovers).await.map_err(TaskFailure::before)?;
        let begin = std::time::Instant::now();
        let record = self.tables.record(&self.words(), run, task.record, DURATION);
        let mut statements = vec!["SET last_insert_id = 0, @db_migrations_start = UTC_TIMESTAMP(6)"];
        statements.extend(task.statements.iter().map(|s| &task.script.text[s.span.clone()]));
        let shadows = self.shadows(&leftovers);
        statements.extend(shadows.iter().map(String::as_str));
        if !self.scratch {
            statements.push(&record);
        }
        self.time(task.clock);
        let sent = self.send(&statements).await;
        self.tell_times(task.clock, 0, 1, task.statements.len());
        if let Err(Failed { n, error, .. }) = sent {
            let n = n.checked_sub(1).filter(|n| *n < task.statements.len());
            let at = n.and_then(|n| {
                let span = task.statements[n].span.clone();
                offset(&task.script.text[span.clone()], &error).map(|at| span.start + at)
            });
            return Err(TaskFailure { offset: at, ..TaskFailure::new(n, self.explain(error).await) });
        }
        fault_point!("session.ran", own);
        self.tidy(&task.script.session, &leftovers).await.map_err(own)?;
        Ok(i64::try_from(begin.elapsed().as_millis()).unwrap_or(i64::MAX))
    }

    /// Statements that drop temporary tables which stand before ours: the history row would go there.
    fn shadows(&self, leftovers: &sql::Leftovers) -> Vec<String> {
        let ours = self.tables.names();
        let shadows = leftovers.temporary.iter().filter(|name| ours.contains(name));
        shadows.map(|name| format!("DROP TEMPORARY TABLE IF EXISTS {}", super::quote_name(name))).collect()
    }

    /// A part of a run, for the server's own client or any other.
    pub(super) fn text_of(&self, part: Written<'_>) -> String {
        let words = Words { quote: readable, ..self.words() };
        match part {
            Written::Encoding => "SET NAMES utf8mb4".to_owned(),
            Written::Tables => {
                let upgrade = is_outdated(self.layout).then(|| upgrade(&self.tables));
                Vec::from(create(&self.tables)).into_iter().chain(upgrade).collect::<Vec<_>>().join(";\n")
            }
            Written::Begin => "START TRANSACTION".to_owned(),
            Written::ForeignKeys(_) => String::new(),
            Written::Settings(settings) => set_session(settings, literal),
            Written::Reset(settings) => {
                let usual = USUAL.iter().map(|name| ((*name).to_owned(), String::new()));
                let all: BTreeMap<String, String> = settings.clone().into_iter().chain(usual).collect();
                format!("{};\nSET NAMES utf8mb4", set_session(&all, |_| "DEFAULT".to_owned()))
            }
            Written::Note(note) => self.tables.note_text(&words, note),
            Written::Record(run, record) => self.tables.record(&words, run, record, "NULL"),
        }
    }

    /// How this server spells what the shared statements need.
    pub(super) fn words(&self) -> Words {
        Words {
            dialect: self.server.dialect,
            quote,
            now: super::history::NOW,
            timestamp: |at| quote(&at.replace('T', " ").replace('Z', "")),
            once: ("IGNORE ", ""),
        }
    }
}

/// What migrations set for their session most often; another client brings these back behind each that sets any.
const USUAL: [&str; 7] = [
    "sql_mode",
    "foreign_key_checks",
    "unique_checks",
    "time_zone",
    "sql_safe_updates",
    "group_concat_max_len",
    "lock_wait_timeout",
];

/// Settings as one statement; none where there are none.
pub(super) fn set_session(settings: &BTreeMap<String, String>, value: impl Fn(&str) -> String) -> String {
    let assignments: Vec<String> =
        settings.iter().map(|(name, text)| format!("SESSION {name} = {}", value(text))).collect();
    if assignments.is_empty() { String::new() } else { format!("SET {}", assignments.join(", ")) }
}

/// A text as a literal that a person can read, where it is the same in every `sql_mode`.
fn readable(text: &str) -> String {
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte) && !b"'\\".contains(&byte));
    if plain { format!("'{text}'") } else { quote(text) }
}

impl Guard for MySql {
    fn begin(mut self: Box<Self>, _: Begin) -> BoxFuture<'static, Result<Box<dyn Session>, DatabaseError>> {
        Box::pin(async move {
            self.open_xa().await?;
            Ok(self as Box<dyn Session>)
        })
    }

    fn run_alone<'a>(
        &'a mut self,
        run: &'a NewRun,
        task: Task<'a>,
        resume: Option<&'a Partial>,
        _: Option<bool>,
    ) -> BoxFuture<'a, Result<i64, TaskFailure>> {
        Box::pin(async move {
            let Task { script, statements, record, clock } = task;
            let marked = resume.is_some_and(|partial| partial.failed.is_some());
            let work = Work { run, script, statements, record, marked, clock };
            self.run_work(&work, resume).await
        })
    }

    fn make_mirror<'a>(&'a mut self, table: &'a MirrorTable) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(async move {
            let create = mirror::create(self.server.dialect, table);
            self.execute(create).await
        })
    }

    fn lock_out(&mut self, tool: Tool) -> BoxFuture<'_, Result<bool, DatabaseError>> {
        Box::pin(async move {
            if tool != Tool::Sqlx || self.locked_out.is_some() {
                return Ok(true);
            }
            let key = sqlx_key(&self.database);
            let taken = self.one(format!("SELECT GET_LOCK('{key:x}', 1)")).await?.as_deref() == Some("1");
            self.locked_out = taken.then_some(key);
            Ok(taken)
        })
    }

    fn free(mut self: Box<Self>) -> BoxFuture<'static, Result<Box<dyn Database>, DatabaseError>> {
        Box::pin(async move {
            fault_point!("guard.free");
            self.pay().await?;
            if let Some(key) = self.locked_out.take() {
                self.execute(format!("DO RELEASE_LOCK('{key:x}')")).await?;
            }
            let release = format!("DO RELEASE_LOCK('{}')", self.guard_name);
            self.execute(release).await?;
            fault_point!("guard.freed");
            Ok(self as Box<dyn Database>)
        })
    }
}

impl Session for MySql {
    fn run<'a>(
        &'a mut self,
        run: &'a NewRun,
        tasks: &'a [Task<'a>],
    ) -> BoxFuture<'a, Vec<Result<i64, TaskFailure>>> {
        Box::pin(async move {
            let mut outcomes = Vec::with_capacity(tasks.len());
            for task in tasks {
                outcomes.push(self.run_script(&run.id, *task).await);
                if outcomes.last().is_some_and(Result::is_err) {
                    break;
                }
            }
            outcomes
        })
    }

    fn catch_up<'a>(
        &'a mut self,
        script: &'a Script,
        statements: &'a [Statement],
    ) -> BoxFuture<'a, Result<u64, TaskFailure>> {
        Box::pin(self.run_again(script, statements))
    }

    fn batch(&self) -> usize {
        1
    }

    fn write<'a>(&'a mut self, note: Note<'a>) -> BoxFuture<'a, Result<(), DatabaseError>> {
        Box::pin(async move {
            let messages = if self.scratch { Vec::new() } else { self.tables.notes(&self.words(), note) };
            for sql in messages {
                self.execute(sql).await?;
            }
            Ok(())
        })
    }

    fn commit(mut self: Box<Self>) -> BoxFuture<'static, CommitResult> {
        Box::pin(async move {
            let Some(id) = self.open.take() else {
                let error = DatabaseError::Unfit("no transaction is open".to_owned());
                return Err(CommitError::RolledBack(error));
            };
            if let Err(error) = self.execute(format!("XA END '{id}'")).await {
                self.end_xa(&id).await;
                return Err(CommitError::RolledBack(error));
            }
            fault_point!("session.commit", CommitError::Unknown);
            match self.execute(format!("XA COMMIT '{id}' ONE PHASE")).await {
                Ok(()) => {
                    fault_point!("session.committed", CommitError::Unknown);
                    Ok((Committed::by_database(), self as Box<dyn Guard>))
                }
                Err(error @ DatabaseError::Sql(_)) => {
                    self.end_xa(&id).await;
                    Err(CommitError::RolledBack(error))
                }
                Err(error) => Err(CommitError::Unknown(error)),
            }
        })
    }

    fn rollback(mut self: Box<Self>) -> BoxFuture<'static, Result<RolledBack, DatabaseError>> {
        Box::pin(async move {
            fault_point!("session.rollback");
            let stays = match self.open.take() {
                Some(id) => self.end_xa(&id).await,
                None => false,
            };
            self.run = None;
            let left = "rows stay in a table whose engine cannot take them back (`MyISAM`, `Aria`, …)";
            Ok(RolledBack { guard: self, left: stays.then_some(left) })
        })
    }
}
