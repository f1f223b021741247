//! How long runs take of late.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A moving mean of how long runs take. Nothing waits for anybody here: of two runs that end at once,
/// one may not count.
#[derive(Debug, Default)]
pub(crate) struct Pace(AtomicU64);

impl Pace {
    /// By how much more than the mean a run may count, and how much that is at least, in nanoseconds.
    const JUMP: u64 = 8;
    const MOMENT: u64 = 1_000_000;

    /// A run took this long.
    pub(crate) fn note(&self, took: Duration) {
        // Zero stands for no run at all.
        let took = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX).max(1);
        let mean = self.0.load(Ordering::Relaxed);
        // One run that stood still for a moment says little; several do.
        let took = match mean {
            0 => took,
            _ => took.min(mean.saturating_mul(Pace::JUMP).saturating_add(Pace::MOMENT)),
        };
        // Slow runs are believed sooner than quick ones: what was claimed ahead waits behind them.
        let next = match mean {
            0 => took,
            _ if took > mean => mean + (took - mean) / 4,
            _ => mean - (mean - took) / 16,
        };
        self.0.store(next, Ordering::Relaxed);
    }

    /// How long a run takes; `None` before the first has ended.
    pub(crate) fn mean(&self) -> Option<Duration> {
        let mean = self.0.load(Ordering::Relaxed);
        (mean > 0).then(|| Duration::from_nanos(mean))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mean_follows_slow_runs_soon_and_quick_ones_slowly() {
        let pace = Pace::default();
        assert_eq!(pace.mean(), None);
        pace.note(Duration::ZERO);
        assert_eq!(pace.mean(), Some(Duration::from_nanos(1)));
        pace.note(Duration::from_secs(1));
        assert!(pace.mean().unwrap() < Duration::from_millis(1), "it may have stood still");
        (0..7).for_each(|_| pace.note(Duration::from_secs(1)));
        let slow = pace.mean().unwrap();
        assert!(slow > Duration::from_millis(300), "{slow:?}");
        (0..4).for_each(|_| pace.note(Duration::from_micros(1)));
        assert!(pace.mean().unwrap() > slow * 3 / 4);
    }
}
