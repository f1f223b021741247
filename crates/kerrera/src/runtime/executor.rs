//! Runs one job to its end.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kerrera_core::failure::sanitise;
use kerrera_core::job::PROGRESS;
use kerrera_core::outcome::{Outcome, Policy as ErrorPolicy};
use kerrera_core::state::{Event, Move, decide};
use kerrera_core::storage::{Ack, Failure};
use kerrera_core::{ClaimToken, Job, JobError, JobResult, Limits, Result, State, ValidJob};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument;

use super::acker::Ended;
use super::panics::Caught;
use super::{Node, Queue, Run};
use crate::cancellation::{Cancellation, Reason};
use crate::perform::Context;
use crate::registry::{Handler, Policy};

/// The meta key under which a job's value is kept.
pub(crate) const VALUE: &str = "k_value";

/// How a run came to its end.
enum End {
    /// It returned.
    Returned(JobResult),
    /// It panicked, with these words.
    Panicked(String),
    /// It was dropped at an await.
    Dropped,
}

/// Gives a job a slot and runs it in a task of its own.
pub(crate) fn start<S: Send + Sync + 'static>(
    node: &Arc<Node>,
    queue: &Arc<Queue>,
    handler: &Arc<dyn Handler<S>>,
    state: &Arc<S>,
    job: Arc<Job>,
    token: ClaimToken,
) {
    tokio::spawn(run(node, queue, handler, state, job, token));
}

/// Gives a job a slot, and makes the run, which hands in how it ended.
pub(crate) fn run<S: Send + Sync + 'static>(
    node: &Arc<Node>,
    queue: &Arc<Queue>,
    handler: &Arc<dyn Handler<S>>,
    state: &Arc<S>,
    job: Arc<Job>,
    token: ClaimToken,
) -> impl Future<Output = ()> + Send + use<S> {
    let started = Instant::now();
    let policy = handler.policy();
    let timeout = (policy.timeout)(&job);
    let due = timeout.map(|timeout| started + timeout);
    let abandoned = due.zip((policy.abandon_after)()).map(|(due, more)| due + more);
    let cancellation = Cancellation::new();
    let run = Run {
        worker: policy.name,
        position: job.position(),
        started: started.into_std(),
        due: due.map(Instant::into_std),
        abandoned: abandoned.map(Instant::into_std),
        backoff: match abandoned {
            Some(_) => (policy.backoff)(&job),
            None => Duration::ZERO,
        },
        cancellation: cancellation.clone(),
        reported: false,
        attempted_at: job.attempted_at,
        refreshed: false,
        contested: false,
        ended: None,
    };
    queue.running().insert((job.id, token), run);

    let span = tracing::info_span!(
        target: "kerrera",
        "job",
        id = job.id,
        queue = %job.queue,
        worker = policy.name,
        attempt = job.attempt,
    );
    let (node, queue, handler) = (node.clone(), queue.clone(), handler.clone());
    let cx = Context {
        job: job.clone(),
        token,
        state: state.clone(),
        cancellation: cancellation.clone(),
        client: node.client.clone(),
        reports: node.reports.clone(),
    };
    let run = async move {
        tracing::debug!(target: "kerrera", event = "job.start");
        let limit = Limit { due, timeout, cancel_grace: node.tuning.cancel_grace };
        let end = supervise(&queue, handler.run(cx), &cancellation, &limit).await;
        let ran = started.elapsed();
        let conclusion = Conclusion {
            node: &node,
            policy: handler.policy(),
            job: &job,
            token,
            ran,
            timeout,
            reason: cancellation.reason(),
        };
        let mut ack = conclusion.of(end);
        if let Some(progress) = node.reports.take(job.id, token)
            && let Ok(progress) = serde_json::to_value(progress)
        {
            ack.meta.get_or_insert_default().insert(PROGRESS.to_owned(), progress);
        }
        queue.end(&node.acks, (job.id, token), Ended { ack, position: job.position() });
    };
    run.instrument(span)
}

/// When a run is told to stop.
struct Limit {
    due: Option<Instant>,
    timeout: Option<Duration>,
    cancel_grace: Duration,
}

async fn supervise(
    queue: &Queue,
    work: std::pin::Pin<Box<dyn Future<Output = JobResult> + Send>>,
    cancellation: &Cancellation,
    limit: &Limit,
) -> End {
    let mut work = Caught::new(work);
    let ended = |result| match result {
        Ok(result) => End::Returned(result),
        Err(words) => End::Panicked(words),
    };
    tokio::select! {
        biased;
        result = &mut work => return ended(result),
        () = cancellation.cancelled() => {}
        () = sleep_until(limit.due.unwrap_or_else(Instant::now)), if limit.due.is_some() => {
            cancellation.cancel(Reason::Timeout);
            tracing::debug!(target: "kerrera", event = "job.timeout", timeout = ?limit.timeout);
        }
    }
    // It has been told; now it may tidy up. At a shutdown, or when the queue was stopped, somebody says when that is over.
    let at_shutdown = cancellation.reason() == Some(Reason::Shutdown);
    tokio::select! {
        biased;
        result = &mut work => return ended(result),
        () = queue.halt.abort.cancelled() => {}
        () = sleep(limit.cancel_grace), if !at_shutdown => {}
    }
    match work.abort() {
        Ok(()) => End::Dropped,
        Err(words) => End::Panicked(words),
    }
}

/// Everything that decides what is written about a run.
struct Conclusion<'a> {
    node: &'a Node,
    policy: &'a Policy,
    job: &'a Job,
    token: ClaimToken,
    ran: Duration,
    timeout: Option<Duration>,
    reason: Option<Reason>,
}

impl Conclusion<'_> {
    fn of(&self, end: End) -> Ack {
        let result = match end {
            End::Returned(Ok(outcome @ (Outcome::Done(_) | Outcome::Cancel(_)))) => {
                self.outcome(outcome)
            }
            end if self.reason == Some(Reason::Cancelled) => self.cancelled(end),
            End::Returned(Ok(outcome)) => self.outcome(outcome),
            End::Returned(Err(error)) => self.stopped().unwrap_or_else(|| self.error(&error)),
            End::Panicked(words) => self.failed(&words, None),
            End::Dropped => self
                .stopped()
                .unwrap_or_else(|| self.failed("** (Cancelled) it was stopped while it ran", None)),
        };
        self.tell(&result);
        result
    }

    /// What becomes of a run that stopped because it was told to.
    fn stopped(&self) -> Option<Ack> {
        match self.reason? {
            Reason::Timeout => {
                let (worker, timeout) = (self.policy.name, self.timeout.unwrap_or_default());
                let words = format!("** (TimeoutError) {worker} timed out after {timeout:?}");
                Some(self.failed(&words, None))
            }
            Reason::Shutdown | Reason::Doubt => Some(self.ack(Event::Released)),
            Reason::Gone | Reason::Cancelled => None,
        }
    }

    /// What becomes of a run that stopped because somebody cancelled its job: it is not tried again,
    /// whether its row says so already (ours and Elixir's do) or not (Python's leaves that to us).
    fn cancelled(&self, end: End) -> Ack {
        let words = match end {
            End::Returned(Err(error)) => error.to_string(),
            End::Panicked(words) => words,
            End::Returned(Ok(_)) | End::Dropped => {
                "** (Cancelled) it was cancelled while it ran".to_owned()
            }
        };
        self.ended(Event::Cancelled, &words)
    }

    fn outcome(&self, outcome: Outcome) -> Ack {
        match outcome {
            Outcome::Done(done) => {
                let limits = self.node.client.limits();
                let meta = done.value.map(|value| within_limit(value, limits)).transpose();
                let then = done.then.into_iter().map(|job| job.validate(limits));
                let then: Result<Vec<ValidJob>> = then.collect();
                match (meta, then) {
                    (Ok(meta), Ok(then)) => Ack { meta, then, ..self.ack(Event::Completed) },
                    (Err(error), _) => self.error(&error),
                    (_, Err(error)) => self.error(&error.into()),
                }
            }
            Outcome::Snooze(wait) => self.ack(Event::Snoozed { wait }),
            Outcome::Cancel(reason) => {
                self.ended(Event::Cancelled, &format!("cancelled: {reason}"))
            }
            Outcome::Discard(reason) => {
                self.ended(Event::Discarded, &format!("discarded: {reason}"))
            }
            _ => self.failed("** (UnknownOutcome) this version does not know the outcome", None),
        }
    }

    fn error(&self, error: &JobError) -> Ack {
        let words = error.to_string();
        match error.policy() {
            ErrorPolicy::RetryIn(wait) => self.failed(&words, Some(wait)),
            ErrorPolicy::Cancel => self.ended(Event::Cancelled, &words),
            ErrorPolicy::Discard => self.ended(Event::Discarded, &words),
            _ => self.failed(&words, None),
        }
    }

    fn failed(&self, words: &str, retry_in: Option<Duration>) -> Ack {
        let retry_in = retry_in.unwrap_or_else(|| {
            // The worker's own code, which may panic.
            let backoff = super::panics::catch(|| (self.policy.backoff)(self.job));
            backoff.unwrap_or_else(|words| {
                tracing::error!(target: "kerrera", event = "backoff.panicked", error = words);
                kerrera_core::backoff::exponential_with_jitter(
                    self.job.attempt,
                    self.job.max_attempts,
                )
            })
        });
        self.ended(Event::Failed { retry_in }, words)
    }

    fn ended(&self, event: Event, words: &str) -> Ack {
        let failure = Failure {
            attempt: self.job.attempt,
            error: sanitise(words),
            node: self.node.name.clone(),
            ran: self.ran,
        };
        Ack { failure: Some(failure), ..self.ack(event) }
    }

    fn ack(&self, event: Event) -> Ack {
        let outcome = decide(self.job.position(), event).unwrap_or_else(|illegal| {
            // A claimed job is executing, where every one of these events can happen.
            tracing::error!(target: "kerrera", event = "job.impossible", %illegal);
            Move::to(State::Discarded)
        });
        if event == Event::Released {
            self.node.released.fetch_add(1, Ordering::SeqCst);
        }
        let (id, token) = (self.job.id, self.token);
        Ack { id, token, outcome, failure: None, meta: None, then: Vec::new(), began: None }
    }

    fn tell(&self, ack: &Ack) {
        let state = ack.outcome.to;
        let ms = self.ran.as_secs_f64() * 1_000.0;
        match &ack.failure {
            None => tracing::debug!(target: "kerrera", event = "job.stop", %state, ms),
            Some(failure) => {
                let error = &failure.error;
                tracing::warn!(target: "kerrera", event = "job.exception", %state, ms, %error);
            }
        }
    }
}

fn within_limit(value: Value, limits: &Limits) -> Result<Map<String, Value>, JobError> {
    let bytes = value.to_string().len();
    if bytes > limits.meta_bytes {
        let most = limits.meta_bytes;
        let words = format!(
            "** (ValueTooLarge) the value of the run is {bytes} bytes of JSON, and {most} are \
             allowed: keep large data elsewhere and give back its key"
        );
        return Err(JobError::from(words));
    }
    Ok(Map::from_iter([(VALUE.to_owned(), value)]))
}
