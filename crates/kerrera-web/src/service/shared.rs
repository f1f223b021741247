//! One answer for all who ask the same at the same time: twenty open tabs cost the database no more
//! than one.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kerrera::metrics::{Summary, SummaryQuery};
use kerrera::{
    BulkOperation, BulkState, Enrolled, JobId, JobQuery, KnownWorker, Leader, ListOrder, Listing,
    NodeInfo, OldestJob, QueueTally, Standing, Timestamp, WorkerTally,
};
use kerrera_core::error::Kind;
use tokio::time::Instant;

use super::{Result, Service};

/// For how long an answer is good.
const FRESH: Duration = Duration::from_secs(1);

/// Of each queue and state, counting ends here.
const MOST: u32 = 10_000;

/// How many operations are looked at, of the newest.
const NEWEST: u32 = 50;

/// How many answers are kept before those that are no longer good are looked for.
const MANY: usize = 64;

/// The answers of the last second, and the questions that are under way, of one database.
///
/// What is kept is what the database said, before anything is taken out of it: it may go to anybody, and
/// whoever asks takes out what their viewer does not see. A question whose answer depends on the viewer
/// has to say so in its text.
#[derive(Clone, Default)]
pub(crate) struct Shared(Arc<Mutex<HashMap<Question, Slot>>>);

/// What is asked: a type of answer, and the rest in words.
type Question = (TypeId, String);

/// Held by whoever asks the database; everybody else waits for it, and finds the answer.
type Slot = Arc<tokio::sync::Mutex<Option<Answer>>>;

struct Answer {
    at: Instant,
    said: Said,
}

/// An answer of any type, or what an error is made anew of.
type Said = std::result::Result<Arc<dyn Any + Send + Sync>, (Kind, String)>;

impl Shared {
    /// The answer that came within the last second or is under way, or else what `ask` gives. Failures
    /// are shared as well: who waits for a database that takes too long waits once.
    ///
    /// # Errors
    ///
    /// What `ask` failed with.
    pub(crate) async fn ask<T, F>(&self, question: &str, ask: F) -> kerrera::Result<Arc<T>>
    where
        T: Any + Send + Sync,
        F: Future<Output = kerrera::Result<T>>,
    {
        let slot = self.slot((TypeId::of::<T>(), question.to_owned()));
        let mut answer = slot.lock().await;
        let fresh = answer.as_ref().filter(|answer| answer.at.elapsed() < FRESH);
        if let Some(known) = fresh.and_then(|answer| known(&answer.said)) {
            return known;
        }
        let said = ask.await.map(Arc::new);
        let kept: Said = match &said {
            Ok(said) => Ok(said.clone()),
            Err(error) => Err((error.kind(), error.to_string())),
        };
        *answer = Some(Answer { at: Instant::now(), said: kept });
        said
    }

    /// Forgets all answers, and those under way too: something was changed, and whoever changed it is
    /// to see that.
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn slot(&self, question: Question) -> Slot {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if slots.len() > MANY {
            slots.retain(|_, slot| match slot.try_lock() {
                Ok(answer) => answer.as_ref().is_some_and(|answer| answer.at.elapsed() < FRESH),
                Err(_) => true,
            });
        }
        slots.entry(question).or_default().clone()
    }
}

fn known<T: Any + Send + Sync>(said: &Said) -> Option<kerrera::Result<Arc<T>>> {
    match said {
        Ok(said) => Some(Ok(said.clone().downcast().ok()?)),
        Err((kind, message)) => Some(Err(kerrera::Error::new(*kind, message.clone()))),
    }
}

/// Little of everything: enough to see that something has changed.
pub(crate) struct Glance {
    pub(crate) newest: Option<(JobId, String)>,
    pub(crate) tallies: Vec<QueueTally>,
    pub(crate) orders: Vec<Standing>,
    pub(crate) producers: Vec<Enrolled>,
    /// Of the newest operations on many jobs: number, state, and how many jobs it is done with.
    pub(crate) operations: Vec<(i64, BulkState, u64)>,
}

/// What several pages ask, of everything: callers take out what their viewer does not see.
impl Service {
    /// How many jobs there are, by queue and state; counted to ten thousand, estimated beyond.
    pub(super) async fn all_tallies(&self) -> Result<Vec<QueueTally>> {
        self.asked("tallies", self.reader().tallies(MOST)).await
    }

    /// The oldest available job of each queue.
    pub(super) async fn all_oldest(&self) -> Result<Vec<OldestJob>> {
        self.asked("oldest", self.reader().oldest()).await
    }

    /// Who works which queue.
    pub(super) async fn all_producers(&self) -> Result<Vec<Enrolled>> {
        self.asked("producers", self.client.producers()).await
    }

    /// The workers that nodes have registered.
    pub(super) async fn all_workers(&self) -> Result<Vec<KnownWorker>> {
        self.asked("workers", self.client.known_workers()).await
    }

    /// The nodes that have said that they are there.
    pub(super) async fn all_nodes(&self) -> Result<Vec<NodeInfo>> {
        self.asked("nodes", self.client.nodes()).await
    }

    /// How many jobs of workers wait and run; of either state, so many are looked at.
    pub(super) async fn all_worker_tallies(&self) -> Result<Vec<WorkerTally>> {
        self.asked("worker tallies", self.reader().worker_tallies(MOST)).await
    }

    /// What became of runs from so long ago until so long ago, by queue and worker.
    pub(super) async fn all_runs(&self, from: Duration, until: Duration) -> Result<Vec<Summary>> {
        let now = Timestamp::now();
        let query = SummaryQuery::new(now - from, now - until);
        let question = format!("runs from {from:?} until {until:?}");
        self.asked(&question, self.reader().summary(query)).await
    }

    /// The orders for queues that hold.
    pub(super) async fn all_orders(&self) -> Result<Vec<Standing>> {
        self.asked("orders", self.client.queue_orders()).await
    }

    /// The newest operations on many jobs.
    pub(super) async fn newest_operations(&self) -> Result<Vec<BulkOperation>> {
        self.asked("operations", self.client.operations(None, NEWEST)).await
    }

    /// Which node leads.
    pub(super) async fn leader(&self) -> Result<Option<Leader>> {
        self.asked("leader", self.client.leader()).await
    }

    /// What live updates compare, of everything. Five statements, none of which reads the table.
    pub(crate) async fn glance(&self) -> Result<Glance> {
        let newest = Listing::of(JobQuery::new()).order(ListOrder::Newest).size(1);
        let newest = self.reader().page(newest).await?.rows.into_iter().next();
        let operations = self.newest_operations().await?;
        let looked_through =
            |one: BulkOperation| (one.id, one.state, one.done + one.skipped + one.failed);
        Ok(Glance {
            newest: newest.map(|row| (row.id, row.queue)),
            tallies: self.all_tallies().await?,
            orders: self.all_orders().await?,
            producers: self.all_producers().await?,
            operations: operations.into_iter().map(looked_through).collect(),
        })
    }

    /// The answer to a question of this text, shared with all who ask the same within a second if the
    /// service belongs to a dashboard.
    ///
    /// The answer is the same for everybody: what the viewer does not see is taken out by the caller.
    ///
    /// # Errors
    ///
    /// What `ask` failed with.
    pub(super) async fn asked<T, F>(&self, question: &str, ask: F) -> Result<T>
    where
        T: Any + Clone + Send + Sync,
        F: Future<Output = kerrera::Result<T>>,
    {
        match &self.shared {
            Some(shared) => Ok(T::clone(&*shared.ask(question, ask).await?)),
            None => Ok(ask.await?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering::SeqCst};

    use futures_util::future::join_all;

    use super::*;

    async fn count(asked: &AtomicU32) -> kerrera::Result<u32> {
        tokio::time::sleep(Duration::from_millis(300)).await;
        Ok(asked.fetch_add(1, SeqCst) + 1)
    }

    #[tokio::test(start_paused = true)]
    async fn twenty_who_ask_at_once_ask_once() {
        let (shared, asked) = (Shared::default(), AtomicU32::new(0));
        let answers = join_all((0..20).map(|_| shared.ask("how many", count(&asked)))).await;
        assert!(answers.into_iter().all(|answer| *answer.unwrap() == 1));

        tokio::time::advance(Duration::from_millis(900)).await;
        assert_eq!(*shared.ask("how many", count(&asked)).await.unwrap(), 1);
        tokio::time::advance(Duration::from_millis(200)).await;
        assert_eq!(*shared.ask("how many", count(&asked)).await.unwrap(), 2);
        assert_eq!(*shared.ask("how few", count(&asked)).await.unwrap(), 3, "another question");
    }

    #[tokio::test(start_paused = true)]
    async fn who_changed_something_gets_no_older_answer() {
        let (shared, asked) = (Shared::default(), AtomicU32::new(0));
        let under_way = shared.ask("how many", count(&asked));
        let after = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            shared.forget();
            shared.ask("how many", count(&asked)).await
        };
        let (before, after) = tokio::join!(under_way, after);
        assert_eq!((*before.unwrap(), *after.unwrap()), (1, 2));
        assert_eq!(*shared.ask("how many", count(&asked)).await.unwrap(), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn failures_are_shared_and_who_hangs_up_fails_nobody() {
        let (shared, asked) = (Shared::default(), AtomicU32::new(0));
        let fail = || async {
            count(&asked).await?;
            Err::<u32, _>(kerrera::Error::new(Kind::Timeout, "it took too long"))
        };
        let answers = join_all((0..20).map(|_| shared.ask("how many", fail()))).await;
        for answer in answers {
            assert!(answer.unwrap_err().is_timeout());
        }
        assert_eq!(asked.load(SeqCst), 1);

        let short = Duration::from_millis(10);
        let gone = tokio::time::timeout(short, shared.ask("whether", count(&asked)));
        let (gone, stays) = tokio::join!(gone, shared.ask("whether", count(&asked)));
        assert!(gone.is_err() && stays.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn answers_that_are_no_longer_good_are_not_kept() {
        let (shared, asked) = (Shared::default(), AtomicU32::new(0));
        for n in 0..500 {
            shared.ask(&format!("question {n}"), count(&asked)).await.unwrap();
        }
        assert!(shared.0.lock().unwrap().len() <= MANY + 1);
    }
}
