//! Inserting jobs, and waking those who run them. [`operations`](crate::operations) has what is done
//! to jobs afterwards, [`queues`](crate::queues) how queues are steered.

use std::collections::HashMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use kerrera_core::audit::AuditEntry;
use kerrera_core::executor::{Call, Executor};
use kerrera_core::storage::{Answer, Command, Count, Inserted, Leader, Pending, Storage};
use kerrera_core::{
    ClaimToken, Job, JobId, Json, Limits, NewJob, Result, Schedule, State, ValidJob,
};
use serde_json::{Map, Value};

use crate::Tuning;
use crate::database::{Database, Opened};
use crate::engine::throttle::{Tell, Throttle};
use crate::maintenance::SEAT;
use crate::runtime::Node;
use crate::runtime::desk::Desk;
use crate::runtime::inbox::Inbox;
use crate::telemetry::{Insert, NotifyFailed, Propagator, Telemetry};

/// Inserts jobs, looks at them and manages them, and steers queues; runs none.
///
/// Cheap to clone, without a type parameter, and so fit for a web application's state.
///
/// ```
/// use kerrera::prelude::*;
/// use serde_json::json;
///
/// # #[tokio::main] async fn main() -> kerrera::Result<()> {
/// let client = Client::connect("sqlite::memory:").await?;
/// let inserted = client.insert(NewJob::of("Mailer", json!({"id": 7}))).await?;
/// assert_eq!(inserted.job().state, State::Available);
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Client(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    database: Opened,
    limits: Limits,
    throttle: Arc<Mutex<Throttle>>,
    /// The producers of this process, by queue.
    local: Arc<Mutex<Local>>,
    /// Where the nodes of this process hear of orders for queues.
    desks: Arc<Mutex<Vec<Arc<Desk>>>>,
    /// The name of the Oban instance whose nodes are told of orders for queues.
    instance: Arc<str>,
    /// The engines that share this client.
    nodes: Arc<Mutex<Vec<Weak<Node>>>>,
    /// The test kit of this client, if any.
    inline: Arc<Mutex<Option<Weak<dyn Inline>>>>,
    telemetry: Telemetry,
    propagator: Option<Arc<dyn Propagator>>,
    /// What the audit log is told of each change, if this client acts for somebody.
    teller: Option<Arc<AuditEntry>>,
}

/// Runs what is inserted before the insertion returns: a test kit, in its inline mode.
pub(crate) trait Inline: Send + Sync {
    /// Whether it does so now.
    fn is_on(&self) -> bool;

    /// Runs what is available, and gives back what was inserted as it stands then.
    fn run(self: Arc<Self>, inserted: Vec<Inserted>) -> Pending<'static, Vec<Inserted>>;
}

type Local = HashMap<Arc<str>, Vec<Arc<Inbox>>>;

impl Client {
    /// Connects, and checks that the database can be used. SQLite's tables are made if they are
    /// missing; PostgreSQL's must be there (see `kerrera migrate`).
    ///
    /// # Errors
    ///
    /// When the database cannot be reached, refuses the user, or has not been migrated; the message
    /// says what to do.
    pub async fn connect(database: impl Into<Database>) -> Result<Client> {
        let database = database.into();
        #[cfg_attr(not(feature = "config"), expect(unused_mut))]
        let (mut limits, mut tuning) = (Limits::default(), Tuning::default());
        #[cfg(feature = "config")]
        if let Some(config) = database.config() {
            config.limit(&mut limits);
            config.tune(&mut tuning);
        }
        let database = database.open()?;
        let migrate = database.migrates_by_itself;
        let client = Client::new(database, limits, tuning.notify_interval, Client::INSTANCE.into());
        client.storage().open(migrate).await?;
        Ok(client)
    }

    /// The name of an Oban instance that was given no other.
    pub(crate) const INSTANCE: &'static str = "Oban";

    pub(crate) fn new(
        database: Opened,
        limits: Limits,
        notify_interval: Duration,
        instance: Arc<str>,
    ) -> Client {
        Client(Arc::new(Inner {
            database,
            limits,
            throttle: Arc::new(Mutex::new(Throttle::new(notify_interval))),
            local: Arc::default(),
            desks: Arc::default(),
            instance,
            nodes: Arc::default(),
            inline: Arc::new(Mutex::new(None)),
            telemetry: Telemetry::default(),
            propagator: None,
            teller: None,
        }))
    }

    /// A client on the same connections whose jobs carry along what this propagator gives them.
    ///
    /// A client of an engine has the one of [`Builder::propagator`](crate::Builder::propagator).
    #[must_use]
    pub fn with_propagator(&self, propagator: impl Propagator) -> Client {
        self.with_hooks(self.0.telemetry.clone(), Some(Arc::new(propagator)))
    }

    pub(crate) fn with_hooks(
        &self,
        telemetry: Telemetry,
        propagator: Option<Arc<dyn Propagator>>,
    ) -> Client {
        Client(Arc::new(Inner { telemetry, propagator, ..Inner::clone(&self.0) }))
    }

    pub(crate) fn telling_of(&self, teller: Option<Arc<AuditEntry>>) -> Client {
        Client(Arc::new(Inner { teller, ..Inner::clone(&self.0) }))
    }

    pub(crate) fn teller(&self) -> Option<&AuditEntry> {
        self.0.teller.as_deref()
    }

    /// Inserts a job. When it returns, the job is committed.
    ///
    /// One statement; for a [unique](NewJob::unique) job a transaction of a few, which lock its key and
    /// look for its like. If another job counts as the same, nothing is inserted, and that job is given
    /// back: see [`Inserted`]. The producers of its queue are told, here and in other processes.
    ///
    /// The args come back as they were given; PostgreSQL may write the same JSON in another way.
    ///
    /// # Errors
    ///
    /// When the job breaks a rule ([`Error::is_invalid_job`](crate::Error::is_invalid_job)) or the
    /// database fails.
    pub async fn insert(&self, job: impl Into<NewJob>) -> Result<Inserted> {
        let inserted = self.insert_valid(self.validate([job])?).await?;
        one(inserted)
    }

    /// Inserts many jobs, all or none, and gives them back in the same order.
    ///
    /// One statement for a thousand jobs; a transaction of a few, if some are
    /// [unique](NewJob::unique). Of those that count as the same, the first is inserted. On PostgreSQL,
    /// other insertions of unique jobs wait for one with more than 1,000 unique keys.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Client::insert); one job that breaks a rule keeps all from being inserted.
    pub async fn insert_all<J: Into<NewJob>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Result<Vec<Inserted>> {
        self.insert_valid(self.validate(jobs)?).await
    }

    pub(crate) async fn insert_valid(&self, mut jobs: Vec<ValidJob>) -> Result<Vec<Inserted>> {
        if jobs.is_empty() {
            return Ok(Vec::new());
        }
        let inline = self.inline();
        if inline.is_some() {
            jobs.iter_mut().for_each(|job| job.schedule = Schedule::Now);
        }
        let sent = Instant::now();
        let inserted = self.store(jobs).await?;
        self.0.telemetry.emit(Insert { count: inserted.len(), duration: sent.elapsed() });
        self.woken_by(&inserted);
        match inline {
            Some(inline) => inline.run(inserted).await,
            None => Ok(inserted),
        }
    }

    async fn store(&self, jobs: Vec<ValidJob>) -> Result<Vec<Inserted>> {
        let Some(entry) = self.entry("job.insert", "job", "") else {
            return self.storage().insert(jobs).await;
        };
        let inserted = match self.act(Command::Insert(jobs), entry.clone()).await? {
            Answer::Inserted(inserted) => inserted,
            other => return Err(other.unexpected()),
        };
        if inserted.iter().all(|end| matches!(end, Inserted::Existing(_))) {
            let equals = inserted.iter().map(|end| end.job().id);
            self.refused(Some(entry.jobs(equals)), "equal jobs were there").await?;
        }
        Ok(inserted)
    }

    /// Inserts in a transaction of the application's own: the jobs are there when it commits, and
    /// never if it does not.
    ///
    /// Inserts through an asynchronous driver are awaited; those through a synchronous one (rusqlite)
    /// return at once.
    ///
    /// ```
    /// use kerrera::prelude::*;
    /// # #[derive(Serialize, Deserialize, Worker)] struct Welcome { user_id: i64 }
    /// # fn register(client: &Client, connection: &mut rusqlite::Connection) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut tx = connection.transaction()?;
    /// tx.execute("INSERT INTO users (name) VALUES (?1)", ["ada"])?;
    /// let user_id = tx.last_insert_rowid();
    /// client.within(&mut tx).insert(Welcome { user_id })?;
    /// tx.commit()?;
    /// # Ok(()) }
    /// ```
    ///
    /// On PostgreSQL the transaction's commit tells the producers; that serialises the commits of all
    /// transactions that do so. [`Within::quiet`] is the way out where that is too slow.
    pub fn within<'e, M, E: Executor<M>>(&self, executor: &'e mut E) -> Within<'e, M, E> {
        Within { client: self.clone(), executor, quiet: false, marker: PhantomData }
    }

    /// Tells the producers of a queue, here and in other processes, that there may be work.
    ///
    /// After the commit of a transaction whose inserts were [quiet](Within::quiet).
    pub fn wake(&self, queue: &str) {
        let queue: Arc<str> = queue.into();
        self.wake_local(&queue);
        self.tell_others(queue);
    }

    /// A job by its number.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn job(&self, id: JobId) -> Result<Option<Job>> {
        self.storage().job(id).await
    }

    /// How many jobs there are in each queue and state. Reads every job.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn counts(&self) -> Result<Vec<Count>> {
        self.storage().counts().await
    }

    /// The node that leads now, if any does: it prunes, and does whatever else only one node needs to
    /// do. One statement.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn leader(&self) -> Result<Option<Leader>> {
        self.storage().leader(SEAT.into()).await
    }

    /// Where the jobs are kept, without a password.
    pub fn location(&self) -> String {
        self.storage().location()
    }

    pub(crate) fn database(&self) -> Database {
        #[cfg(feature = "sqlite")]
        if let Some(sqlite) = self.sqlite() {
            return sqlite.clone().into();
        }
        Database::of(self.storage().clone())
    }

    pub(crate) fn storage(&self) -> &Arc<dyn Storage> {
        &self.0.database.storage
    }

    #[cfg(feature = "sqlite")]
    pub(crate) fn sqlite(&self) -> Option<&kerrera_sqlite::Sqlite> {
        self.0.database.sqlite.as_ref()
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.0.limits
    }

    pub(crate) fn instance(&self) -> &Arc<str> {
        &self.0.instance
    }

    /// Tells the nodes of this process that the orders for queues have changed.
    pub(crate) fn ordered(&self) {
        lock(&self.0.desks).iter().for_each(|desk| desk.ordered());
    }

    /// Tells the nodes of this process that the crontab has changed.
    pub(crate) fn crontab_changed(&self) {
        for node in lock(&self.0.nodes).iter().filter_map(Weak::upgrade) {
            node.crontab.notify_one();
        }
    }

    /// Tells the nodes of this process that a bulk operation waits.
    pub(crate) fn operation_waits(&self) {
        for node in lock(&self.0.nodes).iter().filter_map(Weak::upgrade) {
            node.operations.notify_one();
        }
    }

    pub(crate) fn add_desk(&self, desk: Arc<Desk>) {
        lock(&self.0.desks).push(desk);
    }

    pub(crate) fn remove_desk(&self, desk: &Arc<Desk>) {
        lock(&self.0.desks).retain(|other| !Arc::ptr_eq(other, desk));
    }

    /// What runs jobs as they are inserted, if it does so now.
    pub(crate) fn inline(&self) -> Option<Arc<dyn Inline>> {
        let inline = lock(&self.0.inline).as_ref()?.upgrade()?;
        inline.is_on().then_some(inline)
    }

    pub(crate) fn set_inline(&self, inline: Weak<dyn Inline>) {
        *lock(&self.0.inline) = Some(inline);
    }

    pub(crate) fn telemetry(&self) -> &Telemetry {
        &self.0.telemetry
    }

    pub(crate) fn propagator(&self) -> Option<&dyn Propagator> {
        self.0.propagator.as_deref()
    }

    /// Checks jobs, and gives them what travels with them.
    pub(crate) fn validate<J: Into<NewJob>>(
        &self,
        jobs: impl IntoIterator<Item = J>,
    ) -> Result<Vec<ValidJob>> {
        let valid = |job: J| {
            let mut job = job.into().validate(&self.0.limits)?;
            // After the rules: what the caller did not write must not break them.
            if let Some(propagator) = &self.0.propagator
                && let Ok(mut meta) = job.meta.decode::<Map<String, Value>>()
            {
                propagator.inject(&mut meta);
                job.meta = Value::Object(meta).into();
            }
            Ok(job)
        };
        jobs.into_iter().map(valid).collect()
    }

    /// What the propagator adds to this meta.
    pub(crate) fn travels(&self, meta: &Json) -> Map<String, Value> {
        let Some(propagator) = &self.0.propagator else { return Map::new() };
        let Ok(before) = meta.decode::<Map<String, Value>>() else { return Map::new() };
        let mut after = before.clone();
        propagator.inject(&mut after);
        after.retain(|key, value| before.get(key) != Some(value));
        after
    }

    /// Tells everybody who can run what was inserted.
    pub(crate) fn woken_by(&self, inserted: &[Inserted]) {
        let changed = inserted.iter().filter(|end| !matches!(end, Inserted::Existing(_)));
        let available = changed.map(Inserted::job).filter(|job| job.state == State::Available);
        self.wake_all(available.map(|job| job.queue.as_str()));
    }

    pub(crate) fn wake_all<'q>(&self, queues: impl Iterator<Item = &'q str>) {
        let mut told: Vec<&str> = Vec::new();
        for queue in queues {
            if !told.contains(&queue) {
                told.push(queue);
                self.wake(queue);
            }
        }
    }

    /// Wakes the producers of this process.
    pub(crate) fn wake_local(&self, queue: &str) {
        for inbox in lock(&self.0.local).get(queue).into_iter().flatten() {
            inbox.wake();
        }
    }

    /// Wakes every producer of this process.
    pub(crate) fn wake_every_local(&self) {
        for inbox in lock(&self.0.local).values().flatten() {
            inbox.wake();
        }
    }

    /// Tells the run of a job that was cancelled to stop, if it is one of this process.
    pub(crate) fn stop_local(&self, id: JobId, token: Option<ClaimToken>) {
        for node in lock(&self.0.nodes).iter().filter_map(Weak::upgrade) {
            node.stop_job(id, token);
        }
    }

    pub(crate) fn add_node(&self, node: &Arc<Node>) {
        let mut nodes = lock(&self.0.nodes);
        nodes.retain(|node| node.strong_count() > 0);
        nodes.push(Arc::downgrade(node));
    }

    pub(crate) fn add_local(&self, queue: &Arc<str>, inbox: Arc<Inbox>) {
        lock(&self.0.local).entry(queue.clone()).or_default().push(inbox);
    }

    pub(crate) fn remove_local(&self, queue: &str, inbox: &Arc<Inbox>) {
        if let Some(inboxes) = lock(&self.0.local).get_mut(queue) {
            inboxes.retain(|other| !Arc::ptr_eq(other, inbox));
        }
    }

    /// Tells other processes, in the background: a hint is not worth waiting for.
    fn tell_others(&self, queue: Arc<str>) {
        let tell = lock(&self.0.throttle).wish(Instant::now(), &queue);
        let wait = match tell {
            Tell::Promised => return,
            Tell::Now => Duration::ZERO,
            Tell::Later(wait) => wait,
        };
        let client = self.clone();
        // Outside of a runtime there is nobody to tell through; the others poll.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
                lock(&client.0.throttle).keep_promise(Instant::now(), &queue);
            }
            if let Err(error) = client.storage().notify(vec![queue.clone()]).await {
                client.0.telemetry.emit(NotifyFailed { queue, error: error.to_string() });
            }
        });
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("location", &self.location()).finish_non_exhaustive()
    }
}

/// Inserts in a transaction; made by [`Client::within`].
#[must_use = "nothing is inserted until insert or insert_all is called"]
pub struct Within<'e, M, E> {
    client: Client,
    executor: &'e mut E,
    quiet: bool,
    marker: PhantomData<fn() -> M>,
}

impl<'e, M, E: Executor<M>> Within<'e, M, E> {
    /// Tells no producer when the transaction commits: call [`Client::wake`] after it, or let them
    /// find the jobs at their next poll, within a second.
    pub fn quiet(mut self) -> Self {
        self.quiet = true;
        self
    }

    /// Inserts a job in the transaction.
    ///
    /// A [unique](NewJob::unique) job locks its key until the transaction ends, and others with that
    /// key wait. Under REPEATABLE READ or SERIALIZABLE the transaction fails instead if another has
    /// claimed the key meanwhile ([`Error::is_conflict`](crate::Error::is_conflict)): run it again.
    ///
    /// # Errors
    ///
    /// When the job breaks a rule, or the transaction refuses the statement.
    pub fn insert(self, job: impl Into<NewJob>) -> E::Reply<'e, Inserted> {
        let jobs = self.client.validate([job]);
        self.run(jobs, one)
    }

    /// Inserts many jobs in the transaction, and gives them back in the same order.
    ///
    /// # Errors
    ///
    /// As for [`insert`](Within::insert); then none has been inserted.
    pub fn insert_all<J: Into<NewJob>>(
        self,
        jobs: impl IntoIterator<Item = J>,
    ) -> E::Reply<'e, Vec<Inserted>> {
        let jobs = self.client.validate(jobs);
        self.run(jobs, Ok)
    }

    fn run<T: Send + 'e>(
        self,
        jobs: Result<Vec<ValidJob>>,
        finish: fn(Vec<Inserted>) -> Result<T>,
    ) -> E::Reply<'e, T> {
        let plan = jobs.and_then(|jobs| self.client.storage().plan_insert(&jobs, self.quiet));
        self.executor.run(Call::new(E::DIALECT, plan, finish))
    }
}

impl<M, E> fmt::Debug for Within<'_, M, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Within").field("quiet", &self.quiet).finish_non_exhaustive()
    }
}

fn one(inserted: Vec<Inserted>) -> Result<Inserted> {
    inserted.into_iter().next().ok_or_else(|| {
        let message = "the database took the job and gave none back: is there a trigger or a rule on \
                       its table?";
        kerrera_core::Error::new(kerrera_core::error::Kind::Database, message)
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
