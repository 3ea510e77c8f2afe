//! All migrations found, checked as a whole.
//!
//! Gathers modules into one set, gives each a *rank* (dependencies first, unrelated ones by
//! namespace: the same on every machine) and sorts each module's migrations. Every fault is
//! reported, not only the first. Knows nothing of locks, files or databases.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap};

use crate::diagnostic::Diagnostic;
use crate::id::{MigrationId, Namespace};
use crate::migration::Migration;
use crate::module::Module;

/// Where a migration stands in the catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The rank of its module.
    pub module: usize,
    /// Its index in the module's order.
    pub index: usize,
}

/// Modules in rank order, their migrations in version order.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    modules: Vec<Module>,
    places: HashMap<MigrationId, Place>,
    ranks: HashMap<Namespace, usize>,
}

impl Catalogue {
    /// Checks and sorts what discovery found.
    pub fn gather(modules: Vec<Module>) -> Result<Self, Vec<Diagnostic>> {
        let mut faults = duplicate_namespaces(&modules);
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut modules = rank(modules)?;
        for module in &mut modules {
            module.migrations.sort_by(|a, b| a.version.cmp(&b.version).then_with(|| a.id.cmp(&b.id)));
            for pair in module.migrations.windows(2).filter(|pair| pair[0].id == pair[1].id) {
                faults.push(Diagnostic::new(format!("migration `{}` was found twice", pair[0].id)));
            }
        }
        let places = modules
            .iter()
            .enumerate()
            .flat_map(|(module, m)| {
                m.migrations.iter().enumerate().map(move |(index, x)| (x.id.clone(), Place { module, index }))
            })
            .collect();
        let ranks = modules.iter().enumerate().map(|(rank, m)| (m.namespace.clone(), rank)).collect();
        if faults.is_empty() { Ok(Self { modules, places, ranks }) } else { Err(faults) }
    }

    /// The modules, dependencies first.
    pub fn modules(&self) -> &[Module] {
        &self.modules
    }

    /// The module of that namespace.
    pub fn module(&self, namespace: &str) -> Option<&Module> {
        self.modules.iter().find(|module| module.namespace.as_str() == namespace)
    }

    /// The rank of a module.
    pub fn rank(&self, namespace: &Namespace) -> Option<usize> {
        self.ranks.get(namespace).copied()
    }

    /// The migration of that id.
    pub fn get(&self, id: &MigrationId) -> Option<&Migration> {
        self.places.get(id).map(|place| self.at(*place))
    }

    /// Where it stands.
    pub fn place(&self, id: &MigrationId) -> Option<Place> {
        self.places.get(id).copied()
    }

    /// What stands there.
    pub fn at(&self, place: Place) -> &Migration {
        &self.modules[place.module].migrations[place.index]
    }

    /// Every migration, by module rank, then version.
    pub fn iter(&self) -> impl Iterator<Item = &Migration> {
        self.modules.iter().flat_map(|module| module.migrations.iter())
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

fn duplicate_namespaces(modules: &[Module]) -> Vec<Diagnostic> {
    let mut by_name: BTreeMap<&Namespace, Vec<&Module>> = BTreeMap::new();
    for module in modules {
        by_name.entry(&module.namespace).or_default().push(module);
    }
    by_name
        .into_iter()
        .filter(|(_, owners)| owners.len() > 1)
        .map(|(namespace, owners)| {
            let mut fault = Diagnostic::new(format!("two modules have the namespace `{namespace}`"));
            for owner in owners {
                fault = fault.note(format!("{} at `{}`", owner.origin, owner.folder));
            }
            fault.help("give one of them another `namespace:` in `db-migrations.yml`")
        })
        .collect()
}

/// Kahn's algorithm with a heap of namespaces: dependencies first, else by name.
fn rank(modules: Vec<Module>) -> Result<Vec<Module>, Vec<Diagnostic>> {
    let index: BTreeMap<Namespace, usize> =
        modules.iter().enumerate().map(|(i, m)| (m.namespace.clone(), i)).collect();
    let dependencies: Vec<BTreeSet<usize>> = modules
        .iter()
        .enumerate()
        .map(|(i, m)| m.depends_on.iter().filter_map(|d| index.get(d).copied()).filter(|d| *d != i).collect())
        .collect();
    let mut dependents = vec![Vec::new(); modules.len()];
    for (i, needed) in dependencies.iter().enumerate() {
        for d in needed {
            dependents[*d].push(i);
        }
    }
    let mut open: Vec<usize> = dependencies.iter().map(BTreeSet::len).collect();
    let mut ready: BinaryHeap<Reverse<(Namespace, usize)>> = (0..modules.len())
        .filter(|i| open[*i] == 0)
        .map(|i| Reverse((modules[i].namespace.clone(), i)))
        .collect();
    let mut order = Vec::with_capacity(modules.len());
    while let Some(Reverse((_, next))) = ready.pop() {
        order.push(next);
        for dependent in &dependents[next] {
            open[*dependent] -= 1;
            if open[*dependent] == 0 {
                ready.push(Reverse((modules[*dependent].namespace.clone(), *dependent)));
            }
        }
    }
    if order.len() < modules.len() {
        let stuck: Vec<String> = (0..modules.len())
            .filter(|i| !order.contains(i))
            .map(|i| format!("`{}`", modules[i].namespace))
            .collect();
        return Err(vec![
            Diagnostic::new(format!("modules depend on each other in a circle: {}", stuck.join(", ")))
                .help("remove one `depends-on` between them"),
        ]);
    }
    let mut slots: Vec<Option<Module>> = modules.into_iter().map(Some).collect();
    Ok(order.into_iter().filter_map(|i| slots[i].take()).collect())
}
