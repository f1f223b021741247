use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;
use crate::json::canonical;
use crate::new_job::{Limits, NewJob};
use crate::time::Units;

fn claim(job: NewJob) -> UniqueClaim {
    *job.validate(&Limits::default()).unwrap().unique.unwrap()
}

fn key(args: Value, rule: Unique) -> UniqueKey {
    claim(NewJob::of("W", args).unique(rule)).key
}

fn violations(rule: Unique) -> Vec<String> {
    let error = NewJob::of("W", json!({})).unique(rule).validate(&Limits::default()).unwrap_err();
    error.violations().iter().map(ToString::to_string).collect()
}

#[test]
fn a_rule_can_be_said_in_words() {
    let rule = Unique::new().by_keys(["user_id"]).period(60.seconds());
    let rule = rule.states([State::Available, State::Executing]);
    let words = "args (user_id), queue and worker, within 60s, while available or executing";
    assert_eq!(rule.to_string(), words);
}

#[test]
fn a_rule_begins_with_obans_defaults() {
    use UniqueField::{Args, Queue, Worker};
    let rule = Unique::new();
    assert_eq!(rule.fields, [Args, Queue, Worker]);
    assert_eq!(rule.states, State::SUCCESSFUL);
    assert_eq!((rule.period, rule.timestamp), (None, UniqueTimestamp::InsertedAt));
    assert!(rule.keys.is_empty());

    let changed = Unique::new()
        .period(1.hour())
        .by_fields([Worker, Worker])
        .states([State::Available])
        .timestamp(UniqueTimestamp::ScheduledAt);
    assert_eq!(changed.fields, [Worker]);
    assert_eq!(changed.states, [State::Available]);
    assert_eq!(changed.period, Some(Duration::from_secs(3_600)));
    assert_eq!(changed.timestamp, UniqueTimestamp::ScheduledAt);
    assert_eq!(changed.keys, rule.keys);
}

#[test]
fn a_scope_says_its_states() {
    use State::{Available, Executing, Retryable, Scheduled, Suspended};
    let incomplete = [Suspended, Scheduled, Available, Executing, Retryable];
    assert_eq!(until_finished().states, incomplete);
    assert_eq!(until_started().states, [Suspended, Scheduled, Available, Retryable]);
    assert_eq!(once_per(1.minute()).states, State::SUCCESSFUL);
    assert_eq!(once_per(1.minute()).period, Some(Duration::from_secs(60)));
}

#[test]
fn a_job_without_a_rule_claims_nothing() {
    let job = NewJob::of("W", json!({}));
    assert!(job.clone().validate(&Limits::default()).unwrap().unique.is_none());
    let job = job.unique(until_finished()).unique(None);
    assert!(job.validate(&Limits::default()).unwrap().unique.is_none());
}

#[test]
fn every_mistake_of_a_rule_is_named_with_the_jobs_others() {
    let rule = until_finished().by_fields([]).states([]).period(Duration::ZERO);
    let broken = violations(rule.clone());
    assert_eq!(broken.len(), 3, "{broken:?}");
    assert!(broken[0].starts_with("unique.fields must not be empty"), "{broken:?}");
    assert!(broken[1].starts_with("unique.states must not be empty"), "{broken:?}");
    assert!(broken[2].starts_with("unique.period 0 must be longer"), "{broken:?}");

    let job = NewJob::of("", json!({})).priority(10).unique(rule);
    assert_eq!(job.validate(&Limits::default()).unwrap_err().violations().len(), 5);
    assert_eq!(violations(until_finished().by_keys(["a\0"])).len(), 1);
}

#[test]
fn keys_need_a_field_that_has_keys() {
    use UniqueField::{Args, Meta, Queue, Worker};
    for good in [vec![Args], vec![Meta], vec![Args, Queue], vec![Meta, Worker]] {
        let rule = until_finished().by_fields(good).by_keys(["foo"]);
        assert!(rule.violations().is_empty(), "{rule:?}");
    }
    for bad in [vec![Worker], vec![Worker, Queue]] {
        let broken = violations(until_finished().by_fields(bad).by_keys(["foo"]));
        assert_eq!(
            broken,
            [r#"unique.keys ["foo"] need args or meta among the fields: they are keys of those"#]
        );
    }
    assert!(until_finished().by_fields([Worker]).violations().is_empty());
}

#[test]
fn a_key_is_the_same_for_ever() {
    // If this fails, two versions of Kerrera do not see each other's claims.
    let job = NewJob::of("Mailer", json!({"to": "Zoë", "n": 1.50, "list": [true, null]}))
        .meta(json!({"a": {"c": 1, "b": -0.0}}))
        .queue("mailers");
    let all = [UniqueField::Args, UniqueField::Meta, UniqueField::Queue, UniqueField::Worker];
    let claim = claim(job.clone().unique(Unique::new().by_fields(all)));
    let compared = &claim.compared;
    assert_eq!(
        compared.args.as_ref().unwrap().as_str(),
        r#"{"list":[true,null],"n":15e-1,"to":"Zoë"}"#
    );
    assert_eq!(compared.meta.as_ref().unwrap().as_str(), r#"{"a":{"b":0,"c":1}}"#);
    assert_eq!(claim.key.to_string(), "ad35a778514ce1878d3112be59e2bd5d");
    let cut = self::claim(job.unique(Unique::new().by_keys(["to", "none"])));
    assert_eq!(cut.compared.args.unwrap().as_str(), r#"{"to":"Zoë"}"#);
    assert_eq!(cut.key.to_string(), "97def5a085e554e09b863261e20e347f");
}

#[test]
fn what_is_compared_makes_the_key() {
    let of = |worker: &str, queue: &str, args: Value, rule: Unique| {
        claim(NewJob::of(worker, args).queue(queue).unique(rule)).key
    };
    let by = |field| Unique::new().by_fields([field]);
    let one = |field| of("A", "q", json!({"x": 1}), by(field));
    assert_eq!(one(UniqueField::Worker), of("A", "r", json!({"x": 2}), by(UniqueField::Worker)));
    assert_ne!(one(UniqueField::Worker), of("B", "q", json!({"x": 1}), by(UniqueField::Worker)));
    assert_eq!(one(UniqueField::Queue), of("B", "q", json!({}), by(UniqueField::Queue)));
    assert_ne!(one(UniqueField::Args), of("A", "q", json!({"x": 2}), by(UniqueField::Args)));
    assert_ne!(
        one(UniqueField::Args),
        of("A", "q", json!({"x": 1, "y": 1}), by(UniqueField::Args))
    );
    // States and periods are no part of it: rules of different length see each other's claims.
    assert_eq!(key(json!({}), until_started()), key(json!({}), once_per(1.day())));
}

#[test]
fn where_no_key_is_there_the_whole_is_compared() {
    let rule = || until_finished().by_keys(["id"]);
    assert_eq!(key(json!({"id": 1, "x": 1}), rule()), key(json!({"id": 1, "x": 2}), rule()));
    assert_ne!(key(json!({"id": 1}), rule()), key(json!({"id": 2}), rule()));
    assert_ne!(key(json!({"x": 1}), rule()), key(json!({"x": 2}), rule()));
    assert_eq!(key(json!({"x": 1}), rule()), key(json!({"x": 1}), rule()));
    assert_eq!(key(json!({}), rule()), key(json!({}), rule()));
}

#[test]
fn numbers_are_compared_by_value_and_exactly() {
    let canonical = |json: &str| {
        let mut text = String::new();
        canonical::write(&mut text, json).unwrap();
        text
    };
    for same in ["1", "1.0", "1e0", "10e-1", "0.1E+1", "100.00e-2"] {
        assert_eq!(canonical(same), "1", "{same}");
    }
    for zero in ["0", "-0", "0.000", "0e99999999999999999999"] {
        assert_eq!(canonical(zero), "0", "{zero}");
    }
    assert_eq!(canonical("-1200"), "-1200");
    assert_eq!(canonical("0.25"), "25e-2");
    assert_eq!(canonical("1e300"), "1e300");
    assert_eq!(
        canonical("340282366920938463463374607431768211455"),
        "340282366920938463463374607431768211455"
    );
    assert_ne!(canonical("18446744073709551617"), canonical("18446744073709551616"));
    assert_eq!(canonical("1E99999999999999999999"), "1e99999999999999999999");
    assert_eq!(canonical(r#"{"a":1,"a":2}"#), r#"{"a":2}"#);
    assert_eq!(canonical(" [ \"\\u0041\\/\" , {} ] "), r#"["A/",{}]"#);
}

#[test]
fn a_later_word_about_a_state_counts() {
    use ReplaceField::{Priority, Tags};
    let rule =
        until_finished().replace([Tags, Priority, Tags]).replace_in(State::Scheduled, [Tags]);
    assert_eq!(rule.replaces(State::Available), [Priority, Tags]);
    assert_eq!(rule.replaces(State::Scheduled), [Tags]);
    let one = until_finished().replace_in(State::Scheduled, [Tags]);
    assert!(one.replaces(State::Executing).is_empty());
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9_f64).prop_map(Value::from),
        "\\PC{0,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]{0,2}", inner, 0..5)
                .prop_map(|object| Value::from(object.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The same value, written in another way: keys in reverse, white space, escapes.
fn rewritten(value: &Value) -> String {
    match value {
        Value::Object(object) => {
            let pairs = object.iter().rev();
            let pairs = pairs.map(|(key, value)| {
                format!(" {}\n: {}", rewritten(&Value::from(key.as_str())), rewritten(value))
            });
            format!("{{{} }}", pairs.collect::<Vec<_>>().join(" ,"))
        }
        Value::Array(items) => {
            format!("[ {}\t]", items.iter().map(rewritten).collect::<Vec<_>>().join(" , "))
        }
        Value::String(text) => {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04X}"));
            format!("\"{}\"", units.collect::<String>())
        }
        Value::Number(number) if number.is_f64() => number.to_string(),
        Value::Number(number) => format!("{number}.00"),
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn a_value_has_one_canonical_text(value in value()) {
        let (mut plain, mut other, mut again) = (String::new(), String::new(), String::new());
        canonical::write(&mut plain, &value.to_string()).unwrap();
        canonical::write(&mut other, &rewritten(&value)).unwrap();
        canonical::write(&mut again, &plain).unwrap();
        prop_assert_eq!(&plain, &other);
        prop_assert_eq!(&plain, &again);
    }

    #[test]
    fn values_that_differ_have_texts_that_differ(one in value(), other in value()) {
        let (mut left, mut right) = (String::new(), String::new());
        canonical::write(&mut left, &one.to_string()).unwrap();
        canonical::write(&mut right, &other.to_string()).unwrap();
        prop_assert_eq!(left == right, same(&one, &other));
    }
}

/// Equality by value: `1` is `1.0`.
fn same(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Number(a), Value::Number(b)) => {
            a == b || a.as_f64() == b.as_f64() && a.is_f64() != b.is_f64()
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| same(a, b)))
        }
        (a, b) => a == b,
    }
}
