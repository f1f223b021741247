//! What the dashboard's pages cost on a table as it is after months.
//!
//! Every page and every kind of filter is asked for again and again, in turns, through the router itself;
//! a request's time is the server's, without a network. Beside it stand the statements and the pages of
//! the database that one request touches, which are the same on every machine.

use std::time::{Duration, Instant};

use anyhow::bail;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use clap::Args;
use kerrera::Client;
use kerrera::postgres::{Config, Postgres};
use kerrera_web::{DangerouslyPublic, Dashboard};
use serde_json::json;
use tokio_postgres::NoTls;
use tower::ServiceExt as _;

use crate::crowd;

/// What is asked for, and how long it may take at the 95th percentile, in milliseconds.
const PAGES: &[(&str, u64)] = &[
    ("", 50),
    ("/jobs", 50),
    ("/jobs?q=state%3Aavailable", 50),
    ("/jobs?q=state%3Ascheduled", 50),
    ("/jobs?q=state%3Aretryable", 50),
    ("/jobs?q=state%3Acompleted", 50),
    ("/jobs?q=state%3Acancelled", 50),
    ("/jobs?q=state%3Adiscarded", 50),
    ("/jobs?q=queue%3Ahot", 50),
    ("/jobs?q=queue%3Aqueue_7+state%3Acompleted", 150),
    ("/jobs?q=worker%3AWorker3", 150),
    ("/jobs?q=worker%3ASend*+state%3Adiscarded", 150),
    ("/jobs?q=tag%3Avip", 150),
    ("/jobs?q=args.user.id%3A4711", 150),
    ("/jobs?q=-state%3Acompleted", 150),
    ("/jobs?q=error%3Atimed", 150),
    ("/jobs?q=worker%3ANobody", 150),
    ("/jobs/500000", 50),
    ("/errors", 50),
    ("/queues", 50),
    ("/queues/hot", 50),
    ("/workers", 50),
    ("/workers/SendMail", 50),
    ("/nodes", 50),
    ("/crons", 50),
    ("/operations", 50),
    ("/audit", 50),
    ("/settings", 50),
];

/// What a list says whose search took too long to come to its end.
const STOPPED: &str = ": there may be more.";

#[derive(Args)]
pub(crate) struct DashboardArguments {
    /// A database of its own for this: postgres://user@host/database
    #[arg(long, env = "DATABASE_URL", value_name = "URL")]
    database_url: String,
    /// How many jobs are in the table
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    jobs: i64,
    /// How often each page is asked for
    #[arg(long, value_name = "N", default_value_t = 40)]
    rounds: usize,
    /// For how long twenty tabs look at the jobs, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    tabs: u64,
    /// Where the lines of JSON go, one for each page
    #[arg(long, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
}

pub(crate) async fn run(arguments: &DashboardArguments) -> anyhow::Result<()> {
    let postgres = Postgres::new(Config::from_url(&arguments.database_url)?)?;
    postgres.migrations().up(None).await?;
    let (server, connection) = tokio_postgres::connect(&arguments.database_url, NoTls).await?;
    tokio::spawn(connection);
    let client = Client::connect(postgres.clone()).await?;
    crowd::fill(&server, &postgres, arguments.jobs).await?;
    let router = || router(client.clone());

    let mut times: Vec<Vec<Duration>> = vec![Vec::new(); PAGES.len()];
    let mut statuses = vec![StatusCode::OK; PAGES.len()];
    for _ in 0..arguments.rounds {
        for (at, (path, _)) in PAGES.iter().enumerate() {
            // A dashboard of its own, which has no answers of others yet.
            let (status, time, _) = ask(&router(), path).await?;
            statuses[at] = status;
            times[at].push(time);
        }
    }
    let mut lines = Vec::new();
    let mut missed = 0;
    println!("| page | status | p50 ms | p95 ms | allowed | size |\n|---|---|---|---|---|---|");
    for (at, (path, allowed)) in PAGES.iter().enumerate() {
        times[at].sort();
        let (half, most) = (percentile(&times[at], 50), percentile(&times[at], 95));
        let (_, _, body) = ask(&router(), path).await?;
        let (size, stopped) = (body.len(), body.contains(STOPPED));
        let status = statuses[at].as_u16();
        let is_in_time = most <= *allowed as f64;
        let is_met = status == 200 && (is_in_time || stopped);
        missed += usize::from(!is_met);
        let mark = match (is_met, stopped) {
            (false, _) => " missed",
            (true, true) => ", or says how far it came, as here",
            (true, false) => "",
        };
        println!("| {path} | {status} | {half:.1} | {most:.1} | {allowed}{mark} | {size} |");
        lines.push(json!({
            "bench": "dashboard", "page": path, "jobs": arguments.jobs, "status": status,
            "p50_ms": half, "p95_ms": most, "allowed_ms": allowed, "stopped": stopped,
            "bytes": size,
        }));
    }
    let (one, twenty) = tabs(&router(), &server, arguments.tabs).await?;
    println!("\nstatements while the jobs are looked at: 1 tab {one}, 20 tabs {twenty}");
    lines.push(json!({ "bench": "dashboard_tabs", "one": one, "twenty": twenty }));
    if let Some(file) = &arguments.output {
        let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
        std::fs::write(file, lines.join("\n") + "\n")?;
    }
    match missed {
        0 => Ok(()),
        missed => bail!("{missed} of {} pages were not there in time", PAGES.len()),
    }
}

fn router(client: Client) -> Router {
    Dashboard::new(DangerouslyPublic::everything()).instance("main", client).router()
}

async fn ask(router: &Router, path: &str) -> anyhow::Result<(StatusCode, Duration, String)> {
    let request = Request::builder().uri(format!("/i/main{path}")).header("x-fragment", "page");
    let start = Instant::now();
    let response = router.clone().oneshot(request.body(Body::empty())?).await?;
    let status = response.status();
    let body = to_bytes(response.into_body(), usize::MAX).await?;
    let time = start.elapsed();
    Ok((status, time, String::from_utf8(body.into())?))
}

/// The statements that the database sees while one tab, and then twenty, fetch the list of jobs as often
/// as live pages do: once a second.
async fn tabs(
    router: &Router,
    server: &tokio_postgres::Client,
    seconds: u64,
) -> anyhow::Result<(i64, i64)> {
    server.batch_execute("CREATE EXTENSION IF NOT EXISTS pg_stat_statements").await?;
    let mut counts = [0; 2];
    for (count, tabs) in counts.iter_mut().zip([1, 20]) {
        server.batch_execute("SELECT pg_stat_statements_reset()").await?;
        for _ in 0..seconds {
            let asked = (0..tabs).map(|_| ask(router, "/jobs"));
            futures_util::future::try_join_all(asked).await?;
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let sql = "SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements \
                   WHERE query NOT LIKE '%pg_stat_statements%'";
        *count = server.query_one(sql, &[]).await?.get(0);
    }
    Ok((counts[0], counts[1]))
}

fn percentile(sorted: &[Duration], percent: usize) -> f64 {
    let at = (sorted.len() * percent).div_ceil(100).saturating_sub(1);
    sorted.get(at).map_or(f64::NAN, |time| time.as_secs_f64() * 1_000.0)
}
