//! What machines read: one JSON document on standard output.
//!
//! `format_version` grows when a key changes its meaning or goes; new keys do not change it. The
//! shapes are described in `docs/cli.md`.

use serde_json::{Value, json};

use crate::catalogue::Catalogue;
use crate::diagnostic::Diagnostic;
use crate::discover::{Candidate, Discovery};
use crate::drift::{Difference, Drift};
use crate::engine::{Failure, Migrated, Prepared, Status, Verdict};
use crate::history::Partial;
use crate::id::is_deceptive;
use crate::lock::Finding;
use crate::plan::{Mode, Plan, Recorded, Why};
use crate::secret;
use crate::sql::Way;

/// The version of all documents.
pub const FORMAT_VERSION: u32 = 1;

/// A whole document: what every one of them begins with, and the rest.
pub fn document(command: &str, outcome: &str, exit_code: u8, rest: Value) -> Value {
    let mut document = json!({
        "format_version": FORMAT_VERSION,
        "command": command,
        "outcome": outcome,
        "exit_code": exit_code,
    });
    if let (Some(all), Value::Object(rest)) = (document.as_object_mut(), rest) {
        all.extend(rest);
    }
    document
}

/// A document as it is printed: what a terminal would act on, or not show, is escaped.
pub fn text(document: &Value) -> String {
    let mut text = String::new();
    for c in format!("{document:#}\n").chars() {
        if c == '\n' || !(c.is_control() || is_deceptive(c)) {
            text.push(c);
        } else {
            // outside of strings there are no such characters
            text.extend(c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")));
        }
    }
    text
}

/// A bad end.
pub fn failure(failure: &Failure) -> Value {
    let mut document = json!({ "errors": failure.diagnostics.iter().map(diagnostic).collect::<Vec<_>>() });
    if let Some(maintenance) = failure.maintenance {
        document["maintenance"] = maintenance.into();
    }
    document
}

/// A diagnostic with its first place.
pub fn diagnostic(diagnostic: &Diagnostic) -> Value {
    let place = diagnostic.frames.first().map(|frame| {
        let (line, column) = frame.line_column();
        json!({ "path": frame.path, "line": line, "column": column })
    });
    let about = diagnostic.about.as_ref();
    let masked = |texts: &[String]| texts.iter().map(|text| secret::masked(text)).collect::<Vec<_>>();
    json!({
        "rule": about.map(|(rule, _)| rule),
        "id": about.map(|(_, id)| id),
        "message": secret::masked(&diagnostic.message),
        "place": place,
        "causes": masked(&diagnostic.causes),
        "notes": masked(&diagnostic.notes),
        "help": masked(&diagnostic.help),
    })
}

/// Findings of a merge.
pub fn findings<'a>(findings: impl IntoIterator<Item = &'a Finding>) -> Value {
    findings.into_iter().map(|finding| diagnostic(&finding.diagnostic)).collect()
}

/// A plan with its groups.
pub fn plan(plan: &Plan) -> Value {
    let groups: Vec<Value> = plan
        .groups
        .iter()
        .map(|group| {
            let steps: Vec<Value> = group
                .steps
                .iter()
                .map(|step| {
                    json!({
                        "id": step.id.as_str(),
                        "direction": if step.way == Way::Up { "up" } else { "down" },
                        "path": &*step.script.path,
                        "checksum": step.script.hash.to_string(),
                        "statements": step.statements.len(),
                        "from": step.from(),
                        "late": step.late,
                    })
                })
                .collect();
            let (transaction, foreign_keys) = match group.mode {
                Mode::Transaction { foreign_keys } => (true, foreign_keys),
                Mode::Alone { foreign_keys } => (false, foreign_keys),
            };
            json!({ "transaction": transaction, "foreign_keys": foreign_keys, "reason": group.reason, "steps": steps })
        })
        .collect();
    let left_out: Vec<Value> = plan
        .left_out
        .iter()
        .filter(|left_out| left_out.why != Why::Applied)
        .map(|left_out| json!({ "id": left_out.id.as_str(), "why": why(&left_out.why) }))
        .collect();
    json!({
        "steps": plan.len(),
        "remaining": plan.remaining,
        "waiting": plan.waiting,
        "caught_up": plan.catch_ups.iter().map(|step| step.id.as_str()).collect::<Vec<_>>(),
        "splits": plan.splits(),
        "groups": groups,
        "left_out": left_out,
        "refusals": plan.refusals.iter().map(diagnostic).collect::<Vec<_>>(),
        "notes": plan.notes,
        "warnings": plan.warnings.iter().map(diagnostic).collect::<Vec<_>>(),
    })
}

/// Why a migration does not run, as a word.
pub fn why(why: &Why) -> String {
    match why {
        Why::Applied => "applied".to_owned(),
        Why::Replaced(old) => format!("replaces {old}"),
        Why::Skipped => "skipped".to_owned(),
        Why::Copy(original) => format!("copy of {original}"),
        Why::NotApplicable => "not-applicable".to_owned(),
        Why::Absent => "absent".to_owned(),
        Why::Beyond => "not asked for".to_owned(),
        Why::Torn => "only some of what it stands for has run".to_owned(),
        Why::Waits(why) => format!("waits: {why}"),
    }
}

/// What a run would do.
pub fn prepared(prepared: &Prepared) -> Value {
    let adopted: Vec<&str> = prepared.adoption.rows.iter().map(|row| row.id.as_str()).collect();
    json!({ "plan": plan(&prepared.plan), "adopted": adopted, "recorded": recorded(&prepared.plan), "findings": findings(&prepared.merged.findings) })
}

/// Bases that are recorded without running, with what they stand for.
fn recorded(plan: &Plan) -> Vec<Value> {
    let formers = |base: &Recorded| base.formers.iter().map(|id| id.as_str().to_owned()).collect::<Vec<_>>();
    plan.recorded.iter().map(|base| json!({ "id": base.id.as_str(), "stands_for": formers(base) })).collect()
}

/// What a run did.
pub fn migrated(migrated: &Migrated) -> Value {
    let applied: Vec<Value> = migrated
        .applied
        .iter()
        .map(|a| json!({ "id": a.id.as_str(), "execution_ms": a.milliseconds }))
        .collect();
    json!({
        "run": migrated.run,
        (if migrated.prepared.plan.undoes { "undone" } else { "applied" }): applied,
        "caught_up": migrated.caught_up.iter().map(|one| json!({ "id": one.id.as_str(), "rows": one.rows })).collect::<Vec<_>>(),
        "waiting": migrated.prepared.plan.waiting,
        "schema_check": verdict(&migrated.verdict),
        "adopted": migrated.prepared.adoption.rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(),
        "recorded": recorded(&migrated.prepared.plan),
        "written": migrated.written,
        "findings": findings(&migrated.prepared.merged.findings),
    })
}

/// What the schema check said.
pub fn verdict(verdict: &Verdict) -> Value {
    let drift = match verdict {
        Verdict::Passed(drift) | Verdict::Drifted(drift) => Some(self::drift(drift)),
        Verdict::NotChecked(_) => None,
    };
    json!({ "verdict": verdict.word(), "drift": drift })
}

fn drift(drift: &Drift) -> Value {
    let one = |difference: &Difference| {
        json!({
            "kind": difference.kind.name(),
            "name": difference.name,
            "part": difference.part,
            "change": difference.change.name(),
            "expected": difference.expected,
            "actual": difference.actual,
        })
    };
    json!({
        "differences": drift.differences.iter().map(one).collect::<Vec<_>>(),
        "notes": drift.notes.iter().map(one).collect::<Vec<_>>(),
    })
}

/// A migration that stopped half-way.
pub fn partial(partial: &Partial) -> Value {
    json!({
        "id": partial.id.as_str(),
        "finished": partial.finished,
        "interrupted": partial.interrupted.is_some(),
        "failed_statement": partial.failed.as_ref().map(|(n, _)| n + 1),
        "error": partial.failed.as_ref().map(|(_, error)| error),
        "undoing": partial.undoing,
    })
}

/// What a database has of the lock.
pub fn status(status: &Status) -> Value {
    let lines: Vec<Value> = status
        .lines
        .iter()
        .map(|line| {
            json!({
                "id": line.id.as_str(),
                "state": line.state.word(),
                "waits": line.waits(),
                "locked": line.locked,
                "executed_at": line.executed_at,
                "execution_ms": line.execution_ms,
                "kind": line.kind,
            })
        })
        .collect();
    let holder = status
        .holder
        .as_ref()
        .map(|h| json!({ "who": h.who, "since": h.since, "query": h.query, "remedy": h.remedy }));
    let strangers: Vec<Value> = status
        .strangers
        .iter()
        .map(|s| json!({ "tool": s.tool, "table": s.table, "rows": s.rows }))
        .collect();
    json!({
        "database": { "dialect": status.server.dialect.name(), "version": status.server.version, "address": status.server.address },
        "guard": holder,
        "last_run": status.last_run.as_ref().map(|run| json!({ "id": run.id, "started_at": run.started_at, "schema_check": run.verdict })),
        "other_tools": strangers,
        "half_applied": status.partial.iter().map(partial).collect::<Vec<_>>(),
        "migrations": lines,
        "findings": findings(&status.prepared.merged.findings),
        "refusals": status.prepared.plan.refusals.iter().map(diagnostic).collect::<Vec<_>>(),
    })
}

/// All modules and candidates.
pub fn modules(catalogue: &Catalogue, discovery: &Discovery) -> Value {
    let modules: Vec<Value> = catalogue
        .modules()
        .iter()
        .map(|module| {
            json!({
                "namespace": module.namespace.as_str(),
                "origin": module.origin.to_string(),
                "folder": module.folder,
                "format": module.format.name(),
                "migrations": module.migrations.len(),
                "checks": module.checks.len(),
                "depends_on": module.depends_on.iter().map(super::super::id::Namespace::as_str).collect::<Vec<_>>(),
                "state": "enabled",
            })
        })
        .collect();
    let candidate = |candidate: &Candidate| {
        json!({
            "name": candidate.name,
            "version": candidate.version,
            "folder": candidate.folder,
            "format": candidate.format.map(super::super::module::Format::name),
            "migrations": candidate.count,
        })
    };
    json!({
        "modules": modules,
        "candidates": discovery.candidates.iter().map(candidate).collect::<Vec<_>>(),
        "disabled": discovery.disabled.iter().map(candidate).collect::<Vec<_>>(),
    })
}
