//! How long things took, in buckets of fixed bounds.

use std::time::Duration;

use serde::Serialize;

/// How many buckets there are: one up to a millisecond, five to each power of ten, one for all above
/// 17.5 hours.
pub const BUCKETS: usize = 41;

/// Where each bucket but the last ends, in microseconds: 10^(n/5) milliseconds.
const BOUNDS: [u64; BUCKETS - 1] = bounds();

/// The fifth root of ten, by whose powers the bounds of a decade grow.
const DECADE: [u64; 5] = [100_000, 158_489, 251_189, 398_107, 630_957];

const fn bounds() -> [u64; BUCKETS - 1] {
    let mut bounds = [0; BUCKETS - 1];
    let (mut at, mut scale) = (0, 1);
    while at < bounds.len() {
        bounds[at] = DECADE[at % 5] * scale / 100;
        at += 1;
        if at % 5 == 0 {
            scale *= 10;
        }
    }
    bounds
}

/// How long things took, in [`BUCKETS`] buckets, whose bounds never change: those of any minute, node
/// and worker can be added up.
///
/// A time that is read from it is the middle of its bucket, by ratio: at most 26 % away from the true
/// one, if that is longer than a millisecond and no more than 17.5 hours. The longest is known exactly.
///
/// ```
/// use kerrera_core::metrics::Histogram;
/// use std::time::Duration;
///
/// let mut took = Histogram::default();
/// (1..=100).for_each(|n| took.note(Duration::from_millis(n)));
/// let all = took.percentiles().unwrap();
/// assert_eq!((all.count, all.max), (100, Duration::from_millis(100)));
/// let error = all.p50.as_secs_f64() / 0.050;
/// assert!((0.79..1.26).contains(&error));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Histogram {
    pub(super) buckets: [u64; BUCKETS],
    /// The sum and the longest, in microseconds.
    pub(super) sum: u64,
    pub(super) max: u64,
}

impl Default for Histogram {
    fn default() -> Histogram {
        Histogram { buckets: [0; BUCKETS], sum: 0, max: 0 }
    }
}

impl Histogram {
    /// Adds one. Costs some nanoseconds.
    pub fn note(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.buckets[BOUNDS.partition_point(|bound| *bound < micros)] += 1;
        self.sum = self.sum.saturating_add(micros);
        self.max = self.max.max(micros);
    }

    /// Adds all of another.
    pub fn add(&mut self, other: &Histogram) {
        for (bucket, more) in self.buckets.iter_mut().zip(other.buckets) {
            *bucket = bucket.saturating_add(more);
        }
        self.sum = self.sum.saturating_add(other.sum);
        self.max = self.max.max(other.max);
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.buckets.iter().fold(0, |sum, bucket| sum.saturating_add(*bucket))
    }

    /// The time below which this part of them took; `None` if there are none.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let count = self.count();
        if count == 0 {
            return None;
        }
        let rank = ((count as f64 * part).ceil() as u64).clamp(1, count);
        let mut seen = 0;
        let bucket = self.buckets.iter().position(|bucket| {
            seen += bucket;
            seen >= rank
        })?;
        let middle = match (bucket.checked_sub(1), BOUNDS.get(bucket)) {
            (None, _) => BOUNDS[0] / 2,
            (Some(below), Some(above)) => ((BOUNDS[below] as f64) * (*above as f64)).sqrt() as u64,
            (Some(_), None) => self.max,
        };
        Some(Duration::from_micros(middle.min(self.max)))
    }

    /// The usual ones; `None` if there are none.
    pub fn percentiles(&self) -> Option<Percentiles> {
        let count = self.count();
        Some(Percentiles {
            count,
            mean: Duration::from_micros(self.sum.checked_div(count)?),
            p50: self.quantile(0.50)?,
            p95: self.quantile(0.95)?,
            p99: self.quantile(0.99)?,
            max: Duration::from_micros(self.max),
        })
    }
}

/// How long things took, in a few numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Percentiles {
    /// Of how many.
    pub count: u64,
    /// On average.
    pub mean: Duration,
    /// Half of them took no longer.
    pub p50: Duration,
    /// All but one in twenty took no longer.
    pub p95: Duration,
    /// All but one in a hundred took no longer.
    pub p99: Duration,
    /// The longest, exactly.
    pub max: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_go_from_a_millisecond_to_hours_by_the_same_ratio() {
        assert_eq!(BOUNDS[..6], [1_000, 1_584, 2_511, 3_981, 6_309, 10_000]);
        assert_eq!(BOUNDS[BUCKETS - 2], 63_095_700_000, "17.5 hours");
        for pair in BOUNDS.windows(2) {
            let ratio = pair[1] as f64 / pair[0] as f64;
            assert!((1.58..1.59).contains(&ratio), "{pair:?}");
        }
    }

    #[test]
    fn a_time_that_is_read_is_at_most_a_quarter_off() {
        let mut micros = 1_001_f64;
        while micros < 60_000_000_000.0 {
            let mut one = Histogram::default();
            one.note(Duration::from_micros(micros as u64));
            // One that is longer, so that its exact length does not help.
            one.note(Duration::from_secs(86_400));
            let error = one.quantile(0.5).unwrap().as_micros() as f64 / micros;
            assert!((0.79..1.26).contains(&error), "{micros}: {error}");
            micros *= 1.07;
        }
    }

    #[test]
    fn the_longest_is_exact_and_nothing_is_above_it() {
        let mut took = Histogram::default();
        assert_eq!(took.percentiles(), None);
        took.note(Duration::from_micros(3));
        let all = took.percentiles().unwrap();
        assert_eq!((all.p50, all.max), (Duration::from_micros(3), Duration::from_micros(3)));
        took.note(Duration::from_secs(200_000));
        assert_eq!(took.quantile(1.0), Some(Duration::from_secs(200_000)), "above all bounds");
    }
}
