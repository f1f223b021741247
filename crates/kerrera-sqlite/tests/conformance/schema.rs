//! Which files are used, which are refused, and what opening leaves behind.

use std::path::{Path, PathBuf};

use kerrera_core::storage::{Jobs, Operations, Reading};
use kerrera_core::{Error, Limits, NewJob};
use kerrera_sqlite::rusqlite::Connection;
use kerrera_sqlite::{Sqlite, SqliteOptions, Synchronous};
use serde_json::json;

struct Folder(tempfile::TempDir);

impl Folder {
    fn new() -> Folder {
        Folder(tempfile::tempdir().unwrap())
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("jobs.db")
    }

    fn connection(&self) -> Connection {
        Connection::open(self.file()).unwrap()
    }

    /// The names in the folder, to see what opening made.
    fn names(&self) -> Vec<String> {
        let names = std::fs::read_dir(self.0.path()).unwrap();
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }
}

async fn open(path: &Path, migrate: bool) -> Result<Sqlite, Error> {
    let sqlite = Sqlite::open(path)?;
    sqlite.open(migrate).await.map(|()| sqlite)
}

async fn insert(sqlite: &Sqlite) -> Result<(), Error> {
    let job = NewJob::of("W", json!({})).validate(&Limits::default())?;
    sqlite.insert(vec![job]).await.map(drop)
}

#[tokio::test]
async fn a_missing_file_is_made_only_by_a_migration() {
    let folder = Folder::new();
    let error = open(&folder.file(), false).await.unwrap_err();
    assert!(error.is_unmigrated(), "{error}");
    assert!(error.to_string().contains("jobs.db"), "{error}");
    assert!(folder.names().is_empty(), "nothing was made: {:?}", folder.names());

    insert(&open(&folder.file(), true).await.unwrap()).await.unwrap();
    insert(&open(&folder.file(), false).await.unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_file_that_is_opened_to_be_read_only_is_read_and_never_written() {
    let folder = Folder::new();
    let to_read = || SqliteOptions::file(folder.file()).read_only(true).open().unwrap();
    let error = to_read().open(true).await.unwrap_err();
    assert!(error.is_unmigrated(), "{error}");
    assert!(folder.names().is_empty(), "nothing was made: {:?}", folder.names());

    let writer = open(&folder.file(), true).await.unwrap();
    insert(&writer).await.unwrap();
    let reader = to_read();
    reader.open(true).await.unwrap();
    let second = std::time::Duration::from_secs(1);
    assert!(writer.is_writable(second).await.unwrap());
    assert!(!reader.is_writable(second).await.unwrap());
    assert!(insert(&reader).await.unwrap_err().is_access_denied());
    let count = |sqlite: Sqlite| async move {
        let query = kerrera_core::JobQuery::new().validate().unwrap();
        sqlite.count(query).await.unwrap()
    };
    assert_eq!(count(reader.clone()).await, 1, "nothing was written");
    insert(&writer).await.unwrap();
    assert_eq!(count(reader).await, 2, "it sees what others write");
}

#[tokio::test]
async fn an_empty_file_has_to_be_migrated() {
    let folder = Folder::new();
    std::fs::write(folder.file(), "").unwrap();
    let sqlite = Sqlite::open(folder.file()).unwrap();
    assert!(sqlite.open(false).await.unwrap_err().is_unmigrated());
    assert!(insert(&sqlite).await.unwrap_err().is_unmigrated());
    assert_eq!(std::fs::metadata(folder.file()).unwrap().len(), 0, "nothing was written");

    sqlite.open(true).await.unwrap();
    insert(&sqlite).await.unwrap();
}

#[tokio::test]
async fn what_was_committed_is_there_when_it_is_opened_again() {
    let folder = Folder::new();
    let sqlite = open(&folder.file(), true).await.unwrap();
    for _ in 0..10 {
        insert(&sqlite).await.unwrap();
    }
    sqlite.close().await.unwrap();
    assert_eq!(folder.names(), ["jobs.db"], "the log is folded in");
    assert!(insert(&sqlite).await.unwrap_err().is_closed());
    assert!(sqlite.job(1).await.unwrap_err().is_closed());

    let again = open(&folder.file(), false).await.unwrap();
    assert_eq!(again.counts().await.unwrap()[0].jobs, 10);
}

#[cfg(unix)]
#[tokio::test]
async fn only_the_owner_can_read_what_we_make() {
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new();
    let sqlite = open(&folder.file(), true).await.unwrap();
    insert(&sqlite).await.unwrap();
    let names = folder.names();
    assert!(names.len() >= 3, "{names:?}");
    for name in names {
        let mode = std::fs::metadata(folder.0.path().join(&name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
}

#[tokio::test]
async fn our_tables_live_beside_those_of_the_application() {
    let folder = Folder::new();
    folder
        .connection()
        .execute_batch(
            "PRAGMA user_version = 7; PRAGMA application_id = 77;
             CREATE TABLE users (name TEXT); INSERT INTO users VALUES ('ada');",
        )
        .unwrap();
    insert(&open(&folder.file(), true).await.unwrap()).await.unwrap();

    let connection = folder.connection();
    let value = |sql| connection.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(value("PRAGMA user_version"), 7);
    assert_eq!(value("PRAGMA application_id"), 77);
    assert_eq!(value("SELECT count(*) FROM users"), 1);
    assert_eq!(value("SELECT count(*) FROM oban_jobs"), 1);
}

#[tokio::test]
async fn a_newer_schema_is_refused_before_any_write() {
    let folder = Folder::new();
    open(&folder.file(), true).await.unwrap().close().await.unwrap();
    folder.connection().execute_batch("INSERT INTO kerrera_schema VALUES (99, 0)").unwrap();
    let before = std::fs::read(folder.file()).unwrap();

    for migrate in [false, true] {
        let error = open(&folder.file(), migrate).await.unwrap_err();
        assert!(error.is_foreign_schema(), "{error}");
        assert!(error.to_string().contains("99"), "{error}");
    }
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
}

#[tokio::test]
async fn an_older_schema_has_to_be_migrated() {
    let folder = Folder::new();
    folder
        .connection()
        .execute_batch(
            "CREATE TABLE kerrera_schema (version INTEGER, applied_at INTEGER);
                        INSERT INTO kerrera_schema VALUES (0, 0)",
        )
        .unwrap();
    let error = open(&folder.file(), false).await.unwrap_err();
    assert!(error.is_unmigrated(), "{error}");
    assert!(error.to_string().contains("version 0"), "{error}");
}

#[tokio::test]
async fn a_file_of_obans_lite_engine_is_refused_in_a_sentence() {
    let folder = Folder::new();
    let lite = "CREATE TABLE oban_jobs (id INTEGER PRIMARY KEY AUTOINCREMENT, state TEXT NOT NULL,
                worker TEXT NOT NULL, scheduled_at TEXT NOT NULL)";
    folder.connection().execute_batch(lite).unwrap();
    let before = std::fs::read(folder.file()).unwrap();

    for migrate in [false, true] {
        let error = open(&folder.file(), migrate).await.unwrap_err();
        assert!(error.is_foreign_schema(), "{error}");
        assert!(error.to_string().contains("Lite engine"), "{error}");
    }
    assert_eq!(std::fs::read(folder.file()).unwrap(), before);
}

#[tokio::test]
async fn any_other_table_of_jobs_is_refused() {
    let folder = Folder::new();
    folder.connection().execute_batch("CREATE TABLE oban_jobs (id INTEGER)").unwrap();
    let error = open(&folder.file(), true).await.unwrap_err();
    assert!(error.is_foreign_schema(), "{error}");
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused() {
    let folder = Folder::new();
    let text = "This is no database, but text. ".repeat(100);
    std::fs::write(folder.file(), &text).unwrap();
    let error = open(&folder.file(), true).await.unwrap_err();
    assert!(error.is_foreign_schema(), "{error}");
    assert_eq!(std::fs::read_to_string(folder.file()).unwrap(), text);
}

#[tokio::test]
async fn a_folder_that_is_missing_is_named() {
    let folder = Folder::new();
    let path = folder.0.path().join("missing/jobs.db");
    let error = open(&path, true).await.unwrap_err();
    assert!(error.is_unreachable(), "{error}");
    assert!(error.to_string().contains("missing/jobs.db"), "{error}");
}

#[tokio::test]
async fn many_can_make_the_same_file_at_once() {
    let folder = Folder::new();
    let openers: Vec<_> = (0..8)
        .map(|_| {
            let path = folder.file();
            tokio::spawn(async move {
                let sqlite = open(&path, true).await.unwrap();
                insert(&sqlite).await.unwrap();
            })
        })
        .collect();
    for opener in openers {
        opener.await.unwrap();
    }
    let sqlite = open(&folder.file(), false).await.unwrap();
    assert_eq!(sqlite.counts().await.unwrap()[0].jobs, 8);
}

#[tokio::test]
async fn commits_wait_for_the_disk_unless_it_is_said_otherwise() {
    for (synchronous, level) in [(Synchronous::Full, 2), (Synchronous::Normal, 1)] {
        let folder = Folder::new();
        let options = SqliteOptions::file(folder.file()).synchronous(synchronous);
        let sqlite = options.open().unwrap();
        sqlite.open(true).await.unwrap();
        let found = sqlite
            .transaction(|tx| {
                let level = tx.query_row("PRAGMA synchronous", [], |row| row.get::<_, i64>(0));
                let mode = tx.query_row("PRAGMA journal_mode", [], |row| row.get::<_, String>(0));
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>((level?, mode?))
            })
            .await
            .unwrap();
        assert_eq!(found, (level, "wal".to_owned()));
    }
}

#[tokio::test]
async fn a_relative_path_survives_a_change_of_folder() {
    let folder = Folder::new();
    let here = std::env::current_dir().unwrap();
    let up: PathBuf = here.components().skip(1).map(|_| "..").collect();
    let relative = up.join(folder.file().strip_prefix("/").unwrap());
    let sqlite = Sqlite::open(&relative).unwrap();
    sqlite.open(true).await.unwrap();
    insert(&sqlite).await.unwrap();
    assert!(folder.file().exists());
    assert!(Sqlite::open("").unwrap_err().is_config());
}
