//! What only tests ask of a storage.

use std::sync::Arc;

use super::Pending;
use crate::time::{Clock, Timestamp};

/// What only tests ask of a storage; `kerrera::testing` is made of it.
pub trait Rehearsal: Send + Sync {
    /// The clock of every time that it stores or compares.
    fn clock(&self) -> Clock;

    /// Makes the scheduled and retryable jobs of a queue available before their time, as if it had
    /// come: those that are scheduled until then, or all. Says how many.
    fn bring_forward(&self, queue: Arc<str>, until: Option<Timestamp>) -> Pending<'_, u64>;
}
