//! Takes the lead, keeps it, and gives it up when the engine stops.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kerrera_core::storage::{Candidate, Seat};
use tokio::time::timeout;

use super::Node;
use crate::engine::leader::{Effect, Event, Leader};
use crate::maintenance::SEAT;
use crate::telemetry::{LeaderElected, LeaderLost, ResignFailed};

pub(crate) const NAME: &str = "leader";

/// How long a lease is where silence tells of a death, in times to live of a node. Nobody waits for
/// what a leader does, and it is written three times in each.
const LEASE: u32 = 4;

/// How long it is where the operating system tells: rarely is it written.
const LONG: Duration = Duration::from_secs(300);

pub(crate) async fn run(node: Arc<Node>) {
    let ttl = if node.storage().silence_is_death() { node.tuning.ttl * LEASE } else { LONG };
    let candidate =
        Candidate { seat: SEAT.into(), holder: node.process, node: node.name.clone(), ttl };
    let mut leader = Leader::new(Instant::now(), node.tuning.ttl * LEASE);
    let mut event = Event::Tick;
    node.seat.send_replace(None);
    loop {
        for effect in leader.step(Instant::now(), std::mem::replace(&mut event, Event::Tick)) {
            match effect {
                Effect::Elected { term } => elected(&node, candidate.seat(term)),
                Effect::Lost { term } => lost(&node, term),
                Effect::Ask { held } => event = ask(&node, &candidate, held).await,
            }
        }
        if !matches!(event, Event::Tick) {
            continue;
        }
        tokio::select! {
            () = tokio::time::sleep_until(leader.wakes_at().into()) => {}
            () = node.leaderless.notified() => event = Event::Leaderless,
            () = node.stop.claims.cancelled() => break,
        }
    }
    resign(&node).await;
}

/// Waits until this node leads; `None` when it stops.
pub(super) async fn leads(node: &Node) -> Option<Seat> {
    let mut seat = node.seat.subscribe();
    tokio::select! {
        seat = seat.wait_for(Option::is_some) => seat.ok().and_then(|seat| seat.clone()),
        () = node.stop.claims.cancelled() => None,
    }
}

async fn ask(node: &Node, candidate: &Candidate, held: Option<i64>) -> Event {
    let sent = Instant::now();
    let jitter = fastrand::f64();
    // A lease must not end unnoticed while the database is waited for.
    let limit = node.tuning.ttl / 3;
    match timeout(limit, node.storage().lead(candidate.clone(), held)).await {
        Ok(Ok(lease)) => {
            node.health.well(NAME);
            return Event::Answered { sent, lease, jitter };
        }
        Ok(Err(error)) => node.health.ill(NAME, error),
        Err(_) => node.health.ill(NAME, format!("the database did not answer within {limit:?}")),
    }
    Event::Failed { jitter }
}

fn elected(node: &Node, seat: Seat) {
    node.telemetry().emit(LeaderElected { node: node.name.clone(), term: seat.term });
    node.seat.send_replace(Some(seat));
}

fn lost(node: &Node, term: i64) {
    node.telemetry().emit(LeaderLost { node: node.name.clone(), term });
    node.seat.send_replace(None);
}

/// Lets another node lead at once.
async fn resign(node: &Node) {
    let Some(seat) = node.seat.send_replace(None) else { return };
    node.telemetry().emit(LeaderLost { node: node.name.clone(), term: seat.term });
    if let Err(error) = node.storage().resign(seat).await {
        // Its time will be over soon.
        node.telemetry().emit(ResignFailed { error: error.to_string() });
    }
}
