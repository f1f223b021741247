//! Whether hints arrive.
//!
//! Each node says on a channel that it is there, and listens to that channel itself. Who hears nobody,
//! not even itself, hears no hint either, and lives by polling.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Who is heard through the database's notifications.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Connectivity {
    /// The node has just started, and does not know yet.
    #[default]
    Unknown,
    /// Nobody, not even the node itself: notifications do not come back, behind a pooler for example.
    /// Everything works by polling, within about a second.
    Isolated,
    /// The node itself, and no other.
    Solitary,
    /// Other nodes, of Kerrera or of Oban for Elixir.
    Clustered,
    /// Nothing can be lost on the way, and so nothing is sent to find out: processes that share an
    /// SQLite file watch it.
    Embedded,
}

impl Connectivity {
    /// Its name in events, as Oban has it.
    pub fn as_str(self) -> &'static str {
        match self {
            Connectivity::Unknown => "unknown",
            Connectivity::Isolated => "isolated",
            Connectivity::Solitary => "solitary",
            Connectivity::Clustered => "clustered",
            Connectivity::Embedded => "embedded",
        }
    }
}

/// Something that a sonar hears of.
#[derive(Clone, Debug)]
pub(crate) enum Event {
    /// A node said that it is there.
    Heard(Arc<str>),
    /// Time passed.
    Tick {
        /// Between 0 and 1.
        jitter: f64,
    },
}

#[derive(Debug)]
pub(crate) struct Sonar {
    node: Arc<str>,
    /// When each node was heard last.
    heard: HashMap<Arc<str>, Instant>,
    status: Connectivity,
    interval: Duration,
    next: Instant,
    has_pinged: bool,
}

impl Sonar {
    /// The first interval, and that of a node that hears nobody.
    const SHORT: Duration = Duration::from_secs(5);
    /// The longest interval in company. Oban up to 2.21 forgets who has been silent for 30 seconds.
    const IN_COMPANY: Duration = Duration::from_secs(10);
    /// The longest interval of a node that is alone.
    const ALONE: Duration = Duration::from_secs(60);
    /// Who has been silent for so long has gone.
    const STALE: Duration = Duration::from_secs(120);
    /// How many names are remembered: anybody may make them up.
    const MOST: usize = 10_000;

    pub(crate) fn new(now: Instant, node: Arc<str>) -> Sonar {
        Sonar {
            node,
            heard: HashMap::new(),
            status: Connectivity::Unknown,
            interval: Sonar::SHORT,
            next: now,
            has_pinged: false,
        }
    }

    /// When it wants a [`Event::Tick`].
    pub(crate) fn wakes_at(&self) -> Instant {
        self.next
    }

    pub(crate) fn status(&self) -> Connectivity {
        self.status
    }

    /// True if it is time to say that this node is there.
    pub(crate) fn step(&mut self, now: Instant, event: Event) -> bool {
        match event {
            Event::Heard(node) => {
                if self.heard.len() < Sonar::MOST || self.heard.contains_key(&node) {
                    self.heard.insert(node, now);
                }
                self.judge(now, None);
                false
            }
            Event::Tick { .. } if now < self.next => false,
            Event::Tick { jitter } => {
                self.heard.retain(|_, last| now.saturating_duration_since(*last) < Sonar::STALE);
                if self.has_pinged {
                    self.judge(now, Some(jitter));
                } else {
                    self.next = now + self.interval;
                }
                self.has_pinged = true;
                true
            }
        }
    }

    fn judge(&mut self, now: Instant, jitter: Option<f64>) {
        let others = self.heard.keys().any(|node| *node != self.node);
        let status = match (others, self.heard.is_empty()) {
            (true, _) => Connectivity::Clustered,
            (false, false) => Connectivity::Solitary,
            (false, true) => Connectivity::Isolated,
        };
        let most = match status {
            Connectivity::Clustered => Sonar::IN_COMPANY,
            Connectivity::Solitary => Sonar::ALONE,
            _ => Sonar::SHORT,
        };
        let has_changed = status != self.status;
        self.status = status;
        if has_changed {
            self.interval = Sonar::SHORT;
            // Who has just come is to hear of us before long.
            self.next = self.next.min(now + Sonar::SHORT);
        } else if jitter.is_some() {
            self.interval = (self.interval * 2).min(most);
        }
        if let Some(jitter) = jitter {
            // A tenth less or more, so that nodes that began together do not speak together.
            self.next = now + self.interval.mul_f64(0.9 + 0.2 * jitter);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    /// Ticks at its own times until `end`; its pings come back if `echo`. Gives back how many.
    fn run(sonar: &mut Sonar, now: &mut Instant, end: Instant, echo: bool) -> u32 {
        let mut pings = 0;
        while sonar.wakes_at() <= end {
            *now = sonar.wakes_at();
            if sonar.step(*now, Event::Tick { jitter: 0.5 }) {
                pings += 1;
                if echo {
                    let node = sonar.node.clone();
                    sonar.step(*now, Event::Heard(node));
                }
            }
        }
        *now = end;
        pings
    }

    #[test]
    fn a_node_that_has_just_started_does_not_know() {
        let mut now = Instant::now();
        let mut sonar = Sonar::new(now, "web.1".into());
        assert_eq!(sonar.status(), Connectivity::Unknown);
        let start = now;
        assert_eq!(run(&mut sonar, &mut now, start, false), 1, "it speaks at once");
        assert_eq!(sonar.status(), Connectivity::Unknown, "it may still come back");
    }

    #[test]
    fn a_node_that_does_not_hear_itself_is_isolated_and_goes_on_asking() {
        let (mut now, start) = (Instant::now(), Instant::now());
        let mut sonar = Sonar::new(now, "web.1".into());
        let pings = run(&mut sonar, &mut now, start + 60 * SECOND, false);
        assert_eq!(sonar.status(), Connectivity::Isolated);
        assert!((12..=14).contains(&pings), "every five seconds: {pings}");
        sonar.step(now, Event::Heard("web.1".into()));
        assert_eq!(sonar.status(), Connectivity::Solitary, "it is heard again");
    }

    #[test]
    fn a_node_alone_speaks_less_and_less() {
        let (mut now, start) = (Instant::now(), Instant::now());
        let mut sonar = Sonar::new(now, "web.1".into());
        let pings = run(&mut sonar, &mut now, start + 600 * SECOND, true);
        assert_eq!(sonar.status(), Connectivity::Solitary);
        assert!((12..=15).contains(&pings), "{pings}");
    }

    #[test]
    fn company_is_answered_soon_and_at_least_every_ten_seconds() {
        let (mut now, start) = (Instant::now(), Instant::now());
        let mut sonar = Sonar::new(now, "web.1".into());
        run(&mut sonar, &mut now, start + 600 * SECOND, true);
        sonar.step(now, Event::Heard("app@host".into()));
        assert_eq!(sonar.status(), Connectivity::Clustered);
        assert!(sonar.wakes_at() <= now + 5 * SECOND);
        let met = now;
        run(&mut sonar, &mut now, met + 60 * SECOND, true);
        sonar.step(now, Event::Heard("app@host".into()));
        let from = now;
        let pings = run(&mut sonar, &mut now, from + 100 * SECOND, true);
        assert!((9..=11).contains(&pings), "{pings}");
    }

    #[test]
    fn who_has_been_silent_for_two_minutes_has_gone() {
        let (mut now, start) = (Instant::now(), Instant::now());
        let mut sonar = Sonar::new(now, "web.1".into());
        run(&mut sonar, &mut now, start + SECOND, true);
        sonar.step(now, Event::Heard("app@host".into()));
        let last = now;
        run(&mut sonar, &mut now, last + 60 * SECOND, true);
        assert_eq!(sonar.status(), Connectivity::Clustered);
        run(&mut sonar, &mut now, last + 135 * SECOND, true);
        assert_eq!(sonar.status(), Connectivity::Solitary);
    }
}
