//! One order of two: what both sides say about each pair of entries, sorted topologically.
//!
//! Entries are numbers here. For two entries that were in the base and are on both sides, the side that
//! turned them round decides; for all others, every side that has both. What is free then comes as ours
//! has it, and what only theirs has behind that. A circle is a real contradiction.
//!
//! Pairs are quadratic, so edges are drawn along *chains*: runs in which one side decides everything. Only
//! what the other side moved stands outside of a chain, and is tied to its neighbours one by one.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};

use super::super::sequence::stayed;
use super::Side;

/// Who says that one entry stands before another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    One(Side),
    Both,
}

/// Each entry stands before the next one, and the last before the first, as somebody says.
pub(super) type Circle = Vec<(usize, Who)>;

/// Three orders of the entries `0..n`; an order need not have all of them.
pub(super) struct Orders<'a> {
    pub(super) n: usize,
    pub(super) base: &'a [usize],
    pub(super) ours: &'a [usize],
    pub(super) theirs: &'a [usize],
}

/// The order of all, or why there is none.
pub(super) fn merge(orders: &Orders<'_>) -> Result<Vec<usize>, Circle> {
    let places = Places::of(orders);
    let graph = Graph::of(orders, &places);
    let sorted = graph.sorted(&places);
    if sorted.len() == orders.n { Ok(sorted) } else { Err(graph.circle(&sorted)) }
}

/// The order of `main`; what only the other side has follows the entry that it follows there, or everything
/// if nothing of `main` stands behind it there.
pub(super) fn follow(n: usize, main: &[usize], other: &[usize]) -> Vec<usize> {
    let mine = place(n, main);
    let mut followers: Vec<Vec<usize>> = vec![Vec::new(); n];
    let (mut first, mut last) = (Vec::new(), Vec::new());
    let end = other.iter().rposition(|e| mine[*e].is_some()).unwrap_or_default();
    let mut anchor = None;
    for (at, entry) in other.iter().enumerate() {
        match (mine[*entry], anchor) {
            (Some(_), _) => anchor = Some(*entry),
            (None, _) if at > end => last.push(*entry),
            (None, Some(anchor)) => followers[anchor].push(*entry),
            (None, None) => first.push(*entry),
        }
    }
    let with_followers =
        main.iter().flat_map(|entry| std::iter::once(*entry).chain(followers[*entry].clone()));
    first.into_iter().chain(with_followers).chain(last).collect()
}

fn place(n: usize, order: &[usize]) -> Vec<Option<usize>> {
    let mut places = vec![None; n];
    for (place, entry) in order.iter().enumerate() {
        places[*entry] = Some(place);
    }
    places
}

/// Where each entry stands in each order.
struct Places {
    base: Vec<Option<usize>>,
    ours: Vec<Option<usize>>,
    theirs: Vec<Option<usize>>,
}

impl Places {
    fn of(orders: &Orders<'_>) -> Self {
        let place = |order| place(orders.n, order);
        Self { base: place(orders.base), ours: place(orders.ours), theirs: place(orders.theirs) }
    }

    /// In all three: the side that turned a pair of such entries round decides about it.
    fn settled(&self, entry: usize) -> bool {
        [&self.base, &self.ours, &self.theirs].iter().all(|places| places[entry].is_some())
    }

    /// Which of two settled entries comes first, and who says so.
    fn rule(&self, x: usize, y: usize) -> (usize, usize, Who) {
        let first = |places: &[Option<usize>]| places[x] < places[y];
        let (base, ours, theirs) = (first(&self.base), first(&self.ours), first(&self.theirs));
        let who = match (ours == theirs, ours == base) {
            (true, _) => Who::Both,
            (false, true) => Who::One(Side::Theirs),
            (false, false) => Who::One(Side::Ours),
        };
        let x_first = if who == Who::One(Side::Theirs) { theirs } else { ours };
        if x_first { (x, y, who) } else { (y, x, who) }
    }

    /// The settled entries that a side moved, as few as can be.
    fn moved(&self, order: &[usize]) -> Vec<bool> {
        let settled: Vec<usize> = order.iter().copied().filter(|entry| self.settled(*entry)).collect();
        let old: Vec<usize> = settled.iter().filter_map(|entry| self.base[*entry]).collect();
        let mut moved = vec![false; self.base.len()];
        for (entry, stayed) in settled.iter().zip(stayed(&old)) {
            moved[*entry] = !stayed;
        }
        moved
    }

    /// Whether both sides have what they share in one order.
    fn agree(&self, orders: &Orders<'_>) -> bool {
        let shared = |order: &[usize], other: &[Option<usize>]| -> Vec<usize> {
            order.iter().copied().filter(|entry| other[*entry].is_some()).collect()
        };
        shared(orders.ours, &self.theirs) == shared(orders.theirs, &self.ours)
    }
}

/// What must come before what.
struct Graph {
    after: Vec<Vec<(usize, Who)>>,
}

impl Graph {
    fn of(orders: &Orders<'_>, places: &Places) -> Self {
        let mut graph = Self { after: vec![Vec::new(); orders.n] };
        let none = vec![false; orders.n];
        let (by_ours, by_theirs) = if places.agree(orders) {
            (none.clone(), none)
        } else {
            (places.moved(orders.ours), places.moved(orders.theirs))
        };
        graph.chain(orders.ours.iter().filter(|entry| !by_theirs[**entry]), Who::One(Side::Ours));
        graph.chain(orders.theirs.iter().filter(|entry| !by_ours[**entry]), Who::One(Side::Theirs));
        graph.among_new(orders.ours, &by_theirs, places, Who::One(Side::Ours));
        graph.among_new(orders.theirs, &by_ours, places, Who::One(Side::Theirs));
        graph.moved_by_both(orders, &by_ours, &by_theirs, places);
        graph
    }

    fn edge(&mut self, before: usize, after: usize, who: Who) {
        self.after[before].push((after, who));
    }

    fn chain<'a>(&mut self, entries: impl Iterator<Item = &'a usize>, who: Who) {
        let mut last = None;
        for entry in entries {
            if let Some(last) = last.replace(*entry) {
                self.edge(last, *entry, who);
            }
        }
    }

    /// Ties what the other side moved to the nearest entries that only this side can place.
    fn among_new(&mut self, order: &[usize], moved: &[bool], places: &Places, who: Who) {
        let mut last = None;
        let mut waiting = Vec::new();
        for entry in order {
            if !places.settled(*entry) {
                for moved in waiting.drain(..) {
                    self.edge(moved, *entry, who);
                }
                last = Some(*entry);
            } else if moved[*entry] {
                if let Some(last) = last {
                    self.edge(last, *entry, who);
                }
                waiting.push(*entry);
            }
        }
    }

    /// Pairs of which each entry was moved by another side, and what both moved.
    fn moved_by_both(&mut self, orders: &Orders<'_>, ours: &[bool], theirs: &[bool], places: &Places) {
        let all = |moved: &[bool]| (0..orders.n).filter(|entry| moved[*entry]).collect::<Vec<_>>();
        let (by_ours, by_theirs) = (all(ours), all(theirs));
        for x in &by_ours {
            for y in by_theirs.iter().filter(|y| *y != x) {
                let (before, after, who) = places.rule(*x, *y);
                self.edge(before, after, who);
            }
        }
        let core: Vec<usize> = (orders.base.iter().copied())
            .filter(|entry| places.settled(*entry) && !ours[*entry] && !theirs[*entry])
            .collect();
        for x in by_ours.iter().filter(|x| theirs[**x]) {
            let rules = || core.iter().map(|y| places.rule(*x, *y));
            if let Some((before, after, who)) = rules().rfind(|(_, after, _)| after == x) {
                self.edge(before, after, who);
            }
            if let Some((before, after, who)) = rules().find(|(before, ..)| before == x) {
                self.edge(before, after, who);
            }
        }
    }

    fn sorted(&self, places: &Places) -> Vec<usize> {
        let mut waits = vec![0usize; self.after.len()];
        for (after, _) in self.after.iter().flatten() {
            waits[*after] += 1;
        }
        let rank = |entry: usize| match places.ours[entry] {
            Some(place) => (false, place),
            None => (true, places.theirs[entry].unwrap_or_default()),
        };
        let free = (0..self.after.len()).filter(|entry| waits[*entry] == 0);
        let mut free: BinaryHeap<_> = free.map(|entry| Reverse((rank(entry), entry))).collect();
        let mut sorted = Vec::with_capacity(self.after.len());
        while let Some(Reverse((_, entry))) = free.pop() {
            sorted.push(entry);
            for (after, _) in &self.after[entry] {
                waits[*after] -= 1;
                if waits[*after] == 0 {
                    free.push(Reverse((rank(*after), *after)));
                }
            }
        }
        sorted
    }

    /// A short circle among what could not be sorted.
    fn circle(&self, sorted: &[usize]) -> Circle {
        let mut stuck = vec![true; self.after.len()];
        for entry in sorted {
            stuck[*entry] = false;
        }
        let mut before = vec![None; self.after.len()];
        for entry in (0..self.after.len()).filter(|entry| stuck[*entry]) {
            for (after, _) in &self.after[entry] {
                before[*after] = Some(entry);
            }
        }
        // whatever is stuck waits for something stuck: going back long enough ends in a circle
        let mut start = stuck.iter().position(|stuck| *stuck).unwrap_or_default();
        for _ in 0..self.after.len() {
            start = before[start].unwrap_or(start);
        }
        joined(self.shortest(start, &stuck))
    }

    fn shortest(&self, start: usize, stuck: &[bool]) -> Circle {
        let mut from: Vec<Option<(usize, Who)>> = vec![None; self.after.len()];
        let mut queue = VecDeque::from([start]);
        while let Some(entry) = queue.pop_front().filter(|_| from[start].is_none()) {
            for (after, who) in self.after[entry].iter().filter(|(after, _)| stuck[*after]) {
                if from[*after].is_none() {
                    from[*after] = Some((entry, *who));
                    queue.push_back(*after);
                }
            }
        }
        let mut circle = Vec::new();
        let mut at = start;
        while let Some((entry, who)) = from[at] {
            circle.push((entry, who));
            at = entry;
            if at == start {
                break;
            }
        }
        circle.reverse();
        circle
    }
}

/// Neighbours of which the same side speaks become one.
fn joined(mut circle: Circle) -> Circle {
    let n = circle.len();
    let turn = (0..n).find(|at| circle[*at].1 != circle[(at + n - 1) % n].1).unwrap_or_default();
    circle.rotate_left(turn);
    circle.dedup_by(|next, first| next.1 == first.1);
    circle
}
