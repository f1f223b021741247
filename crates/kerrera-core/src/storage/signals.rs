//! Hints between processes.

use std::sync::Arc;

use super::Pending;

/// Hints between processes. Nothing depends on one arriving.
pub trait Signals: Send + Sync {
    /// Tells other processes that there is work in these queues.
    fn notify(&self, queues: Vec<Arc<str>>) -> Pending<'_, ()>;

    /// Begins to listen.
    fn listen(&self) -> Pending<'_, Box<dyn Listener>>;
}

/// Hears hints.
pub trait Listener: Send {
    /// The next hint. An error ends the listener; whoever listens again has to look at everything,
    /// since hints were missed.
    fn next(&mut self) -> Pending<'_, Hint>;
}

/// Something that another process did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hint {
    /// There is work in this queue.
    Work(String),
    /// Something changed; there may be work anywhere.
    Changed,
    /// A leader went.
    Leaderless,
}
