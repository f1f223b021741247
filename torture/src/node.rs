//! A node.

use std::path::PathBuf;
use std::time::Duration;

use kerrera::{Kerrera, Tuning};
use torture::load::{Act, Recorder};
use torture::log::Log;

use crate::BoxError;

/// What a node is told.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the jobs are.
    #[arg(long)]
    database_url: String,
    /// Its name, another for each start of a process.
    #[arg(long)]
    node: String,
    /// A queue and how many of its jobs run at once: load:10.
    #[arg(long, value_parser = queue)]
    queue: Vec<(String, u32)>,
    /// The file to which it writes what it runs.
    #[arg(long)]
    effects: PathBuf,
    /// Takes others for dead after 2 seconds, not 15.
    #[arg(long)]
    fast: bool,
    /// How many jobs one claim takes at most.
    #[arg(long)]
    claim_batch: Option<u32>,
}

fn queue(text: &str) -> Result<(String, u32), BoxError> {
    let (name, limit) = text.split_once(':').ok_or("write NAME:LIMIT")?;
    Ok((name.to_owned(), limit.parse()?))
}

pub(crate) async fn run(options: Options) -> Result<(), BoxError> {
    let recorder = Recorder { log: Log::open(&options.effects)?, node: options.node.clone() };
    let mut builder = Kerrera::builder(options.database_url)
        .state(recorder)
        .node(options.node)
        .worker::<Act>()
        .queue_elsewhere(torture::load::QUEUE)
        .tune(|tuning| {
            if options.fast {
                hurry(tuning);
            }
            tuning.claim_batch = options.claim_batch.unwrap_or(tuning.claim_batch);
        });
    for (name, limit) in options.queue {
        builder = builder.queue(name, limit);
    }
    let kerrera = builder.start().await?;
    println!("ready");
    let stopped = kerrera.until_signal().await?;
    println!("stopped, released {}, left {}", stopped.released, stopped.left.len());
    Ok(())
}

fn hurry(tuning: &mut Tuning) {
    tuning.beat = Duration::from_millis(500);
    tuning.ttl = Duration::from_secs(2);
    tuning.look = Duration::from_millis(250);
    tuning.stage_interval = Duration::from_millis(250);
}
