//! The committed snapshots: whether they fit the lock, and making them.

use crate::config::{SchemaCheckMode, SchemaSource};
use crate::database::Connect;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::event::Sink;
use crate::lock::Merged;
use crate::lockfile::{self, Written};
use crate::schema::Schema;
use crate::snapshot::{Fingerprint, Proof, Snapshot, Unread};

use super::project::Project;
use super::replay::{Replayed, replay};

/// Whether a committed snapshot is the lock's.
#[derive(Clone, Debug)]
pub enum SnapshotState {
    /// It is.
    Fresh(Box<Unread>),
    /// New entries, or texts, came after it was made.
    Stale(Vec<String>),
    /// Entries that it was made from were moved, removed or skipped by hand.
    Edited(Vec<String>),
    /// There is none.
    Missing,
    /// It cannot be read.
    Unreadable(Diagnostic),
}

impl SnapshotState {
    /// What to say where a fresh one is needed.
    pub fn diagnostic(&self, project: &Project, dialect: Dialect) -> Option<Diagnostic> {
        let name = project.snapshot_name(dialect);
        let help = renew(project, "db-migrations schema snapshot");
        match self {
            Self::Fresh(_) => None,
            Self::Missing => Some(Diagnostic::new(format!("the snapshot `{name}` is missing")).help(help)),
            Self::Stale(changes) | Self::Edited(changes) => {
                let message = if matches!(self, Self::Edited(_)) {
                    format!(
                        "`{}` was edited by hand since the snapshot was made (`{name}`)",
                        project.config.lock
                    )
                } else {
                    format!("the snapshot `{name}` was made from another lock")
                };
                let mut diagnostic = Diagnostic::new(message).help(help);
                diagnostic.notes.extend(changes.iter().take(8).cloned());
                diagnostic
                    .notes
                    .extend((changes.len() > 8).then(|| format!("and {} more", changes.len() - 8)));
                Some(diagnostic)
            }
            Self::Unreadable(diagnostic) => Some(diagnostic.clone()),
        }
    }
}

/// How to get a snapshot that fits: by this command where the sources are.
pub fn renew(project: &Project, command: &str) -> String {
    if project.is_bundled() {
        return format!("where the sources are, run `{command}`, commit it, and make the bundle anew");
    }
    format!("run `{command}`, look at the difference, and commit it")
}

/// Whether the project wants its schema checked at all.
pub fn checked(project: &Project) -> bool {
    project.config.schema_check.mode != SchemaCheckMode::Off
        && project.config.schema_check.source != SchemaSource::Off
}

/// Compares the committed snapshot of a dialect with what a lock means for it.
pub fn snapshot_state(project: &Project, now: &Fingerprint, dialect: Dialect) -> SnapshotState {
    let snapshot = match project.snapshot(dialect) {
        Ok(Some(snapshot)) => snapshot,
        Ok(None) => return SnapshotState::Missing,
        Err(diagnostic) => return SnapshotState::Unreadable(diagnostic),
    };
    let then = snapshot.fingerprint();
    if then.digest == now.digest && snapshot.dialect() == dialect {
        return SnapshotState::Fresh(Box::new(snapshot));
    }
    let changes = then.changes(now);
    let old = &then.entries;
    let only_grew = now.entries.len() >= old.len() && now.entries[..old.len()] == old[..];
    if only_grew { SnapshotState::Stale(changes) } else { SnapshotState::Edited(changes) }
}

/// A snapshot value.
pub(super) fn of(schema: Schema, server: String, proof: Proof, fingerprint: &Fingerprint) -> Snapshot {
    let dialect =
        Dialect::ALL.into_iter().find(|d| server.starts_with(d.facts().title)).unwrap_or(Dialect::Sqlite);
    Snapshot { dialect, fingerprint: fingerprint.clone(), proof, server, schema }
}

/// Writes a snapshot; its name if that changed anything.
pub(super) fn write(project: &Project, snapshot: &Snapshot) -> Result<Option<String>, Diagnostic> {
    let written = lockfile::write(&project.snapshot_path(snapshot.dialect), &snapshot.render())?;
    Ok((written == Written::Changed).then(|| project.snapshot_name(snapshot.dialect)))
}

/// Replays a lock and writes the snapshot; its name if that changed anything.
pub async fn write_snapshot(
    project: &Project,
    merged: &Merged,
    connect: &dyn Connect,
    sink: &mut dyn Sink,
) -> Result<Option<String>, Diagnostic> {
    match replay(project, merged, connect, sink).await {
        Replayed::Schema { schema, server, left_out } => {
            let fingerprint = Fingerprint::of(&merged.lock, &project.catalogue, connect.dialect());
            if !left_out.is_empty() {
                sink.tell(crate::event::Event::Noted(format!(
                    "not replayed, since it reaches beyond a database: {}",
                    left_out.join(", ")
                )));
            }
            write(project, &of(schema, server, Proof::Replay, &fingerprint))
        }
        Replayed::NotProved(reason) => Err(Diagnostic::new("the lock could not be replayed on an empty database")
            .cause(reason)
            .help("mend the migration or its order in the lock; where the role may not create databases, set `database.scratch-url`")),
    }
}
