//! Maintenance mode by programs: one that switches it on, and one that switches it off.
//!
//! They are run without a shell, with a time limit each. Whether it is on, only they know: it cannot be asked
//! here, and no beat keeps it alive.

use std::path::PathBuf;
use std::time::Duration;

use super::{Mark, Put, State, Switch};
use crate::diagnostic::Diagnostic;
use crate::program::{self, Ends, Unrun};

/// How much of what a program says is read, and how much is shown.
const MOST: u64 = 64 * 1024;
const SHOWN: usize = 1000;

/// The two programs.
#[derive(Debug)]
pub struct Programs {
    on: Vec<String>,
    off: Vec<String>,
    folder: PathBuf,
    timeout: Duration,
}

impl Programs {
    /// Each with its arguments, run in this folder.
    pub fn new(on: Vec<String>, off: Vec<String>, folder: PathBuf, timeout: Duration) -> Self {
        Self { on, off, folder, timeout }
    }

    fn run(&self, setting: &str, words: &[String], mark: Option<&Mark>) -> Result<(), Diagnostic> {
        let name = words.first().map_or("", String::as_str);
        let fault = |what: String| {
            Diagnostic::new(format!("`maintenance.command.{setting}`: `{name}` {what}"))
                .help("try the program by hand; what it ends with must be 0")
        };
        let text = |text: Option<&String>| text.cloned().unwrap_or_default();
        let (run, reason, message) = (
            text(mark.and_then(|mark| mark.run.as_ref())),
            text(mark.and_then(|mark| mark.reason.as_ref())),
            text(mark.and_then(|mark| mark.message.as_ref())),
        );
        let variables = [
            ("DB_MIGRATIONS_RUN", run.as_str()),
            ("DB_MIGRATIONS_REASON", reason.as_str()),
            ("DB_MIGRATIONS_MESSAGE", message.as_str()),
        ];
        let limit = (self.timeout, Ends::Group);
        let ended = program::run(words, &variables, &self.folder, limit, MOST).map_err(|error| {
            let (Unrun::Begin(cause) | Unrun::Wait(cause)) = &error;
            fault(error.to_string()).cause(cause)
        })?;
        let what = match ended.status {
            Some(status) if status.success() => return Ok(()),
            Some(status) => format!("failed ({status})"),
            None => format!("took longer than {} s, and was ended", self.timeout.as_secs()),
        };
        let said: String = ended.stderr().trim().chars().take(SHOWN).collect();
        Err(if said.is_empty() { fault(what) } else { fault(what).note(format!("it said: {said}")) })
    }
}

impl Switch for Programs {
    fn on(&mut self, mark: &Mark) -> Result<Put, Diagnostic> {
        match self.run("on", &self.on, Some(mark)) {
            Ok(()) => Ok(Put::Done(mark.clone())),
            // it may have done a part
            Err(fault) => Err(match self.run("off", &self.off, Some(mark)) {
                Ok(()) => fault.note("`maintenance.command.off` was run after that"),
                Err(too) => fault.note(format!("after that {}", too.message)),
            }),
        }
    }

    fn beat(&mut self, _: &Mark) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn keep(&mut self, _: &Mark) -> Result<(), Diagnostic> {
        Ok(())
    }

    fn off(&mut self, mark: Option<&Mark>) -> Result<bool, Diagnostic> {
        self.run("off", &self.off, mark).map(|()| true)
    }

    fn state(&mut self) -> Result<State, Diagnostic> {
        Err(Diagnostic::new("`maintenance.command` cannot be asked whether maintenance mode is on")
            .help("a `maintenance.file` or `maintenance.redis` can"))
    }

    fn place(&self) -> String {
        format!("the program `{}`", self.on.first().map_or("", String::as_str))
    }
}
