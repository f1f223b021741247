//! Jobs on their way in.

use std::collections::BTreeSet;
use std::pin::Pin;

use kerrera_core::error::Kind;
use kerrera_core::executor::{self, Dialect, Executor, InsertPlan, UniqueSql};
use kerrera_core::storage::{ClaimMark, Inserted, Swept};
use kerrera_core::{Error, Result, Timestamp, ValidJob};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session, Verb};
use crate::error::{in_transaction, is_about_the_data};
use crate::rows::{self, Stamp};
use crate::statements::{Call, Statements};

/// Inserts jobs, and gives them back as they are stored: in one statement, unless some are unique.
pub(crate) async fn insert(
    session: &mut Session,
    call: &Call<Vec<ValidJob>>,
) -> Result<Vec<Inserted>> {
    let Call { sql, now, input: jobs } = call;
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    if jobs.iter().any(|job| job.unique.is_some()) {
        let verb: Verb<Call<Vec<ValidJob>>, Vec<Inserted>> =
            |session, call| Box::pin(insert_unique(session, call));
        return session.transaction("the insertion", call, verb).await;
    }
    insert_plain(session, sql, now, jobs.iter()).await
}

/// Inserts jobs in the transaction that there is.
pub(crate) async fn insert_within(
    session: &mut Session,
    call: &Call<Vec<ValidJob>>,
) -> Result<Vec<Inserted>> {
    let Call { sql, now, input: jobs } = call;
    match jobs.iter().any(|job| job.unique.is_some()) {
        true => insert_unique(session, call).await,
        false => insert_plain(session, sql, now, jobs.iter()).await,
    }
}

/// Inserts the jobs of several callers, of which none is unique, in one statement. If the database
/// refuses it for what is in it, each caller's are tried alone, so that only those suffer that are
/// refused alone too.
pub(crate) async fn insert_groups(
    session: &mut Session,
    Call { sql, now, input: groups }: &Call<Vec<Vec<ValidJob>>>,
) -> Result<Vec<Result<Vec<Inserted>>>> {
    match insert_plain(session, sql, now, groups.iter().flatten()).await {
        Ok(inserted) => {
            let mut inserted = inserted.into_iter();
            Ok(groups.iter().map(|jobs| Ok(inserted.by_ref().take(jobs.len()).collect())).collect())
        }
        Err(error) if is_about_the_data(&error) && groups.len() > 1 => {
            let mut each = Vec::with_capacity(groups.len());
            for jobs in groups {
                each.push(insert_plain(session, sql, now, jobs.iter()).await);
            }
            Ok(each)
        }
        Err(error) => Err(error),
    }
}

/// Inserts jobs of which none is unique, in one statement.
pub(crate) async fn insert_plain<'a>(
    session: &mut Session,
    sql: &Statements,
    now: &Option<Stamp>,
    jobs: impl Iterator<Item = &'a ValidJob> + Clone,
) -> Result<Vec<Inserted>> {
    let rows = match Alike::of(jobs.clone()) {
        Some(alike) => {
            let parameters = alike.parameters(now);
            session.query("the insertion", &sql.insert_alike, &parameters).await?
        }
        None => {
            let columns = Columns::of(jobs.clone());
            let mut parameters: Vec<Parameter<'_>> = vec![(now, Type::TIMESTAMP)];
            parameters.extend(columns.parameters());
            session.query("the insertion", &sql.insert, &parameters).await?
        }
    };
    let expected = jobs.clone().count();
    if rows.len() != expected {
        let message = format!(
            "{expected} jobs were inserted and the database gave {} back: is there a trigger or a rule \
             on its table?",
            rows.len()
        );
        return Err(Error::new(Kind::Database, message));
    }
    let inserted = rows.iter().zip(jobs).map(|(row, job)| Inserted::New(rows::inserted(row, job)));
    Ok(inserted.collect())
}

/// What to run in a transaction of somebody else's.
pub(crate) fn plan(
    sql: &Statements,
    now: Option<Timestamp>,
    jobs: &[ValidJob],
    quiet: bool,
) -> Result<InsertPlan> {
    let insert = if quiet { &sql.plan_insert_quiet } else { &sql.plan_insert };
    if jobs.iter().all(|job| job.unique.is_none()) {
        return InsertPlan::plain(Dialect::Postgres, insert.clone(), jobs, now);
    }
    let lock = Some((sql.unique_lock.clone(), locks(sql, jobs.iter())));
    let unique = UniqueSql { insert: insert.clone(), lock, ..locked(sql) };
    InsertPlan::unique(Dialect::Postgres, unique, jobs.to_vec(), now)
}

async fn insert_unique(
    session: &mut Session,
    Call { sql, now, input: jobs }: &Call<Vec<ValidJob>>,
) -> Result<Vec<Inserted>> {
    let plan = plan(sql, now.map(|now| now.0), jobs, true)?;
    follow(session, "the insertion", plan).await
}

/// Inserts jobs in a transaction of ours that has locked the keys of those that are unique.
pub(crate) async fn insert_locked(
    session: &mut Session,
    sql: &Statements,
    now: Option<Timestamp>,
    jobs: Vec<ValidJob>,
) -> Result<Vec<Inserted>> {
    let plan = InsertPlan::unique(Dialect::Postgres, locked(sql), jobs, now)?;
    follow(session, "the insertion", plan).await
}

/// Locks the keys of those jobs that are unique, to the end of the transaction.
pub(crate) async fn lock(
    session: &mut Session,
    sql: &Statements,
    jobs: impl Iterator<Item = &ValidJob>,
) -> Result<()> {
    let locks = locks(sql, jobs);
    let parameters: [Parameter<'_>; 1] = [(&locks, Type::TEXT)];
    session.query("locking unique jobs", &sql.unique_lock, &parameters).await.map(drop)
}

/// Forgets claims whose jobs are gone.
pub(crate) async fn sweep(
    session: &mut Session,
    Call { sql, now, input: (after, limit) }: &Call<(Option<ClaimMark>, u32)>,
) -> Result<Swept> {
    let after = after.clone().unwrap_or_default();
    let limit = i64::from(*limit);
    let parameters: [Parameter<'_>; 4] = [
        (now, Type::TIMESTAMP),
        (&after.key, Type::TEXT),
        (&after.turn, Type::INT8),
        (&limit, Type::INT8),
    ];
    let rows = session.query("the sweep of claims", &sql.unique_sweep, &parameters).await?;
    let Some(row) = rows.first() else { return Ok(Swept::default()) };
    let number = |at| row.try_get::<_, i64>(at).unwrap_or_default();
    let mark = || Some(ClaimMark { key: row.try_get(2).ok()?, turn: row.try_get(3).ok()? });
    let next = if number(1) < limit { None } else { mark() };
    Ok(Swept { forgotten: number(0).unsigned_abs(), next })
}

async fn follow(session: &mut Session, doing: &str, plan: InsertPlan) -> Result<Vec<Inserted>> {
    let mut call: executor::Call<Vec<Inserted>> =
        executor::Call::new(Dialect::Postgres, Ok(plan), Ok);
    while let Some(statement) = call.statement()? {
        let parameter: Parameter<'_> = (&statement.json, Type::TEXT);
        let rows = session.query(doing, statement.sql, &[parameter]).await?;
        let rows = rows.iter().map(|row| row.try_get(0).unwrap_or_default());
        call.answer(rows.collect())?;
    }
    call.finish()
}

/// The statements for keys that are locked already; nobody is told of the jobs.
fn locked(sql: &Statements) -> UniqueSql {
    UniqueSql {
        lock: None,
        look: sql.unique_look.clone(),
        insert: sql.plan_insert_quiet.clone(),
        claim: sql.unique_claim.clone(),
        replace: sql.unique_replace.clone(),
    }
}

/// More keys than this are not locked one by one: the server has room for some thousands of locks.
const MOST_LOCKS: usize = 1_000;

/// The locks of the keys of unique jobs, as `unique_lock.sql` takes them.
///
/// Besides its keys, every insertion of unique jobs shares one lock, and one of very many has that
/// alone to itself. All are negative numbers, which Oban never locks.
fn locks<'a>(sql: &Statements, jobs: impl Iterator<Item = &'a ValidJob>) -> String {
    let number = |key: u64| ((key ^ sql.lock_salt) | (1 << 63)).cast_signed();
    let keys = jobs.filter_map(|job| job.unique.as_ref());
    let keys: BTreeSet<i64> = keys.map(|claim| number(claim.key.to_number())).collect();
    let few = keys.len() <= MOST_LOCKS;
    let mut locks = vec![(number(0), few)];
    if few {
        locks.extend(keys.into_iter().map(|key| (key, false)));
    }
    let locks = locks.into_iter().map(|(number, shared)| format!("[{number},{shared}]"));
    format!("[{}]", locks.collect::<Vec<_>>().join(","))
}

/// What keeps the locks of one schema's keys apart from those of another's. Every version must come
/// to the same, so it is a hash of our own: FNV-1a.
pub(crate) fn lock_salt(schema: &str) -> u64 {
    let fold = |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    schema.bytes().fold(0xcbf2_9ce4_8422_2325, fold)
}

/// Jobs as arrays, one for each column.
#[derive(Default)]
pub(crate) struct Columns<'a> {
    states: Vec<&'static str>,
    queues: Vec<&'a str>,
    workers: Vec<&'a str>,
    args: Vec<&'a str>,
    meta: Vec<&'a str>,
    tags: Vec<String>,
    priorities: Vec<i32>,
    max_attempts: Vec<i32>,
    waits: Vec<Option<i64>>,
    times: Vec<Option<Stamp>>,
}

impl<'a> Columns<'a> {
    pub(crate) fn of(jobs: impl Iterator<Item = &'a ValidJob>) -> Columns<'a> {
        let mut columns = Columns::default();
        for job in jobs {
            columns.states.push(job.state().as_str());
            columns.queues.push(&job.queue);
            columns.workers.push(&job.worker);
            columns.args.push(job.args.as_str());
            columns.meta.push(job.meta.as_str());
            columns.tags.push(rows::array_literal(&job.tags));
            columns.priorities.push(job.priority);
            columns.max_attempts.push(job.max_attempts);
            columns.waits.push(job.schedule.wait_micros());
            let time = job.schedule.at_micros().map(Timestamp::from_micros);
            columns.times.push(time.map(Stamp));
        }
        columns
    }

    /// In the order in which every statement that inserts takes them.
    pub(crate) fn parameters(&self) -> [Parameter<'_>; 10] {
        [
            (&self.states, Type::TEXT_ARRAY),
            (&self.queues, Type::TEXT_ARRAY),
            (&self.workers, Type::TEXT_ARRAY),
            (&self.args, Type::TEXT_ARRAY),
            (&self.meta, Type::TEXT_ARRAY),
            (&self.tags, Type::TEXT_ARRAY),
            (&self.priorities, Type::INT4_ARRAY),
            (&self.max_attempts, Type::INT4_ARRAY),
            (&self.waits, Type::INT8_ARRAY),
            (&self.times, Type::TIMESTAMP_ARRAY),
        ]
    }
}

/// Jobs that differ in nothing but their args.
struct Alike<'a> {
    first: &'a ValidJob,
    state: &'static str,
    meta: &'a str,
    tags: String,
    wait: Option<i64>,
    time: Option<Stamp>,
    args: Vec<&'a str>,
}

impl<'a> Alike<'a> {
    /// `None` if they differ in anything else, or there are none.
    fn of(mut jobs: impl Iterator<Item = &'a ValidJob> + Clone) -> Option<Alike<'a>> {
        let all = jobs.clone();
        let first = jobs.next()?;
        jobs.all(|job| job.is_alike(first)).then(|| Alike {
            first,
            state: first.state().as_str(),
            meta: first.meta.as_str(),
            tags: rows::array_literal(&first.tags),
            wait: first.schedule.wait_micros(),
            time: first.schedule.at_micros().map(Timestamp::from_micros).map(Stamp),
            args: all.map(|job| job.args.as_str()).collect(),
        })
    }

    fn parameters<'b>(&'b self, now: &'b Option<Stamp>) -> [Parameter<'b>; 11] {
        [
            (now, Type::TIMESTAMP),
            (&self.state, Type::TEXT),
            (&self.first.queue, Type::TEXT),
            (&self.first.worker, Type::TEXT),
            (&self.meta, Type::TEXT),
            (&self.tags, Type::TEXT),
            (&self.first.priority, Type::INT4),
            (&self.first.max_attempts, Type::INT4),
            (&self.wait, Type::INT8),
            (&self.time, Type::TIMESTAMP),
            (&self.args, Type::TEXT_ARRAY),
        ]
    }
}

/// What marks the transactions of tokio-postgres as [`Executor`]s; nobody needs to name it.
///
/// ```no_run
/// use kerrera_core::executor::{Call, Dialect, Executor};
/// use kerrera_core::storage::{Inserted, Jobs};
/// # use kerrera_core::ValidJob;
/// # use kerrera_postgres::Postgres;
///
/// # async fn example(
/// #     postgres: &Postgres, client: &mut tokio_postgres::Client, jobs: Vec<ValidJob>,
/// # ) -> Result<(), Box<dyn std::error::Error>> {
/// let mut transaction = client.transaction().await?;
/// let plan = postgres.plan_insert(&jobs, false);
/// let call: Call<Vec<Inserted>> = Call::new(Dialect::Postgres, plan, Ok);
/// transaction.run(call).await?;
/// transaction.commit().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub enum ByTokioPostgres {}

impl Executor<ByTokioPostgres> for Transaction<'_> {
    const DIALECT: Dialect = Dialect::Postgres;
    type Reply<'a, T: Send + 'a>
        = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>
    where
        Self: 'a;

    fn run<'a, T: Send + 'a>(&'a mut self, mut call: executor::Call<T>) -> Self::Reply<'a, T> {
        Box::pin(async move {
            while let Some(statement) = call.statement()? {
                // In one round trip, and behind a pooler as well.
                let parameter: Parameter<'_> = (&statement.json, Type::TEXT);
                let rows = self.query_typed(statement.sql, &[parameter]).await;
                let rows = rows.map_err(in_transaction)?;
                let rows = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>();
                call.answer(rows.map_err(in_transaction)?)?;
            }
            call.finish()
        })
    }
}
