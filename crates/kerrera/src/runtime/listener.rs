//! Hears the hints of other processes.
//!
//! Nothing depends on a hint: whatever is missed is found by the next poll.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::Hint;

use super::Node;
use crate::engine::retry::Retry;
use crate::telemetry::ListenerDeaf;

pub(crate) const NAME: &str = "listener";

/// How long a database that lets no hints through is left alone.
const DEAF: Duration = Duration::from_secs(60);

pub(crate) async fn run(node: Arc<Node>) {
    let mut retry = Retry::default();
    loop {
        let error = tokio::select! {
            error = listen(&node, &mut retry) => error,
            () = node.stop.loops.cancelled() => return,
        };
        let wait = if error.is_config() {
            // Behind a pooler, say: a way to live, and not an illness.
            node.telemetry().emit(ListenerDeaf { error: error.to_string() });
            node.health.well(NAME);
            DEAF
        } else {
            node.health.ill(NAME, error);
            retry.failed(fastrand::f64())
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = node.stop.loops.cancelled() => return,
        }
    }
}

/// Listens until the listener breaks.
async fn listen(node: &Node, retry: &mut Retry) -> kerrera_core::Error {
    let mut listener = match node.storage().listen().await {
        Ok(listener) => listener,
        Err(error) => return error,
    };
    // Hints were missed while nobody listened.
    changed(node);
    node.leaderless();
    node.desk.ordered();
    node.crontab.notify_one();
    node.health.well(NAME);
    loop {
        match listener.next().await {
            Ok(Hint::Work(queue)) => node.client.wake_local(&queue),
            Ok(Hint::Stop(id)) => node.stop_job(id, None),
            Ok(Hint::Leaderless) => node.leaderless(),
            Ok(Hint::Ordered) => node.desk.ordered(),
            Ok(Hint::Crontab) => node.crontab.notify_one(),
            Ok(Hint::Signal(signal)) => node.desk.signal(signal),
            Ok(Hint::Ping(name)) => node.ears.heard(name.into()),
            Ok(_) => {
                changed(node);
                node.desk.changed();
                node.crontab.notify_one();
            }
            Err(error) => return error,
        }
        node.health.well(NAME);
        retry.succeeded();
    }
}

/// Something has happened, and nobody said what: there may be work, and running jobs may have been
/// cancelled.
fn changed(node: &Node) {
    node.client.wake_every_local();
    if node.queues().iter().any(|queue| !queue.running().is_empty()) {
        node.doubts.notify_one();
    }
}
