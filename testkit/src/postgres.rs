//! Throw-away PostgreSQL: the server's programs, clusters, and a database for every test.
//!
//! A test asks for a [`Database`] and gets it on the [`Server`] that all tests of a run share;
//! `cargo xtask test` starts that one. A test that needs a server to itself, because it stops or
//! configures it, starts a [`Cluster`].

mod account;
mod cluster;
mod database;
mod folder;
mod programs;
mod psql;
mod server;
mod supervisor;

pub use cluster::{Cluster, ClusterOptions, StopMode};
pub use database::Database;
pub use programs::Programs;
pub use server::{SERVER_VARIABLE, Server};

/// The superuser of every cluster that is started here.
pub const SUPERUSER: &str = "kerrera";
