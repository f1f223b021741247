//! Puts the numbers of all nodes together, and forgets old ones, while this node leads.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::Pack;

use super::{Node, leader};

pub(crate) const NAME: &str = "packer";

/// How long it rests when there was nothing to pack, or too little of it.
const REST: Duration = Duration::from_secs(300);

/// How long it rests while there is more: each round is an hour's.
const BREATH: Duration = Duration::from_secs(1);

pub(crate) async fn run(node: Arc<Node>, keep: [Duration; 3]) {
    while let Some(seat) = leader::leads(&node).await {
        let rest = match node.storage().pack_metrics(Pack { seat, keep }).await {
            Ok(packed) => {
                node.health.well(NAME);
                if packed.fresh > 0 { BREATH } else { REST }
            }
            Err(error) => {
                node.health.ill(NAME, error);
                REST
            }
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = node.stop.claims.cancelled() => return,
        }
    }
}
