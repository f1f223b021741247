//! Runs one job to its end.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use kerrera_core::failure::sanitise;
use kerrera_core::job::PROGRESS;
use kerrera_core::outcome::{Outcome, Policy as ErrorPolicy};
use kerrera_core::state::{Event, Move, decide};
use kerrera_core::storage::{Ack, Failure};
use kerrera_core::{ClaimToken, Fingerprint, Job, JobError, JobResult, Limits, State};
use serde_json::{Map, Value};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::Instrument;

use super::acker::Ended;
use super::panics::Caught;
use super::{Claimed, Node, Queue, Run};
use crate::cancellation::{Cancellation, Reason};
use crate::perform::Context;
use crate::registry::{Handler, Policy};
use crate::telemetry::{
    BackoffPanicked, Ending, FailureKind, JobImpossible, JobStart, JobTimeout, PropagatorPanicked,
    Ran,
};

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

/// A job that has a slot, and whose run is to begin.
pub(crate) struct Begun<S> {
    handler: Arc<dyn Handler<S>>,
    job: Arc<Job>,
    token: ClaimToken,
    started: Instant,
    /// Or with what words the worker panicked when it was asked.
    allowed: Result<Allowed, String>,
    cancellation: Cancellation,
}

/// What a worker allows a run.
#[derive(Clone, Copy, Default)]
struct Allowed {
    timeout: Option<Duration>,
    due: Option<Instant>,
    abandoned: Option<Instant>,
    /// How long the job waits for its next attempt if the run is abandoned.
    backoff: Duration,
}

impl Allowed {
    /// A time beyond all clocks is none.
    fn by(policy: &Policy, job: &Job, started: Instant) -> Allowed {
        let timeout = (policy.timeout)(job);
        let due = timeout.and_then(|timeout| started.checked_add(timeout));
        let after = due.zip((policy.abandon_after)());
        let abandoned = after.and_then(|(due, more)| due.checked_add(more));
        let backoff = match abandoned {
            Some(_) => (policy.backoff)(job),
            None => Duration::ZERO,
        };
        Allowed { timeout, due, abandoned, backoff }
    }
}

/// Begins the run of a job, which is to be noted among those that hold a slot. What is begun together may
/// share the moment of its start.
pub(crate) fn begin<S>(
    handler: &Arc<dyn Handler<S>>,
    (job, token): Claimed,
    started: Instant,
) -> (Begun<S>, Run) {
    let policy = handler.policy();
    let allowed = super::panics::catch(|| Allowed::by(policy, &job, started));
    let Allowed { due, abandoned, backoff, .. } = *allowed.as_ref().unwrap_or(&Allowed::default());
    let cancellation = Cancellation::new();
    let run = Run {
        worker: policy.name,
        job: job.clone(),
        started: started.into_std(),
        due: due.map(Instant::into_std),
        abandoned: abandoned.map(Instant::into_std),
        backoff,
        cancellation: cancellation.clone(),
        reported: false,
        refreshed: false,
        contested: false,
        ended: None,
    };
    (Begun { handler: handler.clone(), job, token, started, allowed, cancellation }, run)
}

/// Runs a job in a task of its own, or goes on there with a run that waits for something.
pub(crate) fn spawn(
    node: &Arc<Node>,
    queue: &Arc<Queue>,
    run: impl Future<Output = Ended> + Send + 'static,
) {
    let (node, queue) = (node.clone(), queue.clone());
    tokio::spawn(async move {
        let ended = run.await;
        queue.end(&node.acks, vec![ended], node.tuning.refresh);
    });
}

/// The run of a job that has a slot, which comes to how it ended.
pub(crate) fn run<S: Send + Sync + 'static>(
    node: &Arc<Node>,
    queue: &Arc<Queue>,
    state: &Arc<S>,
    begun: Begun<S>,
) -> impl Future<Output = Ended> + Send + use<S> {
    let Begun { handler, job, token, started, allowed, cancellation } = begun;
    let span = tracing::info_span!(
        target: "kerrera",
        "job",
        id = job.id,
        queue = %job.queue,
        worker = handler.policy().name,
        attempt = job.attempt,
        otel.status_code = tracing::field::Empty,
    );
    if let Some(propagator) = node.client.propagator()
        && let Err(error) = super::panics::catch(|| propagator.begin(&job, &span))
    {
        node.telemetry().emit(PropagatorPanicked { job: job.clone(), error });
    }
    let (node, queue) = (node.clone(), queue.clone());
    let cx = Context {
        job: job.clone(),
        token,
        state: state.clone(),
        cancellation: cancellation.clone(),
        node: node.clone(),
    };
    let run = async move {
        let begun = Instant::now();
        node.telemetry().emit(JobStart::of(&job));
        let (end, timeout) = match allowed {
            Ok(Allowed { timeout, due, .. }) => {
                let cancel_grace = node.tuning.cancel_grace;
                let limit = Limit { job: &job, due, timeout, cancel_grace };
                let work = handler.run(cx);
                (supervise(&node, &queue, work, &cancellation, &limit).await, timeout)
            }
            Err(words) => (End::Panicked(words), None),
        };
        let now = Instant::now();
        let (ran, took) = (now - started, now - begun);
        for pace in [&handler.policy().pace, &queue.pace] {
            pace.note(took);
        }
        let conclusion = Conclusion {
            node: &node,
            policy: handler.policy(),
            job: &job,
            token,
            ran,
            timeout,
            reason: cancellation.reason(),
        };
        let mut ended = conclusion.of(end);
        if ended.ran.as_ref().is_some_and(|ran| ran.failed.is_some()) {
            tracing::Span::current().record("otel.status_code", "ERROR");
        }
        if let Some(progress) = node.reports.take(job.id, token)
            && let Ok(progress) = serde_json::to_value(progress)
        {
            ended.ack.meta.get_or_insert_default().insert(PROGRESS.to_owned(), progress);
        }
        ended
    };
    // The span ends with the run, not when what is left of it is dropped.
    async move { run.instrument(span).await }
}

/// When a run is told to stop.
struct Limit<'a> {
    job: &'a Arc<Job>,
    due: Option<Instant>,
    timeout: Option<Duration>,
    cancel_grace: Duration,
}

/// A worker's code.
type Work = Caught<dyn Future<Output = JobResult> + Send>;

async fn supervise(
    node: &Node,
    queue: &Queue,
    work: Pin<Box<dyn Future<Output = JobResult> + Send>>,
    cancellation: &Cancellation,
    limit: &Limit<'_>,
) -> End {
    let mut work = Caught::new(work);
    let ended = |result| match result {
        Ok(result) => End::Returned(result),
        Err(words) => End::Panicked(words),
    };
    // Many jobs wait for nothing: for them no timer is made, and no place to be cancelled from.
    let first = poll_fn(|cx| Poll::Ready(Pin::new(&mut work).poll(cx))).await;
    if let Poll::Ready(result) = first {
        return ended(result);
    }
    // In a place of its own, which makes the task of a job that never gets here a third as large.
    match Box::pin(outlast(node, queue, &mut work, cancellation, limit)).await {
        Some(result) => ended(result),
        None => match work.abort() {
            Ok(()) => End::Dropped,
            Err(words) => End::Panicked(words),
        },
    }
}

/// Waits for what a run comes to; `None` if it did not end when it was told to.
async fn outlast(
    node: &Node,
    queue: &Queue,
    work: &mut Work,
    cancellation: &Cancellation,
    limit: &Limit<'_>,
) -> Option<Result<JobResult, String>> {
    tokio::select! {
        biased;
        result = &mut *work => return Some(result),
        () = cancellation.cancelled() => {}
        () = sleep_until(limit.due.unwrap_or_else(Instant::now)), if limit.due.is_some() => {
            cancellation.cancel(Reason::Timeout);
            let (job, timeout) = (limit.job.clone(), limit.timeout);
            node.telemetry().emit(JobTimeout { job, timeout });
        }
    }
    // It has been told; now it may tidy up. At a shutdown, or when the queue was stopped, somebody
    // says when that is over.
    let at_shutdown = cancellation.reason() == Some(Reason::Shutdown);
    tokio::select! {
        biased;
        result = work => Some(result),
        () = queue.halt.abort.cancelled() => None,
        () = sleep(limit.cancel_grace), if !at_shutdown => None,
    }
}

/// Everything that decides what is written about a run.
struct Conclusion<'a> {
    node: &'a Node,
    policy: &'a Policy,
    job: &'a Arc<Job>,
    token: ClaimToken,
    ran: Duration,
    timeout: Option<Duration>,
    reason: Option<Reason>,
}

impl Conclusion<'_> {
    fn of(&self, end: End) -> Ended {
        match end {
            End::Returned(Ok(outcome @ (Outcome::Done(_) | Outcome::Cancel(_)))) => {
                self.outcome(outcome)
            }
            end if self.reason == Some(Reason::Cancelled) => self.cancelled(end),
            End::Returned(Ok(outcome)) => self.outcome(outcome),
            End::Returned(Err(error)) => self.stopped().unwrap_or_else(|| self.error(&error)),
            End::Panicked(words) => self.failed(FailureKind::Panic, &words, None),
            End::Dropped => self.stopped().unwrap_or_else(|| {
                let words = "** (Cancelled) it was stopped while it ran";
                self.failed(FailureKind::Stopped, words, None)
            }),
        }
    }

    /// What becomes of a run that stopped because it was told to.
    fn stopped(&self) -> Option<Ended> {
        match self.reason? {
            Reason::Timeout => {
                let (worker, timeout) = (self.policy.name, self.timeout.unwrap_or_default());
                let words = format!("** (TimeoutError) {worker} timed out after {timeout:?}");
                Some(self.failed(FailureKind::Timeout, &words, None))
            }
            Reason::Shutdown | Reason::Doubt => Some(self.ended(Event::Released)),
            Reason::Gone | Reason::Cancelled => None,
        }
    }

    /// What becomes of a run that stopped because somebody cancelled its job: it is not tried again,
    /// whether its row says so already (ours and Elixir's do) or not (Python's leaves that to us).
    fn cancelled(&self, end: End) -> Ended {
        let words = match end {
            End::Returned(Err(error)) => error.to_string(),
            End::Panicked(words) => words,
            End::Returned(Ok(_)) | End::Dropped => {
                "** (Cancelled) it was cancelled while it ran".to_owned()
            }
        };
        self.ended_saying(Event::Cancelled, &words)
    }

    fn outcome(&self, outcome: Outcome) -> Ended {
        match outcome {
            Outcome::Done(done) => {
                let client = &self.node.client;
                let meta = done.value.map(|value| within_limit(value, client.limits()));
                match (meta.transpose(), client.validate(done.then)) {
                    (Ok(meta), Ok(then)) => {
                        let ended = self.ended(Event::Completed);
                        Ended { ack: Ack { meta, then, ..ended.ack }, ..ended }
                    }
                    (Err(error), _) => self.error(&error),
                    (_, Err(error)) => self.error(&error.into()),
                }
            }
            Outcome::Snooze(wait) => self.ended(Event::Snoozed { wait }),
            Outcome::Cancel(reason) => {
                self.ended_saying(Event::Cancelled, &format!("cancelled: {reason}"))
            }
            Outcome::Discard(reason) => {
                self.ended_saying(Event::Discarded, &format!("discarded: {reason}"))
            }
            _ => {
                let words = "** (UnknownOutcome) this version does not know the outcome";
                self.failed(FailureKind::Error, words, None)
            }
        }
    }

    fn error(&self, error: &JobError) -> Ended {
        let words = error.to_string();
        match error.policy() {
            ErrorPolicy::RetryIn(wait) => self.failed(FailureKind::Error, &words, Some(wait)),
            ErrorPolicy::Cancel => self.ended_saying(Event::Cancelled, &words),
            ErrorPolicy::Discard => self.ended_saying(Event::Discarded, &words),
            _ => self.failed(FailureKind::Error, &words, None),
        }
    }

    fn failed(&self, kind: FailureKind, words: &str, retry_in: Option<Duration>) -> Ended {
        let retry_in = retry_in.unwrap_or_else(|| {
            // The worker's own code, which may panic.
            let backoff = super::panics::catch(|| (self.policy.backoff)(self.job));
            backoff.unwrap_or_else(|error| {
                self.node.telemetry().emit(BackoffPanicked { job: self.job.clone(), error });
                kerrera_core::backoff::exponential_with_jitter(
                    self.job.attempt,
                    self.job.max_attempts,
                )
            })
        });
        let mut ended = self.ended_saying(Event::Failed { retry_in }, words);
        if let Some(ran) = &mut ended.ran {
            ran.failed = Some(kind);
        }
        ended
    }

    fn ended_saying(&self, event: Event, words: &str) -> Ended {
        let failure = Failure {
            attempt: self.job.attempt,
            error: sanitise(words),
            node: self.node.name.clone(),
            ran: self.ran,
            fingerprint: Some(Fingerprint::of(&self.job.worker, words)),
        };
        let ended = self.ended(event);
        Ended { ack: Ack { failure: Some(failure), ..ended.ack }, ..ended }
    }

    fn ended(&self, event: Event) -> Ended {
        let position = self.job.position();
        let outcome = decide(position, event).unwrap_or_else(|illegal| {
            // A claimed job is executing, where every one of these events can happen.
            let (job, illegal) = (self.job.clone(), illegal.to_string());
            self.node.telemetry().emit(JobImpossible { job, illegal });
            Move::to(State::Discarded)
        });
        if event == Event::Released {
            self.node.released.fetch_add(1, Ordering::SeqCst);
        }
        let (id, token, attempt) = (self.job.id, self.token, self.job.attempt);
        let ending = Ending::of(event, outcome.to);
        let ran = Ran { job: self.job.clone(), duration: self.ran, ending, failed: None };
        let (failure, meta, then, began) = (None, None, Vec::new(), None);
        let ack = Ack { id, token, attempt, outcome, failure, meta, then, began };
        Ended { ack, position, ran: Some(ran), slot: None }
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
