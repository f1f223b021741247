//! The storage itself: which verb runs on which connection.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use kerrera_core::audit::{AuditEntry, AuditQuery, AuditRecord};
use kerrera_core::bulk_operation::BulkOperation;
use kerrera_core::cron::CronEntry;
use kerrera_core::directory::{Connections, KnownNode, KnownWorker, NodeCard, WorkerCard};
use kerrera_core::error::Kind;
use kerrera_core::executor::{Dialect, InsertPlan};
use kerrera_core::job_query::Condition;
use kerrera_core::listing::{Scan, Scanned};
use kerrera_core::metrics::{Gauge, MetricRow};
use kerrera_core::storage::{
    Ack, Acked, Answer, Audit, Batch, Beat, BulkOperations, Candidate, Claim, ClaimMark, Command,
    Count, CronFiring, CronSlot, Crons, Crontab, Directory, Enrolled, ErrorGroup, ErrorQuery,
    ErrorTally, Errors, FiredSlot, Inserted, Jobs, Leader, Lease, Listener, Liveness, Look,
    Maintenance, Managed, MetricRange, MetricRows, Metrics, Neighbours, NewOperation,
    OperationLease, OperationStep, Operations, Order, Orders, OtherNodes, Pack, Packed, Pending,
    Producer, Prune, Pruned, Pulse, Queues, Reading, Rehearsal, Reindex, Reindexed, Report, Rescue,
    Seat, Sighting, Signal, Signals, Staged, Storage, Swept, Tidying, Updated,
};
use kerrera_core::tally::{OldestJob, QueueTally, Tally, WorkerTally};
use kerrera_core::{
    ClaimToken, Clock, Error, Fingerprint, Job, JobId, Result, State, Timestamp, Uuid, ValidChange,
    ValidJob, ValidQuery,
};

use crate::claim::{self, Unanswered};
use crate::config::Config;
use crate::connection::{Link, Verb};
use crate::gathering::Gathering;
use crate::liveness::Heart;
use crate::migrate::Migrations;
use crate::operations::Opening;
use crate::pool::Pool;
use crate::rows::Stamp;
use crate::server::{Profile, Server};
use crate::statements::{Call, Statements};
use crate::{
    ack, audit, bulk, bulk_operations, crons, directory, errors, insert, maintenance, metrics,
    neighbours, operations, query, queues, reading, rehearsal, signals, stage,
};

/// Jobs in a PostgreSQL database, in Oban's tables.
///
/// Cheap to clone; clones share their connections. Nothing is connected before the first call, and
/// what breaks is connected again at the next one. [`Operations::open`] and the migrations come
/// first; every other call fails until then.
///
/// Calls may come from several Tokio runtimes. A connection is driven on the one whose call made it:
/// as long as that exists it must also run, or calls from the others wait for it in vain.
///
/// ```no_run
/// use kerrera_core::storage::Operations;
/// use kerrera_postgres::{Config, Postgres};
///
/// # async fn example() -> kerrera_core::Result<()> {
/// let postgres = Postgres::new(Config::from_env()?)?;
/// postgres.open(false).await?;
/// println!("{:?}", postgres.counts().await?);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Postgres(Arc<Inner>);

struct Inner {
    schema: String,
    clock: Clock,
    statement_timeout: Duration,
    remedy: Arc<str>,
    server: Arc<Server>,
    /// The server that notifications come from, past a pooler.
    signal_server: Arc<Server>,
    hot: Pool,
    /// For insertions of few jobs, which wait for no claim.
    entrance: Arc<Gathering>,
    /// For what may wait for the transactions of others: unique jobs. Claims and acks must not.
    patient: Pool,
    heart: Arc<Heart>,
    signal: Arc<Link>,
    side: Arc<Link>,
    /// What only a leader does, so that nobody waits for it.
    keeping: Arc<Link>,
    /// For searches, which may read many rows.
    desk: Arc<Link>,
    /// For people who look at many jobs: whatever they ask, nobody else waits for it.
    reading: Pool,
    /// Its own, so that neither a long question nor a full queue holds up what the clock says.
    cron: Arc<Link>,
    migrating: Arc<Link>,
    listening: Profile,
    unanswered: Unanswered,
    statements: RwLock<Option<Arc<Statements>>>,
}

impl Postgres {
    /// How long a call may take beyond the time that the server has for it: a part of that time, and
    /// never less than this.
    const WAY: Duration = Duration::from_secs(1);
    /// How many connections there are at most on which unique jobs wait for their keys.
    const PATIENT_CONNECTIONS: usize = 2;
    /// How many connections there are at most for people who look at many jobs.
    const READING_CONNECTIONS: usize = 2;
    /// How many jobs at most share a statement with those of others: more make it slow for them.
    const FEW: usize = 100;

    /// A storage at this database. Reads the certificates that are to be trusted, and connects to
    /// nothing yet.
    ///
    /// # Errors
    ///
    /// When these cannot be read.
    pub fn new(config: Config) -> Result<Postgres> {
        let Config { target, listen, schema, hot_connections, statement_timeout, clock } = config;
        let location = target.location();
        let mut remedy = format!("run `kerrera migrate --database-url '{location}'");
        if schema != Config::SCHEMA {
            remedy.push_str(&format!(" --schema {schema}"));
        }
        remedy.push('`');
        let remedy: Arc<str> = remedy.into();

        let server = |target| Server::new(target, clock.clone(), Arc::clone(&remedy)).map(Arc::new);
        let (server, signal_server) = match listen {
            Some(listen) => (server(target)?, server(listen)?),
            None => {
                let server = server(target)?;
                (Arc::clone(&server), server)
            }
        };
        let ordinary = Profile {
            prepares: false,
            statement_timeout: Some(statement_timeout),
            call_timeout: Some(statement_timeout + Postgres::WAY.max(statement_timeout / 6)),
            connect_timeout: Duration::MAX,
        };
        let hot = Profile { prepares: true, ..ordinary };
        let beating = Profile {
            statement_timeout: Some(statement_timeout.min(Heart::LIMIT)),
            call_timeout: Some(Heart::LIMIT),
            connect_timeout: Heart::LIMIT,
            ..hot
        };
        let migrating = Profile { statement_timeout: None, call_timeout: None, ..ordinary };
        Ok(Postgres(Arc::new(Inner {
            hot: Pool::new(&server, hot, hot_connections),
            entrance: Gathering::new(Link::new(&server, hot)),
            patient: Pool::new(&server, hot, Postgres::PATIENT_CONNECTIONS),
            heart: Heart::new(&server, beating, clock.clone()),
            signal: Link::new(&signal_server, ordinary),
            side: Link::new(&server, ordinary),
            keeping: Link::new(&server, ordinary),
            desk: Link::new(&server, ordinary),
            reading: Pool::new(&server, ordinary, Postgres::READING_CONNECTIONS),
            cron: Link::new(&server, ordinary),
            migrating: Link::new(&server, migrating),
            listening: ordinary,
            unanswered: Unanswered::default(),
            statements: RwLock::default(),
            schema,
            clock,
            statement_timeout,
            remedy,
            server,
            signal_server,
        })))
    }

    /// The migrations of this database.
    pub fn migrations(&self) -> Migrations<'_> {
        Migrations::of(self)
    }

    /// The schema that the tables are in.
    pub fn schema(&self) -> &str {
        &self.0.schema
    }

    pub(crate) fn migrating(&self) -> &Arc<Link> {
        &self.0.migrating
    }

    fn call<I>(&self, input: I) -> Result<Call<I>> {
        Ok(Call { sql: self.statements()?, now: self.0.clock.shows().map(Stamp), input })
    }

    fn statements(&self) -> Result<Arc<Statements>> {
        let statements = self.0.statements.read().unwrap_or_else(PoisonError::into_inner);
        statements.clone().ok_or_else(|| {
            Error::new(Kind::Config, "the storage has not been opened: call open() first")
        })
    }

    /// The connection on which jobs are inserted.
    fn link_for<'a>(&self, mut jobs: impl Iterator<Item = &'a ValidJob>) -> &Arc<Link> {
        let pool = match jobs.any(|job| job.unique.is_some()) {
            true => &self.0.patient,
            false => &self.0.hot,
        };
        pool.pick()
    }

    /// Looks at the schema, and makes the statements for it.
    async fn prepare(&self) -> Result<Statements> {
        let remedy = Arc::clone(&self.0.remedy);
        let opening = Opening { schema: self.0.schema.clone(), remedy };
        let link = &self.0.side;
        link.run(opening, |session, opening| Box::pin(operations::open(session, opening))).await
    }

    /// Gives back what was claimed by calls that were never answered.
    async fn settle(&self) -> Result<()> {
        let tokens = self.0.unanswered.tokens();
        if tokens.is_empty() {
            return Ok(());
        }
        let began = Instant::now();
        let call = self.call(tokens)?;
        let verb: Verb<Call<Vec<ClaimToken>>, ()> =
            |session, call| Box::pin(claim::give_back(session, call));
        self.0.hot.pick().run(call, verb).await?;
        self.0.unanswered.forget(began, self.0.statement_timeout);
        Ok(())
    }
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Postgres")
            .field("location", &self.location())
            .field("schema", &self.schema())
            .finish_non_exhaustive()
    }
}

impl Storage for Postgres {
    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    fn location(&self) -> String {
        self.0.server.location()
    }
}

impl Jobs for Postgres {
    fn insert(&self, jobs: Vec<ValidJob>) -> Pending<'_, Vec<Inserted>> {
        Box::pin(async move {
            if jobs.len() <= Postgres::FEW && jobs.iter().all(|job| job.unique.is_none()) {
                let storage = self.clone();
                return self.0.entrance.insert(jobs, move |jobs| storage.call(jobs)).await;
            }
            let link = self.link_for(jobs.iter());
            let call = self.call(jobs)?;
            link.run(call, |session, call| Box::pin(insert::insert(session, call))).await
        })
    }

    fn load(&self, jobs: Vec<ValidJob>) -> Pending<'_, u64> {
        Box::pin(async move {
            if jobs.iter().any(|job| job.unique.is_some()) {
                let inserted = self.insert(jobs).await?;
                return Ok(inserted.iter().filter(|end| end.is_new()).count() as u64);
            }
            let (link, call) = (self.0.hot.pick(), self.call(jobs)?);
            link.run(call, |session, call| Box::pin(bulk::load(session, call))).await
        })
    }

    fn plan_insert(&self, jobs: &[ValidJob], quiet: bool) -> Result<InsertPlan> {
        insert::plan(&*self.statements()?, self.0.clock.shows(), jobs, quiet)
    }

    fn claim(&self, claim: Claim) -> Pending<'_, Vec<Job>> {
        Box::pin(async move {
            self.settle().await?;
            let asked = self.0.unanswered.ask(claim.token);
            let (link, call) = (self.0.hot.pick(), self.call(claim)?);
            let claimed =
                link.run(call, |session, call| Box::pin(claim::claim(session, call))).await;
            asked.answered(&claimed);
            claimed
        })
    }

    fn ack(&self, acks: Vec<Ack>) -> Pending<'_, Vec<Acked>> {
        Box::pin(async move {
            let link = self.link_for(acks.iter().flat_map(|ack| &ack.then));
            let call = self.call(acks)?;
            link.run(call, |session, call| Box::pin(ack::ack(session, call))).await
        })
    }

    fn report(&self, reports: Vec<Report>) -> Pending<'_, Vec<JobId>> {
        Box::pin(async move {
            let (link, call) = (self.0.hot.pick(), self.call(reports)?);
            link.run(call, |session, call| Box::pin(ack::report(session, call))).await
        })
    }

    fn sweep_claims(&self, after: Option<ClaimMark>, limit: u32) -> Pending<'_, Swept> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((after, limit))?);
            link.run(call, |session, call| Box::pin(insert::sweep(session, call))).await
        })
    }

    fn stage(&self, limit: u32, watched: Vec<Arc<str>>) -> Pending<'_, Staged> {
        Box::pin(async move {
            let (link, call) = (self.0.hot.pick(), self.call((limit, watched))?);
            link.run(call, |session, call| Box::pin(stage::stage(session, call))).await
        })
    }
}

impl Crons for Postgres {
    fn declare_crons(&self, entries: Vec<CronEntry>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call(entries)?);
            link.run(call, |session, call| Box::pin(crons::declare(session, call))).await
        })
    }

    fn crontab(&self, names: Option<Vec<String>>) -> Pending<'_, Crontab> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call(names)?);
            link.run(call, |session, call| Box::pin(crons::crontab(session, call))).await
        })
    }

    fn fire_cron(&self, firing: CronFiring) -> Pending<'_, Option<Vec<FiredSlot>>> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call(firing)?);
            link.run(call, |session, call| Box::pin(crons::fire(session, call))).await
        })
    }

    fn pause_cron(&self, name: String, paused: bool) -> Pending<'_, bool> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call((name, paused))?);
            link.run(call, |session, call| Box::pin(crons::pause(session, call))).await
        })
    }

    fn edit_cron(&self, entry: CronEntry) -> Pending<'_, bool> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call(entry)?);
            link.run(call, |session, call| Box::pin(crons::edit(session, call))).await
        })
    }

    fn add_cron(&self, entry: CronEntry) -> Pending<'_, bool> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call(entry)?);
            link.run(call, |session, call| Box::pin(crons::add(session, call))).await
        })
    }

    fn cron_slots(
        &self,
        name: String,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Pending<'_, Vec<CronSlot>> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call((name, before.map(Stamp), limit))?);
            link.run(call, |session, call| Box::pin(crons::slots(session, call))).await
        })
    }

    fn remove_cron(&self, name: String) -> Pending<'_, bool> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call(name)?);
            link.run(call, |session, call| Box::pin(crons::remove(session, call))).await
        })
    }

    fn other_nodes(&self, ours: Vec<Uuid>, since: Timestamp) -> Pending<'_, OtherNodes> {
        Box::pin(async move {
            let (link, call) = (&self.0.cron, self.call((ours, Stamp(since)))?);
            link.run(call, |session, call| Box::pin(crons::other_nodes(session, call))).await
        })
    }
}

impl Liveness for Postgres {
    fn enroll(&self, producers: Vec<Producer>) -> Pending<'_, ()> {
        Box::pin(async move { self.0.heart.enroll(self.call(producers)?).await })
    }

    fn beat(&self, beats: Vec<Beat>) -> Pending<'_, Pulse> {
        Box::pin(async move { self.0.heart.beat(self.call(beats)?).await })
    }

    fn look(&self) -> Pending<'_, Look> {
        Box::pin(async move { self.0.heart.look(self.call(())?).await })
    }

    fn rescue(&self, dead: Vec<Sighting>, limit: u32) -> Pending<'_, Rescue> {
        Box::pin(async move { self.0.heart.rescue(self.call((dead, limit))?).await })
    }

    fn retire(&self, producers: Vec<Uuid>) -> Pending<'_, ()> {
        Box::pin(async move { self.0.heart.retire(self.call(producers)?).await })
    }
}

impl Maintenance for Postgres {
    fn owns_tables(&self) -> bool {
        self.statements().is_ok_and(|sql| !sql.neighbours.made_the_tables)
    }

    fn lead(&self, candidate: Candidate, held: Option<i64>) -> Pending<'_, Lease> {
        Box::pin(async move {
            // Not behind a long question: a lease does not wait.
            let (link, call) = (&self.0.signal, self.call((candidate, held))?);
            link.run(call, |session, call| Box::pin(maintenance::lead(session, call))).await
        })
    }

    fn resign(&self, seat: Seat) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.signal, self.call(seat)?);
            link.run(call, |session, call| Box::pin(maintenance::resign(session, call))).await
        })
    }

    fn leader(&self, seat: Arc<str>) -> Pending<'_, Option<Leader>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(seat)?);
            link.run(call, |session, call| Box::pin(maintenance::leader(session, call))).await
        })
    }

    fn prune(&self, prune: Prune) -> Pending<'_, Pruned> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call(prune)?);
            link.run(call, |session, call| Box::pin(maintenance::prune(session, call))).await
        })
    }

    fn rescue_foreign(
        &self,
        seat: Seat,
        after: Duration,
        limit: u32,
    ) -> Pending<'_, Vec<(JobId, String, State)>> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call((seat, after, limit))?);
            let verb: Verb<Call<(Seat, Duration, u32)>, _> =
                |session, call| Box::pin(maintenance::rescue_foreign(session, call));
            link.run(call, verb).await
        })
    }

    fn reindex(&self, reindex: Reindex) -> Pending<'_, Reindexed> {
        Box::pin(async move {
            // Each index has a time of its own.
            let (link, call) = (&self.0.migrating, self.call(reindex)?);
            let reindexed =
                link.run(call, |session, call| Box::pin(maintenance::reindex(session, call))).await;
            link.rest().await;
            reindexed
        })
    }
}

impl Neighbours for Postgres {
    fn refresh(&self, running: Vec<(JobId, ClaimToken)>) -> Pending<'_, ()> {
        Box::pin(async move { self.0.heart.refresh(self.call(running)?).await })
    }

    fn reclaim(&self, freed: Vec<(JobId, ClaimToken)>) -> Pending<'_, Vec<(JobId, ClaimToken)>> {
        Box::pin(async move { self.0.heart.reclaim(self.call(freed)?).await })
    }

    fn stand(&self, node: Arc<str>, names: Arc<[String]>) -> Pending<'_, Vec<String>> {
        Box::pin(async move {
            let (link, call) = (&self.0.signal, self.call((node, names))?);
            link.run(call, |session, call| Box::pin(neighbours::stand(session, call))).await
        })
    }

    fn step_down(&self, node: Arc<str>, names: Arc<[String]>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.signal, self.call((node, names))?);
            link.run(call, |session, call| Box::pin(neighbours::step_down(session, call))).await
        })
    }

    fn waiting(&self) -> Pending<'_, Vec<Arc<str>>> {
        Box::pin(async move {
            let (link, call) = (self.0.hot.pick(), self.call(())?);
            link.run(call, |session, call| Box::pin(neighbours::waiting(session, call))).await
        })
    }
}

impl Signals for Postgres {
    fn notify(&self, queues: Vec<Arc<str>>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.signal, self.call(queues)?);
            link.run(call, |session, call| Box::pin(signals::notify(session, call))).await
        })
    }

    fn ping(&self, node: Arc<str>) -> Option<Pending<'_, ()>> {
        Some(Box::pin(async move {
            let (link, call) = (&self.0.signal, self.call(node)?);
            link.run(call, |session, call| Box::pin(signals::ping(session, call))).await
        }))
    }

    fn stop_jobs(&self, ids: Vec<JobId>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.signal, self.call(ids)?);
            link.run(call, |session, call| Box::pin(signals::stop_jobs(session, call))).await
        })
    }

    fn listen(&self) -> Pending<'_, Box<dyn Listener>> {
        Box::pin(async move {
            let sql = self.statements()?;
            signals::listen(&self.0.signal_server, &self.0.listening, &sql.channels).await
        })
    }
}

impl Queues for Postgres {
    fn order(&self, order: Order) -> Pending<'_, ()> {
        Box::pin(async move {
            order.check()?;
            let (link, call) = (&self.0.side, self.call(order)?);
            link.run(call, |session, call| Box::pin(queues::order(session, call))).await
        })
    }

    fn record(&self, signal: Signal, node: Option<Arc<str>>, seen: i64) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((signal, node, seen))?);
            link.run(call, |session, call| Box::pin(queues::record(session, call))).await
        })
    }

    fn end_orders(&self, instance: Arc<str>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(instance)?);
            link.run(call, |session, call| Box::pin(queues::end(session, call))).await
        })
    }

    fn orders(&self) -> Pending<'_, Orders> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(())?);
            link.run(call, |session, call| Box::pin(queues::orders(session, call))).await
        })
    }

    fn producers(&self) -> Pending<'_, Vec<Enrolled>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(())?);
            link.run(call, |session, call| Box::pin(queues::producers(session, call))).await
        })
    }
}

impl Operations for Postgres {
    fn open(&self, migrate: bool) -> Pending<'_, ()> {
        Box::pin(async move {
            let opened = match self.prepare().await {
                Err(error) if migrate && error.is_unmigrated() => {
                    self.migrations().up(None).await?;
                    self.prepare().await?
                }
                opened => opened?,
            };
            let opened = Some(Arc::new(opened));
            *self.0.statements.write().unwrap_or_else(PoisonError::into_inner) = opened;
            Ok(())
        })
    }

    fn job(&self, id: JobId) -> Pending<'_, Option<Job>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(id)?);
            link.run(call, |session, call| Box::pin(operations::job(session, call))).await
        })
    }

    fn jobs(&self, query: ValidQuery) -> Pending<'_, Vec<Job>> {
        Box::pin(async move {
            let (link, call) = (&self.0.desk, self.call(query)?);
            link.run(call, |session, call| Box::pin(query::jobs(session, call))).await
        })
    }

    fn count(&self, query: ValidQuery) -> Pending<'_, u64> {
        Box::pin(async move {
            let (link, call) = (&self.0.desk, self.call(query)?);
            link.run(call, |session, call| Box::pin(query::count(session, call))).await
        })
    }

    fn manage(&self, batch: Batch) -> Pending<'_, Vec<Managed>> {
        Box::pin(async move {
            // A job by its number is found at once, and does not wait behind a search.
            let by_number = |condition: &Condition| matches!(condition, Condition::Ids(_));
            let is_search = !batch.conditions.iter().any(by_number);
            let link = if is_search { &self.0.desk } else { &self.0.side };
            let call = self.call(batch)?;
            link.run(call, |session, call| Box::pin(query::manage(session, call))).await
        })
    }

    fn update(&self, id: JobId, change: ValidChange) -> Pending<'_, Updated> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((id, change))?);
            let verb: Verb<Call<(JobId, ValidChange)>, Updated> = |session, call| {
                Box::pin(async move {
                    let verb: Verb<Call<(JobId, ValidChange)>, Updated> =
                        |session, call| Box::pin(operations::update(session, call));
                    session.transaction("changing a job", call, verb).await
                })
            };
            link.run(call, verb).await
        })
    }

    fn update_seen(&self, seen: Box<Job>, change: ValidChange) -> Pending<'_, Option<Updated>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((seen, change))?);
            let verb: Verb<Call<(Box<Job>, ValidChange)>, _> = |session, call| {
                Box::pin(async move {
                    let verb: Verb<Call<(Box<Job>, ValidChange)>, _> =
                        |session, call| Box::pin(operations::update_seen(session, call));
                    session.transaction("changing a job", call, verb).await
                })
            };
            link.run(call, verb).await
        })
    }

    fn counts(&self) -> Pending<'_, Vec<Count>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(())?);
            link.run(call, |session, call| Box::pin(operations::counts(session, call))).await
        })
    }
}

impl Reading for Postgres {
    fn scan(&self, scan: Scan, within: Duration) -> Pending<'_, Scanned> {
        Box::pin(async move {
            let (link, call) = (self.0.reading.pick(), (self.call(scan)?, within));
            link.run(call, |session, call| Box::pin(reading::scan(session, call))).await
        })
    }

    fn tally(&self, query: ValidQuery, most: u32, within: Duration) -> Pending<'_, Tally> {
        Box::pin(async move {
            let (link, call) = (self.0.reading.pick(), (self.call((query, most))?, within));
            link.run(call, |session, call| Box::pin(reading::tally(session, call))).await
        })
    }

    fn tallies(&self, most: u32, within: Duration) -> Pending<'_, Vec<QueueTally>> {
        Box::pin(async move {
            let (link, call) = (self.0.reading.pick(), (self.call(most)?, within));
            link.run(call, |session, call| Box::pin(reading::tallies(session, call))).await
        })
    }

    fn worker_tallies(&self, most: u32, within: Duration) -> Pending<'_, Vec<WorkerTally>> {
        Box::pin(async move {
            let (link, call) = (self.0.reading.pick(), (self.call(most)?, within));
            link.run(call, |session, call| Box::pin(reading::worker_tallies(session, call))).await
        })
    }

    fn is_writable(&self, within: Duration) -> Pending<'_, bool> {
        Box::pin(async move {
            let (link, call) = (self.0.reading.pick(), (self.call(())?, within));
            link.run(call, |session, call| Box::pin(reading::is_writable(session, call))).await
        })
    }

    fn oldest(&self, within: Duration) -> Pending<'_, Vec<OldestJob>> {
        Box::pin(async move {
            let (link, call) = (self.0.reading.pick(), (self.call(())?, within));
            link.run(call, |session, call| Box::pin(reading::oldest(session, call))).await
        })
    }
}

impl Audit for Postgres {
    fn act(&self, command: Command, entry: AuditEntry) -> Pending<'_, Answer> {
        Box::pin(async move {
            let by_number = |condition: &Condition| matches!(condition, Condition::Ids(_));
            // Where the same without an entry would go.
            let link = match &command {
                Command::Insert(jobs) => self.link_for(jobs.iter()),
                Command::Manage(batch) if !batch.conditions.iter().any(by_number) => &self.0.desk,
                Command::Order(order) => {
                    order.check()?;
                    &self.0.side
                }
                _ => &self.0.side,
            };
            let call = self.call((command, entry))?;
            link.run(call, |session, call| Box::pin(audit::act(session, call))).await
        })
    }

    fn record_audit(&self, entry: AuditEntry) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(entry.sanitised())?);
            link.run(call, |session, call| Box::pin(audit::write(session, call))).await
        })
    }

    fn audit(&self, query: AuditQuery) -> Pending<'_, Vec<AuditRecord>> {
        Box::pin(async move {
            let (link, call) = (&self.0.desk, self.call(query.validate()?)?);
            link.run(call, |session, call| Box::pin(audit::read(session, call))).await
        })
    }

    fn prune_audit(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call((seat, age, limit))?);
            let verb: Verb<Call<(Seat, Duration, u32)>, u64> =
                |session, call| Box::pin(audit::prune(session, call));
            link.run(call, verb).await
        })
    }
}

impl Metrics for Postgres {
    fn write_metrics(&self, rows: Vec<MetricRow>) -> Pending<'_, Timestamp> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(rows)?);
            link.run(call, |session, call| Box::pin(metrics::write(session, call))).await
        })
    }

    fn read_metrics(&self, range: MetricRange, within: Duration) -> Pending<'_, MetricRows> {
        Box::pin(async move {
            let (link, call) = (self.0.reading.pick(), (self.call(range)?, within));
            link.run(call, |session, call| Box::pin(metrics::read(session, call))).await
        })
    }

    fn gauge_queues(&self, most: u32, within: Duration) -> Pending<'_, BTreeMap<String, Gauge>> {
        Box::pin(async move {
            // Nobody waits for it, and people need not wait behind it.
            let (link, call) = (&self.0.keeping, (self.call(most)?, within));
            link.run(call, |session, call| Box::pin(metrics::gauge(session, call))).await
        })
    }

    fn pack_metrics(&self, pack: Pack) -> Pending<'_, Packed> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call(pack)?);
            link.run(call, |session, call| Box::pin(metrics::pack(session, call))).await
        })
    }
}

impl Errors for Postgres {
    fn note_errors(&self, tallies: Vec<ErrorTally>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call(tallies)?);
            link.run(call, |session, call| Box::pin(errors::note(session, call))).await
        })
    }

    fn errors(&self, query: ErrorQuery) -> Pending<'_, Vec<ErrorGroup>> {
        Box::pin(async move {
            let (link, call) = (&self.0.desk, self.call(query.validate()?)?);
            link.run(call, |session, call| Box::pin(errors::groups(session, call))).await
        })
    }

    fn error_counts(
        &self,
        fingerprints: Vec<Fingerprint>,
        window: Duration,
    ) -> Pending<'_, Vec<(Fingerprint, Timestamp, u64)>> {
        Box::pin(async move {
            let (link, call) = (&self.0.desk, self.call((fingerprints, window))?);
            link.run(call, |session, call| Box::pin(errors::counts(session, call))).await
        })
    }

    fn prune_errors(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call((seat, age, limit))?);
            let verb: Verb<Call<(Seat, Duration, u32)>, u64> =
                |session, call| Box::pin(errors::prune(session, call));
            link.run(call, verb).await
        })
    }
}

impl Directory for Postgres {
    fn declare_workers(&self, node: Arc<str>, cards: Vec<WorkerCard>) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((node, cards))?);
            link.run(call, |session, call| Box::pin(directory::declare_workers(session, call)))
                .await
        })
    }

    fn known_workers(&self) -> Pending<'_, Vec<KnownWorker>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(())?);
            link.run(call, |session, call| Box::pin(directory::known_workers(session, call))).await
        })
    }

    fn announce(&self, process: Uuid, card: NodeCard) -> Pending<'_, ()> {
        Box::pin(async move { self.0.heart.announce(self.call((process, card))?).await })
    }

    fn depart(&self, process: Uuid, workers: Vec<String>) -> Pending<'_, ()> {
        Box::pin(async move { self.0.heart.depart(self.call((process, workers))?).await })
    }

    fn known_nodes(&self) -> Pending<'_, Vec<KnownNode>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(())?);
            link.run(call, |session, call| Box::pin(directory::known_nodes(session, call))).await
        })
    }

    fn tidy_directory(&self, tidying: Tidying) -> Pending<'_, ()> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call(tidying)?);
            link.run(call, |session, call| Box::pin(directory::tidy(session, call))).await
        })
    }

    fn connections(&self) -> Vec<Connections> {
        let one = |name: &str, link: &Arc<Link>| Connections::new(name, 1, link.calls());
        let many = |name: &str, pool: &Pool| Connections::new(name, pool.size(), pool.calls());
        vec![
            many("hot", &self.0.hot),
            many("unique", &self.0.patient),
            many("reading", &self.0.reading),
            one("side", &self.0.side),
            one("signals", &self.0.signal),
            one("keeping", &self.0.keeping),
            one("searches", &self.0.desk),
            one("cron", &self.0.cron),
        ]
    }
}

impl BulkOperations for Postgres {
    fn create_operation(
        &self,
        new: NewOperation,
        entry: Option<AuditEntry>,
    ) -> Pending<'_, BulkOperation> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((new, entry))?);
            link.run(call, |session, call| Box::pin(bulk_operations::create(session, call))).await
        })
    }

    fn operations(&self, before: Option<i64>, limit: u32) -> Pending<'_, Vec<BulkOperation>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((before, limit))?);
            link.run(call, |session, call| Box::pin(bulk_operations::list(session, call))).await
        })
    }

    fn operation(&self, id: i64) -> Pending<'_, Option<BulkOperation>> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call(id)?);
            link.run(call, |session, call| Box::pin(bulk_operations::one(session, call))).await
        })
    }

    fn cancel_operation(&self, id: i64, entry: Option<AuditEntry>) -> Pending<'_, bool> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((id, entry))?);
            link.run(call, |session, call| Box::pin(bulk_operations::cancel(session, call))).await
        })
    }

    fn lease_operation(&self, lease: OperationLease) -> Pending<'_, Option<BulkOperation>> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call(lease)?);
            link.run(call, |session, call| Box::pin(bulk_operations::lease(session, call))).await
        })
    }

    fn step_operation(&self, step: OperationStep) -> Pending<'_, Option<Vec<Managed>>> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call(step)?);
            link.run(call, |session, call| Box::pin(bulk_operations::step(session, call))).await
        })
    }

    fn prune_operations(&self, seat: Seat, age: Duration, limit: u32) -> Pending<'_, u64> {
        Box::pin(async move {
            let (link, call) = (&self.0.keeping, self.call((seat, age, limit))?);
            let verb: Verb<Call<(Seat, Duration, u32)>, u64> =
                |session, call| Box::pin(bulk_operations::prune(session, call));
            link.run(call, verb).await
        })
    }
}

impl Rehearsal for Postgres {
    fn clock(&self) -> Clock {
        self.0.clock.clone()
    }

    fn bring_forward(&self, queue: Arc<str>, until: Option<Timestamp>) -> Pending<'_, u64> {
        Box::pin(async move {
            let (link, call) = (&self.0.side, self.call((queue, until.map(Stamp)))?);
            link.run(call, |session, call| Box::pin(rehearsal::bring_forward(session, call))).await
        })
    }
}
