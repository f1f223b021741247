//! A database, and those who work on it.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::Duration;

use company::{Both, Obey, Run, Runs};
use kerrera::postgres::{Config, Postgres};
use kerrera::prelude::*;
use kerrera::{Builder, JobId};
use serde_json::{Value, json};
use testkit::postgres::Database;
use testkit::process::Process;
use testkit::wait;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How long anything may take; on a machine with much to do a Python needs seconds to begin.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// Longer than any test.
pub(crate) const NEVER: Duration = Duration::from_secs(3_600);

/// What Oban for Elixir leaves behind at its migration 14.
const ELIXIR: &str =
    include_str!("../../../crates/kerrera-postgres/tests/conformance/tables/elixir.sql");

/// A database with tables for everybody.
pub(crate) struct Scene {
    pub(crate) database: Database,
    schema: &'static str,
}

impl Scene {
    /// Ours came first, in a schema of their own; Python added its own.
    pub(crate) fn on_tables_of_kerrera() -> Scene {
        Scene::made("company_kerrera", "jobs", |url| {
            migrate(url, "jobs");
            install(url, "jobs");
        })
    }

    /// Python's came first.
    pub(crate) fn on_tables_of_python() -> Scene {
        Scene::made("company_python", "public", |url| {
            install(url, "public");
            migrate(url, "public");
        })
    }

    /// Elixir's came first, then Python's, then ours.
    pub(crate) fn on_tables_of_elixir() -> Scene {
        Scene::made("company_elixir", "public", |url| {
            execute(url, ELIXIR);
            install(url, "public");
            migrate(url, "public");
        })
    }

    fn made(template: &str, schema: &'static str, setup: fn(&str)) -> Scene {
        Scene { database: Database::from_template(template, setup), schema }
    }

    /// Where the jobs are, for Kerrera.
    pub(crate) fn postgres(&self) -> Postgres {
        let config = Config::from_url(&self.database.url()).unwrap();
        Postgres::new(config.schema(self.schema).unwrap()).unwrap()
    }

    /// A client of Kerrera.
    pub(crate) async fn client(&self) -> Client {
        Client::connect(self.postgres()).await.unwrap()
    }

    /// Starts a Kerrera that knows both workers and has fast rounds.
    pub(crate) async fn kerrera(
        &self,
        change: impl FnOnce(Builder<Runs>) -> Builder<Runs>,
    ) -> (Kerrera, Told) {
        let (runs, told) = unbounded_channel();
        let builder = Kerrera::builder(self.postgres())
            .state(runs)
            .worker::<Obey>()
            .worker::<Both>()
            .queue_elsewhere("rust")
            .queue_elsewhere("both")
            .tune(|tuning| {
                tuning.beat = Duration::from_millis(100);
                tuning.ttl = Duration::from_secs(2);
                tuning.look = Duration::from_millis(200);
                tuning.stage_interval = Duration::from_millis(50);
                tuning.cancel_grace = Duration::from_millis(100);
            });
        (change(builder).start().await.unwrap(), Told(told))
    }

    /// Starts a Kerrera in a process of its own, which works the queue `both`.
    pub(crate) fn kerrera_process(&self, node: &str) -> Process {
        let mut command = Command::new(env!("CARGO_BIN_EXE_company"));
        command.args([&self.database.url(), self.schema, node]).env_remove("RUST_BACKTRACE");
        let mut process = Process::start(&mut command);
        process.line(PATIENCE, "ready");
        process
    }

    /// Starts a node of Python with these settings of Oban's, and waits until it works. It leads only
    /// if it is told to, and has fast rounds.
    pub(crate) fn python(&self, node: &str, settings: Value) -> Process {
        let mut all = json!({
            "dsn": self.database.url(),
            "prefix": self.schema,
            "node": node,
            "leadership": false,
            "stager": {"interval": 0.05},
        });
        merge(&mut all, settings);
        let mut process = Process::start(python("node.py").arg(all.to_string()));
        // Without going past what it said before: it may have found work at once.
        wait::until(PATIENCE, "Python's readiness", || {
            assert!(process.is_running(), "{:?}", process.stderr());
            process.stdout().iter().any(|line| line == "ready")
        });
        process
    }

    /// Does one thing through Oban for Python, and gives back what it gave.
    #[track_caller]
    pub(crate) fn by_python(&self, verb: &str, words: Value) -> Value {
        let settings = json!({"dsn": self.database.url(), "prefix": self.schema});
        let mut command = python("client.py");
        command.args([&settings.to_string(), verb, &words.to_string()]);
        let mut process = Process::start(&mut command);
        let line = process.line(PATIENCE, "result ");
        serde_json::from_str(line.trim_start_matches("result ")).unwrap()
    }

    /// Inserts a job through Python.
    #[track_caller]
    pub(crate) fn enqueued_by_python(&self, job: Value) -> JobId {
        let jobs = self.by_python("enqueue", json!([job]));
        jobs[0]["id"].as_i64().unwrap()
    }

    /// The job as Python reads it.
    #[track_caller]
    pub(crate) fn read_by_python(&self, id: JobId) -> Value {
        self.by_python("get", json!(id))
    }

    /// Runs SQL in the schema of the jobs; gives back the rows.
    #[track_caller]
    pub(crate) fn psql(&self, sql: &str) -> String {
        self.database.psql(&format!("set search_path to {}; {sql}", self.schema))
    }

    /// Sends a message to all that listen to one of Oban's channels.
    #[track_caller]
    pub(crate) fn notify(&self, channel: &str, payload: &Value) {
        self.psql(&format!("select pg_notify('{}.oban_{channel}', '{payload}')", self.schema));
    }
}

/// What a Kerrera has told of its runs.
pub(crate) struct Told(UnboundedReceiver<Run>);

impl Told {
    /// The next run.
    pub(crate) async fn next(&mut self) -> Run {
        let next = tokio::time::timeout(PATIENCE, self.0.recv());
        next.await.expect("no run began").expect("the engine has gone")
    }

    /// The runs that nobody has asked for yet.
    pub(crate) fn rest(&mut self) -> Vec<Run> {
        std::iter::from_fn(|| self.0.try_recv().ok()).collect()
    }
}

/// Waits until a job is in a state, and gives it back.
pub(crate) async fn reaches(client: &Client, id: JobId, state: State) -> Job {
    becomes(client, id, &state.to_string(), |job| job.state == state).await
}

/// Waits until a job is as it should be, and gives it back.
pub(crate) async fn becomes(
    client: &Client,
    id: JobId,
    what: &str,
    test: impl Fn(&Job) -> bool,
) -> Job {
    let start = std::time::Instant::now();
    loop {
        let job = client.job(id).await.unwrap().expect("the job is there");
        if test(&job) {
            return job;
        }
        assert!(start.elapsed() < PATIENCE, "never {what}: {job:?} {:?}", job.errors);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Inserts a job and gives back its number.
pub(crate) async fn insert(client: &Client, job: impl Into<NewJob>) -> JobId {
    client.insert(job).await.unwrap().job().id
}

/// Waits until a loop of an engine has done what it is there for twice after this moment: once that
/// began after it.
pub(crate) async fn two_rounds(kerrera: &Kerrera, name: &str) {
    for _ in 0..2 {
        let now = std::time::Instant::now();
        let fresh = || {
            let health = kerrera.health();
            let found = health.loops.iter().find(|pulse| pulse.name == name).cloned();
            found.is_some_and(|pulse| pulse.last_success < now.elapsed())
        };
        while !fresh() {
            assert!(now.elapsed() < PATIENCE, "{name} does not go on: {:?}", kerrera.health());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }
}

/// `oban install`.
pub(crate) fn install(url: &str, schema: &str) {
    let mut command = Command::new(interpreter());
    command
        .args(["-m", "oban", "install", "--dsn", url, "--prefix", schema])
        // It looks for its type in the current schema.
        .env("PGOPTIONS", format!("-c search_path={schema}"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn migrate(url: &str, schema: &str) {
    let config = Config::from_url(url).unwrap().schema(schema).unwrap();
    runtime_elsewhere(async {
        Postgres::new(config).unwrap().migrations().up(None).await.unwrap();
    });
}

fn execute(url: &str, sql: &str) {
    runtime_elsewhere(async {
        let (client, connection) =
            tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap();
    });
}

/// Runs something to its end on a runtime of its own: the caller may be on one.
fn runtime_elsewhere(work: impl Future<Output = ()> + Send) {
    let run = || tokio::runtime::Runtime::new().unwrap().block_on(work);
    thread::scope(|scope| scope.spawn(run).join().unwrap());
}

fn python(program: &str) -> Command {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("python");
    let mut command = Command::new(interpreter());
    // Nothing is left behind in the folder.
    command.arg("-B").arg(folder.join(program));
    command
}

fn interpreter() -> PathBuf {
    let program = std::env::var_os("KERRERA_TEST_PYTHON").unwrap_or_else(|| {
        panic!("this test needs Oban for Python: run it by `cargo xtask test company -- ...`")
    });
    program.into()
}

fn merge(all: &mut Value, more: Value) {
    if let (Value::Object(all), Value::Object(more)) = (all, more) {
        all.extend(more);
    }
}
