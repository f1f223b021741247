//! Runs short jobs in turns: a task for many of them.
//!
//! To make a task, to have it found by a thread and to forget it costs more than a job that only looks
//! something up. So jobs that begin together and belong to workers whose runs are short are worked off by
//! as many tasks as there are threads. A run that waits for something all the same goes on in a task of its
//! own, and keeps nobody up.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;
use std::vec;

use kerrera_core::task::let_others;
use tokio::runtime::Handle;

use super::executor::{self, Begun};
use super::{Node, Queue, lock};

/// Those that work off jobs which began together.
pub(crate) struct Crew<S> {
    node: Arc<Node>,
    queue: Arc<Queue>,
    state: Arc<S>,
    jobs: Mutex<vec::IntoIter<Begun<S>>>,
    /// How many of them one task takes at once.
    turn: usize,
}

impl<S: Send + Sync + 'static> Crew<S> {
    /// How many jobs one task takes at once, at most, whose ends it hands in together. If a run that was
    /// taken to be short holds up its thread, so many wait behind it.
    const TURN: usize = 16;
    /// What a short run takes at most.
    const SHORT: Duration = Duration::from_micros(50);

    /// Whether runs are short that take so long.
    pub(crate) fn takes(mean: Option<Duration>) -> bool {
        mean.is_some_and(|mean| mean <= Self::SHORT)
    }

    /// Begins to work off these.
    pub(crate) fn spawn(node: &Arc<Node>, queue: &Arc<Queue>, state: &Arc<S>, jobs: Vec<Begun<S>>) {
        if jobs.is_empty() {
            return;
        }
        // Few are spread over all threads.
        let threads = Handle::current().metrics().num_workers();
        let turn = jobs.len().div_ceil(threads).min(Self::TURN);
        let tasks = jobs.len().div_ceil(turn).min(threads);
        let crew = Arc::new(Crew {
            node: node.clone(),
            queue: queue.clone(),
            state: state.clone(),
            jobs: Mutex::new(jobs.into_iter()),
            turn,
        });
        for _ in 0..tasks {
            tokio::spawn(crew.clone().work());
        }
    }

    async fn work(self: Arc<Self>) {
        let mut place = None;
        loop {
            let turn: Vec<_> = lock(&self.jobs).by_ref().take(self.turn).collect();
            if turn.is_empty() {
                return;
            }
            let mut ends = Vec::with_capacity(turn.len());
            for begun in turn {
                let run = executor::run(&self.node, &self.queue, &self.state, begun);
                let mut run = match place.take() {
                    None => Box::pin(run),
                    Some(place) => refill(place, run),
                };
                match poll_fn(|cx| Poll::Ready(run.as_mut().poll(cx))).await {
                    Poll::Ready(ended) => {
                        ends.push(ended);
                        place = Some(run);
                    }
                    Poll::Pending => {
                        executor::spawn(&self.node, &self.queue, run);
                        let_others().await;
                    }
                }
            }
            self.queue.end(&self.node.acks, ends, self.node.tuning.refresh);
            // Whom these runs have woken need not wait for the others.
            let_others().await;
        }
    }
}

/// Puts a run where one was that has ended.
fn refill<F>(mut place: Pin<Box<F>>, run: F) -> Pin<Box<F>> {
    place.set(run);
    place
}
