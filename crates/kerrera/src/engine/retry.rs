//! How long a loop waits after an error before it tries again; for ever, never giving up.

use std::time::Duration;

/// Waits that grow from a tenth of a second to two seconds, with jitter: after a long outage, all goes
/// on soon after the database is back. How often it is really connected to is for the storage to say.
#[derive(Debug, Default)]
pub(crate) struct Retry {
    failures: u32,
}

impl Retry {
    const FIRST: Duration = Duration::from_millis(100);
    const LONGEST: Duration = Duration::from_secs(2);

    /// One more failure; how long to wait. `jitter` is between 0 and 1.
    pub(crate) fn failed(&mut self, jitter: f64) -> Duration {
        let wait = Retry::FIRST.saturating_mul(1 << self.failures.min(10)).min(Retry::LONGEST);
        self.failures = self.failures.saturating_add(1);
        wait.mul_f64(0.75 + 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// It worked.
    pub(crate) fn succeeded(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_and_stay_bounded_for_ever() {
        let mut retry = Retry::default();
        let waits: Vec<_> = (0..100).map(|_| retry.failed(0.5)).collect();
        assert_eq!(waits[0], Retry::FIRST);
        assert!(waits.is_sorted());
        assert_eq!(waits[99], Retry::LONGEST);
        retry.succeeded();
        assert_eq!(retry.failed(0.5), Retry::FIRST);
    }
}
