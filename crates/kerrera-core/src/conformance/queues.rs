//! Steering queues: what is ordered, what it covers, and for how long it holds.

use std::sync::Arc;
use std::time::Duration;

use super::Fixture;
use crate::storage::{Action, Hint, Order, Orders, Setting, Signal, Standing, Until};
use crate::time::Units;

pub async fn nothing_is_ordered_at_first(fixture: Fixture) {
    assert_eq!(orders(&fixture).await, Orders::default());
    assert_eq!(revision(&fixture).await, 0);
}

pub async fn an_order_is_kept_with_its_particulars(fixture: Fixture) {
    let order = Order {
        node: Some("web-1".into()),
        reason: Some("smtp is down".to_owned()),
        by: Some("ada".to_owned()),
        until: Some(Until::In(90.minutes())),
        ..pause("mail")
    };
    fixture.storage.order(order).await.unwrap();
    let standing = orders(&fixture).await.standing.remove(0);
    let mut expected = Standing::new(standing.id, Setting::Paused(true));
    expected.queue = Some("mail".to_owned());
    expected.node = Some("web-1".to_owned());
    expected.reason = Some("smtp is down".to_owned());
    expected.by = Some("ada".to_owned());
    expected.at = fixture.now();
    expected.until = Some(fixture.now() + 90.minutes());
    expected.remaining = Some(90.minutes());
    assert_eq!(standing, expected);
}

pub async fn every_action_is_kept_as_what_it_says(fixture: Fixture) {
    let actions = [
        (Action::Pause, Setting::Paused(true)),
        (Action::Resume, Setting::Paused(false)),
        (Action::Scale { limit: 5 }, Setting::Limit(5)),
        (Action::Scale { limit: i32::MAX.unsigned_abs() }, Setting::Limit(i32::MAX.unsigned_abs())),
        (Action::Start { limit: 7, paused: true }, Setting::Started { limit: 7, paused: true }),
        (Action::Stop, Setting::Stopped),
    ];
    let mut newest = 0;
    for (action, setting) in actions {
        fixture.storage.order(Order { action, ..pause("mail") }).await.unwrap();
        let orders = orders(&fixture).await;
        let last = orders.standing.last().unwrap();
        assert_eq!(last.setting, setting);
        assert!(last.id > newest && last.id == orders.newest, "the newest has the largest number");
        newest = last.id;
    }
    assert_eq!(orders(&fixture).await.standing.len(), 3, "one of each setting");
}

pub async fn an_order_takes_the_place_of_those_that_it_covers(fixture: Fixture) {
    fixture.storage.order(pause("mail")).await.unwrap();
    fixture.storage.order(Order { node: node("web-1"), ..pause("mail") }).await.unwrap();
    fixture.storage.order(Order { node: node("web-1"), ..pause("other") }).await.unwrap();
    let scale = Action::Scale { limit: 3 };
    fixture.storage.order(Order { action: scale, ..pause("mail") }).await.unwrap();
    assert_eq!(scopes(&fixture).await, ["mail@*", "mail@web-1", "other@web-1", "mail@*"]);

    fixture.storage.order(resume("mail")).await.unwrap();
    assert_eq!(scopes(&fixture).await, ["other@web-1", "mail@*", "mail@*"]);
    fixture.storage.order(Order { queue: None, ..resume("") }).await.unwrap();
    assert_eq!(scopes(&fixture).await, ["mail@*", "*@*"], "the limit is another setting");
}

pub async fn a_pause_ends_by_itself(fixture: Fixture) {
    let until = fixture.now() + 1.hour();
    let short = Order { until: Some(Until::At(until)), ..pause("mail") };
    fixture.storage.order(short).await.unwrap();
    let before = orders(&fixture).await;
    fixture.clock.advance(1.hour() - Duration::from_micros(1));
    let remaining = orders(&fixture).await.standing[0].remaining;
    assert_eq!(remaining, Some(Duration::from_micros(1)));
    fixture.clock.advance(Duration::from_micros(1));
    let after = orders(&fixture).await;
    assert!(after.standing.is_empty());
    assert_eq!((after.newest, after.revision), (before.newest, before.revision));

    // One that is given too late is over before it begins.
    let late = Order { until: Some(Until::At(until)), ..pause("late") };
    fixture.storage.order(late).await.unwrap();
    assert!(orders(&fixture).await.standing.is_empty());
}

pub async fn a_pause_that_ends_by_itself_leaves_the_older_ones(fixture: Fixture) {
    fixture.storage.order(pause("mail")).await.unwrap();
    let all = Order { queue: None, until: Some(Until::In(1.hour())), ..pause("") };
    fixture.storage.order(all).await.unwrap();
    assert_eq!(scopes(&fixture).await, ["mail@*", "*@*"]);
    fixture.clock.advance(1.hour());
    assert_eq!(scopes(&fixture).await, ["mail@*"]);
    // But not those for the same queue and node.
    let short = Order { until: Some(Until::In(1.hour())), ..pause("mail") };
    fixture.storage.order(short).await.unwrap();
    fixture.clock.advance(1.hour());
    assert!(orders(&fixture).await.standing.is_empty());
}

pub async fn orders_that_have_ended_are_removed_once_that_is_told(fixture: Fixture) {
    let end = async || fixture.storage.end_orders("Oban".into()).await.unwrap();
    fixture.storage.order(pause("other")).await.unwrap();
    let short = Order { until: Some(Until::In(1.hour())), ..pause("mail") };
    fixture.storage.order(short).await.unwrap();
    end().await;
    assert!(!orders(&fixture).await.ended);
    assert_eq!(scopes(&fixture).await, ["other@*", "mail@*"], "none has ended");

    fixture.clock.advance(1.hour());
    // What is ordered meanwhile leaves it for those who have to tell of it.
    fixture.storage.order(resume("more")).await.unwrap();
    let before = orders(&fixture).await;
    assert!(before.ended);
    end().await;
    let after = orders(&fixture).await;
    assert!(!after.ended && after.revision != before.revision);
    assert_eq!((after.newest, after.standing), (before.newest, before.standing));
}

pub async fn a_reset_forgets_what_was_ordered(fixture: Fixture) {
    let reset = |queue| Order { action: Action::Reset, ..pause(queue) };
    fixture.storage.order(Order { queue: None, ..pause("") }).await.unwrap();
    fixture.storage.order(pause("mail")).await.unwrap();
    fixture.storage.order(Order { node: node("web-1"), ..pause("mail") }).await.unwrap();
    fixture.storage.order(reset("other")).await.unwrap();
    fixture.storage.order(reset("mail")).await.unwrap();
    assert_eq!(scopes(&fixture).await, ["*@*"]);
    fixture.storage.order(Order { queue: None, ..reset("") }).await.unwrap();
    assert_eq!(orders(&fixture).await, Orders::default());
}

pub async fn staging_shows_that_orders_have_changed(fixture: Fixture) {
    let mut revisions = vec![revision(&fixture).await];
    for order in [pause("a"), pause("a"), resume("b")] {
        fixture.storage.order(order).await.unwrap();
        revisions.push(revision(&fixture).await);
    }
    fixture.storage.order(Order { action: Action::Reset, ..pause("b") }).await.unwrap();
    revisions.push(revision(&fixture).await);
    assert!(revisions.windows(2).all(|pair| pair[0] != pair[1]), "{revisions:?}");
    assert_eq!(orders(&fixture).await.revision, revisions[4]);
}

pub async fn a_signal_is_recorded_by_the_first_that_hears_it(fixture: Fixture) {
    let signal = |queue: Option<&str>, action| Signal {
        ident: None,
        queue: queue.map(str::to_owned),
        action,
    };
    let record = async |signal, seen| fixture.storage.record(signal, None, seen).await.unwrap();
    record(signal(Some("mail"), Action::Pause), 0).await;
    let first = orders(&fixture).await;
    assert_eq!(first.standing.len(), 1);
    assert!(first.standing[0].is_signal);
    record(signal(Some("mail"), Action::Pause), 0).await;
    assert_eq!(orders(&fixture).await, first, "another node was faster");

    // Somebody resumed it before this node came to record the pause.
    fixture.storage.order(Order { queue: None, ..resume("") }).await.unwrap();
    record(signal(Some("mail"), Action::Pause), first.newest).await;
    assert_eq!(scopes(&fixture).await, ["*@*"]);
    // A limit, or an order for fewer, is no reason.
    let seen = orders(&fixture).await.newest;
    fixture.storage.order(pause("mail")).await.unwrap();
    record(signal(None, Action::Pause), seen).await;
    assert_eq!(scopes(&fixture).await, ["*@*"]);
    assert!(orders(&fixture).await.standing[0].is_signal);
    record(signal(Some("mail"), Action::Scale { limit: 2 }), seen).await;
    assert_eq!(scopes(&fixture).await, ["*@*", "mail@*"]);
}

pub async fn an_order_that_makes_no_sense_is_refused(fixture: Fixture) {
    let long = "x".repeat(501);
    let nonsense = [
        pause(""),
        pause("*"),
        pause(&"q".repeat(128)),
        Order { node: node(""), ..pause("a") },
        Order { node: node("*"), ..pause("a") },
        Order { node: node("my node"), ..pause("a") },
        Order { action: Action::Scale { limit: 0 }, ..pause("a") },
        Order { action: Action::Start { limit: u32::MAX, paused: false }, ..pause("a") },
        Order { queue: None, action: Action::Start { limit: 1, paused: false }, ..pause("a") },
        Order { until: Some(Until::In(1.hour())), ..resume("a") },
        Order { until: Some(Until::In(Duration::MAX)), ..pause("a") },
        Order { reason: Some(long), ..pause("a") },
        Order { by: Some("a\0b".to_owned()), ..pause("a") },
    ];
    for order in nonsense {
        let shown = format!("{order:?}");
        let error = fixture.storage.order(order).await.expect_err(&shown);
        assert!(error.is_config(), "{error}");
    }
    assert_eq!(orders(&fixture).await, Orders::default());
}

pub async fn names_and_words_are_kept_as_they_are(fixture: Fixture) {
    let odd = "it's \"odd\" \\ {é} 🦀; DROP TABLE oban_jobs;--";
    let order = Order { reason: Some(odd.to_owned()), by: Some(odd.to_owned()), ..pause(odd) };
    fixture.storage.order(order).await.unwrap();
    let standing = orders(&fixture).await.standing.remove(0);
    let kept = [standing.queue, standing.reason, standing.by];
    assert_eq!(kept.map(Option::unwrap), [odd; 3]);
}

pub async fn whoever_listens_hears_of_an_order(fixture: Fixture) {
    let mut listener = fixture.storage.listen().await.unwrap();
    fixture.storage.order(pause("mail")).await.unwrap();
    assert_eq!(listener.next().await.unwrap(), Hint::Ordered);
}

pub async fn producers_are_told_with_their_limit_and_pause(fixture: Fixture) {
    assert!(fixture.storage.producers().await.unwrap().is_empty());
    let mail = fixture.enroll("mail").await;
    let other = fixture.enroll("a").await;
    fixture.clock.advance(1.hour());
    let producers = fixture.storage.producers().await.unwrap();
    let uuids: Vec<_> = producers.iter().map(|producer| producer.uuid).collect();
    assert_eq!(uuids, [other.producer.uuid, mail.producer.uuid], "by queue");
    let first = &producers[1];
    assert_eq!((&*first.queue, &*first.node), ("mail", "node-1"));
    assert_eq!((first.limit, first.paused), (10, false));
    assert_eq!(first.started_at + 1.hour(), fixture.now());

    let mut beat = mail.beat(&[]);
    (beat.limit, beat.paused) = (3, true);
    fixture.storage.beat(vec![beat, other.beat(&[])]).await.unwrap();
    let producers = fixture.storage.producers().await.unwrap();
    assert_eq!((producers[0].limit, producers[0].paused), (10, false));
    assert_eq!((producers[1].limit, producers[1].paused), (3, true));

    fixture.storage.retire(uuids).await.unwrap();
    assert!(fixture.storage.producers().await.unwrap().is_empty());
}

pub(super) fn pause(queue: &str) -> Order {
    Order {
        queue: Some(queue.into()),
        node: None,
        action: Action::Pause,
        until: None,
        reason: None,
        by: None,
        instance: "Oban".into(),
    }
}

fn resume(queue: &str) -> Order {
    Order { action: Action::Resume, ..pause(queue) }
}

fn node(name: &str) -> Option<Arc<str>> {
    Some(name.into())
}

async fn orders(fixture: &Fixture) -> Orders {
    fixture.storage.orders().await.unwrap()
}

async fn revision(fixture: &Fixture) -> i64 {
    fixture.storage.stage(1, Vec::new()).await.unwrap().revision
}

/// For which queue and node each order is, oldest first.
async fn scopes(fixture: &Fixture) -> Vec<String> {
    let every = || "*".to_owned();
    let standing = orders(fixture).await.standing.into_iter();
    standing
        .map(|order| {
            let (queue, node) =
                (order.queue.unwrap_or_else(every), order.node.unwrap_or_else(every));
            format!("{queue}@{node}")
        })
        .collect()
}
