//! Looking and managing.

use std::sync::Arc;

use kerrera_core::error::Kind;
use kerrera_core::state::Position;
use kerrera_core::storage::{Count, Updated};
use kerrera_core::{Error, Job, JobId, Json, Result, Schedule, Timestamp, ValidChange};
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::migrate::{self, LATEST};
use crate::rows::{self, Stamp};
use crate::schema::Found;
use crate::statements::{Call, Statements};

/// What is to be opened.
pub(crate) struct Opening {
    pub(crate) schema: String,
    /// What a person types to migrate it.
    pub(crate) remedy: Arc<str>,
}

/// Checks the schema, and makes the statements for it. Only reads.
pub(crate) async fn open(
    session: &mut Session,
    Opening { schema, remedy }: &Opening,
) -> Result<Statements> {
    let found = Found::look(session, schema).await?;
    migrate::refuse_newer(&found, schema)?;
    // Tables that no migration can help are reported first.
    let layout = if found.has_jobs() { Some(found.layout(schema)?) } else { None };
    match layout {
        Some(layout) if found.version == LATEST => Ok(Statements::new(schema, &layout)),
        _ => {
            let message = match found.version {
                0 => format!("the schema {schema:?} has not been migrated for Kerrera: {remedy}"),
                version => format!(
                    "the schema {schema:?} is at Kerrera's migration {version}, and this version \
                     needs {LATEST}: {remedy}"
                ),
            };
            Err(Error::new(Kind::Unmigrated, message))
        }
    }
}

/// A job by its number.
pub(crate) async fn job(
    session: &mut Session,
    Call { sql, input: id, .. }: &Call<JobId>,
) -> Result<Option<Job>> {
    let parameters: [Parameter<'_>; 1] = [(id, Type::INT8)];
    let rows = session.query("looking for a job", &sql.job, &parameters).await?;
    rows.first().map(rows::job).transpose()
}

/// Changes a job, in a transaction that holds its row.
pub(crate) async fn update(
    session: &mut Session,
    call: &Call<(JobId, ValidChange)>,
) -> Result<Updated> {
    let (id, change) = &call.input;
    match lock(session, &call.sql, *id).await? {
        Ok(position) => write(session, call, *id, change, position).await,
        Err(answer) => Ok(answer),
    }
}

/// The same, if the job still is as it was seen.
pub(crate) async fn update_seen(
    session: &mut Session,
    call: &Call<(Box<Job>, ValidChange)>,
) -> Result<Option<Updated>> {
    let Call { sql, now, input: (seen, change) } = call;
    let position = match lock(session, sql, seen.id).await? {
        Ok(position) => position,
        Err(answer) => return Ok(Some(answer)),
    };
    // A statement that begins now sees what the one that had the lock before has written.
    let found = Call { sql: sql.clone(), now: *now, input: seen.id };
    if job(session, &found).await?.as_ref() != Some(&**seen) {
        return Ok(None);
    }
    write(session, call, seen.id, change, position).await.map(Some)
}

/// Locks a job's row, and says where it stands; or the answer, if that is not to be had.
async fn lock(
    session: &mut Session,
    sql: &Statements,
    id: JobId,
) -> Result<Result<Position, Updated>> {
    let number: [Parameter<'_>; 1] = [(&id, Type::INT8)];
    let rows = session.query("locking a job", &sql.standing, &number).await?;
    let Some(row) = rows.first() else {
        let rows = session.query("looking for a job", &sql.exists, &number).await?;
        let is_there = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
        return Ok(Err(if is_there { Updated::Locked } else { Updated::NotFound }));
    };
    let state: String = row.try_get(0).unwrap_or_default();
    let state = state.parse().map_err(|error| {
        Error::new(Kind::ForeignSchema, format!("job {id} was not changed: {error}"))
    })?;
    let number = |at| row.try_get(at).unwrap_or_default();
    Ok(Ok(Position { state, attempt: number(1), max_attempts: number(2) }))
}

async fn write<I>(
    session: &mut Session,
    Call { sql, now, .. }: &Call<I>,
    id: JobId,
    change: &ValidChange,
    position: Position,
) -> Result<Updated> {
    let state = change.decide(position)?;
    let text = |json: &Option<Json>| json.as_ref().map(|json| json.as_str().to_owned());
    let (args, meta) = (text(&change.args), text(&change.meta));
    let wait = change.schedule.and_then(Schedule::wait_micros);
    let time = change.schedule.and_then(Schedule::at_micros);
    let time = time.map(|time| Stamp(Timestamp::from_micros(time)));
    let parameters: [Parameter<'_>; 12] = [
        (&id, Type::INT8),
        (now, Type::TIMESTAMP),
        (&state.as_str(), Type::TEXT),
        (&args, Type::TEXT),
        (&meta, Type::TEXT),
        (&change.tags, Type::TEXT_ARRAY),
        (&change.queue, Type::TEXT),
        (&change.worker, Type::TEXT),
        (&change.priority, Type::INT4),
        (&change.max_attempts, Type::INT4),
        (&wait, Type::INT8),
        (&time, Type::TIMESTAMP),
    ];
    let rows = session.query("changing a job", &sql.update, &parameters).await?;
    let job = rows.first().map(rows::job).transpose()?;
    Ok(job.map(Box::new).map_or(Updated::NotFound, Updated::Changed))
}

/// How many jobs there are, by queue and state; those in a state of somebody else's are left out.
pub(crate) async fn counts(
    session: &mut Session,
    Call { sql, .. }: &Call<()>,
) -> Result<Vec<Count>> {
    let rows = session.query("counting the jobs", &sql.counts, &[]).await?;
    let counts = rows.iter().filter_map(|row| {
        let (queue, state): (String, String) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
        let jobs: i64 = row.try_get(2).ok()?;
        Some(Count::new(queue, state.parse().ok()?, jobs.unsigned_abs()))
    });
    Ok(counts.collect())
}
