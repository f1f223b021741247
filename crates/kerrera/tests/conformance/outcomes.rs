//! What a run ends with, and what is written about it.

use std::time::Duration;

use kerrera::prelude::*;
use kerrera::{Builder, Reason};
use serde_json::json;

use crate::on_both;
use crate::scene::{Scene, insert};

/// Ends as its field says.
#[derive(Clone, Debug, Serialize, Deserialize, Worker)]
#[worker(max_attempts = 3, backoff = at_once)]
struct Ends {
    with: With,
}

fn at_once(_: &Job) -> Duration {
    Duration::ZERO
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum With {
    Done,
    Value,
    Then,
    ThenInvalid,
    Snooze,
    SnoozeOnce,
    Cancel,
    Discard,
    Text,
    IoError,
    RetryLater,
    CancelError,
    Panic,
    PanicInDrop,
    NotANumber,
    HugeValue,
}

impl Perform for Ends {
    async fn perform(&self, cx: &Context) -> JobResult {
        match self.with {
            With::Done => done(),
            With::Value => done().value(json!({"rows": 3})),
            With::Then => done().then(Ends { with: With::Done }.queue("next").tag("second")),
            With::ThenInvalid => done().then(NewJob::of("", json!({}))),
            With::Snooze => snooze(1.hour()),
            With::SnoozeOnce => match cx.job().snoozed() {
                0 => snooze(Duration::ZERO),
                _ => done(),
            },
            With::Cancel => cancel("unsubscribed"),
            With::Discard => discard("hopeless"),
            With::Text => Err("it broke\0".into()),
            With::IoError => {
                std::fs::read("/no such file")?;
                done()
            }
            With::RetryLater => Err(JobError::from("busy").retry_in(1.hour())),
            With::CancelError => "x".parse::<i32>().or_cancel().map(|_| done())?,
            With::Panic => panic!("the sky is falling"),
            With::PanicInDrop => {
                let _rude = Rude;
                done()
            }
            With::NotANumber => done().value(json!({"n": f64::NAN})),
            With::HugeValue => done().value("x".repeat(20_000)),
        }
    }
}

struct Rude;

impl Drop for Rude {
    fn drop(&mut self) {
        panic!("rude to the end");
    }
}

fn engine(scene: &Scene) -> Builder {
    scene.builder().queue("default", 5).queue("next", 5).worker::<Ends>()
}

/// Runs one job to a state, and gives back its row.
async fn run(scene: &Scene, with: With, state: State) -> Job {
    let kerrera = engine(scene).start().await.unwrap();
    let id = insert(&kerrera, Ends { with }).await;
    let job = scene.reaches(id, state).await;
    kerrera.shutdown().await;
    job
}

async fn done_completes(scene: Scene) {
    let job = run(&scene, With::Done, State::Completed).await;
    assert_eq!(job.attempt, 1);
    assert!(job.completed_at >= job.attempted_at && job.attempted_at.is_some());
    assert!(job.errors.is_empty() && job.claim_token().is_some());
    assert_eq!(job.attempted_by.len(), 3);
}

async fn a_value_is_kept_in_meta(scene: Scene) {
    let job = run(&scene, With::Value, State::Completed).await;
    assert_eq!(job.meta.get("k_value"), Some(json!({"rows": 3})));
}

async fn the_next_step_is_inserted_with_the_completion(scene: Scene) {
    let kerrera = engine(&scene).start().await.unwrap();
    let first = insert(&kerrera, Ends { with: With::Then }).await;
    scene.reaches(first, State::Completed).await;
    let second = scene.reaches(first + 1, State::Completed).await;
    assert_eq!((second.queue.as_str(), second.tags.as_slice()), ("next", &["second".into()][..]));
    kerrera.shutdown().await;
}

async fn a_next_step_that_breaks_a_rule_fails_the_run(scene: Scene) {
    let job = run(&scene, With::ThenInvalid, State::Discarded).await;
    assert_eq!(job.errors.len(), 3);
    assert!(job.errors[0].error.contains("worker"), "{:?}", job.errors);
}

async fn a_next_step_that_the_database_refuses_fails_that_run_alone(scene: Scene) {
    // A rule that only this database has.
    scene.raw("CREATE UNIQUE INDEX one_next ON oban_jobs (queue) WHERE queue = 'next'").await;
    let kerrera = scene.builder().queue("default", 10).worker::<Ends>().start().await.unwrap();
    let runs = [With::Then, With::Then, With::Done].map(|with| Ends { with });
    let mut ended = Vec::new();
    for inserted in kerrera.insert_all(runs).await.unwrap() {
        let over = |job: &Job| matches!(job.state, State::Completed | State::Retryable);
        ended.push(scene.becomes(inserted.job().id, "over", over).await);
    }
    kerrera.shutdown().await;
    ended.sort_by_key(|job| job.state == State::Completed);
    assert_eq!(ended[1].state, State::Completed, "the others are not affected");
    assert_eq!((ended[0].state, ended[0].errors.len()), (State::Retryable, 1));
    let words = &ended[0].errors[0].error;
    assert!(words.contains("OutcomeRefused") && words.contains("constraint"), "{words}");
}

async fn snooze_costs_no_attempt(scene: Scene) {
    let job = run(&scene, With::Snooze, State::Scheduled).await;
    assert_eq!((job.attempt, job.max_attempts), (0, 3));
    assert_eq!(job.meta.get("snoozed"), Some(json!(1)));
    assert!(job.scheduled_at.since(job.attempted_at.unwrap()) >= 1.hour());

    let job = run(&scene, With::SnoozeOnce, State::Completed).await;
    assert_eq!((job.attempt, job.meta.get("snoozed")), (1, Some(json!(1))));
}

async fn cancel_and_discard_end_a_job_with_their_reason(scene: Scene) {
    let job = run(&scene, With::Cancel, State::Cancelled).await;
    assert_eq!(job.errors.len(), 1);
    assert!(job.errors[0].error.contains("unsubscribed") && job.cancelled_at.is_some());

    let job = run(&scene, With::Discard, State::Discarded).await;
    assert_eq!((job.attempt, job.errors.len()), (1, 1));
    assert!(job.errors[0].error.contains("hopeless") && job.discarded_at.is_some());

    let job = run(&scene, With::CancelError, State::Cancelled).await;
    assert!(job.errors[0].error.contains("invalid digit"), "{:?}", job.errors);
}

async fn an_error_is_tried_again_until_attempts_are_used_up(scene: Scene) {
    let job = run(&scene, With::Text, State::Discarded).await;
    assert_eq!(job.attempt, 3);
    let attempts: Vec<_> = job.errors.iter().map(|error| error.attempt).collect();
    assert_eq!(attempts, [1, 2, 3]);
    for error in &job.errors {
        assert_eq!(error.error, "it broke\u{fffd}");
        assert!(error.at.is_some() && error.node.is_some() && error.milliseconds.is_some());
    }
    let job = run(&scene, With::IoError, State::Discarded).await;
    assert!(job.errors[0].error.contains("No such file"), "{:?}", job.errors);
}

async fn an_error_may_bring_its_own_wait(scene: Scene) {
    let job = run(&scene, With::RetryLater, State::Retryable).await;
    let wait = job.scheduled_at.since(job.attempted_at.unwrap());
    assert!(wait >= 1.hour() && wait < 2.hours(), "{wait:?}");
}

async fn a_panic_is_a_failure_with_its_words_and_place(scene: Scene) {
    let job = run(&scene, With::Panic, State::Discarded).await;
    assert_eq!(job.errors.len(), 3);
    let words = &job.errors[0].error;
    assert!(words.contains("the sky is falling") && words.contains("outcomes.rs:"), "{words}");

    let job = run(&scene, With::PanicInDrop, State::Discarded).await;
    assert!(job.errors[0].error.contains("rude to the end"), "{:?}", job.errors);
}

async fn a_value_that_is_too_large_fails_the_run(scene: Scene) {
    let job = run(&scene, With::HugeValue, State::Discarded).await;
    assert!(job.errors[0].error.contains("keep large data elsewhere"), "{:?}", job.errors);
    let job = run(&scene, With::NotANumber, State::Completed).await;
    assert_eq!(job.meta.get("k_value"), Some(json!({"n": null})), "json!'s own doing");
}

async fn args_that_do_not_decode_are_a_failure_that_names_the_field(scene: Scene) {
    #[derive(Serialize, Deserialize, Worker)]
    #[worker(max_attempts = 1)]
    struct Import {
        rows: Vec<Row>,
    }
    #[derive(Serialize, Deserialize)]
    struct Row {
        price: i64,
    }
    impl Perform for Import {
        async fn perform(&self, _: &Context) -> JobResult {
            discard(self.rows[0].price)
        }
    }

    let kerrera = scene.builder().queue("default", 1).worker::<Import>().start().await.unwrap();
    let args = json!({"rows": [{"price": 1}, {"price": "dear"}]});
    let id = insert(&kerrera, NewJob::of("Import", args).max_attempts(1)).await;
    let job = scene.reaches(id, State::Discarded).await;
    let words = &job.errors[0].error;
    assert!(words.contains("args.rows[1].price of Import"), "{words}");
    kerrera.shutdown().await;
}

/// Runs until it is told to stop, or beyond.
#[derive(Serialize, Deserialize, Worker)]
#[worker(timeout = "50ms", max_attempts = 1)]
struct Slow {
    then: Then,
}

#[derive(PartialEq, Serialize, Deserialize)]
enum Then {
    Tidy,
    Complain,
    Ignore,
}

impl Perform for Slow {
    async fn perform(&self, cx: &Context) -> JobResult {
        cx.cancellation().cancelled().await;
        assert_eq!(cx.cancellation().reason(), Some(Reason::Timeout));
        match self.then {
            Then::Tidy => done(),
            Then::Complain => Err("interrupted".into()),
            Then::Ignore => std::future::pending().await,
        }
    }
}

async fn a_run_is_told_of_its_timeout_and_then_dropped(scene: Scene) {
    let kerrera = scene.builder().queue("default", 5).worker::<Slow>().start().await.unwrap();
    let tidy = insert(&kerrera, Slow { then: Then::Tidy }).await;
    let complains = insert(&kerrera, Slow { then: Then::Complain }).await;
    let ignores = insert(&kerrera, Slow { then: Then::Ignore }).await;

    scene.reaches(tidy, State::Completed).await;
    for id in [complains, ignores] {
        let job = scene.reaches(id, State::Discarded).await;
        assert_eq!(job.errors[0].error, "** (TimeoutError) Slow timed out after 50ms");
    }
    kerrera.shutdown().await;
}

async fn every_attempt_has_one_idempotency_key_and_its_own_claim_token(scene: Scene) {
    #[derive(Serialize, Deserialize, Worker)]
    #[worker(max_attempts = 2, backoff = at_once)]
    struct Tell;
    impl Perform for Tell {
        async fn perform(&self, cx: &Context) -> JobResult {
            assert_eq!(cx.job().claim_token(), Some(cx.claim_token()));
            Err(format!("{} {}", cx.idempotency_key(), cx.claim_token()).into())
        }
    }
    let kerrera = scene.builder().queue("default", 1).worker::<Tell>().start().await.unwrap();
    let id = insert(&kerrera, Tell).await;
    let job = scene.reaches(id, State::Discarded).await;
    let told: Vec<_> =
        job.errors.iter().map(|error| error.error.split_once(' ').unwrap()).collect();
    assert_eq!(told[0].0, told[1].0);
    assert_ne!(told[0].1, told[1].1);
    kerrera.shutdown().await;
}

async fn a_backoff_that_panics_falls_back_to_the_usual_one(scene: Scene) {
    fn broken(_: &Job) -> Duration {
        panic!("no idea")
    }
    #[derive(Serialize, Deserialize, Worker)]
    #[worker(backoff = broken)]
    struct Fails;
    impl Perform for Fails {
        async fn perform(&self, _: &Context) -> JobResult {
            Err("no".into())
        }
    }
    let kerrera = scene.builder().queue("default", 1).worker::<Fails>().start().await.unwrap();
    let id = insert(&kerrera, Fails).await;
    let job = scene.reaches(id, State::Retryable).await;
    assert!(job.scheduled_at.since(job.attempted_at.unwrap()) >= 17.seconds());
    kerrera.shutdown().await;
}

/// It was asked by the loop that claims, which ended there, with all that it had just claimed.
async fn a_timeout_that_panics_fails_the_run_and_no_other(scene: Scene) {
    #[derive(Clone, Serialize, Deserialize)]
    struct Works;
    impl Worker for Works {
        const NAME: &'static str = "Works";
        fn timeout(job: &Job) -> Option<Duration> {
            assert_ne!(job.priority, 1, "no idea");
            None
        }
    }
    impl Perform for Works {
        async fn perform(&self, _: &Context) -> JobResult {
            done()
        }
    }
    let kerrera = scene.builder().queue("default", 9).worker::<Works>().start().await.unwrap();
    let jobs = [Works.priority(1), Works.priority(2), Works.priority(1), Works.priority(0)];
    let jobs = kerrera.insert_all(jobs).await.unwrap();
    for (inserted, fails) in jobs.iter().zip([true, false, true, false]) {
        let state = if fails { State::Retryable } else { State::Completed };
        let job = scene.reaches(inserted.job().id, state).await;
        assert_eq!(job.errors.len(), usize::from(fails));
        for error in &job.errors {
            assert!(error.error.starts_with("** (Panic) ") && error.error.contains("no idea"));
        }
    }
    kerrera.shutdown().await;
}

/// The end of the run could not be reckoned: the loop that claims ended there.
async fn a_timeout_beyond_all_clocks_is_none(scene: Scene) {
    #[derive(Serialize, Deserialize)]
    struct Works;
    impl Worker for Works {
        const NAME: &'static str = "Works";
        fn timeout(_: &Job) -> Option<Duration> {
            Some(Duration::MAX)
        }
    }
    impl Perform for Works {
        async fn perform(&self, _: &Context) -> JobResult {
            tokio::task::yield_now().await;
            done()
        }
    }
    let kerrera = scene.builder().queue("default", 1).worker::<Works>().start().await.unwrap();
    let id = insert(&kerrera, Works).await;
    scene.reaches(id, State::Completed).await;
    kerrera.shutdown().await;
}

on_both!(
    a_timeout_that_panics_fails_the_run_and_no_other,
    a_timeout_beyond_all_clocks_is_none,
    done_completes,
    a_value_is_kept_in_meta,
    the_next_step_is_inserted_with_the_completion,
    a_next_step_that_breaks_a_rule_fails_the_run,
    a_next_step_that_the_database_refuses_fails_that_run_alone,
    snooze_costs_no_attempt,
    cancel_and_discard_end_a_job_with_their_reason,
    an_error_is_tried_again_until_attempts_are_used_up,
    an_error_may_bring_its_own_wait,
    a_panic_is_a_failure_with_its_words_and_place,
    a_value_that_is_too_large_fails_the_run,
    args_that_do_not_decode_are_a_failure_that_names_the_field,
    a_run_is_told_of_its_timeout_and_then_dropped,
    every_attempt_has_one_idempotency_key_and_its_own_claim_token,
    a_backoff_that_panics_falls_back_to_the_usual_one,
);
