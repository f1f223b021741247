//! Deletes jobs that ended long enough ago, while this node leads.

use std::sync::Arc;
use std::time::Instant;

use kerrera_core::Result;
use kerrera_core::storage::{KeepRule, Prune, Pruned, Seat};

use super::{Node, leader};
use crate::engine::pruner::{Event, Pruner};

pub(crate) const NAME: &str = "pruner";

pub(crate) async fn run(node: Arc<Node>, settings: crate::pruner::Pruner) {
    let Some(rules) = settings.rules() else { return };
    let limit = settings.batch();
    let mut pruner = Pruner::new(Instant::now(), settings.interval(), limit);
    while let Some(seat) = leader::leads(&node).await {
        tokio::select! {
            () = tokio::time::sleep_until(pruner.wakes_at().into()) => {}
            () = node.stop.claims.cancelled() => return,
        }
        let began = Instant::now();
        let (after, upto) = pruner.stretch(began);
        let event = match prune(&node, seat, &rules, after, upto, limit).await {
            Ok(pruned) => {
                let took = began.elapsed();
                pruner.step(Instant::now(), Event::Pruned { took, pruned: &pruned });
                continue;
            }
            Err(error) => {
                node.health.ill(NAME, error);
                Event::Failed { jitter: fastrand::f64() }
            }
        };
        pruner.step(Instant::now(), event);
    }
}

async fn prune(
    node: &Node,
    seat: Seat,
    rules: &Arc<[KeepRule]>,
    after: i64,
    upto: i64,
    limit: u32,
) -> Result<Pruned> {
    let prune = Prune { seat, rules: rules.clone(), after, upto, limit };
    let pruned = node.storage().prune(prune).await?;
    node.health.well(NAME);
    for (state, count) in &pruned.deleted {
        node.telemetry().emit(crate::telemetry::Prune { state: *state, count: *count });
    }
    Ok(pruned)
}
