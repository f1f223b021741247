//! What may be wrong with workers and nodes: what `attention` decides by.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use kerrera::metrics::{OTHER, RunEnd};
use kerrera::{Condition, JobQuery, State};

use super::attention::WorkerFacts;
use super::{Error, Result, Service};
use crate::access::{Permission, Scope};

/// What failed is looked at for an hour,
const HOUR: Duration = Duration::from_secs(3_600);
/// and compared with the day before it: with a little more, so that what is kept of hours is read.
const DAY_BEFORE: Duration = Duration::from_secs(27 * 3_600);

/// A node that is silent for longer, and ran nothing, was stopped for good.
const OF_INTEREST: Duration = HOUR;

/// How many jobs of a silent node are counted at most.
const MOST: u32 = 1_000;

/// How many silent nodes are asked about: of more, it is told that they are silent.
const ASKED_ABOUT: usize = 10;

impl Service {
    /// What became of the runs of workers, of those that the viewer may know.
    pub(super) async fn worker_facts(&self) -> Result<Vec<WorkerFacts>> {
        if self.viewer.may(Permission::MetricsView).is_err() {
            return Ok(Vec::new());
        }
        let mut workers: BTreeMap<String, WorkerFacts> = BTreeMap::new();
        let now = unless_slow(self.all_runs(HOUR, Duration::ZERO).await)?;
        let before = unless_slow(self.all_runs(DAY_BEFORE, HOUR).await)?;
        let now = now.iter().map(|summary| (summary, true));
        for (summary, is_now) in now.chain(before.iter().map(|summary| (summary, false))) {
            let (Some(queue), Some(worker)) = (&summary.queue, &summary.worker) else { continue };
            let is_seen = worker != OTHER
                && self.viewer.sees(Scope::Queue(queue))
                && self.viewer.sees(Scope::Worker(worker));
            if !is_seen {
                continue;
            }
            let facts = workers.entry(worker.clone()).or_default();
            facts.name.clone_from(worker);
            let failed = summary.count(RunEnd::Failed) + summary.count(RunEnd::Discarded);
            let runs = failed + summary.count(RunEnd::Completed);
            let (all_failed, all) = match is_now {
                true => (&mut facts.failed, &mut facts.runs),
                false => (&mut facts.failed_before, &mut facts.runs_before),
            };
            *all_failed += failed;
            *all += runs;
        }
        Ok(workers.into_values().collect())
    }

    /// The nodes that have ended without a word or cannot reach the database, for how long nothing was
    /// heard of each, and how many jobs are still said to run on it.
    pub(super) async fn silent_nodes(&self) -> Result<Vec<(String, Duration, u64)>> {
        if self.viewer.may(Permission::NodesView).is_err() {
            return Ok(Vec::new());
        }
        let nodes = self.all_nodes().await?;
        let living: BTreeSet<&str> = nodes
            .iter()
            .filter(|info| info.node.lives)
            .map(|info| info.node.card.node.as_str())
            .collect();
        let mut silent: BTreeMap<String, Duration> = BTreeMap::new();
        for info in &nodes {
            let name = &info.node.card.node;
            // What has begun again under its name is the node now.
            if !info.node.lives && !living.contains(name.as_str()) {
                let for_long = silent.entry(name.clone()).or_insert(info.node.silent);
                *for_long = info.node.silent.min(*for_long);
            }
        }
        let (_, unseen) = self.tallies().await?;
        let mut told = Vec::new();
        for (at, (node, silence)) in silent.into_iter().enumerate() {
            let query = JobQuery::new().states([State::Executing]);
            let query = query.where_all([Condition::Node(node.clone())]);
            let query = super::list::without_queues(query, unseen.clone());
            let running = match at < ASKED_ABOUT {
                true => self.tally(query, MOST).await?.map_or(0, |tally| tally.value),
                false => 0,
            };
            if running > 0 || silence < OF_INTEREST {
                told.push((node, silence, running));
            }
        }
        Ok(told)
    }

    /// The workers that living nodes have met and that none of them knows, and how many jobs of each
    /// wait in queues that the viewer knows of.
    pub(super) async fn unknown_workers(&self) -> Result<Vec<(String, u64)>> {
        if self.viewer.may(Permission::WorkersView).is_err() {
            return Ok(Vec::new());
        }
        let nodes = self.all_nodes().await?;
        let cards = || nodes.iter().filter(|info| info.node.lives).map(|info| &info.node.card);
        let known: BTreeSet<&String> = cards().flat_map(|card| &card.workers).collect();
        let met = cards().flat_map(|card| &card.unknown_workers);
        let unknown: BTreeSet<&(String, String)> = met
            .filter(|(queue, worker)| {
                !known.contains(worker)
                    && self.viewer.sees(Scope::Queue(queue))
                    && self.viewer.sees(Scope::Worker(worker))
            })
            .collect();
        if unknown.is_empty() {
            return Ok(Vec::new());
        }
        let mut waiting: BTreeMap<String, u64> = BTreeMap::new();
        for tally in unless_slow(self.all_worker_tallies().await)? {
            let pair = (tally.queue, tally.worker);
            if tally.state == State::Available && unknown.contains(&pair) {
                *waiting.entry(pair.1).or_default() += tally.jobs.value;
            }
        }
        Ok(waiting.into_iter().collect())
    }
}

/// What took too long is not known; the rest of the first page is.
fn unless_slow<T>(answer: Result<Vec<T>>) -> Result<Vec<T>> {
    match answer {
        Err(Error::Kerrera(error)) if error.is_timeout() => Ok(Vec::new()),
        answer => answer,
    }
}

#[cfg(test)]
mod tests {
    use kerrera::sqlite::Sqlite;
    use kerrera::{Client, NewJob, NodeCard, Uuid};
    use kerrera_core::storage::Directory as _;
    use serde_json::json;

    use super::*;
    use crate::access::{Actor, Permissions};
    use crate::service::{Severity, Trouble, Viewer};

    fn card(node: &str) -> NodeCard {
        let mut card = NodeCard::default();
        card.node = node.to_owned();
        card
    }

    async fn troubles(client: &Client) -> Vec<(Severity, Trouble)> {
        let sees = |scope: Scope<'_>| !matches!(scope, Scope::Worker("Hidden"));
        let viewer = Viewer::new(Actor::new("7", "ada"), Permissions::all()).seeing(sees);
        let overview = Service::new(client.clone(), "main", viewer).overview().await.unwrap();
        let found = overview.concerns.into_iter().map(|concern| (concern.severity, concern.what));
        found.collect()
    }

    #[tokio::test]
    async fn a_node_that_ended_without_a_word_is_told_until_it_is_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.db");
        let dead = Sqlite::open(&path).unwrap();
        Client::connect(dead.clone()).await.unwrap();
        dead.announce(Uuid::new_v4(), card("web-1")).await.unwrap();
        dead.close().await.unwrap();
        drop(dead);

        let alive = Sqlite::open(&path).unwrap();
        let client = Client::connect(alive.clone()).await.unwrap();
        let found = troubles(&client).await;
        let is_told = |(severity, trouble): &(Severity, Trouble)| {
            let silent =
                matches!(trouble, Trouble::SilentNode { node, running: 0, .. } if node == "web-1");
            silent && *severity == Severity::Worth
        };
        assert!(found.iter().any(is_told), "{found:?}");
        alive.announce(Uuid::new_v4(), card("web-1")).await.unwrap();
        assert!(!troubles(&client).await.iter().any(is_told));
    }

    #[tokio::test]
    async fn jobs_that_no_living_node_knows_are_told() {
        let storage = Sqlite::in_memory().unwrap();
        let client = Client::connect(storage.clone()).await.unwrap();
        let mut one = card("web-1");
        let met = ["Stranger", "Known", "Hidden", "Done"];
        one.unknown_workers = met.map(|worker| ("mail".to_owned(), worker.to_owned())).to_vec();
        let mut other = card("web-2");
        other.workers = vec!["Known".to_owned()];
        for card in [one, other] {
            storage.announce(Uuid::new_v4(), card).await.unwrap();
        }
        for worker in ["Stranger", "Stranger", "Known", "Hidden"] {
            client.insert(NewJob::of(worker, json!({})).queue("mail")).await.unwrap();
        }
        let found = troubles(&client).await.into_iter().filter_map(|(_, trouble)| match trouble {
            Trouble::UnknownWorker { worker, waiting } => Some((worker, waiting)),
            _ => None,
        });
        assert_eq!(found.collect::<Vec<_>>(), [("Stranger".to_owned(), 2)]);
    }
}
