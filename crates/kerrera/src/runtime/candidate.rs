//! Stands in the elections of the neighbours' leader, while this node leads Kerrera's own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use super::{Node, leader};
use crate::engine::candidate::Candidate;
use crate::telemetry::{NeighboursElected, NeighboursLost, ResignFailed};

pub(crate) const NAME: &str = "candidate";

pub(crate) async fn run(node: Arc<Node>, names: Arc<[String]>) {
    while leader::leads(&node).await.is_some() {
        let mut seat = node.seat.subscribe();
        tokio::select! {
            () = stand(&node, &names) => {}
            _ = seat.wait_for(Option::is_none) => {}
            () = node.stop.claims.cancelled() => {}
        }
        step_down(&node, &names).await;
    }
}

/// Stands again and again.
async fn stand(node: &Node, names: &Arc<[String]>) {
    let mut candidate = Candidate::new(Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep_until(candidate.wakes_at().into()) => {}
            () = node.neighbours_leaderless.notified() => {
                candidate.leaderless(Instant::now());
                continue;
            }
        }
        let voted = match node.storage().stand(node.name.clone(), names.clone()).await {
            Ok(led) => {
                node.health.well(NAME);
                let leads = !led.is_empty();
                if node.leads_neighbours.swap(leads, Ordering::SeqCst) != leads {
                    if leads {
                        node.telemetry().emit(NeighboursElected { names: led });
                    } else {
                        node.telemetry().emit(NeighboursLost { names: names.to_vec() });
                    }
                }
                Some(leads)
            }
            Err(error) => {
                node.leads_neighbours.store(false, Ordering::SeqCst);
                node.health.ill(NAME, error);
                None
            }
        };
        candidate.voted(Instant::now(), voted, fastrand::f64());
    }
}

/// Also when it is not known to lead: an answer may have been lost.
async fn step_down(node: &Node, names: &Arc<[String]>) {
    if node.leads_neighbours.swap(false, Ordering::SeqCst) {
        node.telemetry().emit(NeighboursLost { names: names.to_vec() });
    }
    if let Err(error) = node.storage().step_down(node.name.clone(), names.clone()).await {
        // Its time will be over soon.
        node.telemetry().emit(ResignFailed { error: error.to_string() });
    }
}
