//! What depends on what.
//!
//! `pg_depend` speaks of rows of catalogues, of which one of our objects has several: a view is also
//! its rewrite rule and its row type, a table also its defaults, constraints and their indexes. Such
//! a row is called a part; what depends on a part depends on the object, and the other way round.

use std::collections::{HashMap, HashSet};

use super::Block;
use crate::schema::Kind;

/// A row of a catalogue: the OID of the catalogue, and the row's own.
pub(super) type Address = (i64, i64);

/// The OID of the catalogue of relations, the same in every database.
const PG_CLASS: i64 = 1259;

/// The first OID that `initdb` does not give.
const FIRST_OWN: i64 = 16384;

/// The rows that are part of an object, with the address of what they are part of.
///
/// An index, rule or constraint can be an object itself; then that counts. Left out are the indexes
/// attached to that of a partitioned table, and inherited constraints: their comments have no home.
pub(super) const PARTS: &str = "SELECT 'part', u.class::int8, u.id::int8, u.of_class::int8, u.of_id::int8 FROM (
  SELECT w.tableoid, w.oid, 'pg_class'::regclass, w.ev_class FROM pg_rewrite w WHERE w.rulename = '_RETURN'
  UNION ALL SELECT d.tableoid, d.oid, 'pg_class'::regclass, d.adrelid FROM pg_attrdef d
  UNION ALL SELECT t.tableoid, t.oid, 'pg_class'::regclass, t.typrelid FROM pg_type t WHERE t.typrelid <> 0
  UNION ALL SELECT t.tableoid, t.typarray, t.tableoid, t.oid FROM pg_type t WHERE t.typarray <> 0
  UNION ALL SELECT 'pg_type'::regclass, (to_jsonb(r) ->> 'rngmultitypid')::oid, 'pg_type'::regclass, r.rngtypid FROM pg_range r
  UNION ALL SELECT k.tableoid, k.oid, 'pg_class'::regclass, k.conrelid FROM pg_constraint k
    WHERE k.conrelid <> 0 AND k.contype NOT IN ('f', 't') AND k.conparentid = 0
  UNION ALL SELECT 'pg_constraint'::regclass, g.tgconstraint, g.tableoid, g.oid FROM pg_trigger g
    WHERE g.tgconstraint <> 0 AND NOT g.tgisinternal
  UNION ALL SELECT k.tableoid, k.oid, 'pg_type'::regclass, k.contypid FROM pg_constraint k WHERE k.contypid <> 0
  UNION ALL SELECT c.tableoid, c.oid, c.tableoid, i.indrelid FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
    WHERE NOT c.relispartition
  UNION ALL SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_depend d WHERE d.deptype = 'e'
  UNION ALL SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_depend d JOIN pg_sequence q ON q.seqrelid = d.objid
    WHERE d.deptype = 'i' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
  UNION ALL SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_depend d
    WHERE d.deptype = 'i' AND d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_type'::regclass
) u (class, id, of_class, of_id) WHERE u.id >= 16384";

/// What depends on what, without that between the parts of one partitioned thing and another.
///
/// An index of a partition is made before those of the partitioned table: the server names the ones
/// that these bring along, and evades the names it finds, while we cannot.
pub(super) const EDGES: &str =
    "SELECT 'edge', d.classid::int8, d.objid::int8, d.refclassid::int8, d.refobjid::int8 FROM pg_depend d
WHERE d.objid >= 16384 AND d.refobjid >= 16384 AND d.deptype NOT IN ('e', 'P', 'S')
UNION ALL SELECT 'edge', c.tableoid::int8, p.indexrelid::int8, c.tableoid::int8, i.indexrelid::int8
FROM pg_class t JOIN pg_index i ON i.indrelid = t.oid JOIN pg_class c ON c.oid = i.indexrelid
  CROSS JOIN LATERAL pg_partition_ancestors(t.oid) a JOIN pg_index p ON p.indrelid = a.relid
WHERE t.relispartition AND t.relkind IN ('r', 'p') AND NOT c.relispartition AND a.relid <> t.oid
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conrelid = p.indrelid AND k.conindid = p.indexrelid)";

/// The dependencies as they are read.
#[derive(Default)]
pub(super) struct Dependencies {
    parts: HashMap<Address, Address>,
    edges: Vec<(Address, Address)>,
}

impl Dependencies {
    /// Something is part of an object (or of a part of it).
    pub(super) fn part(&mut self, part: Address, whole: Address) {
        self.parts.insert(part, whole);
    }

    /// Something depends on something.
    pub(super) fn edge(&mut self, dependent: Address, dependency: Address) {
        self.edges.push((dependent, dependency));
    }

    /// Drops the comments on what is not among the blocks. An extension's comment is its own.
    pub(super) fn only_comments_on(&self, mut blocks: Vec<Block>) -> Vec<Block> {
        let places = places(&blocks);
        let orphans: HashSet<usize> = (0..blocks.len())
            .filter(|&index| blocks[index].object.kind == Kind::Comment)
            .filter(|&index| {
                let address = blocks[index].address;
                // of what is below the user's OIDs, only the comment on `public` was read
                address.1 >= FIRST_OWN
                    && self
                        .find(&places, address)
                        .is_none_or(|found| blocks[found].object.kind == Kind::Extension)
            })
            .collect();
        let mut index = 0;
        blocks.retain(|_| {
            index += 1;
            !orphans.contains(&(index - 1))
        });
        blocks
    }

    /// The dependencies between blocks, as pairs of places: the first depends on the second.
    ///
    /// A sequence that a column owns depends on the column's table, whose default depends on the
    /// sequence. It is not the sequence but its owner that must wait.
    pub(super) fn between(&self, blocks: &[Block]) -> Vec<(usize, usize)> {
        let places = places(blocks);
        let kind = |index: usize| blocks[index].object.kind;
        let catalogued = self.edges.iter().filter_map(|&(dependent, dependency)| {
            let edge = (self.find(&places, dependent)?, self.find(&places, dependency)?);
            ((kind(edge.0), kind(edge.1)) != (Kind::Sequence, Kind::Table)).then_some(edge)
        });
        let owners = blocks.iter().enumerate().filter(|(_, block)| block.object.kind == Kind::SequenceOwner);
        let owners = owners.flat_map(|(index, block)| {
            let needed = [block.address.1, block.relation].map(|id| places.get(&(PG_CLASS, id)));
            needed.into_iter().flatten().map(move |&place| (index, place))
        });
        let edges: HashSet<_> = catalogued.chain(owners).filter(|(from, to)| from != to).collect();
        edges.into_iter().collect()
    }

    /// The place of the block at an address, or of that which the address is part of.
    fn find(&self, places: &HashMap<Address, usize>, mut address: Address) -> Option<usize> {
        // a part of a part of a part: array type, row type, table
        for _ in 0..8 {
            if let Some(&place) = places.get(&address) {
                return Some(place);
            }
            address = *self.parts.get(&address)?;
        }
        None
    }
}

/// Where each address stands among the blocks. Comments have the address of what they are on.
fn places(blocks: &[Block]) -> HashMap<Address, usize> {
    let objects = blocks.iter().enumerate().filter(|(_, block)| block.object.kind != Kind::Comment);
    objects.map(|(index, block)| (block.address, index)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::Object;

    fn block(kind: Kind, address: Address, relation: i64) -> Block {
        let object = Object { kind, name: format!("{kind} {}", address.1), definition: ";".to_owned() };
        Block { address, relation, object }
    }

    #[test]
    fn what_depends_on_a_part_depends_on_the_whole() {
        let mut dependencies = Dependencies::default();
        // array type, row type, table; rule, view
        dependencies.part((1247, 20001), (1247, 20002));
        dependencies.part((1247, 20002), (PG_CLASS, 20003));
        dependencies.part((2618, 20004), (PG_CLASS, 20005));
        dependencies.edge((2618, 20004), (1247, 20001));
        dependencies.edge((2618, 20004), (PG_CLASS, 20005));
        dependencies.edge((2618, 20004), (1255, 20006));
        let blocks = [block(Kind::Table, (PG_CLASS, 20003), 0), block(Kind::View, (PG_CLASS, 20005), 0)];
        assert_eq!(dependencies.between(&blocks), [(1, 0)]);
    }

    #[test]
    fn the_owner_of_a_sequence_waits_and_not_the_sequence() {
        let mut dependencies = Dependencies::default();
        dependencies.part((2604, 20003), (PG_CLASS, 20001));
        dependencies.edge((2604, 20003), (PG_CLASS, 20002));
        dependencies.edge((PG_CLASS, 20002), (PG_CLASS, 20001));
        let blocks = [
            block(Kind::Table, (PG_CLASS, 20001), 0),
            block(Kind::Sequence, (PG_CLASS, 20002), 20001),
            block(Kind::SequenceOwner, (0, 20002), 20001),
        ];
        let mut edges = dependencies.between(&blocks);
        edges.sort_unstable();
        assert_eq!(edges, [(0, 1), (2, 0), (2, 1)]);
    }

    #[test]
    fn comments_stay_with_what_is_listed() {
        let mut dependencies = Dependencies::default();
        dependencies.part((2606, 20002), (PG_CLASS, 20001));
        dependencies.part((1255, 20004), (3079, 20003));
        let blocks = vec![
            block(Kind::Table, (PG_CLASS, 20001), 0),
            block(Kind::Extension, (3079, 20003), 0),
            block(Kind::Comment, (2606, 20002), 0),
            block(Kind::Comment, (1255, 20004), 0),
            block(Kind::Comment, (PG_CLASS, 20009), 0),
            block(Kind::Comment, (2615, 2200), 0),
        ];
        let left = dependencies.only_comments_on(blocks);
        let comments = left.iter().filter(|block| block.object.kind == Kind::Comment);
        assert_eq!(comments.map(|block| block.address.1).collect::<Vec<_>>(), [20002, 2200]);
    }
}
