//! Writes how runs ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::failure::sanitise;
use kerrera_core::state::{Event as StateEvent, Position, decide};
use kerrera_core::storage::{Ack, Acked, Failure, Storage};
use kerrera_core::{ClaimToken, Error, Fingerprint, Job, Result, State};
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::Slot;
use super::bookkeeper::Bookkeeping;
use super::panics::Caught;
use super::recorder::Recording;
use super::supervisor::Health;
use crate::client::Client;
use crate::engine::acker::{Acker, Event};
use crate::telemetry::{
    AckCancelled, AckImpossible, AckLost, AckRefused, AckWritten, Ending, FailureKind, Ran,
};

const NAME: &str = "acker";

/// A run that has ended.
#[derive(Clone, Debug)]
pub(crate) struct Ended {
    /// What is to be written.
    pub(crate) ack: Ack,
    /// Where the job stands while it runs.
    pub(crate) position: Position,
    /// The run, if it had begun.
    pub(crate) ran: Option<Ran>,
    /// Its slot, if that is not free before the end is written.
    pub(crate) slot: Option<Arc<Slot>>,
}

impl Ended {
    /// What is written instead of an outcome that the database refuses, such as a value or a
    /// follow-up that it cannot hold: the run has failed, and its error says why. `None` if that is
    /// what was refused: there is nothing simpler to say.
    pub(crate) fn refused(&self, node: &Arc<str>, why: &str) -> Option<Ended> {
        const RETRY_IN: Duration = Duration::from_secs(60);
        const WORDS: &str = "** (OutcomeRefused) the run ended, and";
        let Ended { ack, position, ran, slot } = self;
        if ack.failure.as_ref().is_some_and(|failure| failure.error.starts_with(WORDS)) {
            return None;
        }
        let error = sanitise(&format!("{WORDS} {why}"));
        let event = StateEvent::Failed { retry_in: RETRY_IN };
        let outcome = decide(*position, event).ok()?;
        let ran = ran.clone().map(|ran| Ran {
            ending: Ending::of(event, outcome.to),
            failed: Some(FailureKind::Refused),
            ..ran
        });
        let failure = Some(Failure {
            attempt: position.attempt,
            error,
            node: node.clone(),
            ran: ran.as_ref().map_or(Duration::ZERO, |ran| ran.duration),
            fingerprint: ran.as_ref().map(|ran| Fingerprint::of(&ran.job.worker, why)),
        });
        let Ack { id, token, attempt, began, .. } = *ack;
        let (meta, then) = (None, Vec::new());
        let ack = Ack { id, token, attempt, outcome, failure, meta, then, began };
        Some(Ended { ack, position: *position, ran, slot: slot.clone() })
    }
}

/// Where ended runs are handed in.
#[derive(Clone)]
pub(crate) struct Acks {
    sender: mpsc::UnboundedSender<Vec<Ended>>,
    unwritten: Arc<Unwritten>,
}

/// How many ended runs are not yet written.
#[derive(Debug, Default)]
struct Unwritten {
    count: AtomicUsize,
    none: Notify,
}

impl Acks {
    pub(crate) fn new() -> (Acks, mpsc::UnboundedReceiver<Vec<Ended>>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Acks { sender, unwritten: Arc::default() }, receiver)
    }

    /// Hands in ended runs; they are written as soon as can be.
    pub(crate) fn hand_in(&self, ended: Vec<Ended>) {
        self.unwritten.count.fetch_add(ended.len(), Ordering::SeqCst);
        // The acker outlives every run.
        let _ = self.sender.send(ended);
    }

    /// Hands in a job that was claimed and never begun, or stopped: it costs no attempt.
    pub(crate) fn release(&self, job: &Job, token: ClaimToken) {
        if let Ok(outcome) = decide(job.position(), StateEvent::Released) {
            let (failure, meta, then, began) = (None, None, Vec::new(), None);
            let (id, attempt) = (job.id, job.attempt);
            let ack = Ack { id, token, attempt, outcome, failure, meta, then, began };
            let position = job.position();
            self.hand_in(vec![Ended { ack, position, ran: None, slot: None }]);
        }
    }

    /// How many that were handed in are not written yet.
    pub(crate) fn unwritten(&self) -> usize {
        self.unwritten.count.load(Ordering::SeqCst)
    }

    /// Waits until everything that was handed in is written.
    pub(crate) async fn all_written(&self) {
        loop {
            let none = self.unwritten.none.notified();
            if self.unwritten() == 0 {
                return;
            }
            none.await;
        }
    }

    fn wrote(&self, count: usize) {
        if self.unwritten.count.fetch_sub(count, Ordering::SeqCst) == count {
            self.unwritten.none.notify_waiters();
        }
    }
}

pub(crate) struct Writer {
    pub(crate) node: Arc<str>,
    pub(crate) client: Client,
    pub(crate) acks: Acks,
    pub(crate) recording: Option<Arc<Recording>>,
    pub(crate) book: Arc<Bookkeeping>,
    pub(crate) health: Arc<Health>,
    pub(crate) writers: usize,
    pub(crate) batch: usize,
}

impl Writer {
    /// Writes until nobody can hand in any more.
    pub(crate) async fn run(self, mut receiver: mpsc::UnboundedReceiver<Vec<Ended>>) {
        let mut acker: Acker<Ended> = Acker::new(self.writers, self.batch);
        let mut writes: JoinSet<Write> = JoinSet::new();
        let mut gathered = Vec::new();
        let mut open = true;
        while open || !acker.is_idle() {
            let wake = acker.wakes_at().map(Instant::from_std);
            let event = tokio::select! {
                count = receiver.recv_many(&mut gathered, self.batch), if open && acker.has_room() => {
                    open = count > 0;
                    Event::Ended(std::mem::take(&mut gathered))
                }
                Some(write) = writes.join_next() => self.written(write),
                () = sleep_until(wake), if wake.is_some() => Event::Tick,
            };
            let now = || Instant::now().into_std();
            let mut step = acker.step(now(), event);
            while let Some(batch) = step {
                writes.spawn(write(self.client.storage().clone(), batch));
                step = acker.step(now(), Event::Tick);
            }
        }
    }

    fn written(&self, write: Result<Write, tokio::task::JoinError>) -> Event<Ended> {
        // A write is caught when it panics, so the only other way for its task to end is with the
        // runtime.
        let Ok(Write { batch, answers, took }) = write else { return Event::Written };
        match answers {
            Ok(answers) => {
                self.health.well(NAME);
                let written = AckWritten { count: batch.len(), duration: took };
                self.client.telemetry().emit(written);
                if let Some(recording) = &self.recording {
                    recording.count(&batch, &answers, self.client.telemetry());
                }
                self.follow_up(&batch, &answers);
                self.acks.wrote(batch.len());
                Event::Written
            }
            Err(error) => {
                self.health.ill(NAME, &error);
                Event::Failed { batch, jitter: fastrand::f64() }
            }
        }
    }

    fn follow_up(&self, batch: &[Ended], answers: &[Acked]) {
        let telemetry = self.client.telemetry();
        for (ended, answer) in batch.iter().zip(answers) {
            let Ended { ack, ran, .. } = ended;
            let id = ack.id;
            let tell = |to| ran.iter().for_each(|ran| telemetry.emit(ran.told(ack, to)));
            match answer {
                Acked::Written | Acked::AlreadyWritten => {
                    self.client.wake_all(ack.then.iter().map(|job| job.queue.as_str()));
                    tell(ack.outcome.to);
                    self.book.note(ended);
                }
                Acked::Cancelled => {
                    telemetry.emit(AckCancelled { id });
                    tell(State::Cancelled);
                }
                Acked::Lost => {
                    let (token, began) = (ack.token, ran.is_some());
                    telemetry.emit(AckLost { id, token, began });
                }
                Acked::Refused(why) => {
                    telemetry.emit(AckRefused { id, error: why.clone() });
                    match ended.refused(&self.node, why) {
                        Some(failed) => self.acks.hand_in(vec![failed]),
                        None => telemetry.emit(AckImpossible { id }),
                    }
                }
            }
        }
    }
}

/// A write that has come to its end.
struct Write {
    batch: Vec<Ended>,
    answers: Result<Vec<Acked>>,
    took: Duration,
}

async fn write(storage: Arc<dyn Storage>, batch: Vec<Ended>) -> Write {
    let acks = batch.iter().map(|ended| ended.ack.clone()).collect();
    let sent = Instant::now();
    let answers = Caught::new(storage.ack(acks)).await;
    let answers = answers.unwrap_or_else(|words| Err(Error::new(Kind::Unreachable, words)));
    Write { batch, answers, took: sent.elapsed() }
}

async fn sleep_until(time: Option<Instant>) {
    if let Some(time) = time {
        tokio::time::sleep_until(time).await;
    }
}
