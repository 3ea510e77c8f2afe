//! What a way begins with: renames, and what they do to all else, as a scratch database says it.
//!
//! Where views do not follow a rename they are dropped before it, and made again behind it with the rest.

use crate::diff::rename::{Rename, statements};
use crate::diff::{Style, mix, script};
use crate::migration::Script;
use crate::schema::{Kind, Object, Schema};

use crate::engine::failure::Failure;

use super::bench::Bench;
use super::way::{Change, Direction};
use super::{Request, Sides};

/// The renames, done.
pub(super) struct Start {
    /// The statements.
    pub(super) up: Vec<String>,
    /// What undoes them.
    pub(super) down: Vec<String>,
    /// What there is then.
    pub(super) schema: Schema,
}

/// Does them on a scratch database.
pub(super) async fn start(
    sides: &Sides,
    renames: &[Rename],
    request: &Request<'_>,
) -> Result<Start, Failure> {
    let (dialect, from) = (sides.dialect, &sides.from);
    if renames.is_empty() {
        return Ok(Start { up: Vec::new(), down: Vec::new(), schema: from.clone() });
    }
    let all = |rename: &Rename| statements(dialect, rename);
    let mut up: Vec<String> = renames.iter().flat_map(all).collect();
    let mut down: Vec<String> = renames.iter().rev().flat_map(|rename| all(&rename.reversed())).collect();
    let mut schema = behind(sides, &up, request).await?;
    let is_broken =
        |object: &Object| object.kind == Kind::View && schema.find(object.kind, &object.name).is_none();
    if from.objects.iter().any(is_broken) {
        let without = mix(from, &Schema::default(), is_broken);
        let texts = |from: &Schema, to: &Schema| {
            let steps = script(dialect, from, to, Style::default()).steps;
            steps.into_iter().map(|step| step.sql).collect::<Vec<_>>()
        };
        up.splice(0..0, texts(from, &without));
        down.extend(texts(&without, from));
        schema = behind(sides, &up, request).await?;
    }
    Ok(Start { up, down, schema })
}

/// What there is behind these statements.
async fn behind(sides: &Sides, up: &[String], request: &Request<'_>) -> Result<Schema, Failure> {
    let up = Direction { statements: up.to_owned(), ..Direction::default() };
    let change = Change { up, ..Change::default() };
    states(sides, &[change], request).await?.map(|mut states| states.pop().unwrap_or_default())
}

/// The schema before the first change, and behind each; or which one fails.
pub(super) async fn states(
    sides: &Sides,
    changes: &[Change],
    request: &Request<'_>,
) -> Result<Result<Vec<Schema>, Failure>, Failure> {
    let scratch = request.scratch.scratch().await?;
    let outcome = async {
        let mut bench = Bench::with(scratch.database, &sides.from).await?;
        let mut states = vec![bench.introspect().await?];
        for (n, change) in changes.iter().enumerate() {
            let mut script = Script::new(change.up.text(), format!("change {}", n + 1));
            script.no_transaction = change.up.alone;
            script.foreign_keys = change.up.keys_off.then_some(false);
            bench = match bench.script(&script).await {
                Ok(bench) => bench,
                Err(broken) => return Ok(Err(broken.into())),
            };
            states.push(bench.introspect().await?);
        }
        bench.close().await;
        Ok(Ok(states))
    }
    .await;
    scratch.discard.await;
    outcome
}
