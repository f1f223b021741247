//! Nodes that die in the middle of their work, as a seed decides.

use std::future::{Future, poll_fn};
use std::sync::{Mutex, PoisonError};
use std::task::Poll;

use kerrera_core::state::Position;

use crate::runtime::panics;

/// Decides which runs a crash cuts off.
#[derive(Debug, Default)]
pub(super) struct Faults(Option<Mutex<fastrand::Rng>>);

/// What happens to a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Nothing.
    None,
    /// Its node dies when it has waited so many times before, and waits once more.
    AtAwait(u32),
    /// Its node dies when it has ended and nobody has written how.
    BeforeAck,
}

impl Faults {
    pub(super) fn seeded(seed: u64) -> Faults {
        Faults(Some(Mutex::new(fastrand::Rng::with_seed(seed))))
    }

    /// The fate of the next run. A last attempt is spared, so that every job ends as it would have
    /// ended.
    pub(super) fn next(&self, at: Position) -> Fault {
        let Some(random) = &self.0 else { return Fault::None };
        if at.attempt >= at.max_attempts {
            return Fault::None;
        }
        let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
        match random.u32(0..4) {
            0 => Fault::BeforeAck,
            1 => Fault::AtAwait(random.u32(0..4)),
            _ => Fault::None,
        }
    }
}

impl Fault {
    /// Runs a future to its end; `None` if this fault dropped it at an await.
    pub(super) async fn cut<F: Future>(self, future: F) -> Option<F::Output> {
        let mut future = Box::pin(future);
        let mut waits = 0;
        let ran = poll_fn(|cx| match future.as_mut().poll(cx) {
            Poll::Ready(output) => Poll::Ready(Some(output)),
            Poll::Pending if self == Fault::AtAwait(waits) => Poll::Ready(None),
            Poll::Pending => {
                waits += 1;
                Poll::Pending
            }
        });
        let ran = ran.await;
        if ran.is_none() {
            // The dead do not panic.
            let _ = panics::catch(|| drop(future));
        }
        ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kerrera_core::State;

    fn at(attempt: i32) -> Position {
        Position { state: State::Executing, attempt, max_attempts: 3 }
    }

    #[test]
    fn a_seed_decides_and_the_last_attempt_is_spared() {
        let fates = |seed| {
            let faults = Faults::seeded(seed);
            (0..100).map(|_| faults.next(at(1))).collect::<Vec<_>>()
        };
        assert_eq!(fates(1), fates(1));
        assert_ne!(fates(1), fates(2));
        assert!(fates(1).contains(&Fault::BeforeAck) && fates(1).contains(&Fault::AtAwait(2)));
        let faults = Faults::seeded(1);
        assert!((0..100).all(|_| faults.next(at(3)) == Fault::None));
        assert!((0..100).all(|_| Faults::default().next(at(1)) == Fault::None));
    }

    #[tokio::test]
    async fn a_run_is_cut_at_the_await_that_was_chosen() {
        for waits in 0..4 {
            let mut reached = 0;
            let run = async {
                for _ in 0..2 {
                    reached += 1;
                    tokio::task::yield_now().await;
                }
            };
            let ended = Fault::AtAwait(waits).cut(run).await;
            assert_eq!(ended.is_some(), waits >= 2, "{waits}");
            assert_eq!(reached, 2.min(waits + 1));
        }
    }
}
