//! A dashboard to be looked at by a browser: every state, every text hostile, and a node that works; or a tidy
//! shop, for pictures.
//!
//! `cargo xtask e2e` starts one for each test that changes something. It says its address on standard
//! output, and ends when its standard input does.

#![allow(clippy::print_stdout, reason = "its address is what it has to say")]

mod people;
mod seed;
mod shop;
mod workers;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Context as _, bail};
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

/// What there is to be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// All that could go wrong in a page.
    Hostile,
    /// What people have.
    Shop,
}

/// Serves it until standard input ends.
pub async fn serve(scene: Scene) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("jobs.db");
    let database = format!("sqlite:{}", path.display());
    let (mut jobs, mut errors) = (BTreeMap::new(), Vec::new());
    let [node, other] = match scene {
        Scene::Hostile => {
            errors = seed::fail(&database).await?;
            let nodes = workers::start(&database).await?;
            jobs = seed::seed(nodes[0].client()).await?;
            nodes
        }
        Scene::Shop => shop::open(&path, &database).await?,
    };
    let mut dashboard = Dashboard::new(People(scene))
        .job_link("Logs", "https://logs.example/?q=job%3D{id}")
        .instance("main", node.client().clone());
    dashboard = match scene {
        Scene::Hostile => dashboard
            .environment("e2e")
            .instance("other", kerrera::Client::connect("sqlite::memory:").await?),
        Scene::Shop => dashboard.environment("production"),
    };
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

async fn until(what: &str, is_so: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    for _ in 0..1_000 {
        if is_so().await? {
            return Ok(());
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    bail!("it never was that {what}")
}
