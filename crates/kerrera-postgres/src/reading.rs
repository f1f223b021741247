//! Looking at many jobs, for people.

use std::time::Duration;

use kerrera_core::job_query::Condition;
use kerrera_core::listing::{Path, Scan, Scanned, Spot};
use kerrera_core::tally::{OldestJob, QueueTally, Tally, WorkerTally};
use kerrera_core::{JobRow, JobTime, Result, State, Timestamp, ValidQuery};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use crate::connection::{Parameter, Session, Verb};
use crate::error;
use crate::query::{Clause, int4, int8, stamp};
use crate::rows::{self, Stamp};
use crate::statements::{Call, Statements};

/// How many pages of the table a sample has, about: a fifth of a second of a slow disk.
const SAMPLE: f64 = 200.0;

/// What is asked, and how long a statement may take for it.
pub(crate) type Asked<I> = (Call<I>, Duration);

/// Some rows along an index.
pub(crate) async fn scan(session: &mut Session, asked: &Asked<Scan>) -> Result<Scanned> {
    let verb: Verb<Call<Scan>, Scanned> = |session, call| Box::pin(scanned(session, call));
    session.reading("listing jobs", asked.1, &asked.0, verb).await
}

async fn scanned(session: &mut Session, call: &Call<Scan>) -> Result<Scanned> {
    let (sql, scan) = (&call.sql.reading, &call.input);
    let is_available = scan.states == [State::Available];
    let edge = match scan.window {
        None => None,
        Some(window) => {
            let walk = Walk::new(scan, window, None, call.now);
            let text = walk
                .fill(if is_available { &sql.available_edge } else { &sql.page_edge }, &call.sql);
            let rows = session.query("listing jobs", &text, &walk.parameters()).await?;
            rows.first().map(|row| edge(scan, row))
        }
    };
    let mut walk = Walk::new(scan, scan.limit, edge.map(|(spot, _)| spot), call.now);
    for condition in &scan.residual {
        walk.clause.add(condition);
    }
    let text = walk.fill(if is_available { &sql.available_page } else { &sql.page }, &call.sql);
    let rows = session.query("listing jobs", &text, &walk.parameters()).await?;
    let rows: Vec<JobRow> = rows.iter().map(rows::row).collect::<Result<_>>()?;
    Ok(Scanned::new(rows, edge))
}

fn edge(scan: &Scan, row: &Row) -> (Spot, Timestamp) {
    let priority: Option<i32> = row.try_get(2).unwrap_or_default();
    let spot = Spot {
        priority: priority.filter(|_| scan.way.path == Path::Claim),
        time: rows::time(row, 1).filter(|_| scan.time.is_some()),
        id: row.try_get(0).unwrap_or_default(),
    };
    (spot, rows::time(row, 3).unwrap_or(Timestamp::MIN))
}

/// What is filled into the statements that walk along an index.
struct Walk<'s> {
    scan: &'s Scan,
    clause: Clause,
    /// Which queues and priorities of available jobs are walked.
    pairs: Vec<String>,
}

impl Walk<'_> {
    /// From where the scan begins, up to a place or to the end.
    fn new(scan: &Scan, limit: u32, upto: Option<Spot>, now: Option<Stamp>) -> Walk<'_> {
        let mut walk =
            Walk { scan, clause: Clause::limited(Some(limit)).at(now), pairs: Vec::new() };
        let is_available = scan.states == [State::Available];
        if !scan.states.is_empty() && !is_available {
            walk.clause.states(&scan.states);
        }
        if scan.time.is_some() && !is_available {
            walk.clause.ask("has", scan.time, []);
        }
        for condition in &scan.bounds {
            if is_available && condition.is_of_claim() {
                let pair = walk.clause.text(condition).replace("j.", "p.");
                walk.pairs.push(pair);
            } else {
                walk.clause.add(condition);
            }
        }
        if let Some(spot) = scan.after {
            walk.place(spot, scan.way.is_descending, "");
        }
        if let Some(spot) = upto {
            // Up to there means not after it.
            walk.place(spot, !scan.way.is_descending, "_or_at");
        }
        walk
    }

    /// What lies before a place by its value, or after it.
    fn place(&mut self, Spot { priority, time, id }: Spot, below: bool, at: &str) {
        let side = if below { "until" } else { "after" };
        match (priority, time) {
            (Some(priority), Some(time)) => {
                let values = [int4(priority), stamp(Stamp(time)), int8(id)];
                self.clause.ask(&format!("{side}_claim{at}"), None, values);
            }
            (_, Some(time)) => {
                let values = [stamp(Stamp(time)), int8(id)];
                self.clause.ask(&format!("{side}_time{at}"), self.scan.time, values);
            }
            _ => self.clause.ask(&format!("{side}{at}"), None, [int8(id)]),
        }
    }

    fn fill(&self, sql: &str, statements: &Statements) -> String {
        let direction = if self.scan.way.is_descending { " DESC" } else { "" };
        let order = |table: &str, columns: &[&str]| {
            let order = |column: &&str| format!("{table}.{column}{direction}");
            columns.iter().map(order).collect::<Vec<_>>().join(", ")
        };
        let time = self.scan.time.map(JobTime::column);
        let columns: &[&str] = match (self.scan.way.path, time) {
            (Path::Claim, _) => &["priority", "scheduled_at", "id"],
            (Path::OwnTime, Some(time)) => &[time, "id"],
            _ => &["id"],
        };
        let pairs = match &self.pairs[..] {
            [] => "true".to_owned(),
            pairs => pairs.join(" AND "),
        };
        let time = time.map_or("NULL::timestamp".to_owned(), |time| format!("j.{time}"));
        self.clause
            .fill(sql, statements)
            .replace("<pairs>", &pairs)
            .replace("<time>", &time)
            .replace("<inner order>", &order("j", &["scheduled_at", "id"]))
            .replace("<outer order>", &order("f", columns))
            .replace("<order>", &order("j", columns))
    }

    fn parameters(&self) -> Vec<Parameter<'_>> {
        self.clause.parameters()
    }
}

/// How many jobs a query has: counted, if that is quickly done, or by the planner's estimate.
pub(crate) async fn tally(
    session: &mut Session,
    (call, within): &Asked<(ValidQuery, u32)>,
) -> Result<Tally> {
    type Counting = Call<(ValidQuery, u32)>;
    let counting: Verb<Counting, Tally> = |session, call| Box::pin(counted(session, call));
    let patience = *within / 4;
    match session.reading("counting jobs", patience, call, counting).await {
        Err(error) if error::took_too_long(&error) => {}
        counted => return counted,
    }
    let estimating: Verb<Counting, Tally> = |session, call| Box::pin(estimated(session, call));
    session.reading("estimating how many jobs there are", *within, call, estimating).await
}

async fn counted(session: &mut Session, call: &Call<(ValidQuery, u32)>) -> Result<Tally> {
    let (query, most) = &call.input;
    if query.conditions.iter().any(contains_json) {
        // Oban's GIN indexes can be read in no other way.
        session.execute("counting jobs", "SET LOCAL enable_bitmapscan = on").await?;
    }
    let mut clause = Clause::limited(Some(most.saturating_add(1))).at(call.now);
    clause.add_query(query);
    let is_few = |condition: &Condition| {
        let many = [State::Completed, State::Suspended];
        matches!(condition, Condition::Ids(_)) || !many.iter().any(|state| condition.allows(*state))
    };
    let order = if query.conditions.iter().any(is_few) { "" } else { "ORDER BY j.id" };
    let sql = clause.fill(&call.sql.reading.tally, &call.sql).replace("<order>", order);
    let rows = session.query("counting jobs", &sql, &clause.parameters()).await?;
    let count: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    Ok(Tally::counted(count.unsigned_abs(), u64::from(*most)))
}

/// Whether it is about what args or meta contain.
fn contains_json(condition: &Condition) -> bool {
    match condition {
        Condition::Args(_) | Condition::Meta(_) => true,
        Condition::AnyOf(others) | Condition::All(others) => others.iter().any(contains_json),
        _ => false,
    }
}

async fn estimated(session: &mut Session, call: &Call<(ValidQuery, u32)>) -> Result<Tally> {
    let mut clause = Clause::limited(None).at(call.now);
    clause.add_query(&call.input.0);
    let sql = format!("EXPLAIN (FORMAT JSON) {}", clause.fill(&call.sql.found, &call.sql));
    let doing = "estimating how many jobs there are";
    let rows = session.query(doing, &sql, &clause.parameters()).await?;
    let plan: String = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap_or_default();
    let expected = plan.pointer("/0/Plan/Plan Rows").and_then(serde_json::Value::as_f64);
    Ok(Tally::estimated(expected.unwrap_or_default() as u64))
}

/// How many jobs there are in each queue and state.
pub(crate) async fn tallies(session: &mut Session, asked: &Asked<u32>) -> Result<Vec<QueueTally>> {
    let verb: Verb<Call<u32>, Vec<QueueTally>> = |session, call| Box::pin(tallied(session, call));
    session.reading("counting the jobs", asked.1, &asked.0, verb).await
}

/// How many jobs there are in each queue and in each state that an index has.
pub(crate) async fn counted_by_state(
    session: &mut Session,
    sql: &Statements,
    most: u32,
) -> Result<Vec<QueueTally>> {
    let tallies = &sql.reading.tallies;
    let limit = i64::from(most);
    let parameters: [Parameter<'_>; 1] = [(&limit, Type::INT8)];
    let rows = session.query("counting the jobs", tallies, &parameters).await?;
    let counted = rows.iter().filter_map(|row| {
        let (queue, state, jobs) = queue_and_state(row)?;
        let is_capped: bool = row.try_get(3).ok()?;
        let jobs =
            if is_capped { Tally::capped(jobs.min(most.into())) } else { Tally::exact(jobs) };
        Some(QueueTally::new(queue, state, jobs))
    });
    Ok(counted.collect())
}

async fn tallied(session: &mut Session, call: &Call<u32>) -> Result<Vec<QueueTally>> {
    let mut tallies = counted_by_state(session, &call.sql, call.input).await?;
    let sql = &call.sql.reading;

    let rows = session.query("asking how large the table is", &sql.table_pages, &[]).await?;
    let pages: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    let part = (SAMPLE / pages as f64).min(1.0);
    let percent = (part * 100.0) as f32;
    let rows = session.query("sampling the jobs", &sql.sample, &[(&percent, Type::FLOAT4)]).await?;
    tallies.extend(rows.iter().filter_map(|row| {
        let (queue, state, jobs) = queue_and_state(row)?;
        let jobs = match part < 1.0 {
            true => Tally::estimated((jobs as f64 / part).round() as u64),
            false => Tally::exact(jobs),
        };
        Some(QueueTally::new(queue, state, jobs))
    }));
    tallies.sort_by(|one, other| (&one.queue, one.state).cmp(&(&other.queue, other.state)));
    Ok(tallies)
}

/// How many jobs of each worker are available and executing in each queue.
pub(crate) async fn worker_tallies(
    session: &mut Session,
    asked: &Asked<u32>,
) -> Result<Vec<WorkerTally>> {
    let verb: Verb<Call<u32>, Vec<WorkerTally>> =
        |session, call| Box::pin(tallied_by_worker(session, call));
    session.reading("counting the jobs of workers", asked.1, &asked.0, verb).await
}

async fn tallied_by_worker(session: &mut Session, call: &Call<u32>) -> Result<Vec<WorkerTally>> {
    let most = call.input;
    let limit = i64::from(most);
    let parameters: [Parameter<'_>; 1] = [(&limit, Type::INT8)];
    let doing = "counting the jobs of workers";
    let rows = session.query(doing, &call.sql.reading.worker_tallies, &parameters).await?;
    let counted = rows.iter().filter_map(|row| {
        let (queue, state, jobs) = queue_and_state(row)?;
        let (worker, is_capped): (String, bool) = (row.try_get(3).ok()?, row.try_get(4).ok()?);
        let jobs = match is_capped {
            true => Tally::capped(jobs.min(most.into())),
            false => Tally::exact(jobs),
        };
        Some(WorkerTally::new((worker, queue), state, jobs))
    });
    let mut tallies: Vec<WorkerTally> = counted.collect();
    tallies.sort_by(WorkerTally::by_name);
    Ok(tallies)
}

fn queue_and_state(row: &Row) -> Option<(String, State, u64)> {
    let (queue, state): (String, String) = (row.try_get(0).ok()?, row.try_get(1).ok()?);
    let jobs: i64 = row.try_get(2).ok()?;
    Some((queue, state.parse().ok()?, jobs.unsigned_abs()))
}

/// The oldest available job of each queue.
pub(crate) async fn oldest(session: &mut Session, asked: &Asked<()>) -> Result<Vec<OldestJob>> {
    let verb: Verb<Call<()>, Vec<OldestJob>> =
        |session, call| Box::pin(oldest_of_queues(session, call));
    session.reading("looking for the oldest jobs", asked.1, &asked.0, verb).await
}

/// Whether anything could be changed.
pub(crate) async fn is_writable(session: &mut Session, asked: &Asked<()>) -> Result<bool> {
    const DOING: &str = "asking whether the database can be written";
    let verb: Verb<Call<()>, bool> = |session, call| {
        Box::pin(async move {
            let rows = session.query(DOING, &call.sql.reading.writable, &[]).await?;
            Ok(rows.first().is_some_and(|row| row.try_get(0).unwrap_or_default()))
        })
    };
    session.reading(DOING, asked.1, &asked.0, verb).await
}

/// The same, in a transaction that has begun.
pub(crate) async fn oldest_of_queues(
    session: &mut Session,
    call: &Call<()>,
) -> Result<Vec<OldestJob>> {
    let parameters: [Parameter<'_>; 1] = [(&call.now, Type::TIMESTAMP)];
    let doing = "looking for the oldest jobs";
    let rows = session.query(doing, &call.sql.reading.oldest, &parameters).await?;
    let oldest = rows.iter().filter_map(|row| {
        let (scheduled_at, now) = (rows::time(row, 1)?, rows::time(row, 2)?);
        Some(OldestJob::new(row.try_get::<_, String>(0).ok()?, scheduled_at, now))
    });
    Ok(oldest.collect())
}
