//! Says what this node is, and how it is: beside the heartbeats, and much slower.

use std::sync::Arc;
use std::time::{Duration, Instant};

use kerrera_core::directory::{LoopCard, NodeCard};

use super::{Node, lock};

pub(crate) const NAME: &str = "herald";

/// The time between two looks at oneself.
const INTERVAL: Duration = Duration::from_secs(12);

/// How long nothing is written while nothing has changed, where silence tells nothing.
const REST: Duration = Duration::from_secs(60);

/// What a node is, as long as it runs.
#[derive(Debug, Default)]
pub(crate) struct Identity {
    pub(crate) release: Option<kerrera_core::directory::Release>,
    /// The names of the workers that it has registered.
    pub(crate) workers: Vec<String>,
}

pub(crate) async fn run(node: Arc<Node>) {
    let mut told: Option<(Instant, NodeCard)> = None;
    loop {
        let card = card(&node);
        let is_due = told.as_ref().is_none_or(|(at, last)| {
            node.storage().silence_is_death() || at.elapsed() >= REST || !is_like(last, &card)
        });
        if is_due {
            match node.storage().announce(node.process, card.clone()).await {
                Ok(()) => {
                    node.health.well(NAME);
                    told = Some((Instant::now(), card));
                }
                Err(error) => node.health.ill(NAME, error),
            }
        }
        tokio::select! {
            () = tokio::time::sleep(INTERVAL) => {}
            () = node.stop.loops.cancelled() => return,
        }
    }
}

/// What this node says about itself.
fn card(node: &Node) -> NodeCard {
    let loops = node.health.report().loops.into_iter();
    let loops = loops.map(|report| LoopCard::new(report.name, report.last_success, report.failure));
    let mut card = NodeCard::default();
    card.node = node.name.to_string();
    card.version = env!("CARGO_PKG_VERSION").to_owned();
    card.release.clone_from(&node.identity.release);
    card.host = gethostname::gethostname().to_string_lossy().into_owned();
    card.system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
    card.pid = std::process::id();
    card.leads = node.seat.borrow().is_some();
    card.connectivity = node.ears.connectivity().as_str().to_owned();
    card.loops = loops.collect();
    card.connections = node.storage().connections();
    card.workers.clone_from(&node.identity.workers);
    for queue in &*node.queues() {
        let unknown = lock(&queue.excluded).clone();
        let unknown = unknown.iter().map(|worker| (queue.name.to_string(), worker.clone()));
        card.unknown_workers.extend(unknown);
    }
    card
}

/// Whether two cards tell the same, but for how much there is to do at the moment.
fn is_like(one: &NodeCard, other: &NodeCard) -> bool {
    let still = |card: &NodeCard| {
        let mut card = card.clone();
        card.loops.iter_mut().for_each(|it| it.idle = 0);
        card.connections.clear();
        card
    };
    still(one) == still(other)
}
