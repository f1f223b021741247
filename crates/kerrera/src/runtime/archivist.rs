//! Removes old records, while this node leads.

use std::sync::Arc;
use std::time::Instant;

use kerrera_core::Result;
use kerrera_core::storage::Seat;

use super::{Node, leader};
use crate::engine::archivist::{Archivist, Event};
use crate::maintenance::Records;

pub(crate) const NAME: &str = "archivist";

pub(crate) async fn run(node: Arc<Node>, records: Records) {
    let mut archivist = Archivist::new(Instant::now());
    while let Some(seat) = leader::leads(&node).await {
        tokio::select! {
            () = tokio::time::sleep_until(archivist.wakes_at().into()) => {}
            () = node.stop.claims.cancelled() => return,
        }
        let event = match remove(&node, seat, records).await {
            Ok(more) => {
                node.health.well(NAME);
                Event::Removed { more }
            }
            Err(error) => {
                node.health.ill(NAME, error);
                Event::Failed { jitter: fastrand::f64() }
            }
        };
        archivist.step(Instant::now(), event);
    }
}

/// Removes what is old of each sort; true if there may be more.
async fn remove(node: &Node, seat: Seat, records: Records) -> Result<bool> {
    let full = u64::from(Archivist::STRETCH);
    let mut more = false;
    if let Some(age) = records.operations {
        let seat = seat.clone();
        more |= node.storage().prune_operations(seat, age, Archivist::STRETCH).await? >= full;
    }
    if let Some(age) = records.errors {
        let seat = seat.clone();
        more |= node.storage().prune_errors(seat, age, Archivist::STRETCH).await? >= full;
    }
    if let Some(age) = records.audit {
        more |= node.storage().prune_audit(seat, age, Archivist::STRETCH).await? >= full;
    }
    Ok(more)
}
