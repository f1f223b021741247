//! Looks at how full the queues are, once a minute, while this node leads.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kerrera_core::metrics::Gauge;
use kerrera_core::{Result, State};

use super::{Node, leader};

pub(crate) const NAME: &str = "sampler";

/// How far the jobs of a queue and a state are counted.
const MOST: u32 = 10_000;

/// How long each question may take.
const WITHIN: Duration = Duration::from_secs(5);

pub(crate) async fn run(node: Arc<Node>) {
    let Some(recording) = node.recording.clone() else { return };
    while leader::leads(&node).await.is_some() {
        tokio::select! {
            () = tokio::time::sleep_until(recording.looks_at().into()) => {}
            () = node.stop.claims.cancelled() => return,
        }
        if node.seat.borrow().is_none() {
            continue;
        }
        match look(&node).await {
            Ok(gauges) => {
                node.health.well(NAME);
                recording.looked(gauges);
            }
            Err(error) => node.health.ill(NAME, error),
        }
    }
}

async fn look(node: &Node) -> Result<BTreeMap<String, Gauge>> {
    let mut gauges: BTreeMap<String, Gauge> = BTreeMap::new();
    for producer in node.storage().producers().await? {
        let gauge = gauges.entry(producer.queue).or_insert_with(Gauge::empty);
        gauge.limit = gauge.limit.max.saturating_add(producer.limit.into()).into();
    }
    for tally in node.storage().tallies(MOST, WITHIN).await? {
        let gauge = gauges.entry(tally.queue).or_insert_with(Gauge::empty);
        let place = match tally.state {
            State::Available => &mut gauge.available,
            State::Scheduled => &mut gauge.scheduled,
            State::Retryable => &mut gauge.retryable,
            State::Executing => &mut gauge.executing,
            _ => continue,
        };
        *place = tally.jobs.value.into();
        gauge.quality = gauge.quality.max(tally.jobs.quality);
    }
    for oldest in node.storage().oldest(WITHIN).await? {
        let gauge = gauges.entry(oldest.queue).or_insert_with(Gauge::empty);
        gauge.oldest = u64::try_from(oldest.age.as_millis()).unwrap_or(u64::MAX).into();
    }
    Ok(gauges)
}
