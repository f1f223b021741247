//! Steering queues while nodes run.
//!
//! What is ordered is kept in the database, so that it holds after restarts and needs no hint to
//! arrive; a hint only hurries it.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Pending;
use crate::error::{Error, Kind, Result};
use crate::new_job::LONGEST_NAME;
use crate::time::Timestamp;

/// Steering queues while nodes run.
pub trait Queues: Send + Sync {
    /// Writes an order down, and then tells everybody: our nodes by a hint, other implementations by
    /// their own signals as far as they understand. Where these know no word for all queues, each
    /// queue that is known is named.
    ///
    /// It takes the place of every older order that it covers: of the same setting, for the same
    /// queue and node or fewer. One that ends by itself takes only the place of its like.
    fn order(&self, order: Order) -> Pending<'_, ()>;

    /// Writes down what another implementation ordered, unless that is known: an order that is newer
    /// than `seen` covers it.
    fn record(&self, signal: Signal, node: Option<Arc<str>>, seen: i64) -> Pending<'_, ()>;

    /// Removes the orders that have ended, and tells other implementations, which know of no end, what
    /// holds now, under the name of this Oban instance. Whoever comes first does it.
    fn end_orders(&self, instance: Arc<str>) -> Pending<'_, ()>;

    /// The orders that hold, oldest first.
    fn orders(&self) -> Pending<'_, Orders>;

    /// The producers of all living nodes.
    fn producers(&self) -> Pending<'_, Vec<Enrolled>>;
}

/// What is to happen to queues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Which queue; every one if there is none.
    pub queue: Option<Arc<str>>,
    /// On which node; on every one if there is none.
    pub node: Option<Arc<str>>,
    /// What is to be done.
    pub action: Action,
    /// When it ends by itself; only a pause may.
    pub until: Option<Until>,
    /// Why.
    pub reason: Option<String>,
    /// Who says so.
    pub by: Option<String>,
    /// The name of the Oban instance to be told, where there is one.
    pub instance: Arc<str>,
}

/// When an order ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Until {
    /// When this long has passed, by the storage's clock.
    In(Duration),
    /// At that time.
    At(Timestamp),
}

/// What can be done with a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Action {
    /// Claims no more until it is resumed; what runs goes on.
    Pause,
    /// Claims again.
    Resume,
    /// Runs this many jobs at once.
    Scale {
        /// How many.
        limit: u32,
    },
    /// Is worked by nodes that did not work it, for as long as they run.
    Start {
        /// How many jobs at once.
        limit: u32,
        /// Whether it claims nothing before it is resumed.
        paused: bool,
    },
    /// Is not worked any more, until the node starts again; what runs may end.
    Stop,
    /// Forgets every order, so that what is configured holds again.
    Reset,
}

/// The names for every queue and every node, as they are stored and as Oban sends them.
pub const EVERY: &str = "*";

impl Order {
    /// The longest pause that ends by itself: a thousand years.
    const LONGEST_WAIT: Duration = Duration::from_secs(1_000 * 365 * 24 * 60 * 60);
    /// Longest reason and longest name of who says so, in characters.
    const LONGEST_WORDS: usize = 500;

    /// Checks what no storage should have to.
    ///
    /// # Errors
    ///
    /// When a name is blank or too long, or the action does not fit the queue.
    pub fn check(&self) -> Result<()> {
        let wrong = |message: String| Err(Error::new(Kind::Config, message));
        if let Some(queue) = &self.queue {
            check_name(queue)?;
        }
        if let Some(node) = &self.node
            && (node.is_empty()
                || &**node == EVERY
                || node.chars().any(|c| c.is_whitespace() || c.is_control()))
        {
            return wrong(format!("{node:?} is no node: give the name of one, such as web-1"));
        }
        match self.action {
            Action::Start { .. } if self.queue.is_none() => {
                return wrong("name the queue that is to be started".to_owned());
            }
            Action::Start { limit, .. } | Action::Scale { limit } if !is_limit(limit) => {
                let most = i32::MAX;
                return wrong(format!(
                    "the limit {limit} is none: give 1 to {most}, or pause the queue"
                ));
            }
            _ => {}
        }
        if self.until.is_some() && self.action != Action::Pause {
            return wrong("only a pause can end by itself".to_owned());
        }
        let is_far = match self.until {
            None => false,
            Some(Until::In(wait)) => wait > Order::LONGEST_WAIT,
            Some(Until::At(time)) => !time.is_storable(),
        };
        if is_far {
            return wrong("the pause ends too far away: leave the time out".to_owned());
        }
        for words in [&self.reason, &self.by].into_iter().flatten() {
            if words.chars().count() > Order::LONGEST_WORDS {
                let most = Order::LONGEST_WORDS;
                return wrong(format!("the reason or the name is longer than {most} characters"));
            }
            if words.contains('\0') {
                return wrong("the reason or the name has the character NUL in it".to_owned());
            }
        }
        Ok(())
    }
}

/// Checks the name of a queue that is to be steered.
///
/// # Errors
///
/// When it is blank, too long, or the name of all.
pub fn check_name(queue: &str) -> Result<()> {
    let wrong = |rule: &str| Err(Error::new(Kind::Config, format!("the queue {queue:?} {rule}")));
    if queue == EVERY {
        return wrong("is all of them: ask for all queues instead");
    }
    if queue.trim().is_empty() || queue.chars().count() > LONGEST_NAME || queue.contains('\0') {
        return wrong("needs a name of 1 to 127 characters");
    }
    Ok(())
}

/// Whether so many jobs can run at once.
pub fn is_limit(limit: u32) -> bool {
    (1..=i32::MAX.unsigned_abs()).contains(&limit)
}

/// What another implementation ordered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signal {
    /// Who is meant: an instance and a node, as in `Oban.web-1`; everybody if there is none.
    pub ident: Option<String>,
    /// Which queue; every one if there is none.
    pub queue: Option<String>,
    /// What is to be done.
    pub action: Action,
}

/// The orders that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Orders {
    /// The number of the newest order that was ever written and is still kept.
    pub newest: i64,
    /// What a [`Staged`](super::Staged) shows as long as nothing has changed.
    pub revision: i64,
    /// They themselves, oldest first.
    pub standing: Vec<Standing>,
    /// There are others that have ended, and have not been [removed](Queues::end_orders).
    pub ended: bool,
}

/// An order that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Standing {
    /// Its number: of two orders, the one with the larger number is the newer.
    pub id: i64,
    /// Which queue it is for; every one if there is none.
    pub queue: Option<String>,
    /// Which node it is for; every one if there is none.
    pub node: Option<String>,
    /// What it says.
    pub setting: Setting,
    /// Why.
    pub reason: Option<String>,
    /// Who said so.
    pub by: Option<String>,
    /// Whether it came as a signal from Oban for Elixir or Python.
    pub is_signal: bool,
    /// When it was given.
    pub at: Timestamp,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
    /// How long it still holds, if it ends by itself.
    pub remaining: Option<Duration>,
}

impl Standing {
    /// An order for every queue on every node, given at the beginning of time; made by storages.
    pub fn new(id: i64, setting: Setting) -> Standing {
        Standing {
            id,
            queue: None,
            node: None,
            setting,
            reason: None,
            by: None,
            is_signal: false,
            at: Timestamp::MIN,
            until: None,
            remaining: None,
        }
    }
}

/// What an order says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Setting {
    /// Whether jobs are claimed.
    Paused(bool),
    /// How many jobs run at once.
    Limit(u32),
    /// Nodes that run when they see it begin to work the queue.
    Started {
        /// How many jobs run at once.
        limit: u32,
        /// Whether it begins paused.
        paused: bool,
    },
    /// Nodes that run when they see it cease to work the queue.
    Stopped,
}

/// A producer of a living node, as its signs of life tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Enrolled {
    /// Its identity.
    pub uuid: Uuid,
    /// Its node.
    pub node: String,
    /// Its queue.
    pub queue: String,
    /// How many jobs it runs at once.
    pub limit: u32,
    /// Whether it claims no jobs.
    pub paused: bool,
    /// Since when it works the queue.
    pub started_at: Timestamp,
}

impl Enrolled {
    /// A producer that is not paused; made by storages.
    pub fn new(uuid: Uuid, node: String, queue: String) -> Enrolled {
        Enrolled { uuid, node, queue, limit: 1, paused: false, started_at: Timestamp::MIN }
    }
}
