//! `kerrera bench`, with few jobs: that it measures, and that it looks.

use std::path::Path;

use serde_json::Value;
use testkit::postgres::Database;
use testkit::process::Process;

use super::{Run, finish, folder, kerrera, run};

/// What `kerrera bench` of these arguments says, run in this folder.
fn bench(folder: &Path, url: &str, arguments: &str) -> Run {
    let words = ["bench"].into_iter().chain(arguments.split(' '));
    let words: Vec<&str> = words.chain(["--database-url", url, "--json"]).collect();
    finish(Process::start(&mut kerrera(folder, &words)))
}

#[track_caller]
fn measured(url: &str, arguments: &str) -> Value {
    let folder = folder();
    let run = bench(folder.path(), url, arguments).ends_with(0);
    let line = run.stdout.lines().last().unwrap();
    let value: Value = serde_json::from_str(line).unwrap();
    assert_eq!(value["verified"], true, "{line}");
    value
}

#[test]
fn a_backlog_is_worked_by_nodes_of_their_own_and_looked_at() {
    let postgres = Database::empty();
    let arguments = "drain --jobs 200 --nodes 2 --queues 2 --concurrency 10 --retained 50 \
                     --waiting 20 --unknown 3 --rounds 2";
    let value = measured(&postgres.url(), arguments);
    assert!(value["jobs_per_second"].as_f64().unwrap() > 0.0, "{value}");
    assert_eq!(value["rounds"].as_array().unwrap().len(), 2);
    assert!(value["settings"]["fsync"].is_string(), "{value}");
    let count = |worker: &str, state: &str| {
        let sql = "select count(*) from oban_jobs where worker = ";
        postgres.psql(&format!("{sql}'{worker}' and state = '{state}'")).trim().to_owned()
    };
    assert_eq!(count("KerreraBenchUnknown", "available"), "3");
    assert_eq!(count("KerreraBenchRetained", "completed"), "50");

    let value = measured("sqlite:bench.db", "drain --jobs 200 --queues 2 --waiting 20");
    assert_eq!(value["database"], "sqlite");
}

#[test]
fn insertions_are_measured_in_each_form() {
    let postgres = Database::empty();
    for url in [&*postgres.url(), "sqlite:bench.db"] {
        for form in ["single", "concurrent", "bulk --batch 20", "stream", "concurrent --nodes 2"] {
            let value = measured(url, &format!("insert {form} --jobs 60"));
            assert_eq!(value["jobs"], 60, "{form}");
        }
    }
}

#[test]
fn starts_are_timed_alone_and_under_a_steady_load() {
    let postgres = Database::empty();
    for url in [&*postgres.url(), "sqlite:bench.db"] {
        let value = measured(url, "latency --jobs 5");
        assert_eq!(value["start"]["count"], 5);
        measured(url, "latency --jobs 5 --from connection");
        let value = measured(url, "steady --rate 50 --seconds 1 --batch 1");
        assert_eq!(value["start"]["count"], 50);
        let value = measured(url, "soak --rate 50 --seconds 2 --every 1 --keep 1 --batch 10");
        assert!(value["samples"][0]["table_bytes"].as_i64().unwrap() > 0, "{value}");
        measured(url, "idle --seconds 1 --queues 2");
    }
}

#[test]
fn the_jobs_of_others_are_neither_slowed_down_unasked_nor_touched() {
    let folder = folder();
    let database = folder.path().join("jobs.db");
    let url = format!("sqlite:{}", database.display());
    bench(folder.path(), &url, "drain --jobs 5").ends_with(0);
    let connection = rusqlite::Connection::open(&database).unwrap();
    let theirs = "insert into oban_jobs (worker, queue) values ('Theirs', 'kerrera')";
    connection.execute_batch(theirs).unwrap();

    let refused = bench(folder.path(), &url, "drain --jobs 5").ends_with(1);
    assert!(refused.error().contains("--beside-other-jobs"), "{}", refused.stderr);
    bench(folder.path(), &url, "drain --jobs 5 --beside-other-jobs").ends_with(0);
    let count = "select count(*) from oban_jobs where worker = 'Theirs' and state = 'available'";
    assert_eq!(connection.query_row(count, [], |row| row.get::<_, i64>(0)), Ok(1));
}

#[test]
fn a_measurement_that_cannot_be_says_why() {
    for (arguments, status, told) in [
        ("bench drain --jobs 0 --database-url sqlite:b.db", 2, "--jobs"),
        ("bench drain", 2, "--database-url"),
        ("bench insert sideways --database-url sqlite:b.db", 2, "bulk"),
        ("bench drain --database-url mysql:x", 1, "sqlite:bench.db"),
        ("bench drain --database-url sqlite::memory:", 1, "a file"),
        ("bench drain --database-url sqlite:b.db --set tuning.grass=1", 1, "tuning.grace"),
        ("bench drain --database-url sqlite:b.db --set tuning.grace", 1, "tuning.claim_batch=500"),
    ] {
        let run = run(&arguments.split(' ').collect::<Vec<_>>()).ends_with(status);
        assert!(run.stderr.contains(told), "{arguments}: {}", run.stderr);
    }
}
