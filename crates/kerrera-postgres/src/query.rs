//! Queries as SQL: fixed texts, picked by which conditions there are, and parameters.
//!
//! A text that fits the conditions gets a plan that fits them; one text for all, with parameters that
//! are NULL when they do not matter, would get one plan for all.

use kerrera_core::error::Kind;
use kerrera_core::job_query::{Condition, JobSpan};
use kerrera_core::storage::{Batch, Managed, Operation};
use kerrera_core::{ClaimToken, Error, Job, JobTime, Result, State, ValidQuery};
use tokio_postgres::Row;
use tokio_postgres::types::{ToSql, Type};

use crate::connection::{Parameter, Session};
use crate::rows::{self, Stamp};
use crate::statements::{Call, Statements};

/// The jobs of a query, in its order.
pub(crate) async fn jobs(
    session: &mut Session,
    Call { sql, now, input: query }: &Call<ValidQuery>,
) -> Result<Vec<Job>> {
    let mut clause = Clause::limited(query.limit).at(*now);
    clause.add_query(query);
    let direction = if query.order.is_descending() { " DESC" } else { "" };
    let order = match query.order.time() {
        None => format!("j.id{direction}"),
        Some(time) => format!("j.{}{direction}, j.id{direction}", time.column()),
    };
    let sql = clause.fill(&sql.jobs, sql).replace("<order>", &order);
    let rows = session.query("looking for jobs", &sql, &clause.parameters()).await?;
    rows.iter().map(rows::job).collect()
}

/// How many jobs a query has.
pub(crate) async fn count(
    session: &mut Session,
    Call { sql, now, input: query }: &Call<ValidQuery>,
) -> Result<u64> {
    let mut clause = Clause::limited(query.limit).at(*now);
    clause.add_query(query);
    let sql = clause.fill(&sql.count, sql);
    let rows = session.query("counting jobs", &sql, &clause.parameters()).await?;
    let count: i64 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or_default();
    Ok(count.unsigned_abs())
}

/// Does something to the jobs of a batch.
pub(crate) async fn manage(
    session: &mut Session,
    Call { sql, now, input: batch }: &Call<Batch>,
) -> Result<Vec<Managed>> {
    let states = batch.operation.states(&batch.conditions);
    if states.is_empty() {
        return Ok(Vec::new());
    }
    let mut clause = Clause::limited(Some(batch.limit)).at(*now);
    clause.states(&states);
    for condition in &batch.conditions {
        clause.add(condition);
    }
    if let Some(after) = batch.after {
        clause.ask("after", None, [int8(after)]);
    }
    let (doing, text) = match batch.operation {
        Operation::Cancel => ("cancelling jobs", clause.stamp(&sql.cancel, *now)),
        Operation::Retry => ("retrying jobs", clause.stamp(&sql.retry, *now)),
        Operation::Discard => ("discarding jobs", clause.stamp(&sql.discard, *now)),
        Operation::Delete => ("deleting jobs", sql.delete.clone()),
    };
    let rows = session.query(doing, &clause.fill(&text, sql), &clause.parameters()).await?;
    let mut managed: Vec<Managed> = rows.iter().map(managed).collect::<Result<_>>()?;
    managed.sort_unstable_by_key(|job| job.id);
    Ok(managed)
}

fn managed(row: &Row) -> Result<Managed> {
    let unread =
        |error| Error::new(Kind::Database, format!("what became of a job is unknown: {error}"));
    let state: String = row.try_get(2).map_err(unread)?;
    let token: Option<String> = row.try_get(3).map_err(unread)?;
    Ok(Managed {
        id: row.try_get(0).map_err(unread)?,
        queue: row.try_get(1).map_err(unread)?,
        // The statement names the states, so it is one of ours.
        was: state.parse().map_err(|error| Error::new(Kind::ForeignSchema, format!("{error}")))?,
        token: token.and_then(|text| ClaimToken::parse(&text)),
    })
}

/// A value that a clause owns, and its type.
pub(crate) type Owned = (Box<dyn ToSql + Send + Sync>, Type);

/// What stands between WHERE and ORDER BY, and every parameter; the first is the limit.
pub(crate) struct Clause {
    /// The file that has the conditions.
    file: &'static str,
    parts: Vec<String>,
    parameters: Vec<Owned>,
    now: Option<Stamp>,
}

impl Clause {
    pub(crate) fn limited(limit: Option<u32>) -> Clause {
        Clause::with(include_str!("sql/conditions.sql"), limit)
    }

    /// One whose conditions are in another file than those about jobs.
    pub(crate) fn with(file: &'static str, limit: Option<u32>) -> Clause {
        let limit: Owned = (Box::new(limit.map(i64::from)), Type::INT8);
        Clause { file, parts: Vec::new(), parameters: vec![limit], now: None }
    }

    /// The same, with what a manual clock shows.
    pub(crate) fn at(self, now: Option<Stamp>) -> Clause {
        Clause { now, ..self }
    }

    pub(crate) fn parameters(&self) -> Vec<Parameter<'_>> {
        self.parameters.iter().map(parameter).collect()
    }

    /// Puts the conditions into a statement.
    pub(crate) fn fill(&self, sql: &str, statements: &Statements) -> String {
        let all = if self.parts.is_empty() { "true".to_owned() } else { self.parts.join(" AND ") };
        let all = all
            .replace("{schema}", &statements.quoted_schema)
            .replace("{last_error}", statements.last_error);
        sql.replace("<conditions>", &all)
    }

    /// Fills in the time.
    pub(crate) fn stamp(&mut self, sql: &str, now: Option<Stamp>) -> String {
        self.parameters.push((Box::new(now), Type::TIMESTAMP));
        sql.replace("<now>", &format!("${}", self.parameters.len()))
    }

    /// Fills in another value.
    pub(crate) fn put(&mut self, sql: &str, name: &str, ty: &str, value: Owned) -> String {
        self.parameters.push(value);
        sql.replace(name, &format!("${}::{ty}", self.parameters.len()))
    }

    pub(crate) fn add_query(&mut self, query: &ValidQuery) {
        for condition in &query.conditions {
            self.add(condition);
        }
        self.begin(query);
    }

    pub(crate) fn add(&mut self, condition: &Condition) {
        let part = self.text(condition);
        self.parts.push(part);
    }

    /// A condition as SQL, whose parameters are added.
    pub(crate) fn text(&mut self, condition: &Condition) -> String {
        let all = |clause: &mut Clause, others: &[Condition], word: &str| {
            let texts: Vec<String> = others.iter().map(|other| clause.text(other)).collect();
            format!("({})", texts.join(word))
        };
        match condition {
            Condition::States(states) => in_states(states),
            Condition::Ids(ids) => {
                self.asked("ids", None, [(Box::new(ids.clone()), Type::INT8_ARRAY)])
            }
            Condition::Queues(queues) => self.asked("queues", None, [texts(queues)]),
            Condition::Workers(workers) => self.asked("workers", None, [texts(workers)]),
            Condition::Priorities(numbers) => self.asked("priorities", None, [int4s(numbers)]),
            Condition::Attempts(numbers) => self.asked("attempts", None, [int4s(numbers)]),
            Condition::MaxAttempts(numbers) => self.asked("max_attempts", None, [int4s(numbers)]),
            Condition::Tags(tags) => self.asked("tags", None, [texts(tags)]),
            Condition::Tagged(tag) => self.asked("tagged", None, [text(tag)]),
            Condition::Args(part) => self.asked("args", None, [text(part.as_str())]),
            Condition::Meta(part) => self.asked("meta", None, [text(part.as_str())]),
            Condition::Since(time, at) => self.asked("since", Some(*time), [stamp(Stamp(*at))]),
            Condition::Before(time, at) => self.asked("before", Some(*time), [stamp(Stamp(*at))]),
            Condition::QueuePrefix(prefix) => self.asked("queue_prefix", None, [text(prefix)]),
            Condition::WorkerPrefix(prefix) => self.asked("worker_prefix", None, [text(prefix)]),
            Condition::Number(number, comparison, value) => self
                .asked("number", None, [int8(*value)])
                .replace("<number>", number.column())
                .replace("<sign>", comparison.sign()),
            Condition::Node(node) => self.asked("node", None, [text(node)]),
            Condition::Reaches(json, keys) => {
                self.asked("reaches", None, [texts(keys)]).replace("<json>", json.column())
            }
            Condition::Measures(json, keys, comparison, value) => {
                let keys = || texts(keys);
                self.asked("measures", None, [keys(), keys(), text(&value.to_string())])
                    .replace("<json>", json.column())
                    .replace("<sign>", comparison.sign())
            }
            Condition::ErrorType(name) => self.asked("error_type", None, [text(name), text(name)]),
            Condition::ErrorSays(said) => self.asked("error_says", None, [text(said)]),
            Condition::Fingerprint(of) => self.asked("fingerprint", None, [text(of)]),
            Condition::EndedSince(at) => self.asked("ended_since", None, [stamp(Stamp(*at))]),
            Condition::EndedBefore(at) => self.asked("ended_before", None, [stamp(Stamp(*at))]),
            Condition::Lasted(span, comparison, time) => {
                let micros = int8(i64::try_from(time.as_micros()).unwrap_or(i64::MAX));
                let text = match span {
                    JobSpan::Run => {
                        let now: Owned = (Box::new(self.now), Type::TIMESTAMP);
                        self.asked("ran", None, [now, micros])
                    }
                    JobSpan::Wait => self.asked("waited", None, [micros]),
                };
                text.replace("<sign>", comparison.sign())
            }
            Condition::Orphaned => self.asked("orphaned", None, []),
            Condition::Stuck => {
                let now: Owned = (Box::new(self.now), Type::TIMESTAMP);
                self.asked("stuck", None, [now])
            }
            Condition::Unregistered => self.asked("unregistered", None, []),
            Condition::Traced(trace) => self.asked("traced", None, [text(trace)]),
            Condition::Not(other) => format!("({}) IS NOT TRUE", self.text(other)),
            Condition::AnyOf(others) => all(self, others, " OR "),
            Condition::All(others) => all(self, others, " AND "),
            // A condition of a newer version; nothing fits what is not understood.
            _ => "false".to_owned(),
        }
    }

    pub(crate) fn states(&mut self, states: &[State]) {
        self.parts.push(in_states(states));
    }

    /// Where the order begins.
    fn begin(&mut self, query: &ValidQuery) {
        let time = query.order.time();
        if time.is_some() {
            self.ask("has", time, []);
        }
        let Some(place) = query.after else { return };
        let id = int8(place.id());
        match (place.time(), query.order.is_descending()) {
            (None, false) => self.ask("after", None, [id]),
            (None, true) => self.ask("until", None, [id]),
            (Some(at), false) => self.ask("after_time", time, [stamp(Stamp(at)), id]),
            (Some(at), true) => self.ask("until_time", time, [stamp(Stamp(at)), id]),
        }
    }

    /// Adds the condition of this name, with its parameters.
    pub(crate) fn ask<const N: usize>(
        &mut self,
        name: &str,
        time: Option<JobTime>,
        values: [Owned; N],
    ) {
        let part = self.asked(name, time, values);
        self.parts.push(part);
    }

    /// The condition of this name, whose parameters are added.
    fn asked<const N: usize>(
        &mut self,
        name: &str,
        time: Option<JobTime>,
        values: [Owned; N],
    ) -> String {
        let text = named(self.file, name).replace("<column>", time.map_or("", JobTime::column));
        let mut pieces = text.split("$?");
        let mut part = pieces.next().unwrap_or_default().to_owned();
        let mut number = self.parameters.len();
        for piece in pieces {
            number += 1;
            part.push_str(&format!("${number}{piece}"));
        }
        debug_assert_eq!(number, self.parameters.len() + N, "{name}");
        self.parameters.extend(values);
        part
    }
}

/// As literals, which the planner can hold against the conditions of partial indexes.
fn in_states(states: &[State]) -> String {
    let names: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
    match &names[..] {
        [only] => format!("j.state = {only}"),
        names => format!("j.state IN ({})", names.join(", ")),
    }
}

fn parameter((value, ty): &Owned) -> Parameter<'_> {
    (&**value, ty.clone())
}

/// The condition of this name. One that is not there lets no job through.
fn named(file: &'static str, name: &str) -> &'static str {
    let mut found = file.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.next().unwrap_or("false")
}

pub(crate) fn text(text: &str) -> Owned {
    (Box::new(text.to_owned()), Type::TEXT)
}

fn texts(texts: &[String]) -> Owned {
    (Box::new(texts.to_vec()), Type::TEXT_ARRAY)
}

pub(crate) fn int4(number: i32) -> Owned {
    (Box::new(number), Type::INT4)
}

pub(crate) fn int8(number: i64) -> Owned {
    (Box::new(number), Type::INT8)
}

fn int4s(numbers: &[i32]) -> Owned {
    (Box::new(numbers.to_vec()), Type::INT4_ARRAY)
}

pub(crate) fn stamp(stamp: Stamp) -> Owned {
    (Box::new(stamp), Type::TIMESTAMP)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_is_in_the_file() {
        let names = [
            "ids",
            "queues",
            "workers",
            "priorities",
            "attempts",
            "max_attempts",
            "tags",
            "tagged",
            "args",
            "meta",
            "since",
            "before",
            "has",
            "after",
            "until",
            "after_time",
            "until_time",
            "queue_prefix",
            "worker_prefix",
            "number",
            "node",
            "reaches",
            "measures",
            "error_says",
            "fingerprint",
            "ended_since",
            "ended_before",
            "ran",
            "waited",
            "orphaned",
            "stuck",
            "unregistered",
            "traced",
            "error_type",
            "after_claim",
            "until_claim",
            "after_or_at",
            "until_or_at",
            "after_time_or_at",
            "until_time_or_at",
            "after_claim_or_at",
            "until_claim_or_at",
        ];
        for name in names {
            assert_ne!(named(include_str!("sql/conditions.sql"), name), "false", "{name}");
        }
    }

    #[test]
    fn no_value_of_a_caller_becomes_sql() {
        let hostile = "'; DROP TABLE oban_jobs; --";
        let mut clause = Clause::limited(None);
        clause.add(&Condition::Queues(vec![hostile.to_owned()]));
        clause.add(&Condition::Tagged(hostile.to_owned()));
        assert!(clause.parts.iter().all(|part| !part.contains("DROP")));
        assert_eq!(clause.parts[1], "$3::text = ANY (j.tags::text[])");
    }
}
