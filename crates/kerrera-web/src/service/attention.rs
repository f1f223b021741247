//! What is wrong, and where: the list that the first page begins with.

use std::time::Duration;

/// Something that somebody should look at.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Concern {
    /// How bad it is.
    pub severity: Severity,
    /// What it is.
    pub what: Trouble,
}

/// How bad something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Work is standing still, or is lost.
    Bad,
    /// It may become so, or somebody has ordered it and may have forgotten.
    Worth,
}

/// What can be wrong.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Trouble {
    /// Jobs wait, and no node works anything.
    NoNodes,
    /// Jobs of a queue wait, and no node works it.
    Unworked {
        /// The queue.
        queue: String,
        /// How many wait.
        waiting: u64,
    },
    /// Jobs of a queue wait because it was paused.
    Paused {
        /// The queue.
        queue: String,
        /// How many wait.
        waiting: u64,
        /// Who paused it.
        by: Option<String>,
        /// Why.
        reason: Option<String>,
    },
    /// The oldest job of a queue waits for long, although it is worked.
    Slow {
        /// The queue.
        queue: String,
        /// For how long it has waited.
        waited: Duration,
        /// How many wait.
        waiting: u64,
        /// Whether every slot is taken.
        is_full: bool,
    },
    /// Much more fails than before.
    Failing {
        /// The worker.
        worker: String,
        /// How many runs of the last hour failed.
        failed: u64,
        /// Of how many.
        of: u64,
    },
    /// A node has not been heard of.
    SilentNode {
        /// The node.
        node: String,
        /// For how long.
        silent: Duration,
        /// How many jobs it runs, as far as is known.
        running: u64,
    },
    /// A cron entry did not fire when it was due.
    MissedCron {
        /// The entry.
        cron: String,
        /// How late it is.
        late: Duration,
    },
    /// A cron entry inserts jobs into a queue that claims none.
    CronIntoPaused {
        /// The entry.
        cron: String,
        /// The queue.
        queue: String,
    },
    /// Jobs of a worker wait that no node knows.
    UnknownWorker {
        /// The worker.
        worker: String,
        /// How many wait.
        waiting: u64,
    },
    /// Nobody prunes, since there is no leader.
    NoLeader,
    /// An operation on many jobs waits for a node to carry it out.
    OperationWaits {
        /// Its number.
        operation: i64,
    },
}

/// What is known of a queue.
#[derive(Clone, Debug, Default)]
pub(crate) struct QueueFacts {
    pub(crate) name: String,
    pub(crate) waiting: u64,
    pub(crate) running: u64,
    pub(crate) limit: u64,
    /// Of how many producers, and how many of them claim nothing.
    pub(crate) producers: usize,
    pub(crate) paused: usize,
    pub(crate) paused_by: Option<(Option<String>, Option<String>)>,
    pub(crate) oldest: Option<Duration>,
}

/// What is known of a worker over the last hour, and the day before it.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkerFacts {
    pub(crate) name: String,
    pub(crate) failed: u64,
    pub(crate) runs: u64,
    pub(crate) failed_before: u64,
    pub(crate) runs_before: u64,
}

/// What is known of an entry of the crontab.
#[derive(Clone, Debug, Default)]
pub(crate) struct CronFacts {
    pub(crate) name: String,
    pub(crate) queue: String,
    /// How late its next slot is, if it is late.
    pub(crate) late: Option<Duration>,
    pub(crate) is_paused: bool,
}

/// What is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    pub(crate) queues: Vec<QueueFacts>,
    pub(crate) workers: Vec<WorkerFacts>,
    pub(crate) crons: Vec<CronFacts>,
    pub(crate) silent: Vec<(String, Duration, u64)>,
    pub(crate) unknown_workers: Vec<(String, u64)>,
    pub(crate) waiting_operations: Vec<i64>,
    pub(crate) has_leader: bool,
    pub(crate) has_nodes: bool,
}

/// A job that has waited this long although its queue is worked is worth a look.
const LONG: Duration = Duration::from_secs(60);
/// And this long is bad.
const TOO_LONG: Duration = Duration::from_secs(15 * 60);
/// An entry that is this late was missed: nodes look every minute at the latest.
const LATE: Duration = Duration::from_secs(120);

/// What is wrong, the worst first.
pub(crate) fn concerns(facts: &Facts) -> Vec<Concern> {
    let mut found = Vec::new();
    let mut add = |severity, what| found.push(Concern { severity, what });
    let waits = facts.queues.iter().any(|queue| queue.waiting > 0);
    if !facts.has_nodes && waits {
        add(Severity::Bad, Trouble::NoNodes);
    }
    for queue in &facts.queues {
        let name = || queue.name.clone();
        let waiting = queue.waiting;
        if waiting == 0 {
            continue;
        }
        if queue.producers == 0 {
            // If nobody works anything, saying so once is enough.
            if facts.has_nodes {
                add(Severity::Bad, Trouble::Unworked { queue: name(), waiting });
            }
        } else if queue.paused == queue.producers {
            let (by, reason) = queue.paused_by.clone().unwrap_or_default();
            add(Severity::Worth, Trouble::Paused { queue: name(), waiting, by, reason });
        } else if let Some(waited) = queue.oldest.filter(|waited| *waited >= LONG) {
            let severity = if waited >= TOO_LONG { Severity::Bad } else { Severity::Worth };
            let is_full = queue.running >= queue.limit;
            add(severity, Trouble::Slow { queue: name(), waited, waiting, is_full });
        }
    }
    for worker in &facts.workers {
        if is_failing(worker) {
            let (failed, of) = (worker.failed, worker.runs);
            let severity = if failed * 2 >= of { Severity::Bad } else { Severity::Worth };
            add(severity, Trouble::Failing { worker: worker.name.clone(), failed, of });
        }
    }
    for (worker, waiting) in &facts.unknown_workers {
        let (worker, waiting) = (worker.clone(), *waiting);
        add(Severity::Bad, Trouble::UnknownWorker { worker, waiting });
    }
    for (node, silent, running) in &facts.silent {
        let (node, silent, running) = (node.clone(), *silent, *running);
        // One that ran nothing leaves nothing undone.
        let severity = if running > 0 { Severity::Bad } else { Severity::Worth };
        add(severity, Trouble::SilentNode { node, silent, running });
    }
    for cron in facts.crons.iter().filter(|cron| !cron.is_paused) {
        if let Some(late) = cron.late.filter(|late| *late >= LATE) {
            add(Severity::Bad, Trouble::MissedCron { cron: cron.name.clone(), late });
        }
        let target = facts.queues.iter().find(|queue| queue.name == cron.queue);
        if target.is_some_and(|queue| queue.producers > 0 && queue.paused == queue.producers) {
            let (cron, queue) = (cron.name.clone(), cron.queue.clone());
            add(Severity::Worth, Trouble::CronIntoPaused { cron, queue });
        }
    }
    for operation in &facts.waiting_operations {
        add(Severity::Worth, Trouble::OperationWaits { operation: *operation });
    }
    if facts.has_nodes && !facts.has_leader {
        add(Severity::Worth, Trouble::NoLeader);
    }
    found.sort_by_key(|concern| concern.severity);
    found
}

/// Whether more fails than chance would have it: at least five of the last hour, a tenth of the runs, and
/// three times the rate of the day before.
fn is_failing(worker: &WorkerFacts) -> bool {
    let rate = |failed: u64, runs: u64| failed as f64 / runs.max(1) as f64;
    let now = rate(worker.failed, worker.runs);
    let before = rate(worker.failed_before, worker.runs_before);
    worker.failed >= 5 && now >= 0.1 && (now >= 0.5 || now >= before * 3.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(waiting: u64) -> QueueFacts {
        QueueFacts {
            name: "mail".to_owned(),
            waiting,
            limit: 10,
            producers: 1,
            ..Default::default()
        }
    }

    fn found(queue: QueueFacts) -> Vec<Trouble> {
        let facts =
            Facts { queues: vec![queue], has_nodes: true, has_leader: true, ..Default::default() };
        concerns(&facts).into_iter().map(|concern| concern.what).collect()
    }

    #[test]
    fn a_queue_that_is_worked_is_no_concern() {
        assert_eq!(found(queue(0)), []);
        assert_eq!(found(QueueFacts { oldest: Some(Duration::from_secs(59)), ..queue(7) }), []);
    }

    #[test]
    fn waiting_jobs_say_why_they_wait() {
        let mail = || "mail".to_owned();
        let unworked = found(QueueFacts { producers: 0, ..queue(7) });
        assert_eq!(unworked, [Trouble::Unworked { queue: mail(), waiting: 7 }]);

        let by = Some((Some("ada".to_owned()), None));
        let paused = found(QueueFacts { paused: 1, paused_by: by, ..queue(7) });
        let by = Some("ada".to_owned());
        assert_eq!(paused, [Trouble::Paused { queue: mail(), waiting: 7, by, reason: None }]);

        let waited = Duration::from_secs(60);
        let slow = found(QueueFacts { oldest: Some(waited), running: 10, ..queue(7) });
        assert_eq!(slow, [Trouble::Slow { queue: mail(), waited, waiting: 7, is_full: true }]);
    }

    #[test]
    fn that_nobody_works_is_said_once() {
        let queues =
            vec![QueueFacts { producers: 0, ..queue(1) }, QueueFacts { producers: 0, ..queue(2) }];
        let facts = Facts { queues, ..Default::default() };
        assert_eq!(concerns(&facts), [Concern { severity: Severity::Bad, what: Trouble::NoNodes }]);
        assert_eq!(concerns(&Facts::default()), []);
    }

    #[test]
    fn failures_are_a_concern_when_they_are_more_than_before() {
        let failing = |failed, runs, failed_before, runs_before| {
            let name = String::new();
            is_failing(&WorkerFacts { name, failed, runs, failed_before, runs_before })
        };
        assert!(failing(10, 50, 1, 100), "three times as many");
        assert!(failing(10, 10, 100, 100), "nothing else happens");
        assert!(!failing(20, 100, 20, 100), "as always");
        assert!(!failing(4, 4, 0, 0), "too few to say");
        assert!(!failing(50, 1_000, 0, 1_000), "few of many");
    }

    #[test]
    fn the_worst_comes_first() {
        let queues = vec![
            QueueFacts { paused: 1, ..queue(1) },
            QueueFacts { oldest: Some(Duration::from_secs(3_600)), ..queue(1) },
        ];
        let facts = Facts { queues, has_nodes: true, ..Default::default() };
        let severities: Vec<_> =
            concerns(&facts).into_iter().map(|concern| concern.severity).collect();
        assert_eq!(severities, [Severity::Bad, Severity::Worth, Severity::Worth]);
    }
}
