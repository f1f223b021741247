//! Looking at many jobs, for people.

use std::collections::BTreeMap;

use kerrera_core::job_query::Condition;
use kerrera_core::listing::{Path, Scan, Scanned, Spot};
use kerrera_core::tally::{OldestJob, QueueTally, Tally, WorkerTally};
use kerrera_core::{JobRow, JobTime, State, Timestamp, ValidQuery};
use rusqlite::{Connection, params_from_iter};

use crate::query::{Clause, in_states};
use crate::row;

/// How many jobs a sample asks for.
const SAMPLE: i64 = 4_000;

/// Among how many numbers no sample is taken, but all jobs are looked at.
const FEW: i64 = 10_000;

/// Some rows along an index.
pub(crate) fn scan(
    connection: &Connection,
    scan: &Scan,
    now: Timestamp,
) -> rusqlite::Result<Scanned> {
    // Of available jobs the index has each queue and priority by itself.
    let pairs = match scan.states == [State::Available] {
        true => pairs(connection, scan)?.into_iter().map(Some).collect(),
        false => vec![None],
    };
    let edge = match scan.window {
        None => None,
        Some(window) => edge(connection, scan, &pairs, window, now)?,
    };
    let mut rows = Vec::new();
    for pair in &pairs {
        let mut walk = Walk::new(scan, pair.as_ref(), scan.limit, edge, now);
        for condition in &scan.residual {
            walk.clause.add(condition);
        }
        let mut statement = connection.prepare(&walk.fill(include_str!("sql/page.sql")))?;
        let found = statement.query_map(params_from_iter(walk.clause.values), row::listed)?;
        rows.extend(found.collect::<rusqlite::Result<Vec<JobRow>>>()?);
    }
    if pairs.len() > 1 {
        rows.sort_by_key(|row| place(scan, row));
        if scan.way.is_descending {
            rows.reverse();
        }
        rows.truncate(scan.limit as usize);
    }
    let Some(edge) = edge else { return Ok(Scanned::new(rows, None)) };
    let inserted = "SELECT inserted_at FROM oban_jobs WHERE id = ?1";
    let inserted: i64 =
        connection.prepare_cached(inserted)?.query_row([edge.id], |row| row.get(0))?;
    Ok(Scanned::new(rows, Some((edge, Timestamp::from_micros(inserted)))))
}

fn place(scan: &Scan, row: &JobRow) -> Spot {
    Spot {
        priority: (scan.way.path == Path::Claim).then_some(row.priority),
        time: Some(row.scheduled_at),
        id: row.id,
    }
}

/// The place of the last row of a window; none if there are not as many.
fn edge(
    connection: &Connection,
    scan: &Scan,
    pairs: &[Option<Pair>],
    window: u32,
    now: Timestamp,
) -> rusqlite::Result<Option<Spot>> {
    let last = window as usize - 1;
    // Which of several holds the last row shows only when all are put together.
    let (limit, skipped) = if pairs.len() > 1 { (window, 0) } else { (1, last) };
    let mut spots = Vec::new();
    for pair in pairs {
        let walk = Walk::new(scan, pair.as_ref(), limit, None, now);
        let sql = walk.fill(include_str!("sql/page_edge.sql"));
        let mut statement = connection.prepare(&sql.replace("<skipped>", &skipped.to_string()))?;
        let found = statement.query_map(params_from_iter(walk.clause.values), |row| {
            Ok(Spot {
                priority: match scan.way.path {
                    Path::Claim => Some(row::number(row.get(2)?)),
                    _ => None,
                },
                time: row::time(row, 1)?,
                id: row.get(0)?,
            })
        })?;
        spots.extend(found.collect::<rusqlite::Result<Vec<Spot>>>()?);
    }
    if skipped > 0 {
        return Ok(spots.first().copied());
    }
    spots.sort_unstable();
    if scan.way.is_descending {
        spots.reverse();
    }
    Ok(spots.get(if pairs.len() > 1 { last } else { 0 }).copied())
}

/// A queue and a priority of which jobs are available, and since when the oldest is.
struct Pair {
    queue: String,
    priority: i64,
    oldest: i64,
}

/// The queues and priorities that a scan is about.
fn pairs(connection: &Connection, scan: &Scan) -> rusqlite::Result<Vec<Pair>> {
    let mut clause = Clause::limited(None, Timestamp::MIN);
    for condition in scan.bounds.iter().filter(|condition| condition.is_of_claim()) {
        clause.add(condition);
    }
    let sql = format!("{} AND ?1 AND <conditions>", include_str!("sql/pairs.sql").trim_end());
    let mut statement = connection.prepare(&clause.fill(&sql))?;
    let pairs = statement.query_map(params_from_iter(clause.values), |row| {
        Ok(Pair { queue: row.get(0)?, priority: row.get(1)?, oldest: row.get(2)? })
    })?;
    pairs.collect()
}

/// What is filled into the statements that walk along an index.
struct Walk<'s> {
    scan: &'s Scan,
    clause: Clause,
}

impl Walk<'_> {
    /// From where the scan begins, up to a place or to the end.
    fn new<'s>(
        scan: &'s Scan,
        pair: Option<&Pair>,
        limit: u32,
        upto: Option<Spot>,
        now: Timestamp,
    ) -> Walk<'s> {
        let mut walk = Walk { scan, clause: Clause::limited(Some(limit), now) };
        match pair {
            Some(Pair { queue, priority, .. }) => {
                walk.clause.ask("pair", None, [queue.clone().into(), (*priority).into()]);
            }
            None => {
                if !scan.states.is_empty() {
                    walk.clause.states(&scan.states);
                }
                if scan.time.is_some() {
                    walk.clause.ask("has", scan.time, []);
                }
            }
        }
        let of_pair = |condition: &&Condition| pair.is_some() && condition.is_of_claim();
        for condition in scan.bounds.iter().filter(|condition| !of_pair(condition)) {
            walk.clause.add(condition);
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
                let values = [priority.into(), time.as_micros().into(), id.into()];
                self.clause.ask(&format!("{side}_claim{at}"), None, values);
            }
            (_, Some(time)) => {
                let values = [time.as_micros().into(), id.into()];
                self.clause.ask(&format!("{side}_time{at}"), self.scan.time, values);
            }
            _ => self.clause.ask(&format!("{side}{at}"), None, [id.into()]),
        }
    }

    fn fill(&self, sql: &str) -> String {
        let direction = if self.scan.way.is_descending { " DESC" } else { "" };
        let time = self.scan.time.map(JobTime::column);
        let columns: &[&str] = match (self.scan.way.path, time) {
            (Path::Claim, _) => &["priority", "scheduled_at", "id"],
            (Path::OwnTime, Some(time)) => &[time, "id"],
            _ => &["id"],
        };
        let order: Vec<String> =
            columns.iter().map(|column| format!("{column}{direction}")).collect();
        self.clause
            .fill(sql)
            .replace("<time>", time.unwrap_or("NULL"))
            .replace("<order>", &order.join(", "))
    }
}

/// How many jobs a query has, counting no further than that.
pub(crate) fn tally(
    connection: &Connection,
    query: &ValidQuery,
    most: u32,
    now: Timestamp,
) -> rusqlite::Result<Tally> {
    let mut counted = query.clone();
    counted.limit = Some(most.saturating_add(1));
    let count = crate::query::count(connection, &counted, now)?;
    Ok(Tally::counted(count, u64::from(most)))
}

/// About how many jobs a query has.
pub(crate) fn estimate(
    connection: &Connection,
    query: &ValidQuery,
    now: Timestamp,
) -> rusqlite::Result<Tally> {
    let Some(sample) = Sample::of(connection)? else {
        return tally(connection, query, u32::MAX, now);
    };
    let tallies = sample.take(connection, Clause::of(query, now))?;
    Ok(Tally::estimated(tallies.iter().map(|tally| tally.jobs.value).sum()))
}

/// How many jobs there are in each queue and state.
pub(crate) fn tallies(connection: &Connection, most: u32) -> rusqlite::Result<Vec<QueueTally>> {
    let (most, cap) = (i64::from(most), u64::from(most));
    let mut available: BTreeMap<String, u64> = BTreeMap::new();
    for Pair { queue, priority, .. } in all_pairs(connection)? {
        let mut statement = connection.prepare_cached(include_str!("sql/tally_available.sql"))?;
        let count: i64 = statement.query_row((&queue, priority, most + 1), |row| row.get(0))?;
        *available.entry(queue).or_default() += count.unsigned_abs();
    }
    let mut tallies: Vec<QueueTally> = available
        .into_iter()
        .map(|(queue, jobs)| QueueTally::new(queue, State::Available, Tally::counted(jobs, cap)))
        .collect();
    // The first two share an index: of which there are more cannot be told beforehand.
    let groups: [&[State]; 4] = [
        &[State::Scheduled, State::Retryable],
        &[State::Executing],
        &[State::Discarded],
        &[State::Cancelled],
    ];
    for states in groups {
        let sql = include_str!("sql/tally_state.sql").replace("<states>", &in_states(states));
        let limit = most * states.len() as i64 + 1;
        let counted = by_queue_and_state(connection, &sql, [limit])?;
        let all: i64 = counted.iter().map(|(_, _, jobs)| jobs).sum();
        tallies.extend(counted.into_iter().map(|(queue, state, jobs)| {
            let jobs = jobs.unsigned_abs();
            let jobs = if all < limit { Tally::exact(jobs) } else { Tally::capped(jobs.min(cap)) };
            QueueTally::new(queue, state, jobs)
        }));
    }
    match Sample::of(connection)? {
        None => {
            let ended = by_queue_and_state(connection, include_str!("sql/ended_few.sql"), [])?;
            tallies.extend(ended.into_iter().map(|(queue, state, jobs)| {
                QueueTally::new(queue, state, Tally::exact(jobs.unsigned_abs()))
            }));
        }
        Some(sample) => {
            let mut clause = Clause::limited(None, Timestamp::MIN);
            clause.states(&[State::Completed, State::Suspended]);
            tallies.extend(sample.take(connection, clause)?);
        }
    }
    tallies.sort_by(|one, other| (&one.queue, one.state).cmp(&(&other.queue, other.state)));
    Ok(tallies)
}

/// How many jobs of each worker are available and executing in each queue.
pub(crate) fn worker_tallies(
    connection: &Connection,
    most: u32,
) -> rusqlite::Result<Vec<WorkerTally>> {
    let sql = include_str!("sql/worker_tallies.sql");
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map([i64::from(most) + 1], |row| {
        let state = row::state(row.get_ref(1)?.as_str()?);
        let jobs: i64 = row.get(2)?;
        let (queue, worker): (String, String) = (row.get(0)?, row.get(3)?);
        Ok(WorkerTally::new((worker, queue), state, Tally::exact(jobs.unsigned_abs())))
    })?;
    let mut tallies: Vec<WorkerTally> = rows.collect::<rusqlite::Result<_>>()?;
    for state in [State::Available, State::Executing] {
        let of_state = tallies.iter_mut().filter(|tally| tally.state == state);
        let of_state: Vec<&mut WorkerTally> = of_state.collect();
        let all: u64 = of_state.iter().map(|tally| tally.jobs.value).sum();
        if all > u64::from(most) {
            for tally in of_state {
                tally.jobs = Tally::capped(tally.jobs.value.min(most.into()));
            }
        }
    }
    tallies.sort_by(WorkerTally::by_name);
    Ok(tallies)
}

fn by_queue_and_state<P: rusqlite::Params>(
    connection: &Connection,
    sql: &str,
    parameters: P,
) -> rusqlite::Result<Vec<(String, State, i64)>> {
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query_map(parameters, |row| {
        Ok((row.get(0)?, row::state(row.get_ref(1)?.as_str()?), row.get(2)?))
    })?;
    rows.collect()
}

/// The numbers of which a sample is taken: one of each stretch.
struct Sample {
    first: i64,
    stretch: i64,
}

impl Sample {
    /// None if there are so few numbers that all jobs can be looked at.
    fn of(connection: &Connection) -> rusqlite::Result<Option<Sample>> {
        let span = include_str!("sql/span.sql");
        let (first, last): (Option<i64>, Option<i64>) =
            connection.prepare_cached(span)?.query_row([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let (Some(first), Some(last)) = (first, last) else { return Ok(None) };
        let span = last.saturating_sub(first).saturating_add(1);
        let stretch = span / SAMPLE + i64::from(span % SAMPLE > 0);
        Ok((span > FEW).then_some(Sample { first, stretch }))
    }

    /// About how many jobs there are that fulfil these conditions.
    fn take(&self, connection: &Connection, clause: Clause) -> rusqlite::Result<Vec<QueueTally>> {
        let sql = clause
            .fill(include_str!("sql/sample.sql"))
            .replace("<first>", &self.first.to_string())
            .replace("<count>", &SAMPLE.to_string())
            .replace("<stretch>", &self.stretch.to_string());
        // The limit is of no use here, but the first parameter all the same.
        let sql = format!("{sql} HAVING ?1 <> 0");
        let mut statement = connection.prepare(&sql)?;
        let rows = statement.query_map(params_from_iter(clause.values), |row| {
            let jobs: i64 = row.get(2)?;
            let jobs = Tally::estimated(jobs.saturating_mul(self.stretch).unsigned_abs());
            let state = row::state(row.get_ref(1)?.as_str()?);
            Ok(QueueTally::new(row.get::<_, String>(0)?, state, jobs))
        })?;
        rows.collect()
    }
}

fn all_pairs(connection: &Connection) -> rusqlite::Result<Vec<Pair>> {
    let mut statement = connection.prepare_cached(include_str!("sql/pairs.sql"))?;
    let pairs = statement.query_map([], |row| {
        Ok(Pair { queue: row.get(0)?, priority: row.get(1)?, oldest: row.get(2)? })
    })?;
    pairs.collect()
}

/// The oldest available job of each queue.
pub(crate) fn oldest(connection: &Connection, now: Timestamp) -> rusqlite::Result<Vec<OldestJob>> {
    let mut oldest: BTreeMap<String, i64> = BTreeMap::new();
    for pair in all_pairs(connection)? {
        let time = oldest.entry(pair.queue).or_insert(pair.oldest);
        *time = pair.oldest.min(*time);
    }
    let oldest = oldest.into_iter();
    Ok(oldest.map(|(queue, at)| OldestJob::new(queue, Timestamp::from_micros(at), now)).collect())
}
