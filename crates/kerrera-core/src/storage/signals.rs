//! Hints between processes.

use std::sync::Arc;

use super::{Pending, Signal};
use crate::job::JobId;

/// Hints between processes. Nothing depends on one arriving.
pub trait Signals: Send + Sync {
    /// Tells other processes that there is work in these queues.
    fn notify(&self, queues: Vec<Arc<str>>) -> Pending<'_, ()>;

    /// Tells everybody, this process too, that this node is there: whoever hears it knows that hints
    /// arrive. `None` where no hint can be lost on the way, so that there is nothing to find out.
    fn ping(&self, node: Arc<str>) -> Option<Pending<'_, ()>> {
        let _ = node;
        None
    }
    /// Tells other processes that these jobs were cancelled while they ran, so that their runs stop.
    fn stop_jobs(&self, ids: Vec<JobId>) -> Pending<'_, ()>;

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
    /// This job is to stop, if it runs: somebody cancelled it.
    Stop(JobId),
    /// Something changed; there may be work anywhere.
    Changed,
    /// A leader went.
    Leaderless,
    /// Queues are to be steered otherwise: [`Queues::orders`](super::Queues::orders) says how.
    Ordered,
    /// Entries of the crontab are other ones than before: [`Crons::crontab`](super::Crons::crontab) has
    /// them.
    Crontab,
    /// Another implementation ordered this.
    Signal(Signal),
    /// This node is there.
    Ping(String),
}
