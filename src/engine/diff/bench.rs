//! A scratch database on which changes are tried: a schema is loaded, rows are added, scripts run.

use std::collections::BTreeMap;

use crate::database::{
    Attempt, Begin, CommitError, Database, DatabaseError, Guard, Keep, NewRow, NewRun, Note, Record, Task,
    TaskFailure,
};
use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::diff::rows::{self, Fill, Insert};
use crate::history::RowKind;
use crate::migration::Script;
use crate::schema::Schema;
use crate::snapshot::render_schema;
use crate::sql::{self, Statement};

use crate::engine::failure::{Failure, Kind, describe};
use crate::engine::rehearse::{Unproved, load};
use crate::engine::replay::scratch_run;

/// A scratch database at work.
pub(in crate::engine) struct Bench {
    guard: Box<dyn Guard>,
    run: NewRun,
    /// How many scripts ran: each needs another id.
    scripts: usize,
}

/// A script that failed.
pub(in crate::engine) struct Broken {
    /// The failing statement, where it is known.
    pub(in crate::engine) statement: Option<String>,
    /// What is said of it.
    pub(in crate::engine) diagnostic: Diagnostic,
}

impl Broken {
    /// What the database said.
    pub(in crate::engine) fn cause(&self) -> String {
        self.diagnostic.causes.first().cloned().unwrap_or_else(|| self.diagnostic.message.clone())
    }

    fn without_place(error: &DatabaseError) -> Self {
        Self { statement: None, diagnostic: describe(error) }
    }
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        Self::new(Kind::Refused, broken.diagnostic)
    }
}

/// The rows that were added.
#[derive(Clone, Debug, Default)]
pub(in crate::engine) struct Added {
    /// How many, by table.
    pub(in crate::engine) rows: BTreeMap<String, usize>,
    /// Tables that took none of those that were made up.
    pub(in crate::engine) refused: BTreeMap<String, String>,
}

impl Added {
    fn all(&mut self, inserts: &[Insert]) {
        for insert in inserts {
            *self.rows.entry(insert.table.clone()).or_default() += 1;
        }
    }
}

/// How statements in a transaction ended.
enum Ran {
    Well(Bench),
    /// They were taken back.
    Failed(Bench, TaskFailure),
}

/// So many rows are added at once.
const MANY: usize = 50;

fn text(inserts: &[Insert]) -> String {
    let lines: Vec<&str> = inserts.iter().map(|insert| insert.sql.as_str()).collect();
    lines.join("\n")
}

impl Bench {
    /// On a scratch database, with a schema in it.
    pub(in crate::engine) async fn with(
        database: Box<dyn Database>,
        schema: &Schema,
    ) -> Result<Self, Failure> {
        let unfit = |what: String| {
            let fault = Diagnostic::new("the schema that there is does not load on a scratch database");
            Failure::new(Kind::Refused, fault.cause(what))
        };
        let Attempt::Held(guard) = database.guard().await? else {
            return Err(unfit("the scratch database is in use".to_owned()));
        };
        let mut bench = Self { guard, run: scratch_run("diff"), scripts: 0 };
        if schema.is_empty() {
            return Ok(bench);
        }
        if bench.undoes() {
            let text = Script::new(render_schema(schema, bench.dialect()), "the schema");
            let statements = sql::split(bench.dialect(), &text.text).unwrap_or_default();
            bench = match bench.together(&text, &statements).await? {
                Ran::Well(bench) => return Ok(bench),
                // one statement after the other says which, or goes well: a large schema can need too many locks
                Ran::Failed(bench, _) => bench,
            };
        }
        match load(&mut *bench.guard, &bench.run, schema).await {
            Ok(()) => Ok(bench),
            Err(Unproved::Why(why)) => Err(unfit(why)),
            Err(Unproved::Failed(stop)) => Err(stop.failure),
        }
    }

    fn dialect(&self) -> Dialect {
        self.guard.server().dialect
    }

    /// Whether a transaction takes everything back.
    fn undoes(&self) -> bool {
        self.dialect().facts().transactional_ddl
    }

    /// The schema now.
    pub(in crate::engine) async fn introspect(&mut self) -> Result<Schema, Failure> {
        Ok(self.guard.introspect().await?)
    }

    /// What a query returns, in no order.
    pub(in crate::engine) async fn query(&mut self, sql: &str) -> Result<Vec<String>, Failure> {
        let mut rows = self.guard.query(sql).await?;
        rows.sort();
        Ok(rows)
    }

    /// Ends the connection.
    pub(in crate::engine) async fn close(self) {
        if let Ok(database) = self.guard.free().await {
            database.close().await;
        }
    }

    /// Runs a script as a migration of its kind would run.
    pub(in crate::engine) async fn script(mut self, script: &Script) -> Result<Self, Broken> {
        let statements = sql::split(self.dialect(), &script.text).map_err(|error| {
            let frame = frame(script, error.span.clone()).label(error.label());
            Broken { statement: None, diagnostic: Diagnostic::new(error.to_string()).frame(frame) }
        })?;
        if script.no_transaction || !self.undoes() {
            let outcome = self.alone(script, &statements).await;
            outcome.map_err(|failure| broken(script, &statements, &failure))?;
            return Ok(self);
        }
        match self.together(script, &statements).await? {
            Ran::Well(bench) => Ok(bench),
            Ran::Failed(_, failure) => Err(broken(script, &statements, &failure)),
        }
    }

    /// Runs statements in a transaction, which is taken back where one of them fails.
    async fn together(mut self, script: &Script, statements: &[Statement]) -> Result<Ran, Broken> {
        let row = self.row(script);
        let begin = Begin { foreign_keys: script.foreign_keys, keep_guard: Keep::Needed };
        let unfit = |error| Broken::without_place(&error);
        let mut session = self.guard.begin(begin).await.map_err(unfit)?;
        session.write(Note::Run(&self.run)).await.map_err(unfit)?;
        let before = session.violations().await.map_err(unfit)?;
        let task = Task { script, statements, record: Record::Applied(&row), clock: None };
        if let Some(Err(failure)) = session.run(&self.run, &[task]).await.pop() {
            let guard = session.rollback().await.map_err(unfit)?.guard;
            return Ok(Ran::Failed(Self { guard, ..self }, failure));
        }
        let after = session.violations().await.map_err(unfit)?;
        if let Some(row) = after.difference(&before).next() {
            let fault = Diagnostic::new("rows violate a foreign key afterwards").note(row.clone());
            return Err(Broken { statement: None, diagnostic: fault });
        }
        match session.commit().await {
            Ok((_, guard)) => Ok(Ran::Well(Self { guard, ..self })),
            Err(CommitError::RolledBack(error) | CommitError::Unknown(error)) => {
                let fault = Diagnostic::new("the commit was refused").cause(&error);
                Err(Broken { statement: None, diagnostic: fault })
            }
        }
    }

    /// Adds rows: many at once, and where one is refused, each of them by itself.
    pub(in crate::engine) async fn fill(
        mut self,
        schema: &Schema,
        fill: &BTreeMap<String, Fill>,
    ) -> Result<(Self, Added), Failure> {
        let dialect = self.dialect();
        let inserts = rows::inserts(dialect, schema, fill);
        let mut added = Added::default();
        for some in inserts.chunks(MANY) {
            let script = Script::new(text(some), "rows");
            let Ok(statements) = sql::split(dialect, &script.text) else { continue };
            if self.undoes() {
                self = match self.together(&script, &statements).await {
                    Ok(Ran::Well(bench)) => {
                        added.all(some);
                        bench
                    }
                    Ok(Ran::Failed(mut bench, _)) => {
                        bench.one_by_one(some, &mut added).await?;
                        bench
                    }
                    Err(broken) => return Err(broken.into()),
                };
            } else {
                self.one_by_one(some, &mut added).await?;
            }
        }
        added.refused.retain(|table, _| !added.rows.contains_key(table));
        Ok((self, added))
    }

    async fn one_by_one(&mut self, inserts: &[Insert], added: &mut Added) -> Result<(), Failure> {
        let mut rest = inserts;
        while !rest.is_empty() {
            let script = Script::new(text(rest), "rows");
            let Ok(statements) = sql::split(self.dialect(), &script.text) else { break };
            let outcome = self.alone(&script, &statements).await;
            let done = match &outcome {
                Ok(_) => rest.len(),
                Err(failure) => failure.statement.unwrap_or(0),
            };
            added.all(&rest[..done]);
            if let (Err(failure), Some(insert)) = (outcome, rest.get(done)) {
                match failure.error {
                    DatabaseError::Sql(error) => {
                        added.refused.insert(insert.table.clone(), error.message);
                    }
                    lost => return Err(lost.into()),
                }
            }
            rest = rest.get(done + 1..).unwrap_or_default();
        }
        Ok(())
    }

    async fn alone(&mut self, script: &Script, statements: &[Statement]) -> Result<i64, TaskFailure> {
        let row = self.row(script);
        let task = Task { script, statements, record: Record::Applied(&row), clock: None };
        self.guard.run_alone(&self.run, task, None, script.foreign_keys).await
    }

    fn row(&mut self, script: &Script) -> NewRow {
        self.scripts += 1;
        let id = format!("db-migrations::{}_diff", self.scripts);
        NewRow {
            id: id.parse().unwrap_or_else(|_| unreachable!("the id is one")),
            checksum: script.hash,
            kind: RowKind::Applied,
            position: i64::try_from(self.scripts).unwrap_or(i64::MAX),
            executed_at: None,
            execution_ms: None,
            formers: Vec::new(),
        }
    }
}

fn frame(script: &Script, span: std::ops::Range<usize>) -> Frame {
    let mut frame = Frame::new(&*script.path, std::sync::Arc::clone(&script.text), span);
    frame.lines_before = script.lines_before;
    frame
}

/// What is said of a script that failed.
fn broken(script: &Script, statements: &[Statement], failure: &TaskFailure) -> Broken {
    let statement = failure.statement.and_then(|n| statements.get(n));
    let span = statement.map(|statement| statement.span.clone());
    let text = span.clone().map(|span| script.text[span].to_owned());
    let said = describe(&failure.error);
    let mut diagnostic = Diagnostic::new(format!("`{}` fails on a scratch database", script.path));
    diagnostic.frames.extend(span.map(|span| frame(script, span)));
    diagnostic = diagnostic.cause(&said.message);
    diagnostic.notes.extend(said.notes);
    Broken { statement: text, diagnostic }
}
