//! Metrics of [Kerrera](https://docs.rs/kerrera)'s jobs, and traces that continue from where a job is
//! inserted to where it runs.
//!
//! ```
//! use kerrera::prelude::*;
//! use kerrera_otel::{Metrics, TraceContext};
//! use metrics_exporter_prometheus::PrometheusBuilder;
//!
//! # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Before `Metrics::new`, so that it can describe what it counts.
//! let prometheus = PrometheusBuilder::new().install_recorder()?;
//!
//! let kerrera = Kerrera::builder("sqlite::memory:")
//!     .queue("default", 10)
//!     .subscribe(Metrics::new())
//!     .propagator(TraceContext::new())
//!     .start()
//!     .await?;
//!
//! // What the application's own page for Prometheus answers, GET /metrics for example:
//! let page: String = prometheus.render();
//! # let _ = page;
//! # kerrera.shutdown().await; Ok(()) }
//! ```
//!
//! The example `metrics` is a whole program that answers Prometheus.
//!
//! A process that only inserts gives its client the propagator:
//! `Client::connect(url).await?.with_propagator(TraceContext::new())`.

#[cfg(feature = "metrics")]
mod counting;
#[cfg(feature = "trace")]
mod trace_context;

#[cfg(feature = "metrics")]
pub use counting::Metrics;
#[cfg(feature = "trace")]
pub use trace_context::TraceContext;
