//! Events as counters and histograms.

use std::time::Duration;

use kerrera::Job;
use kerrera::telemetry::{Ending, Event, Subscriber};
use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

/// Counts what happens in an engine, through the facade [`metrics`].
///
/// | name | labels | what |
/// |---|---|---|
/// | `kerrera_jobs_started_total` | `queue`, `worker` | runs that began |
/// | `kerrera_jobs_finished_total` | `queue`, `worker`, `state` | runs that ended: success, snoozed, cancelled, discard, failure or released |
/// | `kerrera_job_duration_seconds` | `queue`, `worker` | how long runs took |
/// | `kerrera_job_queue_time_seconds` | `queue`, `worker` | how long jobs waited since they could have run |
/// | `kerrera_jobs_inserted_total` | | jobs inserted through this engine's client |
/// | `kerrera_jobs_staged_total` | | due jobs made available |
/// | `kerrera_jobs_rescued_total` | `queue` | jobs of the dead that were freed |
/// | `kerrera_acks_lost_total` | | runs whose claim belonged to another in the end |
/// | `kerrera_database_seconds` | `call` | how long the database took: insert, claim, ack or stage |
/// | `kerrera_loop_failures_total` | `loop` | loops of the engine that began to fail |
/// | `kerrera_events_dropped_total` | | events that came faster than subscribers heard them |
///
/// The workers are those that the program registers, so that their number is its own. How many jobs
/// wait in a queue is a question to the database: [`Client::counts`](kerrera::Client::counts).
#[derive(Clone, Debug, Default)]
pub struct Metrics(());

impl Metrics {
    /// Begins to count; describes the metrics to the recorder that is installed by now.
    pub fn new() -> Metrics {
        describe_counter!("kerrera_jobs_started_total", "Runs that began.");
        describe_counter!("kerrera_jobs_finished_total", "Runs that ended, by what came of them.");
        describe_histogram!("kerrera_job_duration_seconds", Unit::Seconds, "How long runs took.");
        describe_histogram!(
            "kerrera_job_queue_time_seconds",
            Unit::Seconds,
            "How long jobs waited since they could have run."
        );
        describe_counter!("kerrera_jobs_inserted_total", "Jobs inserted through the client.");
        describe_counter!("kerrera_jobs_staged_total", "Due jobs made available.");
        describe_counter!("kerrera_jobs_rescued_total", "Jobs of the dead that were freed.");
        describe_counter!("kerrera_acks_lost_total", "Runs whose claim belonged to another.");
        describe_histogram!(
            "kerrera_database_seconds",
            Unit::Seconds,
            "How long the database took, by call."
        );
        describe_counter!("kerrera_loop_failures_total", "Loops that began to fail.");
        describe_counter!("kerrera_events_dropped_total", "Events that no subscriber heard.");
        Metrics(())
    }
}

impl Subscriber for Metrics {
    fn on_event(&self, event: &Event) {
        match event {
            Event::JobStart(start) => {
                let (queue, worker) = labels(&start.job);
                let waited = start.queue_time.as_secs_f64();
                counter!("kerrera_jobs_started_total", "queue" => queue.clone(), "worker" => worker.clone())
                    .increment(1);
                histogram!("kerrera_job_queue_time_seconds", "queue" => queue, "worker" => worker)
                    .record(waited);
            }
            Event::JobStop(stop) => finished(&stop.job, stop.state, stop.duration),
            Event::JobException(end) => finished(&end.job, end.state, end.duration),
            Event::Insert(insert) => {
                counter!("kerrera_jobs_inserted_total").increment(insert.count as u64);
                database("insert", insert.duration);
            }
            Event::Claim(claim) => database("claim", claim.duration),
            Event::AckWritten(written) => database("ack", written.duration),
            Event::AckLost(_) => counter!("kerrera_acks_lost_total").increment(1),
            Event::Stage(stage) => {
                counter!("kerrera_jobs_staged_total").increment(stage.count);
                database("stage", stage.duration);
            }
            Event::RescueJob(job) => {
                counter!("kerrera_jobs_rescued_total", "queue" => job.queue.clone()).increment(1);
            }
            Event::LoopFailed(failed) => {
                counter!("kerrera_loop_failures_total", "loop" => failed.name.clone()).increment(1);
            }
            Event::EventsDropped(dropped) => {
                counter!("kerrera_events_dropped_total").increment(dropped.count);
            }
            _ => {}
        }
    }
}

fn finished(job: &Job, state: Ending, duration: Duration) {
    let (queue, worker) = labels(job);
    histogram!("kerrera_job_duration_seconds", "queue" => queue.clone(), "worker" => worker.clone())
        .record(duration.as_secs_f64());
    let state = state.as_str();
    counter!(
        "kerrera_jobs_finished_total",
        "queue" => queue, "worker" => worker, "state" => state,
    )
    .increment(1);
}

fn database(call: &'static str, duration: Duration) {
    histogram!("kerrera_database_seconds", "call" => call).record(duration.as_secs_f64());
}

fn labels(job: &Job) -> (String, String) {
    (job.queue.clone(), job.worker.clone())
}
