//! Queries as SQL: fixed texts, picked by which conditions there are, and parameters.

use std::sync::Arc;

use kerrera_core::job_query::{Comparison, Condition, JobSpan};
use kerrera_core::json;
use kerrera_core::storage::Batch;
use kerrera_core::{Job, JobTime, State, Timestamp, ValidQuery};
use rusqlite::functions::{Context, FunctionFlags};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use serde_json::Number;

use crate::moves::Standing;
use crate::row;

/// The jobs of a query, in its order.
pub(crate) fn jobs(
    connection: &Connection,
    query: &ValidQuery,
    now: Timestamp,
) -> rusqlite::Result<Vec<Job>> {
    let clause = Clause::of(query, now);
    let direction = if query.order.is_descending() { " DESC" } else { "" };
    let order = match query.order.time() {
        None => format!("id{direction}"),
        Some(time) => format!("{}{direction}, id{direction}", time.column()),
    };
    let sql = clause.fill(include_str!("sql/jobs.sql")).replace("<order>", &order);
    // Not kept: there are more of them than statements that are worth keeping.
    let mut statement = connection.prepare(&sql)?;
    statement.query_map(params_from_iter(clause.values), row::job)?.collect()
}

/// How many jobs a query has.
pub(crate) fn count(
    connection: &Connection,
    query: &ValidQuery,
    now: Timestamp,
) -> rusqlite::Result<u64> {
    let clause = Clause::of(query, now);
    let mut statement = connection.prepare(&clause.fill(include_str!("sql/count.sql")))?;
    let count: i64 = statement.query_row(params_from_iter(clause.values), |row| row.get(0))?;
    Ok(count.unsigned_abs())
}

/// The jobs of a batch that allow what is to be done, and their queues.
pub(crate) fn meant(
    connection: &Connection,
    batch: &Batch,
    now: Timestamp,
) -> rusqlite::Result<Vec<(Standing, String)>> {
    let states = batch.operation.states(&batch.conditions);
    if states.is_empty() {
        return Ok(Vec::new());
    }
    let mut clause = Clause::limited(Some(batch.limit), now);
    clause.states(&states);
    for condition in &batch.conditions {
        clause.add(condition);
    }
    if let Some(after) = batch.after {
        clause.ask("after", None, [after.into()]);
    }
    let mut statement = connection.prepare(&clause.fill(include_str!("sql/meant.sql")))?;
    let rows = statement.query_map(params_from_iter(clause.values), |row| {
        Ok((Standing::read(row)?, row.get(7)?))
    })?;
    rows.collect()
}

/// Teaches a connection what SQLite cannot do by itself.
pub(crate) fn teach(connection: &Connection) -> rusqlite::Result<()> {
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("kerrera_contains", 2, flags, contains)?;
    connection.create_scalar_function("kerrera_reaches", 2, flags, reaches)?;
    connection.create_scalar_function("kerrera_measures", 2, flags, measures)?;
    connection.create_scalar_function("kerrera_says", 2, flags, says)
}

/// `kerrera_reaches(whole, keys)`.
fn reaches(context: &Context<'_>) -> rusqlite::Result<bool> {
    let keys = aux::<Vec<String>>(context, |text| serde_json::from_str(text))?;
    let whole = serde_json::from_str(context.get_raw(0).as_str()?).unwrap_or_default();
    Ok(json::reach(&whole, &keys).is_some())
}

/// `kerrera_measures(whole, [keys, sign, number])`: null where there is no number.
fn measures(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    let asked = aux::<(Vec<String>, String, Number)>(context, |text| serde_json::from_str(text))?;
    let (keys, sign, value) = &*asked;
    let whole = serde_json::from_str(context.get_raw(0).as_str()?).unwrap_or_default();
    let Some(serde_json::Value::Number(found)) = json::reach(&whole, keys) else { return Ok(None) };
    let all = [Comparison::Less, Comparison::AtMost, Comparison::Greater, Comparison::AtLeast];
    let comparison = all.into_iter().find(|comparison| comparison.sign() == sign);
    let order = json::compare(found, value);
    Ok(comparison.and_then(|comparison| Some(comparison.holds(order?))))
}

/// `kerrera_says(whole, part)`, in whatever case.
fn says(context: &Context<'_>) -> rusqlite::Result<Option<bool>> {
    let part = context.get_or_create_aux(1, |value| {
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>(value.as_str()?.to_lowercase())
    })?;
    let Some(whole) = context.get_raw(0).as_str_or_null()? else { return Ok(None) };
    Ok(Some(whole.to_lowercase().contains(&*part)))
}

/// The second argument, which is the same for every row, as what it is in JSON.
fn aux<T: Send + Sync + 'static>(
    context: &Context<'_>,
    read: fn(&str) -> serde_json::Result<T>,
) -> rusqlite::Result<Arc<T>> {
    context.get_or_create_aux(1, |value| {
        read(value.as_str()?)
            .map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
    })
}

/// `kerrera_contains(whole, part)`. JSON that Rust cannot read contains nothing.
fn contains(context: &Context<'_>) -> rusqlite::Result<bool> {
    let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text);
    let part = context.get_or_create_aux(1, |value| {
        parse(value.as_str()?)
            .map_err(|error| Box::new(error) as Box<dyn std::error::Error + Send + Sync>)
    })?;
    let whole = parse(context.get_raw(0).as_str()?);
    Ok(whole.is_ok_and(|whole| json::contains(&whole, &part)))
}

/// What stands between WHERE and ORDER BY, and every parameter; the first is the limit.
pub(crate) struct Clause {
    /// The file that has the conditions.
    file: &'static str,
    parts: Vec<String>,
    pub(crate) values: Vec<Value>,
    now: Timestamp,
}

impl Clause {
    pub(crate) fn of(query: &ValidQuery, now: Timestamp) -> Clause {
        let mut clause = Clause::limited(query.limit, now);
        for condition in &query.conditions {
            clause.add(condition);
        }
        clause.begin(query);
        clause
    }

    pub(crate) fn limited(limit: Option<u32>, now: Timestamp) -> Clause {
        Clause { now, ..Clause::with(include_str!("sql/conditions.sql"), limit) }
    }

    /// One whose conditions are in another file than those about jobs.
    pub(crate) fn with(file: &'static str, limit: Option<u32>) -> Clause {
        let values = vec![limit.map_or(-1, i64::from).into()];
        Clause { file, parts: Vec::new(), values, now: Timestamp::MIN }
    }

    pub(crate) fn fill(&self, sql: &str) -> String {
        let all = if self.parts.is_empty() { "TRUE".to_owned() } else { self.parts.join(" AND ") };
        sql.replace("<conditions>", &all)
    }

    /// Fills in another value.
    pub(crate) fn put(&mut self, sql: &str, name: &str, value: Value) -> String {
        self.values.push(value);
        sql.replace(name, &format!("?{}", self.values.len()))
    }

    pub(crate) fn add(&mut self, condition: &Condition) {
        let part = self.text(condition);
        self.parts.push(part);
    }

    /// A condition as SQL, whose parameters are added.
    fn text(&mut self, condition: &Condition) -> String {
        fn list(values: impl Into<serde_json::Value>) -> [Value; 1] {
            [Value::Text(values.into().to_string())]
        }
        let text = |text: &str| [Value::Text(text.to_owned())];
        let all = |clause: &mut Clause, others: &[Condition], word: &str| {
            let texts: Vec<String> = others.iter().map(|other| clause.text(other)).collect();
            format!("({})", texts.join(word))
        };
        match condition {
            Condition::States(states) => in_states(states),
            Condition::Ids(ids) => self.asked("ids", None, list(ids.as_slice())),
            Condition::Queues(queues) => self.asked("queues", None, list(queues.as_slice())),
            Condition::Workers(workers) => self.asked("workers", None, list(workers.as_slice())),
            Condition::Priorities(numbers) => {
                self.asked("priorities", None, list(numbers.as_slice()))
            }
            Condition::Attempts(numbers) => self.asked("attempts", None, list(numbers.as_slice())),
            Condition::MaxAttempts(numbers) => {
                self.asked("max_attempts", None, list(numbers.as_slice()))
            }
            Condition::Tags(tags) => self.asked("tags", None, list(tags.as_slice())),
            Condition::Tagged(tag) => self.asked("tagged", None, text(tag)),
            Condition::Args(part) => self.asked("args", None, text(part.as_str())),
            Condition::Meta(part) => self.asked("meta", None, text(part.as_str())),
            Condition::Since(time, instant) => {
                self.asked("since", Some(*time), [instant.as_micros().into()])
            }
            Condition::Before(time, instant) => {
                self.asked("before", Some(*time), [instant.as_micros().into()])
            }
            Condition::QueuePrefix(prefix) => self
                .asked("prefix", None, [prefix.clone().into(), prefix.clone().into()])
                .replace("<text>", "queue"),
            Condition::WorkerPrefix(prefix) => self
                .asked("prefix", None, [prefix.clone().into(), prefix.clone().into()])
                .replace("<text>", "worker"),
            Condition::Number(number, comparison, value) => self
                .asked("number", None, [(*value).into()])
                .replace("<number>", number.column())
                .replace("<sign>", comparison.sign()),
            Condition::Node(node) => self.asked("node", None, text(node)),
            Condition::Reaches(json, keys) => {
                self.asked("reaches", None, list(keys.as_slice())).replace("<json>", json.column())
            }
            Condition::Measures(json, keys, comparison, value) => {
                let asked = serde_json::json!([keys, comparison.sign(), value]);
                self.asked("measures", None, list(asked)).replace("<json>", json.column())
            }
            Condition::ErrorType(name) => {
                let beginnings = [format!("{name}:"), format!("** ({name})")];
                self.asked("error_type", None, beginnings.map(Value::from))
            }
            Condition::ErrorSays(said) => self.asked("error_says", None, text(said)),
            Condition::Fingerprint(of) => self.asked("fingerprint", None, text(of)),
            Condition::EndedSince(at) => self.asked("ended_since", None, [at.as_micros().into()]),
            Condition::EndedBefore(at) => self.asked("ended_before", None, [at.as_micros().into()]),
            Condition::Lasted(span, comparison, time) => {
                let micros: Value = i64::try_from(time.as_micros()).unwrap_or(i64::MAX).into();
                let text = match span {
                    JobSpan::Run => self.asked("ran", None, [self.now.as_micros().into(), micros]),
                    JobSpan::Wait => self.asked("waited", None, [micros]),
                };
                text.replace("<sign>", comparison.sign())
            }
            Condition::Orphaned => self.asked("orphaned", None, []),
            Condition::Stuck => self.asked("stuck", None, [self.now.as_micros().into()]),
            Condition::Unregistered => self.asked("unregistered", None, []),
            Condition::Traced(trace) => self.asked("traced", None, text(trace)),
            Condition::Not(other) => format!("({}) IS NOT TRUE", self.text(other)),
            Condition::AnyOf(others) => all(self, others, " OR "),
            Condition::All(others) => all(self, others, " AND "),
            // A condition of a newer version; nothing fits what is not understood.
            _ => "FALSE".to_owned(),
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
        let id = Value::from(place.id());
        match (place.time(), query.order.is_descending()) {
            (None, false) => self.ask("after", None, [id]),
            (None, true) => self.ask("until", None, [id]),
            (Some(at), false) => self.ask("after_time", time, [at.as_micros().into(), id]),
            (Some(at), true) => self.ask("until_time", time, [at.as_micros().into(), id]),
        }
    }

    /// Adds the condition of this name, with its parameters.
    pub(crate) fn ask<const N: usize>(
        &mut self,
        name: &str,
        time: Option<JobTime>,
        values: [Value; N],
    ) {
        let part = self.asked(name, time, values);
        self.parts.push(part);
    }

    /// The condition of this name, whose parameters are added.
    fn asked<const N: usize>(
        &mut self,
        name: &str,
        time: Option<JobTime>,
        values: [Value; N],
    ) -> String {
        let text = named(self.file, name).replace("<column>", time.map_or("", JobTime::column));
        let mut part = String::with_capacity(text.len() + 8);
        let mut number = self.values.len();
        for character in text.chars() {
            part.push(character);
            if character == '?' {
                number += 1;
                part.push_str(&number.to_string());
            }
        }
        debug_assert_eq!(number, self.values.len() + N, "{name}");
        self.values.extend(values);
        part
    }
}

/// As literals, which a partial index can be seen to fit.
pub(crate) fn in_states(states: &[State]) -> String {
    let names: Vec<String> = states.iter().map(|state| format!("'{state}'")).collect();
    match &names[..] {
        [only] => format!("state = {only}"),
        names => format!("state IN ({})", names.join(", ")),
    }
}

/// The condition of this name. One that is not there lets no job through.
fn named(file: &'static str, name: &str) -> &'static str {
    let mut found = file.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.next().unwrap_or("FALSE")
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
            "prefix",
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
            "pair",
        ];
        for name in names {
            assert_ne!(named(include_str!("sql/conditions.sql"), name), "FALSE", "{name}");
        }
    }

    #[test]
    fn no_value_of_a_caller_becomes_sql() {
        let hostile = "'; DROP TABLE oban_jobs; --";
        let mut clause = Clause::limited(None, Timestamp::MIN);
        clause.add(&Condition::Queues(vec![hostile.to_owned()]));
        clause.add(&Condition::Tagged(hostile.to_owned()));
        assert!(!clause.fill("<conditions>").contains("DROP"));
        assert_eq!(clause.parts[1], "?3 IN (SELECT value FROM json_each(tags))");
    }
}
