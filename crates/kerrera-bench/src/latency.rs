//! The time from an insertion to the start.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kerrera::{Client, Kerrera};
use tokio::time::{sleep, timeout};

use crate::arguments::{From, LatencyArguments};
use crate::drain::{all_once, until_written};
use crate::ground::{self, Fill, Ground, QUEUE, WORKER};
use crate::job::{Count, Nothing};
use crate::report::Report;

pub(crate) async fn run(arguments: LatencyArguments) -> anyhow::Result<Report> {
    let LatencyArguments { place, jobs, concurrency, from } = &arguments;
    let mut ground = Ground::open(place).await?;
    ground.fill(Fill { retained: place.retained, ..Fill::default() }).await?;
    let mut report = Report::of("latency");
    report.note_ground(ground.facts().await?, place);
    report.note("from", format!("{from:?}").to_lowercase());
    report.note("jobs", *jobs);
    report.note("concurrency", *concurrency);

    let count = Arc::new(Count::new(*jobs, true));
    let config = ground::config(&place.database_url, &place.settings)?;
    let kerrera = Kerrera::builder(config)
        .state(count.clone())
        .node(format!("{QUEUE}.{}", std::process::id()))
        .never_prune()
        .queue(QUEUE, u32::try_from(*concurrency)?)
        .worker::<Nothing>()
        .start()
        .await?;
    let door = match (from, &ground) {
        (From::Engine, _) => Door::Client(kerrera.client().clone()),
        (From::Connection, Ground::Postgres(_)) => {
            Door::Postgres(ground::connect(&place.database_url).await?)
        }
        (From::Connection, Ground::Sqlite(_)) => {
            Door::Client(ground::client(&place.database_url, &place.settings).await?)
        }
    };
    // What happens once at the start is over by then.
    sleep(Duration::from_secs(1)).await;
    for n in 0..*jobs {
        // No step of anything that is periodic.
        sleep(Duration::from_millis(10 + n * 7 % 23)).await;
        door.insert(n).await?;
        let started = timeout(Duration::from_secs(60), count.have_run(n + 1)).await;
        started.context("a job that was inserted a minute ago has not started")?;
    }
    until_written(&mut ground).await?;
    kerrera.shutdown().await;
    report.note("start", count.starts().json());
    report.note_verified(all_once(ground.tally().await?, count.ran(), *jobs));
    Ok(report)
}

/// Through what jobs are inserted.
enum Door {
    Client(Client),
    Postgres(tokio_postgres::Client),
}

impl Door {
    async fn insert(&self, n: u64) -> anyhow::Result<()> {
        let job = Nothing::begun_now(n.cast_signed());
        match self {
            Door::Client(client) => drop(client.insert(job).await?),
            Door::Postgres(connection) => {
                let sql = include_str!("sql/postgres/insert_and_notify.sql");
                let args = serde_json::to_string(&job)?;
                connection.execute(sql, &[&QUEUE, &WORKER, &args]).await?;
            }
        }
        Ok(())
    }
}
