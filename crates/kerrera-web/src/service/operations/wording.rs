//! The filter that says the same as a query.

use kerrera::cron::Timezone;
use kerrera::filter::Filter;
use kerrera::{Condition, JobId, Json, Timestamp};
use kerrera_core::job_query::{Comparison, JobJson, JobNumber, JobSpan, JobTime};
use serde_json::Value;

/// The text of a filter that has the same jobs; `None` if there is none. What is about names that are not
/// all seen is left out.
pub(super) fn filter_of(
    conditions: &[Condition],
    sees: &dyn Fn(&Condition) -> bool,
) -> Option<String> {
    let told: Vec<&Condition> = conditions.iter().filter(|one| is_seen(one, sees)).collect();
    let words: Option<Vec<String>> = told.iter().map(|condition| term(condition)).collect();
    let text = words?.join(" ");
    // Whether it really says the same is what its reader says.
    let read: Filter = text.parse().ok()?;
    let zone: Timezone = "UTC".parse().ok()?;
    let read = read.query(Timestamp::now(), &zone).validate().ok()?.conditions;
    let is_same =
        read.len() == told.len() && read.iter().zip(&told).all(|(read, told)| read == *told);
    is_same.then_some(text)
}

fn is_seen(condition: &Condition, sees: &dyn Fn(&Condition) -> bool) -> bool {
    match condition {
        Condition::Not(other) => is_seen(other, sees),
        other => sees(other),
    }
}

fn term(condition: &Condition) -> Option<String> {
    match condition {
        Condition::Not(other) => term(other).map(|term| format!("-{term}")),
        Condition::AnyOf(others) => {
            let parts: Option<Vec<String>> = others.iter().map(term).collect();
            joined(&parts?)
        }
        Condition::All(others) => match others.as_slice() {
            [one] => term(one),
            [low, high] => between(low, high),
            _ => None,
        },
        Condition::Ids(ids) => Some(format!("id:{}", list(ids, JobId::to_string))),
        Condition::States(states) => Some(format!("state:{}", list(states, ToString::to_string))),
        Condition::Queues(names) => Some(format!("queue:{}", list(names, |name| quoted(name)))),
        Condition::Workers(names) => Some(format!("worker:{}", list(names, |name| quoted(name)))),
        Condition::Priorities(numbers) => {
            Some(format!("priority:{}", list(numbers, ToString::to_string)))
        }
        Condition::Attempts(numbers) => {
            Some(format!("attempt:{}", list(numbers, ToString::to_string)))
        }
        Condition::Tagged(tag) => Some(format!("tag:{}", quoted(tag))),
        Condition::Node(node) => Some(format!("node:{}", quoted(node))),
        Condition::ErrorSays(text) => Some(format!("error:{}", quoted(text))),
        Condition::ErrorType(name) => Some(format!("error.type:{}", quoted(name))),
        Condition::Fingerprint(text) => Some(format!("error.fp:{}", quoted(text))),
        Condition::QueuePrefix(text) => Some(format!("queue:{}*", quoted(text))),
        Condition::WorkerPrefix(text) => Some(format!("worker:{}*", quoted(text))),
        Condition::Orphaned => Some("is:orphaned".to_owned()),
        Condition::Stuck => Some("is:stuck".to_owned()),
        Condition::Unregistered => Some("is:unregistered".to_owned()),
        Condition::Traced(trace) => Some(format!("trace:{}", quoted(trace))),
        Condition::Args(json) => contains("args", json),
        Condition::Meta(json) => contains("meta", json),
        Condition::Reaches(json, keys) => Some(format!("{}:*", way(part(*json), keys))),
        Condition::Measures(json, keys, than, value) => {
            Some(format!("{}:{}{value}", way(part(*json), keys), than.sign()))
        }
        Condition::Number(number, than, value) => {
            Some(format!("{}:{}{value}", number_name(*number), than.sign()))
        }
        Condition::Lasted(span, than, length) => {
            let name = match span {
                JobSpan::Run => "duration",
                JobSpan::Wait => "wait",
            };
            Some(format!("{name}:{}{}ms", than.sign(), length.as_millis()))
        }
        Condition::Since(time, at) => Some(format!("{}:>={at}", time_name(*time)?)),
        Condition::Before(time, at) => Some(format!("{}:<{at}", time_name(*time)?)),
        Condition::EndedSince(at) => Some(format!("finished:>={at}")),
        Condition::EndedBefore(at) => Some(format!("finished:<{at}")),
        _ => None,
    }
}

/// Terms of one subject as one term.
fn joined(terms: &[String]) -> Option<String> {
    let (subject, _) = terms.first()?.split_once(':')?;
    let values = terms.iter().map(|term| {
        let (of, value) = term.split_once(':')?;
        (of == subject).then_some(value)
    });
    let values: Vec<&str> = values.collect::<Option<_>>()?;
    Some(format!("{subject}:{}", values.join(",")))
}

/// Two bounds as one value.
fn between(low: &Condition, high: &Condition) -> Option<String> {
    match (low, high) {
        (
            Condition::Number(of, Comparison::AtLeast, low),
            Condition::Number(_, Comparison::AtMost, high),
        ) => Some(format!("{}:{low}..{high}", number_name(*of))),
        (
            Condition::Measures(of, keys, Comparison::AtLeast, low),
            Condition::Measures(_, _, Comparison::AtMost, high),
        ) => Some(format!("{}:{low}..{high}", way(part(*of), keys))),
        // The end of a stretch is the first instant that is no longer in it.
        (Condition::Since(of, since), Condition::Before(_, before)) => {
            Some(format!("{}:{since}..{}", time_name(*of)?, last_before(*before)))
        }
        (Condition::EndedSince(since), Condition::EndedBefore(before)) => {
            Some(format!("finished:{since}..{}", last_before(*before)))
        }
        _ => None,
    }
}

fn last_before(time: Timestamp) -> Timestamp {
    Timestamp::from_micros(time.as_micros().saturating_sub(1))
}

/// An object with one value in it, as the term of a filter.
fn contains(part: &str, json: &Json) -> Option<String> {
    let mut value = json.decode::<Value>().ok()?;
    let mut keys = Vec::new();
    while let Value::Object(object) = value {
        let mut fields = object.into_iter();
        let (Some((key, inner)), None) = (fields.next(), fields.next()) else { return None };
        keys.push(key);
        value = inner;
    }
    let value = match value {
        Value::String(text) => quoted(&text),
        Value::Array(_) => return None,
        plain => plain.to_string(),
    };
    (!keys.is_empty()).then(|| format!("{}:{value}", way(part, &keys)))
}

fn way(part: &str, keys: &[String]) -> String {
    keys.iter().fold(part.to_owned(), |way, key| format!("{way}.{}", quoted(key)))
}

fn part(json: JobJson) -> &'static str {
    match json {
        JobJson::Args => "args",
        JobJson::Meta => "meta",
    }
}

fn number_name(number: JobNumber) -> &'static str {
    match number {
        JobNumber::Id => "id",
        JobNumber::Priority => "priority",
        JobNumber::Attempt => "attempt",
    }
}

fn time_name(time: JobTime) -> Option<&'static str> {
    match time {
        JobTime::Inserted => Some("inserted"),
        JobTime::Scheduled => Some("scheduled"),
        JobTime::Attempted => Some("attempted"),
        _ => None,
    }
}

fn list<T>(values: &[T], one: impl Fn(&T) -> String) -> String {
    values.iter().map(one).collect::<Vec<_>>().join(",")
}

fn quoted(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let begins = text.chars().next().is_some_and(|c| c.is_ascii_alphabetic());
    match begins && text.chars().all(is_plain) && !matches!(text, "true" | "false" | "null") {
        true => text.to_owned(),
        false => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn again(filter: &str) -> Option<String> {
        let read: Filter = filter.parse().unwrap();
        let now = "2026-11-22T12:00:00Z".parse().unwrap();
        let query = read.query(now, &"UTC".parse().unwrap());
        filter_of(&query.validate().unwrap().conditions, &|_| true)
    }

    #[test]
    fn a_query_is_said_as_the_filter_that_it_was_made_of() {
        for filter in [
            "state:retryable,discarded queue:mail",
            "worker:\"My App::Mail\" -queue:mail,other",
            "worker:Send*",
            "id:7,8 priority:>=3",
            "tag:vip node:web-1",
            "args.user.name:\"a \\\"b\\\" c\"",
            "error:\"timed out\" error.fp:9f86d081",
            "duration:>30000ms",
            "is:orphaned",
        ] {
            let said = again(filter).unwrap_or_else(|| panic!("{filter}"));
            assert_eq!(again(&said).as_deref(), Some(&*said), "{filter}");
        }
        let said = again("finished:>-1h inserted:2026-11-01..2026-11-02").unwrap();
        assert_eq!(again(&said).as_deref(), Some(&*said));
    }

    #[test]
    fn what_no_filter_says_is_not_said() {
        assert_eq!(filter_of(&[Condition::Tags(vec!["a".to_owned()])], &|_| true), None);
        assert_eq!(filter_of(&[], &|_| true).as_deref(), Some(""));
    }

    #[test]
    fn names_that_are_hidden_are_left_out() {
        let hidden = Condition::Not(Box::new(Condition::Queues(vec!["secret".to_owned()])));
        let conditions = [Condition::States(vec![kerrera::State::Available]), hidden];
        let sees = |condition: &Condition| !matches!(condition, Condition::Queues(_));
        assert_eq!(filter_of(&conditions, &sees).as_deref(), Some("state:available"));
    }
}
