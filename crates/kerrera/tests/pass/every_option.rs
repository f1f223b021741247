//! Every option sets its item of the trait.

use std::time::Duration;

use kerrera::prelude::*;

#[derive(Serialize, Deserialize, Worker)]
#[worker(name = "import", queue = "imports", max_attempts = 5, priority = 9)]
#[worker(tags = ["csv", "Daily"], timeout = "90s", backoff = waits::steady, abandon_after = "2m")]
#[worker(unique = until_finished().by_keys(["file"]))]
struct DataImport {
    file: String,
}

mod waits {
    use std::time::Duration;

    pub fn steady(job: &kerrera::Job) -> Duration {
        Duration::from_secs(job.id.unsigned_abs())
    }
}

fn main() {
    assert_eq!(DataImport::NAME, "import");
    assert_eq!(DataImport::QUEUE, "imports");
    assert_eq!(DataImport::MAX_ATTEMPTS, 5);
    assert_eq!(DataImport::PRIORITY, 9);
    assert_eq!(DataImport::TAGS, ["csv", "Daily"]);
    let job = job();
    assert_eq!(DataImport::timeout(&job), Some(Duration::from_secs(90)));
    assert_eq!(DataImport::backoff(&job), Duration::from_secs(7));
    assert_eq!(DataImport::abandon_after(), Some(Duration::from_secs(120)));

    assert_eq!(DataImport::uniqueness(), Some(until_finished().by_keys(["file"])));

    let inserted = NewJob::from(DataImport { file: "airports.csv".to_owned() });
    let inserted = inserted.validate(&kerrera::Limits::default()).unwrap();
    assert_eq!((inserted.worker.as_str(), inserted.queue.as_str()), ("import", "imports"));
    assert_eq!(inserted.tags, ["csv", "daily"]);
}

fn job() -> kerrera::Job {
    let row = r#"{
        "id": 7, "state": "executing", "queue": "imports", "worker": "import", "args": {},
        "attempt": 1, "max_attempts": 5, "priority": 9,
        "inserted_at": "2026-11-22T12:00:00Z", "scheduled_at": "2026-11-22T12:00:00Z"
    }"#;
    serde_json::from_str(row).unwrap()
}
