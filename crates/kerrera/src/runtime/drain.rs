//! Waits for what runs, and stops it when that takes too long.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::JobId;
use tokio::time::{Instant, sleep_until, timeout};

use super::{Node, Queue, lock};
use crate::cancellation::Reason;
use crate::engine::shutdown::{Effect, Shutdown};

/// Claims no more in these queues, and waits until what runs there has ended; gives back what still
/// runs because it does not await.
pub(crate) async fn drain(node: &Node, queues: &[Arc<Queue>]) -> Vec<JobId> {
    let tuning = &node.tuning;
    let now = || Instant::now().into_std();
    let mut shutdown = Shutdown::begin(now(), tuning.grace, tuning.cancel_grace);
    for queue in queues {
        queue.halt.claims.cancel();
    }
    let tasks: Vec<_> = queues.iter().filter_map(|queue| lock(&queue.task).take()).collect();
    let producers = async {
        for task in tasks {
            let _ = task.await;
        }
    };
    // A job that blocks the thread of its producer's task holds that up too.
    let _ = timeout(tuning.grace, producers).await;
    loop {
        match shutdown.step(now(), running(queues)) {
            Some(Effect::Cancel) => queues.iter().for_each(|q| q.cancel_all(Reason::Shutdown)),
            Some(Effect::Abort) => {
                queues.iter().for_each(|queue| queue.halt.abort.cancel());
                let _ = timeout(shutdown.last_wait(), none_runs(queues)).await;
            }
            Some(Effect::Finish) => break,
            None => match shutdown.wakes_at() {
                Some(end) => tokio::select! {
                    () = none_runs(queues) => {}
                    () = sleep_until(Instant::from_std(end)) => {}
                },
                None => break,
            },
        }
    }
    queues.iter().flat_map(|queue| ids(queue)).collect()
}

/// Waits until nothing runs there.
pub(crate) async fn none_runs(queues: &[Arc<Queue>]) {
    while running(queues) > 0 {
        // Jobs end at the rate at which they end; nobody waits for this to the millisecond.
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

fn running(queues: &[Arc<Queue>]) -> usize {
    queues.iter().map(|queue| queue.running().len()).sum()
}

/// The jobs that run there.
pub(crate) fn ids(queue: &Queue) -> Vec<JobId> {
    queue.running().keys().map(|(id, _)| *id).collect()
}
