//! Looks at how full the queues are, once a minute, while this node leads.

use std::sync::Arc;
use std::time::Duration;

use super::{Node, leader};

pub(crate) const NAME: &str = "sampler";

/// How far the jobs of a queue and a state are counted.
const MOST: u32 = 10_000;

/// How long each question may take.
const WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(node: Arc<Node>) {
    let Some(recording) = node.recording.clone() else { return };
    while leader::leads(&node).await.is_some() {
        tokio::select! {
            () = tokio::time::sleep_until(recording.looks_at().into()) => {}
            () = node.stop.claims.cancelled() => return,
        }
        if node.seat.borrow().is_none() {
            continue;
        }
        match node.storage().gauge_queues(MOST, WITHIN).await {
            Ok(gauges) => {
                node.health.well(NAME);
                recording.looked(gauges);
            }
            Err(error) => node.health.ill(NAME, error),
        }
    }
}
