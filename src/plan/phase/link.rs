//! Whether the steps that a contract step is linked to have run here long enough ago.
//!
//! Long enough is: in another release than this one. Where one of the two releases is not known, an earlier run
//! must do, if a person asks for the contract: by itself, the second instance of one deploy would contract. What another tool, an import or a person has recorded did not run in any release of ours.

use std::collections::HashMap;

use crate::catalogue::Catalogue;
use crate::dialect::Dialect;
use crate::history::{History, Row, RowKind};
use crate::id::MigrationId;
use crate::lock::{Entry, Lock};
use crate::migration::Migration;

pub(super) struct Links<'a> {
    lock: &'a Lock,
    pub(super) catalogue: &'a Catalogue,
    pub(super) history: &'a History,
    /// The release of this run.
    release: Option<&'a str>,
    dialect: Dialect,
    /// What stands for an older id now.
    heirs: HashMap<&'a MigrationId, &'a MigrationId>,
}

impl<'a> Links<'a> {
    pub(super) fn new(
        lock: &'a Lock,
        catalogue: &'a Catalogue,
        history: &'a History,
        release: Option<&'a str>,
        dialect: Dialect,
    ) -> Self {
        let heirs =
            lock.entries.iter().flat_map(|(id, entry)| entry.former_names().map(move |old| (old, id)));
        Self { lock, catalogue, history, release, dialect, heirs: heirs.collect() }
    }

    /// Why a contract step must wait; `None` where no link forbids it. Who asks for it by name or for the contract
    /// phase says so where the releases do not tell.
    pub(super) fn unsatisfied(&self, migration: &Migration, is_asked_for: bool) -> Option<String> {
        migration.contract_of.iter().find_map(|expand| self.missing(expand, is_asked_for))
    }

    /// What to say where a link is satisfied only as far as anybody knows.
    pub(super) fn unknown(&self, migration: &Migration) -> Option<String> {
        let is_unknown = |expand: &&MigrationId| {
            self.row(expand).is_some_and(|row| ran_here(row) && !self.is_comparable(row))
        };
        let expand = migration.contract_of.iter().find(is_unknown)?;
        Some(format!(
            "`{}` runs since `{expand}` ran in an earlier run: whether that was another release is not known",
            migration.id
        ))
    }

    fn missing(&self, expand: &MigrationId, is_asked_for: bool) -> Option<String> {
        let Some(row) = self.row(expand) else {
            let never = self.never_runs(expand);
            return (!never).then(|| format!("`{expand}` must have run here in an earlier release"));
        };
        if !ran_here(row) {
            return None;
        }
        let ran = match self.history.put_back(row) {
            Some(back) => match (back.next, &back.by.release) {
                (Some(next), _) => next.release.as_deref(),
                (None, by) => return Some(was_put_back(expand, by.as_deref())),
            },
            None => self.history.release_of(row),
        };
        match (ran, self.release) {
            (Some(ran), Some(now)) => (ran == now).then(|| match self.history.put_back(row) {
                Some(_) => format!(
                    "this release (`{ran}`) is the first with `{expand}` since one without it was put back"
                ),
                None => format!("`{expand}` ran here in this release (`{ran}`)"),
            }),
            _ if is_asked_for => None,
            (_, None) => Some(format!(
                "whether `{expand}` ran in an earlier release is not known, since this one has no name (`--release`)"
            )),
            (None, _) => Some(format!(
                "in which release `{expand}` ran here is not known (`--phase contract` runs this)"
            )),
        }
    }

    fn is_comparable(&self, row: &Row) -> bool {
        let is_known = match self.history.put_back(row) {
            Some(back) => back.next.is_some_and(|next| next.release.is_some()),
            None => self.history.release_of(row).is_some(),
        };
        self.release.is_some() && is_known
    }

    /// Its row: its own, that of an older id, that of what it is a copy of, or that of what stands for it now.
    fn row(&self, id: &MigrationId) -> Option<&Row> {
        let older = |entry: &Entry| self.history.get_under(id, entry.former_names());
        let original = |entry: &Entry| entry.same_as.as_ref().and_then(|same| self.history.get(same));
        let entry = self.lock.entries.get(id);
        let heir = || self.heirs.get(id).and_then(|heir| self.history.get(heir));
        let own = self.history.get(id).or_else(|| entry.and_then(older));
        own.or_else(|| entry.and_then(original)).or_else(heir)
    }

    /// It has no text for this database: nothing of it can be in use.
    fn never_runs(&self, id: &MigrationId) -> bool {
        self.catalogue.get(id).is_some_and(|migration| migration.up.choose(self.dialect).is_none())
    }
}

fn was_put_back(expand: &MigrationId, by: Option<&str>) -> String {
    let by = by.map_or_else(|| "a release".to_owned(), |by| format!("release `{by}`"));
    format!(
        "{by}, which has no `{expand}`, was put back here after that ran: another one that has it must come in between"
    )
}

/// Whether a run of ours executed it, so that code of that release may use what it made.
fn ran_here(row: &Row) -> bool {
    matches!(row.kind, RowKind::Applied | RowKind::Archived)
}
