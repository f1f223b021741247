//! One run, from beginning to end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use axum::http::StatusCode;
use kerrera::{Client, Kerrera, Stopped};

use crate::app::App;
use crate::audit::Books;
use crate::dashboard::Dashboard;
use crate::encore::Encore;
use crate::geocoder::Geocoder;
use crate::mailer::Mailer;
use crate::progress::{Progress, Watched};
use crate::scenario::{CHUNK, DAYS, SHEET_ROWS, Scenario};
use crate::signals::Signals;
use crate::signup::SignUpServer;
use crate::smtp_sink::SmtpSink;
use crate::store::Store;
use crate::summary::{Ending, Report};
use crate::visitors::{self, Answers};
use crate::workers::{
    BATCH, BulkEmailSend, DailyReport, DataImport, LogAnalytics, SendWelcomeEmail, airports_in,
    report_path,
};

/// The file that is imported.
const AIRPORTS: &[u8] = include_bytes!("../data/airports.csv");
const AIRPORTS_FILE: &str = "airports.csv";

/// The shortest time between two visitors; fewer come faster, so that there is something to see.
const INTERVAL: Duration = Duration::from_millis(20);

/// How the demonstration is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The database; by default an SQLite file in a new folder. One on PostgreSQL is migrated, gets
    /// jobs in its default schema, and the schema `kerrera_demo`.
    pub database_url: Option<String>,
    /// How many visitors sign up; 200.
    pub users: u32,
    /// How long it may take; a minute.
    pub limit: Duration,
    /// What decides everything that is left to chance; 7.
    pub seed: u64,
    /// Whether the dashboard is served on this machine while it runs; true.
    pub web: bool,
    /// Whether the dashboard stays open afterwards, for [`Report::stay`], with jobs that go on; false.
    pub stay: bool,
    /// Whether progress is told in plain lines even on a terminal, as beside a log; false.
    pub plain: bool,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            database_url: None,
            users: 200,
            limit: Duration::from_secs(60),
            seed: 7,
            web: true,
            stay: false,
            plain: false,
        }
    }
}

/// Runs the demonstration, and tells on standard error how it goes.
///
/// SIGINT and SIGTERM end it early: running jobs are waited for. A second one ends the wait.
///
/// # Errors
///
/// When the database cannot be used, or a part of the program cannot work at all. Numbers that do
/// not add up are no error: see [`Report::adds_up`].
pub async fn run(options: Options) -> anyhow::Result<Report> {
    let started = Instant::now();
    let mut signals = Signals::new()?;
    let airports = airports_in(AIRPORTS)?;
    let mut scenario = Scenario::new(options.seed, options.users as usize, airports);
    let folder = make_folder()?;
    let url = options.database_url.clone().unwrap_or_else(|| file_in(&folder));

    let store = Arc::new(Store::open(&url, scenario.places).await?);
    let sink = Arc::new(SmtpSink::start(std::mem::take(&mut scenario.mailboxes)).await?);
    let kerrera = start(&store, &sink, &scenario, &folder).await?;
    let client = kerrera.client().clone();
    let server = SignUpServer::start(store.clone(), client.clone()).await?;
    let answers = Arc::new(Answers::default());
    let watched = Watched {
        client: client.clone(),
        visitors: scenario.visitors.len() as u64,
        answers: answers.clone(),
        sink: sink.clone(),
        expected: scenario.expected(),
    };
    let dashboard = match options.web {
        true => Dashboard::open(&client, options.stay).await,
        false => None,
    };
    let progress = Progress::start(watched, options.plain);

    let play = Play { scenario: &scenario, client: &client, store: &store, progress: &progress };
    let ended = tokio::select! {
        played = play.run(&server, &answers, &options) => played.map(|()| Ending::Finished),
        () = tokio::time::sleep(options.limit.saturating_sub(started.elapsed())) => {
            Ok(Ending::OutOfTime)
        }
        () = signals.next() => Ok(Ending::Interrupted),
    };
    drop(server);
    stop(kerrera, &mut signals).await;
    progress.finish().await;
    let ending = ended?;

    let tally = store.tally(&answers.other_than(StatusCode::CREATED)).await?;
    let ledger = sink.ledger();
    let written = (1..=DAYS).map(|day| report_path(&folder, day)).filter(|path| path.exists());
    let reports: Vec<PathBuf> = written.collect();
    let books = Books {
        scenario: &scenario,
        answers: &answers,
        ledger: &ledger,
        tally: &tally,
        reports: reports.len() as u64,
    };
    let mut report = Report {
        ending,
        took: started.elapsed(),
        seed: options.seed,
        visitors: answers.total(),
        taken: answers.count(StatusCode::CONFLICT),
        used_up: answers.count(StatusCode::GONE),
        counts: client.counts().await?,
        checks: books.checks(),
        tally,
        ledger,
        database: client.location(),
        last_report: reports.last().cloned(),
        folder,
        open: None,
    };
    let stays = options.stay && ending != Ending::Interrupted;
    match dashboard {
        Some(dashboard) if stays => {
            let encore = Encore::after(&options, airports, report.folder.clone());
            report.open = Some(Open { dashboard, encore, store, signals });
        }
        dashboard => {
            if let Some(dashboard) = dashboard {
                dashboard.close().await;
            }
            store.close().await?;
        }
    }
    Ok(report)
}

/// What is still there after a run, to be looked at.
#[derive(Debug)]
pub(crate) struct Open {
    dashboard: Dashboard,
    encore: Encore,
    store: Arc<Store>,
    signals: Signals,
}

impl Open {
    pub(crate) fn url(&self) -> &str {
        self.dashboard.url()
    }

    /// Goes on until a signal comes, and closes all.
    pub(crate) async fn stay(mut self) -> anyhow::Result<()> {
        self.encore.play(&self.store, &mut self.signals).await?;
        self.dashboard.close().await;
        self.store.close().await
    }
}

/// Starts a node that works the application's jobs.
pub(crate) async fn start(
    store: &Arc<Store>,
    sink: &SmtpSink,
    scenario: &Scenario,
    folder: &Path,
) -> anyhow::Result<Kerrera> {
    let app = App {
        store: store.clone(),
        mailer: Mailer::new(sink.address())?,
        // After the first batch of an import, so that the next attempt finds rows that it wrote.
        geocoder: Geocoder::new(
            scenario.sheets.iter().map(|(row, trouble)| (row + BATCH, *trouble)),
        ),
        folder: folder.to_owned(),
    };
    let kerrera = Kerrera::builder(store.database())
        .migrate(true)
        .state(app)
        .queue("default", 10)
        .queue("mailers", 20)
        .queue("analytics", 5)
        .worker::<SendWelcomeEmail>()
        .worker::<DataImport>()
        .worker::<BulkEmailSend>()
        .worker::<DailyReport>()
        .worker::<LogAnalytics>()
        .start()
        .await?;
    Ok(kerrera)
}

/// What happens in a run, in its order.
struct Play<'a> {
    scenario: &'a Scenario,
    client: &'a Client,
    store: &'a Store,
    progress: &'a Progress,
}

impl Play<'_> {
    async fn run(
        &self,
        server: &SignUpServer,
        answers: &Arc<Answers>,
        options: &Options,
    ) -> anyhow::Result<()> {
        // Somebody uploaded a file; it is imported in parts.
        let imports = self.scenario.sheets.iter().map(|(first_row, _)| import(*first_row));
        self.client.insert_all(imports).await?;
        self.client.insert(DailyReport { day: 1, last_day: DAYS }).await?;

        let visitors = self.scenario.visitors.clone();
        // However many there are, a third of the time is enough for them to come.
        let interval = INTERVAL.min(options.limit / (3 * options.users.max(1)));
        visitors::come(visitors, server.address(), interval, answers.clone()).await?;

        // When all have been greeted, the newsletter goes out: one job for a hundred users.
        let accepted = self.scenario.accepted();
        self.progress.until(|seen| seen.ended("mailers") >= accepted).await;
        let users = self.store.user_ids().await?;
        let newsletters = users.chunks(CHUNK).map(|user_ids| BulkEmailSend {
            subject: "This week".to_owned(),
            user_ids: user_ids.to_vec(),
        });
        self.client.insert_all(newsletters).await?;

        let expected = self.scenario.expected();
        self.progress
            .until(|seen| expected.iter().all(|(queue, jobs)| seen.ended(queue) >= *jobs))
            .await;
        Ok(())
    }
}

/// The import of a part of the file.
pub(crate) fn import(first_row: u32) -> DataImport {
    DataImport { file: AIRPORTS_FILE.to_owned(), first_row, rows: SHEET_ROWS }
}

/// Waits for what runs; a second signal ends the wait.
pub(crate) async fn stop(kerrera: Kerrera, signals: &mut Signals) -> Stopped {
    tokio::select! {
        stopped = kerrera.shutdown() => stopped,
        () = signals.next() => Stopped::default(),
    }
}

/// A new folder, for what is left to be looked at.
fn make_folder() -> anyhow::Result<PathBuf> {
    let folder = tempfile::Builder::new().prefix("kerrera-demo-").tempdir();
    let folder = folder.context("no folder can be made for temporary files")?.keep();
    std::fs::write(folder.join(AIRPORTS_FILE), AIRPORTS)
        .with_context(|| format!("{} cannot be written to", folder.display()))?;
    Ok(folder)
}

fn file_in(folder: &Path) -> String {
    format!("sqlite:{}", folder.join("kerrera-demo.db").display())
}
