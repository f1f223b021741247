//! What Kerrera's own tests are made of.
//!
//! - [`postgres`]: throw-away PostgreSQL clusters, and a fresh database for every test.
//! - [`oban`]: stand-ins for Oban's own nodes, in Elixir and in Python.
//! - [`process`]: a child process that a test reads from, stops and kills.
//! - [`wait`]: waiting for something to come true, with a limit.
//!
//! Everything is synchronous and knows nothing of Kerrera, so that it can sit under every crate of
//! the workspace. It speaks to PostgreSQL through the server's own `psql`.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::exit,
    reason = "this is test code: a panic is how it reports that a test cannot go on"
)]

pub mod oban;
pub mod postgres;
pub mod process;
pub mod wait;
