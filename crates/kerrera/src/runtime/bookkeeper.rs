//! Writes down which failures were alike, every few seconds.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kerrera_core::state::State;

use super::acker::Ended;
use super::{Node, lock};
use crate::engine::bookkeeper::Book;

pub(crate) const NAME: &str = "bookkeeper";

/// How long failures are gathered before they are written.
const INTERVAL: Duration = Duration::from_secs(10);

/// What is gathered.
#[derive(Debug, Default)]
pub(crate) struct Bookkeeping(Mutex<Book>);

impl Bookkeeping {
    /// Counts a run whose end was written, if it failed.
    pub(crate) fn note(&self, ended: &Ended) {
        // Who is cancelled has not failed.
        let failed = matches!(ended.ack.outcome.to, State::Retryable | State::Discarded);
        if let (true, Some(failure), Some(ran)) = (failed, &ended.ack.failure, &ended.ran) {
            lock(&self.0).note(&ran.job.worker, ended.ack.id, failure);
        }
    }
}

pub(crate) async fn run(node: Arc<Node>) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = node.stop.loops.cancelled() => return,
        }
        write(&node).await;
    }
}

/// Writes what was gathered, in one statement; if that fails it is kept for the next time.
pub(crate) async fn write(node: &Node) {
    let tallies = lock(&node.book.0).take();
    if tallies.is_empty() {
        return;
    }
    match node.storage().note_errors(tallies.clone()).await {
        Ok(()) => node.health.well(NAME),
        Err(error) => {
            node.health.ill(NAME, error);
            lock(&node.book.0).give_back(tallies);
        }
    }
}
