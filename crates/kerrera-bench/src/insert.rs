//! Inserting.

use std::time::{Duration, Instant};

use crate::arguments::{Form, InsertArguments};
use crate::ground::{Fill, Ground};
use crate::node::{self, Call, Order, Role};
use crate::report::Report;
use crate::team::{Sum, Team, each};

pub(crate) async fn run(arguments: InsertArguments) -> anyhow::Result<Report> {
    let InsertArguments { form, place, jobs, nodes, tasks, batch, rounds } = &arguments;
    let tasks = tasks.unwrap_or(match form {
        Form::Single => 1,
        Form::Concurrent => 32,
        Form::Bulk | Form::Stream => 2,
    });
    let mut ground = Ground::open(place).await?;
    let mut report = Report::of("insert");
    report.note_ground(ground.facts().await?, place);
    report.note("form", format!("{form:?}").to_lowercase());
    report.note("jobs", *jobs);
    report.note("nodes", *nodes);
    report.note("tasks", tasks);
    report.note("batch", (*form == Form::Bulk).then_some(*batch));

    let mut took = Vec::new();
    let mut sum = Sum::default();
    let mut server = Some(Duration::ZERO);
    let mut wrong = None;
    for _ in 0..*rounds {
        ground.fill(Fill { retained: place.retained, ..Fill::default() }).await?;
        let share = |node| jobs * node / nodes;
        let order = |node| Order {
            settings: place.settings.clone(),
            role: Role::Insert(node::Insert {
                first: share(node),
                jobs: share(node + 1) - share(node),
                tasks,
                call: match form {
                    Form::Single | Form::Concurrent => Call::One,
                    Form::Bulk => Call::All(*batch),
                    Form::Stream => Call::Stream,
                },
            }),
        };
        let mut team = Team::start(&place.database_url, (0..*nodes).map(order).collect()).await?;
        let before = ground.processor();
        let begun = Instant::now();
        team.begin().await?;
        team.have_done(*jobs).await?;
        took.push(begun.elapsed());
        let after = ground.processor();
        sum.merge(&team.end().await?);
        let used = before.zip(after).map(|(before, after)| after.saturating_sub(before));
        server = server.zip(used).map(|(all, this)| all + this);
        let tally = ground.tally().await?;
        if tally.jobs != *jobs || tally.untouched != *jobs {
            let found = format!("the database has {}, {} available", tally.jobs, tally.untouched);
            wrong = Some(format!("of {jobs} jobs that were inserted {found}"));
        }
    }
    report.note_rates(*jobs, &took);
    report.note("call", sum.times.json());
    sum.note(&mut report, jobs * rounds);
    report.note_number("server_cpu_us_per_job", each(server, jobs * rounds));
    report.note_verified(wrong);
    Ok(report)
}
