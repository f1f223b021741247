//! A database, the processes that work on it, and what is done to them.

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use kerrera::Kerrera;
use tempfile::TempDir;
use testkit::postgres::Cluster;
use testkit::process::Process;
use testkit::wait;
use torture::audit;
use torture::checker::{self, Report};
use torture::database::Database;
use torture::history::{Fault, FaultKind, History, Insert, Run, Stamp};
use torture::load::{LONG_QUEUE, QUEUE};
use torture::log;

/// How long a process may take to begin or to end.
const PATIENCE: Duration = Duration::from_secs(40);

/// Scenarios that load the machine run beside each other; one that keeps a promise of time alone.
static LOAD: RwLock<()> = RwLock::new(());

/// Waits until no promise of time is being measured.
pub(crate) fn busy() -> RwLockReadGuard<'static, ()> {
    LOAD.read().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until nothing else loads the machine.
pub(crate) fn quiet() -> RwLockWriteGuard<'static, ()> {
    LOAD.write().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) struct Scene {
    name: &'static str,
    pub(crate) rng: fastrand::Rng,
    pub(crate) database: Database,
    nodes: Vec<Node>,
    producers: Vec<Process>,
    faults: Vec<Fault>,
    limits: HashMap<String, u32>,
    folder: TempDir,
    _server: Option<testkit::postgres::Database>,
}

struct Node {
    name: String,
    process: Process,
    /// Killed, or told to end.
    gone: bool,
}

/// A node of a scene.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NodeId(usize);

/// What the nodes of a scene are like.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Whether they take others for dead after two seconds.
    pub(crate) fast: bool,
    pub(crate) limit: u32,
    pub(crate) long_limit: u32,
    pub(crate) claim_batch: Option<u32>,
}

impl Settings {
    pub(crate) const FAST: Settings = Settings { fast: true, ..Settings::SHIPPED };
    /// The limits are so low that they are often reached.
    pub(crate) const SHIPPED: Settings =
        Settings { fast: false, limit: 2, long_limit: 2, claim_batch: None };
}

impl Scene {
    pub(crate) fn on_sqlite(name: &'static str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::Sqlite(folder.path().join("jobs.db"));
        prepare(&database);
        Scene::new(name, database, folder, None)
    }

    /// On the server that the tests of a run share.
    pub(crate) fn on_postgres(name: &'static str) -> Scene {
        let prepared = |url: &str| prepare(&Database::Postgres(url.to_owned()));
        let server = testkit::postgres::Database::from_template("torture", prepared);
        let database = Database::Postgres(server.url());
        Scene::new(name, database, tempfile::tempdir().unwrap(), Some(server))
    }

    /// On a server of its own.
    pub(crate) fn on_cluster(name: &'static str, cluster: &Cluster) -> Scene {
        cluster.psql("postgres", "CREATE DATABASE torture").unwrap();
        let database = Database::Postgres(cluster.host_url("torture"));
        prepare(&database);
        Scene::new(name, database, tempfile::tempdir().unwrap(), None)
    }

    fn new(
        name: &'static str,
        database: Database,
        folder: TempDir,
        server: Option<testkit::postgres::Database>,
    ) -> Scene {
        let seed = std::env::var("KERRERA_TORTURE_SEED");
        let seed = seed.map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
        println!("{name}: KERRERA_TORTURE_SEED={seed}");
        Scene {
            name,
            rng: fastrand::Rng::with_seed(seed),
            database,
            nodes: Vec::new(),
            producers: Vec::new(),
            faults: Vec::new(),
            limits: HashMap::new(),
            folder,
            _server: server,
        }
    }

    /// Starts a node, and waits until it works.
    pub(crate) fn start(&mut self, settings: Settings) -> NodeId {
        let id = NodeId(self.nodes.len());
        let name = format!("node-{}", id.0);
        let Settings { fast, limit, long_limit, claim_batch } = settings;
        let mut command = torture("node");
        command.args(["--database-url", &self.database.url(), "--node", &name]);
        command.arg("--effects").arg(self.log_of(id));
        for (queue, limit) in [(QUEUE, limit), (LONG_QUEUE, long_limit)] {
            command.args(["--queue", &format!("{queue}:{limit}")]);
            self.limits.insert(queue.to_owned(), limit);
        }
        if fast {
            command.arg("--fast");
        }
        if let Some(size) = claim_batch {
            command.args(["--claim-batch", &size.to_string()]);
        }
        let mut process = Process::start(&mut command);
        process.line(PATIENCE, "ready");
        self.nodes.push(Node { name, process, gone: false });
        id
    }

    /// Starts a producer, and waits until it inserts.
    pub(crate) fn produce(&mut self, arguments: &[&str]) -> usize {
        let number = self.producers.len();
        let mut command = torture("producer");
        command.args(["--database-url", &self.database.url(), "--name", &format!("p{number}")]);
        command.args(["--seed", &self.rng.u64(..).to_string()]);
        command.arg("--log").arg(self.folder.path().join(format!("producer-{number}")));
        let mut process = Process::start(command.args(arguments));
        process.line(PATIENCE, "ready");
        self.producers.push(process);
        number
    }

    /// Waits until a producer has inserted as much as it was told.
    pub(crate) fn await_producer(&mut self, number: usize) {
        let status = self.producers[number].wait(PATIENCE);
        assert!(status.success(), "{:?}", self.producers[number].stdout());
    }

    pub(crate) fn kill_producer(&mut self, number: usize) {
        self.producers[number].kill9();
    }

    /// Inserts one job of a kind that takes this long.
    pub(crate) fn insert(&mut self, kind: &str, duration: Duration) {
        let only = format!("{kind}:{}", duration.as_millis());
        let producer = self.produce(&["--only", &only, "--count", "1"]);
        self.await_producer(producer);
    }

    pub(crate) fn kill9(&mut self, id: NodeId) -> Stamp {
        let from = Stamp::now();
        let node = &mut self.nodes[id.0];
        node.process.kill9();
        node.gone = true;
        let node = node.name.clone();
        self.faults.push(Fault { node, kind: FaultKind::Killed, from, until: Stamp::now() });
        from
    }

    /// Freezes a node; [`Scene::wake`] ends that.
    pub(crate) fn freeze(&mut self, id: NodeId) {
        let from = Stamp::now();
        let node = &mut self.nodes[id.0];
        node.process.stop();
        let node = node.name.clone();
        let until = Stamp { monotonic: i64::MAX, wall: i64::MAX };
        self.faults.push(Fault { node, kind: FaultKind::Stopped, from, until });
    }

    /// Stops a node between two of its writes. Stopped within one it would hold the write lock of an
    /// SQLite file until it wakes, and nobody could write beside it.
    pub(crate) fn freeze_between_writes(&mut self, id: NodeId) {
        loop {
            self.freeze(id);
            if !self.database.is_being_written() {
                return;
            }
            self.wake(id);
            std::thread::yield_now();
        }
    }

    pub(crate) fn wake(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        node.process.cont();
        let stopped = self.faults.iter_mut().rev().find(|fault| fault.node == node.name);
        stopped.unwrap().until = Stamp::now();
    }

    /// Tells a node to end, and waits until it has.
    pub(crate) fn end(&mut self, id: NodeId) {
        let node = &mut self.nodes[id.0];
        node.process.term();
        let status = node.process.wait(PATIENCE);
        assert!(status.success(), "{}: {:?}", node.name, node.process.stdout());
        node.gone = true;
    }

    /// Ends one of the nodes' and producers' sessions with the server.
    pub(crate) fn kill_a_session(&mut self, cluster: &Cluster) {
        let sessions = "SELECT pid FROM pg_stat_activity WHERE application_name = 'kerrera'";
        if let Some(pid) = self.rng.choice(self.database.rows(sessions)) {
            // It may have ended by itself.
            let _ = cluster.kill_backend(pid.parse().unwrap());
        }
    }

    pub(crate) fn pid(&self, id: NodeId) -> u32 {
        self.nodes[id.0].process.id()
    }

    pub(crate) fn node(&self, id: NodeId) -> &str {
        &self.nodes[id.0].name
    }

    /// What a node has logged.
    pub(crate) fn said(&self, id: NodeId) -> Vec<String> {
        self.nodes[id.0].process.stderr()
    }

    /// What a node has run so far.
    pub(crate) fn runs(&self, id: NodeId) -> Vec<Run> {
        log::read(&self.log_of(id))
    }

    /// Waits for a run of one of these nodes that is not in `before`, and gives it back.
    pub(crate) fn next_start(&self, nodes: &[NodeId], before: &[Run]) -> (NodeId, Run) {
        let mut found = None;
        wait::until(PATIENCE, "the next run", || {
            found = nodes.iter().find_map(|id| {
                let runs = self.runs(*id).into_iter();
                let mut starts = runs.filter(|run| matches!(run, Run::Start { .. }));
                starts.find(|run| !before.contains(run)).map(|run| (*id, run))
            });
            found.is_some()
        });
        found.unwrap()
    }

    /// Ends the producers, and waits until every job has ended, for as long as some still do.
    pub(crate) fn settle(&mut self) -> Duration {
        for producer in &mut self.producers {
            if producer.is_running() {
                producer.term();
                assert!(producer.wait(PATIENCE).success(), "{:?}", producer.stdout());
            }
        }
        let open = "SELECT count(*) FROM oban_jobs \
                    WHERE state NOT IN ('completed', 'discarded', 'cancelled')";
        let start = Instant::now();
        let mut last = (i64::MAX, start);
        loop {
            let left = self.database.number(open);
            if left != last.0 {
                last = (left, Instant::now());
            }
            // Should they never end, the checker says what became of each.
            if left == 0 || last.1.elapsed() > PATIENCE {
                return start.elapsed();
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Ends all nodes, and reads what happened.
    pub(crate) fn history(&mut self) -> History {
        self.await_burials();
        for place in 0..self.nodes.len() {
            if !self.nodes[place].gone {
                self.end(NodeId(place));
            }
        }
        let producers = (0..self.producers.len())
            .map(|number| self.folder.path().join(format!("producer-{number}")));
        let inserts: Vec<Insert> = producers.flat_map(|path| log::read(&path)).collect();
        let runs = (0..self.nodes.len()).flat_map(|place| self.runs(NodeId(place))).collect();
        History {
            inserts,
            runs,
            changes: audit::changes(&self.database),
            rows: audit::rows(&self.database),
            app_rows: audit::app_rows(&self.database),
            faults: self.faults.clone(),
            limits: self.limits.clone(),
        }
    }

    /// Waits until the living have cleared away what the dead left behind.
    fn await_burials(&self) {
        let living = self.nodes.iter().filter(|node| !node.gone).count();
        if living == 0 {
            return;
        }
        wait::until(PATIENCE, "the end of the dead producers", || {
            self.database.number("SELECT count(*) FROM kerrera_producers") == 2 * living as i64
        });
        if let Database::Sqlite(path) = &self.database {
            let files = std::fs::read_dir(path.parent().unwrap()).unwrap();
            let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
            let locks: Vec<String> = names.filter(|name| name.ends_with(".lock")).collect();
            assert_eq!(locks.len(), living, "{locks:?}");
            assert_eq!(self.database.rows("PRAGMA integrity_check"), ["ok"]);
        }
    }

    /// Checks a history, and prints its figures.
    #[track_caller]
    pub(crate) fn check(&self, history: &History) -> Report {
        let report = checker::check(history);
        println!("{}: {}", self.name, report.figures);
        report.assert_clean();
        report
    }

    pub(crate) fn say(&self, what: impl std::fmt::Display) {
        println!("{}: {what}", self.name);
    }

    fn log_of(&self, id: NodeId) -> PathBuf {
        self.folder.path().join(format!("node-{}", id.0))
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        const LINES: usize = 40;
        for node in &self.nodes {
            let said = node.process.stderr();
            let telling = said.iter().filter(|line| !line.contains("job.exception"));
            let telling: Vec<&String> = telling.collect();
            println!("--- {} said at last:", node.name);
            for line in telling.iter().skip(telling.len().saturating_sub(LINES)) {
                println!("{line}");
            }
        }
    }
}

fn torture(process: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_torture"));
    command.arg(process).env_remove("RUST_BACKTRACE");
    command
}

/// Makes the tables, and installs the audit.
fn prepare(database: &Database) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let engine = Kerrera::builder(database.url()).migrate(true).start().await.unwrap();
        engine.shutdown().await;
    });
    drop(runtime);
    audit::install(database);
}
