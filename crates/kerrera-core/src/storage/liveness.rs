//! Who is alive, and what becomes of the jobs of the dead.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Pending;
use crate::job::JobId;
use crate::state::State;
use crate::token::ClaimToken;

/// Who is alive, and what becomes of the jobs of the dead.
pub trait Liveness: Send + Sync {
    /// Whether a process that gives no sign of life for long enough is taken for dead.
    ///
    /// False where the operating system tells of a death, and silence tells nothing.
    fn silence_is_death(&self) -> bool {
        true
    }

    /// Makes producers known, before they claim.
    fn enroll(&self, producers: Vec<Producer>) -> Pending<'_, ()>;

    /// Says that producers are alive, and asks about what they run.
    fn beat(&self, beats: Vec<Beat>) -> Pending<'_, Pulse>;

    /// Looks for producers, of any process, that give cause for doubt.
    fn look(&self) -> Pending<'_, Look>;

    /// Removes dead producers, each only if it has not stirred since it was looked at; then frees
    /// the jobs of ours that no living producer owns, at most `limit`.
    fn rescue(&self, dead: Vec<Sighting>, limit: u32) -> Pending<'_, Rescue>;

    /// Removes producers that stop in good order. Whatever they still run keeps its claim for as
    /// long as the process lives.
    fn retire(&self, producers: Vec<Uuid>) -> Pending<'_, ()>;
}

/// A producer: one queue of one process.
#[derive(Clone, Debug)]
pub struct Producer {
    /// Random for every start, never used again.
    pub uuid: Uuid,
    /// The node's name.
    pub node: Arc<str>,
    /// The queue.
    pub queue: Arc<str>,
    /// How many jobs it runs at once.
    pub limit: u32,
}

/// A sign of life.
#[derive(Clone, Debug)]
pub struct Beat {
    /// Whose.
    pub producer: Uuid,
    /// Whether it is paused.
    pub paused: bool,
    /// How many jobs it runs at once now.
    pub limit: u32,
    /// What it runs.
    pub running: Vec<(JobId, ClaimToken)>,
}

/// The answer to a [`Beat`].
#[derive(Clone, Debug, Default)]
pub struct Pulse {
    /// Producers that have been declared dead.
    pub dead: Vec<Uuid>,
    /// Jobs that are no longer the caller's: cancelled, or lost.
    pub gone: Vec<(JobId, ClaimToken)>,
    /// Jobs that a neighbour freed, or discarded on their last attempt, for their age, though the caller
    /// runs them, and that nobody has claimed since: see [`Neighbours::reclaim`](super::Neighbours::reclaim).
    pub freed: Vec<(JobId, ClaimToken)>,
    /// An operation on many jobs waits for somebody. Where silence tells of no death, to look for one costs
    /// next to nothing, and this says nothing.
    pub has_operation: bool,
}

/// What was seen of the other producers.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// For how long the session that looked has been unbroken. Only a session that is older than the
    /// others' time to come back can judge by their presence.
    pub session: Duration,
    /// Those that give cause for doubt.
    pub doubtful: Vec<Sighting>,
}

/// A producer that gives cause for doubt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// Which one.
    pub producer: Uuid,
    /// Whether its process is seen.
    pub presence: Presence,
    /// For how long it has given no sign of life, by the storage's clock.
    pub silent: Duration,
    /// Changes with every sign of life.
    pub mark: i64,
}

/// What can be seen of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It holds its lock.
    Here,
    /// Its lock is free; it may be changing from one connection to another.
    Away,
    /// The operating system says that it has ended.
    Ended,
    /// There is no telling: it is behind a pooler.
    Unknown,
}

/// What a rescue did.
#[derive(Clone, Debug, Default)]
pub struct Rescue {
    /// The producers that were removed.
    pub removed: Vec<Uuid>,
    /// The jobs that were freed: number, queue and new state.
    pub jobs: Vec<(JobId, String, State)>,
}
