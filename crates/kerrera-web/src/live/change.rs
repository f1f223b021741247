//! What has changed between two looks at the database.

use std::collections::{BTreeMap, BTreeSet};

use kerrera::{BulkState, JobId, Quality, State};

use crate::service::Glance;

/// What is compared of a database: little enough to be asked every second.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Look {
    /// Of each queue: how many jobs are in each state.
    jobs: BTreeMap<String, Vec<(State, u64)>>,
    /// The number of the newest job of all, under its queue.
    newest: BTreeMap<String, JobId>,
    /// Of each queue, and of all: the number of the newest order.
    orders: BTreeMap<Option<String>, i64>,
    /// The newest operations on many jobs, with how far they are.
    operations: Vec<(i64, BulkState, u64)>,
    /// Who works what.
    nodes: BTreeMap<String, BTreeSet<(String, u32, bool)>>,
}

impl Look {
    pub(super) fn new(glance: Glance) -> Look {
        let Glance { newest, tallies, orders, producers, operations } = glance;
        let mut look = Look::default();
        // An estimate differs each time that it is made.
        let counted = tallies.into_iter().filter(|tally| tally.jobs.quality != Quality::Estimated);
        for tally in counted {
            look.jobs.entry(tally.queue).or_default().push((tally.state, tally.jobs.value));
        }
        look.operations = operations;
        look.newest.extend(newest.map(|(id, queue)| (queue, id)));
        for order in orders {
            let newest = look.orders.entry(order.queue).or_default();
            *newest = order.id.max(*newest);
        }
        for producer in producers {
            let works = (producer.node, producer.limit, producer.paused);
            look.nodes.entry(producer.queue).or_default().insert(works);
        }
        look
    }
}

/// The topic of those who may see operations.
pub(super) const OPERATIONS: &str = "operations";

/// What was seen so far, and which change was the last of everything.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    look: Option<Look>,
    /// Of the last change. It begins with the time, so that numbers of a watcher before are smaller.
    number: u64,
    begun: u64,
    jobs: BTreeMap<String, u64>,
    orders: BTreeMap<Option<String>, u64>,
    nodes: BTreeMap<String, u64>,
    operations: u64,
}

impl Seen {
    /// Nothing yet; changes are numbered from here.
    pub(super) fn beginning(number: u64) -> Seen {
        let empty = BTreeMap::new;
        Seen {
            look: None,
            number,
            begun: number,
            jobs: empty(),
            orders: BTreeMap::new(),
            nodes: empty(),
            operations: 0,
        }
    }

    /// The number of the last change.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Whether anybody has looked yet.
    #[cfg(test)]
    pub(super) fn has_begun(&self) -> bool {
        self.look.is_some()
    }

    /// Takes in another look; whether there is anything new.
    pub(super) fn take(&mut self, look: Look) -> bool {
        let Some(before) = self.look.replace(look) else { return true };
        let Some(now) = &self.look else { return false };
        let number = self.number + 1;
        mark(&before.jobs, &now.jobs, &mut self.jobs, number);
        mark(&before.newest, &now.newest, &mut self.jobs, number);
        mark(&before.orders, &now.orders, &mut self.orders, number);
        mark(&before.nodes, &now.nodes, &mut self.nodes, number);
        if before.operations != now.operations {
            self.operations = number;
        }
        let is_new = before != *now;
        self.number += u64::from(is_new);
        is_new
    }

    /// Of what something has changed since this number, of the queues that are seen.
    pub(super) fn since(&self, told: u64, sees: impl Fn(&str) -> bool) -> Vec<&'static str> {
        if told < self.begun {
            // Nobody knows what has changed before anybody looked.
            return vec!["jobs", "queues", "nodes", OPERATIONS];
        }
        let of = |changes: &BTreeMap<String, u64>| {
            changes.iter().any(|(queue, number)| *number > told && sees(queue))
        };
        let mut orders = self.orders.iter();
        let ordered =
            orders.any(|(queue, number)| *number > told && queue.as_deref().is_none_or(&sees));
        let topics = [
            (of(&self.jobs), "jobs"),
            (ordered, "queues"),
            (of(&self.nodes), "nodes"),
            (self.operations > told, OPERATIONS),
        ];
        topics.into_iter().filter_map(|(changed, topic)| changed.then_some(topic)).collect()
    }
}

/// Gives the number to each that differs.
fn mark<K: Ord + Clone, V: PartialEq>(
    before: &BTreeMap<K, V>,
    now: &BTreeMap<K, V>,
    changes: &mut BTreeMap<K, u64>,
    number: u64,
) {
    let differing = now.iter().filter(|(key, value)| before.get(*key) != Some(*value));
    let gone = before.keys().filter(|key| !now.contains_key(*key));
    for key in differing.map(|(key, _)| key).chain(gone) {
        changes.insert(key.clone(), number);
    }
}

#[cfg(test)]
mod tests {
    use kerrera::{QueueTally, Setting, Standing, Tally};

    use super::*;

    fn look(mail: u64, hidden: u64) -> Look {
        let tally = |queue, value| {
            QueueTally::new(queue, State::Available, Tally { value, quality: Quality::Exact })
        };
        Look::new(Glance {
            tallies: vec![tally("mail", mail), tally("hidden", hidden)],
            ..nothing()
        })
    }

    fn nothing() -> Glance {
        let (tallies, orders, producers) = (Vec::new(), Vec::new(), Vec::new());
        Glance { newest: None, tallies, orders, producers, operations: Vec::new() }
    }

    #[test]
    fn a_change_is_told_once_and_only_to_those_who_see_it() {
        let mut seen = Seen::beginning(100);
        seen.take(look(1, 1));
        assert!(!seen.take(look(1, 1)), "the first look is no change");
        assert!(seen.since(100, |_| true).is_empty());

        assert!(seen.take(look(1, 2)));
        assert_eq!(seen.since(100, |_| true), ["jobs"]);
        assert!(seen.since(100, |queue| queue != "hidden").is_empty());
        assert!(seen.since(seen.number(), |_| true).is_empty());

        assert!(seen.take(look(2, 2)));
        assert_eq!(seen.since(100, |queue| queue != "hidden"), ["jobs"]);
    }

    #[test]
    fn who_was_told_by_a_watcher_before_is_told_everything() {
        let seen = Seen::beginning(100);
        assert_eq!(seen.since(7, |_| true), ["jobs", "queues", "nodes", "operations"]);
    }

    #[test]
    fn an_operation_that_goes_on_is_a_change() {
        let mut seen = Seen::beginning(100);
        let at = |done| Glance { operations: vec![(7, BulkState::Running, done)], ..nothing() };
        seen.take(Look::new(at(500)));
        assert!(!seen.take(Look::new(at(500))));
        assert!(seen.take(Look::new(at(1_000))));
        assert_eq!(seen.since(100, |_| false), ["operations"]);
    }

    #[test]
    fn an_order_that_was_taken_back_is_a_change() {
        let mut seen = Seen::beginning(100);
        let order = Standing::new(3, Setting::Paused(true));
        seen.take(Look::new(Glance { orders: vec![order], ..nothing() }));
        assert!(seen.take(Look::default()));
        assert_eq!(seen.since(100, |_| false), ["queues"]);
    }
}
