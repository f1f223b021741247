//! What keeps the tables in order, and who does it.

use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::Fixture;
use super::fixture::{Hand, ack, ids, job, meta};
use super::insert::assert_same;
use crate::job::{Job, JobId};
use crate::new_job::NewJob;
use crate::state::{Event, RESCUED, State};
use crate::storage::{Ack, Acked, Candidate, KeepRule, Lease, Prune, Pruned, Seat};
use crate::time::Units;

const TTL: Duration = Duration::from_secs(15);

pub async fn a_free_seat_is_taken_under_the_first_term(fixture: Fixture) {
    let (ada, name) = (candidate("ada"), Arc::from("kerrera"));
    assert_eq!(fixture.storage.leader(Arc::clone(&name)).await.unwrap(), None);
    assert_eq!(lead(&fixture, &ada, None).await, Lease { term: Some(1), remains: TTL });

    let leader = fixture.storage.leader(name).await.unwrap().unwrap();
    assert_eq!((&*leader.node, leader.since, leader.term), ("ada", fixture.now(), 1));
}

pub async fn a_seat_is_kept_for_as_long_as_its_holder_renews(fixture: Fixture) {
    let (ada, bob) = (candidate("ada"), candidate("bob"));
    lead(&fixture, &ada, None).await;
    let since = fixture.now();
    for _ in 0..5 {
        fixture.clock.advance(10.seconds());
        assert_eq!(lead(&fixture, &ada, Some(1)).await.term, Some(1));
        let lease = lead(&fixture, &bob, None).await;
        assert_eq!(lease.term, None);
        assert!(lease.remains > Duration::ZERO && lease.remains <= TTL, "{lease:?}");
    }
    let leader = fixture.storage.leader("kerrera".into()).await.unwrap().unwrap();
    assert_eq!((&*leader.node, leader.since), ("ada", since));
}

pub async fn a_seat_whose_time_is_over_is_taken_under_the_next_term(fixture: Fixture) {
    let (ada, bob) = (candidate("ada"), candidate("bob"));
    lead(&fixture, &ada, None).await;
    fixture.clock.advance(TTL);
    assert_eq!(fixture.storage.leader("kerrera".into()).await.unwrap(), None);
    assert_eq!(lead(&fixture, &ada, Some(1)).await.term, None, "too late to renew");

    assert_eq!(lead(&fixture, &bob, None).await.term, Some(2));
    assert_eq!(lead(&fixture, &ada, Some(1)).await.term, None);
    assert_eq!(lead(&fixture, &ada, None).await.term, None);
}

pub async fn a_holder_that_does_not_know_it_takes_its_seat_anew(fixture: Fixture) {
    let ada = candidate("ada");
    lead(&fixture, &ada, None).await;
    // The answer was lost.
    assert_eq!(lead(&fixture, &ada, None).await.term, Some(2));
    assert_eq!(lead(&fixture, &ada, Some(1)).await.term, None, "that term is over");
}

pub async fn two_nodes_of_one_name_are_two_candidates(fixture: Fixture) {
    let (one, other) = (candidate("same"), candidate("same"));
    assert_eq!(lead(&fixture, &one, None).await.term, Some(1));
    assert_eq!(lead(&fixture, &other, None).await.term, None);
    assert_eq!(lead(&fixture, &other, Some(1)).await.term, None);
    assert_eq!(lead(&fixture, &one, Some(1)).await.term, Some(1));
}

pub async fn a_seat_that_was_given_up_is_free_at_once(fixture: Fixture) {
    let (ada, bob) = (candidate("ada"), candidate("bob"));
    lead(&fixture, &ada, None).await;
    fixture.storage.resign(ada.seat(1)).await.unwrap();
    assert_eq!(fixture.storage.leader("kerrera".into()).await.unwrap(), None);
    assert_eq!(lead(&fixture, &bob, None).await.term, Some(2));

    fixture.storage.resign(ada.seat(1)).await.unwrap();
    assert_eq!(lead(&fixture, &bob, Some(2)).await.term, Some(2), "somebody else's by now");
}

pub async fn seats_are_independent_of_each_other(fixture: Fixture) {
    let (ada, bob) = (candidate("ada"), Candidate { seat: "other".into(), ..candidate("bob") });
    assert_eq!(lead(&fixture, &ada, None).await.term, Some(1));
    assert_eq!(lead(&fixture, &bob, None).await.term, Some(1));
}

pub async fn many_candidates_make_one_leader(fixture: Fixture) {
    let candidates: Vec<Candidate> = (0..8).map(|_| candidate("same")).collect();
    let asked = candidates.iter().map(|candidate| {
        let (storage, candidate) = (fixture.storage.clone(), candidate.clone());
        tokio::spawn(async move { storage.lead(candidate, None).await.unwrap().term })
    });
    let asked: Vec<_> = asked.collect();
    let mut led = Vec::new();
    for answer in asked {
        led.extend(answer.await.unwrap());
    }
    assert_eq!(led, [1]);
}

pub async fn only_what_ended_longer_ago_than_the_rule_says_is_pruned(fixture: Fixture) {
    let seat = seat(&fixture).await;
    let mut old = Vec::new();
    let mut kept = Vec::new();
    // One second older than a minute, exactly a minute, one second younger.
    for age in [61, 60, 59] {
        for event in [Event::Completed, Event::Cancelled, Event::Discarded] {
            let ended = ended(&fixture, job(), event).await;
            if age > 60 { old.push(ended.id) } else { kept.push(ended.id) }
        }
        let mut others = fixture.insert([job(), job().schedule_at(crate::Timestamp::MIN)]).await;
        others.push(ended(&fixture, job(), Event::Failed { retry_in: 1.second() }).await);
        others.push(running(&fixture).await);
        kept.extend(ids(&others));
        fixture.clock.advance(1.second());
    }
    fixture.clock.advance(58.seconds());

    let pruned = prune(&fixture, &seat, [keep(60)]).await;
    assert_eq!(pruned.count(), 3);
    for state in [State::Completed, State::Cancelled, State::Discarded] {
        assert!(pruned.deleted.contains(&(state, 1)), "{pruned:?}");
    }
    for id in old {
        assert!(fixture.storage.job(id).await.unwrap().is_none(), "{id}");
    }
    for id in kept {
        assert!(fixture.storage.job(id).await.unwrap().is_some(), "{id}");
    }
}

pub async fn a_completed_job_ages_from_when_it_completed(fixture: Fixture) {
    let seat = seat(&fixture).await;
    let (_, late) = fixture.running(job()).await;
    fixture.clock.advance(1.hour());
    fixture.ack(ack(&late, Event::Completed)).await;

    assert_eq!(prune(&fixture, &seat, [keep(60)]).await.count(), 0, "it has only just ended");
    fixture.clock.advance(61.seconds());
    assert_eq!(prune(&fixture, &seat, [keep(60)]).await.count(), 1);
}

pub async fn each_state_is_kept_for_its_own_time(fixture: Fixture) {
    let seat = seat(&fixture).await;
    for event in [Event::Completed, Event::Cancelled, Event::Discarded] {
        ended(&fixture, job(), event).await;
    }
    fixture.clock.advance(1.hour());
    let rule = KeepRule { cancelled: None, discarded: Some(1.days()), ..keep(60) };
    assert_eq!(prune(&fixture, &seat, [rule.clone()]).await.deleted, [(State::Completed, 1)]);
    fixture.clock.advance(1.days());
    assert_eq!(prune(&fixture, &seat, [rule.clone()]).await.deleted, [(State::Discarded, 1)]);
    fixture.clock.advance(1_000.days());
    assert_eq!(prune(&fixture, &seat, [rule]).await.count(), 0, "cancelled ones stay for ever");
}

pub async fn the_first_rule_that_is_about_a_job_counts(fixture: Fixture) {
    let seat = seat(&fixture).await;
    let audit = ended(&fixture, job().queue("audit"), Event::Completed).await;
    let import = NewJob::of("Import", serde_json::json!({}));
    let import = ended(&fixture, import.queue("audit"), Event::Completed).await;
    let other = ended(&fixture, job(), Event::Completed).await;
    fixture.clock.advance(1.hour());

    let rules = [
        KeepRule {
            queue: Some("audit".into()),
            worker: Some("Import".into()),
            ..KeepRule::default()
        },
        KeepRule { queue: Some("audit".into()), ..keep(7_200) },
        keep(60),
    ];
    assert_eq!(prune(&fixture, &seat, rules.clone()).await.count(), 1);
    assert!(fixture.storage.job(other.id).await.unwrap().is_none());
    fixture.clock.advance(2.hours());
    assert_eq!(prune(&fixture, &seat, rules.clone()).await.count(), 1);
    assert!(fixture.storage.job(audit.id).await.unwrap().is_none());
    assert_eq!(prune(&fixture, &seat, [rules[1].clone()]).await.count(), 1, "of this rule alone");
    assert!(fixture.storage.job(import.id).await.unwrap().is_none());
    assert_eq!(prune(&fixture, &seat, []).await, Pruned::default());
}

pub async fn pruning_goes_on_from_where_it_ended(fixture: Fixture) {
    let seat = seat(&fixture).await;
    let mut all = Vec::new();
    for n in 0..7 {
        let event = if n % 2 == 0 { Event::Completed } else { Event::Snoozed { wait: TTL } };
        all.push(ended(&fixture, job(), event).await.id);
    }
    fixture.clock.advance(1.hour());
    let young = fixture.insert_one(job()).await.id;

    let step = async |after: JobId| {
        let (rules, upto) = (Arc::from([keep(60)]), JobId::MAX);
        let prune = Prune { seat: seat.clone(), rules, after, upto, limit: 3 };
        fixture.storage.prune(prune).await.unwrap()
    };
    let first = step(0).await;
    assert_eq!((first.first, first.last, first.more), (Some(all[0]), Some(all[2]), true));
    assert_eq!(first.count(), 2);
    let second = step(all[2]).await;
    assert_eq!((second.first, second.last, second.more), (Some(all[3]), Some(all[5]), true));
    assert_eq!(second.count(), 1);
    let last = step(all[5]).await;
    assert_eq!((last.last, last.more), (Some(all[6]), false), "it ends at what is too young");
    assert_eq!(last.count(), 1);
    let nothing = step(all[6]).await;
    assert_eq!((nothing.first, nothing.last, nothing.more), (Some(young), None, false));

    let prune = Prune {
        seat: seat.clone(),
        rules: Arc::from([keep(60)]),
        after: 0,
        upto: all[3],
        limit: 100,
    };
    let bounded = fixture.storage.prune(prune).await.unwrap();
    assert_eq!((bounded.first, bounded.last, bounded.more), (Some(all[1]), Some(all[3]), false));
}

pub async fn a_deposed_leader_changes_nothing(fixture: Fixture) {
    let ada = candidate("ada");
    let deposed = ada.seat(lead(&fixture, &ada, None).await.term.unwrap());
    let done = ended(&fixture, job(), Event::Completed).await;
    let foreign = foreign(&fixture, job()).await;
    fixture.clock.advance(1.hour());
    assert_eq!(lead(&fixture, &candidate("bob"), None).await.term, Some(2));

    assert_eq!(prune(&fixture, &deposed, [keep(60)]).await.count(), 0);
    let freed = fixture.storage.rescue_foreign(deposed, 1.minute(), 10).await.unwrap();
    assert!(freed.is_empty(), "{freed:?}");
    assert_same(&fixture.job(done.id).await, &done);
    assert_eq!(fixture.job(foreign.id).await.state, State::Executing);
}

pub async fn foreign_jobs_are_freed_by_their_age(fixture: Fixture) {
    let seat = seat(&fixture).await;
    let exhausted = foreign(&fixture, job().max_attempts(1)).await;
    fixture.clock.advance(1.second());
    let old = foreign(&fixture, job()).await;
    fixture.clock.advance(4.seconds());
    let young = foreign(&fixture, job()).await;
    fixture.clock.advance(3.seconds());

    let freed = fixture.storage.rescue_foreign(seat.clone(), 5.seconds(), 10).await.unwrap();
    let queue = || "default".to_owned();
    let expected = [(exhausted.id, queue(), State::Discarded), (old.id, queue(), State::Available)];
    assert_eq!(freed, expected);
    let row = fixture.job(old.id).await;
    assert_eq!((row.state, row.attempt, row.errors.len()), (State::Available, 1, 0));
    assert_eq!(meta(&row)[RESCUED], 1);
    let row = fixture.job(exhausted.id).await;
    assert_eq!((row.discarded_at, row.errors.len()), (Some(fixture.now()), 1));
    assert_eq!(fixture.job(young.id).await.state, State::Executing);
    let again = fixture.storage.rescue_foreign(seat, 5.seconds(), 10).await.unwrap();
    assert!(again.is_empty(), "{again:?}");
}

pub async fn at_most_the_limit_of_foreign_jobs_is_freed(fixture: Fixture) {
    let seat = seat(&fixture).await;
    for _ in 0..5 {
        foreign(&fixture, job()).await;
    }
    fixture.clock.advance(1.hour());
    let mut counts = Vec::new();
    for _ in 0..4 {
        let freed = fixture.storage.rescue_foreign(seat.clone(), 1.minute(), 2).await.unwrap();
        counts.push(freed.len());
    }
    assert_eq!(counts, [2, 2, 1, 0]);
}

pub async fn our_own_jobs_are_never_freed_by_their_age(fixture: Fixture) {
    let seat = seat(&fixture).await;
    let (_, running) = fixture.running(job()).await;
    fixture.clock.advance(TTL / 2);
    let freed = fixture.storage.rescue_foreign(seat, 1.second(), 10).await.unwrap();
    assert!(freed.is_empty(), "{freed:?}");
    assert_same(&fixture.job(running.id).await, &running);
}

pub async fn an_ack_can_write_the_true_start_back(fixture: Fixture) {
    for event in [Event::Completed, Event::Failed { retry_in: 1.second() }] {
        let (_, running) = fixture.running(job()).await;
        fixture.clock.advance(1.minute());
        fixture.raw("UPDATE oban_jobs SET attempted_at = scheduled_at").await;
        let began = running.attempted_at;
        let told = Ack { began, ..ack(&running, event) };
        assert_eq!(fixture.ack(told).await, Acked::Written);
        assert_eq!(fixture.job(running.id).await.attempted_at, began);
    }
}

fn candidate(node: &str) -> Candidate {
    Candidate { seat: "kerrera".into(), holder: Uuid::new_v4(), node: node.into(), ttl: TTL }
}

async fn lead(fixture: &Fixture, candidate: &Candidate, held: Option<i64>) -> Lease {
    fixture.storage.lead(candidate.clone(), held).await.unwrap()
}

/// A seat that is held for longer than a case takes.
async fn seat(fixture: &Fixture) -> Seat {
    let ada = Candidate { ttl: 10_000.days(), ..candidate("ada") };
    ada.seat(lead(fixture, &ada, None).await.term.unwrap())
}

fn keep(seconds: u64) -> KeepRule {
    let age = Some(Duration::from_secs(seconds));
    KeepRule { queue: None, worker: None, completed: age, cancelled: age, discarded: age }
}

async fn prune<const N: usize>(fixture: &Fixture, seat: &Seat, rules: [KeepRule; N]) -> Pruned {
    let (rules, upto) = (rules.to_vec().into(), JobId::MAX);
    let prune = Prune { seat: seat.clone(), rules, after: 0, upto, limit: 1_000 };
    fixture.storage.prune(prune).await.unwrap()
}

/// A job whose run ended so.
async fn ended(fixture: &Fixture, job: NewJob, event: Event) -> Job {
    let job = fixture.insert_one(job).await;
    let hand = Hand::enrolled(&fixture.storage, &job.queue).await;
    let claimed = hand.claim(1_000).await;
    for claimed in claimed {
        let event = if claimed.id == job.id { event } else { Event::Released };
        fixture.ack(ack(&claimed, event)).await;
    }
    fixture.job(job.id).await
}

/// A job that runs here.
async fn running(fixture: &Fixture) -> Job {
    let job = fixture.insert_one(job().queue("running")).await;
    let claimed = Hand::enrolled(&fixture.storage, "running").await.claim(1).await.remove(0);
    assert_eq!(claimed.id, job.id);
    claimed
}

/// A job that another implementation runs.
async fn foreign(fixture: &Fixture, job: NewJob) -> Job {
    let job = fixture.insert_one(job).await;
    let run = "UPDATE oban_jobs SET state = 'executing', attempt = 1, attempted_at = scheduled_at";
    fixture.raw(format!("{run} WHERE id = {}", job.id)).await;
    fixture.job(job.id).await
}
