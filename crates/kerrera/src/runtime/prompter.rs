//! Keeps the application's runtime listening while jobs run.
//!
//! One thread of a runtime waits for sockets and timers, and it may be the one that goes on with a job. If
//! that job blocks its thread, none of the others, which sleep, knows that nobody listens: answers from the
//! database are not heard before it ends. So while jobs run, another is woken every few milliseconds; who has
//! nothing to do listens, if nobody does.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::sleep;

use super::Node;

pub(crate) const NAME: &str = "prompter";

/// For how long nobody may listen.
const INTERVAL: Duration = Duration::from_millis(10);

/// Runs on the heart's thread.
pub(crate) async fn run(node: Arc<Node>, runtime: Handle) {
    loop {
        tokio::select! {
            () = node.begun.notified() => {}
            () = node.stop.loops.cancelled() => return,
        }
        while node.queues().iter().any(|queue| queue.occupied() > 0) {
            tokio::select! {
                () = sleep(INTERVAL) => {}
                // A run that never ends does not keep the heart's thread.
                () = node.stop.loops.cancelled() => return,
            }
            runtime.spawn(async {});
        }
    }
}
