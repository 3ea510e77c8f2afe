//! The order of migrations that are not locked yet.
//!
//! A topological order with a priority queue. Hard edges: the order inside a module; `depends-on`, `contract-of`;
//! and for each migration a and each module B that its module depends on, one edge from the last b
//! of B that does not itself wait for a (by the first two kinds) and where a or b is not
//! timestamped. So between timestamped migrations time decides, else dependencies come first, and
//! an explicit `depends-on` wins. One edge per pair (a, B): 100,000 entries stay linear.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::rc::Rc;

use petgraph::graph::{DiGraph, NodeIndex};

use crate::catalogue::{Catalogue, Place};
use crate::diagnostic::Diagnostic;
use crate::id::{MigrationId, Version};
use crate::migration::Former;

/// What decides among migrations that are ready.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Priority {
    /// `None` (sequential) sorts before all time.
    time: Option<String>,
    rank: usize,
    version: Version,
    name: String,
}

/// The new migrations of one module, in the module's order.
struct Lane {
    rank: usize,
    nodes: Vec<NodeIndex>,
    timestamped: Vec<bool>,
    /// For each index, how many of the lane up to and including it are sequential-last: the index of
    /// the last sequential migration at or before it.
    last_sequential: Vec<Option<usize>>,
}

/// For a migration, the first migration of each module that waits for it (by the first two kinds of
/// edges). Shared along a module's order, where it seldom changes.
type Waiting = Rc<BTreeMap<usize, usize>>;

/// Sorts `places` (all not locked) or names the circle in which they wait for each other.
pub(super) fn order(catalogue: &Catalogue, places: &[Place]) -> Result<Vec<Place>, Diagnostic> {
    let mut graph: DiGraph<Place, ()> = DiGraph::with_capacity(places.len(), places.len() * 2);
    let mut sorted = places.to_vec();
    sorted.sort();
    let nodes: Vec<NodeIndex> = sorted.iter().map(|place| graph.add_node(*place)).collect();
    let lanes = lanes(catalogue, &sorted, &nodes);
    let mut by_id: HashMap<&MigrationId, NodeIndex> = HashMap::new();
    for (place, node) in sorted.iter().zip(&nodes) {
        let migration = catalogue.at(*place);
        let former = migration.replaces.iter().flat_map(Former::names);
        by_id.extend(former.chain([&migration.id]).map(|id| (id, *node)));
    }
    for lane in &lanes {
        for pair in lane.nodes.windows(2) {
            graph.add_edge(pair[0], pair[1], ());
        }
    }
    for (place, node) in sorted.iter().zip(&nodes) {
        let migration = catalogue.at(*place);
        for dependency in migration.depends_on.iter().chain(&migration.contract_of) {
            if let Some(from) = by_id.get(dependency) {
                graph.add_edge(*from, *node, ());
            }
        }
    }
    let first = topological(catalogue, &graph)?;
    add_module_edges(catalogue, &mut graph, &lanes, &first);
    let order = topological(catalogue, &graph)?;
    Ok(order.into_iter().map(|node| graph[node]).collect())
}

fn lanes(catalogue: &Catalogue, sorted: &[Place], nodes: &[NodeIndex]) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    for (place, node) in sorted.iter().zip(nodes) {
        if lanes.last().is_none_or(|lane| lane.rank != place.module) {
            lanes.push(Lane {
                rank: place.module,
                nodes: Vec::new(),
                timestamped: Vec::new(),
                last_sequential: Vec::new(),
            });
        }
        let Some(lane) = lanes.last_mut() else { continue };
        let timestamped = catalogue.at(*place).version.timestamp().is_some();
        let index = lane.nodes.len();
        let before = lane.last_sequential.last().copied().flatten();
        lane.last_sequential.push(if timestamped { before } else { Some(index) });
        lane.timestamped.push(timestamped);
        lane.nodes.push(*node);
    }
    lanes
}

/// Adds the third kind of edges.
fn add_module_edges(
    catalogue: &Catalogue,
    graph: &mut DiGraph<Place, ()>,
    lanes: &[Lane],
    order: &[NodeIndex],
) {
    let lane_of_rank: HashMap<usize, usize> = lanes.iter().enumerate().map(|(i, l)| (l.rank, i)).collect();
    let mut position = vec![(0, 0); graph.node_count()];
    for (l, lane) in lanes.iter().enumerate() {
        for (i, node) in lane.nodes.iter().enumerate() {
            position[node.index()] = (l, i);
        }
    }
    let waiting = waiting(graph, &position, order);
    let mut edges = Vec::new();
    for lane in lanes {
        let module = &catalogue.modules()[lane.rank];
        let needed: Vec<usize> = module
            .depends_on
            .iter()
            .filter_map(|namespace| lane_of_rank.get(&catalogue.rank(namespace)?).copied())
            .filter(|needed| lanes[*needed].rank != lane.rank)
            .collect();
        for (i, a) in lane.nodes.iter().enumerate() {
            for b_lane in &needed {
                let other = &lanes[*b_lane];
                let end = waiting[a.index()].get(b_lane).copied().unwrap_or(other.nodes.len());
                if let Some(b) = last_before(other, end, lane.timestamped[i]) {
                    edges.push((other.nodes[b], *a));
                }
            }
        }
    }
    for (b, a) in edges {
        graph.add_edge(b, a, ());
    }
}

/// The last index below `end` that may not be ordered by time against a.
fn last_before(lane: &Lane, end: usize, a_timestamped: bool) -> Option<usize> {
    let last = end.checked_sub(1)?;
    if a_timestamped { lane.last_sequential[last] } else { Some(last) }
}

fn waiting(graph: &DiGraph<Place, ()>, position: &[(usize, usize)], order: &[NodeIndex]) -> Vec<Waiting> {
    let empty: Waiting = Rc::new(BTreeMap::new());
    let mut waiting = vec![empty; graph.node_count()];
    for node in order.iter().rev() {
        let own_lane = position[node.index()].0;
        let mut mine: Option<Waiting> = None;
        for next in graph.neighbors(*node) {
            let (lane, index) = position[next.index()];
            let theirs = &waiting[next.index()];
            if lane == own_lane && mine.is_none() {
                mine = Some(Rc::clone(theirs));
                continue;
            }
            let mut merged = mine.as_deref().cloned().unwrap_or_default();
            for (l, i) in theirs.iter().map(|(l, i)| (*l, *i)).chain([(lane, index)]) {
                merged.entry(l).and_modify(|old| *old = i.min(*old)).or_insert(i);
            }
            merged.remove(&own_lane);
            mine = Some(Rc::new(merged));
        }
        if let Some(mine) = mine {
            waiting[node.index()] = mine;
        }
    }
    waiting
}

/// Kahn's algorithm, the best of the ready first.
fn topological(catalogue: &Catalogue, graph: &DiGraph<Place, ()>) -> Result<Vec<NodeIndex>, Diagnostic> {
    let mut open: Vec<usize> = vec![0; graph.node_count()];
    for edge in graph.raw_edges() {
        open[edge.target().index()] += 1;
    }
    let priority = |node: NodeIndex| {
        let place = graph[node];
        let migration = catalogue.at(place);
        Priority {
            time: migration.version.timestamp(),
            rank: place.module,
            version: migration.version.clone(),
            name: migration.id.name().to_owned(),
        }
    };
    let mut ready: BinaryHeap<Reverse<(Priority, NodeIndex)>> = graph
        .node_indices()
        .filter(|node| open[node.index()] == 0)
        .map(|node| Reverse((priority(node), node)))
        .collect();
    let mut order = Vec::with_capacity(graph.node_count());
    while let Some(Reverse((_, node))) = ready.pop() {
        order.push(node);
        for next in graph.neighbors(node) {
            open[next.index()] -= 1;
            if open[next.index()] == 0 {
                ready.push(Reverse((priority(next), next)));
            }
        }
    }
    if order.len() == graph.node_count() { Ok(order) } else { Err(circle(catalogue, graph, &open)) }
}

/// Walks backwards among the stuck until a migration comes again: that is a circle.
fn circle(catalogue: &Catalogue, graph: &DiGraph<Place, ()>, open: &[usize]) -> Diagnostic {
    let stuck = |node: &NodeIndex| open[node.index()] > 0;
    let mut path: Vec<NodeIndex> = graph.node_indices().filter(stuck).take(1).collect();
    while let Some(last) = path.last() {
        let Some(before) = graph.neighbors_directed(*last, petgraph::Direction::Incoming).find(stuck) else {
            break;
        };
        if let Some(start) = path.iter().position(|node| *node == before) {
            path.push(before);
            path.drain(..start);
            break;
        }
        path.push(before);
    }
    path.reverse();
    let names: Vec<String> = path.iter().map(|node| format!("`{}`", catalogue.at(graph[*node]).id)).collect();
    let mut diagnostic = Diagnostic::new("migrations wait for each other in a circle");
    diagnostic.notes.push(names.join(" before "));
    diagnostic.help("remove one `depends-on` of the circle, or lock these entries in an order by hand")
}
