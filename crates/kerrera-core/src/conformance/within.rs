//! Inserting in a transaction of the application's.

use std::time::Duration;

use serde_json::{Value, json};

use super::Fixture;
use super::fixture::{job, meta};
use super::insert::{HOSTILE, assert_same};
use crate::new_job::NewJob;
use crate::time::{Timestamp, Units};

pub async fn a_transaction_inserts_what_an_insertion_would(fixture: Fixture) {
    let full = NewJob::of("Full", json!({"a": [1, 2.5, null], "b": {"c": u64::MAX}}))
        .queue("mailers")
        .priority(7)
        .max_attempts(3)
        .tags(["x", "y"])
        .meta(json!({"m": true}));
    let jobs = vec![
        full,
        job(),
        job().schedule_in(Duration::from_micros(1)),
        job().schedule_in(30.days()),
        job().schedule_at(Timestamp::MIN),
        job().schedule_at(Timestamp::MAX),
    ];
    let here = fixture.insert(jobs.clone()).await;
    let there = fixture.insert_within(jobs, true).await;

    assert_eq!(there.len(), here.len());
    for (mut expected, job) in here.into_iter().zip(there) {
        expected.id = job.id;
        assert_same(&job, &expected);
        assert_same(&fixture.job(job.id).await, &expected);
    }
}

pub async fn a_transaction_keeps_the_order_of_a_thousand_jobs(fixture: Fixture) {
    let jobs = (0..1_000).map(|n| NewJob::of("W", json!({"n": n})).priority((n % 7) as u8));
    let inserted = fixture.insert_within(jobs.collect(), true).await;

    assert_eq!(inserted.len(), 1_000);
    for (n, job) in inserted.iter().enumerate() {
        assert_eq!(job.args.get("n"), Some(json!(n)));
    }
    assert!(inserted.is_sorted_by_key(|job| job.id));
}

pub async fn a_transaction_that_is_rolled_back_inserts_nothing(fixture: Fixture) {
    assert_eq!(fixture.insert_within(vec![job(), job()], false).await.len(), 2);
    assert!(fixture.storage.counts().await.unwrap().is_empty());
}

pub async fn a_transaction_keeps_hostile_text(fixture: Fixture) {
    let args = |text: &str| json!({"text": text, text: ["as a key"]});
    let jobs: Vec<NewJob> =
        HOSTILE.iter().map(|text| NewJob::of("W", args(text)).meta(args(text))).collect();
    let inserted = fixture.insert_within(jobs, true).await;

    for (job, text) in inserted.iter().zip(HOSTILE) {
        let stored = fixture.job(job.id).await;
        assert_eq!(stored.args.decode::<Value>().unwrap(), args(text));
        assert_eq!(meta(&stored), args(text));
        assert_same(job, &stored);
    }
}
