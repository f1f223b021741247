//! What the engine does, on every storage: each test runs on SQLite and on PostgreSQL.
#![allow(clippy::unwrap_used, clippy::panic, unreachable_pub, reason = "a test fails by panicking")]

#[path = "conformance/audit.rs"]
mod audit;
#[path = "conformance/bulk_operations.rs"]
mod bulk_operations;
#[path = "conformance/control.rs"]
mod control;
#[path = "conformance/cost.rs"]
mod cost;
#[path = "conformance/crons.rs"]
mod crons;
#[path = "conformance/errors.rs"]
mod errors;
#[path = "conformance/inserting.rs"]
mod inserting;
#[path = "conformance/late_acks.rs"]
mod late_acks;
#[path = "conformance/maintenance.rs"]
mod maintenance;
#[path = "conformance/managing.rs"]
mod managing;
#[path = "conformance/metrics.rs"]
mod metrics;
#[path = "conformance/neighbours.rs"]
mod neighbours;
#[path = "conformance/outcomes.rs"]
mod outcomes;
#[path = "conformance/prefetch.rs"]
mod prefetch;
/// A pooler; the storage's own tests use more of it.
#[path = "../../kerrera-postgres/tests/conformance/proxy.rs"]
#[allow(dead_code)]
mod proxy;
#[path = "conformance/queues.rs"]
mod queues;
#[path = "conformance/scene.rs"]
mod scene;
#[path = "conformance/short_runs.rs"]
mod short_runs;
#[path = "conformance/signals.rs"]
mod signals;
#[path = "conformance/stopping.rs"]
mod stopping;
#[path = "conformance/telemetry.rs"]
mod telemetry;
#[path = "conformance/testing.rs"]
mod testing;
#[path = "conformance/thefts.rs"]
mod thefts;
#[path = "conformance/unique.rs"]
mod unique;

/// Makes two tests of a scenario: one on SQLite, one on PostgreSQL.
macro_rules! on_both {
    ($($(#[$attribute:meta])* $name:ident),* $(,)?) => {
        mod sqlite {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::scene::Scene::on_sqlite().await).await;
                }
            )*
        }
        mod postgres {
            $(
                $(#[$attribute])*
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::scene::Scene::on_postgres().await).await;
                }
            )*
        }
    };
}
use on_both;
