//! Queues that are steered while nodes run.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use kerrera::prelude::*;
use kerrera::{Connectivity, Queue, QueueCheck, Setting, Tuning};
use serde_json::json;
use tokio::sync::Semaphore;

use crate::on_both;
use crate::scene::{Scene, insert};

/// Runs until the gate lets it through; counts how many run.
#[derive(Serialize, Deserialize, Worker)]
pub(crate) struct Wait {}

#[derive(Clone)]
pub(crate) struct Gate(Arc<(Semaphore, AtomicUsize)>);

impl Gate {
    pub(crate) fn closed() -> Gate {
        Gate(Arc::new((Semaphore::new(0), AtomicUsize::new(0))))
    }

    pub(crate) fn open() -> Gate {
        Gate(Arc::new((Semaphore::new(Semaphore::MAX_PERMITS), AtomicUsize::new(0))))
    }

    fn let_through(&self, jobs: usize) {
        self.0.0.add_permits(jobs);
    }

    fn running(&self) -> usize {
        self.0.1.load(Ordering::SeqCst)
    }
}

impl Perform<Gate> for Wait {
    async fn perform(&self, cx: &Context<Gate>) -> JobResult {
        let (gate, running) = &*cx.state().0;
        running.fetch_add(1, Ordering::SeqCst);
        let _counted = scopeguard(running);
        gate.acquire().await?.forget();
        done()
    }
}

/// Counts down when the run ends, however it ends.
fn scopeguard(running: &AtomicUsize) -> impl Drop + '_ {
    struct Guard<'a>(&'a AtomicUsize);
    impl Drop for Guard<'_> {
        fn drop(&mut self) {
            self.0.fetch_sub(1, Ordering::SeqCst);
        }
    }
    Guard(running)
}

pub(crate) async fn node(scene: &Scene, name: &str, gate: &Gate) -> Kerrera {
    let builder = scene.builder().node(name).state(gate.clone());
    let builder = builder.queue("default", 2).queue("other", 2).worker::<Wait>();
    builder.start().await.unwrap()
}

pub(crate) fn wait() -> NewJob {
    NewJob::of("Wait", json!({}))
}

/// Waits until something holds.
#[track_caller]
pub(crate) fn until(what: &str, mut test: impl AsyncFnMut() -> bool) -> impl Future<Output = ()> {
    let place = std::panic::Location::caller();
    async move {
        for _ in 0..4_000 {
            if test().await {
                return;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("it never was so that {what}, at {place}");
    }
}

pub(crate) fn paused(kerrera: &Kerrera, queue: &str) -> bool {
    kerrera.check_queue(queue).unwrap().paused
}

pub(crate) fn limit(kerrera: &Kerrera, queue: &str) -> u32 {
    kerrera.check_queue(queue).unwrap().limit
}

async fn a_pause_holds_everywhere_and_after_a_restart(scene: Scene) {
    let gate = Gate::open();
    let (one, two) = (node(&scene, "one", &gate).await, node(&scene, "two", &gate).await);
    let client = scene.client().await;
    client.queue("default").reason("the server is down").by("ada").pause().await.unwrap();
    for node in [&one, &two] {
        until("the queue is paused", async || paused(node, "default")).await;
        assert!(!paused(node, "other"));
    }
    let id = insert(&client, wait()).await;
    let control = insert(&client, wait().queue("other")).await;
    scene.reaches(control, State::Completed).await;

    one.shutdown().await;
    two.shutdown().await;
    let again = node(&scene, "one", &gate).await;
    assert!(paused(&again, "default"), "from the first moment on");
    let control = insert(&client, wait().queue("other")).await;
    scene.reaches(control, State::Completed).await;
    assert_eq!(client.job(id).await.unwrap().unwrap().state, State::Available);
    let orders = client.queue_orders().await.unwrap();
    assert_eq!(orders[0].reason.as_deref(), Some("the server is down"));
    assert_eq!((orders[0].by.as_deref(), orders[0].is_signal), (Some("ada"), false));

    client.queue("default").resume().await.unwrap();
    scene.reaches(id, State::Completed).await;
    again.shutdown().await;
}

async fn a_pause_of_one_node_leaves_the_other(scene: Scene) {
    let gate = Gate::open();
    let (one, two) = (node(&scene, "web.1", &gate).await, node(&scene, "web.2", &gate).await);
    one.queue("default").node("web.2").pause().await.unwrap();
    until("the other one is paused", async || paused(&two, "default")).await;
    two.local_queue("other").unwrap().pause().await.unwrap();
    until("it is paused here", async || paused(&two, "other")).await;
    assert!(!paused(&one, "default") && !paused(&one, "other"));
    one.queue("default").node("web.3").pause().await.unwrap();
    two.queues().node("web.2").resume().await.unwrap();
    until("all is resumed", async || !paused(&two, "default") && !paused(&two, "other")).await;
    assert!(!paused(&one, "default"));
    one.shutdown().await;
    two.shutdown().await;
}

async fn all_queues_follow_an_order_for_all(scene: Scene) {
    let gate = Gate::open();
    let (one, two) = (node(&scene, "one", &gate).await, node(&scene, "two", &gate).await);
    one.queue("default").resume().await.unwrap();
    one.queues().pause().await.unwrap();
    for node in [&one, &two] {
        let all = async || node.check_all_queues().iter().all(|check| check.paused);
        until("everything is paused", all).await;
    }
    one.queue("other").resume().await.unwrap();
    until("one is resumed", async || !paused(&two, "other")).await;
    assert!(paused(&two, "default"));
    two.local_queues().scale(7).await.unwrap();
    until("it is scaled here", async || limit(&two, "default") == 7).await;
    assert_eq!((limit(&two, "other"), limit(&one, "other")), (7, 2));
    one.queues().reset().await.unwrap();
    let reset = async || !paused(&two, "default") && limit(&two, "default") == 2;
    until("it is as it was configured", reset).await;
    one.shutdown().await;
    two.shutdown().await;
}

async fn a_pause_ends_by_itself(scene: Scene) {
    let gate = Gate::open();
    let kerrera = node(&scene, "one", &gate).await;
    kerrera.queue("default").pause_for(600.milliseconds()).await.unwrap();
    until("it is paused", async || paused(&kerrera, "default")).await;
    let id = insert(&kerrera, wait()).await;
    scene.reaches(id, State::Completed).await;
    assert!(!paused(&kerrera, "default"));
    let past = kerrera::Timestamp::now() + Duration::ZERO;
    kerrera.queue("default").pause_until(past).await.unwrap();
    let id = insert(&kerrera, wait()).await;
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
}

/// Nobody is told of what is written to the table by hand.
async fn an_order_that_nobody_was_told_of_is_found_by_the_poll(scene: Scene) {
    let kerrera = node(&scene, "one", &Gate::open()).await;
    let at = if scene.postgres_url().is_some() { "timezone('UTC', now())" } else { "0" };
    scene
        .raw(&format!(
            "INSERT INTO kerrera_queues (queue, node, setting, paused, source, at)
             VALUES ('default', '*', 'paused', true, 'kerrera', {at})"
        ))
        .await;
    until("it is paused", async || paused(&kerrera, "default")).await;
    scene.raw("DELETE FROM kerrera_queues").await;
    until("it is as it was configured", async || !paused(&kerrera, "default")).await;
    kerrera.shutdown().await;
}

/// What is compared with the poll is what was read last, for whatever reason it was read.
async fn an_order_that_is_taken_back_before_the_poll_saw_it_holds_no_more(scene: Scene) {
    let builder = scene.builder().node("one").state(Gate::open()).queue("default", 2);
    let builder = builder.worker::<Wait>();
    let seldom = |tuning: &mut Tuning| tuning.stage_interval = Duration::from_secs(1);
    let kerrera = builder.tune(seldom).start().await.unwrap();
    let hears = async || kerrera.health().connectivity != Connectivity::Unknown;
    until("it hears hints", hears).await;
    // Read because of the hint, between two polls.
    kerrera.queue("default").pause().await.unwrap();
    until("it is paused", async || paused(&kerrera, "default")).await;
    scene.raw("DELETE FROM kerrera_queues").await;
    until("it is as it was configured", async || !paused(&kerrera, "default")).await;
    kerrera.shutdown().await;
}

async fn a_limit_grows_and_shrinks_while_jobs_run(scene: Scene) {
    let gate = Gate::closed();
    let kerrera = node(&scene, "one", &gate).await;
    let inserted = kerrera.insert_all((0..20).map(|_| wait())).await.unwrap();
    until("two run", async || gate.running() == 2).await;
    kerrera.queue("default").scale(6).await.unwrap();
    until("six run", async || gate.running() == 6).await;
    kerrera.queue("default").scale(1).await.unwrap();
    until("the limit is one", async || limit(&kerrera, "default") == 1).await;
    assert_eq!(gate.running(), 6, "none is stopped");
    gate.let_through(5);
    until("one is left", async || gate.running() == 1).await;
    gate.let_through(1);
    let next = async || {
        assert!(gate.running() <= 1, "never more than one");
        let done = kerrera.counts().await.unwrap();
        done.iter().any(|count| count.state == State::Completed && count.jobs >= 6)
    };
    until("the next one has begun", next).await;
    // Other nodes see it in the producer's row.
    let told = async || {
        let producers = kerrera.producers().await.unwrap();
        producers.iter().any(|producer| producer.queue == "default" && producer.limit == 1)
    };
    until("the row tells the limit", told).await;
    kerrera.queue("default").reset().await.unwrap();
    gate.let_through(20);
    for inserted in inserted {
        let job = scene.reaches(inserted.job().id, State::Completed).await;
        assert_eq!(job.attempt, 1);
    }
    kerrera.shutdown().await;
}

async fn ends_that_cannot_be_written_are_counted_and_written_later(scene: Scene) {
    let gate = Gate::closed();
    let kerrera = node(&scene, "one", &gate).await;
    let ids = [insert(&kerrera, wait()).await, insert(&kerrera, wait()).await];
    until("both run", async || gate.running() == 2).await;
    assert_eq!(kerrera.health().unwritten, 0);
    scene.raw("ALTER TABLE oban_jobs RENAME TO away").await;
    gate.let_through(2);
    until("both have ended", async || kerrera.health().unwritten == 2).await;
    scene.raw("ALTER TABLE away RENAME TO oban_jobs").await;
    for id in ids {
        scene.reaches(id, State::Completed).await;
    }
    until("all is written", async || kerrera.health().unwritten == 0).await;
    kerrera.shutdown().await;
}

async fn a_queue_begins_and_ends_at_run_time(scene: Scene) {
    let gate = Gate::closed();
    let (one, two) = (node(&scene, "one", &gate).await, node(&scene, "two", &gate).await);
    let id = insert(&one, wait().queue("media")).await;
    one.queue("media").node("two").start(3).await.unwrap();
    until("it is worked there", async || two.check_queue("media").is_some()).await;
    scene.reaches(id, State::Executing).await;
    assert!(one.check_queue("media").is_none(), "and only there");
    let check = two.check_queue("media").unwrap();
    assert_eq!((check.limit, check.paused, check.running), (3, false, vec![id]));

    // Again, with another limit: nothing changes.
    one.queue("media").node("two").start(9).await.unwrap();
    one.queue("media").node("two").scale(4).await.unwrap();
    until("the scaling is followed", async || limit(&two, "media") == 4).await;
    assert_eq!(two.check_queue("media").unwrap().uuid, check.uuid);

    one.queue("media").stop().await.unwrap();
    until("it is worked no more", async || two.check_queue("media").is_none()).await;
    assert_eq!(gate.running(), 1, "what runs may end");
    let next = insert(&one, wait().queue("media")).await;
    gate.let_through(1);
    scene.reaches(id, State::Completed).await;
    let gone = async || {
        let producers = one.producers().await.unwrap();
        !producers.iter().any(|producer| producer.queue == "media")
    };
    until("its producer has retired", gone).await;
    assert!(!two.health().loops.iter().any(|health| health.name == "producer.media"));
    assert_eq!(one.job(next).await.unwrap().unwrap().state, State::Available);
    gate.let_through(2);
    let other = insert(&one, wait().queue("other")).await;
    scene.reaches(other, State::Completed).await;

    // And again everywhere; then a configured one ends.
    two.queue("media").start_paused(1).await.unwrap();
    for node in [&one, &two] {
        until("it is worked, paused", async || {
            node.check_queue("media").is_some_and(|check| check.paused)
        })
        .await;
    }
    one.queue("media").resume().await.unwrap();
    scene.reaches(next, State::Completed).await;
    two.local_queue("default").unwrap().stop().await.unwrap();
    until("it is worked no more", async || two.check_queue("default").is_none()).await;
    assert!(one.check_queue("default").is_some() && two.check_queue("other").is_some());
    gate.let_through(1);
    let last = insert(&one, wait()).await;
    scene.reaches(last, State::Completed).await;
    one.shutdown().await;
    let stopped = two.shutdown().await;
    assert!(stopped.left.is_empty());
}

async fn a_queue_that_stops_gives_back_what_does_not_end(scene: Scene) {
    let gate = Gate::closed();
    let builder = scene.builder().tune(|tuning: &mut Tuning| {
        crate::scene::fast(tuning);
        tuning.grace = 300.milliseconds();
    });
    let builder = builder.state(gate.clone()).queue("default", 1).queue("other", 1);
    let kerrera = builder.worker::<Wait>().start().await.unwrap();
    let (here, there) =
        (insert(&kerrera, wait()).await, insert(&kerrera, wait().queue("other")).await);
    until("both run", async || gate.running() == 2).await;
    kerrera.queue("default").stop().await.unwrap();
    let job = scene.reaches(here, State::Available).await;
    assert_eq!(job.attempt, 0, "it costs no attempt");
    assert_eq!(kerrera.job(there).await.unwrap().unwrap().state, State::Executing);
    // It can be worked again, by the same node.
    kerrera.queue("default").start(1).await.unwrap();
    scene.reaches(here, State::Executing).await;
    gate.let_through(2);
    scene.reaches(here, State::Completed).await;
    scene.reaches(there, State::Completed).await;
    kerrera.shutdown().await;
}

async fn a_node_that_starts_later_is_not_started_or_stopped_by_old_orders(scene: Scene) {
    let gate = Gate::open();
    let client = scene.client().await;
    client.queue("media").start(1).await.unwrap();
    client.queue("default").stop().await.unwrap();
    let kerrera = node(&scene, "one", &gate).await;
    let queues = kerrera.check_all_queues();
    let queues: Vec<&str> = queues.iter().map(|check| &*check.queue).collect();
    assert_eq!(queues, ["default", "other"]);
    let id = insert(&kerrera, wait()).await;
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
}

async fn a_node_without_queues_can_be_given_one(scene: Scene) {
    let builder = scene.builder().state(Gate::open()).worker::<Wait>();
    let kerrera = builder.start().await.unwrap();
    assert_eq!(kerrera.check_all_queues(), []);
    let id = insert(&kerrera, wait()).await;
    kerrera.queue("default").start(1).await.unwrap();
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
}

async fn an_order_for_a_queue_that_nobody_works_does_no_harm(scene: Scene) {
    let kerrera = node(&scene, "one", &Gate::open()).await;
    kerrera.queue("unknown").pause().await.unwrap();
    kerrera.queue("unknown").scale(4).await.unwrap();
    kerrera.queue("unknown").resume().await.unwrap();
    kerrera.queue("unknown").stop().await.unwrap();
    assert_eq!(kerrera.check_queue("unknown"), None);
    let error = kerrera.local_queue("unknown").unwrap_err();
    assert!(error.is_config(), "{error}");
    let said = error.to_string();
    assert!(said.contains("the queue \"unknown\" does not exist locally"), "{said}");

    let none = |queue: Queue| async { queue.scale(0).await.unwrap_err().to_string() };
    assert!(none(kerrera.queue("default")).await.contains("limit 0"));
    let refused = [
        kerrera.queue("").start(1).await,
        kerrera.queue("*").pause().await,
        kerrera.queues().start(1).await,
        kerrera.queue("media").start(0).await,
        kerrera.queue("media").start(u32::MAX).await,
        kerrera.queue("default").node("").pause().await,
    ];
    for refused in refused {
        assert!(refused.unwrap_err().is_config());
    }
    kerrera.shutdown().await;
}

async fn a_queue_can_be_checked(scene: Scene) {
    let gate = Gate::closed();
    let kerrera = node(&scene, "one", &gate).await;
    let mut ids = Vec::new();
    for _ in 0..2 {
        ids.push(insert(&kerrera, wait()).await);
    }
    until("two run", async || gate.running() == 2).await;
    let QueueCheck { queue, node, name, limit, paused, running, started_at, uuid, .. } =
        kerrera.check_queue("default").unwrap();
    assert_eq!((&*queue, &*node, &*name), ("default", "one", "Oban"));
    assert_eq!((limit, paused, running), (2, false, ids.clone()));
    assert!(started_at <= kerrera::Timestamp::now());
    let producers = kerrera.producers().await.unwrap();
    assert!(producers.iter().any(|producer| producer.uuid == uuid && producer.node == "one"));
    let all = kerrera.check_all_queues();
    let names: Vec<&str> = all.iter().map(|check| &*check.queue).collect();
    assert_eq!(names, ["default", "other"]);
    gate.let_through(2);
    kerrera.shutdown().await;
}

async fn the_newest_order_wins_over_the_configuration(scene: Scene) {
    let builder = scene.builder().state(Gate::open());
    let builder = builder.paused_queue("default", 1).worker::<Wait>();
    let kerrera = builder.start().await.unwrap();
    assert!(paused(&kerrera, "default"));
    let id = insert(&kerrera, wait()).await;
    kerrera.queue("default").resume().await.unwrap();
    scene.reaches(id, State::Completed).await;
    let orders = kerrera.queue_orders().await.unwrap();
    assert_eq!(
        orders.iter().map(|order| order.setting).collect::<Vec<_>>(),
        [Setting::Paused(false)]
    );
    kerrera.queue("default").reset().await.unwrap();
    until("it is paused as configured", async || paused(&kerrera, "default")).await;
    kerrera.shutdown().await;
}

on_both!(
    a_pause_holds_everywhere_and_after_a_restart,
    a_pause_of_one_node_leaves_the_other,
    all_queues_follow_an_order_for_all,
    a_pause_ends_by_itself,
    an_order_that_nobody_was_told_of_is_found_by_the_poll,
    an_order_that_is_taken_back_before_the_poll_saw_it_holds_no_more,
    a_limit_grows_and_shrinks_while_jobs_run,
    ends_that_cannot_be_written_are_counted_and_written_later,
    a_queue_begins_and_ends_at_run_time,
    a_queue_that_stops_gives_back_what_does_not_end,
    a_node_that_starts_later_is_not_started_or_stopped_by_old_orders,
    a_node_without_queues_can_be_given_one,
    an_order_for_a_queue_that_nobody_works_does_no_harm,
    a_queue_can_be_checked,
    the_newest_order_wins_over_the_configuration,
);
