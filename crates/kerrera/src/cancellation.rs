//! How a run is told to stop.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio_util::sync::CancellationToken;

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
pub struct Cancellation {
    token: CancellationToken,
    reason: Arc<AtomicU8>,
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
        Cancellation { token: CancellationToken::new(), reason: Arc::default() }
    }

    /// Tells the run to stop; the first reason stays.
    pub(crate) fn cancel(&self, reason: Reason) {
        let code = 1 + reason as u8;
        let _ = self.reason.compare_exchange(0, code, Ordering::SeqCst, Ordering::SeqCst);
        self.token.cancel();
    }

    /// Whether the run is to stop.
    pub fn is_cancelled(&self) -> bool {
        self.token.is_cancelled()
    }

    /// Waits until the run is to stop.
    pub async fn cancelled(&self) {
        self.token.cancelled().await;
    }

    /// Why it is to stop; `None` while it may go on.
    pub fn reason(&self) -> Option<Reason> {
        let reasons =
            [Reason::Timeout, Reason::Gone, Reason::Cancelled, Reason::Shutdown, Reason::Doubt];
        let code = self.reason.load(Ordering::SeqCst);
        reasons.into_iter().find(|reason| 1 + *reason as u8 == code)
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancellation").field(&self.reason()).finish()
    }
}
