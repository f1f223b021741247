//! How long a failed job waits before its next attempt.

use std::time::Duration;

/// The back-off that a worker has unless it says otherwise; Oban's formula.
///
/// `15 + 2^attempt` seconds and up to a tenth more, so that jobs that failed together do not come
/// back together: 17 s after the first attempt, about 20 minutes after the tenth, 12 days after the
/// twentieth. Jobs with more than 20 attempts spread the same curve over all of them.
///
/// ```
/// let wait = kerrera_core::backoff::exponential_with_jitter(1, 20);
/// assert!((17..=18).contains(&wait.as_secs()));
/// ```
pub fn exponential_with_jitter(attempt: i32, max_attempts: i32) -> Duration {
    with_jitter(attempt, max_attempts, fastrand::f64())
}

/// The same with the jitter given: 0.0 for none, 1.0 for the most.
pub fn with_jitter(attempt: i32, max_attempts: i32, jitter: f64) -> Duration {
    /// The exponent at the last attempt.
    const STEEPEST: i32 = 20;

    let exponent = if max_attempts <= STEEPEST {
        attempt
    } else {
        // In f64: `attempt * 20` can leave an i32.
        (f64::from(attempt) / f64::from(max_attempts) * f64::from(STEEPEST)).round() as i32
    };
    // A row of someone else's can claim more attempts than it may have; the curve ends all the same.
    let exponent = exponent.clamp(0, STEEPEST) as u32;
    let base = 15 + (1_u64 << exponent);
    let more = (jitter.clamp(0.0, 1.0) * 0.1 * base as f64) as u64;
    Duration::from_secs(base + more)
}

/// A curve that doubles with every attempt, for a worker's own back-off: Oban's `exponential`.
///
/// `min_pad + mult · 2^attempt` seconds, where the exponent grows up to `max_pow`.
///
/// ```
/// use std::time::Duration;
/// use kerrera_core::backoff::{Exponential, Jitter, jitter};
///
/// let curve = Exponential::new().mult(3).min_pad(Duration::from_secs(10));
/// assert_eq!(curve.wait(2).as_secs(), 10 + 3 * 4);
/// let spread = jitter(curve.wait(2), Jitter::Both, 0.1);
/// # assert!((19..=25).contains(&spread.as_secs()));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use = "ask it how long to wait"]
pub struct Exponential {
    max_pow: u32,
    min_pad: Duration,
    mult: u32,
}

impl Exponential {
    /// The largest exponent that there can be: 34 years.
    const STEEPEST: u32 = 30;

    /// 2 s after the first attempt, twice as long after each, 1,024 s from the tenth on.
    pub fn new() -> Exponential {
        Exponential { max_pow: 10, min_pad: Duration::ZERO, mult: 1 }
    }

    /// Sets the exponent from which on it does not grow any more; by default 10, at most 30.
    pub fn max_pow(mut self, exponent: u32) -> Exponential {
        self.max_pow = exponent.min(Exponential::STEEPEST);
        self
    }

    /// Adds this to every wait.
    pub fn min_pad(mut self, wait: Duration) -> Exponential {
        self.min_pad = wait;
        self
    }

    /// Makes the curve so many times as steep; by default 1.
    pub fn mult(mut self, factor: u32) -> Exponential {
        self.mult = factor;
        self
    }

    /// How long to wait after this attempt.
    pub fn wait(self, attempt: i32) -> Duration {
        let exponent = attempt.max(0).unsigned_abs().min(self.max_pow);
        let curve = (1_u64 << exponent) * u64::from(self.mult);
        self.min_pad.saturating_add(Duration::from_secs(curve))
    }
}

impl Default for Exponential {
    fn default() -> Exponential {
        Exponential::new()
    }
}

/// Which way [`jitter`] changes a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jitter {
    /// To a shorter or a longer one.
    Both,
    /// To a longer one.
    Inc,
    /// To a shorter one.
    Dec,
}

/// Changes a wait by chance, so that jobs which failed together do not come back together: by no more
/// than this part of it, from 0.0 to 1.0.
#[must_use]
pub fn jitter(wait: Duration, mode: Jitter, mult: f64) -> Duration {
    jittered(wait, mode, mult, fastrand::f64())
}

fn jittered(wait: Duration, mode: Jitter, mult: f64, random: f64) -> Duration {
    let change = match mode {
        Jitter::Both => 2.0 * random - 1.0,
        Jitter::Inc => random,
        Jitter::Dec => -random,
    };
    let seconds = wait.as_secs_f64() * (1.0 + change * mult.clamp(0.0, 1.0));
    // One that is too long for any calendar stays as it is.
    Duration::try_from_secs_f64(seconds).unwrap_or(wait)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_exponential_curve_is_obans() {
        let curve = Exponential::new();
        let seconds = |curve: Exponential, attempt| curve.wait(attempt).as_secs();
        assert_eq!(seconds(curve, 1), 2);
        assert_eq!(seconds(curve.mult(100), 1), 200);
        assert_eq!(seconds(curve.min_pad(Duration::from_secs(10)), 1), 12);
        assert_eq!((seconds(curve, 10), seconds(curve, 11)), (1_024, 1_024));
        assert_eq!(seconds(curve.max_pow(11), 11), 2_048);
        assert_eq!((seconds(curve, 0), seconds(curve, i32::MIN)), (1, 1));
        assert_eq!(seconds(curve.max_pow(99), i32::MAX), 1 << 30);
        let longest = curve.max_pow(99).mult(u32::MAX).min_pad(Duration::MAX).wait(99);
        assert_eq!(longest, Duration::MAX);
    }

    #[test]
    fn jitter_goes_up_or_down_or_both_ways() {
        let wait = Duration::from_secs(200);
        let ends = |mode| [0.0, 1.0].map(|random| jittered(wait, mode, 0.1, random).as_secs());
        assert_eq!(ends(Jitter::Both), [180, 220]);
        assert_eq!(ends(Jitter::Inc), [200, 220]);
        assert_eq!(ends(Jitter::Dec), [200, 180]);
        assert_eq!(jitter(wait, Jitter::Both, 0.0), wait);
        assert!(jitter(wait, Jitter::Inc, 9.0) <= 2 * wait);
        assert_eq!(jitter(wait, Jitter::Inc, f64::NAN), wait);
        assert_eq!(jittered(Duration::MAX, Jitter::Inc, 1.0, 1.0), Duration::MAX);
    }

    #[test]
    fn grows_with_every_attempt() {
        for attempt in 1..20 {
            let (wait, next) = (with_jitter(attempt, 20, 1.0), with_jitter(attempt + 1, 20, 0.0));
            assert!(wait.as_secs() > 15 && wait < next || attempt < 5, "{attempt}");
        }
        assert_eq!(with_jitter(1, 20, 0.0).as_secs(), 17);
        assert_eq!(with_jitter(10, 20, 0.0).as_secs(), 1039);
        assert_eq!(with_jitter(20, 20, 0.0).as_secs(), 1_048_591);
        assert_eq!(with_jitter(100, 100, 0.0), with_jitter(20, 20, 0.0));
    }

    proptest! {
        #[test]
        fn is_bounded_at_any_attempt(attempt: i32, max: i32, jitter: f64) {
            let wait = with_jitter(attempt, max, jitter).as_secs();
            prop_assert!((16..=1_153_450).contains(&wait), "{wait}");
        }
    }
}
