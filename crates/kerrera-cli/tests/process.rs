//! The program itself, run as people run it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this file is tests: a panic is how they fail"
)]

#[path = "process/bench.rs"]
mod bench;
#[path = "process/web.rs"]
mod web;

use std::path::Path;
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rusqlite::Connection;
use tempfile::TempDir;
use testkit::postgres::Database;
use testkit::process::Process;
use testkit::wait;

/// Longer than any of these takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(60);

/// What a run of the program said, and how it ended.
struct Run {
    status: ExitStatus,
    stdout: String,
    stderr: String,
}

/// The program with these arguments, and nothing of our own environment that it would heed. What it
/// leaves behind goes with the folder.
fn kerrera(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_kerrera"));
    let own = std::env::vars().map(|(name, _)| name);
    let heeded = |name: &String| {
        name.starts_with("PG")
            || name.starts_with("KERRERA_")
            || ["DATABASE_URL", "RUST_LOG"].contains(&name.as_str())
    };
    for name in own.filter(heeded) {
        command.env_remove(name);
    }
    command.args(arguments).current_dir(folder).env("TMPDIR", folder);
    command
}

fn finish(mut process: Process) -> Run {
    let status = process.wait(LIMIT);
    Run { status, stdout: process.stdout().join("\n"), stderr: process.stderr().join("\n") }
}

#[track_caller]
fn run(arguments: &[&str]) -> Run {
    let folder = folder();
    finish(Process::start(&mut kerrera(folder.path(), arguments)))
}

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

impl Run {
    #[track_caller]
    fn ends_with(self, status: i32) -> Run {
        let Run { stdout, stderr, .. } = &self;
        assert_eq!(self.status.code(), Some(status), "stdout:\n{stdout}\nstderr:\n{stderr}");
        self
    }

    /// The one line that says what went wrong.
    #[track_caller]
    fn error(&self) -> &str {
        let mut errors = self.stderr.lines().filter_map(|line| line.strip_prefix("error: "));
        let error = errors.next().unwrap_or_else(|| panic!("no error in:\n{}", self.stderr));
        assert!(errors.next().is_none(), "more than one error in:\n{}", self.stderr);
        error
    }
}

/// Counts what a run with thirty visitors left in its database.
fn check_what_the_demo_left(users: &str, airports: &str, count: impl Fn(&str) -> i64) {
    let jobs =
        |condition: &str| count(&format!("select count(*) from oban_jobs where {condition}"));
    let of =
        |worker: &str, state: &str| jobs(&format!("worker = '{worker}' and state = '{state}'"));

    assert_eq!(jobs("state not in ('completed', 'cancelled', 'discarded')"), 0, "unfinished");
    let all = count(&format!("select count(*) from {users}"));
    assert!((20..30).contains(&all), "{all} users: some are refused, and not many");
    assert_eq!(jobs("worker = 'SendWelcomeEmail'"), all);
    assert_eq!(jobs("worker = 'LogAnalytics'"), all);
    assert_eq!(jobs("worker = 'BulkEmailSend'"), 1);
    assert_eq!(jobs("worker = 'DailyReport'"), 5);
    assert_eq!(jobs("worker = 'DataImport'"), 17);
    assert_eq!(jobs("1 = 1"), 2 * all + 1 + 5 + 17);

    // Everything that can happen to a job happened.
    for worker in ["SendWelcomeEmail", "DataImport"] {
        for state in ["completed", "cancelled", "discarded"] {
            assert!(of(worker, state) > 0, "{worker} {state}");
        }
        let again = format!("worker = '{worker}' and state = 'completed' and attempt > 1");
        assert!(jobs(&again) > 0, "{worker} was never tried again");
    }
    assert!(jobs("worker = 'DataImport' and meta ->> 'snoozed' is not null") > 0, "no snooze");

    let greeted = count(&format!("select count(*) from {users} where greeted"));
    assert_eq!(greeted, of("SendWelcomeEmail", "completed"));
    // Two imports of two hundred rows fail for good after the first fifty.
    assert_eq!(count(&format!("select count(*) from {airports}")), 3376 - 300);
}

#[test]
fn the_demo_adds_up_on_sqlite() {
    let folder = folder();
    let arguments =
        ["demo", "--users", "30", "--seconds", "40", "--database-url", "sqlite:demo.db"];
    let run = finish(Process::start(&mut kerrera(folder.path(), &arguments))).ends_with(0);
    assert!(run.stdout.contains("Every number adds up."), "{}", run.stdout);
    assert!(run.stderr.contains("sign-ups"), "progress: {}", run.stderr);
    assert!(run.stderr.contains("dashboard: http://127.0.0.1:"), "{}", run.stderr);
    assert!(!run.stdout.contains('\u{1b}') && !run.stderr.contains('\u{1b}'), "no terminal here");

    let file = Connection::open(folder.path().join("demo.db")).unwrap();
    check_what_the_demo_left("users", "airports", |sql| {
        file.query_row(sql, [], |row| row.get(0)).unwrap()
    });
}

#[test]
fn the_demo_adds_up_on_postgres() {
    demo_adds_up_on(&Database::empty());
}

#[track_caller]
fn demo_adds_up_on(database: &Database) {
    let url = database.url();
    let run = run(&["demo", "--users", "30", "--seconds", "40", "--database-url", &url]);
    let run = run.ends_with(0);
    assert!(run.stdout.contains("Every number adds up."), "{}", run.stdout);
    check_what_the_demo_left("kerrera_demo.users", "kerrera_demo.airports", |sql| {
        database.psql(sql).parse().unwrap()
    });
}

#[test]
fn without_a_url_the_demo_leaves_a_file_and_says_where() {
    let folder = folder();
    let arguments = ["demo", "--users", "1", "--seconds", "1", "--no-web"];
    let run = finish(Process::start(&mut kerrera(folder.path(), &arguments))).ends_with(1);
    assert!(!run.stderr.contains("dashboard"), "{}", run.stderr);
    assert!(run.stdout.contains("The time was up"), "{}", run.stdout);
    let mut words = run.stdout.split_whitespace();
    let path = words.find_map(|word| word.strip_prefix("sqlite:")).unwrap();
    assert!(path.starts_with(folder.path().to_str().unwrap()), "{path}");
    let tables = "select 1 from oban_jobs, users, airports, analytics";
    Connection::open(path).unwrap().prepare(tables).unwrap();
}

#[test]
fn a_signal_ends_the_demo_in_good_order() {
    let folder = folder();
    let arguments = ["demo", "--database-url", "sqlite:demo.db"];
    let mut process = Process::start(&mut kerrera(folder.path(), &arguments));
    wait::until(LIMIT, "progress", || !process.stderr().is_empty());
    process.term();
    let run = finish(process).ends_with(130);
    assert!(run.stdout.contains("Interrupted."), "{}", run.stdout);

    let file = Connection::open(folder.path().join("demo.db")).unwrap();
    let running = "select count(*) from oban_jobs where state = 'executing'";
    assert_eq!(file.query_row(running, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
}

#[test]
fn the_dashboard_of_the_demo_stays_open_if_told_to() {
    let folder = folder();
    let arguments = ["demo", "--users", "5", "--seconds", "40", "--stay"];
    let mut demo = Process::start(&mut kerrera(folder.path(), &arguments));
    let tables = demo.line(LIMIT, "jobs and tables");
    let line = demo.line(LIMIT, "The dashboard is open until Ctrl-C");
    let address = line.split('/').nth(2).unwrap().to_owned();
    run(&["web", "healthcheck", "--bind", &address]).ends_with(0);
    let file = Connection::open(tables.split_once("sqlite:").unwrap().1).unwrap();
    // People go on to sign up, after the five that were counted.
    let welcomed = "select count(*) from oban_jobs
        where state = 'completed' and worker like '%SendWelcomeEmail' and args ->> 'user_id' > 5";
    let welcomed = || file.query_row(welcomed, [], |row| row.get::<_, i64>(0)).unwrap();
    wait::until(LIMIT, "somebody to sign up and be welcomed", || welcomed() > 0);
    demo.term();
    let demo = finish(demo).ends_with(0);
    assert!(demo.stdout.contains("Every number adds up."), "{}", demo.stdout);
}

#[test]
fn the_demo_leaves_the_jobs_of_others_alone() {
    let database = Database::empty();
    let url = database.url();
    run(&["migrate", "--database-url", &url]).ends_with(0);
    database.psql("insert into oban_jobs (worker, args) values ('MyApp.Mailer', '{}')");
    let refused = run(&["demo", "--database-url", &url]).ends_with(1);
    assert!(refused.error().contains("1 jobs of other programs"), "{}", refused.error());
    assert_eq!(database.psql("select worker, state from oban_jobs"), "MyApp.Mailer|available");
    assert_eq!(database.psql("select to_regnamespace('kerrera_demo') is null"), "t");

    let folder = folder();
    let file = folder.path().join("own.db");
    Connection::open(&file).unwrap().execute_batch("create table users (name text)").unwrap();
    let arguments = ["demo", "--database-url", "sqlite:own.db"];
    let refused = finish(Process::start(&mut kerrera(folder.path(), &arguments))).ends_with(1);
    assert!(refused.error().contains("own.db is not empty"), "{}", refused.error());
}

#[test]
fn one_demo_at_a_time_runs_in_a_database_and_clears_up_after_the_last() {
    let (database, folder) = (Database::empty(), folder());
    let url = database.url();
    let arguments = ["demo", "--database-url", &url];
    let mut first = Process::start(&mut kerrera(folder.path(), &arguments));
    wait::until(LIMIT, "progress", || !first.stderr().is_empty());
    let second = run(&arguments).ends_with(1);
    assert!(second.error().contains("another demo is running"), "{}", second.error());
    first.term();
    finish(first).ends_with(130);
    demo_adds_up_on(&database);
}

#[test]
fn help_is_shown_and_nonsense_is_refused() {
    let help = run(&["--help"]).ends_with(0);
    assert!(help.stdout.contains("demo") && help.stdout.contains("migrate"), "{}", help.stdout);
    let help = run(&["demo", "--help"]).ends_with(0);
    assert!(help.stdout.contains("kerrera demo --users 1000"), "{}", help.stdout);
    let version = run(&["--version"]).ends_with(0);
    assert_eq!(version.stdout, concat!("kerrera ", env!("CARGO_PKG_VERSION")));

    for nonsense in [
        &[][..],
        &["dmeo"],
        &["demo", "--users", "0"],
        &["demo", "--seconds", "soon"],
        &["migrate"],
        &["migrate", "--database-url", "sqlite:a.db", "--plan", "--down", "1"],
        &["jobs"],
        &["jobs", "list", "--database-url", "sqlite:a.db", "--state", "done"],
        &["jobs", "list", "--database-url", "sqlite:a.db", "--args", "{}"],
        &["jobs", "list", "--database-url", "sqlite:a.db", "staet:retryable"],
        &["jobs", "list", "--database-url", "sqlite:a.db", "--since", "made=2026-01-01"],
        &["jobs", "cancel", "--database-url", "sqlite:a.db"],
        &["jobs", "delete", "--database-url", "sqlite:a.db", "--all", "--queue", "a"],
    ] {
        run(nonsense).ends_with(2);
    }
}

#[test]
fn no_password_is_ever_repeated() {
    const CANARY: &str = "canary-4711";
    let urls = [
        format!("postgres://someone:{CANARY}@127.0.0.1:1/nowhere"),
        format!("postgres://someone:{CANARY}@127.0.0.1:port/nowhere"),
        format!("postgres://127.0.0.1:1/nowhere?user=someone&password={CANARY}"),
        format!("mysql://someone:{CANARY}@127.0.0.1/nowhere"),
    ];
    for url in &urls {
        for command in [&["demo"][..], &["migrate"], &["jobs", "list"], &["jobs", "retry", "1"]] {
            let typed = run(&[command, &["--database-url", url]].concat()).ends_with(1);
            assert!(!typed.error().is_empty());
            assert!(!typed.stderr.contains(CANARY), "{}", typed.stderr);
            assert!(!typed.stdout.contains(CANARY), "{}", typed.stdout);
        }
        let folder = folder();
        for arguments in [&["migrate"][..], &["migrate", "--help"], &["migrate", "--nonsense"]] {
            let mut command = kerrera(folder.path(), arguments);
            let told = finish(Process::start(command.env("DATABASE_URL", url)));
            assert!(!told.stderr.contains(CANARY), "{}", told.stderr);
            assert!(!told.stdout.contains(CANARY), "{}", told.stdout);
        }
    }
    let unreachable = run(&["demo", "--database-url", &urls[0]]);
    assert!(unreachable.error().contains("127.0.0.1, port 1 cannot be reached"));
    assert!(unreachable.stderr.contains("warning: other users"), "{}", unreachable.stderr);
}

#[test]
fn a_database_is_migrated_as_planned_and_back() {
    let database = Database::empty();
    let url = database.url();
    let migrate = |more: &[&str]| run(&[&["migrate", "--database-url", &url], more].concat());
    let tables = || database.psql("select count(*) from pg_tables where schemaname = 'public'");

    let plan = migrate(&["--plan"]).ends_with(0).stdout;
    assert!(plan.contains("CREATE TABLE") && plan.contains("-- Migration 2"), "{plan}");
    let shorter = migrate(&["--plan", "--to", "1"]).ends_with(0).stdout;
    assert!(shorter.contains("-- Migration 1") && !shorter.contains("-- Migration 2"), "{shorter}");
    assert_eq!(tables(), "0", "a plan changes nothing");

    let ran = migrate(&[]).ends_with(0).stdout;
    assert!(ran.contains("ran migration 1") && ran.contains("ran migration 2"), "{ran}");
    assert_eq!(database.psql("select count(*) from oban_jobs"), "0");
    assert!(migrate(&[]).ends_with(0).stdout.contains("nothing to do"));
    assert_eq!(migrate(&["--plan"]).ends_with(0).stdout, "");

    let refused = migrate(&["--down", "0"]).ends_with(1);
    assert!(refused.error().contains("--yes"), "{}", refused.error());
    assert!(migrate(&["--to", "99"]).ends_with(1).error().contains("no migration 99"));
    let back = migrate(&["--down", "0", "--yes"]).ends_with(0).stdout;
    assert!(back.contains("took back migration 1"), "{back}");
    assert_eq!(tables(), "0");
}

#[test]
fn an_sqlite_file_is_migrated_when_it_is_opened() {
    let folder = folder();
    let arguments = ["migrate", "--database-url", "sqlite:jobs.db"];
    let run = finish(Process::start(&mut kerrera(folder.path(), &arguments))).ends_with(0);
    assert!(run.stdout.contains("up to date"), "{}", run.stdout);
    let file = Connection::open(folder.path().join("jobs.db")).unwrap();
    let jobs: i64 = file.query_row("select count(*) from oban_jobs", [], |row| row.get(0)).unwrap();
    assert_eq!(jobs, 0);
}

#[test]
fn queues_are_steered_and_shown() {
    let folder = folder();
    let kerrera = |arguments: &[&str]| {
        let mut command = kerrera(folder.path(), arguments);
        finish(Process::start(command.env("DATABASE_URL", "sqlite:jobs.db").env("USER", "ada")))
    };
    let missing = kerrera(&["queues", "list"]).ends_with(1);
    assert!(missing.error().contains("there is no database"), "{}", missing.error());
    kerrera(&["migrate"]).ends_with(0);

    let reason = ["--reason", "smtp is down", "--for", "2h 30m"];
    let paused = kerrera(&[&["queues", "pause", "mailers"], &reason[..]].concat()).ends_with(0);
    assert_eq!(paused.stdout, "paused mailers on every node");
    assert!(paused.stderr.contains("no node works mailers"), "perhaps a typo: {}", paused.stderr);
    kerrera(&["queues", "scale", "reports", "--limit", "2", "--node", "web-1"]).ends_with(0);
    let list = kerrera(&["queues", "list"]).ends_with(0).stdout;
    assert!(list.contains("no node works any queue"), "{list}");
    assert!(list.contains("mailers paused on every node") && list.contains("by ada"), "{list}");
    let list = kerrera(&["queues", "list", "--json"]).ends_with(0).stdout;
    let list: serde_json::Value = serde_json::from_str(&list).unwrap();
    let [pause, scale] = &list["orders"].as_array().unwrap()[..] else { panic!("{list}") };
    assert_eq!((&pause["queue"], &pause["value"]), (&"mailers".into(), &true.into()));
    assert_eq!((&pause["reason"], &pause["by"]), (&"smtp is down".into(), &"ada".into()));
    assert_eq!((&scale["node"], &scale["value"]), (&"web-1".into(), &2.into()));

    let resumed = kerrera(&["queues", "resume", "--all", "--json"]).ends_with(0).stdout;
    assert!(resumed.contains(r#""did":"resumed""#), "{resumed}");
    kerrera(&["queues", "reset", "--all"]).ends_with(0);
    assert!(!kerrera(&["queues", "list"]).ends_with(0).stdout.contains("ordered"));
    for nonsense in [
        &["queues", "pause"][..],
        &["queues", "pause", "mailers", "--all"],
        &["queues", "pause", "mailers", "--for", "soon"],
        &["queues", "scale", "mailers", "--limit", "0"],
    ] {
        kerrera(nonsense).ends_with(2);
    }
}

/// Puts jobs in several states where the program finds them.
const JOBS: &str = "
    insert into oban_jobs (worker, queue, state, args, attempt) values
        ('Mail', 'mail', 'available', '{\"user\": {\"id\": 7, \"password\": \"s3cret\"}}', 0),
        ('Mail', 'mail', 'scheduled', '{\"user\": {\"id\": 8}}', 1),
        ('Mail', 'mail', 'discarded', '{}', 20),
        ('Report', 'default', 'completed', '{}', 1),
        ('Report', 'default', 'executing', '{}', 1)";

#[test]
fn jobs_are_listed_and_managed_on_sqlite() {
    let folder = folder();
    let url = "sqlite:jobs.db";
    finish(Process::start(&mut kerrera(folder.path(), &["migrate", "--database-url", url])))
        .ends_with(0);
    let file = Connection::open(folder.path().join("jobs.db")).unwrap();
    file.execute_batch(JOBS).unwrap();
    jobs_are_listed_and_managed(url, folder.path());
    let told = file.query_row(CANCELLED_BY, [], |row| {
        Ok::<(String, String, i64), rusqlite::Error>((row.get(0)?, row.get(1)?, row.get(2)?))
    });
    assert_eq!(told.unwrap(), ("ada".to_owned(), "all wrong".to_owned(), 3));
    let revealed: i64 = file.query_row(REVEALED_BY, [], |row| row.get(0)).unwrap();
    assert_eq!(revealed, 3);

    let typo = finish(Process::start(&mut kerrera(
        folder.path(),
        &["jobs", "list", "--database-url", "sqlite:typo.db"],
    )));
    typo.ends_with(1);
    assert!(!folder.path().join("typo.db").exists(), "looking makes no database");
}

#[test]
fn jobs_are_listed_and_managed_on_postgres() {
    let database = Database::empty();
    run(&["migrate", "--database-url", &database.url()]).ends_with(0);
    database.psql(JOBS);
    jobs_are_listed_and_managed(&database.url(), folder().path());
    assert_eq!(database.psql(CANCELLED_BY), "ada|all wrong|3");
    assert_eq!(database.psql(REVEALED_BY), "3");
}

/// How often what is private was looked at, by the audit log.
const REVEALED_BY: &str = "select count(*) from kerrera_audit
    where action = 'job.reveal' and via = 'cli' and actor_label = 'ada' and count > 0";

/// Who cancelled jobs, by the audit log.
const CANCELLED_BY: &str = "select actor_label, reason, count from kerrera_audit
    where action = 'job.cancel' and via = 'cli' and actor_id like 'ada@%'";

fn jobs_are_listed_and_managed(url: &str, folder: &Path) {
    let jobs = |arguments: &[&str]| {
        let arguments = [&["jobs"], arguments, &["--database-url", url]].concat();
        finish(Process::start(kerrera(folder, &arguments).env("USER", "ada")))
    };
    let count = |arguments: &[&str]| {
        let listed = jobs(&[&["list"], arguments].concat()).ends_with(0);
        listed.stdout.lines().count() - 1
    };
    assert_eq!(count(&[]), 5);
    assert_eq!(count(&["--state", "available,scheduled", "--queue", "mail"]), 2);
    assert_eq!(count(&["state:available,scheduled queue:mai*"]), 2);
    assert_eq!(count(&["args.user.id:7 -state:cancelled"]), 1);
    assert_eq!(count(&["--queue", "mail", "--queue", "default", "--attempt", "1"]), 3);
    assert_eq!(count(&["--args", "{\"user\": {\"id\": 7}}"]), 1);
    assert_eq!(count(&["--before", "inserted=1999-01-01T00:00:00Z"]), 0);

    let page = jobs(&["list", "--limit", "2", "--json"]).ends_with(0).stdout;
    assert!(page.contains("\"next\":\"4\"") && page.contains("\"state\":\"executing\""), "{page}");
    let page = jobs(&["list", "--limit", "2", "--after", "4"]).ends_with(0);
    assert!(page.stdout.contains("\n3 ") && page.stdout.contains("\n2 "), "{}", page.stdout);
    assert!(page.stderr.contains("--after 2"), "{}", page.stderr);

    let shown = jobs(&["show", "1"]).ends_with(0).stdout;
    assert!(shown.contains("Mail") && shown.contains("available"), "{shown}");
    assert!(jobs(&["show", "1", "--json"]).ends_with(0).stdout.contains("\"worker\":\"Mail\""));
    for hidden in [&["show", "1"][..], &["show", "1", "--json"], &["list", "--json"]] {
        let said = jobs(hidden).ends_with(0);
        assert!(said.stdout.contains("[hidden]") && !said.stdout.contains("s3cret"), "{hidden:?}");
        let revealed = jobs(&[hidden, &["--reveal"]].concat()).ends_with(0);
        assert!(revealed.stdout.contains("s3cret"), "{hidden:?}: {}", revealed.stdout);
    }
    for private in [
        ["--args", "{\"user\": {\"password\": \"s3cret\"}}"],
        ["--filter", "args.user.password:s3cret"],
    ] {
        let refused = jobs(&[&["list"], &private[..]].concat()).ends_with(1);
        assert!(refused.error().contains("is private"), "{}", refused.error());
        jobs(&[&["delete"], &private[..]].concat()).ends_with(1);
    }
    assert!(jobs(&["show", "99"]).ends_with(1).error().contains("no job 99"));

    let dry = jobs(&["cancel", "--queue", "mail", "--dry-run"]).ends_with(0).stdout;
    assert_eq!(dry, "would be cancelled: 2 jobs (1 scheduled, 1 available)");
    assert_eq!(count(&["--state", "cancelled"]), 0, "nothing was done");
    let all = jobs(&["cancel", "--all", "--reason", "all wrong"]).ends_with(0).stdout;
    assert_eq!(all, "cancelled: 3 jobs (1 scheduled, 1 available, 1 executing)");

    let some = jobs(&["retry", "3", "99", "3"]).ends_with(1);
    assert_eq!(some.stdout, "made available: 1 job (1 discarded)");
    assert!(some.stderr.contains("job 99 was not made available"), "{}", some.stderr);
    let again = jobs(&["retry", "3", "--json"]).ends_with(1).stdout;
    assert!(again.contains("\"count\":0") && again.contains("\"left_alone\":[3]"), "{again}");
    let none = jobs(&["delete", "--state", "retryable"]).ends_with(0).stdout;
    assert_eq!(none, "deleted: 0 jobs");
    let one = jobs(&["delete", "--all", "--limit", "1", "--json"]).ends_with(0).stdout;
    assert!(one.contains("\"states\":{\"cancelled\":1}"), "{one}");
    assert_eq!(count(&[]), 4);
}

#[test]
fn cron_entries_are_listed_paused_run_and_removed() {
    let folder = folder();
    let cron = |arguments: &[&str]| {
        let arguments = [&["cron"], arguments, &["--database-url", "sqlite:jobs.db"]].concat();
        finish(Process::start(&mut kerrera(folder.path(), &arguments)))
    };
    let said = cron(&["list"]).ends_with(1);
    assert!(said.error().contains("there is no database"), "{}", said.error());
    assert!(!folder.path().join("jobs.db").exists(), "a mistyped path makes no file");

    let migrate = ["migrate", "--database-url", "sqlite:jobs.db"];
    finish(Process::start(&mut kerrera(folder.path(), &migrate))).ends_with(0);
    assert!(cron(&["list"]).ends_with(0).stdout.contains("no entries"));
    let connection = Connection::open(folder.path().join("jobs.db")).unwrap();
    let entry = r#"INSERT INTO kerrera_crons
        (name, expression, timezone, job, misfire, overlap, declared, begins_at, inserted_at, updated_at)
        VALUES ('daily report', '0 7 * * *', 'Asia/Seoul',
            '{"worker":"Report","queue":"reports","args":{},"meta":{},"tags":[],"priority":0,
              "max_attempts":20,"state":"available","wait_us":null,"at_us":null}',
            'once', 'allow', '', 0, 0, 0)"#;
    connection.execute(entry, []).unwrap();
    let listed = cron(&["list"]).ends_with(0).stdout;
    for part in
        ["  daily report", "0 7 * * * in Asia/Seoul: Report in the queue reports", "T22:00Z, "]
    {
        assert!(listed.contains(part), "{listed}");
    }
    cron(&["pause", "daily report"]).ends_with(0);
    assert!(cron(&["list"]).ends_with(0).stdout.contains("paused"));
    assert_eq!(cron(&["run", "daily report"]).ends_with(0).stdout, "inserted job 1");
    assert!(cron(&["list"]).ends_with(0).stdout.contains("last job 1, available"));
    cron(&["resume", "daily report"]).ends_with(0);
    assert!(!cron(&["list"]).ends_with(0).stdout.contains("paused"));
    let said = cron(&["pause", "nightly"]).ends_with(1);
    assert!(said.error().contains("there are \"daily report\""), "{}", said.error());
    cron(&["remove", "daily report"]).ends_with(0);
    let jobs = "SELECT count(*) FROM oban_jobs WHERE meta ->> 'cron_name' = 'daily report'";
    let jobs: i64 = connection.query_row(jobs, [], |row| row.get(0)).unwrap();
    assert_eq!(jobs, 1);
}

#[test]
fn a_database_to_migrate_is_found_in_a_file_the_environment_or_what_is_typed() {
    let folder = folder();
    let file = "database_url = 'sqlite:file.db'\n[queues]\ndefault = 10\n";
    std::fs::write(folder.path().join("kerrera.toml"), file).unwrap();
    let migrate = |typed: &[&str], environment: &[(&str, &str)]| {
        let mut command = kerrera(folder.path(), &[&["migrate"], typed].concat());
        finish(Process::start(command.envs(environment.iter().copied()))).ends_with(0).stdout
    };
    let config = ["--config", "kerrera.toml"];
    let typed = [&config[..], &["--database-url", "sqlite:typed.db"]].concat();
    let general = ("DATABASE_URL", "sqlite:general.db");
    let own = ("KERRERA_DATABASE_URL", "sqlite:own.db");
    for (typed, environment, expected) in [
        (&config[..], &[][..], "file.db"),
        (&[], &[("KERRERA_CONFIG", "kerrera.toml")], "file.db"),
        (&config, &[general], "general.db"),
        (&config, &[general, own], "own.db"),
        (&typed, &[general, own], "typed.db"),
    ] {
        let said = migrate(typed, environment);
        assert!(said.contains(expected) && said.contains("up to date"), "{said}");
        assert!(folder.path().join(expected).exists());
    }

    std::fs::write(folder.path().join("kerrera.toml"), "databse_url = 'x'").unwrap();
    let refused = finish(Process::start(&mut kerrera(
        folder.path(),
        &["migrate", "--config", "kerrera.toml"],
    )))
    .ends_with(1);
    let expected =
        "kerrera.toml:1: there is no setting \"databse_url\": did you mean \"database_url\"?";
    assert_eq!(refused.error(), expected);
}

#[test]
fn every_command_finds_its_database_in_the_same_way() {
    let folder = folder();
    std::fs::write(folder.path().join("kerrera.toml"), "database_url = 'sqlite:file.db'").unwrap();
    let run = |arguments: &[&str]| {
        let arguments = [arguments, &["--config", "kerrera.toml"]].concat();
        finish(Process::start(&mut kerrera(folder.path(), &arguments)))
    };
    run(&["migrate"]).ends_with(0);
    for command in [["jobs", "list"], ["queues", "list"], ["cron", "list"]] {
        run(&command).ends_with(0);
        let unnamed = finish(Process::start(&mut kerrera(folder.path(), &command))).ends_with(2);
        assert!(unnamed.stderr.contains("no database is named"), "{}", unnamed.stderr);
        let mut own = kerrera(folder.path(), &command);
        let own = own.env("KERRERA_DATABASE_URL", "sqlite:file.db");
        finish(Process::start(own)).ends_with(0);
    }
}
