//! The traits that a storage implements, and the batches that they take.
//!
//! The verbs are the domain's, each takes and gives batches, and how they become SQL is the
//! storage's own affair. Every write that belongs to a claim carries the claim's token.
//!
//! A storage must be usable from several runtimes at once: the engine calls [`Liveness`] from a
//! thread of its own, which goes on when everything else is busy.

mod audit;
mod bulk_operations;
mod crons;
mod directory;
mod errors;
mod jobs;
mod liveness;
mod maintenance;
mod metrics;
mod neighbours;
mod operations;
mod queues;
mod reading;
mod rehearsal;
mod signals;

use std::fmt;
use std::future::Future;
use std::pin::Pin;

use crate::error::Result;
use crate::executor::Dialect;

pub use audit::*;
pub use bulk_operations::*;
pub use crons::*;
pub use directory::*;
pub use errors::*;
pub use jobs::*;
pub use liveness::*;
pub use maintenance::*;
pub use metrics::*;
pub use neighbours::*;
pub use operations::*;
pub use queues::*;
pub use reading::*;
pub use rehearsal::*;
pub use signals::*;

/// A call to the storage under way.
///
/// Dropping it leaves nothing half done: the storage finishes a statement that it has begun.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

/// Everything that the engine needs of a database.
pub trait Storage:
    Jobs
    + Crons
    + Liveness
    + Maintenance
    + Neighbours
    + Signals
    + Queues
    + Operations
    + Reading
    + Audit
    + Metrics
    + Directory
    + Errors
    + BulkOperations
    + Rehearsal
    + fmt::Debug
{
    /// The SQL of its transactions.
    fn dialect(&self) -> Dialect;

    /// Where it is, for messages; without a password.
    fn location(&self) -> String;
}
