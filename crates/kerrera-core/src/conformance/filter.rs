//! Which jobs a filter means.

use serde_json::json;

use super::Fixture;
use super::fixture::{ack, failure, job};
use super::query::found;
use crate::cron::Timezone;
use crate::directory::WorkerCard;
use crate::filter::Filter;
use crate::job::JobId;
use crate::new_job::NewJob;
use crate::state::Event;
use crate::time::Units;

async fn meant(fixture: &Fixture, text: &str) -> Vec<JobId> {
    let filter: Filter = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    found(fixture, filter.query(fixture.now(), &Timezone::utc())).await
}

async fn check(fixture: &Fixture, cases: &[(&str, &[JobId])]) {
    for (text, expected) in cases {
        assert_eq!(meant(fixture, text).await, *expected, "{text}");
    }
}

pub async fn names_and_numbers_are_filtered(fixture: Fixture) {
    let jobs = fixture
        .insert([
            NewJob::of("Send.Mail", json!({})).queue("mail").tag("vip").priority(3),
            NewJob::of("Send%", json!({})).queue("mail_2").max_attempts(5),
            NewJob::of("Other", json!({})).queue("x").schedule_in(1.hour()),
        ])
        .await;
    let [a, b, c] = [jobs[0].id, jobs[1].id, jobs[2].id];
    fixture.raw(format!("UPDATE oban_jobs SET attempt = 3 WHERE id = {b}")).await;
    let (from, both, not) = (format!("id:{b}.."), format!("{a},{b}"), format!("-{a}"));
    check(
        &fixture,
        &[
            ("", &[a, b, c]),
            ("worker:Send*", &[a, b]),
            ("worker:Send%*", &[b]),
            ("worker:send*", &[]),
            ("-worker:Send*", &[c]),
            ("queue:mail", &[a]),
            ("queue:mail*,x", &[a, b, c]),
            ("state:scheduled", &[c]),
            ("-state:scheduled", &[a, b]),
            ("priority:>=1", &[a]),
            ("priority:..2", &[b, c]),
            ("attempt:1..3", &[b]),
            ("attempt:99999999999", &[]),
            ("tag:vip", &[a]),
            ("-tag:vip", &[b, c]),
            (&from, &[b, c]),
            (&format!("id:{both}"), &[a, b]),
            (&not, &[b, c]),
            ("scheduled:>+30m", &[c]),
            ("inserted:>=-1h scheduled:<=-0s", &[a, b]),
        ],
    )
    .await;
}

pub async fn what_is_in_args_and_meta_is_filtered(fixture: Fixture) {
    let jobs = fixture
        .insert([
            NewJob::of("W", json!({"id": 7, "user": {"name": "Zoë B"}, "n": 1.5, "on": true})),
            NewJob::of("W", json!({"id": "7", "n": 100, "a.b": {"c": null}, "list": [1, 20]})),
            NewJob::of("W", json!({"n": "5"})).meta(json!({"k": {"x": "y"}})),
        ])
        .await;
    let [a, b, c] = [jobs[0].id, jobs[1].id, jobs[2].id];
    check(
        &fixture,
        &[
            ("args.id:7", &[a, b]),
            ("args.id:\"7\"", &[b]),
            ("-args.id:7", &[c]),
            ("args.id:8", &[]),
            ("args.user.name:\"Zoë B\"", &[a]),
            ("args.on:true", &[a]),
            ("args.\"a.b\".c:null", &[b]),
            ("args.\"a.b\".c:*", &[b]),
            ("args.n:*", &[a, b, c]),
            ("args.user:*", &[a]),
            ("args.n:>1.5", &[b]),
            ("args.n:>=1.5", &[a, b]),
            ("-args.n:>=1.5", &[c]),
            ("args.n:1..2", &[a]),
            ("args.n:..50,1000..", &[a]),
            ("args.list.1:>10", &[b]),
            ("args.list.-1:>10", &[b]),
            ("args.list.2:*", &[]),
            ("meta.k.x:y", &[c]),
            ("-meta.k.x:y", &[a, b]),
            ("args.n:>9007199254740993", &[]),
        ],
    )
    .await;
}

pub async fn errors_marks_and_lengths_of_time_are_filtered(fixture: Fixture) {
    let (hand, first) = fixture.running(job()).await;
    fixture.clock.advance(40.seconds());
    let mut failed = ack(&first, Event::Failed { retry_in: 1.hour() });
    failed.failure = failure(&first, "Connection TIMED out\nat line 7");
    fixture.ack(failed).await;
    fixture.clock.advance(10.seconds());
    let second = fixture.insert_one(job()).await;
    fixture.clock.advance(20.seconds());
    let second = (hand.claim(1).await.remove(0), second).0;
    fixture.clock.advance(5.seconds());
    fixture.ack(ack(&second, Event::Completed)).await;
    let third = fixture.insert_one(job()).await;
    let third = (hand.claim(1).await.remove(0), third).0;
    fixture.clock.advance(50.seconds());
    let [a, b, c] = [first.id, second.id, third.id];
    let marks = r#"{"snoozed": 2, "cron": true, "cron_name": "nightly"}"#;
    fixture.raw(format!("UPDATE oban_jobs SET meta = '{marks}' WHERE id = {b}")).await;
    check(
        &fixture,
        &[
            ("error:\"timed OUT\"", &[a]),
            ("error:refused", &[]),
            ("-error:\"timed out\"", &[b, c]),
            ("error.fp:00", &[]),
            ("error.type:Connection", &[]),
            ("duration:<10s", &[b]),
            ("duration:>=50s", &[c]),
            ("wait:>=20s", &[b]),
            ("finished:>-1m", &[b]),
            ("finished:<-51s", &[]),
            ("-finished:>-1m", &[a, c]),
            ("attempted:<-50s", &[a, b]),
            ("is:snoozed", &[b]),
            ("-is:snoozed", &[a, c]),
            ("cron:nightly", &[b]),
            ("is:rescued", &[]),
            ("is:orphaned", &[]),
        ],
    )
    .await;
    let node = third.attempted_by[0].clone();
    assert_eq!(meant(&fixture, &format!("node:{node}")).await, [a, b, c]);
    assert_eq!(meant(&fixture, "node:nowhere").await, [0; 0]);

    assert_eq!(meant(&fixture, "is:unregistered").await, [a, b, c]);
    assert_eq!(meant(&fixture, "is:stuck").await, [0; 0]);
    let mut card = WorkerCard::named("Worker");
    for (timeout, stuck) in
        [(None, vec![]), (Some(49.seconds()), vec![]), (Some(48.seconds()), vec![c])]
    {
        card.timeout = timeout;
        // What jsonb does not bear, and what looks like the field that is wanted.
        card.description = "\0 \"timeout\":{\"secs\":1}".to_owned();
        fixture.storage.declare_workers("node-1".into(), vec![card.clone()]).await.unwrap();
        assert_eq!(meant(&fixture, "is:stuck").await, stuck, "{timeout:?}");
    }
    assert_eq!(meant(&fixture, "-is:stuck").await, [a, b]);
    assert_eq!(meant(&fixture, "is:unregistered").await, [0; 0]);

    for (error, name) in [("E-1: no\nat 7", "E-1"), ("** (My.Error) no", "My.Error")] {
        fixture.clock.advance(1.second());
        let again = format!("UPDATE oban_jobs SET state = 'available' WHERE id = {a}");
        fixture.raw(again).await;
        let again = hand.claim(1).await.remove(0);
        let mut failed = ack(&again, Event::Failed { retry_in: 1.hour() });
        failed.failure = failure(&again, error);
        fixture.ack(failed).await;
        assert_eq!(meant(&fixture, &format!("error.type:{name}")).await, [a], "{error}");
        assert_eq!(meant(&fixture, "error.type:E").await, [0; 0], "the whole name");
    }
    let trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    let meta = format!(r#"{{"traceparent": "00-{trace}-00f067aa0ba902b7-01"}}"#);
    fixture.raw(format!("UPDATE oban_jobs SET meta = '{meta}' WHERE id = {a}")).await;
    assert_eq!(meant(&fixture, &format!("trace:{}", trace.to_uppercase())).await, [a]);
    assert_eq!(meant(&fixture, "trace:00f067aa0ba902b7").await, [0; 0]);
    assert_eq!(meant(&fixture, &format!("-trace:{trace}")).await, [b, c]);

    fixture.raw("DELETE FROM kerrera_producers").await;
    assert_eq!(meant(&fixture, "is:orphaned").await, [c]);
    assert_eq!(meant(&fixture, "-is:orphaned").await, [a, b]);
}
