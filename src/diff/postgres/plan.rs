//! What becomes of each object: whether it stays, is altered, goes, or goes and comes back.
//!
//! PostgreSQL lets nothing change under what depends on it. So whatever depends on something that goes
//! for a moment (a view on a column whose type changes, say) has to go before it and to come back behind
//! it, and whatever depends on that, too.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::routine::replaceable;
use super::table::{Beside, Changes, Text};
use super::types;
use crate::dialect::Dialect;
use crate::diff::Step;
use crate::diff::text::{bare_arguments, mentions, qualified, unquoted};
use crate::drift::{self, Change};
use crate::schema::{Kind, Object, Schema};

/// What becomes of an object that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Stays,
    /// It changes where it is.
    Altered,
    /// It gets another name (a sequence of a renamed table).
    Renamed,
    /// It goes, and comes back as it is wanted.
    Remade,
    /// It goes, before the rest.
    GoesFirst,
    /// It goes, after the rest.
    GoesLast,
    /// Nothing is done, since nothing can be; why.
    Left(String),
}

/// The fates of all objects.
pub(super) struct Plan<'a> {
    pub(super) from: &'a Schema,
    pub(super) to: &'a Schema,
    /// By places in `from`.
    pub(super) fates: Vec<Fate>,
    /// The place in `to` of each object of `from`, also under another name.
    pub(super) twins: Vec<Option<usize>>,
    /// The place in `from` of each object of `to`.
    pub(super) origins: Vec<Option<usize>>,
    /// The changes of tables, by places in `from`.
    pub(super) tables: BTreeMap<usize, Changes>,
    /// Statements of types that are altered, by places in `from`.
    pub(super) types: BTreeMap<usize, Vec<Step>>,
    beside: Beside,
    same_parts: BTreeMap<String, BTreeSet<String>>,
    dependents: HashMap<usize, Vec<usize>>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(from: &'a Schema, to: &'a Schema) -> Self {
        let drift = drift::between(Dialect::Postgres, to, from);
        let places = |schema: &'a Schema| -> HashMap<(Kind, &'a str), usize> {
            schema.objects.iter().enumerate().map(|(at, o)| ((o.kind, o.name.as_str()), at)).collect()
        };
        let (old, new) = (places(from), places(to));
        let mut twins: Vec<_> = from
            .objects
            .iter()
            .map(|object| new.get(&(object.kind, object.name.as_str())).copied())
            .collect();
        let mut same_parts: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for note in drift.notes.iter().filter(|note| note.change == Change::Renamed) {
            let (Some(expected), Some(actual)) = (&note.expected, &note.actual) else { continue };
            if note.part.is_some() {
                let same = same_parts.entry(note.name.clone()).or_default();
                same.extend([expected, actual].into_iter().filter_map(|text| part_name(text)));
            } else if let (Some(&is), Some(&wanted)) =
                (old.get(&(note.kind, actual.as_str())), new.get(&(note.kind, expected.as_str())))
            {
                twins[is] = Some(wanted);
            }
        }
        let mut origins = vec![None; to.objects.len()];
        for (at, twin) in twins.iter().enumerate() {
            if let Some(twin) = twin {
                origins[*twin] = Some(at);
            }
        }
        let mut dependents: HashMap<usize, Vec<usize>> = HashMap::new();
        for &(dependent, needed) in &from.needs {
            dependents.entry(needed).or_default().push(dependent);
        }
        let differing: BTreeSet<(Kind, &str)> = drift
            .differences
            .iter()
            .filter(|difference| difference.part.is_some() || difference.change == Change::Different)
            .map(|difference| (difference.kind, difference.name.as_str()))
            .collect();
        let fates = vec![Fate::Stays; from.objects.len()];
        let mut plan = Self {
            from,
            to,
            fates,
            twins,
            origins,
            tables: BTreeMap::new(),
            types: BTreeMap::new(),
            beside: Beside::default(),
            same_parts,
            dependents,
        };
        plan.rename_sequences();
        plan.first(&differing);
        plan.spread();
        plan
    }

    /// A sequence that goes and one that comes for the same column are one.
    fn rename_sequences(&mut self) {
        let owner = |schema: &Schema, name: &str| {
            let owner = schema.find(Kind::SequenceOwner, name)?;
            Some(owner.definition.split_once(" OWNED BY ")?.1.to_owned())
        };
        for at in 0..self.from.objects.len() {
            let object = &self.from.objects[at];
            if object.kind != Kind::Sequence || self.twins[at].is_some() {
                continue;
            }
            let Some(column) = owner(self.from, &object.name) else { continue };
            let is_new = |(place, other): &(usize, &Object)| {
                other.kind == Kind::Sequence
                    && self.origins[*place].is_none()
                    && owner(self.to, &other.name).as_ref() == Some(&column)
            };
            let Some((place, twin)) = self.to.objects.iter().enumerate().find(is_new) else { continue };
            self.twins[at] = Some(place);
            self.origins[place] = Some(at);
            self.fates[at] = Fate::Renamed;
            let owners = |schema: &Schema, name: &str| {
                schema.objects.iter().position(|o| o.kind == Kind::SequenceOwner && o.name == name)
            };
            if let (Some(was), Some(is)) = (owners(self.from, &object.name), owners(self.to, &twin.name)) {
                self.twins[was] = Some(is);
                self.origins[is] = Some(was);
            }
        }
    }

    /// What the two texts of each object say.
    fn first(&mut self, differing: &BTreeSet<(Kind, &str)>) {
        let coming: BTreeSet<String> = (0..self.to.objects.len())
            .filter(|&at| self.origins[at].is_none() && !shares_name(self.to.objects[at].kind))
            .map(|at| bare_arguments(&self.to.objects[at].name))
            .collect();
        for at in 0..self.from.objects.len() {
            let object = &self.from.objects[at];
            if self.fates[at] == Fate::Renamed {
                continue;
            }
            self.fates[at] = match self.twins[at] {
                None if is_light(object.kind) => Fate::GoesFirst,
                None if coming.contains(&bare_arguments(&object.name)) && !shares_name(object.kind) => {
                    Fate::GoesFirst
                }
                None => Fate::GoesLast,
                Some(_) if !differing.contains(&(object.kind, object.name.as_str())) => Fate::Stays,
                Some(twin) => self.fate(at, &self.to.objects[twin].clone()),
            };
        }
    }

    fn fate(&mut self, at: usize, to: &Object) -> Fate {
        let from = &self.from.objects[at];
        match from.kind {
            Kind::Table => {
                if Text::read(from).is_none() || Text::read(to).is_none() {
                    return Fate::Left("a partition cannot be altered in place".to_owned());
                }
                Fate::Altered
            }
            Kind::Sequence | Kind::SequenceOwner | Kind::Comment | Kind::Extension => Fate::Altered,
            Kind::ForeignKey if from.definition.replace(" NOT VALID;", ";") == to.definition => Fate::Altered,
            Kind::Function | Kind::Procedure if replaceable(from, to) => Fate::Altered,
            Kind::Enum => self.type_fate(at, types::added_labels(from, to, self.to)),
            Kind::Domain => self.type_fate(at, types::altered_domain(from, to)),
            Kind::Composite => match types::altered_composite(from, to) {
                Some(steps) => self.type_fate(at, Some(steps)),
                None => Fate::Left("its attributes differ in a way that no statement makes".to_owned()),
            },
            Kind::Range if self.dependents.contains_key(&at) => {
                Fate::Left("a range type cannot be altered, and something depends on it".to_owned())
            }
            _ => Fate::Remade,
        }
    }

    fn type_fate(&mut self, at: usize, steps: Option<Vec<Step>>) -> Fate {
        match steps {
            Some(steps) => {
                self.types.insert(at, steps);
                Fate::Altered
            }
            None => Fate::Remade,
        }
    }

    /// Takes along what depends on what goes, until nothing more does.
    fn spread(&mut self) {
        let mut open: Vec<usize> = (0..self.fates.len())
            .filter(|&at| matches!(self.fates[at], Fate::Remade | Fate::GoesFirst))
            .collect();
        for at in 0..self.fates.len() {
            if self.fates[at] == Fate::Altered && self.from.objects[at].kind == Kind::Table {
                open.extend(self.look_at_table(at));
            }
        }
        while let Some(at) = open.pop() {
            let kind = self.from.objects[at].kind;
            if matches!(kind, Kind::Enum | Kind::Domain) && self.fates[at] == Fate::Remade {
                self.beside.types.insert(self.from.objects[at].name.clone());
            }
            let is_routine = matches!(kind, Kind::Function | Kind::Procedure | Kind::Aggregate);
            if is_routine {
                self.beside.functions.insert(last(&self.from.objects[at].name));
            }
            for dependent in self.dependents.get(&at).cloned().unwrap_or_default() {
                open.extend(self.step_aside(dependent));
            }
        }
    }

    /// What has to go with a dependent of something that goes: itself, or what a table's changes touch.
    fn step_aside(&mut self, at: usize) -> Vec<usize> {
        let kind = self.from.objects[at].kind;
        if self.fates[at] == Fate::GoesLast && kind != Kind::Comment {
            self.fates[at] = Fate::GoesFirst;
            return vec![at];
        }
        if !matches!(self.fates[at], Fate::Stays | Fate::Altered) {
            return Vec::new();
        }
        match kind {
            Kind::Table => self.look_at_table(at),
            Kind::Sequence | Kind::Comment | Kind::Schema | Kind::Extension => Vec::new(),
            Kind::Composite | Kind::Range => {
                let why = "a type that it holds has to be made anew";
                self.fates[at] = Fate::Left(why.to_owned());
                Vec::new()
            }
            _ => {
                self.types.remove(&at);
                self.fates[at] = Fate::Remade;
                vec![at]
            }
        }
    }

    /// Finds the changes of a table (again, knowing more), and what they touch.
    fn look_at_table(&mut self, at: usize) -> Vec<usize> {
        let object = &self.from.objects[at];
        let Some(twin) = self.twins[at] else { return Vec::new() };
        let (Some(from), Some(to)) = (Text::read(object), Text::read(&self.to.objects[twin])) else {
            return Vec::new();
        };
        let same = self.same_parts.get(&object.name).cloned().unwrap_or_default();
        self.beside.same = same;
        let changes = Changes::between(&from, &to, &self.beside);
        let touched: Vec<usize> = self
            .dependents
            .get(&at)
            .into_iter()
            .flatten()
            .copied()
            .filter(|&dependent| self.is_touched(dependent, object, &changes))
            .collect();
        if !changes.is_empty() || !changes.not_generated.is_empty() {
            self.fates[at] = Fate::Altered;
        }
        self.tables.insert(at, changes);
        touched.into_iter().flat_map(|dependent| self.step_aside(dependent)).collect()
    }

    /// Whether what depends on a table stands in the way of its changes.
    fn is_touched(&self, dependent: usize, table: &Object, changes: &Changes) -> bool {
        let object = &self.from.objects[dependent];
        let names = |names: &BTreeSet<String>| {
            names.iter().any(|name| mentions(Dialect::Postgres, &object.definition, name))
        };
        match object.kind {
            // a sequence goes with the column that owns it
            Kind::Index | Kind::SequenceOwner => names(&changes.remade),
            Kind::ForeignKey => {
                let points_here = object.definition.contains(&format!("REFERENCES {}(", table.name));
                names(&changes.touched) || changes.key_goes && points_here
            }
            Kind::View | Kind::MaterializedView | Kind::Trigger | Kind::Policy | Kind::Rule => {
                let whole_row = object.definition.contains(".*");
                names(&changes.touched) || whole_row && !changes.touched.is_empty()
            }
            // a body that was parsed when it was made
            Kind::Function | Kind::Procedure => {
                object.definition.contains("BEGIN ATOMIC") && names(&changes.touched)
            }
            _ => false,
        }
    }
}

/// Kinds that hold no rows and that nothing but their like depends on.
const fn is_light(kind: Kind) -> bool {
    use Kind::{ForeignKey, Index, MaterializedView, Policy, Rule, SequenceOwner, Trigger, View};
    matches!(kind, ForeignKey | Policy | Rule | Trigger | Index | View | MaterializedView | SequenceOwner)
}

/// Kinds whose names stand for themselves: two of one name do not clash.
const fn shares_name(kind: Kind) -> bool {
    use Kind::{Comment, Extension, ForeignKey, Policy, Rule, Schema, SequenceOwner, Trigger};
    matches!(kind, Comment | Extension | ForeignKey | Policy | Rule | Schema | SequenceOwner | Trigger)
}

/// The name without arguments.
fn base(name: &str) -> &str {
    name.split('(').next().unwrap_or(name)
}

fn last(name: &str) -> String {
    unquoted(qualified(base(name)).1)
}

/// The name of a part from its normal form.
fn part_name(text: &str) -> Option<String> {
    let mut words = text.split(' ');
    (words.next()? == "constraint").then(|| Some(format!("constraint {}", words.next()?)))?
}
