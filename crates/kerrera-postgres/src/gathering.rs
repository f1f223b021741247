//! Insertions that share a statement.
//!
//! A statement and its commit cost nearly the same for one job as for thirty. So whatever is to be
//! inserted while such a statement is under way goes into the next one together; the first never waits
//! for company. Every caller gets its own jobs back, or its own error.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kerrera_core::error::Kind;
use kerrera_core::storage::Inserted;
use kerrera_core::task::let_others;
use kerrera_core::{Error, Result, ValidJob};
use tokio::sync::oneshot;

use crate::connection::{self, Link, Verb};
use crate::insert;
use crate::statements::Call;

/// What each caller wants inserted.
type Groups = Vec<Vec<ValidJob>>;

/// Where a caller waits.
type Answer = oneshot::Sender<Result<Vec<Inserted>>>;

/// How many jobs share a statement.
const MOST: usize = 1_000;

/// Gathers insertions while one of them is written.
#[derive(Debug)]
pub(crate) struct Gathering {
    link: Arc<Link>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    waiting: Vec<Waiting>,
    /// Somebody writes, and will look for what waits when that is done.
    writing: bool,
}

/// An insertion whose caller waits.
#[derive(Debug)]
struct Waiting {
    jobs: Vec<ValidJob>,
    answer: Answer,
}

impl Gathering {
    pub(crate) fn new(link: Arc<Link>) -> Arc<Gathering> {
        Arc::new(Gathering { link, state: Mutex::default() })
    }

    /// Inserts jobs of which none is unique. `call` makes a call of whatever has gathered.
    pub(crate) async fn insert(
        self: &Arc<Self>,
        jobs: Vec<ValidJob>,
        call: impl Fn(Groups) -> Result<Call<Groups>> + Send + 'static,
    ) -> Result<Vec<Inserted>> {
        let here = connection::runtime_here()?;
        let (answer, answered) = oneshot::channel();
        let is_first = {
            let mut state = self.state();
            state.waiting.push(Waiting { jobs, answer });
            !std::mem::replace(&mut state.writing, true)
        };
        if is_first {
            // In a task of its own, so that a caller who gives up leaves nobody waiting.
            let turn = Turn { gathering: Arc::clone(self), ended: false };
            here.spawn(turn.write(call));
        }
        answered.await.unwrap_or_else(|_| {
            Err(Error::new(Kind::Closed, "the runtime ended while the database was at work"))
        })
    }

    /// The next to be written: those that came first, as many as fit. Nobody writes any more if there
    /// are none.
    fn next(&self) -> Vec<Waiting> {
        let mut state = self.state();
        // Whoever no longer waits wants nothing inserted either.
        state.waiting.retain(|waiting| !waiting.answer.is_closed());
        let mut room = MOST;
        let fits = |waiting: &&Waiting| match room.checked_sub(waiting.jobs.len()) {
            Some(rest) => {
                room = rest;
                true
            }
            None => false,
        };
        let count = state.waiting.iter().take_while(fits).count();
        let next: Vec<Waiting> = state.waiting.drain(..count).collect();
        state.writing = !next.is_empty();
        next
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The turn of the one that writes. If it ends before its time, with the runtime, those who wait hear
/// of it, and whoever comes next writes.
struct Turn {
    gathering: Arc<Gathering>,
    ended: bool,
}

impl Turn {
    async fn write(mut self, call: impl Fn(Groups) -> Result<Call<Groups>> + Send + 'static) {
        loop {
            let next = self.gathering.next();
            if next.is_empty() {
                self.ended = true;
                return;
            }
            let (groups, answers): (Groups, Vec<_>) =
                next.into_iter().map(|waiting| (waiting.jobs, waiting.answer)).unzip();
            let verb: Verb<Call<Groups>, Vec<Result<Vec<Inserted>>>> =
                |session, call| Box::pin(insert::insert_groups(session, call));
            let inserted = match call(groups) {
                Ok(call) => self.gathering.link.run(call, verb).await,
                Err(error) => Err(error),
            };
            tell(answers, inserted);
            // Those who were answered mostly have the next job at hand. Without this they would wait for
            // the whole of a statement that took the other half of them.
            let_others().await;
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        if !self.ended {
            *self.gathering.state() = State::default();
        }
    }
}

fn tell(answers: Vec<Answer>, inserted: Result<Vec<Result<Vec<Inserted>>>>) {
    // Somebody who does not wait any more is told nothing.
    match inserted {
        Ok(each) => {
            for (answer, inserted) in answers.into_iter().zip(each) {
                let _ = answer.send(inserted);
            }
        }
        Err(error) => {
            for answer in answers {
                let _ = answer.send(Err(Error::new(error.kind(), error.to_string())));
            }
        }
    }
}
