//! Who is there and what they can do.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::{Pending, Seat};
use crate::directory::{Connections, KnownNode, KnownWorker, NodeCard, WorkerCard};

/// After this silence a node is not there any more, where silence tells anything.
pub const NODE_SILENT: Duration = Duration::from_secs(45);

/// Who is there and what they can do. Nothing depends on it: it is for people.
pub trait Directory: Send + Sync {
    /// Writes what a starting node says about its workers, in one statement. What another has said
    /// about a worker of the same name is replaced.
    fn declare_workers(&self, node: Arc<str>, cards: Vec<WorkerCard>) -> Pending<'_, ()>;

    /// The workers that nodes have registered, by name, with the living nodes that have them.
    fn known_workers(&self) -> Pending<'_, Vec<KnownWorker>>;

    /// Writes what a node says about itself, in one statement.
    fn announce(&self, process: Uuid, card: NodeCard) -> Pending<'_, ()>;

    /// Removes a node that stops in good order, and remembers that its workers were seen.
    fn depart(&self, process: Uuid, workers: Vec<String>) -> Pending<'_, ()>;

    /// The nodes that have said that they are there, by name.
    fn known_nodes(&self) -> Pending<'_, Vec<KnownNode>>;

    /// Remembers that the workers of living nodes were seen, and forgets nodes and workers that have not
    /// been for so long.
    fn tidy_directory(&self, tidying: Tidying) -> Pending<'_, ()>;

    /// This storage's own connections. Asks nobody.
    fn connections(&self) -> Vec<Connections>;
}

/// What is not seen any more is to be forgotten.
#[derive(Clone, Debug)]
pub struct Tidying {
    /// Under which seat.
    pub seat: Seat,
    /// The names of the workers that living nodes have.
    pub workers: Vec<String>,
    /// Nodes that have been silent for so long are forgotten.
    pub nodes_after: Duration,
    /// Workers that no node has had for so long are forgotten.
    pub workers_after: Duration,
}
