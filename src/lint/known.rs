//! What the migrations before one have made, as far as their texts say: tables, columns, who made them, and what
//! is new in this change and so holds no rows anywhere yet.

use std::collections::{HashMap, HashSet};

use crate::review::{Owner, Owners};
use crate::sql::{Column, ConstraintKind, Effect, Object, Reading, What};

/// A table's schema, if it matters, and its name.
pub(super) type Key = (Option<String>, String);

/// By which a table is found.
pub(super) fn key(table: &Object) -> Key {
    let schema = table.schema.as_ref().map(|schema| schema.to_lowercase());
    (schema.filter(|schema| !matches!(schema.as_str(), "public" | "main")), table.name.to_lowercase())
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
#[derive(Debug, Default)]
pub(super) struct Known {
    tables: HashMap<Key, Table>,
    /// Made by migrations that are new in this change.
    fresh: HashSet<Key>,
    /// Columns that are new in this change.
    fresh_columns: HashSet<(Key, String)>,
    owners: Owners,
}

impl Known {
    /// Whether a table is new in this change.
    pub(super) fn is_fresh(&self, table: &Object) -> bool {
        self.fresh.contains(&key(table))
    }

    pub(super) fn is_fresh_column(&self, table: &Object, column: &str) -> bool {
        self.fresh_columns.contains(&(key(table), column.to_lowercase()))
    }

    /// Whether a migration has made it.
    pub(super) fn has(&self, table: &Object) -> bool {
        self.tables.contains_key(&key(table))
    }

    pub(super) fn column(&self, table: &Object, column: &str) -> Option<&KnownColumn> {
        self.tables.get(&key(table))?.columns.get(&column.to_lowercase())
    }

    /// Whether a valid check says that a column is not null.
    pub(super) fn is_checked(&self, table: &Object, column: &str) -> bool {
        let table = self.tables.get(&key(table));
        table.is_some_and(|table| table.not_null.values().any(|(name, valid)| *valid && name == column))
    }

    /// Whether a foreign key of another table points at it.
    pub(super) fn is_referenced(&self, table: &Object) -> bool {
        let wanted = key(table);
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
        match what {
            What::CreateTable { table, columns, references, .. } => {
                self.owners.learn(Some(Effect::Makes(table.clone())), module);
                let name = key(table);
                if is_new && !self.tables.contains_key(&name) {
                    self.fresh.insert(name.clone());
                }
                let columns = columns.iter().map(|column| (column.name.to_lowercase(), known(column)));
                let made = Table {
                    columns: columns.collect(),
                    references: references.iter().map(key).collect(),
                    ..Table::default()
                };
                self.tables.entry(name).or_insert(made);
            }
            What::Create { noun, object: Some(object), .. } if noun == "VIEW" => {
                self.owners.learn(Some(Effect::MakesView(object.clone())), module);
                if is_new {
                    self.fresh.insert(key(object));
                }
            }
            What::DropTable { table, .. } => {
                self.owners.learn(Some(Effect::Ends(table.clone())), module);
                self.tables.remove(&key(table));
                self.fresh.remove(&key(table));
            }
            What::RenameTable { from, to } => {
                self.owners.learn(Some(Effect::Renames(from.clone(), to.clone())), module);
                if let Some(table) = self.tables.remove(&key(from)) {
                    self.tables.insert(key(to), table);
                }
                if self.fresh.remove(&key(from)) {
                    self.fresh.insert(key(to));
                }
            }
            What::AddColumn { table, column, .. } => {
                if is_new {
                    self.fresh_columns.insert((key(table), column.name.to_lowercase()));
                }
                let entry = self.tables.entry(key(table)).or_default();
                entry.references.extend(column.references.as_ref().map(key));
                entry.columns.insert(column.name.to_lowercase(), known(column));
            }
            _ => self.alter(what),
        }
    }

    fn alter(&mut self, what: &What) {
        let Some(entry) = what.table().and_then(|table| self.tables.get_mut(&key(table))) else { return };
        match what {
            What::DropColumn { column, .. } => _ = entry.columns.remove(&column.to_lowercase()),
            What::RenameColumn { from, to, .. } => {
                if let Some(column) = entry.columns.remove(&from.to_lowercase()) {
                    entry.columns.insert(to.to_lowercase(), column);
                }
            }
            What::SetType { column, ty, .. } => {
                if let Some(column) = entry.columns.get_mut(&column.to_lowercase()) {
                    column.ty.clone_from(ty);
                }
            }
            What::Redefine { old, column, .. } => {
                entry.columns.insert(old.to_lowercase(), known(column));
            }
            What::SetNotNull { column, .. } => {
                if let Some(column) = entry.columns.get_mut(&column.to_lowercase()) {
                    column.not_null = true;
                }
            }
            What::AddConstraint { constraint, .. } => {
                entry.references.extend(constraint.references.as_ref().map(key));
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
