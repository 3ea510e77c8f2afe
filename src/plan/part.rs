//! Plans for a scratch database that are more, or less, than all migrations of a lock.
//!
//! A declared text is loaded as if it were a migration, and what may stand in a migration only is refused.
//! A plan is cut where the module changes, so that somebody can look in between.

use crate::diagnostic::{Diagnostic, Frame};
use crate::id::{MigrationId, Namespace};
use crate::migration::Script;
use crate::sql::{self, Boundary, Way};

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
    let fault =
        |what: String, frame: Frame| Diagnostic::new(format!("`{}` {what}", script.path)).frame(frame);
    let statements = match sql::split(at.dialect, &script.text) {
        Ok(statements) => statements,
        Err(error) => {
            let frame = step::frame(script, error.span.clone()).label(error.label());
            refusals.push(fault(format!("cannot be read: {error}"), frame).help(error.help()));
            return None;
        }
    };
    let before = refusals.len();
    let mut script = script.clone();
    for statement in &statements {
        let text = &script.text[statement.span.clone()];
        let frame = |label: String| step::frame(&script, statement.span.clone()).label(label);
        if let Some(what) = sql::beyond_database(at.dialect, text) {
            let told = fault("reaches beyond its database".to_owned(), frame(format!("`{what}`")));
            refusals.push(told.help("a declared schema says what is in one database: remove the statement"));
            continue;
        }
        match sql::boundary(at.dialect, text) {
            Boundary::Ordinary => {}
            Boundary::NoTransaction(_) => script.no_transaction = true,
            Boundary::Client(what) => refusals.push(
                fault(
                    "needs the database's own client".to_owned(),
                    frame(format!("`{what}` is not for the server alone")),
                )
                .help("remove it; a dump without rows is made by `pg_dump --schema-only`"),
            ),
            Boundary::TransactionControl(word) => refusals.push(
                fault("controls transactions itself".to_owned(), frame(format!("`{word}`")))
                    .help("remove it: the transactions are ours"),
            ),
        }
    }
    if let Some(found) = sql::reads_otherwise(at.dialect, &script.text, &statements, &script.session) {
        let frame = step::frame(&script, found.set.unwrap_or(0..0));
        refusals.push(fault(format!("reads differently under its own `{}`", found.setting), frame).help(
            "remove the setting, and write strings with backslashes so that they are the same without it",
        ));
    }
    (refusals.len() == before).then(|| Step {
        id,
        way: Way::Up,
        script,
        statements,
        late: false,
        resume: None,
    })
}
