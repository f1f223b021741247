//! Hears the hints of other processes.
//!
//! Nothing depends on a hint: whatever is missed is found by the next poll.

use std::sync::Arc;

use kerrera_core::storage::Hint;

use super::Node;
use crate::engine::retry::Retry;

pub(crate) const NAME: &str = "listener";

pub(crate) async fn run(node: Arc<Node>) {
    let mut retry = Retry::default();
    loop {
        let error = tokio::select! {
            error = listen(&node, &mut retry) => error,
            () = node.stop.loops.cancelled() => return,
        };
        node.health.ill(NAME, error);
        tokio::select! {
            () = tokio::time::sleep(retry.failed(fastrand::f64())) => {}
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
    node.client.wake_every_local();
    node.health.well(NAME);
    loop {
        match listener.next().await {
            Ok(Hint::Work(queue)) => {
                node.client.wake_local(&queue);
            }
            Ok(_) => node.client.wake_every_local(),
            Err(error) => return error,
        }
        node.health.well(NAME);
        retry.succeeded();
    }
}
