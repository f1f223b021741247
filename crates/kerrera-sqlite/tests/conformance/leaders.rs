//! How the operating system tells that a leader is no more.

use std::time::Duration;

use kerrera_core::Uuid;
use kerrera_core::storage::{Candidate, Maintenance, Operations};
use kerrera_sqlite::Sqlite;

const TTL: Duration = Duration::from_secs(300);

fn candidate(node: &str) -> Candidate {
    Candidate { seat: "kerrera".into(), holder: Uuid::new_v4(), node: node.into(), ttl: TTL }
}

async fn open(folder: &tempfile::TempDir) -> Sqlite {
    let sqlite = Sqlite::open(folder.path().join("jobs.db")).unwrap();
    sqlite.open(true).await.unwrap();
    sqlite
}

#[tokio::test]
async fn the_seat_of_a_process_that_ended_is_free_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let (first, second) = (open(&folder).await, open(&folder).await);
    let (ada, bob) = (candidate("ada"), candidate("bob"));
    assert_eq!(first.lead(ada, None).await.unwrap().term, Some(1));
    let lease = second.lead(bob.clone(), None).await.unwrap();
    assert!(lease.term.is_none() && lease.remains > TTL / 2, "{lease:?}");
    assert_eq!(second.leader("kerrera".into()).await.unwrap().unwrap().node, "ada");

    first.close().await.unwrap();
    assert_eq!(second.leader("kerrera".into()).await.unwrap(), None);
    assert_eq!(second.lead(bob, None).await.unwrap().term, Some(2));
}

#[tokio::test]
async fn to_keep_a_seat_is_rarely_written() {
    let folder = tempfile::tempdir().unwrap();
    let sqlite = open(&folder).await;
    let ada = candidate("ada");
    sqlite.lead(ada.clone(), None).await.unwrap();
    let beside = rusqlite::Connection::open(folder.path().join("jobs.db")).unwrap();
    let version = || -> i64 {
        beside
            .query_row("SELECT data_version FROM pragma_data_version", [], |row| row.get(0))
            .unwrap()
    };
    let before = version();
    for _ in 0..10 {
        assert_eq!(sqlite.lead(ada.clone(), Some(1)).await.unwrap().term, Some(1));
    }
    assert_eq!(version(), before);
}
