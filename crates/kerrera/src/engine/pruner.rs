//! Which stretch of the table is looked at for jobs to prune.
//!
//! No index tells which jobs are old, and none is to be added for it; but numbers are handed out in
//! about the order of time. So a frontier moves along the numbers, over every job as it comes of age,
//! and finds most of those that are to go. What ended only after the frontier had passed, or is kept
//! for longer than others, is found by a sweep, again and again from the lowest number there is up to
//! the frontier. A round takes one step of the sweep, so that a million jobs that stay for ever cost
//! no more than a limited look; it goes on at once only while most of what it sees is deleted.

use std::time::{Duration, Instant};

use kerrera_core::JobId;
use kerrera_core::storage::Pruned;

use super::retry::Retry;

#[derive(Debug)]
pub(crate) struct Pruner {
    interval: Duration,
    limit: u32,
    retry: Retry,
    next: Instant,
    phase: Phase,
    frontier: JobId,
    sweep: JobId,
    /// Where a sweep begins: below the lowest number that the last one met. Index entries of deleted
    /// jobs, which nothing has removed yet, are not walked every time.
    bottom: JobId,
    /// When a sweep began from the very beginning: a transaction that took long to commit can bring
    /// lower numbers.
    bottomless: Option<Instant>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Frontier,
    Sweep,
}

/// How a step went.
#[derive(Debug)]
pub(crate) enum Event<'a> {
    /// The stretch was looked at, in that time.
    Pruned { took: Duration, pruned: &'a Pruned },
    /// The database did not answer.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
}

impl Pruner {
    const BOTTOMLESS: Duration = Duration::from_secs(3_600);

    pub(crate) fn new(now: Instant, interval: Duration, limit: u32) -> Pruner {
        Pruner {
            interval,
            limit,
            retry: Retry::default(),
            next: now,
            phase: Phase::Frontier,
            frontier: 0,
            sweep: 0,
            bottom: 0,
            bottomless: None,
        }
    }

    /// When the next step is.
    pub(crate) fn wakes_at(&self) -> Instant {
        self.next
    }

    /// What to look at: numbers greater than the first, up to the second.
    pub(crate) fn stretch(&mut self, now: Instant) -> (JobId, JobId) {
        if self.phase == Phase::Frontier {
            return (self.frontier, JobId::MAX);
        }
        if self.sweep == self.bottom
            && self.bottomless.is_none_or(|time| now >= time + Pruner::BOTTOMLESS)
        {
            self.bottomless = Some(now);
            (self.bottom, self.sweep) = (0, 0);
        }
        (self.sweep, self.frontier)
    }

    pub(crate) fn step(&mut self, now: Instant, event: Event<'_>) {
        let (took, pruned) = match event {
            Event::Pruned { took, pruned } => (took, pruned),
            Event::Failed { jitter } => {
                self.next = now + self.retry.failed(jitter);
                return;
            }
        };
        self.retry.succeeded();
        let last = pruned.last;
        match self.phase {
            Phase::Frontier => {
                self.frontier = last.unwrap_or(self.frontier);
                // It rests for as long as it worked: others want the database too.
                self.next = now + took;
                if !pruned.more {
                    self.phase = Phase::Sweep;
                }
            }
            Phase::Sweep => {
                if self.sweep == self.bottom
                    && let Some(first) = pruned.first
                {
                    self.bottom = first - 1;
                }
                self.sweep = match last {
                    Some(last) if pruned.more => last,
                    _ => self.bottom,
                };
                let fruitful = pruned.more && pruned.count() * 2 >= u64::from(self.limit);
                if fruitful {
                    self.next = now + took;
                } else {
                    self.phase = Phase::Frontier;
                    self.next = now + self.interval;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerrera_core::State;
    use std::collections::BTreeMap;

    const ROUND: Duration = Duration::from_secs(30);

    /// A table as a pruner sees it: which jobs are old, and which of them are to go.
    struct Table {
        jobs: BTreeMap<JobId, (bool, bool)>,
        looked: u64,
        limit: u32,
    }

    impl Table {
        fn prune(&mut self, (after, upto): (JobId, JobId)) -> Pruned {
            let mut pruned = Pruned::default();
            let mut gone = Vec::new();
            if after < upto {
                for (id, (old, goes)) in self.jobs.range(after + 1..=upto) {
                    if gone.len() == self.limit as usize {
                        pruned.more = true;
                        break;
                    }
                    self.looked += 1;
                    pruned.first.get_or_insert(*id);
                    if !old {
                        break;
                    }
                    pruned.last = Some(*id);
                    gone.push((*id, *goes));
                }
            }
            let goes: Vec<JobId> =
                gone.iter().filter(|(_, goes)| *goes).map(|(id, _)| *id).collect();
            for id in &goes {
                self.jobs.remove(id);
            }
            pruned.deleted = vec![(State::Completed, goes.len() as u64)];
            pruned
        }

        fn to_go(&self) -> usize {
            self.jobs.values().filter(|(old, goes)| *old && *goes).count()
        }
    }

    /// Runs until a round is over; gives back how many jobs were looked at.
    fn round(pruner: &mut Pruner, table: &mut Table, now: &mut Instant) -> u64 {
        let before = table.looked;
        loop {
            let stretch = pruner.stretch(*now);
            let pruned = table.prune(stretch);
            pruner.step(*now, Event::Pruned { took: Duration::ZERO, pruned: &pruned });
            if pruner.wakes_at() >= *now + ROUND {
                *now = pruner.wakes_at();
                return table.looked - before;
            }
        }
    }

    #[test]
    fn everything_that_is_old_goes_in_the_first_round() {
        let jobs = (1..=1_000).map(|id| (id, (id <= 900, true)));
        let mut table = Table { jobs: jobs.collect(), looked: 0, limit: 10 };
        let mut now = Instant::now();
        let mut pruner = Pruner::new(now, ROUND, 10);
        round(&mut pruner, &mut table, &mut now);
        assert_eq!((table.to_go(), table.jobs.len()), (0, 100));
    }

    #[test]
    fn jobs_that_stay_cost_a_limited_look_in_each_round() {
        let jobs = (1..=10_000).map(|id| (id, (true, false)));
        let mut table = Table { jobs: jobs.collect(), looked: 0, limit: 10 };
        let mut now = Instant::now();
        let mut pruner = Pruner::new(now, ROUND, 10);
        round(&mut pruner, &mut table, &mut now);
        for _ in 0..100 {
            assert!(round(&mut pruner, &mut table, &mut now) <= 12);
        }
    }

    #[test]
    fn what_comes_of_age_goes_at_once_however_much_stays() {
        let jobs = (1..=10_000).map(|id| (id, (true, false)));
        let mut table = Table { jobs: jobs.collect(), looked: 0, limit: 10 };
        let mut now = Instant::now();
        let mut pruner = Pruner::new(now, ROUND, 10);
        round(&mut pruner, &mut table, &mut now);
        table.jobs.extend((10_001..=10_500).map(|id| (id, (true, true))));
        round(&mut pruner, &mut table, &mut now);
        assert_eq!(table.to_go(), 0);
    }

    #[test]
    fn what_ends_behind_the_frontier_is_found_by_the_sweep() {
        let jobs = (1..=100).map(|id| (id, (true, false)));
        let mut table = Table { jobs: jobs.collect(), looked: 0, limit: 10 };
        let mut now = Instant::now();
        let mut pruner = Pruner::new(now, ROUND, 10);
        round(&mut pruner, &mut table, &mut now);
        for goes in [55, 3, 99, 100, 1] {
            table.jobs.insert(goes, (true, true));
        }
        for _ in 0..11 {
            round(&mut pruner, &mut table, &mut now);
        }
        assert_eq!(table.to_go(), 0);
    }

    #[test]
    fn a_number_below_all_others_is_found_within_the_hour() {
        let jobs = (1_000..=1_005).map(|id| (id, (true, false)));
        let mut table = Table { jobs: jobs.collect(), looked: 0, limit: 10 };
        let mut now = Instant::now();
        let mut pruner = Pruner::new(now, ROUND, 10);
        round(&mut pruner, &mut table, &mut now);
        table.jobs.insert(5, (true, true));
        for _ in 0..=120 {
            round(&mut pruner, &mut table, &mut now);
        }
        assert_eq!(table.to_go(), 0);
    }
}
