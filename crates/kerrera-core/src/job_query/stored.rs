//! Queries as JSON, to be kept and read again by another version.

use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::{Map, Value, json};

use super::{Condition, JobOrder, JobQuery, JobTime, Place};
use crate::json::Json;
use crate::state::State;
use crate::time::Timestamp;

/// The version of the form. A reader refuses what it does not understand: of a query for fewer jobs it
/// would make one for more.
const VERSION: u64 = 1;

impl Serialize for JobQuery {
    /// `{"v": 1, "where": [{"states": ["available"]}, {"queues": ["default"]}], "limit": 10}`.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Some(broken) = &self.broken {
            return Err(ser::Error::custom(format!("the query {broken}")));
        }
        let conditions = self.conditions.iter().map(write);
        let conditions = conditions.collect::<Result<Value, _>>().map_err(ser::Error::custom)?;
        let mut object = Map::from_iter([
            ("v".to_owned(), Value::from(VERSION)),
            ("where".to_owned(), conditions),
        ]);
        if self.order != JobOrder::default() {
            object.insert("order".to_owned(), order_to_json(self.order));
        }
        if let Some(limit) = self.limit {
            object.insert("limit".to_owned(), limit.into());
        }
        if let Some(place) = self.after {
            object.insert("after".to_owned(), place.to_string().into());
        }
        object.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JobQuery {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<JobQuery, D::Error> {
        let stored = Stored::deserialize(deserializer)?;
        let newer = |what: &str| {
            de::Error::custom(format!("{what} is of a newer version, and cannot be followed"))
        };
        if stored.v != VERSION {
            return Err(newer("the query"));
        }
        let mut query = JobQuery::new();
        for condition in stored.conditions {
            for (name, value) in condition {
                let read = read(&name, value).map_err(de::Error::custom)?;
                query
                    .conditions
                    .push(read.ok_or_else(|| newer(&format!("the condition {name:?}")))?);
            }
        }
        if let Some(order) = stored.order {
            query.order = order_from_json(&order).ok_or_else(|| newer("the order"))?;
        }
        query.limit = stored.limit;
        let place = stored.after.map(|place| place.parse::<Place>());
        query.after = place.transpose().map_err(de::Error::custom)?;
        Ok(query)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    v: u64,
    #[serde(rename = "where")]
    conditions: Vec<Map<String, Value>>,
    order: Option<Value>,
    limit: Option<u32>,
    after: Option<String>,
}

fn write(condition: &Condition) -> Result<Value, String> {
    let part = |json: &Json| json.decode::<Value>().map_err(|error| error.to_string());
    let at = |time: &JobTime, instant: &Timestamp| json!([time.column(), instant]);
    Ok(match condition {
        Condition::Ids(ids) => json!({"ids": ids}),
        Condition::States(states) => json!({"states": states}),
        Condition::Queues(queues) => json!({"queues": queues}),
        Condition::Workers(workers) => json!({"workers": workers}),
        Condition::Priorities(numbers) => json!({"priorities": numbers}),
        Condition::Attempts(numbers) => json!({"attempts": numbers}),
        Condition::MaxAttempts(numbers) => json!({"max_attempts": numbers}),
        Condition::Tags(tags) => json!({"tags": tags}),
        Condition::Tagged(tag) => json!({"tagged": tag}),
        Condition::Args(json) => json!({"args": part(json)?}),
        Condition::Meta(json) => json!({"meta": part(json)?}),
        Condition::Since(time, instant) => json!({"since": at(time, instant)}),
        Condition::Before(time, instant) => json!({"before": at(time, instant)}),
        Condition::QueuePrefix(text) => json!({"queue_prefix": text}),
        Condition::WorkerPrefix(text) => json!({"worker_prefix": text}),
        Condition::Number(number, than, value) => json!({"number": (number, than, value)}),
        Condition::Node(node) => json!({"node": node}),
        Condition::Reaches(json, keys) => json!({"reaches": (json, keys)}),
        Condition::Measures(json, keys, than, value) => {
            json!({"measures": (json, keys, than, value)})
        }
        Condition::ErrorSays(text) => json!({"error_says": text}),
        Condition::ErrorType(name) => json!({"error_type": name}),
        Condition::Fingerprint(text) => json!({"fingerprint": text}),
        Condition::EndedSince(instant) => json!({"ended_since": instant}),
        Condition::EndedBefore(instant) => json!({"ended_before": instant}),
        Condition::Lasted(span, than, length) => {
            json!({"lasted": (span, than, u64::try_from(length.as_micros()).unwrap_or(u64::MAX))})
        }
        Condition::Orphaned => json!({"orphaned": true}),
        Condition::Stuck => json!({"stuck": true}),
        Condition::Unregistered => json!({"unregistered": true}),
        Condition::Traced(trace) => json!({"traced": trace}),
        Condition::Not(other) => json!({"not": write(other)?}),
        Condition::AnyOf(others) => json!({"any": several(others)?}),
        Condition::All(others) => json!({"all": several(others)?}),
    })
}

fn several(conditions: &[Condition]) -> Result<Value, String> {
    conditions.iter().map(write).collect()
}

/// Conditions within another; `None` if one is of a newer version.
fn parts(value: Value) -> Result<Option<Vec<Condition>>, serde_json::Error> {
    let objects: Vec<Map<String, Value>> = serde_json::from_value(value)?;
    let mut conditions = Vec::new();
    for (name, value) in objects.into_iter().flatten() {
        match read(&name, value)? {
            Some(condition) => conditions.push(condition),
            None => return Ok(None),
        }
    }
    Ok(Some(conditions))
}

/// `None` for a condition of a newer version.
fn read(name: &str, value: Value) -> Result<Option<Condition>, serde_json::Error> {
    fn of<T: de::DeserializeOwned>(value: Value) -> Result<T, serde_json::Error> {
        serde_json::from_value(value)
    }
    let at = |value: Value| -> Result<(JobTime, Timestamp), serde_json::Error> {
        let (column, instant): (String, Timestamp) = of(value)?;
        let time = JobTime::ALL.into_iter().find(|time| time.column() == column);
        let unknown = || de::Error::custom(format!("{column:?} is no time of a job"));
        Ok((time.ok_or_else(unknown)?, instant))
    };
    Ok(Some(match name {
        "ids" => Condition::Ids(of(value)?),
        "states" => Condition::States(of::<Vec<State>>(value)?),
        "queues" => Condition::Queues(of(value)?),
        "workers" => Condition::Workers(of(value)?),
        "priorities" => Condition::Priorities(of(value)?),
        "attempts" => Condition::Attempts(of(value)?),
        "max_attempts" => Condition::MaxAttempts(of(value)?),
        "tags" => Condition::Tags(of(value)?),
        "tagged" => Condition::Tagged(of(value)?),
        "args" => Condition::Args(Json::from(value)),
        "meta" => Condition::Meta(Json::from(value)),
        "since" => at(value).map(|(time, instant)| Condition::Since(time, instant))?,
        "before" => at(value).map(|(time, instant)| Condition::Before(time, instant))?,
        "queue_prefix" => Condition::QueuePrefix(of(value)?),
        "worker_prefix" => Condition::WorkerPrefix(of(value)?),
        "number" => {
            let (number, than, value) = of(value)?;
            Condition::Number(number, than, value)
        }
        "node" => Condition::Node(of(value)?),
        "reaches" => {
            let (json, keys) = of(value)?;
            Condition::Reaches(json, keys)
        }
        "measures" => {
            let (json, keys, than, value) = of(value)?;
            Condition::Measures(json, keys, than, value)
        }
        "error_says" => Condition::ErrorSays(of(value)?),
        "error_type" => Condition::ErrorType(of(value)?),
        "fingerprint" => Condition::Fingerprint(of(value)?),
        "ended_since" => Condition::EndedSince(of(value)?),
        "ended_before" => Condition::EndedBefore(of(value)?),
        "lasted" => {
            let (span, than, micros) = of(value)?;
            Condition::Lasted(span, than, Duration::from_micros(micros))
        }
        "orphaned" => Condition::Orphaned,
        "stuck" => Condition::Stuck,
        "unregistered" => Condition::Unregistered,
        "traced" => Condition::Traced(of(value)?),
        "not" => match parts(Value::Array(vec![value]))?.as_deref() {
            Some([one]) => Condition::Not(Box::new(one.clone())),
            Some(_) => return Err(de::Error::custom("\"not\" takes one condition")),
            None => return Ok(None),
        },
        "any" | "all" => match parts(value)? {
            Some(others) if name == "any" => Condition::AnyOf(others),
            Some(others) => Condition::All(others),
            None => return Ok(None),
        },
        _ => return Ok(None),
    }))
}

fn order_to_json(order: JobOrder) -> Value {
    match order {
        JobOrder::Oldest => json!("oldest"),
        JobOrder::Newest => json!("newest"),
        JobOrder::Earliest(time) => json!({"earliest": time.column()}),
        JobOrder::Latest(time) => json!({"latest": time.column()}),
    }
}

fn order_from_json(value: &Value) -> Option<JobOrder> {
    let time = |key: &str| {
        let column = value.get(key)?.as_str()?;
        JobTime::ALL.into_iter().find(|time| time.column() == column)
    };
    match value.as_str() {
        Some("oldest") => Some(JobOrder::Oldest),
        Some("newest") => Some(JobOrder::Newest),
        Some(_) => None,
        None => time("earliest")
            .map(JobOrder::Earliest)
            .or_else(|| time("latest").map(JobOrder::Latest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job_query::{Comparison, JobJson, JobNumber, JobSpan};

    #[test]
    fn a_query_is_read_as_it_was_written() {
        let instant = Timestamp::from_micros(1_700_000_000_123_456);
        let query = JobQuery::new()
            .ids([1, i64::MAX])
            .states(State::ALL)
            .queues(["a"])
            .workers(["W"])
            .priorities([0])
            .attempts([1])
            .max_attempts([2])
            .tags(["t"])
            .tagged("'; --")
            .failed_with([crate::Fingerprint::of("W", "no")])
            .args(json!({"a": {"b": 9_007_199_254_740_993_i64}}))
            .meta(json!({"m": 1.5}))
            .since(JobTime::Scheduled, instant)
            .before(JobTime::Cancelled, instant)
            .where_all([
                Condition::QueuePrefix("q".to_owned()),
                Condition::WorkerPrefix("W".to_owned()),
                Condition::Number(JobNumber::Attempt, Comparison::AtLeast, 3),
                Condition::Node("n".to_owned()),
                Condition::Reaches(JobJson::Args, vec!["a".to_owned(), "0".to_owned()]),
                Condition::Measures(
                    JobJson::Meta,
                    vec!["m".to_owned()],
                    Comparison::Less,
                    9_007_199_254_740_993_i64.into(),
                ),
                Condition::ErrorSays("it's".to_owned()),
                Condition::ErrorType("Timeout".to_owned()),
                Condition::Fingerprint("ff".to_owned()),
                Condition::EndedSince(instant),
                Condition::EndedBefore(instant),
                Condition::Lasted(JobSpan::Wait, Comparison::Greater, Duration::from_micros(7)),
                Condition::Not(Box::new(Condition::AnyOf(vec![
                    Condition::Orphaned,
                    Condition::Stuck,
                    Condition::Unregistered,
                    Condition::Traced("4bf92f3577b34da6a3ce929d0e0e4736".to_owned()),
                    Condition::All(vec![Condition::Ids(vec![7])]),
                ]))),
            ])
            .order(JobOrder::Latest(JobTime::Attempted))
            .limit(7)
            .after(Place { time: Some(instant), id: 4 });
        let text = serde_json::to_string(&query).unwrap();
        assert_eq!(serde_json::from_str::<JobQuery>(&text).unwrap(), query, "{text}");
        let text = serde_json::to_string(&JobQuery::new()).unwrap();
        assert_eq!(text, r#"{"v":1,"where":[]}"#);
        assert_eq!(serde_json::from_str::<JobQuery>(&text).unwrap(), JobQuery::new());
    }

    #[test]
    fn what_is_not_understood_is_never_left_out() {
        for newer in [
            r#"{"v":2,"where":[]}"#,
            r#"{"v":1,"where":[{"colour":"red"}]}"#,
            r#"{"v":1,"where":[{"since":["eaten_at","2026-11-22T12:00:00Z"]}]}"#,
            r#"{"v":1,"where":[{"not":{"colour":"red"}}]}"#,
            r#"{"v":1,"where":[{"not":{}}]}"#,
            r#"{"v":1,"where":[],"order":"random"}"#,
            r#"{"v":1,"where":[],"except":[]}"#,
            r#"{"v":1}"#,
        ] {
            assert!(serde_json::from_str::<JobQuery>(newer).is_err(), "{newer}");
        }
        let broken = JobQuery::new().args(json!([]));
        assert!(serde_json::to_string(&broken).is_err());
    }
}
