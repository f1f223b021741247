//! Finds out whether hints arrive.

use std::sync::{Arc, Mutex};

use kerrera_core::Result;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::{Node, lock};
use crate::engine::sonar::{Connectivity, Event, Sonar};
use crate::telemetry::NotifierSwitch;

pub(crate) const NAME: &str = "sonar";

/// Who was heard, and what follows from it.
#[derive(Debug, Default)]
pub(crate) struct Ears {
    heard: Mutex<Vec<Arc<str>>>,
    bell: Notify,
    connectivity: Mutex<Connectivity>,
}

impl Ears {
    /// More names than this wait for nobody: anybody may make them up.
    const ROOM: usize = 1_024;

    /// A node said that it is there.
    pub(crate) fn heard(&self, node: Arc<str>) {
        let mut heard = lock(&self.heard);
        if heard.len() < Ears::ROOM && !heard.contains(&node) {
            heard.push(node);
            self.bell.notify_one();
        }
    }

    pub(crate) fn connectivity(&self) -> Connectivity {
        *lock(&self.connectivity)
    }

    /// Keeps what is known now; true if that is new.
    fn learn(&self, status: Connectivity) -> bool {
        std::mem::replace(&mut *lock(&self.connectivity), status) != status
    }
}

fn learn(node: &Node, status: Connectivity) {
    if node.ears.learn(status) {
        let status = status.as_str();
        node.telemetry().emit(NotifierSwitch { node: node.name.clone(), status });
    }
}

pub(crate) async fn run(node: Arc<Node>) {
    let mut sonar = Sonar::new(Instant::now().into_std(), node.name.clone());
    loop {
        tokio::select! {
            () = node.ears.bell.notified() => {}
            () = sleep_until(Instant::from_std(sonar.wakes_at())) => {}
            () = node.stop.loops.cancelled() => return,
        }
        let now = Instant::now().into_std();
        for other in std::mem::take(&mut *lock(&node.ears.heard)) {
            sonar.step(now, Event::Heard(other));
        }
        let is_due = sonar.step(now, Event::Tick { jitter: fastrand::f64() });
        learn(&node, sonar.status());
        if !is_due {
            continue;
        }
        match ping(&node).await {
            None => {
                learn(&node, Connectivity::Embedded);
                return;
            }
            Some(Ok(())) => node.health.well(NAME),
            Some(Err(error)) => node.health.ill(NAME, error),
        }
    }
}

async fn ping(node: &Node) -> Option<Result<()>> {
    Some(node.storage().ping(node.name.clone())?.await)
}
