//! `--write-sql`: a run as SQL text, with the rows of our history, for a person or another client to carry out.
//!
//! The plan is that of a run on this database, and the same things refuse it; nothing is sent but questions.
//! What only a run can do is missing, and the text says so: the guard, the schema check, the lock. Directions
//! to the database's own client (`DELIMITER`) stand where its reader needs them.

use std::fmt::Write;

use crate::database::{Database, NewRow, NewRun, Note, Record, Written};
use crate::diagnostic::{Diagnostic, count};
use crate::event::Sink;
use crate::history::{History, RowKind};
use crate::id::Checksum;
use crate::plan::{Group, Mode, Step};
use crate::sql::Way;

use super::failure::{Failure, Kind};
use super::migrate::{LockMode, Request, fits, why};
use super::mirror::mirrored;
use super::prepare::{Prepared, prepare_for};
use super::project::Project;
use super::refusal::{fits_without_database, refuse_plan, refuse_strangers, tell_findings};
use super::waiting::look;

/// How each text begins.
pub const WRITTEN_BY: &str = "-- Written by db-migrations";

/// What a run would send.
#[derive(Clone, Debug)]
pub struct WrittenRun {
    /// The text.
    pub text: String,
    /// What was planned.
    pub prepared: Prepared,
    /// Whether the lock must grow before the next `--locked` run.
    pub lock_grows: bool,
}

/// Plans a run and writes it down; `None` where there is nothing to do.
pub async fn write_sql(
    project: &Project,
    request: &Request<'_>,
    sink: &mut dyn Sink,
) -> Result<Option<WrittenRun>, Failure> {
    if request.mode == LockMode::Locked && !request.aim.goal.may_undo() {
        fits_without_database(project, request)?;
    }
    let (mut database, history) = look(request, sink).await?;
    let prepared = prepare_for(project, &history, &request.aim, &mut *database).await?;
    fits(project, request, &prepared)?;
    refuse_strangers(project, &history, &mut *database).await?;
    refuse_plan(&prepared.plan, request)?;
    refuse_half(&history)?;
    refuse_adoption(&prepared)?;
    tell_findings(project, &prepared, sink);
    let text = (!prepared.plan.is_empty()).then(|| {
        let run = NewRun {
            id: crate::run_id::random(),
            lock_digest: prepared.fingerprint.digest.unwrap_or_else(|| Checksum::of(b"")),
            tool_version: env!("CARGO_PKG_VERSION"),
            user: request.user.clone(),
            reason: Some(
                why(request).map_or_else(|| "--write-sql".to_owned(), |why| format!("--write-sql: {why}")),
            ),
            release: request.aim.release.name(),
        };
        Writer {
            read: &*database,
            run: &run,
            position: history.next_position(),
            mirrors: !mirrored(project).is_empty(),
            text: String::new(),
        }
        .write(&prepared)
    });
    database.close().await;
    let lock_grows = prepared.lock_text != project.document.text();
    Ok(text.map(|text| WrittenRun { text, prepared, lock_grows }))
}

/// What stopped half-way goes on by looking at the database, which a text cannot do.
fn refuse_half(history: &History) -> Result<(), Failure> {
    let Some(half) = history.partial.first() else { return Ok(()) };
    Err(Failure::new(
        Kind::Refused,
        Diagnostic::new(format!("`{}` is half-applied: how it goes on cannot be written as a text", half.id))
            .help("`db-migrations repair` lists the ways on"),
    ))
}

/// What is taken over is proved by a run, and belongs to it.
fn refuse_adoption(prepared: &Prepared) -> Result<(), Failure> {
    if prepared.adoption.rows.is_empty() {
        return Ok(());
    }
    let fault = Diagnostic::new(
        "the history of another tool is to be taken over first, which is no SQL of a migration",
    );
    Err(Failure::new(Kind::Refused, fault.help("run `db-migrations import` once, then write the SQL")))
}

struct Writer<'a> {
    read: &'a dyn Database,
    run: &'a NewRun,
    position: i64,
    /// Whether rows for other tools are left to the next run.
    mirrors: bool,
    text: String,
}

impl Writer<'_> {
    fn write(mut self, prepared: &Prepared) -> String {
        self.header(prepared);
        self.part(Written::Encoding);
        let mut first = true;
        for group in &prepared.plan.groups {
            let open = matches!(group.mode, Mode::Transaction { .. });
            self.open(group, open);
            if std::mem::take(&mut first) {
                self.tables(open);
                self.catch_ups(&prepared.plan.catch_ups, open);
            }
            for step in &group.steps {
                self.step(step);
            }
            self.close(group, open);
        }
        self.text
    }

    fn header(&mut self, prepared: &Prepared) {
        let server = self.read.server();
        let plan = &prepared.plan;
        let what = if plan.undoes { "undoes" } else { "runs" };
        let client = server.dialect.facts().client;
        let lines = [
            format!("Written by db-migrations {} for {}: {what} {}.", self.run.tool_version, server.title(), count(plan.len(), "migration", "migrations")),
            format!("Carry it out with a client that stops at the first error: {client}"),
            "It fits the history of this database as it is now. Nobody else may migrate meanwhile: it takes no guard.".to_owned(),
            "The schema is not checked by it: run `db-migrations migrate --locked` afterwards.".to_owned(),
        ];
        let split = "It is not one transaction: after an error, what ran before it stays.".to_owned();
        let mirror = "The next run writes the rows of mirrored tools, too.".to_owned();
        let more = [(plan.splits(), split), (self.mirrors, mirror)];
        let more = more.into_iter().filter_map(|(said, line)| said.then_some(line));
        for line in lines.into_iter().chain(more) {
            let _ = writeln!(self.text, "-- {}", line.replace(['\n', '\r'], " "));
        }
    }

    fn line(&mut self, sql: &str) {
        if !sql.is_empty() {
            self.text.push_str(sql);
            self.text.push_str(";\n");
        }
    }

    fn part(&mut self, part: Written<'_>) {
        let sql = self.read.written(part);
        self.line(&sql);
    }

    fn open(&mut self, group: &Group, open: bool) {
        self.text.push('\n');
        if let Some(reason) = &group.reason {
            let _ = writeln!(self.text, "-- {}", reason.replace(['\n', '\r'], " "));
        }
        let (Mode::Transaction { foreign_keys } | Mode::Alone { foreign_keys }) = group.mode;
        self.part(Written::ForeignKeys(foreign_keys != Some(false)));
        if open {
            self.part(Written::Begin);
        }
    }

    /// Our tables and the row of this run; without a verdict, so that the next run checks the schema.
    fn tables(&mut self, open: bool) {
        if !open {
            self.part(Written::Begin);
        }
        self.part(Written::Tables);
        self.part(Written::Note(Note::Run(self.run)));
        if !open {
            self.line("COMMIT");
        }
    }

    /// Data steps that have run before: without a row of the history.
    fn catch_ups(&mut self, steps: &[Step], open: bool) {
        if !open && !steps.is_empty() {
            self.part(Written::Begin);
        }
        for step in steps {
            let _ = writeln!(self.text, "\n-- {}, again", step.id);
            self.script(step);
        }
        if !open && !steps.is_empty() {
            self.line("COMMIT");
        }
    }

    fn step(&mut self, step: &Step) {
        let way = if step.way == Way::Down { ", down" } else { "" };
        let _ = writeln!(self.text, "\n-- {}{way}", step.id);
        self.script(step);
        let row = NewRow {
            id: step.id.clone(),
            checksum: step.script.hash,
            kind: RowKind::Applied,
            position: self.position,
            executed_at: None,
            execution_ms: None,
            formers: step.formers.clone(),
        };
        self.position += 1;
        let record = match step.way {
            Way::Up => Record::Applied(&row),
            Way::Down => Record::Undone(&step.id, &step.formers),
        };
        self.part(Written::Record(&self.run.id, record));
    }

    /// What a step executes, and what takes its settings away again.
    fn script(&mut self, step: &Step) {
        let settings = &step.script.session;
        self.part(Written::Settings(settings));
        self.statements(step);
        let dialect = self.read.server().dialect;
        let sets = |text: &str| crate::sql::sets_session(dialect, text);
        if !settings.is_empty() || step.statements.iter().any(|s| sets(&step.script.text[s.span.clone()])) {
            self.part(Written::Reset(settings));
        }
    }

    /// The statements with the comments before them.
    fn statements(&mut self, step: &Step) {
        let text = &step.script.text;
        let delimiter = self.read.server().dialect.facts().body_delimiter;
        for statement in &step.statements {
            let comments = text[statement.leading.clone()].lines().map(str::trim_end).filter(|line| {
                !line.is_empty()
                    && !line.trim_start().get(..9).is_some_and(|word| word.eq_ignore_ascii_case("delimiter"))
            });
            for comment in comments {
                self.text.push_str(comment);
                self.text.push('\n');
            }
            let statement = &text[statement.span.clone()];
            // any `;` will do: one in a literal is no harm
            if let Some(mark) = delimiter.filter(|_| statement.contains(';')) {
                let mark = if statement.contains(mark) { "$$" } else { mark };
                let _ = writeln!(self.text, "DELIMITER {mark}\n{statement}\n{mark}\nDELIMITER ;");
            } else {
                self.line(statement);
            }
        }
    }

    fn close(&mut self, group: &Group, open: bool) {
        let (Mode::Transaction { foreign_keys } | Mode::Alone { foreign_keys }) = group.mode;
        if foreign_keys == Some(false) {
            self.text.push_str("-- a row here points nowhere: if it is new, ROLLBACK instead of going on\n");
            self.line("PRAGMA foreign_key_check");
        }
        if open {
            self.text.push('\n');
            self.line("COMMIT");
        }
        if foreign_keys == Some(false) {
            self.part(Written::ForeignKeys(true));
        }
    }
}
