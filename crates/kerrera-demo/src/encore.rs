//! What goes on after a run, while the dashboard stays open: people sign up and files are imported, at a
//! pace at which one can look on.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use kerrera::Client;

use crate::dashboard::tell;
use crate::demo::{Options, import, start, stop};
use crate::scenario::Scenario;
use crate::signals::Signals;
use crate::signup::SignUpServer;
use crate::smtp_sink::SmtpSink;
use crate::store::Store;
use crate::visitors::{self, Answers};

/// The time between two visitors, and between two imports.
const VISIT: Duration = Duration::from_secs(1);
const IMPORT: Duration = Duration::from_secs(20);

/// How many come, at most: for some hours.
const VISITORS: usize = 20_000;

/// What goes on.
#[derive(Debug)]
pub(crate) struct Encore {
    scenario: Scenario,
    folder: PathBuf,
}

impl Encore {
    /// After a run with these options; nobody comes who was there.
    pub(crate) fn after(options: &Options, airports: u32, folder: PathBuf) -> Encore {
        let (users, seed) = (options.users as usize, options.seed);
        let mut scenario = Scenario::numbered_from(users + 1, seed ^ 1, VISITORS, airports);
        // Somebody may have their jobs run again.
        let earlier = Scenario::new(seed, users, airports);
        scenario.mailboxes.extend(earlier.mailboxes);
        Encore { scenario, folder }
    }

    /// Goes on until a signal comes.
    pub(crate) async fn play(
        self,
        store: &Arc<Store>,
        signals: &mut Signals,
    ) -> anyhow::Result<()> {
        let Encore { mut scenario, folder } = self;
        let sink = SmtpSink::start(std::mem::take(&mut scenario.mailboxes)).await?;
        let kerrera = start(store, &sink, &scenario, &folder).await?;
        let server = SignUpServer::start(store.clone(), kerrera.client().clone()).await?;
        let visitors = std::mem::take(&mut scenario.visitors);
        let coming =
            visitors::come(visitors, server.address(), VISIT, Arc::new(Answers::default()));
        let client = kerrera.client().clone();
        let going_on = async { tokio::try_join!(coming, uploads(&client, &scenario)).map(drop) };
        tokio::select! {
            ended = going_on => {
                if let Err(error) = ended {
                    tell(&format!("nobody signs up any more: {error}"));
                }
                signals.next().await;
            }
            () = signals.next() => {}
        }
        drop(server);
        stop(kerrera, signals).await;
        Ok(())
    }
}

/// Somebody uploads a part of the file, again and again.
async fn uploads(client: &Client, scenario: &Scenario) -> anyhow::Result<()> {
    let mut clock = tokio::time::interval(IMPORT);
    for (first_row, _) in scenario.sheets.iter().cycle() {
        clock.tick().await;
        client.insert(import(*first_row)).await?;
    }
    Ok(())
}
