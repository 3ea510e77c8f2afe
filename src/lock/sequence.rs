//! Which elements of an order stayed, and which were moved.
//!
//! Numbers only: what they stand for is the caller's. The elements that stayed are a longest increasing
//! subsequence, so the moved ones are as few as can be.

/// For each element of `order` (its places in an older order, all different), whether it stayed.
pub(super) fn stayed(order: &[usize]) -> Vec<bool> {
    let mut ends: Vec<usize> = Vec::new(); // ends[n]: where the lowest end of a run of n + 1 stands
    let mut before: Vec<Option<usize>> = Vec::with_capacity(order.len());
    for (at, value) in order.iter().enumerate() {
        let length = ends.partition_point(|end| order[*end] < *value);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        if length == ends.len() {
            ends.push(at);
        } else {
            ends[length] = at;
        }
    }
    let mut stayed = vec![false; order.len()];
    let mut at = ends.last().copied();
    while let Some(here) = at {
        stayed[here] = true;
        at = before[here];
    }
    stayed
}

#[cfg(test)]
mod tests {
    use super::stayed;

    #[test]
    fn as_few_as_can_be_moved() {
        assert!(stayed(&[]).is_empty());
        assert_eq!(stayed(&[1, 2, 3, 0]), [true, true, true, false]);
        assert_eq!(stayed(&[3, 0, 1, 2]), [false, true, true, true]);
        assert_eq!(stayed(&[0, 3, 1, 2, 4]), [true, false, true, true, true]);
    }
}
