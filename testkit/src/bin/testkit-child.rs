//! The processes that testkit's own tests start and kill.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a part of tests: it prints what they wait for, and a panic is a failed test"
)]

use std::env;
use std::thread;
use std::time::Duration;

use testkit::postgres::{Cluster, ClusterOptions, Database};

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["cluster"] => hold_cluster(),
        ["template", name] => copy_template(name),
        ["echo", text] => echo(text),
        _ => panic!("no such child: {arguments:?}"),
    }
}

/// Starts a cluster and keeps it until killed.
fn hold_cluster() {
    let cluster = Cluster::start(ClusterOptions::default()).unwrap();
    println!("supervisor {}", cluster.supervisor_id());
    println!("folder {}", cluster.folder().display());
    sleep();
}

/// Copies a template whose setup is slow enough for others to come in between.
fn copy_template(name: &str) {
    let database = Database::from_template(name, |url| {
        println!("setup {url}");
        thread::sleep(Duration::from_millis(300));
    });
    println!("database {}", database.name());
}

/// Says something on both outputs, and stays.
fn echo(text: &str) {
    println!("out {text}");
    eprintln!("err {text}");
    sleep();
}

fn sleep() {
    thread::sleep(Duration::from_secs(600));
}
