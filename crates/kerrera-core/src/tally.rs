//! Numbers of jobs that say how much they can be trusted.

use std::cmp::Ordering;
use std::iter::Sum;
use std::ops::Add;
use std::time::Duration;

use serde::Serialize;

use crate::state::State;
use crate::time::Timestamp;

/// How many, and how it is known.
///
/// ```
/// use kerrera_core::tally::{Quality, Tally};
///
/// let all: Tally = [Tally::exact(7), Tally::capped(10_000)].into_iter().sum();
/// assert_eq!((all.value, all.quality), (10_007, Quality::Capped));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Tally {
    /// The number.
    pub value: u64,
    /// How it is known.
    pub quality: Quality,
}

/// How a number is known; of a sum, the greatest of its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Quality {
    /// All were counted.
    Exact,
    /// Counting ended there: it is the number or more.
    Capped,
    /// It was inferred from a part, or from the database's statistics.
    Estimated,
}

impl Quality {
    /// As it is stored.
    pub fn as_str(self) -> &'static str {
        match self {
            Quality::Exact => "exact",
            Quality::Capped => "capped",
            Quality::Estimated => "estimated",
        }
    }

    /// What was stored. A word that is not known may come from a newer version, and promises the least.
    pub fn stored(word: &str) -> Quality {
        let all = [Quality::Exact, Quality::Capped];
        all.into_iter().find(|quality| quality.as_str() == word).unwrap_or(Quality::Estimated)
    }
}

impl Tally {
    /// None at all.
    pub const ZERO: Tally = Tally::exact(0);

    /// All were counted.
    pub const fn exact(value: u64) -> Tally {
        Tally { value, quality: Quality::Exact }
    }

    /// So many, or more.
    pub const fn capped(value: u64) -> Tally {
        Tally { value, quality: Quality::Capped }
    }

    /// About so many.
    pub const fn estimated(value: u64) -> Tally {
        Tally { value, quality: Quality::Estimated }
    }

    /// What counting no further than one more than `most` has shown.
    pub const fn counted(value: u64, most: u64) -> Tally {
        if value > most { Tally::capped(most) } else { Tally::exact(value) }
    }
}

impl Add for Tally {
    type Output = Tally;

    fn add(self, other: Tally) -> Tally {
        Tally {
            value: self.value.saturating_add(other.value),
            quality: self.quality.max(other.quality),
        }
    }
}

impl Sum for Tally {
    fn sum<I: Iterator<Item = Tally>>(tallies: I) -> Tally {
        tallies.fold(Tally::ZERO, Tally::add)
    }
}

/// How many jobs of a queue are in a state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct QueueTally {
    /// The queue.
    pub queue: String,
    /// The state.
    pub state: State,
    /// How many.
    pub jobs: Tally,
}

impl QueueTally {
    /// So many jobs of this queue in this state.
    pub fn new(queue: impl Into<String>, state: State, jobs: Tally) -> QueueTally {
        QueueTally { queue: queue.into(), state, jobs }
    }
}

/// How many jobs of a worker wait in a queue, or run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct WorkerTally {
    /// The worker.
    pub worker: String,
    /// The queue.
    pub queue: String,
    /// The state.
    pub state: State,
    /// How many.
    pub jobs: Tally,
}

impl WorkerTally {
    /// So many jobs of this worker in this queue and state.
    pub fn new((worker, queue): (String, String), state: State, jobs: Tally) -> WorkerTally {
        WorkerTally { worker, queue, state, jobs }
    }

    /// The order in which storages tell them: by worker, queue and state.
    pub fn by_name(one: &WorkerTally, other: &WorkerTally) -> Ordering {
        (&one.worker, &one.queue, one.state).cmp(&(&other.worker, &other.queue, other.state))
    }
}

/// How long the oldest available job of a queue has been waiting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct OldestJob {
    /// The queue.
    pub queue: String,
    /// Since when the job could have been claimed.
    pub scheduled_at: Timestamp,
    /// How long ago that is, by the database's clock.
    pub age: Duration,
}

impl OldestJob {
    /// The oldest job of this queue, as it is now.
    pub fn new(queue: impl Into<String>, scheduled_at: Timestamp, now: Timestamp) -> OldestJob {
        OldestJob { queue: queue.into(), scheduled_at, age: now.since(scheduled_at) }
    }
}
