//! A dashboard to be looked at by a browser: every state, every text hostile, and a node that works.
//!
//! `cargo xtask e2e` starts one for each test that changes something. It says its address on standard
//! output, and ends when its standard input does.

#![allow(clippy::print_stdout, reason = "its address is what it has to say")]

mod people;
mod seed;
mod workers;

use std::net::Ipv4Addr;

use anyhow::Context as _;
use axum::Router;
use axum::response::Redirect;
use axum::routing::get;
use kerrera_web::Dashboard;
use serde_json::json;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::people::People;

/// Not at the root, so that a link that forgets where it is mounted leads nowhere.
const BASE: &str = "/admin/jobs";

/// Serves it until standard input ends.
pub async fn serve() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let database = format!("sqlite:{}", folder.path().join("jobs.db").display());
    let errors = seed::fail(&database).await?;
    let [node, other] = workers::start(&database).await?;
    let jobs = seed::seed(node.client()).await?;
    let dashboard = Dashboard::new(People)
        .environment("e2e")
        .job_link("Logs", "https://logs.example/?q=job%3D{id}")
        .instance("main", node.client().clone())
        .instance("other", kerrera::Client::connect("sqlite::memory:").await?);
    let live = dashboard.live_updates();
    let app: Router = Router::new()
        .nest(BASE, dashboard.router())
        .route("/", get(async || Redirect::to(&format!("{BASE}/"))));

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let url = format!("http://{address}{BASE}");
    let told = json!({ "url": url, "jobs": jobs, "errors": errors, "hostile": seed::HOSTILE });
    println!("{told}");
    axum::serve(listener, app)
        .with_graceful_shutdown(async move {
            // Whoever started us has gone, or wants us to go.
            let _ = tokio::io::stdin().read_to_end(&mut Vec::new()).await;
            live.end();
        })
        .await
        .context("serving")?;
    tokio::join!(node.shutdown(), other.shutdown());
    Ok(())
}
