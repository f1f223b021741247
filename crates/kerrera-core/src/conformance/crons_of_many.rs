//! Jobs at times of the clock, fired by several processes.

use std::time::Duration;

use super::Fixture;
use super::crons::{declare, every, fire_at_once, jobs};
use super::fixture::Hand;
use crate::cron::Misfire;
use crate::time::Units;

pub async fn nodes_that_fire_at_once_insert_one_job_a_slot(fixture: Fixture) {
    declare(&fixture, every("* * * * *").misfire(Misfire::All { most: 5 })).await;
    let (second, third) = (fixture.neighbour().await, fixture.neighbour().await);
    let storages = [&fixture.storage, &second, &third];
    for round in 1..=20 {
        fixture.clock.advance(1.minute());
        // Every node, twice.
        let fired = fire_at_once(&[storages, storages].concat()).await;
        assert_eq!(fired.iter().map(Vec::len).sum::<usize>(), 1, "round {round}");
    }
    assert_eq!(jobs(&fixture).await, 20);
}

pub async fn a_dead_process_is_no_other_node(fixture: Fixture) {
    let hand = fixture.enroll("default").await;
    let process = fixture.neighbour().await;
    let other = Hand::enrolled(&process, "default").await;
    fixture.clock.advance(1.second());
    // Later than the last sign of life, as a node sees it that starts now.
    let since = fixture.now();
    let lives = async || {
        let nodes = fixture.storage.other_nodes(vec![hand.producer.uuid], since).await.unwrap();
        assert_eq!(nodes.others.len(), 1);
        nodes.others[0].lives
    };
    assert_eq!(lives().await, Some(true));
    drop((other, process));
    // The server or the operating system frees its lock when it has noticed.
    for _ in 0..1_000 {
        if lives().await != Some(true) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the dead process still counts");
}
