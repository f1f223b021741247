//! Doing nothing.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::arguments::IdleArguments;
use crate::ground::{Fill, Ground};
use crate::node::{Order, Role, Work};
use crate::report::Report;
use crate::team::Team;

pub(crate) async fn run(arguments: IdleArguments) -> anyhow::Result<Report> {
    let IdleArguments { place, queues, nodes, seconds } = arguments;
    let mut ground = Ground::open(&place).await?;
    ground.fill(Fill { retained: place.retained, ..Fill::default() }).await?;
    let mut report = Report::of("idle");
    report.note_ground(ground.facts().await?, &place);
    report.note("nodes", nodes);
    report.note("queues", queues);
    report.note("seconds", seconds);

    let order = |_| Order {
        settings: place.settings.clone(),
        role: Role::Work(Work { queues, concurrency: 10, jobs: 0, timed: false, keep: None }),
    };
    let mut team = Team::start(&place.database_url, (0..nodes).map(order).collect()).await?;
    team.begin().await?;
    let begun = Instant::now();
    // What happens once at the start is over by then, and has reached the statistics: a session that rests
    // tells of what it did within ten seconds.
    sleep(Duration::from_secs(12)).await;
    let before = transactions(&ground).await?;
    sleep(Duration::from_secs(seconds)).await;
    let after = transactions(&ground).await?;
    let time = begun.elapsed();
    let sum = team.end().await?;
    // One of them asked.
    let rate = before.zip(after).map(|(before, after)| {
        (after - before - 1) as f64 / (seconds + LAG.as_secs()) as f64 / nodes as f64
    });
    report.note_number("statements_per_second_per_node", rate);
    sum.note_share(&mut report, time * u32::try_from(nodes)?);
    report.note_verified(None);
    Ok(report)
}

/// What the statistics may be behind.
const LAG: Duration = Duration::from_secs(2);

async fn transactions(ground: &Ground) -> anyhow::Result<Option<i64>> {
    match ground {
        Ground::Postgres(postgres) => {
            sleep(LAG).await;
            Ok(Some(postgres.transactions().await?))
        }
        Ground::Sqlite(_) => Ok(None),
    }
}
