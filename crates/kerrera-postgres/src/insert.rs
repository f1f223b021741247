//! Jobs on their way in.

use std::fmt::Write as _;
use std::pin::Pin;

use kerrera_core::error::Kind;
use kerrera_core::executor::{self, Dialect, Executor, InsertPlan};
use kerrera_core::storage::Inserted;
use kerrera_core::{Clock, Error, Result, Timestamp, ValidJob};
use tokio_postgres::Transaction;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::error::in_transaction;
use crate::rows::{self, Stamp};
use crate::statements::{Call, Statements};

/// Inserts jobs in one statement, and gives them back as they are stored.
pub(crate) async fn insert(
    session: &mut Session,
    Call { sql, now, input: jobs }: &Call<Vec<ValidJob>>,
) -> Result<Vec<Inserted>> {
    if jobs.is_empty() {
        return Ok(Vec::new());
    }
    let columns = Columns::of(jobs.iter());
    let mut parameters: Vec<Parameter<'_>> = vec![(now, Type::TIMESTAMP)];
    parameters.extend(columns.parameters());
    let rows = session.query("the insertion", &sql.insert, &parameters).await?;
    rows.iter().map(|row| rows::job(row).map(Inserted::New)).collect()
}

/// The statement for a transaction of somebody else's.
pub(crate) fn plan(
    sql: &Statements,
    clock: &Clock,
    jobs: &[ValidJob],
    quiet: bool,
) -> Result<InsertPlan> {
    let jobs = serde_json::to_string(jobs).map_err(|error| {
        Error::new(Kind::Config, format!("the jobs cannot be written as JSON: {error}"))
    })?;
    let mut json = String::with_capacity(jobs.len() + 40);
    json.push('{');
    if let Some(now) = clock.shows().map(Timestamp::as_micros) {
        let _ = write!(json, "\"now_us\":{now},");
    }
    let _ = write!(json, "\"jobs\":{jobs}}}");
    let sql = if quiet { &sql.plan_insert_quiet } else { &sql.plan_insert };
    Ok(InsertPlan::new(Dialect::Postgres, sql.clone(), json))
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
