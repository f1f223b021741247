//! Many times in little room.

use hdrhistogram::Histogram;
use serde_json::{Value, json};

/// Times in microseconds, to three digits; an hour is the longest.
#[derive(Clone, Debug)]
pub struct Spread(Histogram<u64>);

/// An hour.
const LONGEST: u64 = 3_600_000_000;

impl Spread {
    /// Adds one time.
    pub fn add(&mut self, micros: u64) {
        self.add_many(micros, 1);
    }

    /// The time that this share of all does not exceed, in milliseconds; 0 of none.
    pub fn millis(&self, share: f64) -> f64 {
        let micros = self.0.value_at_quantile(share);
        micros as f64 / 1_000.0
    }

    /// p50, p95, p99 and the longest, in milliseconds.
    pub fn json(&self) -> Value {
        json!({
            "count": self.0.len(),
            "p50_ms": self.millis(0.5),
            "p95_ms": self.millis(0.95),
            "p99_ms": self.millis(0.99),
            "max_ms": self.millis(1.0),
        })
    }

    /// What [`from_pairs`](Spread::from_pairs) reads: times, and how many there are of each.
    pub(crate) fn pairs(&self) -> Vec<(u64, u64)> {
        let each = self.0.iter_recorded();
        each.map(|step| (step.value_iterated_to(), step.count_at_value())).collect()
    }

    pub(crate) fn add_pairs(&mut self, pairs: &[(u64, u64)]) {
        for (micros, count) in pairs {
            self.add_many(*micros, *count);
        }
    }

    fn add_many(&mut self, micros: u64, count: u64) {
        self.0.saturating_record_n(micros.clamp(1, LONGEST), count);
    }
}

impl Default for Spread {
    fn default() -> Spread {
        // What makes it fail is a range that is none and more than five digits.
        Spread(Histogram::new_with_bounds(1, LONGEST, 3).unwrap_or_else(|_| unreachable!()))
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "p50 {:.2} ms, p95 {:.2} ms, p99 {:.2} ms",
            self.millis(0.5),
            self.millis(0.95),
            self.millis(0.99)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spreads_of_several_nodes_are_added_up() {
        let (mut one, mut other) = (Spread::default(), Spread::default());
        (1..=50).for_each(|n| one.add(n * 1_000));
        (51..=100).for_each(|n| other.add(n * 1_000));
        one.add_pairs(&other.pairs());
        assert_eq!(one.json()["count"], 100);
        assert!((one.millis(0.5) - 50.0).abs() < 0.1, "{one}");
        assert!((one.millis(0.99) - 99.0).abs() < 0.2, "{one}");
    }
}
