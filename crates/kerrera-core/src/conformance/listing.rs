//! Pages of jobs, and how many there are.

use std::time::Duration;

use serde_json::{Value, json};

use super::Fixture;
use super::fixture::{ack, job};
use crate::job::JobId;
use crate::job_query::{Condition, JobQuery, JobTime};
use crate::job_row::JobRow;
use crate::listing::{Cursor, ListOrder, Listing, Page};
use crate::new_job::NewJob;
use crate::state::{Event, State};
use crate::tally::{Quality, Tally};
use crate::time::Units;

const WITHIN: Duration = Duration::from_secs(10);

pub async fn a_row_shows_what_fits_into_a_line(fixture: Fixture) {
    let long = "é".repeat(600);
    let (_hand, running) = fixture
        .running(NewJob::of("W", json!({"a": long})).queue("default").tags(["x", "y"]).priority(3))
        .await;
    let progress = r#"{"k_progress": {"done": 1, "total": 4, "note": "one"}}"#;
    fixture
        .raw(format!("UPDATE oban_jobs SET meta = '{progress}' WHERE id = {}", running.id))
        .await;
    let page = page(&fixture, Listing::of(JobQuery::new())).await;
    let row = &page.rows[0];
    assert_eq!(
        (row.id, row.state, &*row.queue, &*row.worker),
        (running.id, State::Executing, "default", "W")
    );
    assert_eq!((row.attempt, row.max_attempts, row.priority), (1, running.max_attempts, 3));
    assert_eq!(row.tags, ["x", "y"]);
    assert_eq!(row.node.as_deref(), running.attempted_by.first().map(String::as_str));
    assert_eq!(row.progress.as_ref().map(|progress| (progress.done, progress.total)), Some((1, 4)));
    assert_eq!(row.args.chars().count(), JobRow::ARGS);
    assert!(row.args.starts_with("{\"a\":"), "{}", row.args);
    assert!(row.args_bytes > 1_200, "{}", row.args_bytes);
    assert_eq!((row.inserted_at, row.scheduled_at), (running.inserted_at, running.scheduled_at));
    assert_eq!((row.attempted_at, row.own_time()), (running.attempted_at, running.attempted_at));
    assert_eq!((row.completed_at, row.discarded_at, row.cancelled_at), (None, None, None));
    assert!(page.complete && page.next.is_none() && page.previous.is_none());
}

/// Jobs in every state, several at each instant, in two queues and with two priorities.
async fn crowd(fixture: &Fixture) {
    for round in 0..3 {
        let of = |n: u8| {
            let queue = if n.is_multiple_of(2) { "a" } else { "b" };
            NewJob::of("W", json!({"round": round, "n": n})).queue(queue).priority(n / 2 % 2)
        };
        let ended = fixture.insert((0..12).map(of)).await;
        for (at, job) in ended.iter().enumerate() {
            let (state, column) = match at {
                0..4 => continue,
                4..6 => ("completed", "completed_at"),
                6..8 => ("discarded", "discarded_at"),
                8..10 => ("cancelled", "cancelled_at"),
                10 => ("executing", "attempted_at"),
                _ => ("suspended", "scheduled_at"),
            };
            fixture
                .raw(format!(
                    "UPDATE oban_jobs SET state = '{state}', {column} = inserted_at WHERE id = {}",
                    job.id
                ))
                .await;
        }
        let due =
            fixture.insert((0..4).map(|n| of(n).schedule_in(u64::from(1 + n / 2).hours()))).await;
        let retryable =
            format!("UPDATE oban_jobs SET state = 'retryable' WHERE id = {}", due[0].id);
        fixture.raw(retryable).await;
        fixture.clock.advance(1.second());
    }
}

pub async fn pages_meet_every_job_once_in_both_directions(fixture: Fixture) {
    crowd(&fixture).await;
    use State::*;
    let states: [&[State]; 10] = [
        &[Available],
        &[Scheduled],
        &[Retryable],
        &[Executing],
        &[Discarded],
        &[Completed],
        &[Scheduled, Retryable],
        &[Available, Executing, Retryable],
        &[Retryable, Discarded, Cancelled],
        &State::ALL,
    ];
    let orders = [
        ListOrder::Fitting,
        ListOrder::Newest,
        ListOrder::Oldest,
        ListOrder::Earliest,
        ListOrder::Latest,
        ListOrder::Claimed,
    ];
    for (states, order) in states.into_iter().flat_map(|states| orders.map(|order| (states, order)))
    {
        let shown = format!("{states:?} {order:?}");
        let listing = Listing::of(JobQuery::new().states(states.iter().copied())).order(order);
        if listing.clone().search().is_err() {
            continue;
        }
        let all = page(&fixture, listing.clone().size(100)).await;
        let expected = fixture
            .storage
            .count(JobQuery::new().states(states.iter().copied()).validate().unwrap());
        assert_eq!(all.rows.len() as u64, expected.await.unwrap(), "{shown}");
        assert!(all.complete && all.next.is_none(), "{shown}");
        let mut sorted = all.rows.clone();
        match order {
            ListOrder::Newest => sorted.sort_by_key(|row| -row.id),
            ListOrder::Oldest => sorted.sort_by_key(|row| row.id),
            ListOrder::Earliest => sorted.sort_by_key(|row| (row.own_time(), row.id)),
            ListOrder::Latest => {
                sorted.sort_by_key(|row| (row.own_time(), row.id));
                sorted.reverse();
            }
            ListOrder::Claimed => {
                sorted.sort_by_key(|row| (row.priority, row.scheduled_at, row.id));
            }
            ListOrder::Fitting => {}
        }
        assert_eq!(ids(&all), sorted.iter().map(|row| row.id).collect::<Vec<_>>(), "{shown}");

        let small = listing.size(4);
        let (mut forth, mut pages) = (Vec::new(), Vec::new());
        let mut next = None;
        loop {
            let part = page(&fixture, at(&small, next)).await;
            forth.extend(ids(&part));
            assert_eq!(part.previous.is_some(), next.is_some(), "{shown}");
            next = part.next;
            pages.push(part);
            if next.is_none() {
                break;
            }
        }
        assert_eq!(forth, ids(&all), "{shown}");
        // And the same way back.
        let mut part = pages.pop().unwrap();
        while let Some(before) = pages.pop() {
            let back = page(&fixture, at(&small, part.previous)).await;
            assert_eq!(ids(&back), ids(&before), "{shown}");
            assert_eq!(back.previous.is_some(), !pages.is_empty(), "{shown}");
            assert!(back.next.is_some(), "{shown}");
            part = back;
        }
    }
}

pub async fn a_page_keeps_its_place_while_jobs_come_and_go(fixture: Fixture) {
    let jobs = fixture.insert((0..9).map(|_| job())).await;
    let listing = Listing::of(JobQuery::new()).order(ListOrder::Newest).size(3);
    let first = page(&fixture, listing.clone()).await;
    assert_eq!(ids(&first), [jobs[8].id, jobs[7].id, jobs[6].id]);
    fixture.insert_one(job()).await;
    fixture.raw(format!("DELETE FROM oban_jobs WHERE id = {}", jobs[6].id)).await;
    let second = page(&fixture, at(&listing, first.next)).await;
    assert_eq!(ids(&second), [jobs[5].id, jobs[4].id, jobs[3].id]);
    let back = page(&fixture, at(&listing, second.previous)).await;
    assert_eq!(ids(&back)[1..], [jobs[8].id, jobs[7].id], "and the newest of all in front");
}

pub async fn conditions_without_an_index_are_looked_for_in_steps(fixture: Fixture) {
    let jobs = fixture.insert((0..2_500).map(|n| NewJob::of("W", json!({"n": n})))).await;
    let one = |n: i32| JobQuery::new().args(json!({"n": n}));
    let listing = Listing::of(one(3)).order(ListOrder::Newest);
    let found = page(&fixture, listing.clone()).await;
    assert_eq!((ids(&found), found.complete), (vec![jobs[3].id], true));

    // No time at all is one step.
    let mut cursor = None;
    let (mut pages, mut met) = (0, Vec::new());
    loop {
        let part = page(&fixture, at(&listing, cursor).within(Duration::ZERO)).await;
        pages += 1;
        met.extend(ids(&part));
        if part.complete {
            assert_eq!(part.next, None);
            break;
        }
        assert!(part.searched >= 1_000 && part.searched_to.is_some());
        cursor = part.next;
    }
    assert_eq!((pages, met), (3, vec![jobs[3].id]));

    let through = page(&fixture, listing.clone().through(1_000)).await;
    assert_eq!((through.rows.len(), through.complete), (0, false));
    for order in [ListOrder::Claimed, ListOrder::Latest] {
        let states = one(3).states([State::Available]);
        let found = page(&fixture, Listing::of(states.clone()).order(order)).await;
        assert_eq!((ids(&found), found.complete), (vec![jobs[3].id], true), "{order:?}");
        let part = page(&fixture, Listing::of(states).order(order).through(1)).await;
        let expected = if order == ListOrder::Claimed { 1 } else { 0 };
        assert_eq!((part.rows.len(), part.complete), (expected, false), "{order:?}");
    }
}

pub async fn conditions_of_an_index_are_no_search(fixture: Fixture) {
    crowd(&fixture).await;
    let available = || JobQuery::new().states([State::Available]);
    let now = fixture.now();
    let cases = [
        (available().queues(["a"]), 6),
        (available().queues(["a"]).priorities([1]), 3),
        (available().where_all([Condition::Not(Box::new(Condition::Queues(vec!["a".into()])))]), 6),
        (
            JobQuery::new().states([State::Discarded]).since(JobTime::Discarded, now - 2.seconds()),
            4,
        ),
        (
            JobQuery::new()
                .states([State::Discarded])
                .before(JobTime::Discarded, now - 2.seconds()),
            2,
        ),
    ];
    for (query, expected) in cases {
        let found = page(&fixture, Listing::of(query.clone())).await;
        assert_eq!((found.rows.len(), found.complete), (expected, true), "{query:?}");
        assert_eq!(found.searched, expected as u64, "{query:?}");
    }
    let named = page(&fixture, Listing::of(JobQuery::new().ids([1, i64::MAX]))).await;
    assert!(named.rows.is_empty() && named.complete);
}

pub async fn conditions_are_turned_round_and_put_together(fixture: Fixture) {
    let jobs = fixture
        .insert([
            job().queue("a").tag("x"),
            job().queue("b").meta(json!({"k": 1})),
            NewJob::of("Other", json!({"k": "1"})).queue("c"),
        ])
        .await;
    let [a, b, c] = [jobs[0].id, jobs[1].id, jobs[2].id];
    // What cannot be said of a job does not hold of it.
    fixture.raw(format!("UPDATE oban_jobs SET attempted_at = inserted_at WHERE id = {a}")).await;
    let not = |condition| Condition::Not(Box::new(condition));
    let queues =
        |names: &[&str]| Condition::Queues(names.iter().map(|name| (*name).to_owned()).collect());
    let object = |value: Value| crate::json::Json::from(value);
    let cases = [
        (vec![not(queues(&["a"]))], vec![b, c]),
        (vec![not(Condition::States(vec![State::Available]))], vec![]),
        (vec![not(Condition::Tagged("x".into()))], vec![b, c]),
        (vec![not(Condition::Meta(object(json!({"k": 1}))))], vec![a, c]),
        (vec![not(Condition::Before(JobTime::Attempted, crate::Timestamp::MAX))], vec![b, c]),
        (vec![not(not(queues(&["a"])))], vec![a]),
        (
            vec![Condition::AnyOf(vec![
                Condition::Args(object(json!({"k": "1"}))),
                Condition::Meta(object(json!({"k": 1}))),
            ])],
            vec![b, c],
        ),
        (
            vec![not(Condition::All(vec![queues(&["a", "b"]), Condition::Tagged("x".into())]))],
            vec![b, c],
        ),
    ];
    for (conditions, expected) in cases {
        let query = JobQuery::new().where_all(conditions);
        assert_eq!(super::query::found(&fixture, query.clone()).await, expected, "{query:?}");
    }
}

pub async fn tallies_are_by_queue_and_state(fixture: Fixture) {
    assert_eq!(fixture.storage.tallies(10, WITHIN).await.unwrap(), []);
    crowd(&fixture).await;
    let mut counts = fixture.storage.counts().await.unwrap();
    counts.sort_by(|one, other| (&one.queue, one.state).cmp(&(&other.queue, other.state)));
    let expected: Vec<_> = counts
        .iter()
        .map(|count| (count.queue.clone(), count.state, Tally::exact(count.jobs)))
        .collect();
    let told = async |most| {
        let tallies = fixture.storage.tallies(most, WITHIN).await.unwrap();
        let parts = tallies.into_iter().map(|tally| (tally.queue, tally.state, tally.jobs));
        parts.collect::<Vec<_>>()
    };
    assert_eq!(told(100).await, expected);
    for (queue, state, jobs) in told(2).await {
        let exact = expected.iter().find(|(q, s, _)| *q == queue && *s == state).unwrap().2;
        let has_index = !matches!(state, State::Completed | State::Suspended);
        assert!(jobs.value <= exact.value, "{queue} {state}");
        if has_index && exact.value > 2 {
            assert_eq!(jobs.quality, Quality::Capped, "{queue} {state}");
        } else if !has_index {
            assert_eq!(jobs, exact, "the table is small");
        }
    }
}

pub async fn jobs_that_wait_and_run_are_counted_by_worker(fixture: Fixture) {
    assert_eq!(fixture.storage.worker_tallies(10, WITHIN).await.unwrap(), []);
    let (_hand, running) = fixture.running(NewJob::of("W", json!({})).queue("default")).await;
    let of = |worker: &str| NewJob::of(worker, json!({})).queue("a");
    let later = of("Later").schedule_in(1.hour());
    fixture.insert([of("V"), of("W"), of("V"), later]).await;
    let told = async |most| {
        let tallies = fixture.storage.worker_tallies(most, WITHIN).await.unwrap();
        let parts = tallies.into_iter().map(|one| (one.worker, one.queue, one.state, one.jobs));
        parts.collect::<Vec<_>>()
    };
    let one =
        |worker: &str, queue: &str, state, jobs| (worker.to_owned(), queue.to_owned(), state, jobs);
    let runs = one("W", &running.queue, State::Executing, Tally::exact(1));
    let expected = [
        one("V", "a", State::Available, Tally::exact(2)),
        one("W", "a", State::Available, Tally::exact(1)),
        runs.clone(),
    ];
    assert_eq!(told(3).await, expected);
    let told = told(2).await;
    assert!(told.contains(&runs), "counting the others ended, not this: {told:?}");
    let waiting = told.iter().filter(|(_, _, state, _)| *state == State::Available);
    for (worker, _, _, jobs) in waiting {
        assert_eq!(jobs.quality, Quality::Capped, "{worker}");
    }
}

pub async fn a_tally_says_whether_it_was_capped(fixture: Fixture) {
    crowd(&fixture).await;
    let all = JobQuery::new();
    let tally = async |query: &JobQuery, most| {
        fixture.storage.tally(query.clone().validate().unwrap(), most, WITHIN).await.unwrap()
    };
    assert_eq!(tally(&all, 1_000).await, Tally::exact(48));
    assert_eq!(tally(&all, 48).await, Tally::exact(48));
    assert_eq!(tally(&all, 47).await, Tally::capped(47));
    assert_eq!(tally(&all.clone().queues(["c"]), 47).await, Tally::ZERO);
}

pub async fn the_oldest_available_job_of_each_queue_is_told(fixture: Fixture) {
    assert_eq!(fixture.storage.oldest(WITHIN).await.unwrap(), []);
    fixture.insert_one(job().queue("a").priority(3)).await;
    fixture.clock.advance(5.seconds());
    fixture
        .insert([job().queue("a"), job().queue("b"), job().queue("c").schedule_in(1.hour())])
        .await;
    fixture.clock.advance(7.seconds());
    let oldest = fixture.storage.oldest(WITHIN).await.unwrap();
    let told: Vec<_> = oldest.iter().map(|one| (&*one.queue, one.age)).collect();
    assert_eq!(told, [("a", 12.seconds()), ("b", 7.seconds())]);
    assert_eq!(oldest[0].scheduled_at, fixture.now() - 12.seconds());
}

pub async fn a_database_says_whether_it_can_be_written(fixture: Fixture) {
    assert!(fixture.storage.is_writable(WITHIN).await.unwrap());
}

pub async fn a_run_that_ends_moves_from_one_list_to_the_other(fixture: Fixture) {
    let (_hand, running) = fixture.running(job()).await;
    let list =
        async |state| page(&fixture, Listing::of(JobQuery::new().states([state]))).await.rows.len();
    assert_eq!((list(State::Executing).await, list(State::Discarded).await), (1, 0));
    fixture.ack(ack(&running, Event::Discarded)).await;
    assert_eq!((list(State::Executing).await, list(State::Discarded).await), (0, 1));
}

fn at(listing: &Listing, cursor: Option<Cursor>) -> Listing {
    match cursor {
        // As text, as it travels.
        Some(cursor) => listing.clone().at(cursor.to_string().parse().unwrap()),
        None => listing.clone(),
    }
}

fn ids(page: &Page) -> Vec<JobId> {
    page.rows.iter().map(|row| row.id).collect()
}

/// Drives a search as a reader does, with as much time as was given unless that is none.
async fn page(fixture: &Fixture, listing: Listing) -> Page {
    let began = std::time::Instant::now();
    let mut search = listing.search().unwrap();
    while let Some(scan) = search.next(began.elapsed()) {
        search.found(fixture.storage.scan(scan, WITHIN).await.unwrap());
    }
    search.page()
}
