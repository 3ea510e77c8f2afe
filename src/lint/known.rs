//! What the migrations before one have made, as far as their texts say: tables, columns, who made them, and what
//! is new in this change and so holds no rows anywhere yet.

use std::collections::{HashMap, HashSet};

use crate::dialect::Dialect;
use crate::review::{Owner, Owners};
use crate::sql::{Column, ConstraintKind, Effect, Object, Reading, What};

/// A table's schema, if it matters, and its name.
pub(super) type Key = (Option<String>, String);

/// By which a table is found.
pub(super) fn key(dialect: Dialect, table: &Object) -> Key {
    let schema = table.schema.as_ref().map(|schema| folded(dialect, schema));
    (schema.filter(|schema| !matches!(schema.as_str(), "public" | "main")), folded(dialect, &table.name))
}

/// A name as it is compared: PostgreSQL tells quoted names apart by case, and those without quotes are in lower case.
pub(super) fn folded(dialect: Dialect, name: &str) -> String {
    if dialect == Dialect::Postgres { name.to_owned() } else { name.to_lowercase() }
}

/// A column, as far as it is known.
#[derive(Clone, Debug)]
pub(super) struct KnownColumn {
    pub(super) ty: String,
    pub(super) not_null: bool,
}

#[derive(Clone, Debug, Default)]
struct Table {
    columns: HashMap<String, KnownColumn>,
    /// Checks by name that a column is not null, and whether they are valid.
    not_null: HashMap<String, (String, bool)>,
    references: Vec<Key>,
}

/// The state before a migration.
#[derive(Debug)]
pub(super) struct Known {
    dialect: Dialect,
    tables: HashMap<Key, Table>,
    /// Made by migrations that are new in this change.
    fresh: HashSet<Key>,
    /// Columns that are new in this change.
    fresh_columns: HashSet<(Key, String)>,
    /// Old tables that this change drops or renames: what takes such a name is not new to the code that uses it.
    gone: HashSet<Key>,
    owners: Owners,
}

impl Known {
    pub(super) fn new(dialect: Dialect) -> Self {
        Self {
            dialect,
            tables: HashMap::new(),
            fresh: HashSet::new(),
            fresh_columns: HashSet::new(),
            gone: HashSet::new(),
            owners: Owners::default(),
        }
    }

    fn key(&self, table: &Object) -> Key {
        key(self.dialect, table)
    }

    fn name(&self, column: &str) -> String {
        folded(self.dialect, column)
    }

    /// Whether it was there before this change.
    pub(super) fn is_old(&self, table: &Object) -> bool {
        self.has(table) && !self.is_fresh(table)
    }

    /// The columns that a table had before this change, as far as they are known, by name.
    pub(super) fn old_columns(&self, table: &Key) -> Vec<(&str, &KnownColumn)> {
        let there = self.tables.get(table).filter(|_| !self.fresh.contains(table));
        let columns = there.into_iter().flat_map(|table| &table.columns);
        let old = columns.filter(|(name, _)| !self.fresh_columns.contains(&(table.clone(), (*name).clone())));
        let mut old: Vec<_> = old.map(|(name, column)| (name.as_str(), column)).collect();
        old.sort_unstable_by_key(|(name, _)| *name);
        old
    }

    /// Whether a table is new in this change.
    pub(super) fn is_fresh(&self, table: &Object) -> bool {
        self.fresh.contains(&self.key(table))
    }

    pub(super) fn is_fresh_column(&self, table: &Object, column: &str) -> bool {
        self.fresh_columns.contains(&(self.key(table), self.name(column)))
    }

    /// Whether a migration has made it.
    pub(super) fn has(&self, table: &Object) -> bool {
        self.tables.contains_key(&self.key(table))
    }

    pub(super) fn column(&self, table: &Object, column: &str) -> Option<&KnownColumn> {
        self.tables.get(&self.key(table))?.columns.get(&self.name(column))
    }

    /// Whether a valid check says that a column is not null.
    pub(super) fn is_checked(&self, table: &Object, column: &str) -> bool {
        let table = self.tables.get(&self.key(table));
        table.is_some_and(|table| table.not_null.values().any(|(name, valid)| *valid && name == column))
    }

    /// Whether a foreign key of another table points at it.
    pub(super) fn is_referenced(&self, table: &Object) -> bool {
        let wanted = self.key(table);
        self.tables.iter().any(|(name, table)| *name != wanted && table.references.contains(&wanted))
    }

    /// The other module that made it.
    pub(super) fn owner(&self, object: &Object, asker: &str) -> Option<String> {
        match self.owners.of(object, asker) {
            Owner::Module(other) if other != asker => Some(format!("`{other}`")),
            Owner::Several => Some("one of several modules".to_owned()),
            Owner::Module(_) | Owner::Nobody => None,
        }
    }

    /// Takes in one migration.
    pub(super) fn learn(&mut self, readings: &[Reading], module: &str, is_new: bool) {
        for act in readings.iter().flat_map(|reading| &reading.acts) {
            self.take(&act.what, module, is_new);
        }
    }

    fn take(&mut self, what: &What, module: &str, is_new: bool) {
        let dialect = self.dialect;
        match what {
            What::CreateTable { table, temporary, columns, references, .. } => {
                if *temporary {
                    return;
                }
                self.owners.learn(Some(Effect::Makes(table.clone())), module);
                let name = self.key(table);
                if is_new && !self.tables.contains_key(&name) && !self.gone.contains(&name) {
                    self.fresh.insert(name.clone());
                }
                let columns = columns.iter().map(|column| (self.name(&column.name), known(column)));
                let made = Table {
                    columns: columns.collect(),
                    references: references.iter().map(|to| key(dialect, to)).collect(),
                    ..Table::default()
                };
                self.tables.entry(name).or_insert(made);
            }
            What::Create { noun, object: Some(object), .. } if noun == "VIEW" => {
                self.owners.learn(Some(Effect::MakesView(object.clone())), module);
                if is_new {
                    self.fresh.insert(self.key(object));
                }
            }
            What::DropTable { temporary: true, .. } => {}
            What::DropTable { table, again, .. } => {
                let name = self.key(table);
                if is_new && !self.fresh.contains(&name) && (self.tables.contains_key(&name) || !again) {
                    self.gone.insert(name);
                }
                self.owners.learn(Some(Effect::Ends(table.clone())), module);
                self.tables.remove(&self.key(table));
                self.fresh.remove(&self.key(table));
            }
            What::RenameTable { from, to } => {
                self.owners.learn(Some(Effect::Renames(from.clone(), to.clone())), module);
                if let Some(table) = self.tables.remove(&self.key(from)) {
                    self.tables.insert(self.key(to), table);
                }
                if !self.fresh.remove(&self.key(from)) {
                    if is_new {
                        self.gone.insert(self.key(from));
                    }
                } else if !self.gone.contains(&self.key(to)) {
                    self.fresh.insert(self.key(to));
                }
            }
            What::AddColumn { table, column, .. } => {
                // there already: `IF NOT EXISTS`
                if self.column(table, &column.name).is_some() {
                    return;
                }
                if is_new {
                    self.fresh_columns.insert((self.key(table), self.name(&column.name)));
                }
                let (table, name) = (self.key(table), self.name(&column.name));
                let entry = self.tables.entry(table).or_default();
                entry.references.extend(column.references.as_ref().map(|to| key(dialect, to)));
                entry.columns.insert(name, known(column));
            }
            _ => self.alter(what),
        }
    }

    fn alter(&mut self, what: &What) {
        let dialect = self.dialect;
        let Some(table) = what.table().map(|table| self.key(table)) else { return };
        if let What::RenameColumn { from, to, .. } = what
            && self.fresh_columns.remove(&(table.clone(), self.name(from)))
        {
            self.fresh_columns.insert((table.clone(), self.name(to)));
        }
        let Some(entry) = self.tables.get_mut(&table) else { return };
        match what {
            What::DropColumn { column, .. } => _ = entry.columns.remove(&folded(dialect, column)),
            What::RenameColumn { from, to, .. } => {
                if let Some(column) = entry.columns.remove(&folded(dialect, from)) {
                    entry.columns.insert(folded(dialect, to), column);
                }
            }
            What::SetType { column, ty, .. } => {
                if let Some(column) = entry.columns.get_mut(&folded(dialect, column)) {
                    column.ty.clone_from(ty);
                }
            }
            What::Redefine { old, column, .. } => {
                entry.columns.insert(folded(dialect, old), known(column));
            }
            What::SetNotNull { column, .. } => {
                if let Some(column) = entry.columns.get_mut(&folded(dialect, column)) {
                    column.not_null = true;
                }
            }
            What::AddConstraint { constraint, .. } => {
                entry.references.extend(constraint.references.as_ref().map(|to| key(dialect, to)));
                if let (ConstraintKind::Check, Some(column)) = (constraint.kind, &constraint.not_null) {
                    let name = constraint.name.clone().unwrap_or_default();
                    entry.not_null.insert(name, (column.clone(), !constraint.not_valid));
                }
            }
            What::Validate { name, .. } => {
                if let Some((_, valid)) = entry.not_null.get_mut(name) {
                    *valid = true;
                }
            }
            _ => {}
        }
    }
}

fn known(column: &Column) -> KnownColumn {
    KnownColumn { ty: column.ty.clone(), not_null: column.not_null }
}
