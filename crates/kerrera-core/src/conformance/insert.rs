//! Inserting jobs.

use std::collections::HashSet;
use std::time::Duration;

use serde_json::{Value, json};

use super::Fixture;
use super::fixture::{ids, job, meta, valid};
use crate::job::Job;
use crate::new_job::{DEEPEST_JSON, LONGEST_NAME, NewJob};
use crate::state::State;
use crate::time::{Timestamp, Units};
use crate::unique::until_finished;

pub async fn gives_back_full_rows_in_order(fixture: Fixture) {
    let first = NewJob::of("First", json!({"a": 1}))
        .queue("mailers")
        .priority(7)
        .max_attempts(3)
        .tags(["x", "y"])
        .meta(json!({"m": true}));
    let inserted = fixture.insert([first, job().queue("other"), job().priority(9)]).await;

    let queues: Vec<&str> = inserted.iter().map(|job| job.queue.as_str()).collect();
    assert_eq!(queues, ["mailers", "other", "default"]);
    let full = &inserted[0];
    assert_eq!((full.worker.as_str(), full.state), ("First", State::Available));
    assert_eq!((full.priority, full.max_attempts, full.attempt), (7, 3, 0));
    assert_eq!(full.args.decode::<Value>().unwrap(), json!({"a": 1}));
    assert_eq!(meta(full), json!({"m": true}));
    assert_eq!(full.tags, ["x", "y"]);
    assert_eq!((full.inserted_at, full.scheduled_at), (fixture.now(), fixture.now()));
    assert!(full.errors.is_empty() && full.attempted_by.is_empty());
    let times = [full.attempted_at, full.completed_at, full.discarded_at, full.cancelled_at];
    assert_eq!(times, [None; 4]);
    for job in &inserted {
        assert_same(&fixture.job(job.id).await, job);
    }
}

pub async fn gives_every_job_its_own_number(fixture: Fixture) {
    let jobs = fixture.insert((0..50).map(|_| job())).await;
    let numbers = ids(&jobs);
    assert_eq!(numbers.iter().collect::<HashSet<_>>().len(), 50);
    assert!(numbers.is_sorted(), "in the order of insertion, which a claim follows");
}

pub async fn a_job_without_a_time_is_available_now(fixture: Fixture) {
    let job = fixture.insert_one(job()).await;
    assert_eq!((job.state, job.scheduled_at), (State::Available, fixture.now()));
}

pub async fn a_job_with_a_time_is_scheduled_even_in_the_past(fixture: Fixture) {
    let now = fixture.now();
    let times = [Timestamp::MIN, now - 1.second(), now, now + 1.hour(), Timestamp::MAX];
    let jobs = fixture.insert(times.map(|time| job().schedule_at(time))).await;

    for (job, time) in jobs.iter().zip(times) {
        let stored = fixture.job(job.id).await;
        assert_eq!((stored.state, stored.scheduled_at), (State::Scheduled, time));
        assert_eq!(stored.inserted_at, now);
    }
}

pub async fn an_unusual_wait_is_kept_to_the_microsecond(fixture: Fixture) {
    let waits = [Duration::ZERO, Duration::from_micros(1), Duration::from_micros(86_400_000_001)];
    let jobs = fixture.insert(waits.map(|wait| job().schedule_in(wait))).await;

    for (job, wait) in jobs.iter().zip(waits) {
        assert_eq!(job.state, State::Scheduled);
        assert_eq!(fixture.job(job.id).await.scheduled_at, fixture.now() + wait);
    }
}

pub async fn an_empty_list_inserts_nothing(fixture: Fixture) {
    assert!(fixture.storage.insert(Vec::new()).await.unwrap().is_empty());
    assert!(fixture.storage.counts().await.unwrap().is_empty());
}

pub async fn a_thousand_jobs_are_inserted_at_once(fixture: Fixture) {
    let jobs = (0..1_000).map(|n| NewJob::of("Worker", json!({"n": n})));
    let inserted = fixture.insert(jobs).await;

    assert_eq!(inserted.len(), 1_000);
    for (n, job) in inserted.iter().enumerate() {
        assert_eq!(job.args.get("n"), Some(json!(n)));
    }
    assert_eq!(fixture.storage.counts().await.unwrap()[0].jobs, 1_000);
}

pub async fn all_or_none_are_inserted(fixture: Fixture) {
    let mut jobs = valid([job(), job(), job()]);
    // No rule lets this through; the table has the last word.
    jobs[1].max_attempts = 0;
    let error = fixture.storage.insert(jobs).await.unwrap_err();

    assert!(!error.to_string().is_empty());
    assert!(fixture.storage.counts().await.unwrap().is_empty());
    fixture.insert_one(job()).await;
}

pub async fn hostile_text_comes_back_as_it_was(fixture: Fixture) {
    for text in HOSTILE {
        let args = json!({"text": text, *text: "as a key", "list": [text, [text]]});
        let new = NewJob::of(format!("W{text}"), args.clone())
            .queue(format!("q{text}"))
            .meta(args.clone())
            .tag(format!("t{text}"));
        // Names have no control characters; args, meta and a failure's text can.
        let named = new.clone().validate(&crate::Limits::default()).is_ok();
        let new = if named { new } else { NewJob::of("W", args.clone()).meta(args.clone()) };

        let inserted = fixture.insert_one(new).await;
        let stored = fixture.job(inserted.id).await;
        assert_same(&stored, &inserted);
        assert_eq!(stored.args.decode::<Value>().unwrap(), args);
        assert_eq!(meta(&stored), args);
        if named {
            assert_eq!(stored.worker, format!("W{text}"));
            let hand = fixture.enroll(&format!("q{text}")).await;
            assert_eq!(ids(&hand.claim(1).await), [inserted.id], "the queue is found by its name");
        }
    }
}

pub async fn numbers_come_back_as_they_were(fixture: Fixture) {
    let args = json!({
        "numbers": [0, -1, i64::MIN, i64::MAX, u64::MAX, 9_007_199_254_740_993_i64],
        "fractions": [0.1, 1.5e300, 2.5e-300, 1.0, -123_456.789],
        "others": [true, false, null, "", {}, []],
    });
    let job = fixture.insert_one(NewJob::of("W", args.clone())).await;
    let stored: Value = fixture.job(job.id).await.args.decode().unwrap();

    assert_eq!(stored["numbers"], args["numbers"]);
    assert_eq!(stored["others"], args["others"]);
    let fractions = |value: &Value| -> Vec<f64> {
        value["fractions"].as_array().unwrap().iter().map(|f| f.as_f64().unwrap()).collect()
    };
    // To the last bit but one: a database may print them in another form.
    for (stored, written) in fractions(&stored).into_iter().zip(fractions(&args)) {
        assert!((stored - written).abs() <= written.abs() * 1e-15, "{stored:e} {written:e}");
    }
}

pub async fn names_of_127_characters_fit(fixture: Fixture) {
    for character in ["x", "é", "한", "🦀"] {
        let name = character.repeat(LONGEST_NAME);
        let new = NewJob::of(name.clone(), json!({})).queue(name.clone());
        let stored = fixture.insert_one(new).await;
        assert_eq!((&stored.worker, &stored.queue), (&name, &name));
        assert_eq!(fixture.enroll(&name).await.claim(1).await.len(), 1);
    }
}

pub async fn deep_json_comes_back_as_it_was(fixture: Fixture) {
    let deep = (0..DEEPEST_JSON - 2).fold(json!("bottom"), |inner, _| json!([inner]));
    let wide: Value = (0..5_000).map(|n| (format!("key {n}"), json!(n))).collect();
    let args = json!({"deep": deep, "wide": wide});
    let job = fixture.insert_one(NewJob::of("W", args.clone())).await;

    assert_eq!(fixture.job(job.id).await.args.decode::<Value>().unwrap(), args);
}

pub async fn concurrent_inserts_lose_nothing(fixture: Fixture) {
    let callers: Vec<_> = (0..20)
        .map(|caller| {
            let storage = fixture.storage.clone();
            tokio::spawn(async move {
                let mut numbers = Vec::new();
                for n in 0..10 {
                    let job = NewJob::of("W", json!({"caller": caller, "n": n}));
                    let inserted = storage.insert(valid([job])).await.unwrap().remove(0);
                    numbers.push(inserted.job().id);
                }
                numbers
            })
        })
        .collect();
    let mut numbers = HashSet::new();
    for caller in callers {
        numbers.extend(caller.await.unwrap());
    }
    assert_eq!(numbers.len(), 200);
    assert_eq!(fixture.storage.counts().await.unwrap()[0].jobs, 200);
}

/// Equal, whatever the text of args and meta looks like.
#[track_caller]
pub(super) fn assert_same(left: &Job, right: &Job) {
    let plain = |job: &Job| {
        let mut plain = job.clone();
        plain.args = job.args.decode::<Value>().unwrap().into();
        plain.meta = meta(job).into();
        serde_json::to_value(plain).unwrap()
    };
    assert_eq!(plain(left), plain(right));
}

/// Text that has broken other systems.
pub(super) const HOSTILE: &[&str] = &[
    "'; DROP TABLE oban_jobs; --",
    "\"quoted\" and \\ and / and \\u0000 and \\\"",
    "{}[](),:;%_*?$1 ?1 :name @p #{x} ${y}",
    "NULL",
    "한국어, 日本語, العربية, עברית, ελληνικά",
    "🦀 👩‍👩‍👧‍👦 e\u{301} \u{1f1f0}\u{1f1f7}",
    "\u{202e}right to left\u{202c}",
    "\u{feff}mark \u{fffd} \u{fffe}",
    "line\nbreaks\r\nand\ttabs",
    "\u{1b}[31mred\u{7f}\u{85}",
    "<script>alert(1)</script>&amp;",
    "  spaces around  ",
];

pub async fn a_load_stores_what_an_insertion_would(fixture: Fixture) {
    let jobs = || {
        [
            NewJob::of("First", json!({"a": ["\u{1F980}", 1.5]}))
                .queue("mailers")
                .priority(7)
                .max_attempts(3)
                .tags(["x", "\"y\", {z}"])
                .meta(json!({"m": true})),
            job().schedule_in(Duration::from_secs(60)),
            job().schedule_at(fixture.now() + Duration::from_secs(90)),
            job(),
        ]
    };
    let inserted = fixture.insert(jobs()).await;
    let loaded = fixture.storage.load(valid(jobs())).await.unwrap();
    assert_eq!(loaded, 4);
    let (first, last) = (inserted[0].id, inserted[3].id);
    for (at, inserted) in inserted.iter().enumerate() {
        let mut loaded = fixture.job(last + 1 + at as i64).await;
        assert_eq!(loaded.id - last, inserted.id - first + 1, "in the order in which they came");
        loaded.id = inserted.id;
        assert_same(&loaded, inserted);
    }
    assert_eq!(fixture.storage.load(Vec::new()).await.unwrap(), 0);
}

pub async fn jobs_that_differ_only_in_args_are_stored_as_any_others(fixture: Fixture) {
    let time = fixture.now() + Duration::from_micros(90_000_001);
    let kinds = [
        job(),
        NewJob::of("First", json!({}))
            .queue("mailers")
            .priority(7)
            .max_attempts(3)
            .tags(["x", "\"y\", {z}", "NULL", ""])
            .meta(json!({"m": [true, "\u{1F980}"]})),
        job().schedule_in(Duration::from_micros(60_000_001)),
        job().schedule_at(time).tags(["later"]),
    ];
    for kind in kinds {
        let alike = || {
            [json!({"n": 1}), json!({"n": "{\\,\"}"}), json!({})].map(|args| {
                let mut job = valid([kind.clone()]).remove(0);
                job.args = args.into();
                job
            })
        };
        let other = valid([NewJob::of("Other", json!({}))]);
        let mixed = fixture.storage.insert([alike().to_vec(), other].concat()).await.unwrap();
        let inserted = fixture.storage.insert(alike().to_vec()).await.unwrap();
        let last = inserted.last().unwrap().job().id;
        assert_eq!(fixture.storage.load(alike().to_vec()).await.unwrap(), 3);
        for (at, (mixed, inserted)) in mixed.iter().zip(&inserted).enumerate() {
            assert_same(&fixture.job(inserted.job().id).await, inserted.job());
            let mut loaded = fixture.job(last + 1 + at as i64).await;
            let mut mixed = mixed.job().clone();
            (loaded.id, mixed.id) = (inserted.job().id, inserted.job().id);
            assert_same(&loaded, inserted.job());
            assert_same(&mixed, inserted.job());
        }
    }
}

pub async fn a_load_counts_the_unique_jobs_that_are_new(fixture: Fixture) {
    let unique = || job().unique(until_finished());
    fixture.insert([unique()]).await;
    let other = NewJob::of("Other", json!({})).unique(until_finished());
    let loaded = fixture.storage.load(valid([unique(), other, job()])).await.unwrap();
    assert_eq!(loaded, 2);
}
