use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::job_query::{Comparison, Condition, JobJson, JobNumber, JobTime};
use crate::state::State;

const NOON: &str = "2026-11-22T12:00:00Z";

fn conditions(text: &str) -> Vec<Condition> {
    let zone: Timezone = "Asia/Seoul".parse().unwrap();
    let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    filter.query(NOON.parse().unwrap(), &zone).validate().unwrap().conditions
}

#[test]
fn terms_become_conditions() {
    let text = |text: &str| vec![text.to_owned()];
    let args = |value: serde_json::Value| Condition::Args(value.into());
    let not = |condition| Condition::Not(Box::new(condition));
    let instant = |text: &str| text.parse::<Timestamp>().unwrap();
    let cases = [
        ("state:retryable,discarded", Condition::States(vec![State::Retryable, State::Discarded])),
        ("queue:mail", Condition::Queues(text("mail"))),
        ("kind:Send*", Condition::WorkerPrefix("Send".into())),
        ("worker:\"a b\"", Condition::Workers(text("a b"))),
        ("4711", Condition::Ids(vec![4711])),
        ("-4711", not(Condition::Ids(vec![4711]))),
        ("id:>=7", Condition::Number(JobNumber::Id, Comparison::AtLeast, 7)),
        (
            "id:7..9",
            Condition::All(vec![
                Condition::Number(JobNumber::Id, Comparison::AtLeast, 7),
                Condition::Number(JobNumber::Id, Comparison::AtMost, 9),
            ]),
        ),
        ("priority:0,1", Condition::Priorities(vec![0, 1])),
        ("attempt:<3", Condition::Number(JobNumber::Attempt, Comparison::Less, 3)),
        (
            "-tag:a,b",
            not(Condition::AnyOf(vec![
                Condition::Tagged("a".into()),
                Condition::Tagged("b".into()),
            ])),
        ),
        ("node:web-1", Condition::Node("web-1".into())),
        (
            "args.user.id:7",
            Condition::AnyOf(vec![
                args(json!({"user": {"id": 7}})),
                args(json!({"user": {"id": "7"}})),
            ]),
        ),
        ("args.user.id:\"7\"", args(json!({"user": {"id": "7"}}))),
        ("args.\"a.b c\".d:x", args(json!({"a.b c": {"d": "x"}}))),
        ("meta.x:*", Condition::Reaches(JobJson::Meta, text("x"))),
        (
            "args.total:>1.5",
            Condition::Measures(
                JobJson::Args,
                text("total"),
                Comparison::Greater,
                serde_json::Number::from_f64(1.5).unwrap(),
            ),
        ),
        ("error:\"timed out\"", Condition::ErrorSays("timed out".into())),
        ("error.type:ValueError", Condition::ErrorType("ValueError".into())),
        ("error.fp:9f86", Condition::Fingerprint("9f86".into())),
        ("cron:nightly", Condition::Meta(json!({"cron_name": "nightly"}).into())),
        ("is:orphaned", Condition::Orphaned),
        ("is:stuck", Condition::Stuck),
        ("is:unregistered", Condition::Unregistered),
        ("trace:4BF9", Condition::Traced("4bf9".into())),
        ("is:rescued", Condition::Reaches(JobJson::Meta, text("rescued"))),
        (
            "finished:>=-1h",
            Condition::All(vec![Condition::EndedSince(instant("2026-11-22T11:00:00Z"))]),
        ),
        (
            "inserted:2026-11-22",
            Condition::All(vec![
                Condition::Since(JobTime::Inserted, instant("2026-11-21T15:00:00Z")),
                Condition::Before(JobTime::Inserted, instant("2026-11-22T15:00:00Z")),
            ]),
        ),
        (
            "scheduled:2026-11-22T09:00..2026-11-22T10:00:00Z",
            Condition::All(vec![
                Condition::Since(JobTime::Scheduled, instant("2026-11-22T00:00:00Z")),
                Condition::Before(JobTime::Scheduled, instant("2026-11-22T10:00:00.000001Z")),
            ]),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(conditions(text), [expected], "{text}");
    }
    assert_eq!(conditions(" \t "), []);
    assert_eq!(conditions("state:available queue:a").len(), 2);
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let cases = [
        ("staet:retryable", 0..5, "there is no \"staet\" to filter by: did you mean \"state\"?"),
        ("id:1 zzzzzz:1", 5..11, "there is no \"zzzzzz\" to filter by"),
        ("state:retriable", 6..15, "did you mean \"retryable\"?"),
        ("hello", 0..5, "\"hello\" stands alone: say what it is, as in worker:hello"),
        ("é:1", 0..2, "there is no \"é\" to filter by"),
        ("args:1", 0..4, "did you mean \"args.\"?"),
        ("args.:1", 0..5, "did you mean \"args.\"?"),
        ("state:", 6..6, "state cannot be \"\""),
        ("state:retryable,", 16..16, "state cannot be \"\""),
        ("id:x", 3..4, "id cannot be \"x\", it is a number"),
        ("id:..", 3..5, "id cannot be"),
        ("error:\"timeout", 6..14, "the text in quotes has no end"),
        ("duration:30s", 9..12, "compared with"),
        ("finished:-1h", 9..12, "finished cannot be \"-1h\""),
        ("inserted:>2026-13-01", 9..20, "inserted cannot be"),
        ("args.x:>y", 7..9, "args.x cannot be \">y\""),
        ("tag:\"a\"b", 4..8, "tag cannot be"),
        (
            "is:lost",
            3..7,
            "is cannot be \"lost\", it is one of orphaned, snoozed, rescued, stuck, unregistered",
        ),
        ("tag:a\0", 5..6, "NUL"),
    ];
    for (text, at, message) in cases {
        let error = text.parse::<Filter>().expect_err(text);
        assert_eq!(error.at, at, "{text}: {error}");
        assert!(error.to_string().contains(message), "{text}: {error}");
    }
    let long = "a".repeat(Filter::LONGEST + 1);
    assert_eq!(long.parse::<Filter>().unwrap_err().problem, Problem::TooLong);
    let many = "1 ".repeat(Filter::TERMS + 1);
    assert_eq!(many.parse::<Filter>().unwrap_err().problem, Problem::TooMany);
    assert!("1 ".repeat(Filter::TERMS).parse::<Filter>().is_ok());
    let many = format!("id:{}1", "1,".repeat(Filter::VALUES));
    assert_eq!(many.parse::<Filter>().unwrap_err().problem, Problem::TooMany);
}

#[test]
fn the_text_of_a_filter_is_canonical() {
    let cases = [
        ("  kind:A   4711 ", "worker:A id:4711"),
        ("worker:\"Send\"", "worker:Send"),
        ("worker:\"Se nd\"*", "worker:\"Se nd\"*"),
        ("worker:\"a*\"", "worker:\"a*\""),
        ("tag:\"a,b\",c", "tag:\"a,b\",c"),
        ("args.x:\"7\",7", "args.x:\"7\",7"),
        ("args.\"x\":a..b", "args.x:a..b"),
        ("args.x:1..", "args.x:1.."),
        ("finished:>-90m,2026-11-22T12:00", "finished:>-90m,2026-11-22T12:00"),
        ("inserted:2026-11-22T12:00:00Z", "inserted:2026-11-22T12:00:00.000000Z"),
        ("error:\"say \\\"no\\\" \\\\\"", "error:\"say \\\"no\\\" \\\\\""),
        ("-queue:*", "-queue:*"),
    ];
    for (text, canonical) in cases {
        let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(filter.to_string(), canonical);
        assert_eq!(canonical.parse::<Filter>().unwrap(), filter);
    }
}

#[test]
fn the_cost_is_that_of_what_must_be_read() {
    let cost = |text: &str| text.parse::<Filter>().unwrap().cost();
    assert_eq!(cost(""), Cost::Cheap);
    assert_eq!(cost("state:completed"), Cost::Cheap);
    assert_eq!(cost("-state:completed"), Cost::Medium);
    assert_eq!(cost("worker:A"), Cost::Medium);
    assert_eq!(cost("state:completed args.x:1"), Cost::Heavy);
    assert_eq!(cost("state:retryable args.x:1"), Cost::Medium);
}

fn piece() -> impl Strategy<Value = String> {
    let names = [
        "state",
        "queue",
        "kind",
        "id",
        "tag",
        "attempt",
        "args.x",
        "meta.\"a b\".c",
        "error",
        "error.fp",
        "inserted",
        "finished",
        "duration",
        "is",
        "zebra",
        "-node",
        "-id",
    ];
    let values = [
        "retryable",
        "a*",
        "\"x y\"",
        "*",
        "7",
        "1..9",
        ">=3",
        "-1h",
        ">-1h",
        "2026-11-22",
        "..2026-11-22T12:00",
        "1.5",
        "\"7\"",
        "<30s",
        "\\\"",
        "é",
        "orphaned",
        "\"",
        ",",
        "..",
        "a..b",
    ];
    let free = prop_oneof![
        proptest::sample::select(values.to_vec()).prop_map(str::to_owned),
        "\\PC{0,6}",
        "[-a-z0-9.:\",*<>\\\\ ]{0,8}",
    ];
    (proptest::sample::select(names.to_vec()), proptest::collection::vec(free, 1..4))
        .prop_map(|(name, values)| format!("{name}:{}", values.join(",")))
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in prop_oneof![
        any::<String>(),
        "\\PC{0,64}",
        proptest::collection::vec(piece(), 0..6).prop_map(|parts| parts.join(" ")),
    ]) {
        match text.parse::<Filter>() {
            Ok(filter) => {
                let printed = filter.to_string();
                prop_assert_eq!(&printed.parse::<Filter>().unwrap(), &filter, "{}", printed);
                let query = filter.query(Timestamp::MIN, &Timezone::utc());
                prop_assert!(query.validate().is_ok(), "{}", printed);
            }
            Err(error) => {
                prop_assert!(text.get(error.at.clone()).is_some(), "{error}");
                prop_assert!(!error.to_string().is_empty());
            }
        }
    }

    #[test]
    fn every_term_that_is_read_reads_back(text in piece()) {
        if let Ok(filter) = text.parse::<Filter>() {
            prop_assert_eq!(filter.to_string().parse::<Filter>().unwrap(), filter);
        }
    }
}
