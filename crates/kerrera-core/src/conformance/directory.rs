//! Who is there and what they can do.

use std::time::Duration;

use uuid::Uuid;

use super::Fixture;
use crate::directory::{KnownWorker, LoopCard, NodeCard, Release, WorkerCard};
use crate::storage::{Candidate, Tidying};
use crate::time::Units;
use crate::unique::until_finished;

fn worker(name: &str, description: &str) -> WorkerCard {
    WorkerCard {
        queue: "mail".into(),
        max_attempts: 3,
        tags: vec!["it's".into()],
        timeout: Some(90.seconds()),
        unique: Some(until_finished().by_keys(["a\0b"])),
        description: description.into(),
        sensitive: vec!["card.number".into()],
        ..WorkerCard::named(name)
    }
}

fn node(name: &str, workers: &[&str]) -> NodeCard {
    NodeCard {
        node: name.into(),
        version: "1.2.3".into(),
        release: Some(Release::new("shop", "4")),
        loops: vec![LoopCard::new("stager", 3.seconds(), Some("it's \"down\" {é}\0".into()))],
        workers: workers.iter().map(|it| (*it).to_owned()).collect(),
        ..NodeCard::default()
    }
}

async fn declare(fixture: &Fixture, node: &str, cards: &[WorkerCard]) {
    fixture.storage.declare_workers(node.into(), cards.to_vec()).await.unwrap();
}

async fn workers(fixture: &Fixture) -> Vec<KnownWorker> {
    fixture.storage.known_workers().await.unwrap()
}

pub async fn a_worker_is_known_as_it_was_declared_last(fixture: Fixture) {
    assert_eq!(workers(&fixture).await, []);
    let first = fixture.now();
    declare(&fixture, "a", &[worker("W", "old"), worker("V", "{}")]).await;
    fixture.clock.advance(1.hour());
    declare(&fixture, "b", &[worker("W", "new \"words\" \u{1f980}")]).await;
    let known = workers(&fixture).await;
    let told: Vec<_> = known.iter().map(|it| (it.card.clone(), it.declared_by.as_str())).collect();
    assert_eq!(told, [(worker("V", "{}"), "a"), (worker("W", "new \"words\" \u{1f980}"), "b")]);
    assert_eq!((known[1].first_seen, known[1].seen_at), (first, fixture.now()));
    assert_eq!(known[1].nodes, [""; 0], "none has said that it is there");
}

pub async fn a_node_is_known_as_it_said_last(fixture: Fixture) {
    assert_eq!(fixture.storage.known_nodes().await.unwrap(), []);
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    let began = fixture.now();
    fixture.storage.announce(other, node("b", &[])).await.unwrap();
    fixture.storage.announce(one, node("a", &["V"])).await.unwrap();
    fixture.clock.advance(12.seconds());
    fixture.storage.announce(one, node("a", &["W"])).await.unwrap();
    let known = fixture.storage.known_nodes().await.unwrap();
    let told: Vec<_> = known.iter().map(|it| (it.process, it.card.clone(), it.silent)).collect();
    let expected =
        [(one, node("a", &["W"]), Duration::ZERO), (other, node("b", &[]), 12.seconds())];
    assert_eq!(told, expected);
    assert_eq!((known[0].started_at, known[0].seen_at), (began, fixture.now()));
    assert!(known.iter().all(|node| node.lives) && !known[0].card.is_healthy());
}

pub async fn silence_is_told_where_it_tells_anything(fixture: Fixture) {
    fixture.storage.announce(Uuid::from_u128(1), node("a", &["W"])).await.unwrap();
    declare(&fixture, "a", &[worker("W", "")]).await;
    assert_eq!(workers(&fixture).await[0].nodes, ["a"]);
    fixture.clock.advance(1.minutes());
    let lives = !fixture.storage.silence_is_death();
    assert_eq!(fixture.storage.known_nodes().await.unwrap()[0].lives, lives);
    assert_eq!(workers(&fixture).await[0].nodes.is_empty(), !lives);
}

pub async fn a_node_that_goes_is_known_no_more_and_its_workers_are(fixture: Fixture) {
    let process = Uuid::from_u128(1);
    declare(&fixture, "a", &[worker("V", ""), worker("W", "")]).await;
    fixture.storage.announce(process, node("a", &["W"])).await.unwrap();
    fixture.clock.advance(1.hour());
    fixture.storage.depart(process, vec!["W".to_owned()]).await.unwrap();
    assert_eq!(fixture.storage.known_nodes().await.unwrap(), []);
    let known = workers(&fixture).await;
    let silent: Vec<_> = known.iter().map(|it| fixture.now().since(it.seen_at)).collect();
    assert_eq!(silent, [1.hour(), Duration::ZERO]);
    fixture.storage.depart(process, Vec::new()).await.unwrap();
}

pub async fn what_is_not_seen_for_long_is_forgotten(fixture: Fixture) {
    declare(&fixture, "a", &[worker("V", ""), worker("W", "")]).await;
    fixture.storage.announce(Uuid::from_u128(1), node("a", &["W"])).await.unwrap();
    fixture.clock.advance(10.days());
    fixture.storage.announce(Uuid::from_u128(2), node("b", &["W"])).await.unwrap();
    let candidate = Candidate {
        seat: "kerrera".into(),
        holder: Uuid::new_v4(),
        node: "b".into(),
        ttl: 1.minutes(),
    };
    let term = fixture.storage.lead(candidate.clone(), None).await.unwrap().term.unwrap();
    let tidy = async |term| {
        let tidying = Tidying {
            seat: candidate.seat(term),
            workers: vec!["W".to_owned()],
            nodes_after: 1.days(),
            workers_after: 9.days(),
        };
        fixture.storage.tidy_directory(tidying).await.unwrap();
        let workers = workers(&fixture).await;
        let workers: Vec<String> = workers.into_iter().map(|it| it.card.name).collect();
        (workers, fixture.storage.known_nodes().await.unwrap().len())
    };
    let both = vec!["V".to_owned(), "W".to_owned()];
    assert_eq!(tidy(term + 1).await, (both, 2), "who does not lead forgets nothing");
    assert_eq!(tidy(term).await, (vec!["W".to_owned()], 1));
    assert_eq!(workers(&fixture).await[0].seen_at, fixture.now());
}

pub async fn a_storage_tells_of_its_connections(fixture: Fixture) {
    let connections = fixture.storage.connections();
    assert!(!connections.is_empty() && connections.iter().all(|some| some.most > 0));
}
