//! How often other processes are told of work in a queue.
//!
//! The first time at once; then at most once per queue and interval, the last time never dropped.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(crate) struct Throttle {
    interval: Duration,
    queues: HashMap<Arc<str>, Told>,
}

#[derive(Debug)]
struct Told {
    at: Instant,
    /// Somebody is going to tell again when the interval is over.
    promised: bool,
}

/// What to do about a wish to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tell {
    /// Now.
    Now,
    /// After this long; then call [`Throttle::keep_promise`].
    Later(Duration),
    /// Nothing: somebody is going to.
    Promised,
}

impl Throttle {
    pub(crate) fn new(interval: Duration) -> Throttle {
        Throttle { interval, queues: HashMap::new() }
    }

    pub(crate) fn wish(&mut self, now: Instant, queue: &Arc<str>) -> Tell {
        // Queue names can be made up by a program for ever; old entries say nothing.
        if self.queues.len() > 1_000 {
            let interval = self.interval;
            self.queues.retain(|_, told| told.promised || now - told.at < interval);
        }
        let Some(told) = self.queues.get_mut(queue) else {
            self.queues.insert(queue.clone(), Told { at: now, promised: false });
            return Tell::Now;
        };
        let passed = now.saturating_duration_since(told.at);
        if told.promised {
            Tell::Promised
        } else if passed < self.interval {
            told.promised = true;
            Tell::Later(self.interval - passed)
        } else {
            told.at = now;
            Tell::Now
        }
    }

    /// The promised time has come: tell now.
    pub(crate) fn keep_promise(&mut self, now: Instant, queue: &Arc<str>) {
        self.queues.insert(queue.clone(), Told { at: now, promised: false });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_told_at_once_and_the_last_is_never_dropped() {
        let interval = Duration::from_millis(20);
        let (mut throttle, start) = (Throttle::new(interval), Instant::now());
        let (mail, other) = (Arc::from("mail"), Arc::from("other"));

        assert_eq!(throttle.wish(start, &mail), Tell::Now);
        assert_eq!(throttle.wish(start, &other), Tell::Now, "each queue for itself");
        let soon = start + interval / 4;
        assert_eq!(throttle.wish(soon, &mail), Tell::Later(interval * 3 / 4));
        assert_eq!(throttle.wish(soon, &mail), Tell::Promised);

        throttle.keep_promise(start + interval, &mail);
        assert_eq!(throttle.wish(start + interval, &mail), Tell::Later(interval));
        assert_eq!(throttle.wish(start + interval * 3, &other), Tell::Now);
    }
}
