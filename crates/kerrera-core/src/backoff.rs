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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
