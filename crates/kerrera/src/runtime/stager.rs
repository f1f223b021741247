//! Makes due jobs available, and polls for waiting ones in case a hint was lost.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::time::{Instant, sleep_until};

use super::Node;
use crate::engine::stager::{Event, Stager};
use crate::telemetry::Stage;

pub(crate) const NAME: &str = "stager";

pub(crate) async fn run(node: Arc<Node>) {
    let tuning = &node.tuning;
    let now = Instant::now().into_std();
    let mut stager = Stager::new(now, tuning.stage_interval, tuning.stage_limit);
    loop {
        tokio::select! {
            () = sleep_until(Instant::from_std(stager.wakes_at())) => {}
            () = node.stop.loops.cancelled() => return,
        }
        let queues = node.queues();
        let with_room = queues.iter().filter(|queue| queue.has_room.load(Ordering::Relaxed));
        let watched = with_room.map(|queue| queue.name.clone()).collect();
        let sent = Instant::now();
        let event = match node.storage().stage(tuning.stage_limit, watched).await {
            Ok(staged) => {
                node.health.well(NAME);
                node.desk.revision(staged.revision);
                if staged.count > 0 {
                    let (count, duration) = (staged.count, sent.elapsed());
                    node.telemetry().emit(Stage { count, duration });
                }
                wake(&node, &staged.ready);
                tell_neighbours(&node).await;
                Event::Staged(staged.count)
            }
            Err(error) => {
                node.health.ill(NAME, error);
                // What is available can be claimed even so.
                node.client.wake_every_local();
                Event::Failed { jitter: fastrand::f64() }
            }
        };
        stager.step(Instant::now().into_std(), event);
    }
}

/// Wakes those who can run what is ready. Jobs that were staged for a queue that only other nodes
/// work are found by them: each stages and looks for itself.
fn wake(node: &Node, ready: &[String]) {
    for queue in ready {
        node.client.wake_local(queue);
    }
}

/// The leader of Oban's nodes tells them each time in which queues jobs are available: they do not
/// look by themselves.
async fn tell_neighbours(node: &Node) {
    if !node.leads_neighbours.load(Ordering::Relaxed) {
        return;
    }
    let told = match node.storage().waiting().await {
        Ok(queues) if queues.is_empty() => Ok(()),
        Ok(queues) => node.storage().notify(queues).await,
        Err(error) => Err(error),
    };
    if let Err(error) = told {
        node.health.ill(NAME, error);
    }
}
