//! Plans for a scratch database that are more, or less, than all migrations of a lock.
//!
//! A declared text is loaded as if it were a migration, and what may stand in a migration only is refused.
//! A plan is cut where the module changes, so that somebody can look in between.

use crate::diagnostic::{Diagnostic, Frame};
use crate::id::{MigrationId, Namespace};
use crate::migration::Script;
use crate::sql::{self, Boundary, Statement, Way};

use super::{Circumstances, Group, Plan, Step, grouping, step};

impl Plan {
    /// A plan that loads the declared texts of a module, in their order.
    pub fn load(
        module: &Namespace,
        texts: &[Script],
        at: &Circumstances<'_>,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut refusals = Vec::new();
        let mut steps = Vec::new();
        for (n, script) in texts.iter().enumerate() {
            match MigrationId::new(module, &format!("schema-{}", n + 1)) {
                Ok(id) => steps.extend(declared(id, script, at, &mut refusals)),
                Err(error) => refusals.push(Diagnostic::new(error.to_string())),
            }
        }
        if !refusals.is_empty() {
            return Err(refusals);
        }
        let mut plan = Self::default();
        grouping::group(&mut plan, steps, at);
        plan.confine(at.dialect); // of what is left only the accounts for which something acts
        Ok(plan)
    }

    /// The same in parts of one module each.
    pub fn by_module(self) -> Vec<(String, Self)> {
        let mut parts: Vec<(String, Self)> = Vec::new();
        for group in self.groups {
            for steps in group.steps.chunk_by(|a, b| a.id.namespace() == b.id.namespace()) {
                let module = steps[0].id.namespace().to_owned();
                let group = Group { mode: group.mode, steps: steps.to_vec(), reason: None };
                match parts.last_mut().filter(|(last, _)| *last == module) {
                    Some((_, plan)) => plan.groups.push(group),
                    None => parts.push((module, Self { groups: vec![group], ..Self::default() })),
                }
            }
        }
        parts
    }
}

fn declared(
    id: MigrationId,
    script: &Script,
    at: &Circumstances<'_>,
    refusals: &mut Vec<Diagnostic>,
) -> Option<Step> {
    let text = sql::without_restrict(at.dialect, &script.text);
    let mut script = Script { text: text.into(), ..script.clone() };
    let statements = match sql::split(at.dialect, &script.text) {
        Ok(statements) => statements,
        Err(error) => {
            let frame = step::frame(&script, error.span.clone()).label(error.label());
            refusals.push(refusal(&script, &format!("cannot be read: {error}"), frame).help(error.help()));
            return None;
        }
    };
    let before = refusals.len();
    for statement in &statements {
        let text = &script.text[statement.span.clone()];
        refusals.extend(unfit(&script, statement, at));
        if let Boundary::NoTransaction(_) = sql::boundary(at.dialect, text) {
            script.no_transaction = true;
        }
    }
    if let Some(found) = sql::reads_otherwise(at.dialect, &script.text, &statements, &script.session) {
        let frame = step::frame(&script, found.set.unwrap_or(0..0));
        let what = format!("reads differently under its own `{}`", found.setting);
        refusals.push(refusal(&script, &what, frame).help(
            "remove the setting, and write strings with backslashes so that they are the same without it",
        ));
    }
    let is_fit = refusals.len() == before;
    is_fit.then_some(Step {
        id,
        way: Way::Up,
        script,
        statements,
        late: false,
        resume: None,
        formers: Vec::new(),
    })
}

fn refusal(script: &Script, what: &str, frame: Frame) -> Diagnostic {
    Diagnostic::new(format!("`{}` {what}", script.path)).frame(frame)
}

/// Why a statement cannot stand in a declared text.
fn unfit(script: &Script, statement: &Statement, at: &Circumstances<'_>) -> Option<Diagnostic> {
    let text = &script.text[statement.span.clone()];
    let frame = |label: &str| step::frame(script, statement.span.clone()).label(label);
    if let Some(what) = sql::beyond_database(at.dialect, text) {
        let fault = refusal(script, "reaches beyond its database", frame(&format!("`{what}`")));
        return Some(fault.help("a declared schema says what is in one database: remove the statement"));
    }
    match sql::boundary(at.dialect, text) {
        Boundary::Ordinary | Boundary::NoTransaction(_) => None,
        Boundary::Client(what) => {
            let frame = frame(&format!("`{what}` is not for the server alone"));
            let fault = refusal(script, "needs the database's own client", frame);
            Some(fault.help("remove it; a dump without rows is made by `pg_dump --schema-only`"))
        }
        Boundary::TransactionControl(word) => {
            let fault = refusal(script, "controls transactions itself", frame(&format!("`{word}`")));
            Some(fault.help("remove it: the transactions are ours"))
        }
    }
}
