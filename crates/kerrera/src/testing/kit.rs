//! The kit itself.

use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Job, NewJob, Result, Timestamp};

use super::drain::{Drain, Drained};
use super::faults::Faults;
use super::perform::PerformJob;
#[cfg(feature = "sqlite")]
use super::perform::Performed;
use super::runner::{Runner, Shift};
use crate::client::{Client, Inline};
use crate::perform::Perform;
use crate::registry::Registry;

/// What a test of workers needs: a database of its own, workers, their state, and a clock that is
/// moved by hand.
///
/// No loop runs. Jobs are inserted as ever, since a kit is a [`Client`] too, and run when the test
/// says so: one after the other, in the test's own task, through the claim, the executor and the ack
/// of an engine.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::testing::{Drained, TestKit, assert_enqueued};
///
/// #[derive(Serialize, Deserialize, Worker)]
/// #[worker(queue = "mailers")]
/// struct Remind { user_id: i64 }
///
/// impl Perform for Remind {
///     async fn perform(&self, _: &Context) -> JobResult { done() }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kerrera::Result<()> {
/// let kit = TestKit::builder().worker::<Remind>().build().await?;
/// kit.insert(Remind { user_id: 7 }.schedule_in(2.days())).await?;
/// assert_enqueued!(kit, worker: Remind, args: {"user_id": 7}, scheduled_in: 2.days());
///
/// assert_eq!(kit.advance(1.day()).await?, Drained::default());
/// assert_eq!(kit.advance(1.day()).await?, Drained { success: 1, ..Drained::default() });
/// # Ok(()) }
/// ```
pub struct TestKit<S = ()>(Arc<Runner<S>>);

/// Settings of a kit; made by [`TestKit`]'s `builder` and [`on`](TestKit::on).
#[must_use = "nothing is made until build is called"]
pub struct TestKitBuilder<S = ()> {
    /// Without one, a database in memory.
    client: Option<Client>,
    state: S,
    registry: Registry<S>,
    mode: Mode,
    faults: Faults,
    most_runs: u32,
    /// A mistake that the types could not prevent; told by `build`.
    mistake: Option<Error>,
}

/// When a kit runs jobs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// When the test says so.
    #[default]
    Manual,
    /// Before the insertion returns: the job comes back as it stands after its run. A time that it
    /// is scheduled for is ignored.
    ///
    /// What it leaves behind is run too if it is available, such as the job of a
    /// [`then`](crate::AndThen::then); what is to wait, such as the next attempt, waits.
    Inline,
}

impl TestKit {
    /// Begins to set up a kit on a database in memory, which no other kit sees.
    ///
    /// Its clock stands still, and begins at the present.
    #[cfg(feature = "sqlite")]
    pub fn builder() -> TestKitBuilder {
        TestKitBuilder::new(None)
    }

    /// Begins to set up a kit on the database of a client: one that the application's code is given
    /// too, or one on PostgreSQL.
    ///
    /// Time can be moved if the storage was made with
    /// [`Clock::manual`](kerrera_core::Clock::manual).
    pub fn on(client: &Client) -> TestKitBuilder {
        TestKitBuilder::new(Some(client.clone()))
    }
}

impl TestKitBuilder {
    fn new(client: Option<Client>) -> TestKitBuilder {
        TestKitBuilder {
            client,
            state: (),
            registry: Registry::default(),
            mode: Mode::default(),
            faults: Faults::default(),
            most_runs: 10_000,
            mistake: None,
        }
    }

    /// Gives the workers their state. Before the first worker: its type decides which workers fit.
    pub fn state<S: Send + Sync + 'static>(self, state: S) -> TestKitBuilder<S> {
        let mistake = (!self.registry.is_empty()).then(|| {
            let message = "TestKitBuilder::state was called after TestKitBuilder::worker, and those \
                           workers have no state: call state first";
            Error::new(Kind::Config, message)
        });
        let registry = Registry::default();
        let TestKitBuilder { client, mode, faults, most_runs, .. } = self;
        TestKitBuilder { client, state, registry, mode, faults, most_runs, mistake }
    }
}

impl<S: Send + Sync + 'static> TestKitBuilder<S> {
    /// Knows a worker. The jobs of others are left alone.
    pub fn worker<W: Perform<S>>(mut self) -> Self {
        self.registry.add::<W>();
        self
    }

    /// Runs jobs as they are inserted: see [`Mode::Inline`].
    pub fn inline(mut self) -> Self {
        self.mode = Mode::Inline;
        self
    }

    /// Lets the node die now and then, as the seed decides: in a quarter of the runs at one of their
    /// first four awaits, if they have to wait there, and in another quarter when they have ended and
    /// nobody has written how. The job is then rescued, as if by another node, and runs again with its
    /// next attempt.
    ///
    /// A last attempt is spared, so that every job ends as it would have ended; but whatever a run
    /// does, it may do twice. In inline mode nothing dies.
    ///
    /// The same seed decides the same; how often a run awaits is its own affair.
    pub fn faults(mut self, seed: u64) -> Self {
        self.faults = Faults::seeded(seed);
        self
    }

    /// After how many runs a call ends with an error, because it might never end; 10,000.
    pub fn most_runs(mut self, runs: u32) -> Self {
        self.most_runs = runs;
        self
    }

    /// Makes the kit.
    ///
    /// # Errors
    ///
    /// When two workers have one name.
    pub async fn build(self) -> Result<TestKit<S>> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        self.registry.check(|_| true)?;
        let client = match self.client {
            Some(client) => client,
            None => in_memory().await?,
        };
        let runner = Arc::new(Runner {
            client,
            registry: self.registry,
            state: Arc::new(self.state),
            inline: AtomicBool::new(self.mode == Mode::Inline),
            faults: self.faults,
            most_runs: self.most_runs,
        });
        let inline: Weak<Runner<S>> = Arc::downgrade(&runner);
        runner.client.set_inline(inline as Weak<dyn Inline>);
        Ok(TestKit(runner))
    }
}

impl<S: Send + Sync + 'static> TestKit<S> {
    /// The client of this kit, for the code under test.
    pub fn client(&self) -> &Client {
        &self.0.client
    }

    /// The state that its workers are given.
    pub fn state(&self) -> &S {
        &self.0.state
    }

    /// What the storage's clock shows; this machine's, where that is the database's own.
    pub fn now(&self) -> Timestamp {
        self.0.now()
    }

    /// Changes when jobs are run, for whatever is inserted from now on.
    pub fn set_mode(&self, mode: Mode) {
        self.0.inline.store(mode == Mode::Inline, Ordering::SeqCst);
    }

    /// Runs something in another mode, and goes back to the one before.
    ///
    /// The mode is the kit's: whatever else inserts through its client meanwhile, in tasks of its
    /// own too, does so in that mode.
    pub async fn with_mode<F: Future>(&self, mode: Mode, run: F) -> F::Output {
        let inline = &self.0.inline;
        let _back = Back(inline, inline.swap(mode == Mode::Inline, Ordering::SeqCst));
        run.await
    }

    /// Runs the available jobs of a queue, those that are due included, and counts how they end.
    ///
    /// Begun by `.await`; see [`Drain`] for its options. Jobs that come meanwhile are left for the
    /// next time, unless with recursion. Two statements for each job, and four for the whole.
    ///
    /// # Errors
    ///
    /// When the database fails; without safety, when a job does.
    pub fn drain_queue(&self, queue: impl Into<String>) -> Drain<'_, S> {
        Drain::new(&self.0, queue.into())
    }

    /// Runs the job that comes next, in any queue, and gives it back as it stands then; `None` if
    /// none can ever come.
    ///
    /// If none is available, the clock jumps to the time of the next one: a scheduled job, a snoozed
    /// one, the next attempt of one that failed.
    ///
    /// # Errors
    ///
    /// When the database fails, or its clock would have to be moved and cannot be.
    pub async fn run_next_due(&self) -> Result<Option<Job>> {
        let mut shift = Shift::default();
        let (job, result) = match self.0.run_next(&mut shift).await {
            Ok(job) => (job, Ok(())),
            Err(error) => (None, Err(error)),
        };
        self.0.end(shift, result).await?;
        Ok(job)
    }

    /// Runs jobs in all queues, each at its time, until none is left that could ever run; the clock
    /// jumps from one to the next.
    ///
    /// # Errors
    ///
    /// When the database fails, when its clock would have to be moved and cannot be, or after
    /// [`most_runs`](TestKitBuilder::most_runs).
    pub async fn run_until_idle(&self) -> Result<Drained> {
        self.run_until(None).await
    }

    /// Lets this much time pass, and runs the jobs of all queues meanwhile, each at its time.
    ///
    /// Whatever is available already is run first: `advance(Duration::ZERO)` runs what is due now.
    ///
    /// # Errors
    ///
    /// As for [`run_until_idle`](TestKit::run_until_idle).
    pub async fn advance(&self, span: Duration) -> Result<Drained> {
        self.run_until(Some(self.now() + span)).await
    }

    /// Runs a worker's code with a job that is in no queue, and says what an engine would write.
    ///
    /// Begun by `.await`; before that, the attempt, the number and everything else of the job can be
    /// changed. Timeouts, panics and back-off are those of an engine; jobs that the worker inserts by
    /// itself are inserted.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// use kerrera::testing::TestKit;
    ///
    /// #[derive(Serialize, Deserialize, Worker)]
    /// struct Import { file: String }
    ///
    /// impl Perform for Import {
    ///     async fn perform(&self, cx: &Context) -> JobResult {
    ///         if cx.job().attempt < 3 { return snooze(5.minutes()); }
    ///         Err(format!("{} is not there", self.file).into())
    ///     }
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> kerrera::Result<()> {
    /// let kit = TestKit::builder().worker::<Import>().build().await?;
    /// let first = kit.perform_job(Import { file: "a.csv".into() }).await?;
    /// assert_eq!((first.state, first.wait), (State::Scheduled, Some(5.minutes())));
    ///
    /// let third = kit.perform_job(Import { file: "a.csv".into() }).attempt(3).await?;
    /// assert_eq!(third.state, State::Retryable);
    /// assert_eq!(third.error.as_deref(), Some("a.csv is not there"));
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the job breaks a rule of insertion, or the kit does not know its worker.
    pub fn perform_job(&self, job: impl Into<NewJob>) -> PerformJob<'_, S> {
        PerformJob::new(&self.0, job.into())
    }

    async fn run_until(&self, end: Option<Timestamp>) -> Result<Drained> {
        let mut shift = Shift::default();
        let result = self.0.run_until(&mut shift, end).await;
        self.0.end(shift, result).await
    }
}

impl<S: Send + Sync + 'static> Deref for TestKit<S> {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.0.client
    }
}

impl<S> fmt::Debug for TestKit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKit").field("client", &self.0.client).finish_non_exhaustive()
    }
}

impl<S> fmt::Debug for TestKitBuilder<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestKitBuilder").field("client", &self.client).finish_non_exhaustive()
    }
}

/// A client of a database in memory, which no other client sees and whose clock stands still until
/// a kit [on it](TestKit::on) moves it: for a state that holds a client itself.
///
/// # Errors
///
/// When no thread can be started for it.
#[cfg(feature = "sqlite")]
pub async fn in_memory() -> Result<Client> {
    let clock = kerrera_core::Clock::manual(Timestamp::now());
    let sqlite = kerrera_sqlite::SqliteOptions::in_memory().clock(clock).open()?;
    Client::connect(sqlite).await
}

/// Runs a worker's code once, with a job that is in no queue: [`TestKit::perform_job`] on a kit of its
/// own.
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::testing::perform_job;
///
/// #[derive(Serialize, Deserialize, Worker)]
/// struct Add { a: i64, b: i64 }
///
/// impl Perform for Add {
///     async fn perform(&self, _: &Context) -> JobResult { done().value(self.a + self.b) }
/// }
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> kerrera::Result<()> {
/// let performed = perform_job(Add { a: 1, b: 2 }, ()).await?;
/// assert_eq!((performed.state, performed.value), (State::Completed, Some(3.into())));
/// # Ok(()) }
/// ```
///
/// # Errors
///
/// When the job breaks a rule of insertion, or no thread can be started.
#[cfg(feature = "sqlite")]
pub async fn perform_job<W, S>(worker: W, state: S) -> Result<Performed>
where
    W: Perform<S>,
    S: Send + Sync + 'static,
{
    let kit = TestKit::builder().state(state).worker::<W>().build().await?;
    kit.perform_job(worker).await
}

#[cfg(not(feature = "sqlite"))]
async fn in_memory() -> Result<Client> {
    let message = "a kit needs a client, or the feature \"sqlite\" of the crate kerrera";
    Err(Error::new(Kind::Config, message))
}

/// Sets the mode back when it is dropped.
struct Back<'a>(&'a AtomicBool, bool);

impl Drop for Back<'_> {
    fn drop(&mut self) {
        self.0.store(self.1, Ordering::SeqCst);
    }
}
