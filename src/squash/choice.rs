//! Which migrations are put together, and the lock that has their base at the place of the first.
//!
//! A range of one module, in the order of the lock. What is skipped stays what it is. Nothing is known here
//! of what the migrations do.

use std::collections::{HashMap, HashSet};

use crate::catalogue::Catalogue;
use crate::diagnostic::Diagnostic;
use crate::dialect::Dialect;
use crate::id::{Checksum, MigrationId, Namespace, Version};
use crate::lock::{Entry, Lock, find};
use crate::migration::{Former, Migration, Phase};
use crate::module::{Format, Module};

/// The migrations that become one.
#[derive(Clone, Debug)]
pub struct Choice {
    /// Their module.
    pub module: Namespace,
    /// They, in the order of the lock.
    pub ids: Vec<MigrationId>,
    /// All that the base stands for, under each name that it had.
    pub formers: Vec<Former>,
    /// What must come before the base.
    pub depends_on: Vec<MigrationId>,
    /// The id of the base.
    pub base: MigrationId,
    /// Its version, that of the last of them.
    pub version: Version,
    /// The same as it stands in its name.
    pub version_text: String,
}

impl Choice {
    /// The last one of them that stands before a place of the lock, if the base of all up to it is worth making.
    pub fn last_before(&self, lock: &Lock, place: usize) -> Option<&MigrationId> {
        let before = |id: &&MigrationId| lock.entries.get_index_of(*id).is_some_and(|at| at < place);
        let count = self.ids.iter().filter(before).count();
        (count > 1 && count < self.ids.len()).then(|| &self.ids[count - 1])
    }

    /// What the base stands for on a database: what had no text for it is not missing there.
    pub fn formers_on(&self, lock: &Lock, catalogue: &Catalogue, dialect: Dialect) -> Vec<Former> {
        let own = self.ids.iter().filter_map(|id| Some((id, lock.entries.get(id)?, catalogue.get(id)?)));
        let of = |(id, entry, one): (&MigrationId, &Entry, &Migration)| {
            let script = one.up.choose(dialect)?;
            let said = if one.up.variants.is_empty() { &[][..] } else { &script.replaces };
            let named = |former: &Former| {
                said.is_empty()
                    || former.is_called(id)
                    || said.iter().flat_map(Former::names).any(|name| former.is_called(name))
            };
            Some(entry.as_formers(id).into_iter().filter(named).collect::<Vec<_>>())
        };
        own.filter_map(of).flatten().collect()
    }

    /// The first place of the lock.
    pub fn first_place(&self, lock: &Lock) -> usize {
        self.ids.first().and_then(|first| lock.entries.get_index_of(first)).unwrap_or_default()
    }

    /// Those of other modules that stand between the first and the last one, and run.
    pub fn between<'a>(&self, lock: &'a Lock) -> Vec<&'a MigrationId> {
        let own: HashSet<&MigrationId> = self.ids.iter().collect();
        let last = self.ids.last().and_then(|last| lock.entries.get_index_of(last)).unwrap_or_default();
        let range = lock.entries.iter().take(last).skip(self.first_place(lock));
        range.filter(|(id, entry)| !entry.skip && !own.contains(id)).map(|(id, _)| id).collect()
    }
}

/// Chooses the range of a module up to one of them, or all; `None` where there is nothing to put together.
pub fn choose(
    lock: &Lock,
    catalogue: &Catalogue,
    module: &Module,
    up_to: Option<&str>,
    slug: &str,
) -> Result<Option<Choice>, Vec<Diagnostic>> {
    let ids = range(lock, module, up_to).map_err(|fault| vec![fault])?;
    if ids.len() < 2 {
        return Ok(None);
    }
    let found: Vec<&Migration> = ids.iter().filter_map(|id| catalogue.get(id)).collect();
    // what the range holds was found: a lock that does not fit is refused before
    let Some(last) = found.iter().max_by(|a, b| a.version.cmp(&b.version).then_with(|| a.id.cmp(&b.id)))
    else {
        return Ok(None);
    };
    let version_text = version_text(module.format, last.id.name()).to_owned();
    let name = name(module.format, &version_text, slug);
    let base = MigrationId::new(&module.namespace, &name).map_err(|error| {
        vec![Diagnostic::new(format!("`{name}` cannot be the name of a migration")).cause(error)]
    })?;
    let formers: Vec<Former> = ids.iter().flat_map(|id| lock.entries[id].as_formers(id)).collect();
    let own: HashSet<&MigrationId> = formers.iter().flat_map(Former::names).collect();
    let mut depends_on: Vec<MigrationId> = Vec::new();
    for dependency in found.iter().flat_map(|migration| &migration.depends_on) {
        if !own.contains(dependency) && !depends_on.contains(dependency) {
            depends_on.push(dependency.clone());
        }
    }
    let choice = Choice {
        module: module.namespace.clone(),
        formers: formers.clone(),
        version: last.version.clone(),
        ids,
        depends_on,
        base,
        version_text,
    };
    let faults = faults(lock, catalogue, &choice);
    if faults.is_empty() { Ok(Some(choice)) } else { Err(faults) }
}

fn range(lock: &Lock, module: &Module, up_to: Option<&str>) -> Result<Vec<MigrationId>, Diagnostic> {
    let of_module = |id: &MigrationId| id.namespace() == module.namespace.as_str();
    let last = up_to.map(|text| find(lock.entries.keys(), text)).transpose()?;
    if let Some(last) = last.filter(|last| !of_module(last)) {
        let fault = Diagnostic::new(format!("`{last}` is not of `{}`", module.namespace));
        return Err(fault.help(format!("`--module {}` puts its migrations together", last.namespace())));
    }
    if let Some(last) = last.filter(|last| lock.entries[*last].skip) {
        let fault = Diagnostic::new(format!("`{last}` is skipped in the lock: it stays as it is"));
        return Err(fault.help("name one that runs"));
    }
    let end = last.and_then(|last| lock.entries.get_index_of(last)).unwrap_or(usize::MAX);
    let own = lock
        .entries
        .iter()
        .enumerate()
        .filter(|(at, (id, entry))| *at <= end && !entry.skip && of_module(id));
    Ok(own.map(|(_, (id, _))| id.clone()).collect())
}

/// Why the base cannot be.
fn faults(lock: &Lock, catalogue: &Catalogue, choice: &Choice) -> Vec<Diagnostic> {
    let own: HashSet<&MigrationId> = choice.ids.iter().collect();
    let mut faults = Vec::new();
    let names = || choice.formers.iter().flat_map(Former::names);
    if lock.entries.contains_key(&choice.base) || names().any(|name| *name == choice.base) {
        let fault = Diagnostic::new(format!("`{}` is the id of a migration already", choice.base));
        faults.push(fault.help("give the base another name: `--name NAME`"));
    }
    let unwritten =
        |name: &&MigrationId| name.as_str().contains(|c: char| c.is_whitespace() || ",|".contains(c));
    if let Some(name) = names().find(unwritten) {
        let fault = Diagnostic::new(format!("`{name}` cannot stand in the directive `replaces`"));
        faults.push(fault.help("rename its file, then `db-migrations lock rename OLD NEW`"));
    }
    for (copy, entry) in &lock.entries {
        let Some(original) = entry.same_as.as_ref().filter(|id| own.contains(id)) else { continue };
        let fault = format!("`{copy}` is skipped as a copy of `{original}`, which would go");
        let fault =
            Diagnostic::new(fault).note("the base has another text, so nothing could be a copy of it");
        faults.push(fault.help(format!("remove `same-as` from the line of `{copy}`: `skip: true` stays")));
    }
    let first = choice.first_place(lock);
    let within: HashSet<&MigrationId> = names().collect();
    for migration in choice.ids.iter().filter_map(|id| catalogue.get(id)) {
        for dependency in migration.depends_on.iter().filter(|id| !within.contains(id)) {
            let place = place(lock, dependency).filter(|place| *place > first);
            faults.extend(place.map(|place| too_late(lock, choice, &migration.id, dependency, place)));
        }
    }
    faults.extend(torn_deploys(lock, catalogue, choice, &own));
    faults
}

/// Steps of a deploy of which one would be in the base, and one not: the link between them would be lost, and with it
/// what makes the contract wait, and what is caught up before it.
fn torn_deploys(
    lock: &Lock,
    catalogue: &Catalogue,
    choice: &Choice,
    own: &HashSet<&MigrationId>,
) -> Vec<Diagnostic> {
    let runs = |id: &MigrationId| lock.entries.get(id).is_none_or(|entry| !entry.skip);
    let contracts = catalogue.iter().filter(|one| one.phase == Phase::Contract && runs(&one.id));
    let contracts: Vec<&Migration> = contracts.filter(|one| !one.contract_of.is_empty()).collect();
    let mut faults = Vec::new();
    for contract in &contracts {
        let inside = own.contains(&contract.id);
        let torn = contract.contract_of.iter().find(|expand| own.contains(expand) != inside);
        faults.extend(torn.map(|expand| torn_deploy(lock, choice, &contract.id, expand, inside)));
    }
    // what is caught up for an expand step of which the contract stays outside
    let mut outside: HashMap<&MigrationId, &MigrationId> = HashMap::new();
    for contract in contracts.iter().filter(|one| !own.contains(&one.id)) {
        outside.extend(contract.contract_of.iter().map(|expand| (expand, &contract.id)));
    }
    for migration in choice.ids.iter().filter_map(|id| catalogue.get(id)).filter(|one| one.catch_up) {
        let mut needed = migration.depends_on.iter().filter(|id| !own.contains(id));
        let contract = needed.find_map(|id| outside.get(id));
        faults.extend(contract.map(|contract| torn_deploy(lock, choice, contract, &migration.id, false)));
    }
    faults
}

fn torn_deploy(
    lock: &Lock,
    choice: &Choice,
    contract: &MigrationId,
    before: &MigrationId,
    inside: bool,
) -> Diagnostic {
    let (taken, left) = if inside { (contract, before) } else { (before, contract) };
    let fault = Diagnostic::new(format!(
        "`{contract}` is the contract of a deploy that `{before}` belongs to"
    ))
    .note(format!("`{taken}` would go into the base, and `{left}` would not: nothing would link them"));
    let last = lock.entries.get_index_of(taken).and_then(|place| choice.last_before(lock, place));
    let fault = match last {
        Some(last) => fault.help(format!("`--up-to {last}` leaves it out")),
        None => fault,
    };
    fault.help("or let both of them go into the base, where they are of one module")
}

/// Where a migration stands, or the one that replaces it.
fn place(lock: &Lock, id: &MigrationId) -> Option<usize> {
    let successor = || lock.entries.values().position(|entry| entry.former_names().any(|name| name == id));
    lock.entries.get_index_of(id).or_else(successor)
}

fn too_late(
    lock: &Lock,
    choice: &Choice,
    id: &MigrationId,
    dependency: &MigrationId,
    place: usize,
) -> Diagnostic {
    let first = &choice.ids[0];
    let fault = Diagnostic::new(format!("`{id}` depends on `{dependency}`, which stands behind `{first}`"))
        .note(format!("the base takes the place of `{first}` in the lock"));
    match choice.last_before(lock, place) {
        Some(last) => fault.help(format!("`--up-to {last}` leaves it out")),
        None => fault.help("put those together of which none depends on it: `--up-to ID`"),
    }
}

/// The version as a name spells it.
fn version_text(format: Format, name: &str) -> &str {
    match format {
        Format::Refinery | Format::Flyway => {
            name.split_once("__").map_or(name, |(version, _)| version).trim_start_matches('V')
        }
        _ => name.split_once('_').map_or(name, |(version, _)| version),
    }
}

fn name(format: Format, version: &str, slug: &str) -> String {
    match format {
        Format::Refinery | Format::Flyway => format!("V{version}__{slug}"),
        _ => format!("{version}_{slug}"),
    }
}

/// The lock with the base at the place of the first one that it replaces.
pub fn with_base(lock: &Lock, choice: &Choice, checksum: Checksum) -> Lock {
    let own: HashSet<&MigrationId> = choice.ids.iter().collect();
    let mut wanted = Lock::default();
    for (id, entry) in &lock.entries {
        if choice.ids.first() == Some(id) {
            let base =
                Entry { checksum: Some(checksum), replaces: choice.formers.clone(), ..Entry::default() };
            wanted.entries.insert(choice.base.clone(), base);
        } else if !own.contains(id) {
            wanted.entries.insert(id.clone(), entry.clone());
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::lock::Document;
    use crate::migration::{Script, Scripts};
    use crate::module::Origin;

    fn module(namespace: &str, names: &[&str]) -> Module {
        let migration = |name: &&str| {
            let id = format!("{namespace}::{name}").parse().unwrap();
            let version = Version::number(name.split('_').next().unwrap()).unwrap();
            let up = Scripts { plain: Some(Script::new("SELECT 1;\n", "x.sql")), ..Scripts::default() };
            Migration::new(id, version, up)
        };
        Module {
            namespace: Namespace::new(namespace).unwrap(),
            origin: Origin::Application,
            folder: "migrations".to_owned(),
            format: Format::Native,
            depends_on: BTreeSet::new(),
            migrations: names.iter().map(migration).collect(),
            checks: Vec::new(),
        }
    }

    const LOCK: &str = "# top\n\na::1_x: { skip: false }\nb::1_y: { skip: false }\na::2_y: { skip: true }\n\
        # why\na::3_z: { skip: false, replaces: [a::3_old] }\nb::2_z: { skip: false }\na::4_w: { skip: false }\n";

    fn scene() -> (Lock, Catalogue) {
        let lock = Document::parse("lock", LOCK).unwrap().lock().clone();
        let modules = vec![module("a", &["1_x", "2_y", "3_z", "4_w"]), module("b", &["1_y", "2_z"])];
        (lock, Catalogue::gather(modules).unwrap())
    }

    fn chosen(up_to: Option<&str>) -> Result<Option<Choice>, Vec<String>> {
        let (lock, catalogue) = scene();
        let choice = choose(&lock, &catalogue, catalogue.module("a").unwrap(), up_to, "base");
        choice.map_err(|faults| faults.into_iter().map(|fault| fault.message).collect())
    }

    #[test]
    fn the_base_stands_where_the_first_stood() {
        let choice = chosen(Some("3_z")).unwrap().unwrap();
        assert_eq!((choice.base.as_str(), choice.ids.len()), ("a::3_base", 2));
        let formers: Vec<String> = choice.formers.iter().map(ToString::to_string).collect();
        assert_eq!(formers, ["a::1_x", "a::3_old|a::3_z"]);
        let (lock, _) = scene();
        assert_eq!(choice.between(&lock).len(), 1);
        let wanted = with_base(&lock, &choice, Checksum::of(b"x"));
        let ids: Vec<&str> = wanted.entries.keys().map(MigrationId::as_str).collect();
        assert_eq!(ids, ["a::3_base", "b::1_y", "a::2_y", "b::2_z", "a::4_w"]);
        let text = Document::parse("lock", LOCK).unwrap().edit(&wanted).unwrap();
        assert!(
            text.starts_with(
                "# top\n\n# why\na::3_base: { skip: false, replaces: [a::1_x, [a::3_old, a::3_z]]"
            ),
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_chosen() {
        assert!(chosen(Some("a::1_x")).unwrap().is_none(), "one alone stays what it is");
        assert_eq!(chosen(Some("b::2_z")).unwrap_err(), ["`b::2_z` is not of `a`"]);
        assert!(chosen(Some("2_y")).unwrap_err()[0].contains("is skipped in the lock"));
        assert_eq!(chosen(None).unwrap().unwrap().ids.len(), 3);
    }

    #[test]
    fn a_deploy_is_not_torn() {
        let faults = |up_to: &str, make: &dyn Fn(&mut Module, &mut Module)| {
            let lock = Document::parse("lock", LOCK).unwrap().lock().clone();
            let mut a = module("a", &["1_x", "2_y", "3_z", "4_w"]);
            let mut b = module("b", &["1_y", "2_z"]);
            make(&mut a, &mut b);
            let catalogue = Catalogue::gather(vec![a, b]).unwrap();
            let choice = choose(&lock, &catalogue, catalogue.module("a").unwrap(), Some(up_to), "base");
            choice.map(|choice| choice.unwrap().ids.len()).map_err(|faults| faults[0].message.clone())
        };
        let contract = |module: &mut Module, at: usize, of: &str| {
            module.migrations[at].phase = Phase::Contract;
            module.migrations[at].contract_of = vec![of.parse().unwrap()];
        };
        let torn = |contract: &str, before: &str| -> Result<usize, String> {
            Err(format!("`{contract}` is the contract of a deploy that `{before}` belongs to"))
        };
        assert_eq!(faults("3_z", &|a, _| contract(a, 3, "a::1_x")), torn("a::4_w", "a::1_x"));
        assert_eq!(faults("4_w", &|a, _| contract(a, 3, "a::1_x")), Ok(3));
        assert_eq!(faults("4_w", &|_, b| contract(b, 0, "a::1_x")), torn("b::1_y", "a::1_x"));
        assert_eq!(faults("3_z", &|a, _| contract(a, 2, "b::1_y")), torn("a::3_z", "b::1_y"));
        assert_eq!(faults("3_z", &|a, _| contract(a, 1, "a::1_x")), Ok(2), "one that is skipped");
        let caught_up = |a: &mut Module, b: &mut Module| {
            a.migrations[2].catch_up = true;
            a.migrations[2].depends_on = vec!["b::1_y".parse().unwrap()];
            contract(b, 1, "b::1_y");
        };
        let before_first = |a: &mut Module, b: &mut Module| {
            caught_up(a, b);
            a.migrations[2].catch_up = false;
            a.migrations[2].depends_on.clear();
        };
        assert_eq!(faults("3_z", &before_first), Ok(2));
        let lock = LOCK.replace("a::1_x: { skip: false }\nb::1_y", "b::1_y: { skip: false }\na::1_x");
        let lock = Document::parse("lock", &lock).unwrap().lock().clone();
        let (mut a, mut b) = (module("a", &["1_x", "2_y", "3_z", "4_w"]), module("b", &["1_y", "2_z"]));
        caught_up(&mut a, &mut b);
        let catalogue = Catalogue::gather(vec![a, b]).unwrap();
        let choice = choose(&lock, &catalogue, catalogue.module("a").unwrap(), Some("3_z"), "base");
        assert_eq!(choice.unwrap_err()[0].message, torn("b::2_z", "a::3_z").unwrap_err());
    }

    #[test]
    fn versions_as_names_have_them() {
        assert_eq!(version_text(Format::Flyway, "V1_2__x"), "1_2");
        assert_eq!(version_text(Format::Diesel, "2024-01-01-000000_x_y"), "2024-01-01-000000");
        assert_eq!(name(Format::Refinery, "007", "base"), "V007__base");
    }
}
