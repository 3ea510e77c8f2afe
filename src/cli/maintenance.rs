//! `maintenance`: maintenance mode by hand, and around any command.

mod around;

use clap::Subcommand;
use serde_json::{Value, json};

use super::context::{self, Context, MAINTENANCE};
use super::{Done, Exit, Format, Global};
use crate::config;
use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind};
use crate::maintenance::{self, Mark, Owner, State, Switch};
use crate::report::human::{self, Weight};

/// Switch maintenance mode by hand, or run a command in it
///
/// How it is switched, the key `maintenance` of the configuration says: by a marker file, a Redis key or programs.
/// A run switches it by itself.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Switch it on, until it is switched off
    On(Words),
    /// Switch it off, whoever has left it on
    Off,
    /// Say whether it is on: 0 it is off, 1 it is on
    Status,
    /// Switch it on, run a command, switch it off; ends as the command does
    Run(around::Args),
}

/// What is said of it.
#[derive(Debug, Default, clap::Args)]
pub(super) struct Words {
    /// What users of the application are told [default: `maintenance.message`]
    #[arg(long, value_name = "TEXT")]
    message: Option<String>,
    /// Why, for who looks after it
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

impl Words {
    /// A mark that says this.
    fn mark(self, owner: Owner, config: &config::Maintenance) -> Mark {
        Mark {
            reason: self.reason,
            message: self.message.or_else(|| config.message.clone()),
            retry_after: config.retry_after.map(|time| time.as_secs()),
            ..Mark::new(owner, &context::user(), config.heartbeat)
        }
    }
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let config = context.maintenance()?.into_owned();
    let switch = maintenance::open(&config, &context.root).map_err(usage)?.ok_or_else(unconfigured)?;
    match args.action {
        Action::On(words) => on(global, &words.mark(Owner::Hand, &config), switch),
        Action::Off => off(global, switch),
        Action::Status => status(global, switch),
        Action::Run(args) => around::run(global, args, &config, switch).await,
    }
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

fn unconfigured() -> Failure {
    usage(
        Diagnostic::new("nothing says how maintenance mode is switched")
            .help("write `maintenance: { file: maintenance.flag }` into `db-migrations.yml`")
            .help(format!("or set `{MAINTENANCE}`, for example to `{{ file: /run/app/maintenance }}`")),
    )
}

fn on(global: &Global, mark: &Mark, mut switch: Box<dyn Switch>) -> Result<Done, Failure> {
    switch.on(mark).map_err(usage)?;
    if global.format == Format::Human {
        human::line(&format!(
            "maintenance mode is on ({}), until `db-migrations maintenance off`",
            switch.place()
        ));
    }
    Ok(Done::new(Exit::Done, "on", document(&*switch, Some(mark))))
}

fn off(global: &Global, mut switch: Box<dyn Switch>) -> Result<Done, Failure> {
    if let Ok(State::On(mark)) = switch.state()
        && !mark.kept
    {
        let fault =
            Diagnostic::new("maintenance mode is being held on: its next heartbeat would put it back")
                .note(format!("it was switched on {}", mark.shown()))
                .help("wait for the end of that, or end it");
        return Err(Failure::new(FailureKind::Refused, fault));
    }
    let was_on = switch.off(None).map_err(usage)?;
    if global.format == Format::Human {
        human::line(if was_on { "maintenance mode is off" } else { "maintenance mode was off already" });
    }
    let outcome = if was_on { "off" } else { "nothing-to-do" };
    Ok(Done::new(Exit::Done, outcome, document(&*switch, None)))
}

fn status(global: &Global, mut switch: Box<dyn Switch>) -> Result<Done, Failure> {
    let state = switch.state().map_err(usage)?;
    let (exit, outcome, mark) = match &state {
        State::Off => (Exit::Done, "off", None),
        State::Stale(mark) => (Exit::Done, "stale", Some(mark)),
        State::On(mark) => (Exit::Findings, "on", Some(mark)),
    };
    if global.format == Format::Human {
        say(&state, &switch.place());
    }
    Ok(Done::new(exit, outcome, document(&*switch, mark)))
}

fn say(state: &State, place: &str) {
    match state {
        State::Off => human::line(&format!("maintenance mode is off ({place})")),
        State::On(mark) => {
            human::line(&format!("maintenance mode is on ({place})"));
            human::line(&format!("  switched on {}", mark.shown()));
            for (name, text) in [("reason", &mark.reason), ("message", &mark.message)] {
                if let Some(text) = text {
                    human::line(&format!("  {name}: {text}"));
                }
            }
            human::line(&match (mark.kept, mark.owner) {
                (false, _) => format!("  last heartbeat {}, one in {} s", mark.beat, mark.heartbeat),
                (true, Owner::Run) => {
                    "  the run did not end well: it stays on until the next good run, or `db-migrations maintenance off`"
                        .to_owned()
                }
                (true, _) => "  it stays on until `db-migrations maintenance off`".to_owned(),
            });
        }
        State::Stale(mark) => {
            human::line(&format!("maintenance mode is off ({place})"));
            let fault = Diagnostic::new("there is a mark whose heartbeat has stopped: it counts as off")
                .note(format!("it was switched on {}; the last heartbeat was at {}", mark.shown(), mark.beat))
                .note("who switched it on was killed, or its machine is gone")
                .help("`db-migrations status` says what has run; `db-migrations maintenance off` removes the mark");
            human::print(&fault, Weight::Warning);
        }
    }
}

fn document(switch: &dyn Switch, mark: Option<&Mark>) -> Value {
    let mark = mark.map(|mark| {
        json!({
            "owner": mark.owner,
            "by": mark.by,
            "since": mark.since,
            "kept": mark.kept,
            "last_heartbeat": mark.beat,
            "run": mark.run,
            "reason": mark.reason,
            "message": mark.message,
        })
    });
    json!({ "place": switch.place(), "mark": mark })
}
