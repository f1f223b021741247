//! Waiting for something to come true.

use std::thread;
use std::time::{Duration, Instant};

const STEP: Duration = Duration::from_millis(10);

/// Waits until `condition` holds, looking every 10 ms.
///
/// # Panics
///
/// When it still does not hold after `timeout`; the message names `what` was waited for.
#[track_caller]
pub fn until(timeout: Duration, what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < timeout, "waited {timeout:?} in vain for: {what}");
        thread::sleep(STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_again_until_the_condition_holds() {
        let mut looks = 0;
        until(Duration::from_secs(5), "the third look", || {
            looks += 1;
            looks == 3
        });
        assert_eq!(looks, 3);
    }

    #[test]
    fn a_late_condition_panics_with_its_name() {
        let late = std::panic::catch_unwind(|| {
            until(Duration::from_millis(30), "the end of time", || false);
        });
        let message = *late.unwrap_err().downcast::<String>().unwrap();
        assert_eq!(message, "waited 30ms in vain for: the end of time");
    }
}
