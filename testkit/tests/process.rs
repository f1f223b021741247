//! Tests with real processes: what is left when they are killed, and what they share.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "these are tests, whose helpers panic like the tests themselves"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use testkit::postgres::{Cluster, ClusterOptions, Database, Programs, StopMode};
use testkit::process::Process;
use testkit::wait;

const START: Duration = Duration::from_secs(60);
const END: Duration = Duration::from_secs(10);

#[test]
fn a_killed_process_leaves_no_cluster() {
    let (mut child, _, folder) = cluster_in_a_child();
    let server = server_of(&folder);
    assert!(runs(server), "the server runs while its owner does");

    child.kill9();

    wait::until(END, "the end of the server", || !runs(server));
    wait::until(END, "the removal of its folder", || !folder.exists());
}

#[test]
fn the_next_cluster_removes_one_that_lost_its_supervisor_too() {
    let (mut child, supervisor, folder) = cluster_in_a_child();
    let server = server_of(&folder);
    // Before its owner, whose end would have it clean up.
    kill_process(supervisor, Signal::KILL).unwrap();
    child.kill9();
    assert!(runs(server) && folder.exists(), "nobody is left to clean up");

    let next = Cluster::start(ClusterOptions::default()).unwrap();

    assert!(!runs(server), "the sweep stops the server");
    assert!(!folder.exists(), "the sweep removes the folder");
    assert_eq!(next.psql("postgres", "select 1").unwrap(), "1");
}

#[test]
fn a_sweep_spares_the_living() {
    let first = Cluster::start(ClusterOptions::default()).unwrap();
    let second = Cluster::start(ClusterOptions::default()).unwrap();
    for cluster in [first, second] {
        assert_eq!(cluster.psql("postgres", "select 1").unwrap(), "1");
        let folder = cluster.folder().to_owned();
        drop(cluster);
        assert!(!folder.exists());
    }
}

#[test]
fn one_of_many_processes_sets_the_template_up() {
    let name = format!("shared_{}", std::process::id());
    let mut children: Vec<Process> = (0..4).map(|_| child(&["template", &name])).collect();
    let mut setups = 0;
    let mut databases = Vec::new();
    for child in &mut children {
        databases.push(child.line(START, "database"));
        assert!(child.wait(END).success());
        setups += child.stdout().iter().filter(|line| line.starts_with("setup")).count();
    }
    assert_eq!(setups, 1);
    databases.sort();
    databases.dedup();
    assert_eq!(databases.len(), 4);
}

#[test]
fn a_template_is_set_up_once_and_its_copies_are_apart() {
    let setup = |url: &str| {
        let sql = "create schema other;
            create table job (id bigserial, note text);
            create table other.job (id bigint generated always as identity, note text);
            create table small (id serial, note text)";
        let status = psql().args(["-qX", "-d", url, "-c", sql]).status().unwrap();
        assert!(status.success());
    };
    let one = Database::from_template("apart", setup);
    let two = Database::from_template("apart", |_| panic!("it is there"));
    one.psql("insert into job (note) values ('first')");

    assert_ne!(one.name(), two.name());
    assert_eq!(one.psql("select id, note from job"), "2147483648|first");
    assert_eq!(two.psql("select count(*) from job"), "0");
    for (table, id) in [("job", "2147483648"), ("other.job", "2147483648"), ("small", "1")] {
        let sql = format!("insert into {table} (note) values ('x') returning id");
        assert_eq!(two.psql(&sql), id, "{table}");
    }
}

#[test]
fn a_failed_setup_is_tried_again() {
    let failed = std::panic::catch_unwind(|| {
        Database::from_template("second_try", |_| panic!("the first try"));
    });
    assert!(failed.is_err());
    let mut tried = false;
    let database = Database::from_template("second_try", |_| tried = true);
    assert!(tried);
    assert_eq!(database.psql("select 1"), "1");
}

#[test]
fn a_dropped_database_is_gone_with_its_sessions() {
    let witness = Database::empty();
    let database = Database::empty();
    let name = database.name().to_owned();
    let url = database.url();
    let mut session = Process::start(psql().args(["-X", "-d", &url, "-c", "select pg_sleep(600)"]));
    let there = |what: &str| {
        witness.psql(&format!("select count(*) from {what} where datname = '{name}'")) == "1"
    };
    wait::until(END, "the session", || there("pg_stat_activity"));

    drop(database);

    assert!(!there("pg_database"));
    assert!(!session.wait(END).success());
}

#[test]
fn a_failed_statement_shows_its_message() {
    let database = Database::empty();
    let failed = std::panic::catch_unwind(|| database.psql("select 1; select * from nowhere"));
    let message = *failed.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains(r#"relation "nowhere" does not exist"#), "{message}");
}

#[test]
fn tables_made_by_the_test_start_beyond_32_bits_on_request() {
    let database = Database::empty();
    database.psql("create table job (id bigserial, note text)");
    database.raise_sequences();
    assert_eq!(database.psql("insert into job (note) values ('x') returning id"), "2147483648");
}

#[test]
fn a_cluster_is_configured_stopped_and_restarted() {
    let options = ClusterOptions {
        conf: vec!["work_mem = '5MB'".to_owned()],
        files: vec![("extra.conf".to_owned(), b"max_locks_per_transaction = 70\n".to_vec())],
        hba: Some("host all kerrera 127.0.0.1/32 reject".to_owned()),
        fsync: true,
    };
    let cluster = Cluster::start(options).unwrap();
    let show = |name: &str| cluster.psql("postgres", &format!("show {name}")).unwrap();
    assert_eq!(show("work_mem"), "5MB");
    assert_eq!(show("fsync"), "on");
    assert_eq!(show("timezone"), "Asia/Seoul");
    assert_eq!(show("server_encoding"), "UTF8");
    assert_eq!(show("port"), cluster.port().to_string());

    let connect = |url: &str| psql().args(["-qXwc", "select 1", url]).output().unwrap();
    assert!(connect(&cluster.socket_url("postgres")).status.success());
    let refused = connect(&cluster.host_url("postgres"));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("pg_hba.conf rejects connection"));

    fs::write(
        cluster.folder().join("data/pg_hba.conf"),
        "local all all trust\nhost all all all trust",
    )
    .unwrap();
    cluster.reload().unwrap();
    wait::until(END, "the new rules", || connect(&cluster.host_url("postgres")).status.success());

    let port = cluster.port();
    for mode in [StopMode::Fast, StopMode::Immediate] {
        cluster.restart(mode).unwrap();
        assert_eq!(show("port"), port.to_string());
    }
    assert!(cluster.log().contains("database system was not properly shut down"));

    cluster.stop(StopMode::Smart).unwrap();
    assert!(cluster.psql("postgres", "select 1").is_err());
    cluster.restart(StopMode::Fast).unwrap();
    assert_eq!(show("fsync"), "on");
}

#[test]
fn a_backend_is_killed_from_the_server() {
    let cluster = Cluster::start(ClusterOptions::default()).unwrap();
    let mut session = Process::start(psql().args([
        "-XAt",
        "-d",
        &cluster.socket_url("postgres"),
        "-c",
        "select pg_backend_pid()",
        "-c",
        "select pg_sleep(600)",
    ]));
    wait::until(END, "the pid", || !session.stdout().is_empty());
    let pid = session.stdout()[0].parse().unwrap();

    cluster.kill_backend(pid).unwrap();

    assert!(!session.wait(END).success());
    assert!(session.stderr().join("\n").contains("terminating connection"), "{session:?}");
    assert!(cluster.kill_backend(pid).is_err());
}

#[test]
fn a_server_that_does_not_start_shows_its_log() {
    let options =
        ClusterOptions { conf: vec!["no_such_setting = 1".to_owned()], ..Default::default() };
    let message = Cluster::start(options).unwrap_err();
    assert!(message.contains("no_such_setting"), "{message}");
}

#[test]
fn a_process_is_read_frozen_and_ended() {
    let mut child = child(&["echo", "hello"]);
    assert_eq!(child.line(END, "hello"), "out hello");
    wait::until(END, "standard error", || child.stderr() == ["err hello"]);

    child.stop();
    assert_eq!(state(child.id()), Some('T'));
    child.term();
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.is_running(), "a frozen process does not even end");
    child.cont();
    assert!(!child.wait(END).success());
}

#[test]
fn a_line_that_does_not_come_shows_those_that_did() {
    let mut child = child(&["echo", "hello"]);
    wait::until(END, "both outputs", || child.stdout().len() + child.stderr().len() == 2);
    let late = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        child.line(Duration::from_millis(50), "farewell");
    }));
    let message = *late.unwrap_err().downcast::<String>().unwrap();
    assert!(message.contains(r#"is late without the line "farewell""#), "{message}");
    assert!(message.contains("stdout: out hello\nstderr: err hello"), "{message}");
}

fn child(arguments: &[&str]) -> Process {
    Process::start(Command::new(env!("CARGO_BIN_EXE_testkit-child")).args(arguments))
}

/// The child, the process id of its supervisor, and the cluster's folder.
fn cluster_in_a_child() -> (Process, Pid, PathBuf) {
    let mut child = child(&["cluster"]);
    let supervisor = after_the_word(&child.line(START, "supervisor ")).parse().unwrap();
    let folder = PathBuf::from(after_the_word(&child.line(START, "folder ")));
    (child, Pid::from_raw(supervisor).unwrap(), folder)
}

fn after_the_word(line: &str) -> String {
    line.split_once(' ').unwrap().1.to_owned()
}

fn server_of(folder: &Path) -> u32 {
    let pid_file = fs::read_to_string(folder.join("data/postmaster.pid")).unwrap();
    pid_file.lines().next().unwrap().parse().unwrap()
}

fn psql() -> Command {
    Command::new(Programs::find().unwrap().psql())
}

/// Whether the process is there, and not only its entry that nobody has waited for.
fn runs(pid: u32) -> bool {
    !matches!(state(pid), None | Some('Z'))
}

/// The letter of the process's state, as `ps` shows it.
fn state(pid: u32) -> Option<char> {
    if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        return stat.rsplit_once(") ")?.1.chars().next();
    }
    let ps = Command::new("ps").args(["-o", "stat=", "-p", &pid.to_string()]).output().unwrap();
    String::from_utf8_lossy(&ps.stdout).trim().chars().next()
}
