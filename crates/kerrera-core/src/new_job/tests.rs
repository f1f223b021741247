use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::json;

use super::*;
use crate::time::Units;

#[derive(Serialize, Deserialize)]
struct Import {
    file: String,
    rows: Vec<Row>,
    limit: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct Row {
    prices: BTreeMap<String, f64>,
}

impl Worker for Import {
    const NAME: &'static str = "Import";
    const QUEUE: &'static str = "imports";
    const MAX_ATTEMPTS: u32 = 5;
    const TAGS: &'static [&'static str] = &["csv"];
}

fn import(price: f64) -> Import {
    let prices = BTreeMap::from([("kg".to_owned(), price)]);
    let row = Row { prices: BTreeMap::new() };
    Import { file: "a.csv".into(), rows: vec![row, Row { prices }], limit: None }
}

fn violations(job: NewJob) -> Vec<String> {
    let error = job.validate(&Limits::default()).unwrap_err();
    assert!(error.is_invalid_job());
    error.violations().iter().map(ToString::to_string).collect()
}

#[test]
fn a_job_has_its_workers_defaults_and_its_own_changes() {
    let job = import(1.5).schedule_in(1.hour()).tag(" Night ").tag("CSV").tag("");
    let job = job.validate(&Limits::default()).unwrap();

    assert_eq!((job.worker.as_str(), job.queue.as_str()), ("Import", "imports"));
    assert_eq!(job.max_attempts, 5);
    assert_eq!(job.tags, ["csv", "night"]);
    assert_eq!(job.state(), State::Scheduled);
    assert_eq!(job.args.get("limit"), Some(Value::Null));

    let wire = serde_json::to_value(&job).unwrap();
    assert_eq!(wire["state"], "scheduled");
    assert_eq!(wire["wait_us"], 3_600_000_000_i64);
    assert_eq!(wire["at_us"], Value::Null);
    assert_eq!(wire["args"]["file"], "a.csv");
}

#[test]
fn a_time_that_has_passed_still_makes_it_scheduled() {
    let job = import(1.0).schedule_at(Timestamp::from_micros(1)).validate(&Limits::default());
    assert_eq!(job.unwrap().state(), State::Scheduled);
}

#[test]
fn every_broken_rule_is_named_in_one_error() {
    let job = NewJob::of("", json!([1])).queue("q".repeat(128)).priority(10).max_attempts(0);
    let named = violations(job.tag("a\nb").meta(json!(3)).schedule_at(Timestamp::from_micros(-1)));

    for field in [
        "worker",
        "queue",
        "priority 10",
        "max_attempts 0",
        "scheduled_at",
        "tags",
        "meta 3",
        "args [1]",
    ] {
        assert!(named.iter().any(|text| text.starts_with(field)), "{field} in {named:#?}");
    }
    assert_eq!(named.len(), 8);
}

#[test]
fn a_name_of_127_characters_is_the_longest() {
    assert!(NewJob::of("é".repeat(127), json!({})).validate(&Limits::default()).is_ok());
    assert_eq!(violations(NewJob::of("é".repeat(128), json!({}))).len(), 1);
}

#[test]
fn a_number_that_is_not_finite_is_named_by_its_path() {
    for bad in [f64::NAN, f64::INFINITY] {
        let named = violations(import(bad).job());
        assert!(named[0].starts_with("args.rows[1].prices.kg"), "{named:?}");
    }
}

#[test]
fn a_nul_is_named_by_its_path() {
    let named = violations(NewJob::of("W", json!({"a": ["x", {"b": "n\0l"}]})));
    assert_eq!(named, ["args.a[1].b must have no NUL character"]);
    let harmless = NewJob::of("W", json!({"a": "\\u0000"}));
    assert!(harmless.validate(&Limits::default()).is_ok(), "a backslash and text is no NUL");
}

#[test]
fn args_and_meta_have_limits() {
    let big = "x".repeat(1024 * 1024);
    assert!(violations(NewJob::of("W", json!({"a": big})))[0].contains("of 1048584 bytes"));
    assert_eq!(violations(NewJob::of("W", json!({})).meta(json!({"a": big}))).len(), 1);

    let deep = (0..DEEPEST_JSON).fold(json!("["), |inner, _| json!([inner]));
    assert_eq!(violations(NewJob::of("W", json!({"deep": deep}))).len(), 1);
    let fine = (0..DEEPEST_JSON - 1).fold(json!("\\\"["), |inner, _| json!([inner]));
    assert!(NewJob::of("W", json!({"deep": fine})).validate(&Limits::default()).is_ok());
}

#[test]
fn a_time_past_the_year_9999_is_refused() {
    assert_eq!(violations(import(1.0).schedule_in(Duration::MAX)).len(), 1);
    assert_eq!(violations(import(1.0).schedule_at(Timestamp::MAX + 1.second())).len(), 1);
}

#[test]
fn a_worker_without_fields_has_empty_args() {
    #[derive(Serialize, Deserialize)]
    struct Report;
    impl Worker for Report {
        const NAME: &'static str = "Report";
    }
    let job = Report.job().validate(&Limits::default()).unwrap();
    assert_eq!(job.args.as_str(), "{}");
}
