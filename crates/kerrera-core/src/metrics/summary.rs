//! One number for a whole window.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::cells::{Runs, Slot, each};
use super::histogram::Percentiles;
use super::packing::{MetricRow, Tier};
use super::{Group, RunEnd};
use crate::error::{Error, Kind, Result};
use crate::storage::MetricRange;
use crate::time::Timestamp;

/// What runs of a window are to be put together.
///
/// Windows of up to a day go by minutes, those of up to 60 days by hours, longer ones by days; what
/// begins in the window counts.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SummaryQuery {
    /// By [queue](Group::Queue) or by [worker](Group::Worker); with [none](Group::None) by both.
    pub group: Group,
    /// Only this queue.
    pub queue: Option<String>,
    /// Only this worker.
    pub worker: Option<String>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub to: Timestamp,
}

impl SummaryQuery {
    /// All that ran from some time to another, by queue and worker.
    pub fn new(from: Timestamp, to: Timestamp) -> SummaryQuery {
        SummaryQuery { group: Group::None, queue: None, worker: None, from, to }
    }

    /// All queues, or all workers.
    #[must_use]
    pub fn by(mut self, group: Group) -> SummaryQuery {
        self.group = group;
        self
    }

    /// Only this queue.
    #[must_use]
    pub fn queue(mut self, queue: impl Into<String>) -> SummaryQuery {
        self.queue = Some(queue.into());
        self
    }

    /// Only this worker.
    #[must_use]
    pub fn worker(mut self, worker: impl Into<String>) -> SummaryQuery {
        self.worker = Some(worker.into());
        self
    }

    /// Checks that there can be an answer.
    ///
    /// # Errors
    ///
    /// [`Kind::Config`]: the time is empty, or runs are not put together so.
    pub fn check(&self) -> Result<()> {
        let SummaryQuery { group, from, to, .. } = self;
        if !matches!(group, Group::None | Group::Queue | Group::Worker) {
            return Err(Error::new(Kind::Config, format!("there is no summary by {group:?}")));
        }
        if from >= to {
            let message = format!("a summary from {from} to {to} is empty: turn them round");
            return Err(Error::new(Kind::Config, message));
        }
        Ok(())
    }

    /// What is to be read for it.
    pub fn range(&self) -> MetricRange {
        const DAY: u64 = 24 * 60 * 60;
        let window = self.to.since(self.from);
        let tier = match window.as_secs() {
            short if short <= DAY + 3_600 => Tier::Minutes,
            long if long <= 60 * DAY => Tier::Hours,
            _ => Tier::Days,
        };
        let (queue, worker) = (self.queue.clone(), self.worker.clone());
        MetricRange { tier, from: self.from, to: self.to, runs: true, queue, worker }
    }

    /// What comes of what was read; those with the most runs first.
    pub fn answer(&self, rows: &[MetricRow]) -> Vec<Summary> {
        let mut all: BTreeMap<(Option<&str>, Option<&str>), Runs> = BTreeMap::new();
        for MetricRow { key, cells } in rows {
            let (queue, worker) = (Some(key.queue.as_str()), Some(key.worker.as_str()));
            let name = match self.group {
                Group::Queue => (queue, None),
                Group::Worker => (None, worker),
                _ => (queue, worker),
            };
            let mut sum = Runs::default();
            let _unreadable = each(cells, |offset, slot| {
                let time = key.tier.time(key.at, offset);
                // An hour or a day that the window begins in belongs to it.
                let ends = time + key.tier.unit();
                if let Slot::Runs(runs) = slot
                    && ends > self.from
                    && time < self.to
                {
                    sum.add(runs);
                }
            });
            if sum.total() > 0 {
                all.entry(name).or_default().add(&sum);
            }
        }
        let summary = |((queue, worker), runs): ((Option<&str>, Option<&str>), Runs)| Summary {
            queue: queue.map(str::to_owned),
            worker: worker.map(str::to_owned),
            runs,
        };
        let mut summaries: Vec<Summary> = all.into_iter().map(summary).collect();
        summaries.sort_by_key(|summary| std::cmp::Reverse(summary.total()));
        summaries
    }
}

/// What became of the runs of a queue or a worker.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Summary {
    /// The queue; `None` where it is of all.
    pub queue: Option<String>,
    /// The worker; `None` where it is of all.
    pub worker: Option<String>,
    runs: Runs,
}

impl Summary {
    /// This together with another: of all its queues or workers, if they are not the same.
    #[must_use]
    pub fn and(mut self, other: &Summary) -> Summary {
        self.queue = self.queue.filter(|queue| other.queue.as_ref() == Some(queue));
        self.worker = self.worker.filter(|worker| other.worker.as_ref() == Some(worker));
        self.runs.add(&other.runs);
        self
    }

    /// How many runs ended.
    pub fn total(&self) -> u64 {
        self.runs.total()
    }

    /// How many ended so.
    pub fn count(&self, end: RunEnd) -> u64 {
        self.runs.count(end)
    }

    /// Which part of the runs that came to an end of their own failed, or was given up: from 0 to 1;
    /// `None` if there are none. Those that were cancelled, put off, given back or lost say nothing of
    /// it.
    pub fn failure_rate(&self) -> Option<f64> {
        let failed = self.count(RunEnd::Failed) + self.count(RunEnd::Discarded);
        let all = failed + self.count(RunEnd::Completed);
        (all > 0).then(|| failed as f64 / all as f64)
    }

    /// How long they ran.
    pub fn run_time(&self) -> Option<Percentiles> {
        self.runs.run.percentiles()
    }

    /// How long their jobs could have been claimed before they were.
    pub fn wait_time(&self) -> Option<Percentiles> {
        self.runs.wait.percentiles()
    }

    /// How long all of them ran, together.
    pub fn busy(&self) -> Duration {
        Duration::from_micros(self.runs.run.sum)
    }
}

/// As a reader of JSON wants it.
impl Serialize for Summary {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct as _;
        let counts = RunEnd::ALL.map(|end| (end.as_str(), self.count(end)));
        let counts: BTreeMap<&str, u64> = counts.into_iter().collect();
        let mut summary = serializer.serialize_struct("Summary", 7)?;
        summary.serialize_field("queue", &self.queue)?;
        summary.serialize_field("worker", &self.worker)?;
        summary.serialize_field("total", &self.total())?;
        summary.serialize_field("outcomes", &counts)?;
        summary.serialize_field("failure_rate", &self.failure_rate())?;
        summary.serialize_field("run_time", &self.run_time())?;
        summary.serialize_field("wait_time", &self.wait_time())?;
        summary.end()
    }
}
