//! Many deeds in few words: `creates 9 tables, 2 types; inserts into 2 tables`.

use super::{Account, Change, Judged};
use crate::catalogue::Catalogue;
use crate::diagnostic::count;
use crate::module::{Module, Origin};

/// Deeds of one verb together, in the order in which the verbs come; those that a person must have looked at are
/// left out, since each of them is told by itself.
pub fn summary(deeds: &[Judged]) -> String {
    let mut verbs: Vec<(&str, Vec<Group<'_>>)> = Vec::new();
    for judged in deeds.iter().filter(|judged| !judged.destructive) {
        let (verb, noun) = (judged.deed.verb, judged.deed.noun);
        let at = verbs.iter().position(|(known, _)| *known == verb).unwrap_or_else(|| {
            verbs.push((verb, Vec::new()));
            verbs.len() - 1
        });
        let groups = &mut verbs[at].1;
        match groups.iter_mut().find(|group| group.first.deed.noun == noun) {
            Some(group) => group.count += 1,
            None => groups.push(Group { count: 1, first: judged }),
        }
    }
    let verbs = verbs.iter().map(|(verb, groups)| {
        let nouns: Vec<String> = groups.iter().map(many).collect();
        format!("{verb} {}", nouns.join(", ")).trim_end().to_owned()
    });
    verbs.collect::<Vec<_>>().join("; ")
}

/// Deeds with one verb and one noun.
struct Group<'a> {
    count: usize,
    first: &'a Judged,
}

fn many(group: &Group<'_>) -> String {
    let (noun, name) = (group.first.deed.noun, &group.first.deed.name);
    let plural = if noun.is_empty() { "table" } else { noun };
    match group.count {
        1 if noun.is_empty() => name.clone(),
        1 => format!("{noun} {name}"),
        count if plural.ends_with('x') => format!("{count} {plural}es"),
        count => format!("{count} {plural}s"),
    }
}

/// So many of a migration's deeds are told one by one.
const FEW: usize = 8;

/// What to say of migrations that came or changed: a line for each module, one for each migration, and one for
/// each deed that a person must have looked at.
pub fn told(accounts: &[Account], catalogue: &Catalogue) -> Vec<String> {
    let mut lines = Vec::new();
    for module in catalogue.modules() {
        let theirs: Vec<&Account> = accounts
            .iter()
            .filter(|account| account.id.namespace() == module.namespace.as_str())
            .filter(|account| account.change != Change::None)
            .collect();
        if let Some(title) = title(module, &theirs) {
            lines.push(title);
        }
        for account in theirs {
            lines.extend(account_lines(account));
        }
    }
    lines
}

/// `cala-ledger 0.33.3: 3 new migrations, 1 changed`.
fn title(module: &Module, accounts: &[&Account]) -> Option<String> {
    let of = |change| accounts.iter().filter(|account| account.change == change).count();
    let (new, changed) = (of(Change::New), of(Change::Changed));
    let what = match (new, changed) {
        (0, 0) => return None,
        (0, changed) => count(changed, "changed migration", "changed migrations"),
        (new, 0) => count(new, "new migration", "new migrations"),
        (new, changed) => format!("{}, {changed} changed", count(new, "new migration", "new migrations")),
    };
    let Origin::Crate { name, version, .. } = &module.origin else { return None };
    let alias =
        if module.namespace.as_str() == name { String::new() } else { format!(" as {}", module.namespace) };
    Some(format!("{name} {version}{alias}: {what}"))
}

fn account_lines(account: &Account) -> Vec<String> {
    let all: Vec<&Judged> = account.destructive().collect();
    let mark = if account.change == Change::Changed { " (changed)" } else { "" };
    let mut text = summary(&account.deeds);
    if text.is_empty() && all.is_empty() {
        "changes nothing".clone_into(&mut text);
    }
    let mut lines = vec![format!("  {}{mark}  {text}", account.id.name()).trim_end().to_owned()];
    lines.extend(all.iter().take(FEW).map(|one| format!("    ! {}  {}", one.words(), one.place())));
    if all.len() > FEW {
        let more = all.len() - FEW;
        lines.push(format!("    ! and {more} more: `db-migrations lock show {}`", account.id));
    }
    lines
}
