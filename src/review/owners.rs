//! Which module made which object, learnt from the deeds of all migrations in their order.

use std::collections::HashMap;

use crate::sql::{Effect, Kind, Object};

/// Who made an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner<'a> {
    /// No migration that is locked.
    Nobody,
    /// This module.
    Module(&'a str),
    /// It is not clear which of several.
    Several,
}

/// An object that a module made.
#[derive(Clone, Debug)]
struct Made {
    schema: Option<String>,
    module: String,
    /// What is written into it goes to another table.
    view: bool,
}

/// Objects by kind and name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Owners {
    made: HashMap<(Kind, String), Vec<Made>>,
}

/// The schema that a name without one has does not tell objects apart.
fn schema(object: &Object) -> Option<String> {
    let schema = object.schema.as_ref()?.to_lowercase();
    (!matches!(schema.as_str(), "public" | "main")).then_some(schema)
}

fn key(object: &Object) -> (Kind, String) {
    (object.kind, object.name.to_lowercase())
}

impl Owners {
    /// Takes in what a module has done. Who made an object first keeps it.
    pub(crate) fn learn(&mut self, effect: Option<Effect>, module: &str) {
        match effect {
            Some(Effect::Makes(object)) => self.make(&object, module, false),
            Some(Effect::MakesView(object)) => self.make(&object, module, true),
            Some(Effect::Ends(object)) => _ = self.end(&object),
            Some(Effect::Renames(old, new)) => {
                if let Some(made) = self.end(&old) {
                    self.make(&new, &made.module, made.view);
                }
            }
            None => {}
        }
    }

    fn make(&mut self, object: &Object, module: &str, view: bool) {
        let same = self.made.entry(key(object)).or_default();
        let schema = schema(object);
        match same.iter_mut().find(|made| made.schema == schema) {
            Some(made) => made.view |= view,
            None => same.push(Made { schema, module: module.to_owned(), view }),
        }
    }

    fn end(&mut self, object: &Object) -> Option<Made> {
        let same = self.made.get_mut(&key(object))?;
        let wanted = schema(object);
        let at = same.iter().position(|made| made.schema == wanted);
        // a name with another schema is another object's
        let at = at.or((wanted.is_none() && same.len() == 1).then_some(0))?;
        Some(same.remove(at))
    }

    /// Whether it may be a view.
    pub(crate) fn is_view(&self, object: &Object) -> bool {
        let wanted = schema(object);
        let near = |made: &Made| made.schema.is_none() || wanted.is_none() || made.schema == wanted;
        self.made.get(&key(object)).is_some_and(|same| same.iter().any(|made| made.view && near(made)))
    }

    /// Who made it, as `asker` has to see it: where one name has a schema and the other has none, they may be two
    /// objects, and so it is not the asker's own, but may well be another's.
    pub(crate) fn of(&self, object: &Object, asker: &str) -> Owner<'_> {
        // the history is nobody's, whoever "makes" a table of its name
        if object.name.to_lowercase().starts_with("db_migrations") {
            return Owner::Nobody;
        }
        let same = self.made.get(&key(object)).map_or(&[][..], Vec::as_slice);
        let wanted = schema(object);
        if let Some(made) = same.iter().find(|made| made.schema == wanted) {
            return Owner::Module(&made.module);
        }
        let mut near = same
            .iter()
            .filter(|made| made.schema.is_none() || wanted.is_none())
            .map(|made| made.module.as_str());
        match near.next() {
            Some(first) if near.any(|other| other != first) => Owner::Several,
            Some(first) if first != asker => Owner::Module(first),
            None if matches!(object.kind, Kind::Index | Kind::Sequence) => self.by_table(object, asker),
            Some(_) | None => Owner::Nobody,
        }
    }

    /// Indexes and sequences without a name of their own are called after their table.
    fn by_table(&self, object: &Object, asker: &str) -> Owner<'_> {
        let name = object.name.to_lowercase();
        let table = name.char_indices().rev().filter(|(_, c)| *c == '_').find_map(|(end, _)| {
            let table =
                Object { kind: Kind::Relation, schema: object.schema.clone(), name: name[..end].to_owned() };
            (self.of(&table, asker) != Owner::Nobody).then_some(table)
        });
        table.map_or(Owner::Nobody, |table| self.of(&table, asker))
    }
}
