//! What is known of everything at once, and what of it needs somebody.

use std::collections::BTreeMap;
use std::time::Duration;

use kerrera::{Setting, State, Timestamp};

use super::attention::{CronFacts, Facts, QueueFacts, concerns};
use super::{Concern, Counts, Result, Service};
use crate::access::{Permission, Scope};

/// The first page: what needs somebody, and the numbers behind it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Overview {
    /// What needs attention, the worst first.
    pub concerns: Vec<Concern>,
    /// How many jobs there are.
    pub counts: Counts,
    /// The queues in which most jobs wait, or the oldest ones; at most eight.
    pub busiest: Vec<Busy>,
    /// How many nodes work queues.
    pub nodes: usize,
    /// The node that leads, if any does.
    pub leader: Option<String>,
}

/// A queue on the first page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Busy {
    /// The queue.
    pub queue: String,
    /// How many jobs run, and how many may.
    pub running: (u64, u64),
    /// Since when its oldest available job waits.
    pub oldest: Option<Timestamp>,
}

/// How many queues there are on the first page.
const BUSIEST: usize = 8;

impl Service {
    /// What is known of everything at once.
    ///
    /// A handful of statements, none of which reads the table.
    ///
    /// # Errors
    ///
    /// Without [`Permission::QueuesView`], and when the database fails.
    pub async fn overview(&self) -> Result<Overview> {
        self.viewer.may(Permission::QueuesView)?;
        let known = async {
            let producers = self.all_producers().await?;
            let (leader, orders) = (self.leader().await?, self.queue_orders().await?);
            let (oldest, crons) = (self.all_oldest().await?, self.cron_facts().await?);
            Ok((producers, leader, orders, oldest, crons))
        };
        let workers = self.worker_facts();
        let (counts, (producers, leader, orders, oldest, crons), workers) =
            tokio::try_join!(self.counts(), known, workers)?;
        let mut queues: BTreeMap<&str, QueueFacts> = BTreeMap::new();
        for tally in counts.iter() {
            let facts = queues.entry(&tally.queue).or_default();
            match tally.state {
                State::Available => facts.waiting = tally.jobs.value,
                State::Executing => facts.running = tally.jobs.value,
                _ => {}
            }
        }
        let seen = |queue: &str| self.viewer.sees(Scope::Queue(queue));
        for producer in producers.iter().filter(|producer| seen(&producer.queue)) {
            let facts = queues.entry(&producer.queue).or_default();
            facts.producers += 1;
            facts.paused += usize::from(producer.paused);
            facts.limit += u64::from(producer.limit);
        }
        let mut since = BTreeMap::new();
        for oldest in oldest {
            if let Some(facts) = queues.get_mut(oldest.queue.as_str()) {
                facts.oldest = Some(oldest.age);
                since.insert(oldest.queue, oldest.scheduled_at);
            }
        }
        for (name, facts) in &mut queues {
            facts.name = (*name).to_owned();
            let paused = orders.iter().find(|order| {
                order.setting == Setting::Paused(true)
                    && order.queue.as_deref().is_none_or(|queue| queue == *name)
            });
            facts.paused_by = paused.map(|order| (order.by.clone(), order.reason.clone()));
        }
        let mut facts = Facts {
            queues: queues.into_values().collect(),
            crons,
            workers,
            silent: self.silent_nodes().await?,
            unknown_workers: self.unknown_workers().await?,
            waiting_operations: self.waiting_operations(Timestamp::now()).await?,
            has_leader: leader.is_some(),
            has_nodes: !producers.is_empty(),
        };
        let concerns = concerns(&facts);
        let waited = |queue: &QueueFacts| queue.oldest.unwrap_or(Duration::ZERO);
        facts.queues.sort_by_key(|queue| std::cmp::Reverse((waited(queue), queue.running)));
        let busiest = facts.queues.into_iter().take(BUSIEST).map(|queue| Busy {
            running: (queue.running, queue.limit),
            oldest: since.get(&queue.name).copied(),
            queue: queue.name,
        });
        let busiest = busiest.collect();
        let mut nodes: Vec<&str> = producers.iter().map(|one| one.node.as_str()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        Ok(Overview {
            concerns,
            counts,
            busiest,
            nodes: nodes.len(),
            leader: leader.map(|leader| leader.node),
        })
    }

    /// What is known of the crontab, of the entries that the viewer knows of.
    async fn cron_facts(&self) -> Result<Vec<CronFacts>> {
        if self.viewer.may(Permission::CronsView).is_err() {
            return Ok(Vec::new());
        }
        let crontab = self.client.crons().await?;
        let now = crontab.now;
        let seen =
            crontab.crons.iter().filter(|cron| self.viewer.sees(Scope::Cron(&cron.entry.name)));
        let facts = seen.map(|cron| {
            let position = &cron.position;
            let last = position.last.as_ref().map(|(slot, _)| *slot);
            // What comes after the last slot that fired, or after the entry began, and is past.
            let from =
                [last, position.begins_at, position.forgotten_to].into_iter().flatten().max();
            let due = from.and_then(|from| cron.entry.next_times(from, 1).first().copied());
            CronFacts {
                name: cron.entry.name.clone(),
                queue: cron.entry.job.queue.clone(),
                late: due.filter(|due| *due < now).map(|due| now.since(due)),
                is_paused: position.paused,
            }
        });
        Ok(facts.collect())
    }
}
