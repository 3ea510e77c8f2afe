//! `lock resolve`, and the merge driver for git that does the same.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};

use super::super::context::Context;
use crate::diagnostic::Diagnostic;
use crate::engine::{Failure, FailureKind, Project};
use crate::git;
use crate::lock::resolve::{self, Choice, Side, Sides};
use crate::lock::{Document, find};
use crate::lockfile;
use crate::report::human;

/// The name of the driver in git's settings.
const DRIVER: &str = "db-migrations-lock";

/// What a person decides about things that contradict.
#[derive(Debug, Args)]
pub(super) struct Deciding {
    /// Where both sides contradict each other about this migration, ours counts
    #[arg(long, value_name = "ID")]
    ours: Vec<String>,
    /// Where both sides contradict each other about this migration, theirs counts
    #[arg(long, value_name = "ID")]
    theirs: Vec<String>,
    /// The side that counts wherever they contradict each other
    #[arg(long, value_enum, value_name = "SIDE")]
    prefer: Option<Preferred>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Preferred {
    /// The branch that is checked out
    Ours,
    /// The branch that is merged
    Theirs,
}

fn usage(fault: Diagnostic) -> Failure {
    Failure::new(FailureKind::Usage, fault)
}

impl Deciding {
    fn choice(&self, ours: &Document, theirs: &Document) -> Result<Choice, Failure> {
        let mut ids = HashMap::new();
        for (names, side) in [(&self.ours, Side::Ours), (&self.theirs, Side::Theirs)] {
            for name in names {
                let (left, right) = (&ours.lock().entries, &theirs.lock().entries);
                let all = left.keys().chain(right.keys().filter(|id| !left.contains_key(*id)));
                ids.insert(find(all, name).map_err(usage)?.clone(), side);
            }
        }
        let prefer = self.prefer.map(|side| match side {
            Preferred::Ours => Side::Ours,
            Preferred::Theirs => Side::Theirs,
        });
        Ok(Choice { prefer, ids })
    }
}

/// The project with the lock joined and written, and whether there was a conflict.
pub(super) fn resolved(context: &Context, deciding: &Deciding) -> Result<(Project, bool), Failure> {
    let mut project = Project::unlocked(&context.root, context.config.clone())?;
    let name = project.config.lock.clone();
    let text = lockfile::read(&project.lock_path()).map_err(usage)?.unwrap_or_default();
    let Some([base, ours, theirs]) = conflict(context, &name, &text)? else {
        project.read_lock()?;
        return Ok((project, false));
    };
    let parse = |side: &str, text: Option<String>| {
        let text = text.ok_or_else(|| deleted(&name, side))?;
        Document::parse(&format!("{name} ({side})"), &text)
            .map_err(|faults| Failure::all(FailureKind::Usage, faults))
    };
    let (ours, theirs) = (parse("ours", ours)?, parse("theirs", theirs)?);
    let base = base.and_then(|text| Document::parse(&name, &text).ok());
    let choice = deciding.choice(&ours, &theirs)?;
    let sides = Sides { base: base.as_ref(), ours: &ours, theirs: &theirs };
    let now = |id: &_| project.catalogue.get(id).map(|migration| migration.up.checksum());
    let text = resolve::resolve(&sides, &choice, &now)
        .map_err(|faults| Failure::all(FailureKind::Findings, faults))?;
    super::write(&project, &text)?;
    project.read_lock()?;
    Ok((project, true))
}

/// The sides that are to be joined: those of git's index, else those between conflict markers. A file without
/// markers that is none of the sides was joined already, by us or by hand, and is left as it is.
fn conflict(context: &Context, name: &str, text: &str) -> Result<Option<git::Stages>, Failure> {
    match git::stages(&context.root, name).map_err(usage)? {
        Some(stages) => {
            let is_side = stages.iter().any(|stage| stage.as_deref() == Some(text));
            Ok((text.is_empty() || is_side || resolve::has_markers(text)).then_some(stages))
        }
        None => Ok(resolve::unmarked(text).map(|sides| [sides.base, Some(sides.ours), Some(sides.theirs)])),
    }
}

/// One side has no lock at all: that is a decision, not a conflict of lines.
fn deleted(name: &str, side: &str) -> Failure {
    let other = if side == "ours" { "theirs" } else { "ours" };
    usage(
        Diagnostic::new(format!("the lock was deleted in {side}, and changed in {other}"))
            .help(format!("to keep it: `git checkout --{other} -- {name}`, then `git add {name}`"))
            .help(format!("to have none: `git rm {name}`")),
    )
}

/// What git gives to a merge driver.
#[derive(Debug, Args)]
pub(super) struct Driven {
    base: PathBuf,
    ours: PathBuf,
    theirs: PathBuf,
    shown: String,
}

/// Joins as git asks: the result goes into the file of our side. Whether it could be joined.
pub(super) fn drive(files: &Driven) -> Result<bool, Failure> {
    let read = |path: &Path| lockfile::read(path).map_err(usage).map(Option::unwrap_or_default);
    let (base, ours, theirs) = (read(&files.base)?, read(&files.ours)?, read(&files.theirs)?);
    let parse = |text: &str| Document::parse(&files.shown, text);
    let joined = match (parse(&ours), parse(&theirs)) {
        (Ok(left), Ok(right)) => {
            // in a criss-cross merge the base is a merge itself, and may have markers
            let base = parse(&base).ok();
            let sides = Sides { base: base.as_ref(), ours: &left, theirs: &right };
            resolve::resolve(&sides, &Choice::default(), &|_| None)
        }
        (left, right) => Err(left.err().into_iter().chain(right.err()).flatten().collect()),
    };
    let (text, clean) = match joined {
        Ok(text) => (text, true),
        Err(faults) => {
            human::print_errors(&faults);
            (resolve::marked(&ours, &theirs), false)
        }
    };
    lockfile::write(&files.ours, &text).map_err(usage)?;
    Ok(clean)
}

/// Tells git of the driver; what was written, for people.
pub(super) fn install(context: &Context) -> Result<Vec<String>, Failure> {
    let driver = "db-migrations lock merge-driver %O %A %B %P";
    git::set(&context.root, &format!("merge.{DRIVER}.name"), "order of database migrations")
        .map_err(usage)?;
    git::set(&context.root, &format!("merge.{DRIVER}.driver"), driver).map_err(usage)?;
    let mut told =
        vec![format!("set merge.{DRIVER}.driver = {driver} in this repository's git configuration")];
    let path = context.root.join(".gitattributes");
    let mut text = lockfile::read(&path).map_err(usage)?.unwrap_or_default();
    let line = format!("{} merge={DRIVER}", context.config.lock);
    if text.lines().all(|old| old.trim() != line) {
        if !text.is_empty() && !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&line);
        text.push('\n');
        lockfile::write(&path, &text).map_err(usage)?;
        told.push(format!("wrote `{line}` into .gitattributes: commit it"));
    }
    Ok(told)
}
