//! Working a backlog.

use std::time::{Duration, Instant};

use crate::arguments::DrainArguments;
use crate::ground::{Fill, Ground, Tally};
use crate::node::{Order, Role, Work};
use crate::report::Report;
use crate::team::{Sum, Team, each};

pub(crate) async fn run(arguments: DrainArguments) -> anyhow::Result<Report> {
    let DrainArguments { place, jobs, concurrency, nodes, queues, waiting, unknown, rounds } =
        &arguments;
    let mut ground = Ground::open(place).await?;
    let mut report = Report::of("drain");
    report.note_ground(ground.facts().await?, place);
    for (name, value) in [
        ("jobs", jobs),
        ("concurrency", concurrency),
        ("nodes", nodes),
        ("queues", queues),
        ("waiting", waiting),
        ("unknown", unknown),
    ] {
        report.note(name, *value);
    }
    let mut took = Vec::new();
    let mut sum = Sum::default();
    let mut server = Some(Duration::ZERO);
    let mut wrong = None;
    for _ in 0..*rounds {
        let round = round(&mut ground, &arguments).await?;
        took.push(round.took);
        sum.merge(&round.sum);
        server = server.zip(round.server).map(|(all, this)| all + this);
        wrong = wrong.or(all_once(ground.tally().await?, round.sum.did, *jobs));
    }
    report.note_rates(*jobs, &took);
    sum.note(&mut report, jobs * rounds);
    report.note_number("server_cpu_us_per_job", each(server, jobs * rounds));
    report.note_verified(wrong);
    Ok(report)
}

struct Round {
    took: Duration,
    sum: Sum,
    server: Option<Duration>,
}

async fn round(ground: &mut Ground, arguments: &DrainArguments) -> anyhow::Result<Round> {
    let DrainArguments { place, jobs, concurrency, nodes, queues, waiting, unknown, .. } =
        arguments;
    let (jobs, queues) = (*jobs, *queues);
    let fill =
        Fill { jobs, queues, retained: place.retained, waiting: *waiting, unknown: *unknown };
    ground.fill(fill).await?;
    let order = || Order {
        settings: place.settings.clone(),
        role: Role::Work(Work {
            queues,
            concurrency: *concurrency,
            jobs,
            timed: false,
            keep: None,
        }),
    };
    let orders = (0..*nodes).map(|_| order()).collect();
    let mut team = Team::start(&place.database_url, orders).await?;

    let before = ground.processor();
    let begun = Instant::now();
    team.begin().await?;
    team.have_done(jobs).await?;
    let ended = until_written(ground).await?;
    let after = ground.processor();
    let sum = team.end().await?;
    let server = before.zip(after).map(|(before, after)| after.saturating_sub(before));
    Ok(Round { took: ended - begun, sum, server })
}

/// Waits until no measured job is claimed any more, all of them having run; gives back the moment of
/// which that is known.
pub(crate) async fn until_written(ground: &mut Ground) -> anyhow::Result<Instant> {
    const STALLED: Duration = Duration::from_secs(60);
    let begun = Instant::now();
    loop {
        // A look sees what was committed before it began.
        let moment = Instant::now();
        if !ground.is_working().await? || begun.elapsed() > STALLED {
            return Ok(moment);
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// What is wrong, if not every job completed at its first attempt and was run once.
pub(crate) fn all_once(tally: Tally, ran: u64, jobs: u64) -> Option<String> {
    let right = tally.jobs == jobs && tally.completed_once == jobs && ran == jobs;
    (!right).then(|| {
        format!(
            "of {jobs} jobs the database has {}, and {} of them completed at their first attempt; \
             workers ran {ran}",
            tally.jobs, tally.completed_once
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_is_missing_or_ran_twice_is_noticed() {
        let tally = |jobs, completed_once| Tally { jobs, completed_once, untouched: 0 };
        assert_eq!(all_once(tally(10, 10), 10, 10), None);
        for (tally, ran) in [(tally(9, 9), 10), (tally(10, 9), 10), (tally(10, 10), 11)] {
            assert!(all_once(tally, ran, 10).is_some(), "{tally:?} {ran}");
        }
    }
}
