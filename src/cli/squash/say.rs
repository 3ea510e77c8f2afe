//! What `squash` says: to people, and to machines.

use serde_json::{Value, json};

use super::Written;
use crate::cli::{Done, Exit, Format, Global};
use crate::diagnostic::{Diagnostic, count};
use crate::engine::squash::Squashed;
use crate::generate::NewFile;
use crate::id::MigrationId;
use crate::module::Module;
use crate::report::human::{self, Weight};
use crate::squash::{Choice, Fate, Sorted};

/// There is only one, or none.
pub(super) fn nothing(global: &Global, module: &Module) -> Done {
    if global.format == Format::Human {
        human::line(&format!(
            "nothing to do: there are no two migrations of `{}` to be put together",
            module.namespace
        ));
    }
    Done::new(Exit::Done, "nothing-to-do", json!({ "module": module.namespace.as_str(), "written": [] }))
}

/// Old files were moved.
pub(super) fn finished(global: &Global, module: &Module, moved: &[String], archive: &str) -> Done {
    if global.format == Format::Human {
        match moved.len() {
            0 => human::line("nothing to do: no file of a replaced migration is left"),
            n => human::line(&format!("moved {} to {archive}", count(n, "file", "files"))),
        }
    }
    let outcome = if moved.is_empty() { "nothing-to-do" } else { "moved" };
    let rest = json!({ "module": module.namespace.as_str(), "moved": moved, "archive": archive });
    Done::new(Exit::Done, outcome, rest)
}

/// Nothing is written: the files as they would be.
pub(super) fn printed(
    global: &Global,
    module: &Module,
    choice: &Choice,
    bases: &[Squashed],
    files: &[NewFile],
) -> Done {
    if global.format == Format::Human {
        for file in files {
            human::line(&format!("-- {}", file.path));
            human::raw(&file.text);
            human::line("");
        }
        tell(&choice.base, bases);
    }
    let mut document = document(module, choice, bases);
    document["written"] = json!([]);
    document["files"] = files.iter().map(|file| json!({ "path": file.path, "text": file.text })).collect();
    Done::new(exit(bases), "printed", document)
}

/// All is done.
pub(super) fn done(
    global: &Global,
    module: &Module,
    choice: &Choice,
    bases: &[Squashed],
    written: &Written,
) -> Done {
    if global.format == Format::Human {
        let (base, replaced) = (&choice.base, count(choice.ids.len(), "migration", "migrations"));
        human::line(&format!("`{base}` takes the place of {replaced}"));
        for path in &written.files {
            human::line(&format!("wrote {path}"));
        }
        let files = count(written.moved.len(), "file", "files");
        human::line(&format!("moved {files} to {}", written.archive));
        tell(&choice.base, bases);
        human::note("next: look at the base, and commit it together with the lock and the archive");
    }
    let mut document = document(module, choice, bases);
    document["written"] = json!(written.files);
    document["moved"] = json!(written.moved);
    document["archive"] = json!(written.archive);
    Done::new(exit(bases), "written", document)
}

fn exit(bases: &[Squashed]) -> Exit {
    if bases.iter().all(|base| base.proof.holds()) { Exit::Done } else { Exit::Findings }
}

/// What was proved, what is to be looked at.
fn tell(id: &MigrationId, bases: &[Squashed]) {
    for base in bases {
        let whose = if bases.len() > 1 { format!("{}: ", base.dialect) } else { String::new() };
        if base.proof.holds() {
            human::line(&format!("{whose}{}", base.proof.title()));
        } else {
            let mut fault =
                Diagnostic::new(format!("{whose}the base does not make the same as what it replaces"));
            fault.notes.clone_from(&base.proof.differences);
            let help = format!(
                "do by hand what is missing, then `db-migrations lock --accept {id}` and `db-migrations schema snapshot`"
            );
            human::print(&fault.help(help), Weight::Warning);
        }
        if !base.proof.volatile.is_empty() {
            let columns: Vec<String> =
                base.proof.volatile.iter().map(|column| format!("`{column}`")).collect();
            human::note(&format!("note: {whose}different each time, and left out: {}", columns.join(", ")));
        }
        for note in &base.proof.notes {
            human::note(&format!("note: {whose}{note}"));
        }
        let kept: Vec<&Sorted> = base.kept().collect();
        if !kept.is_empty() {
            human::line(&format!(
                "{whose}{} kept, in this order:",
                count(kept.len(), "statement is", "statements are")
            ));
            for one in kept {
                human::line(&format!("  {}", line(one)));
            }
        }
        not_in_it(base, &whose);
    }
}

/// What a proof cannot see is a warning; what schema and rows do without is a note.
fn not_in_it(base: &Squashed, whose: &str) {
    let is_unseen = |one: &Sorted| {
        matches!(one.fate, Fate::Beyond(_)) || !base.proof.holds() || base.left_out_by(one).is_some()
    };
    let (unseen, seen): (Vec<(&Sorted, &str)>, Vec<_>) = base.by_hand().partition(|(one, _)| is_unseen(one));
    let told = |(one, why): &(&Sorted, &str)| match base.left_out_by(one) {
        Some(column) => {
            format!("{}: {why}; it may write `{column}`, which is different each time: look", line(one))
        }
        None => format!("{}: {why}", line(one)),
    };
    let many = |n: usize| count(n, "statement is", "statements are");
    if !seen.is_empty() {
        human::note(&format!(
            "note: {whose}{} not in the base, and schema and rows are the same without:",
            many(seen.len())
        ));
        for one in &seen {
            human::note(&format!("  {}", told(one)));
        }
    }
    if !unseen.is_empty() {
        let fault =
            format!("{whose}{} not in the base: look whether anything of it must be", many(unseen.len()));
        let mut fault = Diagnostic::new(fault);
        fault.notes.extend(unseen.iter().map(told));
        human::print(&fault, Weight::Warning);
    }
}

/// So much of a statement is shown.
const SHOWN: usize = 60;

fn line(one: &Sorted) -> String {
    let words = one.text.split_whitespace().collect::<Vec<_>>().join(" ");
    let end: &str = if words.chars().count() > SHOWN { "…" } else { "" };
    let words: String = words.chars().take(SHOWN).collect();
    format!("{}:{} `{words}{end}`", one.path, one.line)
}

fn statement(one: &Sorted) -> Value {
    json!({ "from": one.from.as_str(), "path": one.path, "line": one.line, "text": one.text })
}

fn document(module: &Module, choice: &Choice, bases: &[Squashed]) -> Value {
    let replaces: Vec<&str> = choice.ids.iter().map(MigrationId::as_str).collect();
    let of = |base: &Squashed| {
        let by_hand = base.by_hand().map(|(one, why)| {
            let mut value = statement(one);
            value["why"] = json!(why);
            value["seen_by_proof"] =
                json!(!matches!(one.fate, Fate::Beyond(_)) && base.left_out_by(one).is_none());
            value
        });
        json!({
            "dialect": base.dialect.name(),
            "objects": base.objects,
            "kept": base.kept().map(statement).collect::<Vec<_>>(),
            "by_hand": by_hand.collect::<Vec<_>>(),
            "proof": {
                "holds": base.proof.holds(),
                "rows": base.proof.rows,
                "tables": base.proof.tables,
                "volatile": base.proof.volatile.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "differences": base.proof.differences,
                "notes": base.proof.notes,
            },
        })
    };
    json!({
        "module": module.namespace.as_str(),
        "base": choice.base.as_str(),
        "replaces": replaces,
        "bases": bases.iter().map(of).collect::<Vec<_>>(),
    })
}
