//! Forgets what unique jobs had claimed that are gone.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until};

use super::Node;
use crate::engine::sweeper::{Event, Sweeper};
use crate::telemetry::Sweep;

pub(crate) const NAME: &str = "sweeper";

pub(crate) async fn run(node: Arc<Node>) {
    let mut sweeper = Sweeper::new(Instant::now().into_std());
    loop {
        tokio::select! {
            () = sleep_until(Instant::from_std(sweeper.wakes_at())) => {}
            () = node.stop.loops.cancelled() => return,
        }
        let swept = node.storage().sweep_claims(sweeper.after(), Sweeper::STRETCH).await;
        let event = match swept {
            Ok(swept) => {
                node.health.well(NAME);
                node.telemetry().emit(Sweep { count: swept.forgotten });
                Event::Swept(swept)
            }
            Err(error) => {
                node.health.ill(NAME, error);
                Event::Failed { jitter: fastrand::f64() }
            }
        };
        sweeper.step(Instant::now().into_std(), event);
    }
}
