//! Looking and managing.

use std::sync::Arc;

use kerrera_core::error::Kind;
use kerrera_core::storage::Count;
use kerrera_core::{Error, Job, JobId, Result};
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::migrate::{self, LATEST, Work};
use crate::rows;
use crate::schema::Found;
use crate::statements::{Call, Statements};

/// What is to be opened.
pub(crate) struct Opening {
    pub(crate) schema: String,
    /// What a person types to migrate it.
    pub(crate) remedy: Arc<str>,
    /// Whether that is done here and now.
    pub(crate) migrate: bool,
}

/// Checks the schema, migrates it if that is wanted, and makes the statements for it.
pub(crate) async fn open(
    session: &mut Session,
    Opening { schema, remedy, migrate }: &Opening,
) -> Result<Statements> {
    let mut found = Found::look(session, schema).await?;
    migrate::refuse_newer(&found, schema)?;
    if *migrate && found.version < LATEST {
        migrate::up(session, &Work::all(schema)).await?;
        found = Found::look(session, schema).await?;
    }
    if found.version < LATEST {
        // Tables that no migration can help are reported first.
        if found.has_jobs() {
            found.layout(schema)?;
        }
        let message = match found.version {
            0 => format!("the schema {schema:?} has not been migrated for Kerrera: {remedy}"),
            version => format!(
                "the schema {schema:?} is at Kerrera's migration {version}, and this version needs \
                 {LATEST}: {remedy}"
            ),
        };
        return Err(Error::new(Kind::Unmigrated, message));
    }
    Ok(Statements::new(schema, &found.layout(schema)?))
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
