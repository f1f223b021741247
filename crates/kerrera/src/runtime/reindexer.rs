//! Builds indexes of the table of jobs anew, at the times of a schedule, while this node leads.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::storage::{Candidate, Reindex, Reindexed};
use kerrera_core::{Result, Uuid};

use super::{Node, leader};
use crate::engine::reindexer::Reindexer;
use crate::reindexer::Plan;
use crate::telemetry::{self as events, ReindexFailed, ReindexIdle};

pub(crate) const NAME: &str = "reindexer";

/// The seat that stands for the work itself: who takes it does the work. So no time is seen to twice,
/// not by a new leader and not after a restart.
const SEAT: &str = "kerrera.reindex";

/// How long that seat is taken: longer than a time is not too late for, shorter than it is to the next.
const TURN: Duration = Reindexer::LATE.saturating_mul(2);

/// How long until it tries again after a failure.
const AGAIN: Duration = Duration::from_secs(60);

pub(crate) async fn run(node: Arc<Node>, plan: Plan) {
    let reindex = plan.reindex.clone();
    let mut reindexer = Reindexer::new(plan);
    while leader::leads(&node).await.is_some() {
        let rest = match round(&node, &mut reindexer, &reindex).await {
            Ok(rest) => {
                node.health.well(NAME);
                rest
            }
            Err(error) => {
                node.health.ill(NAME, error);
                AGAIN
            }
        };
        tokio::select! {
            () = tokio::time::sleep(rest) => {}
            () = node.stop.claims.cancelled() => return,
        }
    }
}

/// Does what is due; gives back how long there is nothing to do.
async fn round(node: &Node, reindexer: &mut Reindexer, reindex: &Reindex) -> Result<Duration> {
    // A crontab of no entries is a look at the clock.
    let now = node.storage().crontab(Some(Vec::new())).await?.now;
    if let Some(time) = reindexer.due(now) {
        take_turn(node, reindex).await?;
        reindexer.done(time);
    }
    Ok(reindexer.rests(now))
}

async fn take_turn(node: &Node, reindex: &Reindex) -> Result<()> {
    // Another one each time: nobody takes the same turn twice.
    let holder = Uuid::new_v4();
    let turn = Candidate { seat: SEAT.into(), holder, node: node.name.clone(), ttl: TURN };
    let Some(term) = node.storage().lead(turn.clone(), None).await?.term else { return Ok(()) };
    let reindexed = match node.storage().reindex(reindex.clone()).await {
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
