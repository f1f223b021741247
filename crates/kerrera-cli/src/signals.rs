//! The wish of a person, or of the system, that the program ends.

use anyhow::Context as _;

/// Hears SIGINT and SIGTERM; elsewhere than on Unix, Ctrl-C.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    pub(crate) fn new() -> anyhow::Result<Signals> {
        use tokio::signal::unix::{SignalKind, signal};
        let hear = |kind| signal(kind).context("this process cannot listen for signals");
        Ok(Signals {
            interrupt: hear(SignalKind::interrupt())?,
            terminate: hear(SignalKind::terminate())?,
        })
    }

    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// Hears SIGINT and SIGTERM; elsewhere than on Unix, Ctrl-C.
#[cfg(windows)]
#[derive(Debug)]
pub(crate) struct Signals(tokio::signal::windows::CtrlC);

#[cfg(windows)]
impl Signals {
    pub(crate) fn new() -> anyhow::Result<Signals> {
        let hear = tokio::signal::windows::ctrl_c();
        Ok(Signals(hear.context("this process cannot listen for signals")?))
    }

    pub(crate) async fn next(&mut self) {
        let _ = self.0.recv().await;
    }
}
