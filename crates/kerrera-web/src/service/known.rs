//! What there is to be named: queues, workers, nodes.

use std::collections::BTreeSet;

use kerrera::{JobQuery, ListOrder, Listing};

use super::{Result, Service};
use crate::access::{Permission, Scope};

/// What there is to be named, of what the viewer knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// The queues that have jobs, or are worked.
    pub queues: Vec<String>,
    /// The workers that nodes have registered, of the newest jobs, and of the crontab.
    pub workers: Vec<String>,
    /// The nodes that work queues.
    pub nodes: Vec<String>,
    /// The tags of the newest jobs.
    pub tags: Vec<String>,
    /// The entries of the crontab.
    pub crons: Vec<String>,
}

impl Service {
    /// What there is to be named.
    ///
    /// Eight statements, none of which reads the table.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsView`], and when the database fails.
    pub async fn known(&self) -> Result<Known> {
        self.viewer.may(Permission::JobsView)?;
        self.names().await
    }

    /// The same for those who may insert jobs.
    pub(super) async fn names(&self) -> Result<Known> {
        let sees = |scope: Scope<'_>| self.viewer.sees(scope);
        let [mut queues, mut workers, mut nodes, mut tags, mut crons] =
            [const { BTreeSet::new() }; 5];
        let (counts, _) = self.tallies().await?;
        queues.extend(counts.iter().map(|tally| tally.queue.clone()));
        for producer in self.all_producers().await? {
            if sees(Scope::Queue(&producer.queue)) {
                nodes.insert(producer.node);
                queues.insert(producer.queue);
            }
        }
        for worker in self.all_workers().await? {
            if sees(Scope::Worker(&worker.card.name)) && sees(Scope::Queue(&worker.card.queue)) {
                workers.insert(worker.card.name);
            }
        }
        let rules = self.rules().await?;
        let newest = Listing::of(JobQuery::new()).order(ListOrder::Newest).size(Listing::LARGEST);
        for mut row in self.reader().page(newest).await?.rows {
            if sees(Scope::Queue(&row.queue)) && sees(Scope::Worker(&row.worker)) {
                rules.row(&mut row);
                workers.insert(row.worker);
                tags.extend(row.tags);
            }
        }
        if self.viewer.may(Permission::CronsView).is_ok() {
            for cron in self.client.crons().await?.crons {
                let entry = cron.entry;
                let job = &entry.job;
                if sees(Scope::Cron(&entry.name))
                    && sees(Scope::Queue(&job.queue))
                    && sees(Scope::Worker(&job.worker))
                {
                    workers.insert(job.worker.clone());
                    crons.insert(entry.name);
                }
            }
        }
        let [queues, workers, nodes, tags, crons] =
            [queues, workers, nodes, tags, crons].map(|set| set.into_iter().collect());
        Ok(Known { queues, workers, nodes, tags, crons })
    }
}
