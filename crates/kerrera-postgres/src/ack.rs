//! How runs ended.
//!
//! Every write is fenced: it changes a row only if that still carries the claim's token and is
//! executing. One statement writes a batch, whatever the outcomes (a transaction of several, if unique
//! jobs follow from them); another, rare one says what became of the rows that it left alone. Those that
//! a neighbour took from their runs meanwhile are taken back first, and then written.

use kerrera_core::state::{Attempt, Move, Stamp as End, State};
use kerrera_core::storage::{Ack, Acked, Failure, Report};
use kerrera_core::{ClaimToken, JobId, Result, ValidJob};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session, Verb};
use crate::error::is_about_the_data;
use crate::insert::{self, Columns};
use crate::neighbours;
use crate::rows::Stamp;
use crate::statements::{Call, Statements};

/// Writes how runs ended; says of each, in the same order, what became of it.
///
/// If the database refuses the batch for what is in it, every ack is tried alone, so that only those
/// suffer that are refused alone too.
pub(crate) async fn ack(
    session: &mut Session,
    Call { sql, now, input: acks }: &Call<Vec<Ack>>,
) -> Result<Vec<Acked>> {
    let mut batch = Batch { session, sql, now: *now };
    let mut answers = vec![Acked::Lost; acks.len()];
    let mut places: Vec<usize> = (0..acks.len()).collect();
    // By number, so that concurrent batches lock rows in one order. A job that is there twice has its
    // second turn after the first is written.
    places.sort_by_key(|place| acks[*place].id);
    while !places.is_empty() {
        let (mut turn, mut later) = (Vec::with_capacity(places.len()), Vec::new());
        for place in places {
            let last: Option<&usize> = turn.last();
            let again = last.is_some_and(|last| acks[*last].id == acks[place].id);
            if again { later.push(place) } else { turn.push(place) }
        }
        let unique: Vec<&Ack> = turn.iter().map(|place| &acks[*place]).collect();
        let written = match batch.write(&unique).await {
            Err(error) if is_about_the_data(&error) => batch.write_each(&unique).await?,
            outcome => outcome?,
        };
        for (place, answer) in turn.into_iter().zip(written) {
            answers[place] = answer;
        }
        places = later;
    }
    Ok(answers)
}

/// Writes how far runs are.
pub(crate) async fn report(
    session: &mut Session,
    Call { sql, input: reports, .. }: &Call<Vec<Report>>,
) -> Result<Vec<JobId>> {
    let ids: Vec<JobId> = reports.iter().map(|report| report.id).collect();
    let tokens: Vec<&str> = reports.iter().map(|report| report.token.as_str()).collect();
    let progress: Vec<String> =
        reports.iter().map(|report| serde_json::json!(report.progress).to_string()).collect();
    let parameters: [Parameter<'_>; 3] =
        [(&ids, Type::INT8_ARRAY), (&tokens, Type::TEXT_ARRAY), (&progress, Type::TEXT_ARRAY)];
    let rows = session.query("the report", &sql.report, &parameters).await?;
    Ok(rows.iter().filter_map(|row| row.try_get(0).ok()).collect())
}

struct Batch<'a> {
    session: &'a mut Session,
    sql: &'a Statements,
    now: Option<Stamp>,
}

impl Batch<'_> {
    async fn write(&mut self, acks: &[&Ack]) -> Result<Vec<Acked>> {
        let verdicts = self.write_once(acks).await?;
        let mut stolen: Vec<(usize, Ack)> = Vec::new();
        let mut answers = Vec::with_capacity(acks.len());
        for (place, verdict) in verdicts.into_iter().enumerate() {
            let (answer, began) = match verdict {
                Verdict::Is(answer) => (answer, None),
                Verdict::Stolen { began } => (Acked::Lost, Some(began)),
            };
            // Taking it back makes the row tell another start than the true one, if it does not already.
            stolen.extend(began.map(|began| {
                let ack = acks[place].clone();
                (place, Ack { began: ack.began.or(began.map(|began| began.0)), ..ack })
            }));
            answers.push(answer);
        }
        if !stolen.is_empty() {
            self.take_back(&mut stolen).await?;
            let ours: Vec<&Ack> = stolen.iter().map(|(_, ack)| ack).collect();
            // Who is robbed a second time within moments is not robbed for its age.
            for ((place, _), verdict) in stolen.iter().zip(self.write_once(&ours).await?) {
                if let Verdict::Is(answer) = verdict {
                    answers[*place] = answer;
                }
            }
        }
        Ok(answers)
    }

    /// Takes back the rows of these acks, and keeps those that could be. If the write that is to follow
    /// does not come to be, the acks are tried again, and find their rows executing.
    async fn take_back(&mut self, stolen: &mut Vec<(usize, Ack)>) -> Result<()> {
        let claims: Vec<(JobId, ClaimToken)> =
            stolen.iter().map(|(_, ack)| (ack.id, ack.token)).collect();
        let ours = neighbours::take_back(self.session, self.sql, self.now, &claims).await?;
        stolen.retain(|(_, ack)| ours.contains(&(ack.id, ack.token)));
        for (id, _) in ours {
            tracing::info!(
                target: "kerrera",
                event = "ack.reclaimed",
                id,
                "a neighbour had freed a job whose run was ending here: its end is written all the same"
            );
        }
        Ok(())
    }

    async fn write_once(&mut self, acks: &[&Ack]) -> Result<Vec<Verdict>> {
        if acks.is_empty() {
            return Ok(Vec::new());
        }
        let written = if acks.iter().all(|ack| ack.is_plain()) {
            self.write_completed(acks).await?
        } else if follow_ups(acks).any(|(_, job)| job.unique.is_some()) {
            self.write_with_unique(acks).await?
        } else {
            self.write_any(acks).await?
        };
        let left: Vec<usize> = (0..acks.len()).filter(|place| !written[*place]).collect();
        let mut verdicts = vec![Verdict::Is(Acked::Written); acks.len()];
        if !left.is_empty() {
            let unwritten: Vec<&Ack> = left.iter().map(|place| acks[*place]).collect();
            for (place, verdict) in left.into_iter().zip(self.judge(&unwritten).await?) {
                verdicts[place] = verdict;
            }
        }
        Ok(verdicts)
    }

    async fn write_each(&mut self, acks: &[&Ack]) -> Result<Vec<Acked>> {
        let mut answers = Vec::with_capacity(acks.len());
        for ack in acks {
            let answer = match self.write(&[ack]).await {
                Ok(alone) => alone.into_iter().next().unwrap_or(Acked::Lost),
                Err(error) if is_about_the_data(&error) => Acked::Refused(error.to_string().into()),
                Err(error) => return Err(error),
            };
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Which of them were written.
    async fn write_completed(&mut self, acks: &[&Ack]) -> Result<Vec<bool>> {
        let ids: Vec<JobId> = acks.iter().map(|ack| ack.id).collect();
        let claims = acks.chunk_by(|one, next| one.token == next.token).map(|claim| claim[0]);
        let (first, tokens): (Vec<JobId>, Vec<&str>) =
            claims.map(|ack| (ack.id, ack.token.as_str())).unzip();
        let parameters: [Parameter<'_>; 4] = [
            (&self.now, Type::TIMESTAMP),
            (&ids, Type::INT8_ARRAY),
            (&first, Type::INT8_ARRAY),
            (&tokens, Type::TEXT_ARRAY),
        ];
        let rows = self.session.query("the ack", &self.sql.ack_completed, &parameters).await?;
        let Some(row) = rows.first() else { return Ok(vec![true; acks.len()]) };
        let written: Option<Vec<JobId>> = row.try_get(0).ok().flatten();
        Ok(which(acks, written.unwrap_or_default()))
    }

    /// Which of them were written.
    async fn write_any(&mut self, acks: &[&Ack]) -> Result<Vec<bool>> {
        let rows = write_outcomes(self.session, self.sql, self.now, acks, follow_ups(acks).unzip())
            .await?;
        Ok(written(acks, &rows))
    }

    /// Which of them were written. What follows is inserted after them in one transaction, so that a
    /// unique job that follows from its like finds that ended.
    async fn write_with_unique(&mut self, acks: &[&Ack]) -> Result<Vec<bool>> {
        let turn = Turn { sql: self.sql, now: self.now, acks };
        let verb: Verb<Turn<'_>, Vec<bool>> = |session, turn| Box::pin(turn.write(session));
        self.session.transaction("the ack", &turn, verb).await
    }

    /// Says why these could not be written.
    async fn judge(&mut self, acks: &[&Ack]) -> Result<Vec<Verdict>> {
        let outcomes = Outcomes::of(acks);
        let attempts: Vec<i32> = acks.iter().map(|ack| ack.attempt).collect();
        let parameters: [Parameter<'_>; 9] = [
            (&self.now, Type::TIMESTAMP),
            (&outcomes.ids, Type::INT8_ARRAY),
            (&outcomes.tokens, Type::TEXT_ARRAY),
            (&outcomes.errors, Type::TEXT_ARRAY),
            (&outcomes.attempts, Type::INT4_ARRAY),
            (&outcomes.nodes, Type::TEXT_ARRAY),
            (&outcomes.runs, Type::INT8_ARRAY),
            (&attempts, Type::INT4_ARRAY),
            (&outcomes.prints, Type::TEXT_ARRAY),
        ];
        let rows = self.session.query("the ack", &self.sql.ack_verdict, &parameters).await?;
        let mut verdicts = vec![Verdict::Is(Acked::Lost); acks.len()];
        for row in rows {
            let state: String = row.try_get(1).unwrap_or_default();
            let told: bool = row.try_get(2).unwrap_or_default();
            let stolen: bool = row.try_get(3).unwrap_or_default();
            let id = row.try_get(0).unwrap_or_default();
            if let (Some(place), Ok(state)) = (place(acks, id), state.parse()) {
                verdicts[place] = match stolen {
                    true => Verdict::Stolen { began: row.try_get(4).ok().flatten() },
                    false => Verdict::Is(judge(acks[place], state, told)),
                };
            }
        }
        Ok(verdicts)
    }
}

/// What is to be made of an ack after it was tried.
#[derive(Clone)]
enum Verdict {
    /// This.
    Is(Acked),
    /// A neighbour took its row from the run, which began then by what the row says, and nobody has
    /// claimed it since. `stolen.sql` says how that is known, and that the ack was not written before,
    /// with its answer lost, and the row made available since: a failure would stand there. A snooze or a
    /// release would have given the attempt back, so the row must tell the ack's own.
    Stolen { began: Option<Stamp> },
}

/// Acks of which some have unique follow-ups.
struct Turn<'a> {
    sql: &'a Statements,
    now: Option<Stamp>,
    acks: &'a [&'a Ack],
}

impl Turn<'_> {
    async fn write(&self, session: &mut Session) -> Result<Vec<bool>> {
        let Turn { sql, now, acks } = self;
        // Keys first, then rows: the order in which an insertion locks them too.
        insert::lock(session, sql, follow_ups(acks).map(|(_, job)| job)).await?;
        let rows = write_outcomes(session, sql, *now, acks, (Vec::new(), Vec::new())).await?;
        let written = written(acks, &rows);
        let ended = acks.iter().zip(&written).filter(|(_, written)| **written);
        let jobs: Vec<ValidJob> = ended.flat_map(|(ack, _)| ack.then.iter().cloned()).collect();
        if !jobs.is_empty() {
            insert::insert_locked(session, sql, now.map(|now| now.0), jobs).await?;
        }
        Ok(written)
    }
}

/// What follows from acks, each with the number of the job that it follows from.
fn follow_ups<'a>(acks: &[&'a Ack]) -> impl Iterator<Item = (JobId, &'a ValidJob)> {
    acks.iter().flat_map(|ack| ack.then.iter().map(|job| (ack.id, job)))
}

async fn write_outcomes(
    session: &mut Session,
    sql: &Statements,
    now: Option<Stamp>,
    acks: &[&Ack],
    (parents, follow_ups): (Vec<JobId>, Vec<&ValidJob>),
) -> Result<Vec<Row>> {
    let outcomes = Outcomes::of(acks);
    let follow_ups = Columns::of(follow_ups.into_iter());
    let mut parameters: Vec<Parameter<'_>> = vec![(&now, Type::TIMESTAMP)];
    parameters.extend(outcomes.parameters());
    parameters.push((&parents, Type::INT8_ARRAY));
    parameters.extend(follow_ups.parameters());
    parameters.push((&outcomes.prints, Type::TEXT_ARRAY));
    session.query("the ack", &sql.ack, &parameters).await
}

/// What the row tells of an ack that could not be written, given that it carries the ack's token.
fn judge(ack: &Ack, found: State, told: bool) -> Acked {
    let told = told || ack.failure.is_none();
    match found {
        state if state == ack.outcome.to && told => Acked::AlreadyWritten,
        State::Cancelled => Acked::Cancelled,
        _ => Acked::Lost,
    }
}

/// Which of the acks are among the rows that a statement gave back.
fn written(acks: &[&Ack], rows: &[Row]) -> Vec<bool> {
    which(acks, rows.iter().filter_map(|row| row.try_get(0).ok()))
}

/// Which of the acks have one of these numbers.
fn which(acks: &[&Ack], ids: impl IntoIterator<Item = JobId>) -> Vec<bool> {
    let mut which = vec![false; acks.len()];
    for place in ids.into_iter().filter_map(|id| place(acks, id)) {
        which[place] = true;
    }
    which
}

/// The place of the ack with this number, among those of one turn.
fn place(acks: &[&Ack], id: JobId) -> Option<usize> {
    acks.binary_search_by_key(&id, |ack| ack.id).ok()
}

/// Acks as arrays, one for each column.
#[derive(Default)]
struct Outcomes<'a> {
    ids: Vec<JobId>,
    tokens: Vec<&'a str>,
    states: Vec<&'static str>,
    deltas: Vec<i32>,
    raises: Vec<bool>,
    waits: Vec<Option<i64>>,
    stamps: Vec<&'static str>,
    counters: Vec<Option<&'static str>>,
    patches: Vec<Option<String>>,
    errors: Vec<Option<&'a str>>,
    attempts: Vec<Option<i32>>,
    nodes: Vec<Option<&'a str>>,
    runs: Vec<Option<i64>>,
    began: Vec<Option<Stamp>>,
    prints: Vec<Option<String>>,
}

impl<'a> Outcomes<'a> {
    fn of(acks: &[&'a Ack]) -> Outcomes<'a> {
        let mut outcomes = Outcomes::default();
        for ack in acks {
            let Move { to, attempt, allow_one_more, wait, stamp, count } = ack.outcome;
            outcomes.ids.push(ack.id);
            outcomes.tokens.push(ack.token.as_str());
            outcomes.states.push(to.as_str());
            outcomes.deltas.push(match attempt {
                Attempt::Keep => 0,
                Attempt::Begin => 1,
                Attempt::GiveBack => -1,
            });
            outcomes.raises.push(allow_one_more);
            outcomes.waits.push(wait.map(|wait| micros(wait.as_micros())));
            outcomes.stamps.push(match stamp {
                End::Keep => "keep",
                End::End => "end",
                End::Clear => "clear",
            });
            outcomes.counters.push(count);
            let patch = ack.meta.as_ref().map(|meta| serde_json::json!(meta).to_string());
            outcomes.patches.push(patch);
            let failure = ack.failure.as_ref();
            outcomes.errors.push(failure.map(|Failure { error, .. }| error.as_str()));
            outcomes.attempts.push(failure.map(|Failure { attempt, .. }| *attempt));
            outcomes.nodes.push(failure.map(|Failure { node, .. }| &**node));
            outcomes.began.push(ack.began.map(Stamp));
            let print = failure.and_then(|failure| failure.fingerprint);
            outcomes.prints.push(print.map(|print| print.to_string()));
            outcomes.runs.push(failure.map(|Failure { ran, .. }| micros(ran.as_millis())));
        }
        outcomes
    }

    fn parameters(&self) -> [Parameter<'_>; 14] {
        [
            (&self.ids, Type::INT8_ARRAY),
            (&self.tokens, Type::TEXT_ARRAY),
            (&self.states, Type::TEXT_ARRAY),
            (&self.deltas, Type::INT4_ARRAY),
            (&self.raises, Type::BOOL_ARRAY),
            (&self.waits, Type::INT8_ARRAY),
            (&self.stamps, Type::TEXT_ARRAY),
            (&self.counters, Type::TEXT_ARRAY),
            (&self.patches, Type::TEXT_ARRAY),
            (&self.errors, Type::TEXT_ARRAY),
            (&self.attempts, Type::INT4_ARRAY),
            (&self.nodes, Type::TEXT_ARRAY),
            (&self.runs, Type::INT8_ARRAY),
            (&self.began, Type::TIMESTAMP_ARRAY),
        ]
    }
}

/// A number that fits a bigint.
fn micros(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
