//! The jobs in a browser, while they run.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr};

use kerrera::Client;
use kerrera_web::standalone::{self, Error, Server, Standalone};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// The dashboard, being served on this machine.
#[derive(Debug)]
pub(crate) struct Dashboard {
    url: String,
    end: oneshot::Sender<()>,
    serving: JoinHandle<()>,
}

impl Dashboard {
    /// Serves it, and tells on standard error where. It is there to look on: if it cannot be served,
    /// that is told as well, and nothing else changes.
    ///
    /// The people of the demonstration are made up, and so are their jobs: nobody has to log in.
    pub(crate) async fn open(client: &Client, stays: bool) -> Option<Dashboard> {
        let server = match server(client).await {
            Ok(server) => server,
            Err(error) => {
                tell(&format!("no dashboard: {error}"));
                return None;
            }
        };
        let url = server.url();
        let rest = if stays { "" } else { ", until the demo ends (--stay keeps it)" };
        tell(&format!("dashboard: {url} open to everybody on this machine{rest}"));
        let (end, ended) = oneshot::channel();
        let serving = tokio::spawn(server.serve(async {
            // An error is an end as well.
            let _ = ended.await;
        }));
        Some(Dashboard { url, end, serving })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) async fn close(self) {
        let Dashboard { end, serving, .. } = self;
        drop(end);
        let _ = serving.await;
    }
}

/// On the usual port, or on another if something is there already.
async fn server(client: &Client) -> Result<Server, Error> {
    let on = |address| {
        let standalone = Standalone::new().instance("demo", client.clone()).environment("demo");
        standalone.bind(address).dangerously_public().start()
    };
    match on(standalone::ADDRESS).await {
        Err(Error::Listen(..)) => on(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).await,
        started => started,
    }
}

/// Says something on standard error.
pub(crate) fn tell(line: &str) {
    // Who has closed it does not want to know.
    let _ = writeln!(std::io::stderr(), "{line}");
}
