//! What the orders for queues make of the queues of this node.
//!
//! The newest order that is for a queue and for this node decides, whether it names them or all; so a
//! pause of everything pauses what was resumed by name before. An order that has ended by itself says
//! nothing any more, and the older ones decide again; without any, what was configured.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kerrera_core::storage::{Orders, Setting, Standing};

use super::retry::Retry;

/// How a queue is worked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    /// How many jobs run at once.
    pub(crate) limit: u32,
    /// Whether no job is claimed.
    pub(crate) paused: bool,
}

/// How a queue was begun, and by which order; those before it do not count.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin {
    pub(crate) settings: Settings,
    /// Zero if it was configured: then all count.
    pub(crate) since: i64,
}

/// A queue is to be worked or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Work this queue.
    Start {
        queue: Arc<str>,
        settings: Settings,
        /// The order's number.
        since: i64,
    },
    /// Do not work it any more; all of them if there is none.
    Stop { queue: Option<Arc<str>> },
}

/// Something that a ledger hears of.
#[derive(Debug)]
pub(crate) enum Event {
    /// The orders have changed.
    Ordered,
    /// Something has changed; it may be the orders.
    Changed,
    /// What a staging showed.
    Revision(i64),
    /// The orders were read.
    Read(Orders),
    /// They could not be read.
    Failed {
        /// Between 0 and 1.
        jitter: f64,
    },
}

/// What this node knows of the orders, and when it looks again.
#[derive(Debug)]
pub(crate) struct Ledger {
    node: Arc<str>,
    orders: Orders,
    /// Starts and stops up to this one have been followed.
    followed: i64,
    read_at: Instant,
    due: Option<Instant>,
    expiry: Option<Instant>,
    retry: Retry,
}

impl Ledger {
    /// How often to look, at most, because of changes of any kind.
    const PAUSE: Duration = Duration::from_millis(100);

    /// What was read before the node began. Starts and stops are for nodes that run, so those that
    /// are there are old.
    pub(crate) fn new(now: Instant, node: Arc<str>, orders: Orders) -> Ledger {
        let mut ledger = Ledger {
            node,
            followed: orders.newest,
            orders: Orders::default(),
            read_at: now,
            due: None,
            expiry: None,
            retry: Retry::default(),
        };
        ledger.step(now, Event::Read(orders));
        ledger
    }

    /// When to read the orders.
    pub(crate) fn wakes_at(&self) -> Option<Instant> {
        match (self.due, self.expiry) {
            (Some(due), _) => Some(due),
            (None, expiry) => expiry,
        }
    }

    /// The newest order that is known.
    pub(crate) fn newest(&self) -> i64 {
        self.orders.newest
    }

    /// Whether some have ended and are still there.
    pub(crate) fn has_ended(&self) -> bool {
        self.orders.ended
    }

    /// Learns; gives back the starts and stops that are new, in the order in which they were given.
    pub(crate) fn step(&mut self, now: Instant, event: Event) -> Vec<Command> {
        match event {
            Event::Ordered => self.due = Some(now),
            Event::Changed => {
                self.due = self.due.or(Some(now.max(self.read_at + Ledger::PAUSE)));
            }
            Event::Revision(revision) if revision != self.orders.revision => self.due = Some(now),
            Event::Revision(_) => {}
            Event::Failed { jitter } => self.due = Some(now + self.retry.failed(jitter)),
            Event::Read(orders) => {
                self.retry.succeeded();
                self.read_at = now;
                self.due = None;
                let ends = orders.standing.iter().filter_map(|order| order.remaining).min();
                self.expiry = ends.and_then(|remaining| now.checked_add(remaining));
                self.orders = orders;
                return self.commands();
            }
        }
        Vec::new()
    }

    /// How a queue is worked.
    pub(crate) fn settle(&self, queue: &str, origin: &Origin) -> Settings {
        let mut settings = origin.settings;
        // The oldest come first, so the newest have the last word.
        let orders = self.orders.standing.iter().filter(|order| order.id > origin.since);
        for order in orders.filter(|order| self.concerns(order, Some(queue))) {
            match order.setting {
                Setting::Paused(paused) => settings.paused = paused,
                Setting::Limit(limit) => settings.limit = limit,
                _ => {}
            }
        }
        settings
    }

    fn commands(&mut self) -> Vec<Command> {
        let followed = self.followed;
        self.followed = followed.max(self.orders.newest);
        let new = self.orders.standing.iter().filter(|order| order.id > followed);
        let new = new.filter(|order| self.concerns(order, order.queue.as_deref()));
        let commands = new.filter_map(|order| {
            let queue = order.queue.as_deref().map(Arc::from);
            match (order.setting, queue) {
                (Setting::Started { limit, paused }, Some(queue)) => {
                    let settings = Settings { limit, paused };
                    Some(Command::Start { queue, settings, since: order.id })
                }
                (Setting::Stopped, queue) => Some(Command::Stop { queue }),
                _ => None,
            }
        });
        commands.collect()
    }

    fn concerns(&self, order: &Standing, queue: Option<&str>) -> bool {
        let of_queue = order.queue.as_deref().is_none_or(|name| Some(name) == queue);
        of_queue && order.node.as_deref().is_none_or(|node| *node == *self.node)
    }
}

/// Whom a signal of another implementation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Audience {
    /// All nodes.
    Everybody,
    /// This node alone.
    Us,
    /// Others.
    Others,
}

impl Audience {
    /// We answer to `Oban`, to the name of the instance that was configured, and to our own.
    pub(crate) fn of(ident: Option<&str>, instance: &str, node: &str) -> Audience {
        let Some(ident) = ident else { return Audience::Everybody };
        let own = |name: &str| {
            ident.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')) == Some(node)
        };
        if ["Oban", "Kerrera", instance].into_iter().any(own) {
            Audience::Us
        } else {
            Audience::Others
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEGUN: Origin = Origin { settings: Settings { limit: 10, paused: false }, since: 0 };

    fn order(id: i64, queue: Option<&str>, node: Option<&str>, setting: Setting) -> Standing {
        let mut order = Standing::new(id, setting);
        order.queue = queue.map(str::to_owned);
        order.node = node.map(str::to_owned);
        order
    }

    fn orders(standing: Vec<Standing>) -> Orders {
        let newest = standing.last().map_or(0, |order| order.id);
        let revision = standing.iter().map(|order| order.id).sum();
        Orders { newest, revision, standing, ended: false }
    }

    fn ledger(standing: Vec<Standing>) -> Ledger {
        Ledger::new(Instant::now(), "web-1".into(), orders(standing))
    }

    #[test]
    fn the_newest_order_decides_whether_it_names_the_queue_or_all() {
        let (pause, resume) = (Setting::Paused(true), Setting::Paused(false));
        let settings = |standing| ledger(standing).settle("mail", &BEGUN);
        let paused = |standing| settings(standing).paused;
        assert_eq!(settings(vec![]), BEGUN.settings);
        assert!(paused(vec![order(1, Some("mail"), None, pause)]));
        assert!(paused(vec![order(1, None, Some("web-1"), pause)]));
        assert!(!paused(vec![order(1, Some("mail"), Some("web-2"), pause)]));
        assert!(!paused(vec![order(1, Some("other"), None, pause)]));
        let named = order(1, Some("mail"), Some("web-1"), resume);
        assert!(paused(vec![named, order(2, None, None, pause)]), "all means all");
        let named = order(3, Some("mail"), Some("web-1"), resume);
        assert!(!paused(vec![order(2, None, None, pause), named]), "one of them again");
        let limits = vec![
            order(1, Some("mail"), None, Setting::Limit(5)),
            order(2, None, None, pause),
            order(3, Some("mail"), Some("web-1"), Setting::Limit(2)),
        ];
        assert_eq!(settings(limits), Settings { limit: 2, paused: true });
    }

    #[test]
    fn a_queue_that_was_started_leaves_older_orders_behind() {
        let standing = vec![
            order(1, None, None, Setting::Paused(true)),
            order(2, Some("mail"), None, Setting::Limit(5)),
            order(3, Some("mail"), None, Setting::Started { limit: 7, paused: false }),
            order(4, Some("mail"), None, Setting::Limit(6)),
        ];
        let origin = Origin { settings: Settings { limit: 7, paused: false }, since: 3 };
        let settings = ledger(standing).settle("mail", &origin);
        assert_eq!(settings, Settings { limit: 6, paused: false });
    }

    #[test]
    fn starts_and_stops_are_followed_once_and_only_by_nodes_that_run() {
        let started = Setting::Started { limit: 7, paused: true };
        let mut standing = vec![order(1, Some("old"), None, started)];
        let now = Instant::now();
        let mut ledger = ledger(standing.clone());
        standing.push(order(2, Some("other"), Some("web-2"), started));
        standing.push(order(3, Some("new"), Some("web-1"), started));
        standing.push(order(4, None, None, Setting::Stopped));
        let commands = ledger.step(now, Event::Read(orders(standing.clone())));
        let settings = Settings { limit: 7, paused: true };
        let start = Command::Start { queue: "new".into(), settings, since: 3 };
        assert_eq!(commands, [start, Command::Stop { queue: None }]);
        assert_eq!(ledger.step(now, Event::Read(orders(standing))), [], "once");
    }

    #[test]
    fn it_looks_when_told_and_when_something_ends() {
        let now = Instant::now();
        let mut pause = order(5, None, None, Setting::Paused(true));
        pause.remaining = Some(Duration::from_secs(60));
        let mut ledger = ledger(vec![]);
        assert_eq!(ledger.wakes_at(), None);
        ledger.step(now, Event::Revision(0));
        assert_eq!(ledger.wakes_at(), None, "nothing new");
        ledger.step(now, Event::Revision(5));
        assert_eq!(ledger.wakes_at(), Some(now));
        ledger.step(now, Event::Failed { jitter: 0.5 });
        assert_eq!(ledger.wakes_at(), Some(now + Duration::from_millis(100)));
        ledger.step(now, Event::Read(orders(vec![pause])));
        assert_eq!(ledger.wakes_at(), Some(now + Duration::from_secs(60)));
        ledger.step(now, Event::Changed);
        assert_eq!(ledger.wakes_at(), Some(now + Ledger::PAUSE), "not with every change");
        ledger.step(now, Event::Ordered);
        assert_eq!(ledger.wakes_at(), Some(now));
    }

    #[test]
    fn we_answer_to_our_names() {
        let of = |ident| Audience::of(ident, "MyApp.Oban", "web.1");
        assert_eq!(of(None), Audience::Everybody);
        for own in ["Oban.web.1", "Kerrera.web.1", "MyApp.Oban.web.1"] {
            assert_eq!(of(Some(own)), Audience::Us, "{own}");
        }
        for other in ["Oban.web.2", "Oban.web.1.2", "Oban", "Other.web.1", "Obanweb.1", ""] {
            assert_eq!(of(Some(other)), Audience::Others, "{other}");
        }
    }
}
