//! What is logged, on standard error.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;

/// What is logged when RUST_LOG does not say. The demonstration's jobs fail on purpose and in
/// number, so a failed attempt, which is a warning, is not told. A failed login to the dashboard is.
const DEFAULT: &str = "warn,kerrera=error,kerrera_web=warn";

/// Begins to log what RUST_LOG asks for.
pub(crate) fn start() {
    let filter = match std::env::var(EnvFilter::DEFAULT_ENV) {
        Ok(wish) => EnvFilter::new(wish),
        Err(_) => EnvFilter::new(DEFAULT),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .init();
}

/// Whether somebody asked for a log.
pub(crate) fn is_wanted() -> bool {
    std::env::var_os(EnvFilter::DEFAULT_ENV).is_some()
}
