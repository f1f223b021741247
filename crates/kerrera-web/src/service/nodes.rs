//! The nodes that work queues.

use std::collections::BTreeMap;

use kerrera::{Enrolled, JobId, JobOrder, JobQuery, JobTime, KnownNode, State, Timestamp};

use super::{Error, HIDDEN, Result, Service};
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
    /// What its newest process says about itself, without what the viewer does not know of; nothing if no
    /// process has said anything for a day.
    pub known: Option<KnownNode>,
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
        !self.producers.is_empty() || self.known.as_ref().is_some_and(|known| known.lives)
    }

    /// Whether it lives, and one of its loops could not do what it is there for when it last tried.
    pub fn is_ill(&self) -> bool {
        self.lives() && self.known.as_ref().is_some_and(|known| !known.card.is_healthy())
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
        !self.producers.is_empty() && self.producers.iter().all(|producer| producer.paused)
    }
}

impl Service {
    /// The nodes that work queues or none at all, those on which jobs are still said to run, and those that
    /// have ended without a word, for a day.
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
        self.introduce(&mut nodes).await?;
        Ok(Nodes { nodes: nodes.into_values().collect(), is_partial })
    }

    /// Adds what nodes say about themselves.
    async fn introduce(&self, nodes: &mut BTreeMap<String, NodeStatus>) -> Result<()> {
        let (_, unseen) = self.tallies().await?;
        for info in self.all_nodes().await? {
            // Of queues that are hidden nobody is to learn by the nodes that work nothing else.
            let works_hidden = info.node.lives && !info.producers.is_empty();
            let name = info.node.card.node.clone();
            if works_hidden && !nodes.contains_key(&name) {
                continue;
            }
            let known = &mut at(nodes, &name).known;
            // What has begun again under its name is the node now.
            let newness = |known: &KnownNode| (known.lives, known.seen_at);
            if known.as_ref().is_none_or(|other| newness(other) < newness(&info.node)) {
                *known = Some(self.introduced(info.node, &unseen));
            }
        }
        Ok(())
    }

    /// What a node says about itself, without what the viewer does not know of.
    fn introduced(&self, mut node: KnownNode, unseen: &[String]) -> KnownNode {
        let sees_queue = |queue: &str| self.viewer.sees(Scope::Queue(queue));
        let sees_worker = |worker: &str| self.viewer.sees(Scope::Worker(worker));
        let card = &mut node.card;
        card.workers.retain(|worker| sees_worker(worker));
        card.unknown_workers.retain(|(queue, worker)| sees_queue(queue) && sees_worker(worker));
        // A loop that is there for one queue has its name behind a dot.
        card.loops
            .retain(|one| one.name.split_once('.').is_none_or(|(_, queue)| sees_queue(queue)));
        for failure in card.loops.iter_mut().filter_map(|one| one.failure.as_mut()) {
            if unseen.iter().any(|queue| failure.contains(queue.as_str())) {
                HIDDEN.clone_into(failure);
            }
        }
        node
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
        known: None,
    })
}
