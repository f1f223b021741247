//! Which jobs a query has.

use serde_json::{Value, json};

use super::Fixture;
use super::fixture::{ack, ids, job};
use super::insert::assert_same;
use crate::job::{Job, JobId};
use crate::job_query::{JobOrder, JobQuery, JobTime};
use crate::new_job::NewJob;
use crate::state::{Event, State};
use crate::time::Units;

const NONE: [JobId; 0] = [];

pub async fn an_empty_query_has_every_job(fixture: Fixture) {
    assert_eq!(found(&fixture, JobQuery::new()).await, NONE);
    let jobs = fixture.insert((0..3).map(|_| job())).await;
    let found = fixture.storage.jobs(JobQuery::new().validate().unwrap()).await.unwrap();
    for (found, inserted) in found.iter().zip(&jobs) {
        assert_same(found, inserted);
    }
    assert_eq!(ids(&found), ids(&jobs));
}

pub async fn every_field_is_asked_alone_and_as_a_list(fixture: Fixture) {
    let jobs = fixture
        .insert([
            job(),
            NewJob::of("Other", json!({})).queue("b").priority(3).max_attempts(5),
            NewJob::of("Third", json!({})).queue("c").priority(9).schedule_in(1.hour()),
        ])
        .await;
    let [a, b, c] = [jobs[0].id, jobs[1].id, jobs[2].id];
    fixture.raw(format!("UPDATE oban_jobs SET attempt = 2 WHERE id = {b}")).await;

    let new = JobQuery::new;
    let cases = [
        (new().ids([b]), vec![b]),
        (new().ids([c, a, a, -1, i64::MAX]), vec![a, c]),
        (new().states([State::Scheduled]), vec![c]),
        (new().states([State::Scheduled, State::Available]), vec![a, b, c]),
        (new().states([State::Suspended, State::Completed]), vec![]),
        (new().queues(["default"]), vec![a]),
        (new().queues(["b", "c", "d"]), vec![b, c]),
        (new().workers(["Other"]), vec![b]),
        (new().workers(["Worker", "Third"]), vec![a, c]),
        (new().workers(["other"]), vec![]),
        (new().priorities([3]), vec![b]),
        (new().priorities([0, 9, 100_000]), vec![a, c]),
        (new().attempts([2]), vec![b]),
        (new().attempts([0, 1]), vec![a, c]),
        (new().max_attempts([5]), vec![b]),
        (new().max_attempts([5, 20]), vec![a, b, c]),
        // Together they narrow, and so does one that is given twice.
        (new().queues(["b", "c"]).workers(["Other", "Third"]).priorities([9]), vec![c]),
        (new().ids([a, b]).ids([b, c]), vec![b]),
        (new().states([State::Available]).queues(["b"]).attempts([2]).max_attempts([5]), vec![b]),
        (new().states([State::Available]).states([State::Scheduled]), vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&fixture, query.clone()).await, expected, "{query:?}");
    }
}

pub async fn tags_are_asked_whole_or_one_by_one(fixture: Fixture) {
    let jobs = fixture
        .insert([job(), job().tags(["a", "b"]), job().tags(["b", "a"]), job().tag("it's \"é\"")])
        .await;
    let [none, ab, ba, odd] = [jobs[0].id, jobs[1].id, jobs[2].id, jobs[3].id];
    let empty: [&str; 0] = [];
    let cases = [
        (JobQuery::new().tags(["a", "b"]), vec![ab]),
        (JobQuery::new().tags(["a"]), vec![]),
        (JobQuery::new().tags(empty), vec![none]),
        (JobQuery::new().tags(["it's \"é\""]), vec![odd]),
        (JobQuery::new().tagged("a"), vec![ab, ba]),
        (JobQuery::new().tagged("a").tagged("b"), vec![ab, ba]),
        (JobQuery::new().tagged("a").tagged("c"), vec![]),
        (JobQuery::new().tagged("it's \"é\""), vec![odd]),
        (JobQuery::new().tagged("A"), vec![]),
    ];
    for (query, expected) in cases {
        assert_eq!(found(&fixture, query.clone()).await, expected, "{query:?}");
    }
}

pub async fn args_and_meta_are_asked_by_what_they_contain(fixture: Fixture) {
    let whole = json!({
        "id": 7, "ratio": 1.5, "on": true, "off": null, "name": "Zoë \"Z\"",
        "user": {"id": 7, "roles": ["admin", "ops"], "deep": {"er": [{"x": 1, "y": 2}, 3]}},
        "list": [1, 2, [3]], "big": 9_007_199_254_740_993_i64,
    });
    let meta = json!({"batch": {"id": "b1"}, "n": 1});
    let jobs = fixture.insert([NewJob::of("W", whole).meta(meta), job()]).await;
    let id = jobs[0].id;

    let contained = [
        json!({"id": 7}),
        json!({"id": 7.0}),
        json!({"ratio": 1.5, "on": true}),
        json!({"off": null}),
        json!({"name": "Zoë \"Z\""}),
        json!({"user": {}}),
        json!({"user": {"id": 7}}),
        json!({"user": {"roles": ["ops"]}}),
        json!({"user": {"roles": ["ops", "admin", "ops"]}}),
        json!({"user": {"deep": {"er": [{"y": 2}]}}}),
        json!({"list": []}),
        json!({"list": [[3], 1]}),
        json!({"big": 9_007_199_254_740_993_i64}),
    ];
    for part in contained {
        assert_eq!(found(&fixture, JobQuery::new().args(part.clone())).await, [id], "{part}");
    }
    let others = [
        json!({"id": "7"}),
        json!({"id": 8}),
        json!({"on": 1}),
        json!({"off": false}),
        json!({"missing": null}),
        json!({"user": 7}),
        json!({"user": {"roles": ["root"]}}),
        json!({"user": {"roles": "admin"}}),
        json!({"user": {"deep": {"er": [{"x": 1, "y": 3}]}}}),
        json!({"list": [3]}),
        json!({"list": {"0": 1}}),
        json!({"big": 9_007_199_254_740_992_i64}),
    ];
    for part in others {
        assert_eq!(found(&fixture, JobQuery::new().args(part.clone())).await, NONE, "{part}");
    }
    let both = JobQuery::new().args(json!({"id": 7})).meta(json!({"batch": {"id": "b1"}}));
    assert_eq!(found(&fixture, both.clone().queues(["default"])).await, [id]);
    assert_eq!(found(&fixture, both.queues(["b"])).await, NONE);
    assert_eq!(found(&fixture, JobQuery::new().meta(json!({"id": 7}))).await, NONE);
}

pub async fn hostile_values_are_only_values(fixture: Fixture) {
    let hostile = [
        "'; DROP TABLE oban_jobs; --",
        "\"; DROP TABLE oban_jobs; --",
        "$1",
        "?1",
        "<conditions>",
        "{schema}",
        "%",
        "_",
        "\\",
        "{\"a\",b}",
        "NULL",
        "🦀é",
    ];
    for text in hostile {
        let id = fixture
            .insert_one(
                NewJob::of(text, json!({text: text}))
                    .queue(text)
                    .tag(text)
                    .meta(json!({text: [text]})),
            )
            .await
            .id;
        let tag = text.to_lowercase();
        let queries = [
            JobQuery::new().queues([text]),
            JobQuery::new().workers([text]),
            JobQuery::new().tagged(tag.clone()),
            JobQuery::new().tags([tag]),
            JobQuery::new().args(json!({text: text})),
            JobQuery::new().meta(json!({text: [text]})),
        ];
        for query in queries {
            assert_eq!(found(&fixture, query.clone()).await, [id], "{query:?}");
        }
    }
    assert_eq!(found(&fixture, JobQuery::new()).await.len(), hostile.len());
}

pub async fn times_are_asked_from_an_instant_up_to_another(fixture: Fixture) {
    let start = fixture.now();
    let (hand, first) = fixture.running(job()).await;
    fixture.ack(ack(&first, Event::Completed)).await;
    fixture.clock.advance(10.seconds());
    let second = fixture.insert_one(job()).await;
    let second = (hand.claim(1).await.remove(0), second).0;
    fixture.ack(ack(&second, Event::Cancelled)).await;
    fixture.clock.advance(10.seconds());
    let third = fixture.insert_one(job().max_attempts(1)).await;
    let third = (hand.claim(1).await.remove(0), third).0;
    fixture.ack(ack(&third, Event::Discarded)).await;
    let [a, b, c] = [first.id, second.id, third.id];
    let middle = start + 10.seconds();

    for time in [JobTime::Inserted, JobTime::Scheduled, JobTime::Attempted] {
        let since = JobQuery::new().since(time, middle);
        assert_eq!(found(&fixture, since.clone()).await, [b, c], "{time:?}: that instant too");
        let before = JobQuery::new().before(time, middle);
        assert_eq!(found(&fixture, before).await, [a], "{time:?}: that instant not");
        assert_eq!(found(&fixture, since.before(time, middle + 1.second())).await, [b]);
    }
    for (time, id) in [(JobTime::Completed, a), (JobTime::Cancelled, b), (JobTime::Discarded, c)] {
        let all = [
            JobQuery::new().since(time, start),
            JobQuery::new().before(time, start + 1.hour()),
            JobQuery::new().order(JobOrder::Latest(time)),
            JobQuery::new().since(time, crate::Timestamp::from_micros(i64::MIN)),
            JobQuery::new().before(time, crate::Timestamp::from_micros(i64::MAX)),
        ];
        for query in all {
            assert_eq!(found(&fixture, query.clone()).await, [id], "{query:?}");
        }
    }
}

pub async fn pages_meet_every_job_once_in_any_order(fixture: Fixture) {
    // Several at each instant, so that the number decides between them.
    for hours in [2, 1, 2, 3, 1, 2, 3, 1] {
        fixture.insert_one(job().schedule_in(hours.hours())).await;
    }
    let orders = [
        JobOrder::Oldest,
        JobOrder::Newest,
        JobOrder::Earliest(JobTime::Scheduled),
        JobOrder::Latest(JobTime::Scheduled),
    ];
    for order in orders {
        let query = JobQuery::new().order(order);
        let all = fixture.storage.jobs(query.clone().validate().unwrap()).await.unwrap();
        let key = |job: &Job| match order.time() {
            Some(_) => (Some(job.scheduled_at), job.id),
            None => (None, job.id),
        };
        let mut sorted = all.clone();
        sorted.sort_by_key(key);
        if order.is_descending() {
            sorted.reverse();
        }
        assert_eq!((all.len(), ids(&all)), (8, ids(&sorted)), "{order:?}");

        let (mut paged, mut page) = (Vec::new(), query.clone().limit(3));
        loop {
            let jobs = fixture.storage.jobs(page.clone().validate().unwrap()).await.unwrap();
            assert!(jobs.len() <= 3);
            let Some(last) = jobs.last() else { break };
            let place = page.place_of(last).to_string().parse().unwrap();
            page = page.after(place);
            paged.extend(jobs.iter().map(|job| job.id));
        }
        assert_eq!(paged, ids(&all), "{order:?}");
    }
}

pub async fn a_count_goes_no_further_than_its_limit(fixture: Fixture) {
    fixture.insert((0..5).map(|_| job())).await;
    fixture.insert_one(job().queue("b")).await;
    let count =
        async |query: JobQuery| fixture.storage.count(query.validate().unwrap()).await.unwrap();
    assert_eq!(count(JobQuery::new()).await, 6);
    assert_eq!(count(JobQuery::new().queues(["default"])).await, 5);
    assert_eq!(count(JobQuery::new().queues(["default"]).limit(3)).await, 3);
    assert_eq!(count(JobQuery::new().queues(["c"]).args(json!({"a": 1}))).await, 0);
    let latest = JobQuery::new().order(JobOrder::Latest(JobTime::Completed));
    assert_eq!(count(latest).await, 0, "none has that time");
}

pub async fn rows_of_an_unusual_form_are_found_like_any(fixture: Fixture) {
    let id = fixture.insert_one(NewJob::of("W", json!({"a": 1})).tag("x")).await.id;
    let unusual = ["'[]'", "'null'", "'7'", "'\"text\"'", "'[1, {\"a\": 1}]'"];
    for value in unusual {
        fixture.raw(format!("UPDATE oban_jobs SET meta = {value} WHERE id = {id}")).await;
        assert_eq!(found(&fixture, JobQuery::new().args(json!({"a": 1}))).await, [id], "{value}");
        let meta = JobQuery::new().meta(json!({"a": Value::from(1)}));
        assert_eq!(found(&fixture, meta).await, NONE, "{value}");
    }
}

/// The numbers of a query's jobs, which are also as many as are counted.
pub(super) async fn found(fixture: &Fixture, query: JobQuery) -> Vec<JobId> {
    let query = query.validate().unwrap();
    let jobs = fixture.storage.jobs(query.clone()).await.unwrap();
    assert_eq!(fixture.storage.count(query).await.unwrap(), jobs.len() as u64);
    ids(&jobs)
}
