//! What subscribers are told, and when.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use kerrera::prelude::*;
use kerrera::telemetry::{Ending, Event, FailureKind, Propagator};
use kerrera::{Builder, JobId};
use serde_json::{Map, Value, json};

use crate::on_both;
use crate::scene::{Scene, insert};

/// Runs for a moment, and ends as its field says.
#[derive(Clone, Debug, Serialize, Deserialize, Worker)]
#[worker(max_attempts = 3, timeout = "500ms", backoff = in_an_hour)]
struct Ends {
    with: With,
}

fn in_an_hour(_: &Job) -> Duration {
    1.hour()
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
enum With {
    Done,
    Then,
    Snooze,
    Cancel,
    Discard,
    Error,
    CancelError,
    Panic,
    Timeout,
}

impl Perform for Ends {
    async fn perform(&self, cx: &Context) -> JobResult {
        tokio::time::sleep(Duration::from_millis(2)).await;
        match self.with {
            With::Done => done(),
            With::Then => done().then(Ends { with: With::Done }),
            With::Snooze => snooze(1.hour()),
            With::Cancel => cancel("unsubscribed"),
            With::Discard => discard("hopeless"),
            With::Error => Err("it broke".into()),
            With::CancelError => "x".parse::<i32>().or_cancel().map(|_| done())?,
            With::Panic => panic!("the sky is falling"),
            With::Timeout => {
                cx.cancellation().cancelled().await;
                Err("told to stop".into())
            }
        }
    }
}

/// What was told of a run's end, beside what the database held at that moment.
#[derive(Debug)]
struct Told {
    event: Event,
    row: Option<Job>,
}

/// An engine with a subscriber that looks at the row of every run whose end it is told.
fn engine(scene: &Scene) -> (Builder, Receiver<Told>) {
    let (sender, receiver): (Sender<Told>, _) = channel();
    let (storage, runtime) = (scene.storage.clone(), tokio::runtime::Handle::current());
    let watch = move |event: &Event| {
        let ended = matches!(event, Event::JobStop(_) | Event::JobException(_));
        let row = event.job().filter(|_| ended).map(|job| job.id);
        let row = row.and_then(|id| runtime.block_on(storage.job(id)).unwrap());
        let _ = sender.send(Told { event: event.clone(), row });
    };
    let builder = scene.builder().subscribe(watch).queue("default", 5).worker::<Ends>();
    (builder, receiver)
}

/// Runs one job, and gives back what was told of it: its start and its end.
async fn run(scene: &Scene, job: NewJob) -> (JobId, Vec<Told>) {
    let (builder, told) = engine(scene);
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, job).await;
    let over = |job: &Job| job.state != State::Available && job.state != State::Executing;
    scene.becomes(id, "over", over).await;
    kerrera.shutdown().await;
    let of_job = |told: &Told| {
        let ends = matches!(told.event, Event::JobStop(_) | Event::JobException(_));
        let starts = matches!(told.event, Event::JobStart(_));
        (starts || ends) && told.event.job().is_some_and(|job| job.id == id)
    };
    (id, told.try_iter().filter(of_job).collect())
}

/// Runs a job that does not fail, and says what came of it.
async fn stops(scene: &Scene, with: With) -> (Ending, State, Option<String>) {
    let (id, told) = run(scene, Ends { with }.into()).await;
    let [start, stop] = &told[..] else { panic!("not a start and an end: {told:?}") };
    assert!(matches!(start.event, Event::JobStart(_)));
    let (Event::JobStop(stop), Some(row)) = (&stop.event, &stop.row) else {
        panic!("not a stop: {stop:?}")
    };
    assert_eq!(row.state, stop.to, "the row was written before that was told");
    assert_eq!((stop.job.id, stop.job.attempt), (id, 1));
    assert!(stop.duration >= Duration::from_millis(2) && stop.duration < 1.minute());
    assert!(stop.queue_time < 1.minute());
    (stop.state, stop.to, stop.reason.clone())
}

/// Runs a job that fails, and says what came of it.
async fn fails(scene: &Scene, with: With, attempts: u32) -> (Ending, State, FailureKind, String) {
    let (id, told) = run(scene, NewJob::from(Ends { with }).max_attempts(attempts)).await;
    let [start, end] = &told[..] else { panic!("not a start and an end: {told:?}") };
    assert!(matches!(start.event, Event::JobStart(_)));
    let (Event::JobException(end), Some(row)) = (&end.event, &end.row) else {
        panic!("not an exception: {end:?}")
    };
    assert_eq!(row.state, end.to, "the row was written before that was told");
    assert_eq!(row.errors.last().unwrap().error, end.error);
    assert_eq!((end.job.id, end.job.attempt), (id, 1));
    assert!(end.duration >= Duration::from_millis(2) && end.duration < 1.minute());
    (end.state, end.to, end.kind, end.error.clone())
}

async fn what_a_run_ends_with_is_told_when_it_is_written(scene: Scene) {
    let ended = stops(&scene, With::Done).await;
    assert_eq!(ended, (Ending::Success, State::Completed, None));
    let ended = stops(&scene, With::Snooze).await;
    assert_eq!(ended, (Ending::Snoozed, State::Scheduled, None));
    let (ending, state, reason) = stops(&scene, With::Cancel).await;
    assert_eq!((ending, state), (Ending::Cancelled, State::Cancelled));
    assert!(reason.unwrap().contains("unsubscribed"));
    let (ending, state, reason) = stops(&scene, With::Discard).await;
    assert_eq!((ending, state), (Ending::Discard, State::Discarded));
    assert!(reason.unwrap().contains("hopeless"));
    let (ending, state, reason) = stops(&scene, With::CancelError).await;
    assert_eq!((ending, state), (Ending::Cancelled, State::Cancelled));
    assert!(reason.unwrap().contains("invalid digit"));
}

async fn failures_are_told_with_their_kind_and_whether_they_are_the_last(scene: Scene) {
    let (ending, state, kind, error) = fails(&scene, With::Error, 3).await;
    assert_eq!((ending, state), (Ending::Failure, State::Retryable));
    assert_eq!((kind, error.as_str()), (FailureKind::Error, "it broke"));

    let (ending, state, kind, _) = fails(&scene, With::Error, 1).await;
    assert_eq!((ending, state), (Ending::Discard, State::Discarded), "attempts are used up");
    assert_eq!(kind, FailureKind::Error);

    let (ending, _, kind, error) = fails(&scene, With::Panic, 3).await;
    assert_eq!((ending, kind), (Ending::Failure, FailureKind::Panic));
    assert!(error.contains("the sky is falling"), "{error}");

    let (ending, _, kind, error) = fails(&scene, With::Timeout, 3).await;
    assert_eq!((ending, kind), (Ending::Failure, FailureKind::Timeout));
    assert!(error.contains("TimeoutError"), "{error}");
}

/// Runs until it is told to stop.
#[derive(Serialize, Deserialize, Worker)]
struct Waits {}

impl Perform for Waits {
    async fn perform(&self, cx: &Context) -> JobResult {
        cx.cancellation().cancelled().await;
        Err("told to stop".into())
    }
}

async fn what_others_do_to_a_running_job_is_told_as_the_database_has_it(scene: Scene) {
    let (builder, told) = engine(&scene);
    let builder = builder.worker::<Waits>().tune(|t| t.grace = Duration::from_millis(10));
    let kerrera = builder.start().await.unwrap();
    let mut ids = Vec::new();
    for _ in 0..3 {
        let id = insert(&kerrera, Waits {}).await;
        scene.reaches(id, State::Executing).await;
        ids.push(id);
    }
    while kerrera.running().len() < 3 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let [cancelled, lost, released] = ids[..] else { panic!("not three jobs: {ids:?}") };
    scene.raw(&format!("UPDATE oban_jobs SET state = 'cancelled' WHERE id = {cancelled}")).await;
    scene.raw(&format!("DELETE FROM oban_jobs WHERE id = {lost}")).await;
    while kerrera.running().len() > 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let stopped = kerrera.shutdown().await;
    assert_eq!((stopped.released, stopped.left.len()), (1, 0));

    let told: Vec<Told> = told.try_iter().collect();
    let stop = |id: JobId| {
        told.iter().find_map(|told| match &told.event {
            Event::JobStop(stop) if stop.job.id == id => {
                assert_eq!(told.row.as_ref().unwrap().state, stop.to);
                Some((stop.state, stop.to))
            }
            _ => None,
        })
    };
    assert_eq!(stop(cancelled), Some((Ending::Cancelled, State::Cancelled)));
    assert_eq!(stop(released), Some((Ending::Released, State::Available)));
    assert_eq!(stop(lost), None, "nobody knows what became of it");
    let names = |id: JobId| {
        let of_job = told.iter().filter(|told| match &told.event {
            Event::AckLost(ack) => ack.id == id && ack.began,
            Event::AckCancelled(ack) => ack.id == id,
            event => event.job().is_some_and(|job| job.id == id),
        });
        let mut names: Vec<&str> = of_job.map(|told| told.event.name()).collect();
        // On a busy machine a second beat asks before the run has ended.
        names.dedup();
        names
    };
    assert_eq!(names(cancelled), ["job.start", "job.gone", "ack.cancelled", "job.stop"]);
    assert_eq!(names(lost), ["job.start", "job.gone", "ack.lost"]);
}

async fn the_time_in_the_queue_is_counted_from_when_a_job_could_have_run(scene: Scene) {
    let client = scene.client().await;
    let id = insert(&client, Ends { with: With::Done }).await;
    scene.reaches(id, State::Available).await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    let (builder, told) = engine(&scene);
    let kerrera = builder.start().await.unwrap();
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
    let waited = told.try_iter().find_map(|told| match told.event {
        Event::JobStart(start) => Some(start.queue_time),
        _ => None,
    });
    assert!(waited.unwrap() >= Duration::from_millis(100), "{waited:?}");
}

async fn an_engine_tells_of_its_life(scene: Scene) {
    let (builder, told) = engine(&scene);
    let kerrera = builder.node("web-1").start().await.unwrap();
    let later = Ends { with: With::Done }.schedule_in(Duration::from_millis(50));
    let id = insert(&kerrera, later).await;
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
    let told: Vec<Event> = told.try_iter().map(|told| told.event).collect();
    let names: Vec<&str> = told.iter().map(Event::name).collect();
    assert_eq!(names.first(), Some(&"node.start"), "{names:?}");
    assert_eq!(names.last(), Some(&"node.stop"), "shutdown waits for those who are told");
    for name in ["insert", "stage", "claim", "job.start", "job.stop", "queue.shutdown"] {
        assert!(names.contains(&name), "{name} is not among {names:?}");
    }
    let node = told.iter().find_map(|event| match event {
        Event::NodeStart(start) => Some((&*start.node, start.queues)),
        _ => None,
    });
    assert_eq!(node, Some(("web-1", 1)));
    let left = told.iter().find_map(|event| match event {
        Event::QueueShutdown(shutdown) => Some(shutdown.orphaned.len()),
        _ => None,
    });
    assert_eq!(left, Some(0));
}

async fn a_subscriber_that_panics_or_blocks_hurts_nobody(scene: Scene) {
    let (_hold, gate) = channel::<()>();
    let gate = std::sync::Mutex::new(gate);
    let builder = scene.builder().queue("default", 5).worker::<Ends>();
    let builder = builder.subscribe(|_: &Event| panic!("not interested"));
    // Until the end of the test.
    let builder = builder.subscribe(move |_: &Event| _ = gate.lock().unwrap().recv());
    let kerrera = builder.start().await.unwrap();
    let id = insert(&kerrera, Ends { with: With::Done }).await;
    scene.reaches(id, State::Completed).await;
    let stopped = tokio::time::timeout(4.seconds(), kerrera.shutdown()).await;
    assert!(stopped.unwrap().left.is_empty());
}

/// Gives each job a number, and remembers those whose runs it saw begin.
struct Numbers(Sender<Option<Value>>);

impl Propagator for Numbers {
    fn inject(&self, meta: &mut Map<String, Value>) {
        let number = meta.len() + 40;
        meta.insert("number".into(), json!(number));
    }

    fn begin(&self, job: &Job, _: &tracing::Span) {
        self.0.send(job.meta.get("number")).unwrap();
        panic!("and what of it?");
    }
}

async fn what_a_propagator_adds_reaches_the_run(scene: Scene) {
    let (sender, begun) = channel();
    let builder = scene.builder().queue("default", 1).worker::<Ends>();
    let kerrera = builder.propagator(Numbers(sender)).start().await.unwrap();
    let own = NewJob::from(Ends { with: With::Then }).meta(json!({"a": 1, "b": 2}));
    let id = insert(&kerrera, own).await;
    let job = scene.reaches(id, State::Completed).await;
    assert_eq!(job.meta.decode::<Value>().unwrap(), json!({"a": 1, "b": 2, "number": 42}));
    scene.reaches(id + 1, State::Completed).await;
    kerrera.shutdown().await;
    let begun: Vec<_> = begun.try_iter().collect();
    assert_eq!(begun, [Some(json!(42)), Some(json!(40))], "and so the jobs that follow");

    let client = scene.client().await.with_propagator(Numbers(channel().0));
    let all = client.insert_all([Ends { with: With::Done }, Ends { with: With::Done }]).await;
    for inserted in all.unwrap() {
        assert_eq!(inserted.job().meta.get("number"), Some(json!(40)));
    }
    if let Some(mut connection) = scene.own_sqlite() {
        let mut tx = connection.transaction().unwrap();
        let inserted = client.within(&mut tx).insert(Ends { with: With::Done }).unwrap();
        tx.commit().unwrap();
        assert_eq!(inserted.job().meta.get("number"), Some(json!(40)));
    }
}

on_both!(
    what_a_run_ends_with_is_told_when_it_is_written,
    failures_are_told_with_their_kind_and_whether_they_are_the_last,
    what_others_do_to_a_running_job_is_told_as_the_database_has_it,
    the_time_in_the_queue_is_counted_from_when_a_job_could_have_run,
    an_engine_tells_of_its_life,
    a_subscriber_that_panics_or_blocks_hurts_nobody,
    what_a_propagator_adds_reaches_the_run,
);
