//! A database for one test, and what to do with it.

use std::any::Any;
use std::sync::Arc;
use std::time::Duration;

use kerrera::{Builder, Client, Database, Job, JobId, Kerrera, NewJob, State, Tuning};
use kerrera_core::Clock;
use kerrera_core::storage::Storage;

pub struct Scene {
    pub storage: Arc<dyn Storage>,
    database: Database,
    /// The file or the server's database, which goes when this is dropped.
    _keep: Box<dyn Any + Send>,
    raw: Raw,
}

enum Raw {
    Sqlite(std::path::PathBuf),
    Postgres(Arc<testkit::postgres::Database>),
}

impl Scene {
    pub async fn on_sqlite() -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("jobs.db");
        let sqlite = kerrera_sqlite::Sqlite::open(&path).unwrap();
        let storage: Arc<dyn Storage> = Arc::new(sqlite.clone());
        storage.open(true).await.unwrap();
        Scene { storage, database: sqlite.into(), _keep: Box::new(folder), raw: Raw::Sqlite(path) }
    }

    pub async fn on_postgres() -> Scene {
        let database = tokio::task::spawn_blocking(|| {
            testkit::postgres::Database::from_template("kerrera", |url| {
                let config = kerrera_postgres::Config::from_url(url).unwrap();
                let postgres = kerrera_postgres::Postgres::new(config).unwrap();
                let runtime = tokio::runtime::Runtime::new().unwrap();
                runtime.block_on(kerrera_core::storage::Operations::open(&postgres, true)).unwrap();
            })
        });
        let database = Arc::new(database.await.unwrap());
        let config = kerrera_postgres::Config::from_url(&database.url()).unwrap();
        let storage: Arc<dyn Storage> = Arc::new(kerrera_postgres::Postgres::new(config).unwrap());
        storage.open(false).await.unwrap();
        Scene {
            storage: storage.clone(),
            database: Database::of(storage),
            _keep: Box::new(database.clone()),
            raw: Raw::Postgres(database),
        }
    }

    /// An engine with fast rounds, so that tests need not wait for the second hand.
    pub fn builder(&self) -> Builder {
        Kerrera::builder(self.database.clone()).tune(fast)
    }

    pub async fn client(&self) -> Client {
        Client::connect(self.database.clone()).await.unwrap()
    }

    /// A client on connections of its own, as another process would have them.
    pub async fn elsewhere(&self) -> Client {
        let database = match &self.raw {
            Raw::Sqlite(path) => kerrera_sqlite::Sqlite::open(path).unwrap().into(),
            Raw::Postgres(database) => Database::from(database.url()),
        };
        Client::connect(database).await.unwrap()
    }

    /// Connections of their own, as another process would have them, by this clock.
    pub fn on_clock(&self, clock: &Clock) -> Database {
        match &self.raw {
            Raw::Sqlite(path) => {
                let options = kerrera_sqlite::SqliteOptions::file(path);
                options.clock(clock.clone()).open().unwrap().into()
            }
            Raw::Postgres(database) => {
                let config = kerrera_postgres::Config::from_url(&database.url()).unwrap();
                kerrera_postgres::Postgres::new(config.clock(clock.clone())).unwrap().into()
            }
        }
    }

    /// Runs SQL that both databases understand, as anybody with access could.
    pub async fn raw(&self, sql: &str) {
        let sql = sql.to_owned();
        match &self.raw {
            Raw::Sqlite(path) => {
                let path = path.clone();
                let run = move || {
                    let connection = rusqlite::Connection::open(path).unwrap();
                    connection.busy_timeout(Duration::from_secs(10)).unwrap();
                    connection.execute_batch(&sql).unwrap();
                };
                tokio::task::spawn_blocking(run).await.unwrap();
            }
            Raw::Postgres(database) => {
                let database = database.clone();
                tokio::task::spawn_blocking(move || database.psql(&sql)).await.unwrap();
            }
        }
    }

    /// A connection of the application's own to the same SQLite file.
    pub fn own_sqlite(&self) -> Option<rusqlite::Connection> {
        match &self.raw {
            Raw::Sqlite(path) => Some(rusqlite::Connection::open(path).unwrap()),
            Raw::Postgres(_) => None,
        }
    }

    /// The PostgreSQL database, for whoever else works it.
    pub fn server(&self) -> Arc<testkit::postgres::Database> {
        match &self.raw {
            Raw::Sqlite(_) => panic!("a file has no neighbours"),
            Raw::Postgres(database) => database.clone(),
        }
    }

    /// The URL of the PostgreSQL database.
    pub fn postgres_url(&self) -> Option<String> {
        match &self.raw {
            Raw::Sqlite(_) => None,
            Raw::Postgres(database) => Some(database.url()),
        }
    }

    /// Waits until a job is in a state, and gives it back.
    pub async fn reaches(&self, id: JobId, state: State) -> Job {
        self.becomes(id, &format!("{state}"), |job| job.state == state).await
    }

    pub async fn becomes(&self, id: JobId, what: &str, test: impl Fn(&Job) -> bool) -> Job {
        let mut last = None;
        for _ in 0..2_000 {
            last = self.storage.job(id).await.unwrap();
            if let Some(job) = &last
                && test(job)
            {
                return last.unwrap();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        panic!("job {id} never became {what}: {last:?} {:?}", last.as_ref().map(|job| &job.errors));
    }
}

pub fn fast(tuning: &mut Tuning) {
    tuning.beat = Duration::from_millis(100);
    tuning.ttl = Duration::from_secs(2);
    tuning.look = Duration::from_millis(200);
    tuning.stage_interval = Duration::from_millis(20);
    tuning.cancel_grace = Duration::from_millis(100);
    tuning.grace = Duration::from_secs(5);
}

/// Inserts a job and gives back its number.
pub async fn insert(client: &Client, job: impl Into<NewJob>) -> JobId {
    client.insert(job).await.unwrap().job().id
}
