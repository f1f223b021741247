//! Living beside Oban's own nodes: they judge a job by its age, and look for producers in a table of
//! their own.

use std::collections::BTreeSet;
use std::sync::Arc;

use kerrera_core::{ClaimToken, JobId, Result, Uuid};
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::rows::Stamp;
use crate::statements::{Call, Statements};

type Claims = Vec<(JobId, ClaimToken)>;

/// Makes jobs that run for long look young, if there is a neighbour.
pub(crate) async fn refresh(session: &mut Session, call: &Call<Claims>) -> Result<()> {
    let neighbours = &call.sql.neighbours;
    if !neighbours.made_the_tables {
        let rows = session.query("looking for neighbours", &neighbours.seen, &[]).await?;
        if !rows.first().is_some_and(|row| row.try_get(0).unwrap_or_default()) {
            return Ok(());
        }
    }
    touch(session, "the refresh", &call.sql.refresh, call.now, &call.input).await.map(drop)
}

/// Takes back what a neighbour freed.
pub(crate) async fn reclaim(session: &mut Session, call: &Call<Claims>) -> Result<Claims> {
    take_back(session, &call.sql, call.now, &call.input).await
}

/// Takes back what a neighbour freed, of these.
pub(crate) async fn take_back(
    session: &mut Session,
    sql: &Statements,
    now: Option<Stamp>,
    claims: &[(JobId, ClaimToken)],
) -> Result<Claims> {
    touch(session, "taking jobs back", &sql.reclaim, now, claims).await
}

/// Stands in the neighbours' elections.
pub(crate) async fn stand(
    session: &mut Session,
    Call { sql, now, input: (node, names) }: &Call<(Arc<str>, Arc<[String]>)>,
) -> Result<Vec<String>> {
    let (node, names): (&str, &[String]) = (node, names);
    let mut led = BTreeSet::new();
    for (stand, _) in &sql.neighbours.stand {
        let parameters: [Parameter<'_>; 3] =
            [(now, Type::TIMESTAMP), (&names, Type::TEXT_ARRAY), (&node, Type::TEXT)];
        let rows = session.query("standing for election", stand, &parameters).await?;
        led.extend(rows.iter().filter_map(|row| row.try_get::<_, String>(0).ok()));
    }
    Ok(led.into_iter().collect())
}

/// Steps down there.
pub(crate) async fn step_down(
    session: &mut Session,
    Call { sql, input: (node, names), .. }: &Call<(Arc<str>, Arc<[String]>)>,
) -> Result<()> {
    let (node, names): (&str, &[String]) = (node, names);
    for (_, step_down) in &sql.neighbours.stand {
        let parameters: [Parameter<'_>; 2] = [(&names, Type::TEXT_ARRAY), (&node, Type::TEXT)];
        session.query("stepping down", step_down, &parameters).await?;
    }
    Ok(())
}

/// The queues in which jobs are available.
pub(crate) async fn waiting(
    session: &mut Session,
    Call { sql, .. }: &Call<()>,
) -> Result<Vec<Arc<str>>> {
    let rows = session.query("looking for waiting jobs", &sql.waiting, &[]).await?;
    let queues = rows.iter().filter_map(|row| row.try_get::<_, &str>(0).ok());
    Ok(queues.map(Arc::from).collect())
}

/// Copies producers of ours to where a neighbour looks for them, if there is such a place. It is for
/// them alone: that it fails is no failure of ours.
pub(crate) async fn show<I>(session: &mut Session, call: &Call<I>, producers: &[Uuid]) {
    let Some(copy) = &call.sql.neighbours.producers else { return };
    tell(session.query("telling the neighbours", copy, &[(&producers, Type::UUID_ARRAY)]).await);
}

/// Removes the copies of producers of ours that are no more.
pub(crate) async fn hide<I>(session: &mut Session, call: &Call<I>, producers: &[Uuid]) {
    let Some(remove) = &call.sql.neighbours.retired else { return };
    tell(session.query("telling the neighbours", remove, &[(&producers, Type::UUID_ARRAY)]).await);
}

fn tell<T>(outcome: Result<T>) {
    if let Err(error) = outcome {
        tracing::debug!(
            target: "kerrera",
            event = "neighbours.untold",
            %error,
            "the neighbours' table of producers does not tell of this node"
        );
    }
}

/// Runs a statement that changes some of these claims; gives back those.
async fn touch(
    session: &mut Session,
    doing: &str,
    text: &str,
    now: Option<Stamp>,
    claims: &[(JobId, ClaimToken)],
) -> Result<Claims> {
    let ids: Vec<JobId> = claims.iter().map(|(id, _)| *id).collect();
    let tokens: Vec<&str> = claims.iter().map(|(_, token)| token.as_str()).collect();
    let parameters: [Parameter<'_>; 3] =
        [(&now, Type::TIMESTAMP), (&ids, Type::INT8_ARRAY), (&tokens, Type::TEXT_ARRAY)];
    let rows = session.query(doing, text, &parameters).await?;
    let touched: BTreeSet<JobId> = rows.iter().filter_map(|row| row.try_get(0).ok()).collect();
    Ok(claims.iter().filter(|(id, _)| touched.contains(id)).copied().collect())
}
