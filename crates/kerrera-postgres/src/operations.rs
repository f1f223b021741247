//! Looking and managing.

use std::sync::Arc;

use kerrera_core::error::Kind;
use kerrera_core::storage::Count;
use kerrera_core::{Error, Job, JobId, Result};
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::migrate::{self, LATEST};
use crate::rows;
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
