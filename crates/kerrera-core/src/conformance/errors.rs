//! Failures that are alike.

use std::time::Duration;

use super::Fixture;
use super::fixture::{ack, failure, job};
use crate::fingerprint::Fingerprint;
use crate::job_query::JobQuery;
use crate::new_job::NewJob;
use crate::state::{Event, State};
use crate::storage::{
    Ack, COUNTS_KEPT_FOR, Candidate, ErrorGroup, ErrorOrder, ErrorQuery, ErrorTally, Seat,
};
use crate::time::Units;

pub async fn failures_are_counted_in_their_groups(fixture: Fixture) {
    let storage = &fixture.storage;
    let begun = fixture.now();
    storage
        .note_errors(vec![tally("A", "no user", 1, 3), tally("B", "\u{fffd}'; --", 2, 1)])
        .await
        .unwrap();
    fixture.clock.advance(2.hours());
    storage.note_errors(vec![tally("A", "no user", 3, 2)]).await.unwrap();
    let groups = storage.errors(ErrorQuery::new()).await.unwrap();
    let (a, b) = (&groups[0], &groups[1]);
    assert_eq!(
        (a.worker.as_str(), a.message.as_str(), a.node.as_str()),
        ("A", "no user", "node-1")
    );
    assert_eq!(a.fingerprint, Fingerprint::of("A", "no user"));
    assert_eq!((a.total, a.hour, a.day, a.week, a.last_job), (5, 2, 5, 5, 3));
    assert_eq!((a.first_seen, a.last_seen), (begun, fixture.now()));
    assert_eq!((b.total, b.hour, b.day, b.message.as_str()), (1, 0, 1, "\u{fffd}'; --"));

    let counts = storage.error_counts(vec![a.fingerprint], 1.day()).await.unwrap();
    assert_eq!(counts.iter().map(|(_, _, count)| *count).collect::<Vec<_>>(), [3, 2]);
    assert!(counts[0].1 <= begun && begun - 10.minutes() < counts[0].1, "{counts:?}");
    assert_eq!(storage.error_counts(vec![a.fingerprint], 1.hour()).await.unwrap().len(), 1);
    let both = vec![a.fingerprint, b.fingerprint, Fingerprint::of("C", "none")];
    let mut both = storage.error_counts(both, 1.day()).await.unwrap();
    assert!(both.is_sorted());
    both.retain(|(fingerprint, _, _)| *fingerprint == b.fingerprint);
    assert_eq!(both.len(), 1);
    assert_eq!(storage.error_counts(Vec::new(), 1.day()).await.unwrap(), []);

    fixture.clock.advance(6.days());
    let groups = storage.errors(ErrorQuery::new()).await.unwrap();
    assert_eq!((groups[0].hour, groups[0].day, groups[0].week), (0, 0, 5));
    storage.note_errors(Vec::new()).await.unwrap();
}

pub async fn groups_are_found_by_time_by_number_and_by_worker(fixture: Fixture) {
    let storage = &fixture.storage;
    for (worker, message, count) in [("A", "a", 1), ("A", "b", 7), ("B", "c", 3), ("B", "d", 3)] {
        storage.note_errors(vec![tally(worker, message, 1, count)]).await.unwrap();
        fixture.clock.advance(1.hour());
    }
    let words = async |query: ErrorQuery| -> Vec<String> {
        let groups = storage.errors(query).await.unwrap();
        groups.into_iter().map(|group| group.message).collect()
    };
    let query = ErrorQuery::new;
    assert_eq!(words(query()).await, ["d", "c", "b", "a"]);
    assert_eq!(words(query().worker("A")).await, ["b", "a"]);
    assert_eq!(words(query().fingerprint(Fingerprint::of("B", "c"))).await, ["c"]);
    let first = storage.errors(query().limit(2)).await.unwrap();
    assert_eq!(words(query().limit(2).after(&first[1])).await, ["b", "a"]);

    let frequent = |window: Duration| query().order(ErrorOrder::Frequent(window));
    let day = words(frequent(1.day())).await;
    assert_eq!((day[0].as_str(), day[3].as_str(), day.len()), ("b", "a", 4));
    assert_eq!(words(frequent(150.minutes()).worker("B").limit(5)).await.len(), 2);
    assert_eq!(words(frequent(90.minutes())).await, ["d"]);
    assert_eq!(words(frequent(Duration::MAX)).await.len(), 4);
    for wrong in [query().limit(0), query().worker("\0"), frequent(1.day()).after(&first[0])] {
        assert!(storage.errors(wrong).await.unwrap_err().is_config());
    }
}

pub async fn counts_from_many_sides_are_added_up(fixture: Fixture) {
    let notes = (0..8_u64).map(|n| {
        let mut tallies: Vec<ErrorTally> =
            (0..20).map(|kind| tally("A", &format!("kind {}", letter(kind)), 1, 1)).collect();
        if n % 2 == 1 {
            tallies.reverse();
        }
        let storage = fixture.storage.clone();
        tokio::spawn(async move { storage.note_errors(tallies).await })
    });
    for note in notes.collect::<Vec<_>>() {
        note.await.unwrap().unwrap();
    }
    let groups = fixture.storage.errors(ErrorQuery::new()).await.unwrap();
    assert_eq!(groups.len(), 20);
    assert!(groups.iter().all(|group| (group.total, group.hour) == (8, 8)), "{groups:?}");
}

pub async fn a_job_is_found_by_its_last_failure(fixture: Fixture) {
    let storage = &fixture.storage;
    let (hand, _) = fixture.running(job()).await;
    let jobs = fixture.insert((0..3).map(|_| NewJob::of("W", serde_json::json!({})))).await;
    let claimed = hand.claim(3).await;
    for (job, words) in claimed.iter().zip(["no user 1", "no user 2", "no server"]) {
        let retry_in = if words == "no user 2" { Duration::ZERO } else { 1.hour() };
        let failed = ack(job, Event::Failed { retry_in });
        fixture.ack(Ack { failure: failure(job, words), ..failed }).await;
    }
    let user = Fingerprint::of("W", "no user 0");
    let query = || JobQuery::new().failed_with([user]);
    let found = storage.jobs(query().validate().unwrap()).await.unwrap();
    assert_eq!(super::fixture::ids(&found), [jobs[0].id, jobs[1].id]);
    assert_eq!(found[0].errors[0].fingerprint, Some(user));

    // It fails once more, and otherwise.
    storage.stage(10, vec![]).await.unwrap();
    let again = hand.claim(3).await;
    let again = again.iter().find(|job| job.id == jobs[1].id).unwrap();
    let failed = ack(again, Event::Failed { retry_in: 1.hour() });
    fixture.ack(Ack { failure: failure(again, "no server"), ..failed }).await;
    let found = storage.jobs(query().validate().unwrap()).await.unwrap();
    assert_eq!(super::fixture::ids(&found), [jobs[0].id]);
    let server = JobQuery::new().failed_with([Fingerprint::of("W", "no server")]);
    let server = server.states([State::Retryable]).validate().unwrap();
    assert_eq!(storage.count(server).await.unwrap(), 2);
    assert!(JobQuery::new().failed_with([]).validate().unwrap_err().is_config());
}

pub async fn a_run_that_was_cancelled_keeps_its_fingerprint(fixture: Fixture) {
    let (_, job) = fixture.running(job()).await;
    let query = JobQuery::new().ids([job.id]).validate().unwrap();
    let batch = crate::storage::Batch {
        operation: crate::storage::Operation::Cancel,
        conditions: query.conditions,
        after: None,
        limit: 1,
    };
    fixture.storage.manage(batch).await.unwrap();
    let told = Ack { failure: failure(&job, "tidied up"), ..ack(&job, Event::Cancelled) };
    fixture.ack(told).await;
    let error = fixture.job(job.id).await.errors.remove(0);
    assert_eq!(error.fingerprint, Some(Fingerprint::of("Worker", "tidied up")));
}

pub async fn groups_without_news_are_forgotten_by_the_leader(fixture: Fixture) {
    let storage = &fixture.storage;
    let candidate = Candidate {
        seat: "kerrera".into(),
        holder: crate::Uuid::new_v4(),
        node: "node-1".into(),
        ttl: 365.days(),
    };
    let term = storage.lead(candidate.clone(), None).await.unwrap().term.unwrap();
    let seat = candidate.seat(term);
    for message in ["a", "b", "c"] {
        storage.note_errors(vec![tally("A", message, 1, 1)]).await.unwrap();
        fixture.clock.advance(1.hour());
    }
    let deposed = Seat { term: term + 1, ..seat.clone() };
    assert_eq!(storage.prune_errors(deposed, 90.minutes(), 10).await.unwrap(), 0);
    assert_eq!(storage.prune_errors(seat.clone(), 90.minutes(), 1).await.unwrap(), 1);
    assert_eq!(storage.prune_errors(seat.clone(), 90.minutes(), 10).await.unwrap(), 1);
    assert_eq!(storage.prune_errors(seat.clone(), 90.minutes(), 10).await.unwrap(), 0);
    let left: Vec<ErrorGroup> = storage.errors(ErrorQuery::new()).await.unwrap();
    assert_eq!((left.len(), left[0].message.as_str()), (1, "c"));

    fixture.clock.advance(COUNTS_KEPT_FOR);
    let removed = storage.prune_errors(seat, 365.days(), 10).await.unwrap();
    assert_eq!(removed, 3, "the counts of all three");
    assert_eq!(storage.errors(ErrorQuery::new()).await.unwrap().len(), 1);
}

fn tally(worker: &str, message: &str, job: i64, count: u64) -> ErrorTally {
    ErrorTally {
        fingerprint: Fingerprint::of(worker, message),
        worker: worker.to_owned(),
        message: message.to_owned(),
        node: "node-1".into(),
        job,
        count,
    }
}

fn letter(n: u8) -> char {
    char::from(b'a' + n)
}
