//! Kerrera and Oban for Python on one database: each test on tables that Kerrera made, on tables that
//! Python made, and on tables that Elixir made.
//!
//! `cargo xtask test company` finds a Python, installs Oban and runs them.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "company/cancel.rs"]
mod cancel;
#[path = "company/cron.rs"]
mod cron;
#[path = "company/hints.rs"]
mod hints;
#[path = "company/kills.rs"]
mod kills;
#[path = "company/leaders.rs"]
mod leaders;
#[path = "company/long.rs"]
mod long;
#[path = "company/operations.rs"]
mod operations;
#[path = "company/outcomes.rs"]
mod outcomes;
#[path = "company/queues.rs"]
mod queues;
#[path = "company/scene.rs"]
mod scene;
#[path = "company/tables.rs"]
mod tables;
#[path = "company/unique.rs"]
mod unique;

/// Makes three tests of a scenario, one for each who may have made the tables.
macro_rules! on_all_tables {
    ($($name:ident),* $(,)?) => {
        mod of_kerrera {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::scene::Scene::on_tables_of_kerrera()).await;
                }
            )*
        }
        mod of_python {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::scene::Scene::on_tables_of_python()).await;
                }
            )*
        }
        mod of_elixir {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $name() {
                    super::$name(crate::scene::Scene::on_tables_of_elixir()).await;
                }
            )*
        }
    };
}
use on_all_tables;
