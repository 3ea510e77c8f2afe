//! An order in which definitions load.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use super::Kind;

/// What decides where dependencies leave a choice: the kind, then the name.
pub type Key<'a> = (Kind, &'a str);

/// The places of the objects in an order in which each comes after what it depends on.
///
/// Of those that are ready, the least key comes next, so the order hangs on nothing but the objects
/// and their dependencies (pairs of places, the first depends on the second). Foreign keys and then
/// comments are last. A cycle is broken at its least key.
pub fn order(keys: &[Key<'_>], edges: &[(usize, usize)]) -> Vec<usize> {
    let is_last = |index: usize| matches!(keys[index].0, Kind::ForeignKey | Kind::Comment);
    let mut graph = Graph::new(keys.len());
    for &(dependent, dependency) in edges {
        if !is_last(dependent) && !is_last(dependency) && dependent != dependency {
            graph.add(dependent, dependency);
        }
    }
    let mut waiting: HashSet<_> = (0..keys.len()).filter(|&index| !is_last(index)).collect();
    let mut ready: BinaryHeap<_> = waiting
        .iter()
        .filter(|&&index| graph.open[index] == 0)
        .map(|&index| Reverse((keys[index], index)))
        .collect();
    let mut order = Vec::with_capacity(keys.len());
    while !waiting.is_empty() {
        let next = ready.pop().map(|Reverse((_, index))| index);
        let Some(next) = next.or_else(|| graph.least_in_cycle(keys, &waiting)) else { break };
        if !waiting.remove(&next) {
            continue;
        }
        order.push(next);
        for &dependent in &graph.dependents[next] {
            graph.open[dependent] -= 1;
            if graph.open[dependent] == 0 {
                ready.push(Reverse((keys[dependent], dependent)));
            }
        }
    }
    let mut last: Vec<_> = (0..keys.len()).filter(|&index| is_last(index)).collect();
    last.sort_unstable_by_key(|&index| (keys[index], index));
    order.extend(last);
    order
}

/// Who waits for whom.
struct Graph {
    dependents: Vec<Vec<usize>>,
    dependencies: Vec<Vec<usize>>,
    /// How many dependencies of each are not placed yet.
    open: Vec<usize>,
}

impl Graph {
    fn new(size: usize) -> Self {
        Self { dependents: vec![Vec::new(); size], dependencies: vec![Vec::new(); size], open: vec![0; size] }
    }

    fn add(&mut self, dependent: usize, dependency: usize) {
        self.dependents[dependency].push(dependent);
        self.dependencies[dependent].push(dependency);
        self.open[dependent] += 1;
    }

    /// The least key of the cycle that one runs into from the least key waiting.
    ///
    /// Every one waiting waits for another that does, so that walk comes back on itself.
    fn least_in_cycle(&self, keys: &[Key<'_>], waiting: &HashSet<usize>) -> Option<usize> {
        let least = |indexes: &mut dyn Iterator<Item = usize>| {
            indexes.filter(|index| waiting.contains(index)).min_by_key(|&index| (keys[index], index))
        };
        let mut walk = vec![least(&mut waiting.iter().copied())?];
        loop {
            let next = least(&mut self.dependencies[*walk.last()?].iter().copied())?;
            if let Some(start) = walk.iter().position(|&index| index == next) {
                return least(&mut walk[start..].iter().copied());
            }
            walk.push(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The names in order; keys and edges by name.
    fn ordered<'a>(keys: &[Key<'a>], edges: &[(&str, &str)]) -> Vec<&'a str> {
        let place = |name: &str| keys.iter().position(|key| key.1 == name).expect("a key of that name");
        let edges: Vec<_> = edges.iter().map(|(from, to)| (place(from), place(to))).collect();
        order(keys, &edges).into_iter().map(|index| keys[index].1).collect()
    }

    #[test]
    fn kind_then_name_decide_without_dependencies() {
        let keys = [
            (Kind::Comment, "c"),
            (Kind::View, "v"),
            (Kind::Table, "b"),
            (Kind::Table, "a"),
            (Kind::Enum, "e"),
        ];
        assert_eq!(ordered(&keys, &[]), ["e", "a", "b", "v", "c"]);
    }

    #[test]
    fn dependencies_come_first() {
        let keys = [(Kind::Function, "f"), (Kind::Table, "t"), (Kind::Table, "a"), (Kind::View, "v")];
        // a function that returns a view's rows, a table whose default calls it
        let edges = [("f", "v"), ("t", "f"), ("v", "a")];
        assert_eq!(ordered(&keys, &edges), ["a", "v", "f", "t"]);
    }

    #[test]
    fn it_is_the_same_whatever_the_places() {
        let edges = [("t", "f"), ("v", "t"), ("i", "t"), ("g", "v")];
        let mut keys = vec![
            (Kind::Function, "f"),
            (Kind::Function, "g"),
            (Kind::Table, "t"),
            (Kind::View, "v"),
            (Kind::Index, "i"),
        ];
        let first = ordered(&keys, &edges);
        for _ in 0..keys.len() {
            keys.rotate_left(1);
            assert_eq!(ordered(&keys, &edges), first);
        }
        keys.reverse();
        assert_eq!(ordered(&keys, &edges), first);
        assert_eq!(first, ["f", "t", "v", "g", "i"]);
    }

    #[test]
    fn foreign_keys_and_comments_are_last_even_behind_a_cycle() {
        let keys = [(Kind::ForeignKey, "k"), (Kind::Comment, "c"), (Kind::Table, "t"), (Kind::Function, "f")];
        let edges = [("f", "t"), ("t", "f"), ("k", "t")];
        assert_eq!(ordered(&keys, &edges), ["f", "t", "k", "c"]);
    }

    #[test]
    fn a_cycle_is_broken_at_its_own_least_key() {
        let keys = [(Kind::Enum, "a"), (Kind::Table, "t"), (Kind::Function, "f"), (Kind::View, "v")];
        // `a` only waits behind the cycle, so it must not be the one that goes first
        let edges = [("a", "t"), ("t", "f"), ("f", "t"), ("v", "a")];
        assert_eq!(ordered(&keys, &edges), ["f", "t", "a", "v"]);
    }

    #[test]
    fn repeated_edges_and_self_dependencies_do_no_harm() {
        let keys = [(Kind::Table, "a"), (Kind::Table, "b")];
        assert_eq!(ordered(&keys, &[("a", "b"), ("a", "b"), ("a", "a")]), ["b", "a"]);
    }
}
