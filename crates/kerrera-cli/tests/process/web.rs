//! `kerrera web`: that it serves, says how one gets in, and ends.

use std::io::Write as _;
use std::process::Stdio;

use testkit::process::Process;

use super::{LIMIT, finish, folder, kerrera, run};

#[test]
fn the_dashboard_is_served_until_a_signal_ends_it() {
    let folder = folder();
    let migrate = ["migrate", "--database-url", "sqlite:jobs.db"];
    finish(Process::start(&mut kerrera(folder.path(), &migrate))).ends_with(0);
    let serve = ["web", "--database-url", "sqlite:jobs.db", "--bind", "127.0.0.1:0"];
    let mut server = Process::start(&mut kerrera(folder.path(), &serve));
    let address = server.line(LIMIT, "http://127.0.0.1:");
    let address = address.trim_start_matches("http://").trim_end_matches('/').to_owned();
    server.line(LIMIT, "The token for this run: kerrera_");
    let ask = ["web", "healthcheck", "--bind", &address];
    finish(Process::start(&mut kerrera(folder.path(), &ask))).ends_with(0);
    server.term();
    finish(server).ends_with(0);
    let asked = finish(Process::start(&mut kerrera(folder.path(), &ask))).ends_with(1);
    assert!(asked.error().contains("does not answer"), "{}", asked.error());
}

#[test]
fn it_does_not_open_to_other_machines_without_a_login() {
    let open = run(&["web", "--database-url", "sqlite:jobs.db", "--bind", "0.0.0.0:0"]);
    let open = open.ends_with(2);
    assert!(open.stderr.contains("--users"), "{}", open.stderr);
}

#[test]
fn users_are_kept_in_a_file_without_their_passwords() {
    let folder = folder();
    let add = ["web", "users", "add", "ada", "--role", "operator", "--file", "users"];
    let mut child =
        kerrera(folder.path(), &add).stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(b"correct horse battery\n").unwrap();
    assert!(child.wait().unwrap().success());
    let list = ["web", "users", "list", "--file", "users"];
    let listed = finish(Process::start(&mut kerrera(folder.path(), &list))).ends_with(0);
    assert_eq!(listed.stdout, "ada  operator");
    let file = std::fs::read_to_string(folder.path().join("users")).unwrap();
    assert!(file.starts_with("ada:operator:$argon2id$") && !file.contains("horse"), "{file}");
}
