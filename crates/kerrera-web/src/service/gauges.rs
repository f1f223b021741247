//! Numbers of now, for those who watch from outside.

use std::collections::BTreeMap;

use kerrera::{State, Tally};

use super::{Result, Service};
use crate::access::{Permission, Scope};

/// What is measured of one instance, of the queues that the viewer knows of.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Gauges {
    /// Of each queue.
    pub queues: BTreeMap<String, QueueGauges>,
    /// How many nodes work queues.
    pub nodes: u64,
    /// Whether any of them leads.
    pub has_leader: bool,
}

/// What is measured of a queue.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct QueueGauges {
    /// How many jobs it has, by state; states without any are left out.
    pub jobs: Vec<(State, Tally)>,
    /// For how many seconds its oldest available job has waited.
    pub oldest_seconds: f64,
    /// How many producers work it.
    pub producers: u64,
    /// How many of them claim nothing.
    pub paused: u64,
    /// How many of its jobs run at once at most, on all nodes together.
    pub limit: u64,
}

impl Service {
    /// Numbers of now. None of its four statements reads the table.
    ///
    /// # Errors
    ///
    /// Without [`Permission::MetricsView`], and when the database fails.
    pub async fn gauges(&self) -> Result<Gauges> {
        self.viewer.may(Permission::MetricsView)?;
        let seen = |queue: &str| self.viewer.sees(Scope::Queue(queue));
        let mut gauges = Gauges::default();
        for tally in self.all_tallies().await?.into_iter().filter(|one| seen(&one.queue)) {
            let queue = gauges.queues.entry(tally.queue).or_default();
            queue.jobs.push((tally.state, tally.jobs));
        }
        let mut nodes = Vec::new();
        for producer in self.all_producers().await?.into_iter().filter(|one| seen(&one.queue)) {
            let queue = gauges.queues.entry(producer.queue).or_default();
            queue.producers += 1;
            queue.paused += u64::from(producer.paused);
            queue.limit += u64::from(producer.limit);
            nodes.push(producer.node);
        }
        nodes.sort_unstable();
        nodes.dedup();
        gauges.nodes = nodes.len() as u64;
        for oldest in self.all_oldest().await?.into_iter().filter(|one| seen(&one.queue)) {
            let queue = gauges.queues.entry(oldest.queue).or_default();
            queue.oldest_seconds = oldest.age.as_secs_f64();
        }
        gauges.has_leader = self.leader().await?.is_some();
        Ok(gauges)
    }
}
