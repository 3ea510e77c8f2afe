//! Asks whether something got a new name, on a terminal only.

use std::io::IsTerminal;

use crate::cli::{Format, Global};
use crate::diagnostic::Diagnostic;
use crate::diff::rename::Rename;
use crate::engine::diff::{Renames, rename_text, shell_word};
use crate::engine::{Failure, FailureKind};
use crate::report::clean;

/// Asks for each open one. Where nobody is at a terminal they stay open.
pub(super) fn ask(global: &Global, renames: &mut Renames) -> Result<(), Failure> {
    let is_terminal = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    if global.format != Format::Human || !is_terminal {
        return Ok(());
    }
    while let Some(rename) = renames.open.first().cloned() {
        renames.open.remove(0);
        if is_renamed(&rename)? {
            renames.open.retain(|other| !shares_a_name(other, &rename));
            renames.sure.push(rename);
        }
    }
    renames.sure.sort();
    Ok(())
}

fn is_renamed(rename: &Rename) -> Result<bool, Failure> {
    let text = rename_text(rename);
    let (old, new) = text.split_once('=').unwrap_or((&text, ""));
    let (old, new) = (clean(old), clean(new));
    let (word, old_word) = (clean(&shell_word(&text)), shell_word(&old));
    let readings = [
        format!("renamed: what is in `{old}` is in `{new}` afterwards (--rename {word})"),
        format!("dropped and added: what is in `{old}` is lost, `{new}` is empty (--no-rename {old_word})"),
    ];
    let chosen = dialoguer::Select::new()
        .with_prompt(format!("`{old}` went and `{new}` came"))
        .items(&readings)
        .default(0)
        .interact_opt()
        .ok()
        .flatten();
    let declined = || Failure::new(FailureKind::Declined, Diagnostic::new("nothing was written"));
    chosen.map(|index| index == 0).ok_or_else(declined)
}

/// Whether one of both makes the other impossible.
fn shares_a_name(a: &Rename, b: &Rename) -> bool {
    match (a, b) {
        (Rename::Table { from, to }, Rename::Table { from: old, to: new }) => from == old || to == new,
        (Rename::Column { table, from, to }, Rename::Column { table: other, from: old, to: new }) => {
            table == other && (from == old || to == new)
        }
        _ => false,
    }
}
