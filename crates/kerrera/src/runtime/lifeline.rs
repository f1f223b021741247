//! Frees jobs that other implementations claimed too long ago, while this node leads.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::{Result, State};

use super::{Node, leader};
use crate::telemetry::RescueForeign;

pub(crate) const NAME: &str = "lifeline";

/// The time between two rounds.
const INTERVAL: Duration = Duration::from_secs(60);

/// How many jobs one statement frees.
const BATCH: u32 = 500;

pub(crate) async fn run(node: Arc<Node>, after: Duration) {
    loop {
        match round(&node, after).await {
            Ok(()) => node.health.well(NAME),
            Err(error) => node.health.ill(NAME, error),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = node.stop.claims.cancelled() => return,
        }
    }
}

async fn round(node: &Node, after: Duration) -> Result<()> {
    while let Some(seat) = leader::leads(node).await {
        let freed = node.storage().rescue_foreign(seat, after, BATCH).await?;
        for (id, queue, state) in &freed {
            let (id, queue, state) = (*id, queue.clone(), *state);
            node.telemetry().emit(RescueForeign { id, queue, state });
        }
        let available = freed.iter().filter(|(.., state)| *state == State::Available);
        node.client.wake_all(available.map(|(_, queue, _)| queue.as_str()));
        if freed.len() < BATCH as usize {
            break;
        }
    }
    Ok(())
}
