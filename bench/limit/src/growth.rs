//! How cost grows: with nodes, waiting rows, finished rows and queues.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;
use kerrera_bench::Where;

use crate::pair::kerrera;

#[derive(Args)]
pub(crate) struct GrowthArguments {
    #[command(flatten)]
    place: Where,
    /// How many jobs each measurement works
    #[arg(long, value_name = "N", default_value_t = 100_000)]
    jobs: u64,
    /// How often each is measured; all of them in turns
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: u64,
    /// The curve of nodes ends here: 1, 2, 4, …
    #[arg(long, value_name = "N", default_value_t = 8)]
    most_nodes: u64,
    /// The curve of waiting rows ends here: 1,000, 10,000, …
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    most_waiting: u64,
    /// The curve of finished rows ends here: 0, 1,000, 10,000, …
    #[arg(long, value_name = "N", default_value_t = 10_000_000)]
    most_retained: u64,
    /// The curve of queues ends here: 1, 10, 100, …
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    most_queues: u64,
    /// Where the lines of JSON go, one for each run
    #[arg(long, value_name = "FILE", default_value = "docs/performance/growth.jsonl")]
    output: PathBuf,
}

/// What is varied, in the words of `kerrera bench drain`.
pub(crate) const CURVES: [&str; 4] = ["nodes", "waiting", "retained", "queues"];

/// One point of a curve.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Point {
    curve: &'static str,
    at: u64,
}

pub(crate) async fn run(arguments: &GrowthArguments) -> anyhow::Result<()> {
    let GrowthArguments { place, jobs, rounds, output, .. } = arguments;
    if let Some(folder) = output.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut file = File::create(output)?;
    let points = points(arguments);
    for round in 1..=*rounds {
        for Point { curve, at } in &points {
            let mut place = place.clone();
            let (jobs, at_text) = (jobs.to_string(), at.to_string());
            let option = format!("--{curve}");
            let mut words = vec!["drain", "--jobs", &jobs];
            match *curve {
                "retained" => place.retained = *at,
                _ => words.extend([&*option, &*at_text]),
            }
            // As many of each queue as make up one queue of a thousand.
            let limit = 1_000_u64.div_ceil(if *curve == "queues" { *at } else { 1 }).to_string();
            words.extend(["--concurrency", &limit]);
            let mut answer = kerrera(&place, &words).await?;
            answer["curve"] = (*curve).into();
            answer["at"] = (*at).into();
            answer["round"] = round.into();
            writeln!(file, "{answer}")?;
            println!("{curve} {at}: {} jobs a second", answer["jobs_per_second"]);
        }
    }
    println!("{} holds every run; `limit page` makes tables and plots of it", output.display());
    Ok(())
}

fn points(arguments: &GrowthArguments) -> Vec<Point> {
    let GrowthArguments { most_nodes, most_waiting, most_retained, most_queues, .. } = arguments;
    let sqlite = arguments.place.database_url.starts_with("sqlite");
    // What processes on one file do to each other is not what this is about.
    let most_nodes = if sqlite { &1 } else { most_nodes };
    let curve = |curve, first: u64, factor: u64, most: u64| {
        let sizes = std::iter::successors(Some(first), move |at| at.checked_mul(factor));
        sizes.take_while(move |at| *at <= most).map(move |at| Point { curve, at })
    };
    let [nodes, waiting, retained, queues] = CURVES;
    curve(nodes, 1, 2, *most_nodes)
        .chain(curve(waiting, 1_000, 10, *most_waiting))
        .chain([Point { curve: retained, at: 0 }])
        .chain(curve(retained, 1_000, 10, *most_retained))
        .chain(curve(queues, 1, 10, *most_queues))
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn the_curves_end_where_they_are_told_to() {
        let words = ["limit", "growth", "--database-url", "postgres://h/d", "--most-nodes", "3"];
        let words = words.iter().chain(&["--most-waiting", "10000", "--most-retained", "0"]);
        let crate::Command::Growth(arguments) =
            crate::Arguments::parse_from(words.chain(&["--most-queues", "10"])).command
        else {
            panic!("another command");
        };
        let points: Vec<_> = points(&arguments).iter().map(|p| (p.curve, p.at)).collect();
        let expected = [
            ("nodes", 1),
            ("nodes", 2),
            ("waiting", 1_000),
            ("waiting", 10_000),
            ("retained", 0),
            ("queues", 1),
            ("queues", 10),
        ];
        assert_eq!(points, expected);
    }
}
