//! Counts runs, and writes what was counted.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use kerrera_core::State;
use kerrera_core::metrics::RunEnd;
use kerrera_core::storage::Acked;

use super::acker::Ended;
use super::{Node, lock};
use crate::engine::recorder::Recorder;
use crate::measuring::Metrics;
use crate::telemetry::{Ending, MetricsFolded, Telemetry};

pub(crate) const NAME: &str = "recorder";

/// What is counted on this node.
#[derive(Debug)]
pub(crate) struct Recording {
    recorder: Mutex<Recorder>,
    most: usize,
}

impl Recording {
    /// `None` if nothing is to be counted.
    pub(crate) fn new(metrics: &Metrics) -> Option<Arc<Recording>> {
        let Metrics { is_on, every, most_workers: most, .. } = *metrics;
        let recorder = Recorder::new(Instant::now(), every, fastrand::f64(), most);
        is_on.then(|| Arc::new(Recording { recorder: Mutex::new(recorder), most }))
    }

    /// Counts the runs of which it is known what became of them. One lock for all.
    pub(crate) fn count(&self, batch: &[Ended], answers: &[Acked], telemetry: &Telemetry) {
        let mut recorder = lock(&self.recorder);
        let mut folds = false;
        for (Ended { ack, ran, .. }, answer) in batch.iter().zip(answers) {
            let Some(ran) = ran else { continue };
            let end = match answer {
                Acked::Cancelled => RunEnd::Cancelled,
                Acked::Lost => RunEnd::Lost,
                // What is written instead is counted.
                Acked::Refused(_) => continue,
                Acked::Written | Acked::AlreadyWritten => match ran.ending {
                    _ if ack.outcome.to == State::Cancelled => RunEnd::Cancelled,
                    Ending::Success => RunEnd::Completed,
                    Ending::Snoozed => RunEnd::Snoozed,
                    Ending::Cancelled => RunEnd::Cancelled,
                    Ending::Discard => RunEnd::Discarded,
                    Ending::Failure => RunEnd::Failed,
                    Ending::Released => RunEnd::Released,
                },
            };
            let (queue, worker) = (&ran.job.queue, &ran.job.worker);
            folds |= recorder.note(queue, worker, end, ran.waited(), ran.duration);
        }
        drop(recorder);
        if folds {
            telemetry.emit(MetricsFolded { most: self.most });
        }
    }

    /// When queues are to be looked at.
    pub(super) fn looks_at(&self) -> Instant {
        lock(&self.recorder).looks_at(Instant::now())
    }

    /// Takes in how full queues are.
    pub(super) fn looked(
        &self,
        gauges: std::collections::BTreeMap<String, kerrera_core::metrics::Gauge>,
    ) {
        lock(&self.recorder).looked(gauges);
    }
}

pub(crate) async fn run(node: Arc<Node>) {
    let Some(recording) = node.recording.clone() else { return };
    loop {
        let wake = lock(&recording.recorder).wakes_at(Instant::now());
        tokio::select! {
            () = tokio::time::sleep_until(wake.into()) => {}
            () = node.stop.loops.cancelled() => break,
        }
        let now = Instant::now();
        let is_due = {
            let mut recorder = lock(&recording.recorder);
            recorder.roll(now);
            recorder.is_due(now)
        };
        if is_due {
            write(&node, &recording).await;
        }
    }
    // What is left; a node that has not written yet asks for the time first.
    for _ in 0..2 {
        let limit = node.tuning.grace.min(Duration::from_secs(5));
        let _ = tokio::time::timeout(limit, write(&node, &recording)).await;
    }
}

async fn write(node: &Node, recording: &Recording) {
    let flush = lock(&recording.recorder).take(Instant::now());
    let Some(flush) = flush else { return };
    match node.storage().write_metrics(flush.rows.clone()).await {
        Ok(told) => {
            node.health.well(NAME);
            lock(&recording.recorder).written(Instant::now(), &flush, told);
        }
        Err(error) => node.health.ill(NAME, error),
    }
}
