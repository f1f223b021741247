//! A throw-away cluster: a server with data of its own.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::account::Account;
use super::folder::{self, Folder};
use super::programs::Programs;
use super::supervisor::Supervisor;
use super::{SUPERUSER, psql};

/// Below the ports that systems hand out by themselves (from 32768 on Linux). Above it a client
/// that keeps trying to connect while the server restarts is sooner or later given the server's
/// own port to call from, is then connected to itself, and the server cannot come back.
const PORTS: std::ops::Range<u16> = 20_000..32_000;

/// A port may be taken between our look and the server's.
const PORT_ATTEMPTS: usize = 5;

/// Our settings, in a file of the data folder that `postgresql.conf` includes.
const CONF: &str = "kerrera.conf";

/// What a cluster is like. The default is right for tests of logic: nothing is synced to disk,
/// so a crash of the machine, not of the server, would lose data.
#[derive(Debug, Clone, Default)]
pub struct ClusterOptions {
    /// Lines for `postgresql.conf`; they win over ours.
    pub conf: Vec<String>,
    /// Files for the data folder, as relative path and content, such as a certificate and its
    /// key. They are readable by the server only.
    pub files: Vec<(String, Vec<u8>)>,
    /// The rules of `pg_hba.conf`, in place of `trust` for everybody. One rule always stands in
    /// front of them: the superuser is trusted on the Unix socket, by which the cluster is run.
    pub hba: Option<String>,
    /// Whether to sync to disk as a server in production does.
    pub fsync: bool,
}

/// How a server stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// Waits for the clients to leave.
    Smart,
    /// Ends the clients' sessions, then shuts down in order.
    Fast,
    /// As a crash: the next start recovers from the log.
    Immediate,
}

/// A server of our own, on `127.0.0.1` and on a Unix socket, with the superuser `kerrera`.
///
/// It goes away when this is dropped, and also when this process dies, in whatever way.
#[derive(Debug)]
pub struct Cluster {
    options: ClusterOptions,
    programs: Programs,
    account: Account,
    port: u16,
    supervisor: Supervisor,
    folder: Folder,
}

impl Cluster {
    /// Makes and starts a new cluster, and returns when it takes connections.
    ///
    /// Run by root, the server runs as the account `postgres`. Clusters that earlier runs left
    /// behind are removed first.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed, or does not start; the message holds the server's log.
    pub fn start(options: ClusterOptions) -> Result<Cluster, String> {
        let programs = Programs::find()?;
        let account = Account::of_the_server()?;
        folder::sweep(&programs, account);

        let folder = Folder::create(account)?;
        // First of all, so that from here on everything is cleaned up.
        let supervisor = Supervisor::start(&programs, account, folder.path())?;
        let mut cluster = Cluster { options, programs, account, port: 0, supervisor, folder };
        cluster.make_data()?;
        cluster.first_start()?;
        Ok(cluster)
    }

    /// The URL of a database, over TCP.
    pub fn host_url(&self, database: &str) -> String {
        format!("postgres://{SUPERUSER}@127.0.0.1:{}/{database}", self.port)
    }

    /// The URL of a database, over the Unix socket.
    pub fn socket_url(&self, database: &str) -> String {
        let folder = self.folder.path().to_str().expect("a temporary folder is named in UTF-8");
        let host = folder.replace('%', "%25").replace('/', "%2F").replace(' ', "%20");
        format!("postgres://{SUPERUSER}@{host}:{}/{database}", self.port)
    }

    /// The TCP port; it stays the same over restarts.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The folder of the cluster: the Unix socket is in it, and the data below it in `data`.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The process that cleans up should ours die: for the tests of just that.
    pub fn supervisor_id(&self) -> u32 {
        self.supervisor.id()
    }

    /// All that the server logged so far.
    pub fn log(&self) -> String {
        fs::read(self.log_path())
            .map(|log| String::from_utf8_lossy(&log).into_owned())
            .unwrap_or_default()
    }

    /// Stops the server; [`Cluster::restart`] starts it again.
    ///
    /// # Errors
    ///
    /// When it does not stop within a minute, as with clients in [`StopMode::Smart`].
    pub fn stop(&self, mode: StopMode) -> Result<(), String> {
        self.pg_ctl(&["stop", mode.argument()])
    }

    /// Stops the server if it runs, starts it, and returns when it takes connections.
    ///
    /// # Errors
    ///
    /// When it does not stop or start within a minute each.
    pub fn restart(&self, mode: StopMode) -> Result<(), String> {
        self.pg_ctl(&["restart", mode.argument()])
    }

    /// Has the server read its configuration again. That happens a moment after this returns.
    ///
    /// # Errors
    ///
    /// When the server does not run.
    pub fn reload(&self) -> Result<(), String> {
        self.pg_ctl(&["reload"])
    }

    /// Ends a client's session from the server's side, by the process id of its backend.
    ///
    /// # Errors
    ///
    /// When there is no such backend.
    pub fn kill_backend(&self, pid: i32) -> Result<(), String> {
        let sql = format!("select pg_terminate_backend({pid})");
        match self.psql("postgres", &sql)?.as_str() {
            "t" => Ok(()),
            _ => Err(format!("there is no backend with process id {pid}")),
        }
    }

    /// Runs SQL as the superuser; returns the rows, one a line, columns between `|`.
    ///
    /// # Errors
    ///
    /// With psql's message when a statement fails; those after it do not run.
    pub fn psql(&self, database: &str, sql: &str) -> Result<String, String> {
        psql::run(&self.programs.psql(), &self.socket_url(database), sql)
    }

    fn make_data(&self) -> Result<(), String> {
        run(self
            .account
            .command(self.programs.initdb())
            .args(["--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"])
            .args(["--no-instructions", "--username", SUPERUSER, "--pgdata"])
            .arg(self.folder.data()))?;
        let conf = self.folder.data().join("postgresql.conf");
        OpenOptions::new()
            .append(true)
            .open(&conf)
            .and_then(|mut conf| writeln!(conf, "include '{CONF}'"))
            .map_err(|error| format!("cannot write {}: {error}", conf.display()))?;
        if let Some(rules) = &self.options.hba {
            let rules = format!("local all {SUPERUSER} trust\n{rules}\n");
            self.write("pg_hba.conf", rules.as_bytes())?;
        }
        self.options.files.iter().try_for_each(|(name, content)| self.write(name, content))
    }

    fn first_start(&mut self) -> Result<(), String> {
        let mut failed = String::new();
        for _ in 0..PORT_ATTEMPTS {
            self.port = free_port()?;
            self.write(CONF, self.conf().as_bytes())?;
            match self.pg_ctl(&["start"]) {
                Ok(()) => return Ok(()),
                Err(message) => failed = message,
            }
            if !failed.contains("could not create any TCP/IP sockets") {
                break;
            }
        }
        Err(failed)
    }

    fn conf(&self) -> String {
        let mut lines = vec![
            "listen_addresses = '127.0.0.1'".to_owned(),
            format!("port = {}", self.port),
            format!("unix_socket_directories = '{}'", self.folder.path().display()),
            "max_connections = 200".to_owned(),
            "shared_buffers = 128MB".to_owned(),
            // Not UTC, so that whoever forgets time zones is nine hours wrong.
            "timezone = 'Asia/Seoul'".to_owned(),
        ];
        if !self.options.fsync {
            // The last one makes the copy of a template ten times as fast.
            for name in ["fsync", "synchronous_commit", "full_page_writes", "wal_init_zero"] {
                lines.push(format!("{name} = off"));
            }
        }
        lines.extend_from_slice(&self.options.conf);
        lines.join("\n") + "\n"
    }

    fn write(&self, name: &str, content: &[u8]) -> Result<(), String> {
        let path = self.folder.data().join(name);
        // The server refuses a key that others may read.
        OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .and_then(|mut file| file.write_all(content))
            .map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        self.account.give(&path)
    }

    fn pg_ctl(&self, arguments: &[&str]) -> Result<(), String> {
        let mut command = self.account.command(self.programs.pg_ctl());
        command.args(arguments).args(["--silent", "--pgdata"]).arg(self.folder.data());
        if arguments[0] != "reload" {
            command.args(["--wait", "--timeout=60"]);
        }
        if arguments[0] == "start" || arguments[0] == "restart" {
            command.arg("--log").arg(self.log_path());
        }
        let logged = self.log().len();
        run(&mut command).map_err(|error| {
            let log = self.log();
            format!("{error}\n{}", log.get(logged..).unwrap_or(&log))
        })
    }

    fn log_path(&self) -> PathBuf {
        self.folder.path().join("log")
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.supervisor.finish();
        // Only if somebody killed the supervisor.
        if self.folder().exists() {
            folder::remove(&self.programs, self.account, self.folder());
        }
    }
}

impl StopMode {
    fn argument(self) -> &'static str {
        match self {
            StopMode::Smart => "--mode=smart",
            StopMode::Fast => "--mode=fast",
            StopMode::Immediate => "--mode=immediate",
        }
    }
}

fn free_port() -> Result<u16, String> {
    (0..100)
        .map(|_| fastrand::u16(PORTS))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .ok_or_else(|| format!("no free port found in {PORTS:?}"))
}

fn run(command: &mut Command) -> Result<(), String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| format!("cannot start {program}: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} failed ({})\n{stdout}{stderr}", output.status))
}
