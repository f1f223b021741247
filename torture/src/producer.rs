//! A producer.

mod application;

use std::path::PathBuf;
use std::time::Duration;

use fastrand::Rng;
use kerrera::{Client, JobId};
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::MissedTickBehavior;
use torture::history::Insert;
use torture::load::{Act, Kind};
use torture::log::Log;

use crate::BoxError;
use application::Application;

/// What a producer is told.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Where the jobs go.
    #[arg(long)]
    database_url: String,
    /// Its name, another for each start of a process: what its jobs' keys begin with.
    #[arg(long)]
    name: String,
    /// The file to which it writes what it inserts.
    #[arg(long)]
    log: PathBuf,
    /// Decides the mix of jobs.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many insertions a second.
    #[arg(long, default_value_t = 100)]
    rate: u32,
    /// How many insertions at most.
    #[arg(long, default_value_t = u64::MAX)]
    count: u64,
    /// Inserts this many jobs at once that take no time, in place of the mix.
    #[arg(long)]
    bulk: Option<u64>,
    /// Inserts jobs of one kind that take this many milliseconds, in place of the mix: long:3000.
    #[arg(long, value_parser = only)]
    only: Option<(Kind, u64)>,
}

fn only(text: &str) -> Result<(Kind, u64), BoxError> {
    let (kind, ms) = text.split_once(':').ok_or("write KIND:MILLISECONDS")?;
    Ok((serde_json::from_value(kind.into())?, ms.parse()?))
}

pub(crate) async fn run(options: Options) -> Result<(), BoxError> {
    let client = Client::connect(options.database_url.as_str()).await?;
    let mut producer = Producer {
        application: Application::of(&client, &options.database_url),
        client,
        log: Log::open(&options.log)?,
        rng: Rng::with_seed(options.seed),
    };
    let mut told_to_stop = signal(SignalKind::terminate())?;
    let mut pace = tokio::time::interval(Duration::from_secs(1) / options.rate);
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    println!("ready");
    let mut inserted = 0;
    while inserted < options.count {
        tokio::select! {
            biased;
            _ = told_to_stop.recv() => break,
            _ = pace.tick() => {}
        }
        let key = |n: u64| format!("{}-{inserted}-{n}", options.name);
        match (options.bulk, options.only) {
            (Some(size), _) => {
                let acts = (0..size).map(|n| Act::work(key(n), 0));
                producer.insert_all(acts.collect()).await;
            }
            (None, only) => {
                let act = match only {
                    Some((kind, ms)) => Act { kind, ..Act::work(key(0), ms) },
                    None => Act::draw(&mut producer.rng, key(0)),
                };
                if act.kind == Kind::Together {
                    producer.insert_together(act).await;
                } else {
                    producer.insert_all(vec![act]).await;
                }
            }
        }
        inserted += 1;
    }
    println!("stopped after {inserted}");
    Ok(())
}

struct Producer {
    client: Client,
    application: Application,
    log: Log<Insert>,
    rng: Rng,
}

/// Why a job was not inserted, or may not have been.
enum Refusal {
    /// It is certain that it was not.
    Certain(String),
    /// Nobody knows.
    Unknown(String),
}

impl Producer {
    /// Inserts jobs, all or none.
    async fn insert_all(&self, acts: Vec<Act>) {
        let keys: Vec<String> = acts.iter().map(|act| act.key.clone()).collect();
        for key in &keys {
            self.log.write(&Insert::Invoke { key: key.clone() });
        }
        let inserted = self.client.insert_all(acts.into_iter().map(Act::into_job)).await;
        let inserted = inserted.map_err(Refusal::from);
        for (place, key) in keys.into_iter().enumerate() {
            self.answered(key, inserted.as_ref().map(|jobs| jobs[place].job().id));
        }
    }

    /// Inserts a job together with a row of the application's; one time in four, on second thoughts,
    /// neither.
    async fn insert_together(&mut self, act: Act) {
        let key = act.key.clone();
        self.log.write(&Insert::Invoke { key: key.clone() });
        let regret = self.rng.u8(..4) == 0;
        let inserted = self.application.insert(&self.client, act, regret).await;
        self.answered(key, inserted.as_ref().copied());
    }

    fn answered(&self, key: String, inserted: Result<JobId, &Refusal>) {
        self.log.write(&match inserted {
            Ok(job) => Insert::Ok { key, job },
            Err(Refusal::Certain(error)) => Insert::Fail { key, error: error.clone() },
            Err(Refusal::Unknown(error)) => Insert::Info { key, error: error.clone() },
        });
    }
}

impl From<kerrera::Error> for Refusal {
    fn from(error: kerrera::Error) -> Refusal {
        let certain = error.is_invalid_job() || error.is_config() || error.is_conflict();
        let words = error.to_string();
        if certain { Refusal::Certain(words) } else { Refusal::Unknown(words) }
    }
}
