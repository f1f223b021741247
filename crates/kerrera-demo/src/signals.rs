//! The wish of a person, or of the system, that the program ends.

use anyhow::Context as _;

/// Hears SIGINT and SIGTERM; elsewhere than on Unix, Ctrl-C.
#[cfg(unix)]
#[derive(Debug)]
pub struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// If the system does not let this process listen.
    pub fn new() -> anyhow::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let hear = |kind| signal(kind).context("this process cannot listen for signals");
        Ok(Signals {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
        })
    }

    /// Waits until one comes.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Hears SIGINT and SIGTERM; elsewhere than on Unix, Ctrl-C.
#[cfg(windows)]
#[derive(Debug)]
pub struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    ///
    /// If the system does not let this process listen.
    pub fn new() -> anyhow::Result<Signals> {
        let hear = tokio::signal::windows::ctrl_c();
        Ok(Signals(hear.context("this process cannot listen for signals")?))
    }

    /// Waits until one comes.
    pub async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
