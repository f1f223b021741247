//! A node of Kerrera in a process of its own, for the tests that kill and freeze it.
//!
//! `company URL SCHEMA NODE` works the queue `both` and writes what it runs, a line each.

#![allow(clippy::print_stdout, reason = "tests read it")]

use std::time::Duration;

use company::Both;
use kerrera::Kerrera;
use kerrera::postgres::{Config, Postgres};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [url, schema, node] = words.as_slice() else {
        return Err("company URL SCHEMA NODE".into());
    };
    let (runs, mut told) = tokio::sync::mpsc::unbounded_channel();
    let kerrera = Kerrera::builder(Postgres::new(Config::from_url(url)?.schema(schema)?)?)
        .state(runs)
        .node(node)
        .queue("both", 5)
        .worker::<Both>()
        .tune(|tuning| {
            tuning.beat = Duration::from_millis(100);
            tuning.ttl = Duration::from_secs(2);
            tuning.look = Duration::from_millis(200);
            tuning.stage_interval = Duration::from_millis(50);
        })
        .start()
        .await?;
    tokio::spawn(async move {
        while let Some(run) = told.recv().await {
            println!("start {} {}", run.id, run.attempt);
        }
    });
    println!("ready");
    kerrera.until_signal().await?;
    println!("stopped");
    Ok(())
}
