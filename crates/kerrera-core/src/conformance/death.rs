//! Several processes on one database, one of which dies.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use uuid::Uuid;

use super::claim::claim_all;
use super::fixture::{Hand, ack, ids, job, valid};
use super::insert::assert_same;
use super::queues::pause;
use super::{Fixture, unique};
use crate::state::{Event, State};
use crate::storage::{Acked, Hint, Sighting, Storage};
use crate::time::Units;

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

pub async fn the_jobs_of_a_dead_process_run_again(fixture: Fixture) {
    let (survivor, ours) = fixture.running(job()).await;
    let process = fixture.neighbour().await;
    let hand = Hand::enrolled(&process, "default").await;
    fixture.insert([job(), job().max_attempts(1)]).await;
    let theirs = hand.claim(2).await;
    let dead = hand.producer.uuid;
    kill(hand, process);

    let sighting = sighting(&fixture, dead).await;
    let rescue = fixture.storage.rescue(vec![sighting], 100).await.unwrap();
    assert_eq!(rescue.removed, [dead]);
    let mut freed: Vec<_> = rescue.jobs.into_iter().map(|(id, _, state)| (id, state)).collect();
    freed.sort_unstable_by_key(|(id, _)| *id);
    assert_eq!(freed, [(theirs[0].id, State::Available), (theirs[1].id, State::Discarded)]);

    let pulse = fixture.storage.beat(vec![survivor.beat(&[&ours])]).await.unwrap();
    assert!(pulse.dead.is_empty() && pulse.gone.is_empty(), "the living are untouched");
    assert_eq!(ids(&survivor.claim(10).await), [theirs[0].id]);
}

pub async fn a_living_process_is_not_rescued(fixture: Fixture) {
    let process = fixture.neighbour().await;
    let hand = Hand::enrolled(&process, "default").await;
    fixture.insert_one(job()).await;
    let theirs = hand.claim(1).await.remove(0);

    let look = fixture.storage.look().await.unwrap();
    assert_eq!(look.doubtful, []);
    let rescue = fixture.storage.rescue(look.doubtful, 100).await.unwrap();
    assert!(rescue.removed.is_empty() && rescue.jobs.is_empty(), "{rescue:?}");
    assert_same(&fixture.job(theirs.id).await, &theirs);
    let acked = process.ack(vec![ack(&theirs, Event::Completed)]).await.unwrap();
    assert_eq!(acked, [Acked::Written]);
}

pub async fn a_producer_that_stirred_is_not_removed(fixture: Fixture) {
    let process = fixture.neighbour().await;
    let hand = Hand::enrolled(&process, "default").await;
    fixture.insert_one(job()).await;
    let theirs = hand.claim(1).await.remove(0);
    let producer = hand.producer.uuid;
    kill(hand, process);

    let seen = sighting(&fixture, producer).await;
    let stale = Sighting { mark: seen.mark.wrapping_sub(1), ..seen };
    let rescue = fixture.storage.rescue(vec![stale], 100).await.unwrap();
    assert!(rescue.removed.is_empty() && rescue.jobs.is_empty(), "{rescue:?}");
    assert_eq!(fixture.job(theirs.id).await.state, State::Executing);
}

pub async fn a_process_that_retired_and_died_frees_its_last_job(fixture: Fixture) {
    let process = fixture.neighbour().await;
    let hand = Hand::enrolled(&process, "default").await;
    fixture.insert_one(job()).await;
    let theirs = hand.claim(1).await.remove(0);
    let producer = hand.producer.uuid;
    process.retire(vec![producer]).await.unwrap();
    kill(hand, process);

    let sighting = sighting(&fixture, producer).await;
    let rescue = fixture.storage.rescue(vec![sighting], 100).await.unwrap();
    assert_eq!(rescue.jobs, [(theirs.id, "default".to_owned(), State::Available)]);
}

pub async fn two_processes_never_take_the_same_job(fixture: Fixture) {
    fixture.insert((0..300).map(|_| job())).await;
    let mut claimers = Vec::new();
    for limit in [1, 10, 50] {
        let process = fixture.neighbour().await;
        let hand = Hand::enrolled(&process, "default").await;
        claimers.push(tokio::spawn(claim_all(hand, limit)));
    }
    let hand = fixture.enroll("default").await;
    claimers.push(tokio::spawn(claim_all(hand, 5)));
    let mut taken = Vec::new();
    for claimer in claimers {
        taken.extend(claimer.await.unwrap());
    }
    assert_eq!(taken.len(), 300);
    assert_eq!(taken.iter().collect::<HashSet<_>>().len(), 300);
}

pub async fn an_insert_of_one_process_is_seen_by_the_other(fixture: Fixture) {
    let mut listener = fixture.storage.listen().await.unwrap();
    let process = fixture.neighbour().await;
    process.insert(valid([job().queue("mailers")])).await.unwrap();
    process.notify(vec!["mailers".into()]).await.unwrap();

    let hint = tokio::time::timeout(PATIENCE, listener.next()).await.expect("a hint").unwrap();
    assert!(matches!(&hint, Hint::Changed) || hint == Hint::Work("mailers".to_owned()), "{hint:?}");
}

/// Ends a process without a word.
fn kill(hand: Hand, process: Arc<dyn Storage>) {
    drop(hand);
    assert_eq!(Arc::strong_count(&process), 1, "nothing else keeps the process alive");
    drop(process);
}

/// Waits until a look finds the producer of a process that has been killed.
async fn sighting(fixture: &Fixture, producer: Uuid) -> Sighting {
    fixture.clock.advance(1.hour());
    let found = async {
        loop {
            let look = fixture.storage.look().await.unwrap();
            let found = look.doubtful.into_iter().find(|seen| seen.producer == producer);
            match found {
                Some(sighting) => return sighting,
                // Its lock falls when the system notices.
                None => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    };
    tokio::time::timeout(PATIENCE, found).await.expect("the dead producer is seen")
}

pub async fn an_order_of_one_process_is_heard_by_the_other(fixture: Fixture) {
    let neighbour = fixture.neighbour().await;
    let mut listener = neighbour.listen().await.unwrap();
    fixture.storage.order(pause("mailers")).await.unwrap();
    let hint = tokio::time::timeout(PATIENCE, listener.next()).await.expect("a hint").unwrap();
    assert!(matches!(&hint, Hint::Changed | Hint::Ordered), "{hint:?}");
    assert_eq!(neighbour.orders().await.unwrap().standing.len(), 1);
}

pub async fn of_64_insertions_of_several_processes_one_is_new(fixture: Fixture) {
    let mut storages = vec![fixture.storage.clone()];
    for _ in 0..3 {
        storages.push(fixture.neighbour().await);
    }
    unique::one_is_new(&fixture, storages).await;
}
