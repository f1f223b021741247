//! Sessions that break, hang, or are served by a pooler.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use kerrera_core::executor::{Call, Dialect, Executor};
use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{
    Ack, Acked, Beat, Claim, Inserted, Jobs, Liveness, Operations, Presence, Producer, Sighting,
    Signals,
};
use kerrera_core::{ClaimToken, Clock, Job, Limits, NewJob, State, Units, Uuid, ValidJob};
use kerrera_postgres::{Config, Postgres};
use serde_json::json;
use testkit::postgres::Database;

use crate::fixture::{client, clock, migrated, open};
use crate::proxy::{Proxy, address};

/// How long a test waits for what has to come.
const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_statement_that_waits_too_long_is_given_up() {
    let database = migrated("public");
    let config = Config::from_url(&database.url()).unwrap();
    let postgres = Postgres::new(config.statement_timeout(300.milliseconds())).unwrap();
    postgres.open(false).await.unwrap();
    let lock = client(&database.url(), "public").await;
    lock.batch_execute("BEGIN; LOCK TABLE oban_jobs").await.unwrap();

    let error = postgres.insert(vec![job()]).await.unwrap_err();
    assert!(error.is_timeout() && error.is_transient(), "{error:?}");
    lock.batch_execute("COMMIT").await.unwrap();
    postgres.insert(vec![job()]).await.unwrap();
    assert_eq!(postgres.counts().await.unwrap()[0].jobs, 1);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up() {
    let database = migrated("public");
    let proxy = Proxy::network(address(&database.url())).await;
    let url = format!("{}?connect_timeout=1", proxy.url(&database.url()));
    let config = Config::from_url(&url).unwrap().statement_timeout(100.milliseconds());
    let postgres = Postgres::new(config).unwrap();
    postgres.open(false).await.unwrap();

    proxy.fall_silent(true);
    let error = postgres.counts().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("not known"), "{error:?}");
    let error = postgres.counts().await.unwrap_err();
    assert!(error.is_unreachable(), "the next cannot even begin: {error:?}");
    proxy.fall_silent(false);
    until(async || postgres.counts().await.is_ok()).await;
}

#[tokio::test]
async fn a_call_that_is_dropped_is_finished() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let lock = client(&database.url(), "public").await;
    lock.batch_execute("BEGIN; LOCK TABLE oban_jobs").await.unwrap();

    let insertion = postgres.insert(vec![job()]);
    let dropped = tokio::time::timeout(Duration::from_millis(50), insertion).await;
    assert!(dropped.is_err());
    lock.batch_execute("COMMIT").await.unwrap();
    until(async || postgres.counts().await.unwrap().iter().any(|count| count.jobs == 1)).await;
}

/// Begins insertions of these workers' jobs one after the other, while the table is locked; gives back
/// what holds the lock.
async fn held_up(
    database: &Database,
    postgres: &Postgres,
    workers: &[&'static str],
) -> (tokio_postgres::Client, Vec<tokio::task::JoinHandle<kerrera_core::Result<Vec<Inserted>>>>) {
    let lock = client(&database.url(), "public").await;
    lock.batch_execute("BEGIN; LOCK TABLE oban_jobs").await.unwrap();
    let mut insertions = Vec::new();
    for worker in workers {
        let job = NewJob::of(*worker, json!({})).validate(&Limits::default()).unwrap();
        let postgres = postgres.clone();
        insertions.push(tokio::spawn(async move { postgres.insert(vec![job]).await }));
        let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' \
                     and datname = current_database()";
        tokio::task::yield_now().await;
        until(async || database.psql(waits) == "1").await;
    }
    (lock, insertions)
}

#[tokio::test]
async fn what_comes_while_an_insertion_is_under_way_is_inserted_in_one_transaction() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let (lock, insertions) = held_up(&database, &postgres, &["W"; 20]).await;
    lock.batch_execute("COMMIT").await.unwrap();
    let mut ids = Vec::new();
    for insertion in insertions {
        let inserted = insertion.await.unwrap().unwrap();
        assert_eq!(inserted.len(), 1);
        ids.push(inserted[0].job().id);
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 20, "everybody has a job of their own");
    let transactions = "select count(distinct xmin::text) from oban_jobs";
    assert_eq!(database.psql(transactions), "2", "the first waited for nobody");
}

#[tokio::test]
async fn an_insertion_that_the_database_refuses_fails_alone() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    database.psql("alter table oban_jobs add constraint no_bad check (worker <> 'Bad')");
    let workers = ["First", "Good", "Bad", "Better"];
    let (lock, insertions) = held_up(&database, &postgres, &workers).await;
    lock.batch_execute("COMMIT").await.unwrap();
    for (insertion, worker) in insertions.into_iter().zip(workers) {
        match insertion.await.unwrap() {
            Ok(inserted) => assert_eq!(inserted[0].job().worker, worker),
            Err(error) => {
                assert_eq!(worker, "Bad");
                assert!(error.to_string().contains("no_bad"), "{error}");
            }
        }
    }
    let workers = "select string_agg(worker, ' ' order by worker) from oban_jobs";
    assert_eq!(database.psql(workers), "Better First Good");
}

#[tokio::test]
async fn who_no_longer_waits_when_an_insertion_begins_has_nothing_inserted() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let (lock, insertions) = held_up(&database, &postgres, &["First", "Left", "Stayed"]).await;
    insertions[1].abort();
    until(async || insertions[1].is_finished()).await;
    lock.batch_execute("COMMIT").await.unwrap();
    for insertion in insertions {
        let _ = insertion.await;
    }
    let workers = "select string_agg(worker, ' ' order by worker) from oban_jobs";
    assert_eq!(database.psql(workers), "First Stayed");
}

#[test]
fn an_insertion_outside_of_a_runtime_is_an_error_and_hurts_no_other() {
    let database = migrated("public");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let postgres = runtime.block_on(open(&database.url(), "public", &Clock::database())).unwrap();
    let outside = pin!(postgres.insert(vec![job()]));
    let polled = outside.poll(&mut Context::from_waker(Waker::noop()));
    let Poll::Ready(Err(error)) = polled else { panic!("{polled:?}") };
    assert!(error.is_config() && error.to_string().contains("Tokio runtime"), "{error}");
    assert_eq!(runtime.block_on(postgres.insert(vec![job()])).unwrap().len(), 1);
}

#[test]
fn insertions_go_on_when_the_runtime_that_wrote_them_has_ended() {
    let database = migrated("public");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (first, second) = (runtime(), runtime());
    let postgres = first.block_on(open(&database.url(), "public", &Clock::database())).unwrap();
    let lock = first.block_on(async {
        let (lock, _insertions) = held_up(&database, &postgres, &["Lost"]).await;
        lock
    });
    let other = postgres.clone();
    let waiting = second.spawn(async move { other.insert(vec![job()]).await });
    second.block_on(tokio::task::yield_now());
    drop((lock, first));
    let error = second.block_on(waiting).unwrap().unwrap_err();
    assert!(error.is_closed(), "{error}");
    assert_eq!(second.block_on(postgres.insert(vec![job()])).unwrap().len(), 1);
}

#[tokio::test]
async fn what_breaks_is_connected_again() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    postgres.insert(vec![job()]).await.unwrap();
    for _ in 0..3 {
        cut(&database);
        // The first call may be the one that finds out.
        until(async || postgres.insert(vec![job()]).await.is_ok()).await;
        until(async || postgres.counts().await.is_ok()).await;
    }
}

#[tokio::test]
async fn many_calls_at_once_take_turns() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let calls: Vec<_> = (0..50)
        .map(|_| {
            let postgres = postgres.clone();
            tokio::spawn(async move { postgres.stage(1, Vec::new()).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let sessions = "select count(*) from pg_stat_activity where application_name = 'kerrera' \
                    and datname = current_database()";
    let sessions: usize = database.psql(sessions).parse().unwrap();
    assert_eq!(sessions, Config::HOT_CONNECTIONS + 1, "and one to open");
}

#[test]
fn a_connection_outlives_the_runtime_that_made_it() {
    let database = migrated("public");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    let postgres = first.block_on(open(&database.url(), "public", &Clock::database())).unwrap();
    first.block_on(postgres.insert(vec![job()])).unwrap();
    drop(first);
    for _ in 0..3 {
        let next = runtime();
        next.block_on(postgres.insert(vec![job()])).unwrap();
        next.block_on(enrolled(&postgres));
    }
    let counts = runtime().block_on(postgres.counts()).unwrap();
    assert_eq!(counts[0].jobs, 4);
}

#[test]
fn the_heart_beats_on_while_the_runtime_that_enrolled_stands_still() {
    let database = migrated("public");
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (still, beating) = (runtime(), runtime());
    let postgres = still.block_on(open(&database.url(), "public", &Clock::database())).unwrap();
    let producer = still.block_on(enrolled(&postgres));
    for _ in 0..3 {
        let pulse = beating.block_on(postgres.beat(vec![beat(producer)])).unwrap();
        assert!(pulse.dead.is_empty());
        assert_eq!(beating.block_on(postgres.look()).unwrap().doubtful, []);
    }
}

#[tokio::test]
async fn a_claim_that_nobody_waits_for_is_given_back() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let producer = enrolled(&postgres).await;
    postgres.insert(vec![job()]).await.unwrap();
    let lock = client(&database.url(), "public").await;
    lock.batch_execute("BEGIN; LOCK TABLE oban_jobs").await.unwrap();
    let claim = postgres.claim(wish(producer));
    assert!(tokio::time::timeout(Duration::from_millis(50), claim).await.is_err());
    lock.batch_execute("COMMIT").await.unwrap();
    until(async || database.psql("select state from oban_jobs") == "executing").await;

    let claimed = postgres.claim(wish(producer)).await.unwrap();
    assert_eq!((claimed.len(), claimed[0].attempt), (1, 1));
}

#[tokio::test]
async fn jobs_of_a_claim_that_was_never_answered_are_given_back() {
    let database = migrated("public");
    let proxy = Proxy::network(address(&database.url())).await;
    let config = Config::from_url(&proxy.url(&database.url())).unwrap().hot_connections(1);
    let postgres = Postgres::new(config).unwrap();
    postgres.open(false).await.unwrap();
    let producer = enrolled(&postgres).await;
    // Prepared; from here on a claim is one question and one answer.
    assert!(postgres.claim(wish(producer)).await.unwrap().is_empty());
    postgres.insert(vec![job()]).await.unwrap();

    proxy.lose_answers(true);
    let error = postgres.claim(wish(producer)).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    assert_eq!(database.psql("select state, attempt from oban_jobs"), "executing|1");

    proxy.lose_answers(false);
    let mut claimed = Vec::new();
    let again = async {
        while claimed.is_empty() {
            // Until it is connected again.
            claimed = postgres.claim(wish(producer)).await.unwrap_or_default();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    assert_eq!((claimed[0].state, claimed[0].attempt), (State::Executing, 1));
    assert_eq!(postgres.ack(vec![completed(&claimed[0])]).await.unwrap(), [Acked::Written]);
}

#[tokio::test]
async fn an_ack_that_was_never_answered_recognises_its_own_success() {
    let database = migrated("public");
    let proxy = Proxy::network(address(&database.url())).await;
    let config = Config::from_url(&proxy.url(&database.url())).unwrap().hot_connections(1);
    let postgres = Postgres::new(config).unwrap();
    postgres.open(false).await.unwrap();
    postgres.insert(vec![job(), job()]).await.unwrap();
    let producer = enrolled(&postgres).await;
    let claimed = postgres.claim(wish(producer)).await.unwrap();
    // Prepared; from here on an ack is one question and one answer.
    postgres.ack(vec![completed(&claimed[1])]).await.unwrap();

    proxy.lose_answers(true);
    let error = postgres.ack(vec![completed(&claimed[0])]).await.unwrap_err();
    assert!(error.is_unreachable(), "{error:?}");
    proxy.lose_answers(false);
    let mut answer = Vec::new();
    let again = async {
        while answer.is_empty() {
            answer = postgres.ack(vec![completed(&claimed[0])]).await.unwrap_or_default();
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.unwrap();
    assert_eq!(answer, [Acked::AlreadyWritten]);
}

#[tokio::test]
async fn a_lost_session_frees_the_presence_lock_and_a_living_process_takes_another() {
    let database = migrated("public");
    let (ours, theirs) = (
        open(&database.url(), "public", &Clock::database()).await.unwrap(),
        open(&database.url(), "public", &Clock::database()).await.unwrap(),
    );
    let producer = enrolled(&theirs).await;
    assert_eq!(ours.look().await.unwrap().doubtful, []);
    let presence = "select presence from kerrera_producers";
    let before = database.psql(presence);

    // The backend that holds the lock which their row names.
    database.psql(&format!(
        "select pg_terminate_backend(pid) from pg_locks
         where locktype = 'advisory' and objsubid = 2 and objid = {before}"
    ));
    // Without a call of theirs.
    until(async || database.psql(presence) != before).await;
    until(async || ours.look().await.unwrap().doubtful.is_empty()).await;
    let pulse = theirs.beat(vec![beat(producer)]).await.unwrap();
    assert!(pulse.dead.is_empty());
    assert_eq!(ours.look().await.unwrap().doubtful, []);

    drop(theirs);
    let seen = doubtful(&ours).await;
    assert_eq!((seen.producer, seen.presence), (producer, Presence::Away));
    let rescue = ours.rescue(vec![seen], 10).await.unwrap();
    assert_eq!(rescue.removed, [producer]);
}

#[tokio::test]
async fn a_producer_that_beats_after_it_was_looked_at_is_not_removed() {
    let database = migrated("public");
    let clock = clock();
    let postgres = open(&database.url(), "public", &clock).await.unwrap();
    let producer = enrolled(&postgres).await;
    clock.advance(1.minute());
    let seen = doubtful(&postgres).await;
    assert_eq!((seen.presence, seen.silent), (Presence::Here, 1.minute()));

    // At the very moment: the beat has written and not committed.
    let other = client(&database.url(), "public").await;
    other.batch_execute("BEGIN; UPDATE kerrera_producers SET meta = meta").await.unwrap();
    let rescue = postgres.rescue(vec![seen.clone()], 10).await.unwrap();
    assert!(rescue.removed.is_empty());
    other.batch_execute("ROLLBACK").await.unwrap();

    // Even if no time has passed by the clock.
    postgres.beat(vec![beat(producer)]).await.unwrap();
    let rescue = postgres.rescue(vec![seen], 10).await.unwrap();
    assert!(rescue.removed.is_empty());
    assert_eq!(database.psql("select count(*) from kerrera_producers"), "1");
}

#[tokio::test]
async fn the_age_of_a_session_begins_anew_with_each() {
    let database = migrated("public");
    let clock = clock();
    let postgres = open(&database.url(), "public", &clock).await.unwrap();
    assert_eq!(postgres.look().await.unwrap().session, Duration::ZERO);
    clock.advance(1.hour());
    assert_eq!(postgres.look().await.unwrap().session, 1.hour());
    cut(&database);
    until(async || postgres.look().await.is_ok_and(|look| look.session.is_zero())).await;
}

#[tokio::test]
async fn everything_works_behind_a_pooler_but_presence_and_listening() {
    let database = migrated("public");
    let proxy = Proxy::pooler(address(&database.url())).await;
    let url = proxy.url(&database.url());
    let clock = clock();
    let postgres = open(&url, "public", &clock).await.unwrap();
    let producer = enrolled(&postgres).await;

    postgres.insert(vec![job(), job()]).await.unwrap();
    let claimed = postgres.claim(wish(producer)).await.unwrap();
    assert_eq!(claimed.len(), 2);
    let failed = Ack {
        outcome: decide(claimed[1].position(), Event::Snoozed { wait: 1.second() }).unwrap(),
        ..completed(&claimed[1])
    };
    let acked = postgres.ack(vec![completed(&claimed[0]), failed]).await.unwrap();
    assert_eq!(acked, [Acked::Written, Acked::Written]);
    clock.advance(1.second());
    assert_eq!(postgres.stage(10, vec!["default".into()]).await.unwrap().count, 1);
    assert!(postgres.beat(vec![beat(producer)]).await.unwrap().dead.is_empty());
    postgres.notify(vec!["default".into()]).await.unwrap();
    assert_eq!(postgres.counts().await.unwrap().len(), 2);

    assert_eq!(postgres.look().await.unwrap().doubtful, []);
    clock.advance(1.minute());
    let seen = doubtful(&postgres).await;
    assert_eq!((seen.presence, seen.silent), (Presence::Unknown, 1.minute()));
    assert_eq!(postgres.rescue(vec![seen], 10).await.unwrap().removed, [producer]);
    assert!(!proxy.saw_a_named_statement());

    let error = postgres.listen().await.err().unwrap();
    assert!(error.is_config() && error.to_string().contains("listen_url"), "{error:?}");
    let config = Config::from_url(&url).unwrap().listen_url(&database.url()).unwrap();
    let postgres = Postgres::new(config).unwrap();
    postgres.open(false).await.unwrap();
    let mut listener = postgres.listen().await.unwrap();
    postgres.notify(vec!["mailers".into()]).await.unwrap();
    tokio::time::timeout(PATIENCE, listener.next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_end_that_cannot_be_written_is_refused_alone() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let producer = enrolled(&postgres).await;
    postgres.insert(vec![job(), job(), job()]).await.unwrap();
    let claimed = postgres.claim(wish(producer)).await.unwrap();
    let mut acks: Vec<Ack> = claimed.iter().map(completed).collect();
    // jsonb has no NUL.
    acks[1].meta = json!({"k_value": "a\0b"}).as_object().cloned();

    let answers = postgres.ack(acks).await.unwrap();
    assert_eq!((&answers[0], &answers[2]), (&Acked::Written, &Acked::Written));
    assert!(matches!(&answers[1], Acked::Refused(why) if why.contains("22P05")), "{answers:?}");
    let bad = postgres.job(claimed[1].id).await.unwrap().unwrap();
    assert_eq!((bad.state, bad.errors.len()), (State::Executing, 0), "its claim still holds");
    let good = postgres.job(claimed[2].id).await.unwrap().unwrap();
    assert_eq!(good.state, State::Completed);
}

#[tokio::test]
async fn an_end_that_nobody_may_write_is_kept_for_later() {
    let database = migrated("public");
    let role = format!("worker_{}", fastrand::u64(..));
    database.psql(&format!(
        "create role {role} login;
         grant select, insert, update, delete on all tables in schema public to {role};
         grant usage on all sequences in schema public to {role}"
    ));
    let url = database.url().replacen("kerrera@", &format!("{role}@"), 1);
    let postgres = open(&url, "public", &Clock::database()).await.unwrap();
    let producer = enrolled(&postgres).await;
    postgres.insert(vec![job()]).await.unwrap();
    let claimed = postgres.claim(wish(producer)).await.unwrap();

    database.psql(&format!("revoke update on oban_jobs from {role}"));
    let error = postgres.ack(vec![completed(&claimed[0])]).await.unwrap_err();
    assert!(error.is_access_denied() && error.to_string().contains("grant"), "{error:?}");
    database.psql(&format!("grant update on oban_jobs to {role}"));
    let acked = postgres.ack(vec![completed(&claimed[0])]).await.unwrap();
    assert_eq!(acked, [Acked::Written]);
    drop(postgres);
    database.psql(&format!("drop owned by {role}; drop role {role}"));
}

#[tokio::test]
async fn rows_that_cannot_be_read_in_full_are_read_as_far_as_possible() {
    let database = migrated("public");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let producer = enrolled(&postgres).await;
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    database.psql(&format!(
        "insert into oban_jobs (worker, args, meta, tags, errors, attempted_by, scheduled_at)
         values
            ('Deep', '{{\"a\": {deep}}}', null, null, array['{deep}'::jsonb], null, '-infinity'),
            ('Odd', '{{\"n\": 1e400}}', '[]', array[array['a', null], array['b', 'c']],
                array['\"text\"'::jsonb, '{{\"attempt\": \"x\"}}'], '{{a,b}}', 'infinity'),
            ('Plain', '{{}}', '{{}}', '{{}}', '{{}}', '{{}}', '2000-01-01')"
    ));
    let mut claimed = postgres.claim(wish(producer)).await.unwrap();
    claimed.sort_by_key(|job| job.id);
    let workers: Vec<&str> = claimed.iter().map(|job| &*job.worker).collect();
    assert_eq!(workers, ["Deep", "Odd", "Plain"]);
    assert_eq!(claimed[0].errors.len(), 1);
    assert_eq!(claimed[1].tags, ["a", "b", "c"]);
    assert_eq!(claimed[1].errors.len(), 2);
    let acked = postgres.ack(claimed.iter().map(completed).collect()).await.unwrap();
    assert_eq!(acked, [const { Acked::Written }; 3]);
}

#[tokio::test]
async fn an_error_shows_no_values_of_rows() {
    let database = migrated("public");
    database.psql("alter table oban_jobs add check (not args ? 'secret')");
    let postgres = open(&database.url(), "public", &Clock::database()).await.unwrap();
    let job = NewJob::of("Worker", json!({"secret": "hush"}));
    let job = job.validate(&Limits::default()).unwrap();
    let error = postgres.insert(vec![job.clone()]).await.unwrap_err();
    assert!(error.to_string().contains("oban_jobs_args_check"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");

    let mut client = client(&database.url(), "public").await;
    let mut transaction = client.transaction().await.unwrap();
    let plan = postgres.plan_insert(&[job], true);
    let call: Call<Vec<Inserted>> = Call::new(Dialect::Postgres, plan, Ok);
    let error = transaction.run(call).await.unwrap_err();
    assert!(error.to_string().contains("oban_jobs_args_check"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hush"), "{error:?}");
}

fn job() -> ValidJob {
    NewJob::of("Worker", json!({})).validate(&Limits::default()).unwrap()
}

async fn enrolled(postgres: &Postgres) -> Uuid {
    let uuid = Uuid::new_v4();
    let producer = Producer { uuid, node: "node".into(), queue: "default".into(), limit: 10 };
    postgres.enroll(vec![producer]).await.unwrap();
    uuid
}

fn wish(producer: Uuid) -> Claim {
    Claim {
        queue: "default".into(),
        producer,
        node: "node".into(),
        token: ClaimToken::random(),
        limit: 10,
        excluded: Arc::new([]),
        floor: None,
    }
}

fn completed(job: &Job) -> Ack {
    Ack {
        id: job.id,
        token: job.claim_token().unwrap(),
        attempt: job.attempt,
        outcome: decide(job.position(), Event::Completed).unwrap(),
        failure: None,
        meta: None,
        then: Vec::new(),
        began: None,
    }
}

fn beat(producer: Uuid) -> Beat {
    Beat { producer, paused: false, limit: 10, running: Vec::new() }
}

/// Ends every session of the storages with a database.
fn cut(database: &Database) {
    database.psql(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where application_name = 'kerrera' and datname = current_database()",
    );
}

async fn doubtful(postgres: &Postgres) -> Sighting {
    let mut seen = Vec::new();
    let look = async {
        while seen.is_empty() {
            seen = postgres.look().await.unwrap().doubtful;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap();
    seen.remove(0)
}

async fn until(holds: impl AsyncFn() -> bool) {
    let wait = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("what has to come");
}
