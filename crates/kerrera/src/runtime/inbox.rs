//! How a producer is woken: a flag and a bell.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

/// What has happened since the producer last looked.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    woken: AtomicBool,
    bell: Notify,
}

impl Inbox {
    /// There may be work.
    pub(crate) fn wake(&self) {
        self.woken.store(true, Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// A job gave its slot back.
    pub(crate) fn ended(&self) {
        self.bell.notify_one();
    }

    /// Waits until something has happened. A bell that rang before is not missed.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether there may be work.
    pub(crate) fn is_woken(&self) -> bool {
        self.woken.load(Ordering::SeqCst)
    }

    /// Whether there may be work; asking answers it.
    pub(crate) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::SeqCst)
    }
}
