//! `version`: rows of the history, by hand. `sync-metadata-storage`: its tables.

use serde_json::json;

use super::context::Context;
use super::repair::request;
use super::watch::reporter;
use super::{Done, Exit, Format, Global};
use crate::diagnostic::count;
use crate::engine::{self, Failure, Mark, Which};
use crate::history::LAYOUT;
use crate::id::MigrationId;
use crate::report::human;

/// Write or take away rows of the history; nothing runs
///
/// For a database whose schema is there already (`--add`), or where something was undone by hand (`--delete`).
/// It lists what it does and asks. The next `migrate` checks the schema.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("mark").required(true).args(["add", "delete"])))]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Args {
    /// The migrations: id, name, version, slug, or the beginning of one
    #[arg(value_name = "ID", required_unless_present_any = ["all", "range_from", "range_to"])]
    ids: Vec<String>,
    /// They count as applied
    #[arg(long)]
    add: bool,
    /// They count as pending
    #[arg(long)]
    delete: bool,
    /// All that can be
    #[arg(long, conflicts_with_all = ["ids", "range_from", "range_to"])]
    all: bool,
    /// From this one on, in the order of the lock; what is marked already stays so
    #[arg(long, value_name = "ID", conflicts_with = "ids")]
    range_from: Option<String>,
    /// Up to this one
    #[arg(long, value_name = "ID", conflicts_with = "ids")]
    range_to: Option<String>,
    /// Show what would be written; write nothing
    #[arg(long)]
    dry_run: bool,
    /// Why; kept in the history
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Do not ask
    #[arg(long, short)]
    yes: bool,
}

pub(super) async fn run(global: &Global, args: Args) -> Result<Done, Failure> {
    let mark = if args.add { Mark::Add } else { Mark::Delete };
    let which = if args.all {
        Which::All
    } else if args.ids.is_empty() {
        Which::Range(args.range_from, args.range_to)
    } else {
        Which::Ids(args.ids)
    };
    let context = Context::read(global)?;
    let connect = context.connector(!args.dry_run && mark == Mark::Add)?;
    let mut request = request(&context, &*connect);
    request.reason = args.reason;
    let project = context.project()?;
    let mut sink = reporter(global);
    let ids = engine::to_mark(&project, &request, mark, &which, &mut *sink).await?;
    let changes = !ids.is_empty() && !args.dry_run;
    if changes {
        confirm(args.yes, mark, &ids)?;
        engine::mark(&project, &request, mark, &which, &ids, &mut *sink).await?;
    }
    let outcome = match (ids.is_empty(), args.dry_run, mark) {
        (true, ..) => "nothing-to-do",
        (_, true, _) => "planned",
        (.., Mark::Add) => "added",
        (.., Mark::Delete) => "deleted",
    };
    if global.format == Format::Human {
        let word = if mark == Mark::Add { "added" } else { "deleted" };
        for id in &ids {
            human::line(&if args.dry_run { id.to_string() } else { format!("{word} {id}") });
        }
        human::line(&match (outcome, ids.len()) {
            ("nothing-to-do", _) => "nothing to do: the history says so already".to_owned(),
            ("planned", n) => {
                format!("dry run: {} would be {word}, nothing was written", count(n, "row", "rows"))
            }
            (_, n) => format!("{} {word}; nothing ran", count(n, "row", "rows")),
        });
    }
    let ids: Vec<&str> = ids.iter().map(MigrationId::as_str).collect();
    Ok(Done::new(Exit::Done, outcome, json!({ "ids": ids })))
}

fn confirm(yes: bool, mark: Mark, ids: &[MigrationId]) -> Result<(), Failure> {
    if yes {
        return Ok(());
    }
    for id in ids {
        human::note(&format!("  {id}"));
    }
    let rows = count(ids.len(), "row", "rows");
    let prompt = match mark {
        Mark::Add => format!("Add {rows}, so that these count as applied?"),
        Mark::Delete => format!("Delete {rows}, so that these count as pending?"),
    };
    super::confirm::confirm("`version`", &prompt, "nothing was changed")
}

/// Bring the tables of the history to the layout of this version
///
/// In a transaction, where the database can do that. `migrate` does it by itself when it runs something; this is for
/// an account that may change tables when the one that migrates may not.
#[derive(Debug, clap::Args)]
pub(super) struct SyncArgs {}

pub(super) async fn sync(global: &Global, _: &SyncArgs) -> Result<Done, Failure> {
    let context = Context::read(global)?;
    let connect = context.connector(true)?;
    let request = request(&context, &*connect);
    let project = context.project()?;
    let before = engine::sync_layout(&project, &request, &mut *reporter(global)).await?;
    let (outcome, words) = match before {
        Some(LAYOUT) => ("up-to-date", format!("the history has layout {LAYOUT} already")),
        Some(old) => ("upgraded", format!("the history had layout {old}, and has layout {LAYOUT} now")),
        None => ("made", format!("made the history's tables, layout {LAYOUT}")),
    };
    if global.format == Format::Human {
        human::line(&words);
    }
    Ok(Done::new(Exit::Done, outcome, json!({ "before": before, "layout": LAYOUT })))
}
