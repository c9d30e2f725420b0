//! Everything that can be reached from somewhere.

use std::collections::BTreeSet;

/// Everything that is reached from `start` in one step or more: the start itself only where a way leads back to it.
pub fn reachable<T: Copy + Ord, N: IntoIterator<Item = T>>(start: T, next: impl Fn(T) -> N) -> BTreeSet<T> {
    let mut seen = BTreeSet::new();
    let mut open = vec![start];
    while let Some(place) = open.pop() {
        open.extend(next(place).into_iter().filter(|other| seen.insert(*other)));
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_is_reached_only_where_a_way_leads_back() {
        let next = |place: u8| match place {
            0 => vec![1, 2],
            1 => vec![3],
            3 => vec![1, 4],
            _ => Vec::new(),
        };
        assert_eq!(reachable(0, next), BTreeSet::from([1, 2, 3, 4]));
        assert_eq!(reachable(1, next), BTreeSet::from([1, 3, 4]));
        assert_eq!(reachable(4, next), BTreeSet::new());
    }
}
