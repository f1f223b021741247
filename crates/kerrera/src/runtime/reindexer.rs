//! Builds the indexes of the table of jobs anew, now and then, while this node leads.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::{Candidate, Reindexed};
use kerrera_core::{Result, Uuid};

use super::{Node, leader};
use crate::maintenance::Reindex;
use crate::telemetry::{self as events, ReindexFailed, ReindexIdle};

pub(crate) const NAME: &str = "reindexer";

/// The seat that stands for the work itself: who takes it does the work, and it is free again when
/// the next time has come. So neither a new leader nor a restart begins anew.
const SEAT: &str = "kerrera.reindex";

/// How long until it looks again whether the time has come.
const INTERVAL: Duration = Duration::from_secs(60);

pub(crate) async fn run(node: Arc<Node>, settings: Reindex) {
    while leader::leads(&node).await.is_some() {
        match round(&node, settings).await {
            Ok(()) => node.health.well(NAME),
            Err(error) => node.health.ill(NAME, error),
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = node.stop.claims.cancelled() => return,
        }
    }
}

async fn round(node: &Node, Reindex { every, foreign }: Reindex) -> Result<()> {
    // Another one each time: nobody takes the same turn twice.
    let holder = Uuid::new_v4();
    let turn = Candidate { seat: SEAT.into(), holder, node: node.name.clone(), ttl: every };
    let Some(term) = node.storage().lead(turn.clone(), None).await?.term else { return Ok(()) };
    let reindexed = match node.storage().reindex(foreign).await {
        Ok(reindexed) => reindexed,
        Err(error) => {
            // The turn is for whoever comes next.
            node.storage().resign(turn.seat(term)).await?;
            return Err(error);
        }
    };
    let Reindexed { rebuilt, dropped, failed, idle } = reindexed;
    if let Some(reason) = idle {
        node.telemetry().emit(ReindexIdle { reason });
        return Ok(());
    }
    for (index, error) in &failed {
        let (index, error) = (index.clone(), error.clone());
        node.telemetry().emit(ReindexFailed { index, error });
    }
    node.telemetry().emit(events::Reindex { rebuilt, dropped, failed: failed.len() });
    Ok(())
}
