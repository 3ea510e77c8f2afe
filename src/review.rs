//! What external modules would do to a database, judged for whoever has to agree to it.
//!
//! An external module is a crate of a registry or of git. Who made which table is learnt from the migrations of
//! all modules in the order of the lock; a foreign key only reads what it points at. Pure: nothing is asked of
//! a database, so what stands in texts alone is known, and no more than `sql::deeds` understands of them.

mod owners;
mod summary;

use std::collections::HashSet;
use std::sync::Arc;

use crate::catalogue::Catalogue;
use crate::diagnostic::{Diagnostic, Frame};
use crate::dialect::Dialect;
use crate::id::MigrationId;
use crate::lock::{Finding, Lock, Rule};
use crate::migration::{Migration, Script};
use crate::module::{Module, Origin};
use crate::sql::{Class, Deed, Kind, Weight, deeds};

pub(crate) use owners::{Owner, Owners};
pub use summary::{summary, told};

/// Why a migration is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It was not locked, or it was skipped.
    New,
    /// Another text was locked.
    Changed,
    /// It was locked like this before.
    None,
}

impl Change {
    /// The word in reports and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Changed => "changed",
            Self::None => "unchanged",
        }
    }
}

/// A deed, and whose business it is.
#[derive(Clone, Debug)]
pub struct Judged {
    /// What is done.
    pub deed: Deed,
    /// The other module whose object it touches.
    pub owner: Option<String>,
    /// Whether it writes rows through a view.
    pub through_view: bool,
    /// Whether a person must have looked at it.
    pub destructive: bool,
    /// The file, as it is shown.
    pub path: Arc<str>,
    /// The line, from 1.
    pub line: usize,
}

impl Judged {
    /// `drops table users (of app)`.
    pub fn words(&self) -> String {
        match &self.owner {
            Some(owner) => format!("{} (of {owner})", self.deed),
            None if self.through_view => format!("{} (a view)", self.deed),
            None if self.destructive && self.deed.weight == Weight::UnlessOwn => {
                format!("{} (which the module did not make)", self.deed)
            }
            None => self.deed.to_string(),
        }
    }

    /// `file:line`.
    pub fn place(&self) -> String {
        format!("{}:{}", self.path, self.line)
    }
}

/// What one migration of an external module does.
#[derive(Clone, Debug)]
pub struct Account {
    /// Which migration.
    pub id: MigrationId,
    /// Why it is looked at.
    pub change: Change,
    /// What it does, in its order.
    pub deeds: Vec<Judged>,
    /// Whether the lock says that a person has looked at this very text.
    pub reviewed: bool,
    frame: Option<Frame>,
}

impl Account {
    /// What a person must have looked at.
    pub fn destructive(&self) -> impl Iterator<Item = &Judged> {
        self.deeds.iter().filter(|judged| judged.destructive)
    }

    /// Whether a review is needed and was not made.
    pub fn lacks_review(&self) -> bool {
        !self.reviewed && self.destructive().next().is_some()
    }

    /// What is said where a review is demanded.
    pub fn finding(&self) -> Finding {
        let all: Vec<&Judged> = self.destructive().collect();
        let first = all.first().map_or(String::new(), |judged| judged.words());
        let id = &self.id;
        let mut finding =
            Finding::new(Rule::Unreviewed, id, format!("`{id}` was not reviewed, and it {first}"));
        finding.diagnostic.frames.extend(self.frame.clone());
        for judged in all.iter().skip(1) {
            finding = finding.note(format!("it {} ({})", judged.words(), judged.place()));
        }
        finding
            .help(format!("look at it: `db-migrations lock show {id}`"))
            .help(format!("if it is wanted, run `db-migrations lock --review {id}` and commit the lock"))
    }
}

/// Whether a module is not of the application's own repository.
pub const fn is_external(module: &Module) -> bool {
    matches!(module.origin, Origin::Crate { external: true, .. })
}

/// Accounts of the external modules' migrations that would run, in the order of the lock `now`; `before` is the
/// lock as it stands in the file. Without `dialects` each text is read for the one that understands it best.
pub fn accounts(before: &Lock, now: &Lock, catalogue: &Catalogue, dialects: &[Dialect]) -> Vec<Account> {
    if !catalogue.modules().iter().any(is_external) {
        return Vec::new();
    }
    read_all(before, now, catalogue, dialects, &|_, module, skip| is_external(module) && !skip)
}

/// Accounts of these migrations, whosever they are.
pub fn accounts_of(
    ids: &[MigrationId],
    before: &Lock,
    now: &Lock,
    catalogue: &Catalogue,
    dialects: &[Dialect],
) -> Vec<Account> {
    read_all(before, now, catalogue, dialects, &|id, _, _| ids.contains(id))
}

fn read_all(
    before: &Lock,
    now: &Lock,
    catalogue: &Catalogue,
    dialects: &[Dialect],
    wanted: &dyn Fn(&MigrationId, &Module, bool) -> bool,
) -> Vec<Account> {
    let mut owners = Owners::default();
    let mut accounts = Vec::new();
    for (id, entry) in &now.entries {
        let Some((migration, module)) = catalogue.get(id).zip(catalogue.module(id.namespace())) else {
            continue;
        };
        let checksum = Some(migration.up.checksum());
        let change = match before.entries.get(id) {
            None => Change::New,
            Some(old) if old.skip => Change::New,
            Some(old) if old.checksum != checksum => Change::Changed,
            Some(_) => Change::None,
        };
        let wanted = wanted(id, module, entry.skip);
        if !wanted && entry.skip {
            continue;
        }
        let read = texts(migration, dialects);
        // one for other databases only has nothing to tell
        if wanted && !read.is_empty() {
            let deeds = judged(id, &read, &owners);
            let frame = frame(&deeds, &read);
            let reviewed = entry.reviewed == Some(true) && entry.checksum == checksum;
            accounts.push(Account { id: id.clone(), change, deeds, reviewed, frame });
        }
        if entry.skip {
            continue;
        }
        for deed in read.into_iter().flat_map(|(_, deeds)| deeds) {
            owners.learn(deed.effect, id.namespace());
        }
    }
    accounts
}

/// Each text that may run, with its deeds.
fn texts<'a>(migration: &'a Migration, dialects: &[Dialect]) -> Vec<(&'a Script, Vec<Deed>)> {
    let unknown = |deeds: &Vec<Deed>| deeds.iter().filter(|deed| deed.class == Class::Unknown).count();
    if dialects.is_empty() {
        let plain = migration.up.plain.iter().filter_map(|script| {
            let all = [Dialect::Postgres, Dialect::Sqlite, Dialect::MariaDb];
            let best = all.into_iter().map(|dialect| deeds(dialect, &script.text)).min_by_key(unknown)?;
            Some((script, best))
        });
        let variants = migration.up.variants.iter();
        return plain
            .chain(variants.map(|(dialect, script)| (script, deeds(*dialect, &script.text))))
            .collect();
    }
    let of = |dialect: &Dialect| {
        migration.up.choose(*dialect).map(|script| (script, deeds(*dialect, &script.text)))
    };
    dialects.iter().filter_map(of).collect()
}

/// The deeds that are worth telling, each once.
fn judged(id: &MigrationId, read: &[(&Script, Vec<Deed>)], owners: &Owners) -> Vec<Judged> {
    let (mut found, mut told) = (Vec::new(), HashSet::new());
    let mut known = owners.clone();
    for (script, deeds) in read {
        for deed in deeds {
            let judged = judge(id, script, deed, &known);
            found.extend(judged.filter(|judged| told.insert((judged.words(), Arc::clone(&script.path)))));
            known.learn(deed.effect.clone(), id.namespace());
        }
    }
    found
}

fn judge(id: &MigrationId, script: &Script, deed: &Deed, owners: &Owners) -> Option<Judged> {
    let owner = deed.of.as_ref().map_or(Owner::Nobody, |object| owners.of(object, id.namespace()));
    let others = match owner {
        Owner::Module(other) if other != id.namespace() => Some(other.to_owned()),
        Owner::Several => Some("several modules".to_owned()),
        Owner::Module(_) | Owner::Nobody => None,
    };
    let own = matches!(owner, Owner::Module(other) if other == id.namespace());
    let written =
        deed.of.as_ref().filter(|object| deed.class == Class::Data && object.kind == Kind::Relation);
    let through_view = written.is_some_and(|object| owners.is_view(object));
    let destructive = match deed.weight {
        _ if through_view => true,
        Weight::Never => false,
        Weight::IfOthers => others.is_some(),
        Weight::UnlessOwn => !own,
        Weight::Always => true,
    };
    // calling what everybody has, or what is the own one's, is nothing to tell
    if deed.verb == "calls" && !destructive {
        return None;
    }
    let (line, _) = place(script, deed.at).line_column();
    let path = Arc::clone(&script.path);
    Some(Judged { deed: deed.clone(), owner: others, through_view, destructive, path, line })
}

fn place(script: &Script, at: usize) -> Frame {
    let mut frame = Frame::new(&*script.path, Arc::clone(&script.text), at..at);
    frame.lines_before = script.lines_before;
    frame
}

/// The place of the first deed that a person must have looked at.
fn frame(deeds: &[Judged], read: &[(&Script, Vec<Deed>)]) -> Option<Frame> {
    let first = deeds.iter().find(|judged| judged.destructive)?;
    let (script, _) = read.iter().find(|(script, _)| script.path == first.path)?;
    let at = first.deed.at;
    let end = script.text[at..].find('\n').map_or(script.text.len(), |end| at + end);
    let mut frame = place(script, at);
    frame.span = at..end;
    Some(frame)
}

/// What is said of each external migration that lacks the review that it needs.
pub fn unreviewed(accounts: &[Account]) -> Vec<Diagnostic> {
    accounts
        .iter()
        .filter(|account| account.lacks_review())
        .map(|account| account.finding().diagnostic)
        .collect()
}

/// What a module's check would do beside looking: nobody has agreed to that. A check is not part of the lock.
pub fn beyond_looking(text: &str, dialect: Dialect, module: &Module, catalogue: &Catalogue) -> Vec<String> {
    let (calls, mut beyond): (Vec<Deed>, Vec<Deed>) = deeds(dialect, text)
        .into_iter()
        .partition(|deed| deed.verb == "calls" && deed.weight != Weight::Always);
    if is_external(module) && !calls.is_empty() {
        let mut owners = Owners::default();
        for migration in catalogue.iter() {
            for deed in migration.up.choose(dialect).iter().flat_map(|script| deeds(dialect, &script.text)) {
                owners.learn(deed.effect, migration.id.namespace());
            }
        }
        beyond.extend(calls.into_iter().filter(|call| {
            let owner = call
                .of
                .as_ref()
                .map_or(Owner::Nobody, |function| owners.of(function, module.namespace.as_str()));
            match owner {
                Owner::Nobody => false,
                Owner::Module(name) => name != module.namespace.as_str(),
                Owner::Several => true,
            }
        }));
    }
    beyond.iter().map(ToString::to_string).collect()
}

#[cfg(test)]
mod tests;
