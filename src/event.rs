//! What has happened, for whoever listens.
//!
//! The engine speaks in past-tense facts; reporters turn them into lines, progress bars or JSON.
//! An event never asks anything and carries all that is needed to print it.

use std::time::Duration;

use crate::database::{Holder, Server};
use crate::diagnostic::Diagnostic;
use crate::id::MigrationId;

/// One fact.
#[derive(Clone, Debug)]
pub enum Event {
    /// A connection stands.
    Connected(Server),
    /// Something a person should know; the run goes on.
    Warned(Diagnostic),
    /// Something a person may want to know.
    Noted(String),
    /// Another run has the guard; said when the wait begins.
    GuardWaited {
        /// Who has it.
        holder: Option<Holder>,
        /// How long we wait at most, in seconds.
        limit: u64,
    },
    /// Another session was in the way: what was open is rolled back, and all of it is tried again.
    TriedAgain {
        /// What was said.
        why: String,
        /// After this time.
        wait: Duration,
        /// The number of the new try, from 1.
        number: u32,
        /// Of how many.
        most: u32,
    },
    /// A replay on a scratch database has begun.
    ReplayStarted {
        /// How many migrations.
        total: usize,
    },
    /// The declared schema is being made on a scratch database.
    DeclaredStarted {
        /// How many texts are loaded.
        texts: usize,
        /// How many migrations run, of modules that declare nothing.
        migrations: usize,
    },
    /// A rehearsal on a scratch database with the live schema has begun.
    RehearsalStarted {
        /// How many migrations.
        total: usize,
    },
    /// A change is tried on a scratch database: up, down, up.
    ProofStarted {
        /// How many migrations.
        total: usize,
    },
    /// A migration was undone by its down script.
    Undone {
        /// Which.
        id: MigrationId,
    },
    /// The run has begun.
    RunStarted {
        /// How many migrations.
        total: usize,
    },
    /// A migration has begun.
    StepStarted {
        /// Which.
        id: MigrationId,
        /// Its number in the run, from 1.
        number: usize,
        /// Of how many.
        total: usize,
        /// It runs outside of a transaction: each statement stays at once.
        alone: bool,
    },
    /// A data step that has run before has begun again.
    CatchUpStarted {
        /// Which.
        id: MigrationId,
    },
    /// It has ended well.
    CaughtUp {
        /// Which.
        id: MigrationId,
        /// How many rows it changed.
        rows: u64,
    },
    /// How long a statement took, where that was asked.
    StatementTimed {
        /// The migration.
        id: MigrationId,
        /// The statement, from 1.
        number: usize,
        /// How long.
        duration: Duration,
        /// Its first line.
        text: String,
    },
    /// A migration has ended well.
    StepFinished {
        /// Which.
        id: MigrationId,
        /// How long it took, in milliseconds.
        milliseconds: i64,
    },
    /// The schema check has begun.
    CheckStarted,
    /// A commit was sent; until its answer nobody knows.
    CommitStarted,
    /// The transaction is committed.
    Committed,
    /// A file was written.
    Written {
        /// Which.
        path: String,
    },
    /// Maintenance mode was switched on for the run.
    MaintenanceOn {
        /// Where its mark is.
        place: String,
        /// Who had switched it on before, and keeps it.
        left: Option<String>,
    },
    /// It was switched off.
    MaintenanceOff,
    /// It stays on, since the run did not end well.
    MaintenanceKept,
}

/// Whoever listens.
pub trait Sink: Send {
    /// Takes notice of a fact.
    fn tell(&mut self, event: Event);
}

/// Listens to nothing.
pub struct Silence;

impl Sink for Silence {
    fn tell(&mut self, _: Event) {}
}
