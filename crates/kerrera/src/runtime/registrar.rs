//! Forgets nodes and workers that have not been seen for long, while this node leads.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::Result;
use kerrera_core::storage::{Seat, Tidying};

use super::{Node, leader};

pub(crate) const NAME: &str = "registrar";

const INTERVAL: Duration = Duration::from_secs(3_600);

/// Nodes that ended without a word are shown for so long.
const NODES_AFTER: Duration = Duration::from_secs(24 * 3_600);

/// Workers that no node has are shown for so long.
const WORKERS_AFTER: Duration = Duration::from_secs(90 * 24 * 3_600);

pub(crate) async fn run(node: Arc<Node>) {
    while let Some(seat) = leader::leads(&node).await {
        match tidy(&node, seat).await {
            Ok(()) => node.health.well(NAME),
            Err(error) => node.health.ill(NAME, error),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = node.stop.claims.cancelled() => return,
        }
    }
}

async fn tidy(node: &Node, seat: Seat) -> Result<()> {
    let nodes = node.storage().known_nodes().await?;
    let living = nodes.into_iter().filter(|node| node.lives);
    let mut workers: Vec<String> = living.flat_map(|node| node.card.workers).collect();
    workers.sort();
    workers.dedup();
    let tidying = Tidying { seat, workers, nodes_after: NODES_AFTER, workers_after: WORKERS_AFTER };
    node.storage().tidy_directory(tidying).await
}
