//! The test kit: on both storages what goes through them, and the rest in memory.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use kerrera::prelude::*;
use kerrera::testing::{
    ANY, Drained, Filter, Mode, TestKit, all_enqueued, assert_enqueued, build_job, in_memory,
    perform_job, refute_enqueued,
};
use kerrera::{Clock, Database, JobId, Timestamp};
use serde_json::json;

use crate::on_both;
use crate::scene::{Scene, insert};

/// What the workers of these tests share.
#[derive(Default)]
struct App {
    /// What ran, in order.
    log: Mutex<Vec<String>>,
}

impl App {
    fn log(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

/// Ends as its field says; the further attempts of one that fails are all alike.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "alpha", max_attempts = 3, backoff = ten_minutes)]
struct Does {
    what: What,
}

fn ten_minutes(_: &Job) -> Duration {
    10.minutes()
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
enum What {
    Ok,
    Fail,
    FailOnce,
    Snooze,
    SnoozeOnce,
    Cancel,
    Discard,
    Panic,
    Again,
    Then,
    Look,
    Wait,
}

impl Perform<App> for Does {
    async fn perform(&self, cx: &Context<App>) -> JobResult {
        cx.state().log.lock().unwrap().push(format!("{:?} {}", self.what, cx.job().attempt));
        match self.what {
            What::FailOnce if cx.job().attempt == 1 => Err("not yet".into()),
            What::SnoozeOnce if cx.job().snoozed() == 0 => snooze(1.hour()),
            What::Ok | What::FailOnce | What::SnoozeOnce => done(),
            What::Fail => Err("no way".into()),
            What::Snooze => snooze(1.hour()),
            What::Cancel => cancel("not needed"),
            What::Discard => discard("hopeless"),
            What::Panic => panic!("the sky is falling"),
            What::Again => {
                cx.client().insert(Does { what: What::Ok }).await?;
                done()
            }
            What::Then => done().then(Does { what: What::Ok }.queue("beta")).value(7),
            What::Wait => {
                for _ in 0..3 {
                    tokio::task::yield_now().await;
                }
                cx.state().log.lock().unwrap().push("waited".to_owned());
                done()
            }
            What::Look => {
                let job = cx.client().job(cx.job().id).await?.ok_or("it is gone")?;
                done().value(format!("{} {}", job.state, cx.job().state))
            }
        }
    }
}

/// A worker with two words of args.
#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "mailers", tags = ["mail"])]
struct Mail {
    user: User,
    ids: Vec<i64>,
}

#[derive(Serialize, Deserialize)]
struct User {
    id: i64,
    name: String,
}

impl Perform<App> for Mail {
    async fn perform(&self, _: &Context<App>) -> JobResult {
        done()
    }
}

/// Takes longer than it may.
#[derive(Serialize, Deserialize, Worker)]
#[worker(timeout = "30s")]
struct Slow {}

impl Perform<App> for Slow {
    async fn perform(&self, _: &Context<App>) -> JobResult {
        tokio::time::sleep(1.hour()).await;
        done()
    }
}

fn mail() -> Mail {
    Mail { user: User { id: 7, name: "ada".to_owned() }, ids: vec![1, 2] }
}

fn does(what: What) -> Does {
    Does { what }
}

/// A kit on the scene's kind of storage, with a clock that is moved by hand.
async fn kit(scene: &Scene) -> TestKit<App> {
    let client = match scene.postgres_url() {
        None => in_memory().await.unwrap(),
        Some(url) => {
            let clock = Clock::manual(Timestamp::now());
            let config = kerrera_postgres::Config::from_url(&url).unwrap().clock(clock);
            let storage = kerrera_postgres::Postgres::new(config).unwrap();
            Client::connect(Database::of(Arc::new(storage))).await.unwrap()
        }
    };
    on(&client).await
}

async fn on(client: &Client) -> TestKit<App> {
    let kit = TestKit::on(client).state(App::default());
    kit.worker::<Does>().worker::<Mail>().worker::<Slow>().build().await.unwrap()
}

async fn in_memory_kit() -> TestKit<App> {
    on(&in_memory().await.unwrap()).await
}

async fn stored(kit: &TestKit<App>, id: JobId) -> Job {
    kit.job(id).await.unwrap().unwrap()
}

fn drained(success: u32) -> Drained {
    Drained { success, ..Drained::default() }
}

// Oban's assertion 138.
async fn draining_counts_how_jobs_end(scene: Scene) {
    let kit = kit(&scene).await;
    use What::{Cancel, Discard, Fail, Ok, Panic, Snooze};
    for what in [Ok, Fail, Ok, Snooze, Cancel, Discard, Panic] {
        kit.insert(does(what)).await.unwrap();
    }
    kit.insert(does(Fail).max_attempts(1)).await.unwrap();
    kit.insert(does(Ok).queue("beta")).await.unwrap();
    let drained = kit.drain_queue("alpha").await.unwrap();
    let expected = Drained {
        cancelled: 1,
        discard: 2,
        failure: 2,
        snoozed: 1,
        success: 2,
        ..Drained::default()
    };
    assert_eq!(drained, expected);
    assert_eq!(kit.state().log().len(), 8, "each ran once, and none of another queue");
    assert_eq!(kit.drain_queue("alpha").await.unwrap(), Drained::default());
}

// Oban's assertion 139.
async fn draining_runs_scheduled_jobs_before_their_time_if_told_so(scene: Scene) {
    let kit = kit(&scene).await;
    let hours = [1.hour(), 2.hours(), 3.hours()];
    for wait in hours {
        kit.insert(does(What::Ok).schedule_in(wait)).await.unwrap();
    }
    let failing = insert(&kit, does(What::FailOnce)).await;
    let drain = || kit.drain_queue("alpha");
    assert_eq!(drain().await.unwrap().failure, 1);
    assert_eq!(drain().await.unwrap(), Drained::default());

    let until = kit.now() + 1.hour();
    assert_eq!(drain().with_scheduled(until).await.unwrap(), drained(2));
    assert_eq!(stored(&kit, failing).await.state, State::Completed);
    assert_eq!(drain().with_scheduled(false).await.unwrap(), Drained::default());
    assert_eq!(drain().with_scheduled(true).await.unwrap(), drained(2));
}

// Oban's assertion 140.
async fn draining_without_safety_tells_the_first_failure(scene: Scene) {
    let kit = kit(&scene).await;
    for (what, words) in [(What::Fail, "no way"), (What::Panic, "the sky is falling")] {
        let good = insert(&kit, does(What::Ok)).await;
        let bad = insert(&kit, does(what)).await;
        let unrun = insert(&kit, does(What::Ok)).await;
        let error = kit.drain_queue("alpha").with_safety(false).await.unwrap_err();
        assert!(error.is_job_failed());
        let expected = format!("job {bad} of Does, attempt 1 failed: ");
        let text = error.to_string();
        assert!(text.starts_with(&expected) && text.contains(words), "{text}");

        // It is written, and those that had not begun are given back.
        assert_eq!(stored(&kit, good).await.state, State::Completed);
        let bad = stored(&kit, bad).await;
        assert_eq!((bad.state, bad.errors.len()), (State::Retryable, 1));
        let unrun = stored(&kit, unrun).await;
        assert_eq!((unrun.state, unrun.attempt), (State::Available, 0));
        assert_eq!(kit.drain_queue("alpha").with_safety(false).await.unwrap(), drained(1));
    }
    // What ends a job as it wishes is no failure.
    kit.insert(does(What::Cancel)).await.unwrap();
    let drained = kit.drain_queue("alpha").with_safety(false).await.unwrap();
    assert_eq!(drained.cancelled, 1);
}

// Oban's assertion 141.
async fn draining_with_recursion_runs_what_jobs_insert(scene: Scene) {
    let kit = kit(&scene).await;
    kit.insert_all([does(What::Again), does(What::Again)]).await.unwrap();
    assert_eq!(kit.drain_queue("alpha").await.unwrap(), drained(2));
    assert_eq!(kit.drain_queue("alpha").await.unwrap(), drained(2), "what they inserted");
    kit.insert_all([does(What::Again), does(What::Again)]).await.unwrap();
    let all = kit.drain_queue("alpha").with_recursion(true).with_limit(1);
    assert_eq!(all.await.unwrap(), drained(4));
}

// Oban's assertion 142.
async fn draining_with_a_limit_runs_no_more(scene: Scene) {
    let kit = kit(&scene).await;
    kit.insert_all([does(What::Ok), does(What::Ok)]).await.unwrap();
    assert_eq!(kit.drain_queue("alpha").with_limit(1).await.unwrap(), drained(1));
    assert_eq!(kit.drain_queue("alpha").with_limit(5).await.unwrap(), drained(1));
}

async fn jobs_of_unknown_workers_are_left_alone_and_named(scene: Scene) {
    let kit = kit(&scene).await;
    let other = |name: &str| NewJob::of(name, json!({})).queue("alpha");
    let strange = insert(&kit, other("B")).await;
    kit.insert_all([other("A"), other("B"), does(What::Ok).into()]).await.unwrap();
    let expected = Drained { unknown: vec!["A".into(), "B".into()], ..drained(1) };
    assert_eq!(kit.drain_queue("alpha").with_limit(1).await.unwrap(), expected);
    let expected = Drained { unknown: vec!["A".into(), "B".into()], ..Drained::default() };
    assert_eq!(kit.run_until_idle().await.unwrap(), expected);
    let job = stored(&kit, strange).await;
    assert_eq!((job.state, job.attempt), (State::Available, 0));
}

async fn a_kit_works_the_queues_that_an_engine_on_the_same_database_does_not(scene: Scene) {
    let engine = scene.builder().queue("default", 5).start().await.unwrap();
    let id = insert(&engine, does(What::Ok)).await;
    let kit = on(engine.client()).await;
    assert_eq!(kit.drain_queue("alpha").await.unwrap(), drained(1));
    let job = engine.job(id).await.unwrap().unwrap();
    assert_eq!((job.state, job.attempt), (State::Completed, 1));
    assert_eq!(job.attempted_by[0], "test-kit");
    engine.shutdown().await;
}

async fn attempts_and_snoozes_pass_in_virtual_time(scene: Scene) {
    let kit = kit(&scene).await;
    let began = kit.now();
    let failing = insert(&kit, does(What::FailOnce)).await;
    let snoozing = insert(&kit, does(What::SnoozeOnce)).await;
    let later = insert(&kit, does(What::Then).schedule_in(2.days())).await;

    let job = kit.run_next_due().await.unwrap().unwrap();
    assert_eq!((job.id, job.state), (failing, State::Retryable));
    assert_eq!(kit.advance(Duration::ZERO).await.unwrap().snoozed, 1);
    assert_eq!(kit.now(), began);
    // Ten minutes on, the second attempt; an hour on, the end of the snooze.
    assert_eq!(kit.run_next_due().await.unwrap().unwrap().id, failing);
    assert_eq!(kit.now(), began + 10.minutes());
    assert_eq!(kit.advance(1.hour()).await.unwrap(), drained(1));
    assert_eq!(kit.now(), began + 70.minutes());
    let job = stored(&kit, snoozing).await;
    assert_eq!((job.completed_at, job.attempt), (Some(began + 1.hour()), 1));

    assert_eq!(kit.run_until_idle().await.unwrap(), drained(2), "and what follows from it");
    assert_eq!(stored(&kit, later).await.completed_at, Some(began + 2.days()));
    assert!(kit.run_next_due().await.unwrap().is_none());
    let ran = ["FailOnce 1", "SnoozeOnce 1", "FailOnce 2", "SnoozeOnce 1", "Then 1", "Ok 1"];
    assert_eq!(kit.state().log(), ran);
}

async fn the_next_job_is_the_one_that_an_engine_would_take(scene: Scene) {
    let kit = kit(&scene).await;
    let low = insert(&kit, does(What::Ok).priority(9)).await;
    let later = insert(&kit, does(What::Ok).schedule_in(1.minute())).await;
    let high = insert(&kit, does(What::Ok).queue("beta").priority(1)).await;
    let mut order = Vec::new();
    while let Some(job) = kit.run_next_due().await.unwrap() {
        order.push(job.id);
    }
    assert_eq!(order, [high, low, later]);
}

async fn an_insertion_in_inline_mode_runs_the_job_before_it_returns(scene: Scene) {
    let kit = kit(&scene).await;
    kit.set_mode(Mode::Inline);
    let began = kit.now();
    // Oban's assertion 213, but for panics: those are failures here, as in an engine.
    let ends = [
        (What::Ok, State::Completed, 1),
        (What::Fail, State::Retryable, 1),
        (What::Panic, State::Retryable, 1),
        (What::Snooze, State::Scheduled, 0),
        (What::Discard, State::Discarded, 1),
        (What::Cancel, State::Cancelled, 1),
    ];
    for (what, state, attempt) in ends {
        let job = kit.insert(does(what)).await.unwrap().into_job();
        assert_eq!((job.state, job.attempt), (state, attempt), "{what:?}");
        assert_eq!(stored(&kit, job.id).await, job);
    }
    let job = kit.insert(does(What::Ok).schedule_in(1.hour())).await.unwrap().into_job();
    assert_eq!((job.state, job.scheduled_at), (State::Completed, began), "its time is ignored");
    let jobs = kit.insert_all([does(What::Again), does(What::Then)]).await.unwrap();
    assert!(jobs.iter().all(|inserted| inserted.job().state == State::Completed));
    let log = kit.state().log();
    assert_eq!(log[log.len() - 4..], ["Again 1", "Ok 1", "Then 1", "Ok 1"]);
    // What waits for its time goes on waiting.
    kit.set_mode(Mode::Manual);
    assert_eq!(kit.drain_queue("alpha").await.unwrap(), Drained::default());
    assert_eq!(kit.advance(10.minutes()).await.unwrap().failure, 2);
}

async fn a_crash_makes_a_job_run_again_and_not_end_otherwise(scene: Scene) {
    let client = kit(&scene).await.client().clone();
    let (mut crashes, mut cut_at_an_await, mut cut_before_the_ack) = (0, 0, 0);
    for seed in 0..20 {
        let kit = TestKit::on(&client).state(App::default()).worker::<Does>().faults(seed);
        let kit = kit.build().await.unwrap();
        let inserted = kit.insert_all((0..5).map(|_| does(What::Wait))).await.unwrap();
        let drained = kit.run_until_idle().await.unwrap();
        assert_eq!((drained.success, drained.total() - drained.crashed), (5, 5), "seed {seed}");

        let mut rescued = 0;
        for inserted in inserted {
            let job = stored(&kit, inserted.job().id).await;
            assert_eq!(job.state, State::Completed);
            let count = job.meta.get("rescued").and_then(|count| count.as_u64()).unwrap_or(0);
            assert_eq!(u64::from(job.attempt.unsigned_abs()), count + 1);
            rescued += count;
        }
        assert_eq!(rescued, u64::from(drained.crashed));
        let log = kit.state().log();
        let whole = log.iter().filter(|line| *line == "waited").count();
        let begun = log.len() - whole;
        crashes += drained.crashed as usize;
        cut_at_an_await += begun - whole;
        cut_before_the_ack += whole - 5;
    }
    assert_eq!(cut_at_an_await + cut_before_the_ack, crashes);
    assert!(cut_at_an_await > 10 && cut_before_the_ack > 10, "{cut_at_an_await} {crashes}");
}

on_both!(
    a_crash_makes_a_job_run_again_and_not_end_otherwise,
    draining_counts_how_jobs_end,
    draining_runs_scheduled_jobs_before_their_time_if_told_so,
    draining_without_safety_tells_the_first_failure,
    draining_with_recursion_runs_what_jobs_insert,
    draining_with_a_limit_runs_no_more,
    jobs_of_unknown_workers_are_left_alone_and_named,
    a_kit_works_the_queues_that_an_engine_on_the_same_database_does_not,
    attempts_and_snoozes_pass_in_virtual_time,
    the_next_job_is_the_one_that_an_engine_would_take,
    an_insertion_in_inline_mode_runs_the_job_before_it_returns,
);

/// What a macro says when it fails.
async fn message(test: impl Future<Output = ()> + Send + 'static) -> String {
    let panic = tokio::spawn(test).await.unwrap_err().into_panic();
    *panic.downcast::<String>().unwrap()
}

// Oban's assertion 207.
#[test]
fn a_built_job_is_as_a_worker_gets_it() {
    let (first, second) = (build_job(mail()).unwrap(), build_job(mail().job().tag("x")).unwrap());
    assert!(first.id > i64::from(i32::MAX) && second.id > first.id);
    assert_eq!(first.args.as_str(), r#"{"user":{"id":7,"name":"ada"},"ids":[1,2]}"#);
    assert_eq!((first.worker.as_str(), first.queue.as_str()), ("Mail", "mailers"));
    assert_eq!((first.attempt, first.state), (1, State::Executing));
    assert_eq!(first.attempted_at, Some(first.inserted_at));
    assert_eq!(second.tags, ["mail", "x"]);
    assert!(first.claim_token().is_some());
    // Oban's assertion 208, of invalid options.
    let error = build_job(mail().priority(10)).unwrap_err();
    assert!(error.is_invalid_job() && error.to_string().contains("priority 10"), "{error}");
}

// Oban's assertions 207 and 208.
#[tokio::test]
async fn a_performed_job_tells_what_an_engine_would_write() {
    let kit = in_memory_kit().await;
    let run = async |what| kit.perform_job(does(what)).await.unwrap();
    let done = run(What::Then).await;
    assert_eq!((done.state, done.value), (State::Completed, Some(7.into())));
    assert_eq!(done.then[0].queue, "beta");

    let failed = run(What::Fail).await;
    assert_eq!((failed.state, failed.error.as_deref()), (State::Retryable, Some("no way")));
    assert_eq!(failed.wait, Some(10.minutes()));
    let last = kit.perform_job(does(What::Fail)).attempt(3).await.unwrap();
    assert_eq!(last.state, State::Discarded);

    let snoozed = run(What::SnoozeOnce).await;
    assert_eq!((snoozed.state, snoozed.wait), (State::Scheduled, Some(1.hour())));
    let again = kit.perform_job(does(What::SnoozeOnce)).meta(json!({"snoozed": 1}));
    assert_eq!(again.await.unwrap().state, State::Completed);

    let panicked = run(What::Panic).await;
    assert_eq!(panicked.state, State::Retryable);
    let words = panicked.error.unwrap();
    assert!(words.contains("the sky is falling") && words.contains("testing.rs"), "{words}");
    assert_eq!(run(What::Discard).await.error.as_deref(), Some("discarded: hopeless"));
    assert_eq!(run(What::Cancel).await.state, State::Cancelled);

    // None of them is in the database, not even while it runs.
    let error = run(What::Look).await.error;
    assert_eq!(error.as_deref(), Some("it is gone"));
    assert!(kit.counts().await.unwrap().is_empty());

    let failed = perform_job(does(What::Fail), App::default()).await.unwrap();
    assert_eq!(failed.state, State::Retryable);
    let stranger = kit.perform_job(NewJob::of("Stranger", json!({}))).await.unwrap_err();
    assert!(stranger.to_string().contains(".worker::<Stranger>()"), "{stranger}");
    let wrong = kit.perform_job(does(What::Ok).max_attempts(0)).await.unwrap_err();
    assert!(wrong.is_invalid_job());
}

#[tokio::test]
async fn a_job_with_other_args_than_its_worker_takes_fails_as_in_an_engine() {
    let kit = in_memory_kit().await;
    let job = NewJob::of("Does", json!({"what": "Dance"}));
    let error = kit.perform_job(job).await.unwrap().error.unwrap();
    assert!(error.contains("args.what of Does cannot be decoded"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_timeout_passes_at_once_in_paused_time() {
    let kit = in_memory_kit().await;
    let slow = kit.perform_job(Slow {}).await.unwrap();
    assert_eq!(slow.state, State::Retryable);
    assert!(slow.error.unwrap().contains("timed out after 30s"));
}

// Oban's assertion 209.
#[tokio::test]
async fn enqueued_are_suspended_scheduled_and_available_jobs_the_newest_first() {
    let kit = in_memory_kit().await;
    for what in [What::Ok, What::Fail, What::Discard, What::Cancel] {
        kit.insert(does(what)).await.unwrap();
    }
    kit.drain_queue("alpha").await.unwrap();
    let available = insert(&kit, mail()).await;
    let scheduled = insert(&kit, mail().schedule_in(1.hour())).await;
    let suspended = insert(&kit, mail()).await;
    let suspend = move |tx: &mut rusqlite::Transaction<'_>| {
        let sql = "UPDATE oban_jobs SET state = 'suspended' WHERE id = ?1";
        tx.execute(sql, [suspended]).unwrap();
        kerrera::Result::<_>::Ok(())
    };
    kit.transaction(suspend).await.unwrap();
    let ids = |jobs: Vec<Job>| jobs.iter().map(|job| job.id).collect::<Vec<_>>();
    assert_eq!(ids(all_enqueued!(kit)), [suspended, scheduled, available]);
    let only = all_enqueued(&kit, Filter::new().state(State::Scheduled)).await.unwrap();
    assert_eq!(ids(only), [scheduled]);
}

// Oban's assertion 210.
#[tokio::test]
async fn an_enqueued_job_is_found_by_anything_about_it() {
    let kit = in_memory_kit().await;
    let job = mail().job().tag("urgent").meta(json!({"trace": {"id": "t1"}})).priority(3);
    let id = insert(&kit, job.schedule_in(1.hour())).await;
    let now = kit.now();

    assert_enqueued!(kit);
    assert_enqueued!(kit, worker: Mail);
    assert_enqueued!(kit, worker: "Mail", queue: "mailers",);
    assert_enqueued!(kit, args: {"user": {"id": 7}}, priority: 3);
    assert_enqueued!(kit, args: {"user": ANY, "ids": [1, 2]});
    assert_enqueued!(kit, args: mail(), meta: {"trace": {"id": ANY}});
    let args = json!({"user": {"name": "ada"}});
    assert_enqueued!(&kit, args: args, tags: ["urgent"]);
    assert_enqueued!(kit.client(), args: json!({"ids": ANY}), tags: ["mail", "urgent"]);
    assert_enqueued!(kit, scheduled_in: 1.hour(), state: State::Scheduled);
    assert_enqueued!(kit, scheduled_at: now + 1.hour() - 1.second());
    assert_enqueued!(kit, scheduled_in: 50.minutes(), delta: 10.minutes());
    let found = assert_enqueued!(kit, worker: Mail, timeout: 1.second());
    assert_eq!(found.id, id);

    refute_enqueued!(kit, worker: Does);
    refute_enqueued!(kit, worker: "mail");
    refute_enqueued!(kit, queue: "default");
    refute_enqueued!(kit, args: {"user": {"id": 8}});
    refute_enqueued!(kit, args: {"missing": ANY});
    refute_enqueued!(kit, meta: {"user": ANY});
    refute_enqueued!(kit, tags: ["mail", "late"]);
    refute_enqueued!(kit, priority: 0);
    refute_enqueued!(kit, state: State::Available);
    refute_enqueued!(kit, scheduled_in: 1.hour() + 2.seconds());
    refute_enqueued!(kit, scheduled_at: now);
}

// Oban's assertion 211.
#[tokio::test]
async fn what_has_ended_is_not_enqueued_nor_is_part_of_a_list_the_list() {
    let kit = in_memory_kit().await;
    kit.insert_all([does(What::Ok), does(What::Discard)]).await.unwrap();
    kit.drain_queue("alpha").await.unwrap();
    refute_enqueued!(kit, worker: Does);
    kit.insert(mail()).await.unwrap();
    refute_enqueued!(kit, args: {"ids": [1]});
    refute_enqueued!(kit, args: {"ids": [2, 1]});
    refute_enqueued!(kit, args: {"ids": []});
}

#[tokio::test(start_paused = true)]
async fn an_assertion_with_a_timeout_waits_for_the_job() {
    let kit = in_memory_kit().await;
    let client = kit.client().clone();
    let later = tokio::spawn(async move {
        tokio::time::sleep(1.second()).await;
        client.insert(mail()).await.unwrap();
    });
    assert_enqueued!(kit, worker: Mail, timeout: 1.hour());
    later.await.unwrap();
    refute_enqueued!(kit, worker: Does, timeout: 100.milliseconds());
}

#[tokio::test]
async fn an_assertion_that_fails_lists_what_is_enqueued() {
    let said = message(async {
        let kit = in_memory_kit().await;
        assert_enqueued!(kit, worker: Mail, args: {"user": {"id": ANY}}, timeout: 1.milliseconds());
    });
    let expected = "expected an enqueued job within 1ms, and found none:\n\n    \
                    worker: Mail\n    args: {\"user\":{\"id\":ANY}}\n\nnothing is enqueued\n";
    assert_eq!(said.await, expected);

    let said = message(async {
        let kit = in_memory_kit().await;
        kit.insert(does(What::Ok)).await.unwrap();
        let mail = mail().priority(2).meta(json!({"k": 1}));
        let noon: Timestamp = "2099-01-01T12:00:00Z".parse().unwrap();
        kit.insert(mail.schedule_at(noon)).await.unwrap();
        assert_enqueued!(kit, queue: "beta");
    });
    let expected = "expected an enqueued job, and found none:\n\n    queue: beta\n\n\
                    2 jobs are enqueued, the newest first:\n\n    \
                    ID Mail in mailers, scheduled for 2099-01-01T12:00:00.000000Z, priority 2, tags \
                    mail, args {\"user\":{\"id\":7,\"name\":\"ada\"},\"ids\":[1,2]}, meta \
                    {\"k\":1}\n    ID Does in alpha, available, args {\"what\":\"Ok\"}\n";
    assert_eq!(without_ids(&said.await), expected);

    let said = message(async {
        let kit = in_memory_kit().await;
        kit.insert(does(What::Ok)).await.unwrap();
        refute_enqueued!(kit, worker: Does);
    });
    let expected = "expected no enqueued job, and found 1:\n\n    worker: Does\n\n\
                    one job is enqueued:\n\n    ID Does in alpha, available, args \
                    {\"what\":\"Ok\"}\n";
    assert_eq!(without_ids(&said.await), expected);
}

/// Puts `ID` in the place of the number with which a line begins.
fn without_ids(text: &str) -> String {
    let lines = text.split('\n').map(|line| match line.trim_start().split_once(' ') {
        Some((id, rest)) if id.parse::<JobId>().is_ok() && line.starts_with("    ") => {
            format!("    ID {rest}")
        }
        _ => line.to_owned(),
    });
    lines.collect::<Vec<_>>().join("\n")
}

// Oban's assertion 212.
#[tokio::test]
async fn a_mode_is_that_of_one_kit_and_reaches_the_tasks_that_use_it() {
    let (kit, other) = (in_memory_kit().await, in_memory_kit().await);
    kit.with_mode(Mode::Inline, async {
        let client = kit.client().clone();
        let spawned = tokio::spawn(async move { client.insert(does(What::Ok)).await.unwrap() });
        assert_eq!(spawned.await.unwrap().job().state, State::Completed);
        let manual = other.insert(does(What::Ok)).await.unwrap();
        assert_eq!(manual.job().state, State::Available);
        let within = kit.with_mode(Mode::Manual, kit.insert(does(What::Ok)));
        assert_eq!(within.await.unwrap().job().state, State::Available);
    })
    .await;
    assert_eq!(kit.insert(does(What::Ok)).await.unwrap().job().state, State::Available);
}

#[tokio::test]
async fn jobs_of_a_transaction_run_when_it_has_committed() {
    for mode in [Mode::Manual, Mode::Inline] {
        let kit = in_memory_kit().await;
        kit.set_mode(mode);
        let jobs = kit.client().clone();
        let insert = move |tx: &mut rusqlite::Transaction<'_>| {
            tx.execute_batch("CREATE TABLE users (name TEXT)").unwrap();
            let inserted = jobs.within(tx).insert(does(What::Ok))?;
            assert_eq!(inserted.job().state, State::Available);
            kerrera::Result::<_>::Ok(inserted.into_job().id)
        };
        let id = kit.transaction(insert).await.unwrap();
        if mode == Mode::Manual {
            assert_enqueued!(kit, worker: Does);
            assert_eq!(kit.run_until_idle().await.unwrap(), drained(1));
        }
        assert_eq!(stored(&kit, id).await.state, State::Completed);
    }
}

#[tokio::test]
async fn insertions_side_by_side_in_inline_mode_all_return_what_has_ended() {
    let kit = in_memory_kit().await;
    kit.set_mode(Mode::Inline);
    let insert = || kit.insert(does(What::Again));
    let (a, b, c) = tokio::join!(insert(), insert(), insert());
    for inserted in [a, b, c] {
        assert_eq!(inserted.unwrap().job().state, State::Completed);
    }
    assert_eq!(kit.state().log().len(), 6);
}

#[tokio::test]
async fn a_kit_that_is_gone_runs_nothing_any_more() {
    let client = in_memory().await.unwrap();
    let kit = on(&client).await;
    kit.set_mode(Mode::Inline);
    drop(kit);
    assert_eq!(client.insert(does(What::Ok)).await.unwrap().job().state, State::Available);
    let next = on(&client).await;
    assert_eq!(next.run_until_idle().await.unwrap(), drained(1));
}

#[tokio::test]
async fn what_never_ends_is_an_error_and_not_an_endless_test() {
    let kit = TestKit::builder().state(App::default()).worker::<Does>().most_runs(50);
    let kit = kit.build().await.unwrap();
    kit.insert(does(What::Snooze)).await.unwrap();
    let error = kit.run_until_idle().await.unwrap_err();
    assert!(error.to_string().contains("50 jobs were run and the kit is not idle"), "{error}");
    // A span has an end, and so does one that is longer than the limit allows.
    assert_eq!(kit.advance(3.hours()).await.unwrap().snoozed, 3);
}

#[tokio::test]
async fn time_that_cannot_be_moved_says_what_to_do() {
    let client = Client::connect("sqlite::memory:").await.unwrap();
    let kit = on(&client).await;
    kit.insert(does(What::Ok)).await.unwrap();
    assert_eq!(kit.run_until_idle().await.unwrap(), drained(1));
    kit.insert(does(What::Ok).schedule_in(1.hour())).await.unwrap();
    assert_enqueued!(kit, scheduled_in: 1.hour(), delta: 1.minute());
    for error in [kit.run_next_due().await.unwrap_err(), kit.advance(1.hour()).await.unwrap_err()] {
        assert!(error.is_config() && error.to_string().contains("Clock::manual"), "{error}");
    }
}

#[tokio::test]
async fn mistakes_are_told_when_the_kit_is_made() {
    let twice = TestKit::builder().state(App::default()).worker::<Does>().worker::<Does>();
    let error = twice.build().await.unwrap_err();
    assert!(error.to_string().contains("two workers are named \"Does\""), "{error}");
}
