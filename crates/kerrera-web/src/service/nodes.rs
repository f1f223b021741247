//! The nodes that work queues.

use std::collections::BTreeMap;

use kerrera::{Enrolled, JobId, JobOrder, JobQuery, JobTime, State, Timestamp};

use super::{Error, Result, Service};
use crate::access::{Permission, Scope};

/// How many running jobs are read to say where they run.
const MOST_RUNNING: u32 = 1_000;

/// A node, as it stands.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct NodeStatus {
    /// Its name.
    pub name: String,
    /// The queues that it works, of those that the viewer knows of.
    pub producers: Vec<Enrolled>,
    /// How many jobs run on it, by queue, of those that the viewer knows of.
    pub running: BTreeMap<String, u64>,
    /// They themselves, those that have run longest first; none without [`Permission::JobsView`].
    pub jobs: Vec<RunningJob>,
    /// Since when it leads, if it does.
    pub leads_since: Option<Timestamp>,
}

/// A job that runs: nothing of it that could be private.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningJob {
    /// Its number.
    pub id: JobId,
    /// The name of its worker.
    pub worker: String,
    /// Its queue.
    pub queue: String,
    /// Which attempt it is, and how many it may have.
    pub attempt: (i32, i32),
    /// Since when it runs.
    pub since: Option<Timestamp>,
}

/// All nodes, and how well they are known.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Nodes {
    /// Each of them, by name.
    pub nodes: Vec<NodeStatus>,
    /// Whether there are more running jobs than were read, so that what runs is only a part.
    pub is_partial: bool,
}

impl NodeStatus {
    /// Whether it is known to live. One that is not may still have jobs that were running on it, until
    /// they are rescued.
    pub fn lives(&self) -> bool {
        !self.producers.is_empty()
    }

    /// Since when it works queues.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.producers.iter().map(|producer| producer.started_at).min()
    }

    /// How many jobs run on it.
    pub fn running_jobs(&self) -> u64 {
        self.running.values().sum()
    }

    /// How many jobs it runs at once at most.
    pub fn limit(&self) -> u64 {
        self.producers.iter().map(|producer| u64::from(producer.limit)).sum()
    }

    /// Whether it claims no jobs at all.
    pub fn is_paused(&self) -> bool {
        self.lives() && self.producers.iter().all(|producer| producer.paused)
    }
}

impl Service {
    /// The nodes that work queues, and those on which jobs are still said to run.
    ///
    /// # Errors
    ///
    /// Without [`Permission::NodesView`], and when the database fails.
    pub async fn nodes(&self) -> Result<Nodes> {
        self.viewer.may(Permission::NodesView)?;
        let mut nodes: BTreeMap<String, NodeStatus> = BTreeMap::new();
        let leader = self.leader().await?;
        for producer in self.all_producers().await? {
            if self.viewer.sees(Scope::Queue(&producer.queue)) {
                at(&mut nodes, &producer.node.clone()).producers.push(producer);
            }
        }
        // A node of which nothing may be seen is not there, unless it leads.
        if let Some(leader) = leader {
            at(&mut nodes, &leader.node).leads_since = Some(leader.since);
        }
        let executing = JobQuery::new().states([State::Executing]);
        let executing = executing.order(JobOrder::Earliest(JobTime::Attempted)).limit(MOST_RUNNING);
        let running = self.client.jobs(executing).await?;
        let shows_jobs = self.viewer.may(Permission::JobsView).is_ok();
        let is_partial = running.len() >= MOST_RUNNING as usize;
        for job in running {
            let is_visible = self.viewer.sees(Scope::Queue(&job.queue))
                && self.viewer.sees(Scope::Worker(&job.worker));
            if is_visible && let Some(node) = job.attempted_by.first().cloned() {
                let node = at(&mut nodes, &node);
                *node.running.entry(job.queue.clone()).or_default() += 1;
                if shows_jobs {
                    node.jobs.push(RunningJob {
                        id: job.id,
                        worker: job.worker,
                        queue: job.queue,
                        attempt: (job.attempt, job.max_attempts),
                        since: job.attempted_at,
                    });
                }
            }
        }
        Ok(Nodes { nodes: nodes.into_values().collect(), is_partial })
    }

    /// One node.
    ///
    /// # Errors
    ///
    /// Without [`Permission::NodesView`], [`Error::NotFound`] if nothing is known of it, and when the
    /// database fails.
    pub async fn node(&self, name: &str) -> Result<NodeStatus> {
        let nodes = self.nodes().await?.nodes;
        nodes.into_iter().find(|node| node.name == name).ok_or(Error::NotFound)
    }
}

fn at<'n>(nodes: &'n mut BTreeMap<String, NodeStatus>, name: &str) -> &'n mut NodeStatus {
    nodes.entry(name.to_owned()).or_insert_with(|| NodeStatus {
        name: name.to_owned(),
        producers: Vec::new(),
        running: BTreeMap::new(),
        jobs: Vec::new(),
        leads_since: None,
    })
}
