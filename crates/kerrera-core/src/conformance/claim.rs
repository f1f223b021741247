//! Taking jobs.

use std::collections::HashSet;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::Fixture;
use super::fixture::{Hand, ids, job};
use super::insert::assert_same;
use crate::job::JobId;
use crate::new_job::NewJob;
use crate::state::State;
use crate::storage::{Claim, Floor};
use crate::time::{Timestamp, Units};

pub async fn takes_by_priority_then_time_then_number(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let now = fixture.now();
    let late = job().priority(1).schedule_at(now - 1.second());
    let early = job().priority(1).schedule_at(now - 2.seconds());
    let jobs = fixture
        .insert([job().priority(9), late, early, job().priority(0), job().priority(0)])
        .await;
    fixture.storage.stage(100, Vec::new()).await.unwrap();

    let order = [3, 4, 2, 1, 0].map(|at: usize| jobs[at].id);
    assert_eq!(ids(&hand.claim(2).await), order[..2]);
    assert_eq!(ids(&hand.claim(10).await), order[2..]);
}

pub async fn takes_at_most_as_many_as_asked(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert((0..5).map(|_| job())).await;

    assert_eq!(hand.claim(0).await.len(), 0);
    assert_eq!(hand.claim(3).await.len(), 3);
    assert_eq!(hand.claim(3).await.len(), 2);
    assert_eq!(hand.claim(3).await.len(), 0);
}

pub async fn takes_nothing_of_another_queue(fixture: Fixture) {
    let hand = fixture.enroll("mailers").await;
    fixture.insert([job().queue("default"), job().queue("mailer"), job().queue("MAILERS")]).await;
    assert!(hand.claim(10).await.is_empty());
}

pub async fn takes_only_available_jobs(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    fixture.insert_one(job().schedule_in(1.second())).await;
    fixture.insert_one(job().schedule_at(Timestamp::MIN)).await;
    for state in State::ALL.into_iter().filter(|state| *state != State::Available) {
        let job = fixture.insert_one(job()).await;
        fixture.raw(format!("UPDATE oban_jobs SET state = '{state}' WHERE id = {}", job.id)).await;
    }
    assert!(hand.claim(100).await.is_empty());
}

pub async fn writes_who_took_it_and_begins_an_attempt(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let before = fixture.insert_one(job().meta(json!({"kept": 1})).tag("kept")).await;
    fixture.clock.advance(3.seconds());
    let wish = hand.wish(1);
    let claimed = hand.storage.claim(wish.clone()).await.unwrap().remove(0);

    let mut expected = before;
    expected.state = State::Executing;
    expected.attempt = 1;
    expected.attempted_at = Some(fixture.now());
    expected.attempted_by =
        ["node-1".to_owned(), hand.producer.uuid.to_string(), wish.token.to_string()].into();
    assert_same(&claimed, &expected);
    assert_same(&fixture.job(claimed.id).await, &expected);
    assert_eq!(claimed.claim_token(), Some(wish.token));
}

pub async fn leaves_excluded_workers_alone(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let worker = |name: &str| NewJob::of(name, json!({}));
    let jobs = fixture.insert([worker("A"), worker("it's \"B\""), worker("C"), worker("a")]).await;

    let excluded: Arc<[String]> = Arc::new(["A".to_owned(), "it's \"B\"".to_owned()]);
    let wish = Claim { excluded, ..hand.wish(10) };
    let claimed = fixture.storage.claim(wish).await.unwrap();
    assert_eq!(ids(&claimed), [jobs[2].id, jobs[3].id]);
    assert_eq!(ids(&hand.claim(10).await), [jobs[0].id, jobs[1].id]);
}

pub async fn a_floor_hides_nothing_behind_it(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let jobs = fixture.insert([0, 1, 1, 1, 2].map(|priority| job().priority(priority))).await;

    let wish = Claim { floor: Some(Floor::from(&jobs[2])), ..hand.wish(10) };
    let claimed = ids(&fixture.storage.claim(wish).await.unwrap());
    assert!(claimed.ends_with(&ids(&jobs[2..])), "{claimed:?}");

    let rest = ids(&hand.claim(10).await);
    assert_eq!(claimed.len() + rest.len(), jobs.len());
}

pub async fn gives_nothing_to_an_unknown_producer(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let job = fixture.insert_one(job()).await;

    let stranger = Claim { producer: Uuid::new_v4(), ..hand.wish(10) };
    assert!(fixture.storage.claim(stranger).await.unwrap().is_empty());
    assert_same(&fixture.job(job.id).await, &job);
}

pub async fn gives_no_job_to_two_producers(fixture: Fixture) {
    fixture.insert((0..300).map(|_| job())).await;
    let mut claimers = Vec::new();
    for limit in [1, 7, 40, 100] {
        let hand = fixture.enroll("default").await;
        claimers.push(tokio::spawn(claim_all(hand, limit)));
    }
    let mut taken = Vec::new();
    for claimer in claimers {
        taken.extend(claimer.await.unwrap());
    }
    assert_eq!(taken.len(), 300);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 300);
}

pub async fn an_exhausted_row_neither_runs_nor_is_in_the_way(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let jobs = fixture.insert([job().max_attempts(3), job()]).await;
    let exhausted = jobs[0].id;
    fixture
        .raw(format!("UPDATE oban_jobs SET attempt = max_attempts WHERE id = {exhausted}"))
        .await;

    assert_eq!(ids(&hand.claim(1).await), [jobs[1].id]);
    assert!(hand.claim(10).await.is_empty());
    let row = fixture.job(exhausted).await;
    assert_eq!((row.state, row.attempt), (State::Available, 3));
}

pub async fn a_row_of_an_unusual_form_is_claimed_like_any(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let jobs = fixture.insert([job(), job(), job()]).await;
    let odd = jobs[1].id;
    fixture
        .raw(format!("UPDATE oban_jobs SET args = '[7]', meta = '\"text\"' WHERE id = {odd}"))
        .await;
    fixture.raw(format!("UPDATE oban_jobs SET priority = 30000 WHERE id = {odd}")).await;

    let claimed = hand.claim(10).await;
    assert_eq!(ids(&claimed), [jobs[0].id, jobs[2].id, odd]);
    assert_eq!(claimed[2].args.as_str(), "[7]");
}

/// Claims until there is nothing left.
pub(super) async fn claim_all(hand: Hand, limit: u32) -> Vec<JobId> {
    let mut taken = Vec::new();
    loop {
        let jobs = hand.claim(limit).await;
        if jobs.is_empty() {
            return taken;
        }
        assert!(jobs.len() <= limit as usize);
        taken.extend(ids(&jobs));
    }
}
