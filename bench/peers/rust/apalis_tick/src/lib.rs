//! A poll strategy for apalis that loses no wake-up.
//!
//! Its own `IntervalStrategy` makes a new timer when the old one fires and does not poll that one: if
//! the fetch which follows is ready at once, nothing wakes the worker any more. This one wakes whoever
//! polled last, at every tick.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use apalis::prelude::{PollSnapshot, PollStrategy};
use futures::task::AtomicWaker;

/// Wakes the worker periodically.
#[derive(Clone, Debug)]
pub struct Tick {
    worker: Arc<AtomicWaker>,
}

impl Tick {
    /// Starts to tick, on tokio, for as long as the strategy lives.
    pub fn each(interval: Duration) -> Tick {
        let worker = Arc::new(AtomicWaker::new());
        let weak = Arc::downgrade(&worker);
        tokio::spawn(async move {
            let mut interval = tokio::time::interval(interval);
            while let Some(worker) = weak.upgrade() {
                worker.wake();
                drop(worker);
                interval.tick().await;
            }
        });
        Tick { worker }
    }
}

impl PollStrategy for Tick {
    fn poll_drive(&mut self, cx: &mut Context<'_>, _: &PollSnapshot) -> Poll<Option<()>> {
        self.worker.register(cx.waker());
        Poll::Pending
    }
}
