//! What `diff` says: to people, and to machines.

use serde_json::{Value, json};

use super::Found;
use super::files::Files;
use crate::cli::{Done, Exit, Format, Global};
use crate::diagnostic::{Diagnostic, count};
use crate::diff::Loss;
use crate::engine::diff::{Doubt, Proof, Sides, loss_text, rename_text};
use crate::id::MigrationId;
use crate::module::Module;
use crate::report::human::{self, Weight};
use crate::report::json as wire;

/// Nothing is to be done.
pub(super) fn nothing(global: &Global, module: &Module, sides: &Sides) -> Done {
    if global.format == Format::Human {
        left_out(sides);
        human::line(if sides.left_out.is_empty() {
            "nothing to do: the migrations make what is declared"
        } else {
            "nothing to do: the rest of what is declared is what the migrations make"
        });
    }
    let document = json!({ "module": module.namespace.as_str(), "written": [], "left_out": sides.left_out });
    Done::new(Exit::Done, "nothing-to-do", document)
}

/// All that there is to say stands in a migration already, as a comment.
pub(super) fn stands_there(global: &Global, module: &Module, found: &Found, id: &MigrationId) -> Done {
    if global.format == Format::Human {
        warn(global, found);
        human::line(&format!("nothing new: what is not done stands in `{id}`"));
    }
    let mut document = document(module, found);
    document["written"] = json!([]);
    Done::new(Exit::Done, "nothing-to-do", document)
}

fn left_out(sides: &Sides) {
    for line in &sides.left_out {
        human::note(&format!("note: {line}"));
    }
}

/// What a person should know before the files are looked at.
pub(super) fn warn(global: &Global, found: &Found) {
    if global.format != Format::Human {
        return;
    }
    left_out(&found.sides);
    let warnings = found.sides.warnings.iter().cloned();
    let not_generated = found.way.not_generated.iter().map(|line| {
        Diagnostic::new(format!("not generated: {line}")).help("write it into the migration by hand")
    });
    let kept = (!found.way.kept.is_empty()).then(|| {
        let mut fault = Diagnostic::new("not done, since it would lose data");
        fault.notes.extend(found.way.kept.iter().map(loss_text));
        fault.help("it stands in the migration as a comment; `--allow-drop` does it")
    });
    let lost = (!found.way.lost.is_empty()).then(|| {
        let mut fault = Diagnostic::new("the migration loses data");
        fault.notes.extend(found.way.lost.iter().map(loss_text));
        fault
    });
    let hints = found.way.hints.iter().map(Diagnostic::new);
    for warning in warnings.chain(not_generated).chain(kept).chain(lost).chain(hints) {
        human::print(&warning, Weight::Warning);
    }
}

/// The texts of the files.
pub(super) fn print(global: &Global, files: &Files) {
    if global.format != Format::Human {
        return;
    }
    for file in files.all() {
        human::line(&format!("-- {}", file.path));
        human::raw(&file.text);
        human::line("");
    }
}

/// All is done.
pub(super) fn done(
    global: &Global,
    module: &Module,
    found: &Found,
    files: &Files,
    written: &[String],
    proof: Option<&Proof>,
) -> Done {
    if global.format == Format::Human {
        for path in written {
            human::line(&format!("wrote {path}"));
        }
        if let Some(proof) = proof {
            proved(proof);
        }
        if !written.is_empty() {
            human::note("next: look at it, then `db-migrations lock` and `db-migrations migrate`");
        }
    }
    let mut document = document(module, found);
    document["written"] = json!(written);
    document["proof"] = proof.map_or(Value::Null, |proof| {
        json!({
            "rows": proof.rows,
            "tables": proof.tables,
            "without_rows": doubts(&proof.refused),
            "only_with_all_values": doubts(&proof.full),
            "only_when_empty": doubts(&proof.empty),
            "left": proof.left,
        })
    });
    if written.is_empty() {
        let all = files.all();
        document["files"] = all.iter().map(|file| json!({ "path": file.path, "text": file.text })).collect();
    }
    let exit = if found.way.not_generated.is_empty() { Exit::Done } else { Exit::Findings };
    Done::new(exit, if written.is_empty() { "printed" } else { "written" }, document)
}

/// What was proved, and what could not be.
fn proved(proof: &Proof) {
    human::line(&proof.title());
    let say = |what: &str, doubts: &[Doubt]| {
        for doubt in doubts {
            human::note(&format!("note: {what} `{}`: {}", doubt.table, doubt.why));
        }
    };
    say("it fails with rows that lack values in", &proof.full);
    say("it fails with rows in", &proof.empty);
    if !proof.refused.is_empty() {
        let tables: Vec<String> = proof.refused.iter().map(|doubt| format!("`{}`", doubt.table)).collect();
        let number = count(tables.len(), "table", "tables");
        human::note(&format!("note: no rows could be made up for {number}: {}", tables.join(", ")));
    }
    for line in &proof.left {
        human::note(&format!("note: left as it is: {line}"));
    }
}

fn doubts(doubts: &[Doubt]) -> Value {
    doubts.iter().map(|doubt| json!({ "table": doubt.table, "why": doubt.why })).collect()
}

fn loss(loss: &Loss, is_done: bool) -> Value {
    json!({
        "kind": loss.kind.name(),
        "name": loss.name,
        "part": loss.part,
        "what": loss.what,
        "done": is_done,
    })
}

fn document(module: &Module, found: &Found) -> Value {
    let way = &found.way;
    let done = way.lost.iter().map(|one| loss(one, true));
    let losses = done.chain(way.kept.iter().map(|one| loss(one, false)));
    json!({
        "module": module.namespace.as_str(),
        "renames": way.renames.iter().map(rename_text).collect::<Vec<_>>(),
        "losses": losses.collect::<Vec<_>>(),
        "not_generated": way.not_generated,
        "hints": way.hints,
        "left_out": found.sides.left_out,
        "warnings": found.sides.warnings.iter().map(wire::diagnostic).collect::<Vec<_>>(),
    })
}
