//! `maintenance run`: on, a command, off on every way out.
//!
//! Signals go on to the command, and its end is waited for. From a terminal an interrupt comes to both of us
//! by itself, so it is not sent a second time.

use std::io::IsTerminal;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::{MAINTENANCE, Words, usage};
use crate::cli::watch::{Signal, Signals};
use crate::cli::{Done, Exit, Format, Global};
use crate::config::{self, MaintenanceWay};
use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind};
use crate::maintenance::{End, Keeper, Owner, Put, Switch};
use crate::report::human::{self, Weight};

/// How often it is looked whether the command has ended.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(flatten)]
    words: Words,
    /// The command and its arguments
    #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true, value_name = "COMMAND")]
    command: Vec<String>,
}

pub(super) async fn run(
    global: &Global,
    args: Args,
    config: &config::Maintenance,
    switch: Box<dyn Switch>,
) -> Result<Done, Failure> {
    let mark = args.words.mark(Owner::Command, config);
    let mut signals = Signals::listen();
    let keeper = Keeper::new(switch, mark, Arc::default())
        .map_err(|error| usage(Diagnostic::new("no thread can be started").cause(error)))?;
    let put = keeper.on().await.map_err(refused)?;
    if let Put::Left(found) = put {
        human::note(&format!(
            "note: maintenance mode is on already, {}: this command leaves it so",
            found.shown()
        ));
    }
    let ended = match start(global, &args.command, config) {
        Ok(mut child) => wait(&mut child, &mut signals).await,
        Err(error) => Err(error),
    };
    off(keeper).await;
    let status = ended.map_err(|error| {
        usage(
            Diagnostic::new(format!("`{}` cannot be run", args.command.first().map_or("", String::as_str)))
                .cause(error),
        )
    })?;
    let code = code(status);
    Ok(Done::new(Exit::Passed(code), "ended", json!({ "command_exit_code": code })))
}

fn refused(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Refused, fault.note("the command was not run"))
}

async fn off(keeper: Keeper) {
    if let Err(fault) = keeper.end(End::Off).await {
        let fault = fault
            .note("maintenance mode could not be switched off: it may still be on")
            .help("switch it off with `db-migrations maintenance off`");
        human::print(&fault, Weight::Warning);
    }
}

/// Where our own standard output is a document, the command's goes to standard error.
fn start(global: &Global, words: &[String], config: &config::Maintenance) -> std::io::Result<Child> {
    let (program, arguments) =
        words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    command.args(arguments);
    if matches!(config.way, Some(MaintenanceWay::Command { .. })) {
        // nobody can ask a program whether it is on already: a run within must not switch it off
        command.env(MAINTENANCE, "{}");
    }
    if global.format == Format::Json {
        command.stdout(stderr()?);
    }
    command.spawn()
}

#[cfg(unix)]
fn stderr() -> std::io::Result<Stdio> {
    use std::os::fd::AsFd;
    Ok(std::io::stderr().as_fd().try_clone_to_owned()?.into())
}

#[cfg(not(unix))]
fn stderr() -> std::io::Result<Stdio> {
    Ok(Stdio::null())
}

async fn wait(child: &mut Child, signals: &mut Signals) -> std::io::Result<ExitStatus> {
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        tokio::select! {
            signal = signals.next() => pass_on(child, signal),
            () = tokio::time::sleep(LOOK) => {}
        }
    }
}

#[cfg(unix)]
fn pass_on(child: &Child, signal: Signal) {
    use rustix::process::{Pid, Signal as Number, kill_process};
    let is_terminal = std::io::stdin().is_terminal() || std::io::stderr().is_terminal();
    let number = match signal {
        Signal::Interrupt if is_terminal => return,
        Signal::Interrupt => Number::INT,
        Signal::Terminate => Number::TERM,
    };
    if let Some(pid) = i32::try_from(child.id()).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, number); // it may have ended by itself
    }
}

#[cfg(not(unix))]
fn pass_on(_: &Child, _: Signal) {}

/// As a shell says it: 128 and the signal that ended it.
fn code(status: ExitStatus) -> u8 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status).map(|number| 128 + number);
    #[cfg(not(unix))]
    let signal = None;
    status.code().or(signal).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
