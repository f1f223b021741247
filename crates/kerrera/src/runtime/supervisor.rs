//! Restarts loops for ever, and knows how they are.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::task::JoinHandle;

use super::lock;
use super::panics;
use crate::engine::retry::Retry;
use crate::engine::sonar::Connectivity;
use crate::telemetry::{LoopFailed, LoopPanicked, Telemetry};

/// How the loops of a node are.
#[derive(Debug, Default)]
pub(crate) struct Health {
    loops: Mutex<BTreeMap<String, Pulse>>,
    telemetry: Telemetry,
}

#[derive(Debug)]
struct Pulse {
    last_success: Instant,
    failure: Option<String>,
}

impl Health {
    pub(crate) fn new(telemetry: Telemetry) -> Health {
        Health { loops: Mutex::default(), telemetry }
    }

    /// The loop did what it is there for.
    pub(crate) fn well(&self, name: &str) {
        let mut loops = lock(&self.loops);
        let now = Instant::now();
        if let Some(pulse) = loops.get_mut(name) {
            *pulse = Pulse { last_success: now, failure: None };
        } else {
            loops.insert(name.to_owned(), Pulse { last_success: now, failure: None });
        }
    }

    /// The loop could not do it, and will try again.
    pub(crate) fn ill(&self, name: &str, failure: impl fmt::Display) {
        let mut loops = lock(&self.loops);
        let pulse = loops
            .entry(name.to_owned())
            .or_insert_with(|| Pulse { last_success: Instant::now(), failure: None });
        if pulse.failure.is_none() {
            let (name, error) = (name.to_owned(), failure.to_string());
            self.telemetry.emit(LoopFailed { name, error });
        }
        pulse.failure = Some(failure.to_string());
    }

    /// The loop has ended for good.
    pub(crate) fn forget(&self, name: &str) {
        lock(&self.loops).remove(name);
    }

    pub(crate) fn report(&self) -> HealthReport {
        let loops = lock(&self.loops);
        let now = Instant::now();
        let reports = loops.iter().map(|(name, pulse)| LoopHealth {
            name: name.clone(),
            last_success: now - pulse.last_success,
            failure: pulse.failure.clone(),
        });
        HealthReport {
            loops: reports.collect(),
            unknown_workers: Vec::new(),
            connectivity: Connectivity::default(),
            unwritten: 0,
        }
    }
}

/// How a running engine is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct HealthReport {
    /// Its loops, by name.
    pub loops: Vec<LoopHealth>,
    /// Queues and workers that were met there and are not registered here; their jobs are left for
    /// other nodes.
    pub unknown_workers: Vec<(String, String)>,
    /// Whether hints of other nodes arrive. A node that hears none works all the same, by polling.
    pub connectivity: Connectivity,
    /// Runs that have ended, and whose end is not written yet. A moment's worth is normal; a number that
    /// grows says that the database cannot keep up, or takes no writes.
    pub unwritten: usize,
}

impl HealthReport {
    /// Whether every loop did what it is there for when it last tried.
    pub fn is_healthy(&self) -> bool {
        self.loops.iter().all(|report| report.failure.is_none())
    }
}

/// How a loop is.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct LoopHealth {
    /// Its name, such as `stager` or `producer.mailers`.
    pub name: String,
    /// How long ago it last did what it is there for.
    pub last_success: Duration,
    /// Why it could not do it when it last tried; it tries again for ever.
    pub failure: Option<String>,
}

/// Runs a loop in a task of its own. Should it panic, that is said, and it begins again.
pub(crate) fn supervise<F>(
    name: String,
    health: Arc<Health>,
    mut begin: impl FnMut() -> F + Send + 'static,
) -> JoinHandle<()>
where
    F: Future<Output = ()> + Send + 'static,
{
    tokio::spawn(async move {
        let mut retry = Retry::default();
        loop {
            let running = AssertUnwindSafe(&mut begin);
            let running: Result<F, String> = panics::catch(|| (running.0)());
            let ended = match running {
                Ok(running) => panics::Caught::new(Box::pin(running)).await,
                Err(words) => Err(words),
            };
            let Err(words) = ended else { return };
            health.ill(&name, &words);
            health.telemetry.emit(LoopPanicked { name: name.clone(), error: words });
            tokio::time::sleep(retry.failed(fastrand::f64())).await;
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_panics_begins_again() {
        let health = Arc::new(Health::default());
        let begun = Arc::new(AtomicU32::new(0));
        let count = begun.clone();
        supervise("test".into(), health.clone(), move || {
            let time = count.fetch_add(1, Ordering::SeqCst);
            async move { assert!(time >= 2, "not yet") }
        })
        .await
        .unwrap();
        assert_eq!(begun.load(Ordering::SeqCst), 3);
        assert!(!health.report().is_healthy());
        health.well("test");
        assert!(health.report().is_healthy());
    }
}
