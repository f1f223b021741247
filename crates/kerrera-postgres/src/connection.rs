//! One connection: who may use it, for how long, and what happens when it breaks.
//!
//! A [`Link`] outlives its sessions. It connects at the first call and again at the first call after
//! a break, and runs one call at a time, in a task of its own: a caller that gives up waiting leaves
//! nothing half done. The connection is driven on the runtime where it was made; if that has ended,
//! the next call makes another on its own.

use std::collections::HashMap;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use kerrera_core::error::Kind;
use kerrera_core::storage::Pending;
use kerrera_core::{Clock, Error, Result, Timestamp};
use tokio::runtime::{self, Handle};
use tokio::task::JoinHandle;
use tokio_postgres::binary_copy::BinaryCopyInWriter;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error as DriverError, Row, Statement};

use crate::error;
use crate::server::{Profile, Server};
use crate::statements::Bulk;

/// A connection that is made when it is needed.
pub(crate) struct Link {
    server: Arc<Server>,
    profile: Profile,
    state: tokio::sync::Mutex<State>,
    calls: AtomicUsize,
    /// Called when a session ends by itself.
    lost: Option<Arc<dyn Fn() + Send + Sync>>,
}

#[derive(Default)]
struct State {
    session: Option<Session>,
    refusal: Option<Refusal>,
}

/// A connection that could not be made, and until when it is not tried again.
struct Refusal {
    kind: Kind,
    message: String,
    wait: Duration,
    until: Instant,
}

/// Something to do in a session.
pub(crate) type Verb<I, T> = for<'a> fn(&'a mut Session, &'a I) -> Pending<'a, T>;

/// A value and its type, for a statement.
pub(crate) type Parameter<'a> = (&'a (dyn ToSql + Sync), Type);

impl Link {
    /// How often a call is run again that lost against others.
    const RETRIES: u32 = 5;
    /// The first pause before a server that could not be reached is tried again, and the longest.
    const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

    pub(crate) fn new(server: &Arc<Server>, profile: Profile) -> Arc<Link> {
        Arc::new(Link::noticing(server, profile, None))
    }

    /// A connection that says when it has lost its session.
    pub(crate) fn noticing(
        server: &Arc<Server>,
        profile: Profile,
        lost: Option<Arc<dyn Fn() + Send + Sync>>,
    ) -> Link {
        Link {
            server: Arc::clone(server),
            profile,
            state: tokio::sync::Mutex::default(),
            calls: AtomicUsize::new(0),
            lost,
        }
    }

    /// How many calls run or wait.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Runs a verb when its turn has come; again if it lost against a concurrent transaction.
    ///
    /// # Errors
    ///
    /// The verb's, or that there is no connection.
    pub(crate) async fn run<I, T>(self: &Arc<Self>, input: I, verb: Verb<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        self.run_on(None, input, verb).await
    }

    /// The same, on a session that from its first such call on is driven on the runtime of that call.
    pub(crate) async fn run_here<I, T>(self: &Arc<Self>, input: I, verb: Verb<I, T>) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        let home = Handle::try_current().ok().map(|runtime| runtime.id());
        self.run_on(home, input, verb).await
    }

    /// Ends the session, if there is one; the next call begins another.
    pub(crate) async fn rest(&self) {
        self.state.lock().await.session = None;
    }

    async fn run_on<I, T>(
        self: &Arc<Self>,
        home: Option<runtime::Id>,
        input: I,
        verb: Verb<I, T>,
    ) -> Result<T>
    where
        I: Send + Sync + 'static,
        T: Send + 'static,
    {
        let here = runtime_here()?;
        let link = Arc::clone(self);
        let task = here.spawn(async move {
            let _counted = Counted::new(&link.calls);
            let mut retries = 0;
            loop {
                match link.turn(home, &input, verb).await {
                    Err(error) if error::lost_to_others(&error) && retries < Link::RETRIES => {
                        retries += 1;
                        let most = 10_u64 << retries;
                        tokio::time::sleep(Duration::from_millis(fastrand::u64(1..=most))).await;
                    }
                    outcome => return outcome,
                }
            }
        });
        task.await.unwrap_or_else(|error| {
            let message = if error.is_cancelled() {
                "the runtime ended while the database was at work"
            } else {
                "a call to the database panicked: this is a mistake in Kerrera, please report it"
            };
            Err(Error::new(Kind::Closed, message).caused_by(error))
        })
    }

    async fn turn<I, T>(
        &self,
        home: Option<runtime::Id>,
        input: &I,
        verb: Verb<I, T>,
    ) -> Result<T> {
        let mut state = self.state.lock().await;
        let strays = |session: &Session| !session.settled && session.home != home;
        if home.is_some() && state.session.as_ref().is_some_and(strays) {
            state.session = None;
        }
        let session = self.session(&mut state).await?;
        session.settled |= home.is_some();
        let outcome = match self.profile.call_timeout {
            None => verb(session, input).await,
            Some(limit) => match tokio::time::timeout(limit, verb(session, input)).await {
                Ok(outcome) => outcome,
                Err(_) => {
                    // What it is doing now nobody knows.
                    session.abandon();
                    let message = format!(
                        "{} did not answer within {} s; whether it was done is not known",
                        session.place,
                        limit.as_secs_f64()
                    );
                    Err(Error::new(Kind::Timeout, message))
                }
            },
        };
        if outcome.as_ref().is_err_and(error::ends_the_session) {
            state.session = None;
        }
        outcome
    }

    async fn session<'s>(&self, state: &'s mut State) -> Result<&'s mut Session> {
        if !state.session.as_ref().is_some_and(Session::is_usable) {
            state.session = None;
            if let Some(refusal) = &state.refusal
                && Instant::now() < refusal.until
            {
                return Err(Error::new(refusal.kind, refusal.message.clone()));
            }
            let lost = self.lost.clone();
            let lost = move || {
                if let Some(lost) = lost {
                    lost();
                }
            };
            match self.server.connect(&self.profile, |_| {}, lost).await {
                Ok(session) => {
                    state.refusal = None;
                    state.session = Some(session);
                }
                Err(error) => {
                    let wait = state.refusal.take().map_or(Link::PAUSES.0, |last| last.wait * 2);
                    let wait = wait.min(Link::PAUSES.1);
                    state.refusal = Some(Refusal {
                        kind: error.kind(),
                        message: error.to_string(),
                        wait,
                        until: Instant::now() + wait,
                    });
                    return Err(error);
                }
            }
        }
        state.session.as_mut().ok_or_else(|| Error::new(Kind::Unreachable, "there is no session"))
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("calls", &self.calls()).finish_non_exhaustive()
    }
}

/// A session with the server, or with a pooler before it.
pub(crate) struct Session {
    client: Client,
    driver: JoinHandle<()>,
    /// Whether it is the same process of the server for as long as it lasts.
    direct: bool,
    /// Whether statements are prepared where that is possible.
    prepares: bool,
    /// The runtime on which it is driven.
    home: Option<runtime::Id>,
    /// Whether it is to stay there.
    settled: bool,
    statements: HashMap<Box<str>, Statement>,
    in_transaction: bool,
    began: Instant,
    clock: Clock,
    /// What a manual clock showed when it began.
    showed: Option<Timestamp>,
    /// The key of the lock by which others see this process.
    pub(crate) presence: Option<i32>,
    place: String,
    remedy: Arc<str>,
}

impl Session {
    pub(crate) async fn begin(
        client: Client,
        driver: JoinHandle<()>,
        told: Option<i32>,
        place: String,
        clock: Clock,
        remedy: Arc<str>,
    ) -> Result<Session> {
        let mut session = Session {
            client,
            driver,
            direct: false,
            prepares: false,
            home: Handle::try_current().ok().map(|runtime| runtime.id()),
            settled: false,
            statements: HashMap::new(),
            in_transaction: false,
            began: Instant::now(),
            showed: clock.shows(),
            clock,
            presence: None,
            place,
            remedy,
        };
        let rows = session.query("asking who serves", "SELECT pg_backend_pid()", &[]).await?;
        let serves = rows.first().and_then(|row| row.try_get::<_, i32>(0).ok());
        session.direct = serves.is_some() && serves == told;
        Ok(session)
    }

    /// The same session, which prepares its statements or does not.
    pub(crate) fn preparing(self, prepares: bool) -> Session {
        Session { prepares, ..self }
    }

    /// Whether nothing stands between it and the server that would give it another process now and
    /// then.
    pub(crate) fn is_direct(&self) -> bool {
        self.direct
    }

    /// For how long it has lasted, by the storage's clock.
    pub(crate) fn age(&self) -> Duration {
        match (self.showed, self.clock.shows()) {
            (Some(began), Some(now)) => now.since(began),
            _ => self.began.elapsed(),
        }
    }

    /// Runs a statement; prepares it first if it is to be prepared and has not been. `doing` is the
    /// subject of the sentence "… failed".
    pub(crate) async fn query(
        &mut self,
        doing: &str,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>> {
        let rows = if self.direct && self.prepares {
            self.query_prepared(sql, parameters).await
        } else {
            self.client.query_typed(sql, parameters).await
        };
        rows.map_err(|error| self.failed(error, doing))
    }

    /// Takes rows into a table, all or none, and says how many.
    pub(crate) async fn copy_in<const N: usize, T: ToSql + Sync>(
        &mut self,
        doing: &str,
        bulk: &Bulk,
        rows: impl Iterator<Item = [T; N]>,
    ) -> Result<u64> {
        let copied = self.copied(bulk, rows).await;
        if copied.is_err() {
            // The types may be others by now.
            self.statements.remove(&*bulk.types);
        }
        copied.map_err(|error| self.failed(error, doing))
    }

    /// Runs statements without parameters, and gives back nothing.
    pub(crate) async fn execute(&mut self, doing: &str, sql: &str) -> Result<()> {
        self.client.batch_execute(sql).await.map_err(|error| self.failed(error, doing))
    }

    /// Runs several statements as one transaction.
    pub(crate) async fn transaction<I, T>(
        &mut self,
        doing: &str,
        input: &I,
        verb: Verb<I, T>,
    ) -> Result<T> {
        // A session that is left in between is not used again.
        self.in_transaction = true;
        self.execute(doing, "BEGIN").await?;
        let outcome = verb(self, input).await;
        let end = if outcome.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = self.execute(doing, end).await;
        self.in_transaction = ended.is_err();
        outcome.and_then(|answer| ended.map(|()| answer))
    }

    /// Runs statements in a transaction that only reads, each for no longer than `within`, and row after
    /// row along an index wherever there is one: what stops early must not begin by reading all.
    pub(crate) async fn reading<I, T>(
        &mut self,
        doing: &str,
        within: Duration,
        input: &I,
        verb: Verb<I, T>,
    ) -> Result<T> {
        let milliseconds = within.as_millis().clamp(1, i32::MAX as u128);
        let begin = format!(
            "BEGIN READ ONLY; SET LOCAL statement_timeout = {milliseconds}; \
             SET LOCAL lock_timeout = '100ms'; SET LOCAL enable_seqscan = off; \
             SET LOCAL enable_bitmapscan = off"
        );
        // A session that is left in between is not used again.
        self.in_transaction = true;
        self.execute(doing, &begin).await?;
        let outcome = verb(self, input).await;
        let ended = self.execute(doing, "ROLLBACK").await;
        self.in_transaction = ended.is_err();
        outcome.and_then(|answer| ended.map(|()| answer))
    }

    async fn copied<const N: usize, T: ToSql + Sync>(
        &mut self,
        Bulk { copy, types }: &Bulk,
        rows: impl Iterator<Item = [T; N]>,
    ) -> Result<u64, DriverError> {
        let columns = self.statement(types, Vec::new).await?;
        let types: Vec<Type> = columns.columns().iter().map(|it| it.type_().clone()).collect();
        let sink = self.client.copy_in(copy).await?;
        let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
        for row in rows {
            writer.as_mut().write_raw(&row).await?;
        }
        writer.finish().await
    }

    async fn statement(
        &mut self,
        sql: &str,
        types: impl FnOnce() -> Vec<Type>,
    ) -> Result<Statement, DriverError> {
        if let Some(statement) = self.statements.get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.client.prepare_typed(sql, &types()).await?;
        self.statements.insert(sql.into(), statement.clone());
        Ok(statement)
    }

    async fn query_prepared(
        &mut self,
        sql: &str,
        parameters: &[Parameter<'_>],
    ) -> Result<Vec<Row>, DriverError> {
        let types = || parameters.iter().map(|(_, ty)| ty.clone()).collect();
        let statement = self.statement(sql, types).await?;
        let values: Vec<&(dyn ToSql + Sync)> = parameters.iter().map(|(value, _)| *value).collect();
        match self.client.query(&statement, &values).await {
            Err(error) if is_stale(&error) => {
                self.statements.clear();
                self.client.query_typed(sql, parameters).await
            }
            outcome => outcome,
        }
    }

    fn is_usable(&self) -> bool {
        !self.client.is_closed() && !self.in_transaction
    }

    /// Lets go of a connection without waiting for what it has begun.
    fn abandon(&mut self) {
        self.driver.abort();
        self.in_transaction = true;
    }

    fn failed(&self, error: DriverError, doing: &str) -> Error {
        error::running(error, doing, &self.place, &self.remedy)
    }
}

/// The tables were changed under a prepared statement, or somebody dropped it.
fn is_stale(error: &DriverError) -> bool {
    error.code().is_some_and(|code| matches!(code.code(), "0A000" | "26000"))
}

/// The runtime of whoever calls.
pub(crate) fn runtime_here() -> Result<Handle> {
    Handle::try_current().map_err(|_| {
        Error::new(Kind::Config, "Kerrera needs a Tokio runtime: call it from within one")
    })
}

/// Counts for as long as it lives.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicUsize) -> Counted<'a> {
        count.fetch_add(1, Ordering::Relaxed);
        Counted(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
