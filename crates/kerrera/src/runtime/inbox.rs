//! How a producer is woken: flags that add up, and one bell.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use tokio::sync::Notify;

/// What has happened since the producer last looked.
#[derive(Debug, Default)]
pub(crate) struct Inbox {
    woken: AtomicBool,
    ended: AtomicU32,
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
        self.ended.fetch_add(1, Ordering::SeqCst);
        self.bell.notify_one();
    }

    /// Waits until something has happened. A bell that rang before is not missed.
    pub(crate) async fn rung(&self) {
        self.bell.notified().await;
    }

    /// Whether there may be work; asking answers it.
    pub(crate) fn take_woken(&self) -> bool {
        self.woken.swap(false, Ordering::SeqCst)
    }

    /// How many slots were given back; asking answers it.
    pub(crate) fn take_ended(&self) -> u32 {
        self.ended.swap(0, Ordering::SeqCst)
    }
}
