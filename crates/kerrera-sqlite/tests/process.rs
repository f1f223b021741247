//! Several on one file: their locks, their hints, their turns.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test fails by panicking, and a child process speaks to its test"
)]

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kerrera_core::state::{Event, decide};
use kerrera_core::storage::{
    Ack, Acked, Claim, Hint, Jobs, Liveness, Operations, Presence, Producer, Signals,
};
use kerrera_core::{
    ClaimToken, Clock, Job, Limits, NewJob, State, Timestamp, Units, Uuid, ValidJob,
};
use kerrera_sqlite::rusqlite::{Connection, TransactionBehavior};
use kerrera_sqlite::{Sqlite, SqliteOptions};
use serde_json::json;
use tempfile::TempDir;
use testkit::process::Process;

const PATIENCE: Duration = Duration::from_secs(20);

/// A folder, and as many processes on the file in it as are asked for.
struct House(TempDir);

impl House {
    fn new() -> House {
        House(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("jobs.db")
    }

    async fn process(&self) -> Sqlite {
        let sqlite = Sqlite::open(self.file()).unwrap();
        sqlite.open(true).await.unwrap();
        sqlite
    }

    fn locks(&self) -> Vec<PathBuf> {
        let paths = std::fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().path());
        paths.filter(|path| path.extension().is_some_and(|end| end == "lock")).collect()
    }

    fn sql(&self, sql: &str) {
        Connection::open(self.file()).unwrap().execute_batch(sql).unwrap();
    }
}

fn jobs(count: usize) -> Vec<ValidJob> {
    let job = |n| NewJob::of("W", json!({"n": n})).validate(&Limits::default()).unwrap();
    (0..count).map(job).collect()
}

fn producer() -> Producer {
    Producer { uuid: Uuid::new_v4(), node: "node-1".into(), queue: "default".into(), limit: 10 }
}

async fn enrolled(sqlite: &Sqlite) -> Uuid {
    let producer = producer();
    let uuid = producer.uuid;
    sqlite.enroll(vec![producer]).await.unwrap();
    uuid
}

async fn claim(sqlite: &Sqlite, producer: Uuid, limit: u32) -> Vec<Job> {
    let claim = Claim {
        queue: "default".into(),
        producer,
        node: "node-1".into(),
        token: ClaimToken::random(),
        limit,
        excluded: [].into(),
        floor: None,
    };
    sqlite.claim(claim).await.unwrap()
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

#[tokio::test]
async fn a_process_is_seen_from_its_first_producer_to_its_last() {
    let house = House::new();
    let sqlite = house.process().await;
    assert!(house.locks().is_empty(), "a client that only inserts is not seen");
    let (first, second) = (enrolled(&sqlite).await, enrolled(&sqlite).await);
    assert_eq!(house.locks().len(), 1, "one lock for all producers");
    let lock = File::open(&house.locks()[0]).unwrap();
    assert!(lock.try_lock().is_err(), "it is held, against this very process too");

    sqlite.retire(vec![first]).await.unwrap();
    assert_eq!(house.locks().len(), 1);
    sqlite.retire(vec![second]).await.unwrap();
    assert!(house.locks().is_empty(), "nothing is left lying about");

    enrolled(&sqlite).await;
    assert_eq!(house.locks().len(), 1, "it can come back");
    drop(sqlite);
    until(|| house.locks().is_empty()).await;
}

#[tokio::test]
async fn a_lock_file_that_outlives_its_process_tells_of_its_death() {
    let house = House::new();
    let (survivor, victim) = (house.process().await, house.process().await);
    let (ours, theirs) = (enrolled(&survivor).await, enrolled(&victim).await);
    victim.insert(jobs(1)).await.unwrap();
    let job = claim(&victim, theirs, 1).await.remove(0);
    assert!(survivor.look().await.unwrap().doubtful.is_empty());

    // What `kill -9` leaves behind: the rows, and the file without its lock.
    let lock = house.locks().into_iter().find(|path| !is_of(path, &survivor_lock(&house, ours)));
    let lock = lock.unwrap();
    drop(victim);
    until(|| !lock.exists()).await;
    File::create(&lock).unwrap();

    let look = survivor.look().await.unwrap();
    assert_eq!(look.session, Duration::MAX);
    let [sighting] = &look.doubtful[..] else { panic!("{look:?}") };
    assert_eq!((sighting.producer, sighting.presence), (theirs, Presence::Ended));

    let rescue = survivor.rescue(look.doubtful, 10).await.unwrap();
    assert_eq!(rescue.removed, [theirs]);
    assert_eq!(rescue.jobs, [(job.id, "default".to_owned(), State::Available)]);
    assert!(!lock.exists(), "what it left is tidied up");
}

#[tokio::test]
async fn a_rescue_looks_again_before_it_removes() {
    let house = House::new();
    let (judge, living) = (house.process().await, house.process().await);
    let producer = enrolled(&living).await;
    living.insert(jobs(1)).await.unwrap();
    let job = claim(&living, producer, 1).await.remove(0);

    // A sighting from a time when its lock file could not be found.
    let lock = house.locks().remove(0);
    let aside = lock.with_extension("aside");
    std::fs::rename(&lock, &aside).unwrap();
    let look = judge.look().await.unwrap();
    assert_eq!(look.doubtful.len(), 1);
    std::fs::rename(&aside, &lock).unwrap();

    let rescue = judge.rescue(look.doubtful, 10).await.unwrap();
    assert!(rescue.removed.is_empty() && rescue.jobs.is_empty(), "{rescue:?}");
    assert_eq!(living.ack(vec![completed(&job)]).await.unwrap(), [Acked::Written]);
}

#[tokio::test]
async fn a_lock_file_that_was_tidied_away_comes_back_with_the_next_producer() {
    let house = House::new();
    let sqlite = house.process().await;
    enrolled(&sqlite).await;
    std::fs::remove_file(&house.locks()[0]).unwrap();
    let producer = enrolled(&sqlite).await;

    let other = house.process().await;
    let look = other.look().await.unwrap();
    assert!(look.doubtful.is_empty(), "{look:?}");
    assert!(!sqlite.beat(Vec::new()).await.unwrap().dead.contains(&producer));
    assert!(File::open(&house.locks()[0]).unwrap().try_lock().is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn links_lead_to_the_same_lock() {
    let house = House::new();
    let sqlite = house.process().await;
    enrolled(&sqlite).await;
    let elsewhere = tempfile::tempdir().unwrap();
    let link = elsewhere.path().join("linked.db");
    std::os::unix::fs::symlink(house.file(), &link).unwrap();

    let other = Sqlite::open(&link).unwrap();
    other.open(false).await.unwrap();
    enrolled(&other).await;
    assert_eq!(house.locks().len(), 2);
    assert!(other.look().await.unwrap().doubtful.is_empty());
    assert!(sqlite.look().await.unwrap().doubtful.is_empty());
}

#[tokio::test]
async fn a_commit_of_another_connection_is_heard() {
    let house = House::new();
    let (listening, other) = (house.process().await, house.process().await);
    let mut listener = listening.listen().await.unwrap();
    for _ in 0..5 {
        other.insert(jobs(1)).await.unwrap();
        let hint = tokio::time::timeout(PATIENCE, listener.next()).await.unwrap().unwrap();
        assert_eq!(hint, Hint::Changed);
    }
    house.sql("UPDATE oban_jobs SET priority = 1");
    let hint = tokio::time::timeout(PATIENCE, listener.next()).await.unwrap().unwrap();
    assert_eq!(hint, Hint::Changed);
}

#[tokio::test]
async fn the_last_of_a_burst_is_heard_too() {
    let house = House::new();
    let (listening, other) = (house.process().await, house.process().await);
    let mut listener = listening.listen().await.unwrap();
    for _ in 0..200 {
        other.insert(jobs(1)).await.unwrap();
    }
    // Whoever looks after each hint sees everything in the end.
    let seen = async {
        loop {
            listener.next().await.unwrap();
            if listening.counts().await.unwrap()[0].jobs == 200 {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap();
}

#[tokio::test]
async fn a_process_that_is_stopped_lives_and_one_that_is_killed_does_not() {
    let house = House::new();
    let survivor = house.process().await;
    enrolled(&survivor).await;
    let inserted = survivor.insert(jobs(1)).await.unwrap();
    let mut process = child(&house, "work");
    process.line(PATIENCE, "claimed");

    process.stop();
    for _ in 0..10 {
        let look = survivor.look().await.unwrap();
        assert!(look.doubtful.is_empty(), "{look:?}");
    }
    process.kill9();
    let look = survivor.look().await.unwrap();
    assert_eq!(look.doubtful.len(), 1, "the system has freed its lock");

    let rescue = survivor.rescue(look.doubtful, 10).await.unwrap();
    let [(job, _, State::Available)] = rescue.jobs[..] else { panic!("{rescue:?}") };
    assert_eq!(job, inserted[0].job().id);
    assert_eq!(house.locks().len(), 1, "only our own is left");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_lock_of_another_process_is_waited_for_longer_than_our_own() {
    let house = House::new();
    let sqlite = house.process().await;
    let mut process = child(&house, "hold");
    process.line(PATIENCE, "held");

    let insert = sqlite.insert(jobs(1));
    // Longer than the five seconds after which a transaction of our own would be suspected.
    let release = async {
        tokio::time::sleep(Duration::from_secs(7)).await;
        process.kill9();
    };
    let (inserted, ()) = tokio::join!(insert, release);
    assert_eq!(inserted.unwrap().len(), 1);
}

/// Not a test, but what [`child`] runs.
#[test]
#[ignore = "the other process of the tests above"]
fn another_process() {
    let (Ok(file), Ok(what)) = (std::env::var(FILE), std::env::var(WHAT)) else { return };
    let mut held = Connection::open(&file).unwrap();
    let kept = runtime().block_on(async {
        let sqlite = Sqlite::open(&file).unwrap();
        sqlite.open(false).await.unwrap();
        if what == "work" {
            let producer = enrolled(&sqlite).await;
            assert_eq!(claim(&sqlite, producer, 1).await.len(), 1);
            println!("claimed");
        }
        sqlite
    });
    let tx = (what == "hold").then(|| {
        let tx = held.transaction_with_behavior(TransactionBehavior::Immediate).unwrap();
        println!("held");
        tx
    });
    // Until it is killed.
    std::thread::park_timeout(PATIENCE * 3);
    drop((tx, kept));
}

const FILE: &str = "KERRERA_TEST_FILE";
const WHAT: &str = "KERRERA_TEST_WHAT";

/// A process on the file, which says when it has done what it is to do.
fn child(house: &House, what: &str) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--ignored", "--exact", "another_process", "--nocapture"]);
    command.env(FILE, house.file()).env(WHAT, what);
    Process::start(&mut command)
}

#[tokio::test]
async fn clocks_that_disagree_break_nothing() {
    let house = House::new();
    let at = |time: &str| {
        let clock = Clock::manual(time.parse::<Timestamp>().unwrap());
        SqliteOptions::file(house.file()).clock(clock).open().unwrap()
    };
    let (ahead, behind) = (at("2026-11-22T14:00:00Z"), at("2026-11-22T12:00:00Z"));
    ahead.open(true).await.unwrap();
    behind.open(false).await.unwrap();
    let producer = enrolled(&behind).await;

    ahead.insert(jobs(3)).await.unwrap();
    let claimed = claim(&behind, producer, 3).await;
    assert_eq!(claimed.len(), 3, "what is available needs no clock");
    let snooze = Event::Snoozed { wait: 1.minute() };
    let acks = claimed
        .iter()
        .map(|job| Ack { outcome: decide(job.position(), snooze).unwrap(), ..completed(job) });
    let acks: Vec<Ack> = acks.collect();
    assert_eq!(behind.ack(acks).await.unwrap(), [const { Acked::Written }; 3]);
    assert_eq!(behind.stage(10, Vec::new()).await.unwrap().count, 0);
    assert_eq!(ahead.stage(10, Vec::new()).await.unwrap().count, 3);
    assert_eq!(claim(&behind, producer, 3).await.len(), 3);
}

#[test]
fn eight_writers_take_turns_and_none_is_refused() {
    const WRITERS: usize = 8;
    const ROUNDS: usize = 30;
    let house = House::new();
    let path = house.file();
    let setup = async { house.process().await };
    runtime().block_on(setup);
    let writers: Vec<_> = (0..WRITERS)
        .map(|_| {
            let path = path.clone();
            std::thread::spawn(move || runtime().block_on(live(&path, ROUNDS)))
        })
        .collect();
    let done: usize = writers.into_iter().map(|writer| writer.join().unwrap()).sum();

    assert_eq!(done, WRITERS * ROUNDS * 2, "every job was completed once");
    let connection = Connection::open(&path).unwrap();
    let value = |sql| connection.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(value("PRAGMA integrity_check"), "ok");
    assert_eq!(value("SELECT count(*) || ' ' || min(state) FROM oban_jobs"), "480 completed");
}

/// Inserts, claims and completes like a node; how many it completed.
async fn live(path: &Path, rounds: usize) -> usize {
    let sqlite = Sqlite::open(path).unwrap();
    sqlite.open(false).await.unwrap();
    let producer = enrolled(&sqlite).await;
    let mut done = 0;
    for _ in 0..rounds {
        sqlite.insert(jobs(2)).await.unwrap();
        let claimed = claim(&sqlite, producer, 2).await;
        sqlite.stage(10, Vec::new()).await.unwrap();
        let acks = claimed.iter().map(completed).collect();
        let acked = sqlite.ack(acks).await.unwrap();
        done += acked.iter().filter(|acked| **acked == Acked::Written).count();
    }
    loop {
        let claimed = claim(&sqlite, producer, 100).await;
        if claimed.is_empty() {
            sqlite.retire(vec![producer]).await.unwrap();
            return done;
        }
        done += sqlite.ack(claimed.iter().map(completed).collect()).await.unwrap().len();
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap()
}

/// The lock file of the process that a producer belongs to.
fn survivor_lock(house: &House, producer: Uuid) -> String {
    let connection = Connection::open(house.file()).unwrap();
    let sql = "SELECT process FROM kerrera_producers WHERE uuid = ?1";
    connection.query_row(sql, [producer.to_string()], |row| row.get(0)).unwrap()
}

fn is_of(path: &Path, process: &str) -> bool {
    path.to_string_lossy().contains(process)
}

async fn until(mut holds: impl FnMut() -> bool) {
    let held = async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, held).await.unwrap();
}
