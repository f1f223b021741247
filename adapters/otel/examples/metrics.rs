//! A program that works jobs, and answers `GET /metrics` for Prometheus.
//!
//! ```sh
//! cargo run --example metrics &
//! curl http://127.0.0.1:9464/metrics
//! ```

use std::error::Error;

use axum::Router;
use axum::routing::get;
use kerrera::prelude::*;
use kerrera_otel::Metrics;
use metrics_exporter_prometheus::PrometheusBuilder;
use tokio::net::TcpListener;

#[derive(Serialize, Deserialize, Worker)]
#[worker(queue = "pictures", max_attempts = 1)]
struct Resize {
    picture: u32,
}

impl Perform for Resize {
    async fn perform(&self, _: &Context) -> JobResult {
        if self.picture.is_multiple_of(5) {
            return Err("the file is broken".into());
        }
        done()
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // Loopback: the page tells strangers what this program does, and how often.
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:9464".to_owned());
    let listener = TcpListener::bind(address).await?;
    println!("http://{}/metrics", listener.local_addr()?);
    serve(listener, async {
        let _ = tokio::signal::ctrl_c().await;
    })
    .await
}

/// Works a hundred jobs, and answers until it is to stop.
pub(crate) async fn serve(
    listener: TcpListener,
    stop: impl Future<Output = ()> + Send + 'static,
) -> Result<(), Box<dyn Error>> {
    // Before `Metrics::new`, so that it can describe what it counts.
    let prometheus = PrometheusBuilder::new().install_recorder()?;
    let kerrera = Kerrera::builder("sqlite::memory:")
        .queue("pictures", 5)
        .worker::<Resize>()
        .subscribe(Metrics::new())
        .start()
        .await?;
    kerrera.insert_all((1..=100).map(|picture| Resize { picture })).await?;

    let page = Router::new().route("/metrics", get(async move || prometheus.render()));
    axum::serve(listener, page).with_graceful_shutdown(stop).await?;
    kerrera.shutdown().await;
    Ok(())
}
