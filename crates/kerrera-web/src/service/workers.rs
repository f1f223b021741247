//! Workers: which there are, who has them, and how they do.

use std::collections::{BTreeMap, BTreeSet};

use kerrera::metrics::{OTHER, Percentiles, RunEnd, Summary};
use kerrera::{JobQuery, JobRow, ListOrder, Listing, State, Tally, Timestamp, WorkerCard};

use super::{Error, Result, Service, Window};
use crate::access::{Permission, Scope};

/// How many runs of a worker are shown.
const RECENT: u32 = 20;

/// A worker, as it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct WorkerStatus {
    /// Its name.
    pub name: String,
    /// What it says about itself, if a node has ever registered it.
    pub card: Option<WorkerCard>,
    /// The living nodes that have it.
    pub nodes: Vec<String>,
    /// When it was registered first, and when a node that has it was last heard of.
    pub seen: Option<(Timestamp, Timestamp)>,
    /// The queues in which it has its jobs.
    pub queues: BTreeSet<String>,
    /// How many of its jobs are available.
    pub waiting: Tally,
    /// How many run.
    pub running: Tally,
    /// What became of its runs; none if there were none, and without [`Permission::MetricsView`].
    pub runs: Option<RunNumbers>,
}

/// What became of runs.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct RunNumbers {
    /// How many ended.
    pub total: u64,
    /// How many of them failed or were given up.
    pub failed: u64,
    /// Which part of those that came to an end of their own that is: from 0 to 1.
    pub failure_rate: Option<f64>,
    /// How long they ran.
    pub run_time: Option<Percentiles>,
    /// How long their jobs could have been claimed before they were.
    pub wait_time: Option<Percentiles>,
}

impl From<&Summary> for RunNumbers {
    fn from(summary: &Summary) -> RunNumbers {
        RunNumbers {
            total: summary.total(),
            failed: summary.count(RunEnd::Failed) + summary.count(RunEnd::Discarded),
            failure_rate: summary.failure_rate(),
            run_time: summary.run_time(),
            wait_time: summary.wait_time(),
        }
    }
}

impl WorkerStatus {
    fn named(name: &str) -> WorkerStatus {
        WorkerStatus {
            name: name.to_owned(),
            card: None,
            nodes: Vec::new(),
            seen: None,
            queues: BTreeSet::new(),
            waiting: Tally::ZERO,
            running: Tally::ZERO,
            runs: None,
        }
    }

    /// Whether any living node can run its jobs.
    pub fn is_registered(&self) -> bool {
        !self.nodes.is_empty()
    }
}

impl Service {
    /// The workers that nodes have registered, and those that have jobs or had runs, by name.
    ///
    /// Four statements, of which one looks at up to ten thousand jobs that wait and as many that run.
    ///
    /// # Errors
    ///
    /// Without [`Permission::WorkersView`], and when the database fails.
    pub async fn workers(&self, window: Window) -> Result<Vec<WorkerStatus>> {
        self.viewer.may(Permission::WorkersView)?;
        let mut workers: BTreeMap<String, WorkerStatus> = BTreeMap::new();
        let sees_queue = |queue: &str| self.viewer.sees(Scope::Queue(queue));
        let runs = async {
            match self.viewer.may(Permission::MetricsView) {
                Ok(()) => self.runs_by_worker(window).await,
                Err(_) => Ok(BTreeMap::new()),
            }
        };
        let (known, tallies, runs) =
            tokio::try_join!(self.all_workers(), self.all_worker_tallies(), runs)?;
        for known in known {
            if sees_queue(&known.card.queue) {
                let worker = at(&mut workers, &known.card.name);
                worker.queues.insert(known.card.queue.clone());
                worker.seen = Some((known.first_seen, known.seen_at));
                worker.nodes = known.nodes;
                worker.card = Some(known.card);
            }
        }
        for tally in tallies {
            if sees_queue(&tally.queue) {
                let worker = at(&mut workers, &tally.worker);
                worker.queues.insert(tally.queue);
                match tally.state {
                    State::Executing => worker.running = worker.running + tally.jobs,
                    _ => worker.waiting = worker.waiting + tally.jobs,
                }
            }
        }
        for (name, (summary, queues)) in runs {
            let worker = at(&mut workers, &name);
            worker.queues.extend(queues);
            worker.runs = Some(RunNumbers::from(&summary));
        }
        workers.retain(|name, _| self.viewer.sees(Scope::Worker(name)));
        Ok(workers.into_values().collect())
    }

    /// One worker.
    ///
    /// # Errors
    ///
    /// Without [`Permission::WorkersView`], [`Error::NotFound`] if nothing is known of it, and when the
    /// database fails.
    pub async fn worker(&self, name: &str, window: Window) -> Result<WorkerStatus> {
        self.viewer.may(Permission::WorkersView)?;
        self.may_know(Scope::Worker(name))?;
        let mut workers = self.workers(window).await?;
        if let Some(at) = workers.iter().position(|worker| worker.name == name) {
            return Ok(workers.swap_remove(at));
        }
        // It may have no more than jobs that have ended.
        let jobs = self.rows_of(name, 1).await?;
        let queue = jobs.into_iter().next().ok_or(Error::NotFound)?.queue;
        Ok(WorkerStatus { queues: BTreeSet::from([queue]), ..WorkerStatus::named(name) })
    }

    /// The newest jobs of a worker, without what is private; as far as they are found in time.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsView`], and when the database fails.
    pub async fn jobs_of_worker(&self, name: &str) -> Result<Vec<JobRow>> {
        self.viewer.may(Permission::JobsView)?;
        self.may_know(Scope::Worker(name))?;
        let rules = self.rules().await?;
        let mut rows = self.rows_of(name, RECENT).await?;
        for row in &mut rows {
            rules.row(row);
        }
        Ok(rows)
    }

    async fn rows_of(&self, name: &str, size: u32) -> Result<Vec<JobRow>> {
        let (_, unseen) = self.tallies().await?;
        let query = super::list::without_queues(JobQuery::new().workers([name]), unseen);
        let listing = Listing::of(query).order(ListOrder::Newest).size(size);
        let mut rows = self.reader().page(listing).await?.rows;
        rows.retain(|row| self.sees_row(row));
        Ok(rows)
    }

    /// What became of the runs of each worker in the queues that the viewer knows of, and in which
    /// queues that was.
    async fn runs_by_worker(
        &self,
        window: Window,
    ) -> Result<BTreeMap<String, (Summary, BTreeSet<String>)>> {
        let mut workers: BTreeMap<String, (Summary, BTreeSet<String>)> = BTreeMap::new();
        for summary in self.all_runs(window.span(), std::time::Duration::ZERO).await? {
            let (Some(queue), Some(worker)) = (summary.queue.clone(), summary.worker.clone())
            else {
                continue;
            };
            if worker == OTHER || !self.viewer.sees(Scope::Queue(&queue)) {
                continue;
            }
            let (sum, queues) = match workers.remove(&worker) {
                Some((sum, queues)) => (sum.and(&summary), queues),
                None => (summary, BTreeSet::new()),
            };
            let queues = queues.into_iter().chain([queue]).collect();
            workers.insert(worker, (sum, queues));
        }
        Ok(workers)
    }
}

fn at<'w>(workers: &'w mut BTreeMap<String, WorkerStatus>, name: &str) -> &'w mut WorkerStatus {
    workers.entry(name.to_owned()).or_insert_with(|| WorkerStatus::named(name))
}
