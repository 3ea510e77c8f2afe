//! A schema as blocks of (kind, name, definition).
//!
//! A definition is SQL that makes the object, as the database itself spells it; a schema is loaded
//! by running its definitions in order. Nothing here knows how a block was read or what it means:
//! that suffices for dump, compare and snapshot.

mod order;

use std::collections::HashMap;
use std::fmt;

pub use order::{Key, order};

/// The kinds of objects, in the order in which they are written where nothing else decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A namespace of the database (`CREATE SCHEMA`).
    Schema,
    /// An extension; its members are not listed.
    Extension,
    /// An enum type.
    Enum,
    /// A composite type.
    Composite,
    /// A range type.
    Range,
    /// A domain.
    Domain,
    /// A sequence, its ownership included where no table is needed for it.
    Sequence,
    /// A function.
    Function,
    /// A procedure.
    Procedure,
    /// An aggregate.
    Aggregate,
    /// A table, partitioned tables and partitions included.
    Table,
    /// A virtual table (SQLite).
    VirtualTable,
    /// The column that a sequence belongs to.
    SequenceOwner,
    /// A view.
    View,
    /// A materialized view.
    MaterializedView,
    /// An index that no constraint owns.
    Index,
    /// A trigger.
    Trigger,
    /// An event: a statement that the server runs on a schedule (MariaDB, MySQL).
    Event,
    /// A rewrite rule.
    Rule,
    /// A row-level security policy.
    Policy,
    /// A foreign key (last, so that tables load in any order).
    ForeignKey,
    /// A comment on any of them.
    Comment,
}

impl Kind {
    /// Every kind, in order.
    pub const ALL: [Self; 22] = [
        Self::Schema,
        Self::Extension,
        Self::Enum,
        Self::Composite,
        Self::Range,
        Self::Domain,
        Self::Sequence,
        Self::Function,
        Self::Procedure,
        Self::Aggregate,
        Self::Table,
        Self::VirtualTable,
        Self::SequenceOwner,
        Self::View,
        Self::MaterializedView,
        Self::Index,
        Self::Trigger,
        Self::Event,
        Self::Rule,
        Self::Policy,
        Self::ForeignKey,
        Self::Comment,
    ];

    /// The name in snapshots, JSON and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Schema => "schema",
            Self::Extension => "extension",
            Self::Enum => "enum",
            Self::Composite => "composite type",
            Self::Range => "range type",
            Self::Domain => "domain",
            Self::Sequence => "sequence",
            Self::Function => "function",
            Self::Procedure => "procedure",
            Self::Aggregate => "aggregate",
            Self::Table => "table",
            Self::VirtualTable => "virtual table",
            Self::SequenceOwner => "sequence owner",
            Self::View => "view",
            Self::MaterializedView => "materialized view",
            Self::Index => "index",
            Self::Trigger => "trigger",
            Self::Event => "event",
            Self::Rule => "rule",
            Self::Policy => "policy",
            Self::ForeignKey => "foreign key",
            Self::Comment => "comment",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether its definition is a list of named parts (columns and constraints).
    pub const fn has_parts(self) -> bool {
        matches!(self, Self::Table)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// One block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its name, unique within the kind, quoted where SQL would need it: `public.users`.
    pub name: String,
    /// SQL that makes it, one or more statements, each ended by `;`, no trailing line break.
    pub definition: String,
}

/// A database's schema: its objects in an order in which they load.
#[derive(Clone, Debug, Default)]
pub struct Schema {
    /// The blocks.
    pub objects: Vec<Object>,
    /// What depends on what, as far as the database says: places of the dependent and of what it needs.
    /// A schema that was read from a text has none.
    pub needs: Vec<(usize, usize)>,
}

/// The same objects in the same order; what depends on what follows from them.
impl PartialEq for Schema {
    fn eq(&self, other: &Self) -> bool {
        self.objects == other.objects
    }
}

impl Eq for Schema {}

impl Schema {
    /// Objects in an order in which they load, of whose dependencies nothing is known.
    pub const fn new(objects: Vec<Object>) -> Self {
        Self { objects, needs: Vec::new() }
    }

    /// The objects in this order of places, with their dependencies at their new places.
    pub fn ordered(objects: Vec<Object>, order: &[usize], needs: &[(usize, usize)]) -> Self {
        let mut place = vec![usize::MAX; objects.len()];
        for (new, &old) in order.iter().enumerate() {
            place[old] = new;
        }
        let mut objects: Vec<_> = objects.into_iter().map(Some).collect();
        let objects = order.iter().filter_map(|&old| objects[old].take()).collect();
        let mut needs: Vec<_> = needs.iter().map(|&(from, to)| (place[from], place[to])).collect();
        needs.sort_unstable();
        Self { objects, needs }
    }

    /// The object of a kind and name.
    pub fn find(&self, kind: Kind, name: &str) -> Option<&Object> {
        self.objects.iter().find(|object| object.kind == kind && object.name == name)
    }

    /// All objects by kind and name, for many questions.
    pub fn by_name(&self) -> HashMap<(Kind, &str), &Object> {
        self.objects.iter().map(|object| ((object.kind, object.name.as_str()), object)).collect()
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.objects.is_empty()
    }

    /// How many objects there are of a kind.
    pub fn count(&self, kind: Kind) -> usize {
        self.objects.iter().filter(|object| object.kind == kind).count()
    }
}
