//! Jobs on their way out to be run.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kerrera_core::storage::{Claim, Floor};
use kerrera_core::{ClaimToken, Error, Job, Result};
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session};
use crate::rows::{self, Stamp};
use crate::statements::Call;

/// Takes the next available jobs of a queue, and gives them back in the order of the queue.
pub(crate) async fn claim(
    session: &mut Session,
    Call { sql, now, input: claim }: &Call<Claim>,
) -> Result<Vec<Job>> {
    let (queue, attempted_by) = (&*claim.queue, claim.attempted_by());
    let by = &*attempted_by;
    let excluded: Vec<&str> = claim.excluded.iter().map(String::as_str).collect();
    let limit = i64::from(claim.limit);
    let mut parameters: Vec<Parameter<'_>> = vec![
        (now, Type::TIMESTAMP),
        (&by, Type::TEXT_ARRAY),
        (&claim.producer, Type::UUID),
        (&queue, Type::TEXT),
        (&excluded, Type::TEXT_ARRAY),
        (&limit, Type::INT8),
    ];
    let floor = claim.floor.map(|Floor { scheduled_at, .. }| Stamp(scheduled_at));
    let sql = match (&claim.floor, &floor) {
        (Some(Floor { priority, id, .. }), Some(scheduled_at)) => {
            parameters.push((priority, Type::INT4));
            parameters.push((scheduled_at, Type::TIMESTAMP));
            parameters.push((id, Type::INT8));
            &sql.claim_from_floor
        }
        _ => &sql.claim,
    };
    let rows = session.query("the claim", sql, &parameters).await?;
    let mut jobs: Vec<Job> =
        rows.iter().map(|row| rows::claimed(row, claim, &attempted_by)).collect();
    jobs.sort_unstable_by_key(|job| Floor::from(job));
    Ok(jobs)
}

/// Claims whose answers were lost, or that nobody waited for: the server may have given jobs to
/// nobody.
///
/// They are given back before the next claim; again and again until the server must have ended the
/// statement, wherever it was.
#[derive(Debug, Default)]
pub(crate) struct Unanswered(Mutex<Vec<(ClaimToken, Instant)>>);

impl Unanswered {
    /// How long after the server's own time limit a statement may still be under way.
    const MARGIN: Duration = Duration::from_secs(10);

    /// Expects an answer to a claim.
    pub(crate) fn ask(&self, token: ClaimToken) -> Asked<'_> {
        Asked { unanswered: self, token: Some(token) }
    }

    /// The tokens under which nobody runs anything.
    pub(crate) fn tokens(&self) -> Vec<ClaimToken> {
        self.claims().iter().map(|(token, _)| *token).collect()
    }

    /// Forgets those that were given back after the server must have ended them, given its own time
    /// limit.
    pub(crate) fn forget(&self, given_back: Instant, limit: Duration) {
        let over = limit + Unanswered::MARGIN;
        self.claims().retain(|(_, since)| given_back.saturating_duration_since(*since) < over);
    }

    fn claims(&self) -> MutexGuard<'_, Vec<(ClaimToken, Instant)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A claim under way. Dropped, it is one without an answer.
#[derive(Debug)]
pub(crate) struct Asked<'a> {
    unanswered: &'a Unanswered,
    token: Option<ClaimToken>,
}

impl Asked<'_> {
    pub(crate) fn answered(mut self, claimed: &Result<Vec<Job>>) {
        let lost =
            |error: &Error| error.is_unreachable() || error.is_timeout() || error.is_closed();
        if !claimed.as_ref().is_err_and(lost) {
            self.token = None;
        }
    }
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if let Some(token) = self.token {
            self.unanswered.claims().push((token, Instant::now()));
        }
    }
}

/// Gives back what was taken under these tokens.
pub(crate) async fn give_back(
    session: &mut Session,
    Call { sql, input: tokens, .. }: &Call<Vec<ClaimToken>>,
) -> Result<()> {
    let texts: Vec<&str> = tokens.iter().map(ClaimToken::as_str).collect();
    let parameters: [Parameter<'_>; 1] = [(&texts, Type::TEXT_ARRAY)];
    let rows = session.query("giving jobs back", &sql.unclaim, &parameters).await?;
    if !rows.is_empty() {
        tracing::warn!(jobs = rows.len(), "gave back jobs whose claim was never answered");
    }
    Ok(())
}
