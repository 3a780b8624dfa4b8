//! The retries of a run against one server, capped, so that they cannot multiply the load on it when it is already down.

use crate::failure::FailureClass;

/// One retry costs ten tokens, one request brings one.
const COST: u64 = 10;

/// Retries a run may make before any request earned one.
const FREE_RETRIES: u64 = 100;

/// A token bucket: retries up to 10 % of the requests, and 100 more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryBudget {
    tokens: u64,
}

impl RetryBudget {
    /// The budget at the beginning of a run.
    #[must_use]
    pub fn new() -> Self {
        Self {
            tokens: FREE_RETRIES * COST,
        }
    }

    /// Notes the first try of a request. A retry earns nothing.
    pub fn requested(&mut self) {
        self.tokens = self.tokens.saturating_add(1);
    }

    /// Whether one more retry may be made, which then counts.
    ///
    /// Being throttled is not charged: fewer requests at a time and longer waits bound it already, and a storm of
    /// `SlowDown` must not use up what broken connections need.
    #[must_use]
    pub fn spend(&mut self, class: FailureClass) -> bool {
        if matches!(class, FailureClass::Throttled { .. }) {
            return true;
        }
        match self.tokens.checked_sub(COST) {
            Some(left) => {
                self.tokens = left;
                true
            }
            None => false,
        }
    }
}

impl Default for RetryBudget {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries_left(mut budget: RetryBudget) -> u64 {
        let mut count = 0;
        while budget.spend(FailureClass::Transient) {
            count += 1;
        }
        count
    }

    #[test]
    fn a_run_may_retry_a_hundred_times_and_a_tenth_of_its_requests() {
        for (requests, retries) in [(0, 100), (9, 100), (10, 101), (5_000, 600)] {
            let mut budget = RetryBudget::new();
            for _ in 0..requests {
                budget.requested();
            }
            assert_eq!(retries_left(budget), retries, "{requests} requests");
        }
    }

    #[test]
    fn being_throttled_costs_nothing() {
        let mut budget = RetryBudget::new();
        for _ in 0..1_000 {
            assert!(budget.spend(FailureClass::Throttled { after: None }));
        }
        assert_eq!(retries_left(budget), 100);
    }
}
