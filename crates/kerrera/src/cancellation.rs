//! How a run is told to stop.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::sync::Notify;

/// Tells a run that it is to stop.
///
/// ```
/// # async fn read_next() -> Option<u8> { None }
/// # async fn import(cx: &kerrera::Context) -> kerrera::JobResult {
/// while let Some(_row) = read_next().await {
///     if cx.cancellation().is_cancelled() {
///         break;      // leave things tidy: the run is dropped soon
///     }
/// }
/// # kerrera::done()
/// # }
/// ```
#[derive(Clone)]
pub struct Cancellation(Arc<Inner>);

/// One allocation, since every run has one and hardly any is told to stop.
struct Inner {
    /// Zero while it may go on.
    reason: AtomicU8,
    told: Notify,
}

/// Why a run is to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Reason {
    /// It has run for as long as its worker allows.
    Timeout,
    /// The job was cancelled, or its claim was lost to another node.
    Gone,
    /// Somebody cancelled the job.
    Cancelled,
    /// The node shuts down, or works the queue no more.
    Shutdown,
    /// Others have taken this node for dead, or soon may: it could not reach the database.
    Doubt,
}

impl Cancellation {
    pub(crate) fn new() -> Cancellation {
        Cancellation(Arc::new(Inner { reason: AtomicU8::new(0), told: Notify::new() }))
    }

    /// Tells the run to stop; the first reason stays.
    pub(crate) fn cancel(&self, reason: Reason) {
        let code = 1 + reason as u8;
        let told = self.0.reason.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        if told.is_ok() {
            self.0.told.notify_waiters();
        }
    }

    /// Whether the run is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.0.reason.load(Ordering::SeqCst) != 0
    }

    /// Waits until the run is to stop.
    pub async fn cancelled(&self) {
        // Who waits is known from here on, so nothing is missed between the look and the wait.
        let told = self.0.told.notified();
        if !self.is_cancelled() {
            told.await;
        }
    }

    /// Why it is to stop; `None` while it may go on.
    pub fn reason(&self) -> Option<Reason> {
        let reasons =
            [Reason::Timeout, Reason::Gone, Reason::Cancelled, Reason::Shutdown, Reason::Doubt];
        let code = self.0.reason.load(Ordering::SeqCst);
        reasons.into_iter().find(|reason| 1 + *reason as u8 == code)
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancellation").field(&self.reason()).finish()
    }
}
