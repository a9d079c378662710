//! Sets of possible sums.

/// A set of integers as a sorted list of disjoint intervals. Adjacent intervals are merged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct PossibleSums {
    intervals: Vec<(i128, i128)>,
    /// False if there were too many intervals. The set is then a superset of the actual one.
    exact: bool,
    /// The number of intervals that may still be visited.
    budget: usize,
}

impl PossibleSums {
    /// The largest number of intervals. More are merged into one. Small additions leave few gaps between sums, but with large
    /// ones the number of gaps may grow exponentially.
    const MOST_INTERVALS: usize = 100_000;
    const BUDGET: usize = 100_000_000;

    /// The sums of `certain` and of any subset of `possible`.
    pub(super) fn new(certain: i128, mut possible: Vec<i128>) -> PossibleSums {
        let mut sums = PossibleSums { intervals: vec![(certain, certain)], exact: true, budget: Self::BUDGET };
        // Small ones first: they close gaps, which larger ones would multiply.
        possible.sort_unstable_by_key(|delta| (delta.unsigned_abs(), *delta));
        for delta in possible {
            sums.add_optional(delta);
        }
        sums
    }

    /// The union of the set and the set shifted by `delta`.
    pub(super) fn add_optional(&mut self, delta: i128) {
        let shifted = |i: usize| self.intervals.get(i).map(|(low, high)| (low + delta, high + delta));
        let mut union: Vec<(i128, i128)> = Vec::with_capacity(self.intervals.len() + 1);
        let (mut i, mut j) = (0, 0);
        loop {
            let (here, there) = (self.intervals.get(i).copied(), shifted(j));
            let Some(next) = here.into_iter().chain(there).min() else { break };
            if Some(next) == here {
                i += 1;
            } else {
                j += 1;
            }
            match union.last_mut() {
                Some(last) if next.0 <= last.1 + 1 => last.1 = last.1.max(next.1),
                _ => union.push(next),
            }
        }
        self.intervals = union;
        self.budget = self.budget.saturating_sub(self.intervals.len());
        if self.intervals.len() > Self::MOST_INTERVALS || self.budget == 0 {
            self.exact = self.intervals.len() == 1;
            self.intervals = vec![(self.lowest(), self.highest())];
        }
    }

    pub(super) fn lowest(&self) -> i128 {
        self.intervals[0].0
    }

    pub(super) fn highest(&self) -> i128 {
        self.intervals[self.intervals.len() - 1].1
    }

    pub(super) fn contains(&self, sum: i128) -> bool {
        let after = self.intervals.partition_point(|(low, _)| *low <= sum);
        after > 0 && sum <= self.intervals[after - 1].1
    }

    pub(super) fn intervals(&self) -> &[(i128, i128)] {
        &self.intervals
    }

    pub(super) fn is_exact(&self) -> bool {
        self.exact
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn intervals_merge_when_they_touch() {
        assert_eq!(PossibleSums::new(5, vec![]).intervals(), [(5, 5)]);
        assert_eq!(PossibleSums::new(5, vec![1, 2]).intervals(), [(5, 8)]);
        assert_eq!(PossibleSums::new(5, vec![10, 1]).intervals(), [(5, 6), (15, 16)]);
        assert_eq!(PossibleSums::new(0, vec![-3, 3, 0]).intervals(), [(-3, -3), (0, 0), (3, 3)]);
    }

    #[test]
    fn too_many_intervals_become_one_that_is_not_exact() {
        let sums = PossibleSums::new(0, (0..40).map(|i| 3_i128.pow(i)).collect());
        assert!(!sums.is_exact());
        assert_eq!(sums.lowest(), 0);
        assert_eq!(sums.highest(), (0..40).map(|i| 3_i128.pow(i)).sum::<i128>());
    }

    #[test]
    fn many_small_ones_are_cheap() {
        let sums = PossibleSums::new(0, (0..100_000).map(|i| i % 10 - 5).collect());
        assert_eq!((sums.intervals().len(), sums.is_exact()), (1, true));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_all_subsets(certain in -9..9_i128, possible in prop::collection::vec(-30..30_i128, 0..9)) {
            let sums = PossibleSums::new(certain, possible.clone());
            let subset = |mask: usize| possible.iter().enumerate().filter(|(i, _)| mask >> i & 1 == 1).map(|(_, d)| d).sum::<i128>();
            let all: std::collections::BTreeSet<i128> = (0..1 << possible.len()).map(|mask| certain + subset(mask)).collect();
            for sum in -300..300 {
                prop_assert_eq!(sums.contains(sum), all.contains(&sum));
            }
            prop_assert!(sums.intervals().windows(2).all(|pair| pair[0].1 + 1 < pair[1].0));
        }
    }
}
