//! One schema made of two: what is meant to change as one of them has it, the rest as it is in the other.

use std::collections::{BTreeMap, BTreeSet};

use crate::schema::{Kind, Object, Schema};

type Key = (Kind, String);

fn key(object: &Object) -> Key {
    (object.kind, object.name.clone())
}

/// `from` with the objects that `taken` names as `to` has them; one that `to` has not is left out.
pub fn mix(from: &Schema, to: &Schema, taken: impl Fn(&Object) -> bool) -> Schema {
    let mut objects: Vec<Object> = Vec::with_capacity(to.objects.len());
    let mut at_end = Vec::new();
    let in_to: BTreeSet<Key> = to.objects.iter().map(key).collect();
    for object in &to.objects {
        if taken(object) {
            objects.push(object.clone());
        } else if let Some(was) = from.find(object.kind, &object.name) {
            objects.push(was.clone());
        }
    }
    at_end.extend(from.objects.iter().filter(|object| !in_to.contains(&key(object)) && !taken(object)));
    for object in at_end {
        // beside the others of its kind: that is the order where nothing else decides
        let place = objects.iter().rposition(|other| other.kind <= object.kind).map_or(0, |at| at + 1);
        objects.insert(place, object.clone());
    }
    let places: BTreeMap<Key, usize> =
        objects.iter().enumerate().map(|(at, object)| (key(object), at)).collect();
    let mut needs = BTreeSet::new();
    for schema in [to, from] {
        needs.extend(schema.needs.iter().filter_map(|&(one, other)| {
            let place = |at: usize| places.get(&key(schema.objects.get(at)?)).copied();
            let (one, other) = (place(one)?, place(other)?);
            // what the other schema says of an object that is not its own does not count
            let own = schema.objects.contains(&objects[one]);
            own.then_some((one, other))
        }));
    }
    let needs: Vec<(usize, usize)> = needs.into_iter().collect();
    let order = order(objects.len(), &needs);
    Schema::ordered(objects, &order, &needs)
}

/// The places in an order in which each comes after what it needs, else as they stand.
fn order(length: usize, needs: &[(usize, usize)]) -> Vec<usize> {
    let mut waits: Vec<BTreeSet<usize>> = vec![BTreeSet::new(); length];
    let mut waited: Vec<Vec<usize>> = vec![Vec::new(); length];
    for &(one, other) in needs.iter().filter(|(one, other)| one != other) {
        if waits[one].insert(other) {
            waited[other].push(one);
        }
    }
    let mut ready: BTreeSet<usize> = (0..length).filter(|at| waits[*at].is_empty()).collect();
    let mut order = Vec::with_capacity(length);
    while let Some(at) = ready.pop_first() {
        order.push(at);
        for &one in &waited[at] {
            waits[one].remove(&at);
            if waits[one].is_empty() {
                ready.insert(one);
            }
        }
    }
    // a circle has no order; its members stay as they stand
    let placed: BTreeSet<usize> = order.iter().copied().collect();
    order.extend((0..length).filter(|at| !placed.contains(at)));
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: Kind, name: &str, definition: &str) -> Object {
        Object { kind, name: name.to_owned(), definition: definition.to_owned() }
    }

    #[test]
    fn what_is_not_taken_stays_as_it_is() {
        let table = |name, text| object(Kind::Table, name, text);
        let from = Schema {
            objects: vec![
                table("a", "a1"),
                table("gone", "g"),
                table("other", "o1"),
                object(Kind::View, "v", "v1"),
            ],
            needs: vec![(3, 2)],
        };
        let to = Schema {
            objects: vec![table("a", "a2"), table("new", "n"), table("new_other", "n")],
            needs: Vec::new(),
        };
        let mixed = mix(&from, &to, |object| !object.name.contains("other") && object.name != "v");
        let names: Vec<(&str, &str)> =
            mixed.objects.iter().map(|o| (o.name.as_str(), o.definition.as_str())).collect();
        assert_eq!(names, [("a", "a2"), ("new", "n"), ("other", "o1"), ("v", "v1")]);
        assert_eq!(mixed.needs, [(3, 2)]);
    }

    #[test]
    fn needs_come_first() {
        assert_eq!(order(3, &[(0, 2), (2, 1)]), [1, 2, 0]);
        assert_eq!(order(2, &[(0, 1), (1, 0)]), [0, 1]);
    }
}
