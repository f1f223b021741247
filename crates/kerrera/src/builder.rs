//! From settings to a running engine.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::cron::{Cron, CronEntry, Timezone};
use kerrera_core::directory::Release;
use kerrera_core::error::Kind;
use kerrera_core::{Error, Limits, NewJob, Result};

use crate::Tuning;
use crate::client::Client;
use crate::database::Database;
use crate::engine::queues::Settings;
use crate::kerrera::{Kerrera, Launch, Stopped};
use crate::maintenance::{Maintenance, Pruning, Rescue};
use crate::measuring::Metrics;
use crate::perform::Perform;
use crate::pruner::Pruner;
use crate::registry::Registry;
use crate::reindexer::Reindexer;
use crate::telemetry::{Propagator, Subscriber, Telemetry};

/// Settings of an engine; made by [`Kerrera::builder`].
#[must_use = "nothing runs until start or run is called"]
pub struct Builder<S = ()> {
    database: Database,
    state: S,
    registry: Registry<S>,
    queues: Vec<QueueSettings>,
    elsewhere: Vec<String>,
    crons: Vec<Cron>,
    cron_timezone: Option<String>,
    node: Option<String>,
    instance: String,
    migrate: bool,
    limits: Limits,
    tuning: Tuning,
    maintenance: Maintenance,
    metrics: Metrics,
    release: Option<Release>,
    subscribers: Vec<Arc<dyn Subscriber>>,
    propagator: Option<Arc<dyn Propagator>>,
    /// A mistake that the types could not prevent; told by `start`.
    mistake: Option<Error>,
}

#[derive(Clone, Debug)]
struct QueueSettings {
    name: String,
    limit: u32,
    paused: bool,
    /// It was set from outside of the program, which may say otherwise.
    configured: bool,
}

impl Builder {
    pub(crate) fn new(database: Database) -> Builder {
        #[cfg(feature = "config")]
        if let Some(config) = database.config().cloned() {
            return Builder::plain(database).configure(&config);
        }
        Builder::plain(database)
    }

    fn plain(database: Database) -> Builder {
        Builder {
            database,
            state: (),
            registry: Registry::default(),
            queues: Vec::new(),
            elsewhere: Vec::new(),
            crons: Vec::new(),
            cron_timezone: None,
            node: None,
            instance: Client::INSTANCE.to_owned(),
            migrate: false,
            limits: Limits::default(),
            tuning: Tuning::default(),
            maintenance: Maintenance::default(),
            metrics: Metrics::default(),
            release: None,
            subscribers: Vec::new(),
            propagator: None,
            mistake: None,
        }
    }

    /// Gives the workers their state. Before the first worker: its type decides which workers fit.
    pub fn state<S: Send + Sync + 'static>(self, state: S) -> Builder<S> {
        let too_late = !self.registry.is_empty();
        let mistake = too_late.then(|| {
            Error::new(
                Kind::Config,
                "Builder::state was called after Builder::worker, and those workers have no state: \
                 call state first",
            )
        });
        Builder {
            database: self.database,
            state,
            registry: Registry::default(),
            queues: self.queues,
            elsewhere: self.elsewhere,
            crons: self.crons,
            cron_timezone: self.cron_timezone,
            node: self.node,
            instance: self.instance,
            migrate: self.migrate,
            limits: self.limits,
            tuning: self.tuning,
            maintenance: self.maintenance,
            metrics: self.metrics,
            release: self.release,
            subscribers: self.subscribers,
            propagator: self.propagator,
            mistake: self.mistake.or(mistake),
        }
    }
}

impl<S: Send + Sync + 'static> Builder<S> {
    /// Works a queue, running at most `limit` of its jobs at once on this node.
    pub fn queue(self, name: impl Into<String>, limit: u32) -> Self {
        self.add_queue(name.into(), limit, false)
    }

    /// Knows a queue, and claims nothing from it while it is paused.
    pub fn paused_queue(self, name: impl Into<String>, limit: u32) -> Self {
        self.add_queue(name.into(), limit, true)
    }

    /// Says that other nodes work this queue, so that a worker whose jobs go there is no mistake.
    pub fn queue_elsewhere(mut self, name: impl Into<String>) -> Self {
        self.elsewhere.push(name.into());
        self
    }

    /// Registers a worker, so that this node runs its jobs.
    pub fn worker<W: Perform<S>>(mut self) -> Self {
        self.registry.add::<W>();
        self
    }

    /// Inserts a job at times of the clock: `0 7 * * MON-FRI` is seven o'clock on working days.
    ///
    /// The clock is the database's, in UTC unless [`cron_timezone`](Builder::cron_timezone) says
    /// otherwise. However many nodes have the entry, each of its times inserts one job; which node
    /// does so does not matter, and it need not work the job's queue. See
    /// [`CronExpression`](crate::cron::CronExpression) for what can be written, and
    /// [`cron_entry`](Builder::cron_entry) for names, time zones and what becomes of missed times.
    ///
    /// ```
    /// use kerrera::prelude::*;
    ///
    /// #[derive(Default, Serialize, Deserialize, Worker)]
    /// struct DailyReport {}
    ///
    /// impl Perform for DailyReport {
    ///     async fn perform(&self, _: &Context) -> JobResult {
    ///         done()
    ///     }
    /// }
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let kerrera = Kerrera::builder("sqlite::memory:")
    ///     .queue("default", 10)
    ///     .worker::<DailyReport>()
    ///     .cron("0 7 * * MON-FRI", DailyReport::default())
    ///     .start()
    ///     .await?;
    /// # kerrera.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn cron(self, expression: impl Into<String>, job: impl Into<NewJob>) -> Self {
        self.cron_entry(Cron::new(expression, job))
    }

    /// Inserts a job at times of the clock, with a name, a time zone and policies of its own.
    ///
    /// ```
    /// use kerrera::{Cron, Kerrera, Misfire, NewJob, Overlap};
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let cron = Cron::new("0 7 * * *", NewJob::of("MyApp.Report", json!({})).queue("elixir"))
    ///     .name("daily report")
    ///     .timezone("Europe/Copenhagen")
    ///     .misfire(Misfire::All { most: 10 })
    ///     .overlap(Overlap::Skip);
    /// let kerrera = Kerrera::builder("sqlite::memory:").cron_entry(cron).start().await?;
    /// let crontab = kerrera.crons().await?;
    /// assert_eq!(crontab.crons[0].entry.name, "daily report");
    /// # kerrera.shutdown().await;
    /// # Ok(()) }
    /// ```
    pub fn cron_entry(mut self, cron: Cron) -> Self {
        self.crons.push(cron);
        self
    }

    /// Says where the clock hangs for the cron entries that do not say it themselves; by default it
    /// is `Etc/UTC`.
    pub fn cron_timezone(mut self, timezone: impl Into<String>) -> Self {
        self.cron_timezone = Some(timezone.into());
        self
    }

    /// Names this node; by default after the machine (or `DYNO`, where that is set) and the process,
    /// as in `web-1.4711`.
    ///
    /// The name must be unique among the processes on one database.
    pub fn node(mut self, name: impl Into<String>) -> Self {
        self.node = Some(name.into());
        self
    }

    /// Says which version of which application this is, for people who look at the nodes.
    pub fn release(mut self, name: impl Into<String>, version: impl Into<String>) -> Self {
        self.release = Some(Release::new(name, version));
        self
    }

    /// The name of the Oban instance that this node belongs to where it shares tables with nodes in
    /// Elixir or Python; `Oban` by default.
    ///
    /// Signals for `<instance>.<node>` are obeyed, and orders for a single node of theirs are sent to
    /// that name.
    pub fn instance(mut self, name: impl Into<String>) -> Self {
        self.instance = name.into();
        self
    }

    /// Brings the database up to this version before starting.
    ///
    /// SQLite does so anyway. For PostgreSQL the usual way is `kerrera migrate` before a deploy.
    pub fn migrate(mut self, migrate: bool) -> Self {
        self.migrate = migrate;
        self
    }

    /// Changes how large the parts of a job may be.
    pub fn limit(mut self, change: impl FnOnce(&mut Limits)) -> Self {
        change(&mut self.limits);
        self
    }

    /// Changes the engine's times and sizes.
    pub fn tune(mut self, change: impl FnOnce(&mut Tuning)) -> Self {
        change(&mut self.tuning);
        self
    }

    /// Says how long ended jobs are kept, while this node leads.
    ///
    /// Without it, tables that Kerrera made are pruned after the times of
    /// [`Keep::default`](crate::Keep::default), and those that another Oban made not at all: how long
    /// its jobs stay is for those to say who put them there.
    ///
    /// Give every node the same: the leader's setting counts.
    pub fn prune(mut self, pruner: Pruner) -> Self {
        self.maintenance.pruning = Pruning::Set(pruner);
        self
    }

    /// Says for how long entries of the audit log are kept, while this node leads; a year by default,
    /// `None` is for ever. At least an hour.
    ///
    /// Give every node the same: the leader's setting counts.
    pub fn keep_audit(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.maintenance.records.audit = age.into();
        self
    }

    /// Says for how long [operations](Client::start_operation) are kept after they ended, while this node
    /// leads; 90 days by default, `None` is for ever. At least an hour.
    ///
    /// Give every node the same: the leader's setting counts.
    pub fn keep_operations(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.maintenance.records.operations = age.into();
        self
    }

    /// Says for how long groups of [failures that are alike](Client::errors) are kept after they met the
    /// last, while this node leads; 90 days by default, `None` is for ever. At least an hour.
    ///
    /// Give every node the same: the leader's setting counts.
    pub fn keep_errors(mut self, age: impl Into<Option<Duration>>) -> Self {
        self.maintenance.records.errors = age.into();
        self
    }

    /// Keeps ended jobs for ever, as far as this node is concerned.
    ///
    /// The table then grows, and it is for you to delete what you do not need.
    pub fn never_prune(mut self) -> Self {
        self.maintenance.pruning = Pruning::Never;
        self
    }

    /// Frees jobs that Oban for Elixir or Python claimed longer ago than this, while this node leads;
    /// at least an hour, as Elixir's nodes do. Off by default.
    ///
    /// Age is all that can be seen of them: a job that really runs for longer then runs twice.
    /// Kerrera's own jobs are freed within seconds of their node's death, and never for their age.
    /// One statement a minute, which reads the running jobs.
    pub fn rescue_foreign_after(mut self, after: Duration) -> Self {
        self.maintenance.rescue = Some(Rescue { after, least: Maintenance::ELIXIRS });
        self
    }

    /// As [`rescue_foreign_after`](Builder::rescue_foreign_after), where the only neighbours are
    /// Python's: at least five minutes, as they do.
    pub fn rescue_python_after(mut self, after: Duration) -> Self {
        self.maintenance.rescue = Some(Rescue { after, least: Maintenance::PYTHONS });
        self
    }

    /// Builds indexes of the table of jobs anew, at the times of a schedule, while this node leads; off
    /// by default.
    ///
    /// PostgreSQL only: `REINDEX INDEX CONCURRENTLY`, one after the other. Work goes on meanwhile,
    /// and each reads the whole table once. It never waits longer than three seconds for a lock; what
    /// cannot be done then is left for the next time.
    ///
    /// Give every node the same: the leader's setting counts.
    pub fn reindex(mut self, reindexer: Reindexer) -> Self {
        self.maintenance.reindexer = Some(reindexer);
        self
    }

    /// Says what is kept of runs and queues over time, or [nothing](Metrics::off); see docs/metrics.md.
    pub fn metrics(mut self, metrics: Metrics) -> Self {
        self.metrics = metrics;
        self
    }

    /// Lets other nodes lead, always: what only one node does, this one never does. Oban's
    /// `peer: false`.
    ///
    /// For a node whose settings of maintenance are not those that are to count, such as a web process
    /// that works one small queue. If no other node runs, nothing is pruned.
    pub fn never_lead(mut self) -> Self {
        self.maintenance.never_leads = true;
        self
    }

    /// Stands in the election of Oban's own leader as well, under the name of an instance:
    /// `Oban`, unless it has another. May be called for several names. Off by default.
    ///
    /// **While a Rust node leads there, no Elixir node does: crontabs, pruners and lifelines configured
    /// in Elixir or Python stand still.** Kerrera then makes due jobs available and wakes their
    /// queues, and does beyond that only what it is told to do: see
    /// [`prune`](Builder::prune) and [`rescue_foreign_after`](Builder::rescue_foreign_after). Two
    /// leaders side by side, which is what there is without this, do no harm.
    pub fn stand_for_election(mut self, instance: impl Into<String>) -> Self {
        self.maintenance.elections.push(instance.into());
        self
    }

    /// Tells this subscriber of everything that happens in the engine: see
    /// [`telemetry`](crate::telemetry). There can be several.
    ///
    /// Costs a thread, and the handing over of each event; nothing where nobody subscribes.
    pub fn subscribe(mut self, subscriber: impl Subscriber) -> Self {
        self.subscribers.push(Arc::new(subscriber));
        self
    }

    /// Lets this propagator add to the meta of jobs that are inserted through this engine, and see
    /// the span of every run.
    pub fn propagator(mut self, propagator: impl Propagator) -> Self {
        self.propagator = Some(Arc::new(propagator));
        self
    }

    /// Follows settings that were read from a file or the environment: queues, node, tuning, limits,
    /// when to reindex, whether to lead, and whether to migrate. The database is the builder's own.
    ///
    /// Of two calls that set the same thing the later one counts: what is set before this is what
    /// holds where the settings say nothing, and what is set after it holds whatever they say. A
    /// builder that was made of a [`Config`](crate::Config) has followed it already.
    #[cfg(feature = "config")]
    pub fn configure(mut self, config: &crate::Config) -> Self {
        use crate::config::Queues;
        self.node = config.node().map(str::to_owned).or(self.node);
        self.migrate = config.migrate().unwrap_or(self.migrate);
        config.limit(&mut self.limits);
        config.tune(&mut self.tuning);
        config.reindex(&mut self.maintenance.reindexer);
        config.measure(&mut self.metrics);
        if let Some(leads) = config.lead() {
            self.maintenance.never_leads = !leads;
        }
        match config.queues() {
            Queues::Open => {}
            Queues::None => self.queues.clear(),
            Queues::These(queues) => {
                self.queues.retain(|settings| !queues.contains_key(&settings.name));
                self.queues.extend(queues.iter().map(|(name, queue)| QueueSettings {
                    name: name.clone(),
                    limit: queue.limit,
                    paused: queue.paused,
                    configured: true,
                }));
            }
        }
        self
    }

    /// Starts the engine.
    ///
    /// # Errors
    ///
    /// When two workers have one name, a worker's queue is unknown, a cron entry or another setting
    /// cannot work, or the database cannot be used; nothing has been started then.
    pub async fn start(self) -> Result<Kerrera> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        self.tuning.check()?;
        self.maintenance.check()?;
        self.metrics.check()?;
        let worked = |queue: &str| self.queues.iter().any(|settings| settings.name == queue);
        let elsewhere = |queue: &str| self.elsewhere.iter().any(|name| name == queue);
        // A node without queues only inserts, and may know every worker.
        let inserts_only = self.queues.is_empty();
        self.registry.check(|queue| inserts_only || worked(queue) || elsewhere(queue))?;
        let node = self.node.unwrap_or_else(|| {
            node_name(
                std::env::var("DYNO").ok(),
                gethostname::gethostname().to_string_lossy().into(),
            )
        });
        check_node("node", &node)?;
        check_node("instance", &self.instance)?;
        check_queues(&self.queues)?;
        let crons = check_crons(self.crons, self.cron_timezone, &self.limits)?;

        let database = self.database.open()?;
        let migrate = self.migrate || database.migrates_by_itself;
        let client =
            Client::new(database, self.limits, self.tuning.notify_interval, self.instance.into());
        let client = client.with_hooks(Telemetry::start(self.subscribers)?, self.propagator);
        client.storage().open(migrate).await?;
        let cron_names = crons.iter().map(|entry| entry.name.clone()).collect();
        if !crons.is_empty() {
            client.storage().declare_crons(crons).await?;
        }

        let queues = self
            .queues
            .into_iter()
            .map(|QueueSettings { name, limit, paused, .. }| (name, Settings { limit, paused }));
        Kerrera::launch(Launch {
            client,
            name: node,
            tuning: self.tuning,
            maintenance: self.maintenance,
            metrics: self.metrics,
            release: self.release,
            queues: queues.collect(),
            crons: cron_names,
            registry: Arc::new(self.registry),
            state: Arc::new(self.state),
        })
        .await
    }

    /// Starts the engine, waits for SIGTERM or SIGINT, and shuts it down. A second signal ends the
    /// process at once, with status 130.
    ///
    /// # Errors
    ///
    /// As for [`start`](Builder::start).
    pub async fn run(self) -> Result<Stopped> {
        self.start().await?.until_signal().await
    }

    fn add_queue(mut self, name: String, limit: u32, paused: bool) -> Self {
        self.queues.retain(|settings| !(settings.configured && settings.name == name));
        self.queues.push(QueueSettings { name, limit, paused, configured: false });
        self
    }
}

impl<S> std::fmt::Debug for Builder<S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Builder")
            .field("database", &self.database)
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}

fn check_queues(queues: &[QueueSettings]) -> Result<()> {
    for (at, QueueSettings { name, limit, .. }) in queues.iter().enumerate() {
        let wrong =
            |rule: &str| Err(Error::new(Kind::Config, format!("the queue {name:?} {rule}")));
        if queues[..at].iter().any(|other| other.name == *name) {
            return wrong("is set twice: once is enough, with one limit");
        }
        if name == kerrera_core::storage::EVERY {
            return wrong("is the name of all queues: give it another");
        }
        if *limit == 0 {
            return wrong("has the limit 0: give it at least 1, or pause it");
        }
        let characters = name.chars().count();
        if name.trim().is_empty() || characters > kerrera_core::new_job::LONGEST_NAME {
            return wrong("needs a name of 1 to 127 characters");
        }
    }
    Ok(())
}

fn check_crons(
    crons: Vec<Cron>,
    timezone: Option<String>,
    limits: &Limits,
) -> Result<Vec<CronEntry>> {
    let timezone = timezone.as_deref().map(str::parse).transpose().map_err(|wrong| {
        Error::new(Kind::Config, format!("Builder::cron_timezone cannot be: {wrong}"))
    })?;
    let timezone = timezone.unwrap_or_else(Timezone::utc);
    let mut entries: Vec<CronEntry> = Vec::with_capacity(crons.len());
    for cron in crons {
        let entry = cron.validate(limits, &timezone)?;
        if entries.iter().any(|other| other.name == entry.name) {
            let message = format!(
                "two cron entries are named {:?}: give each a name of its own with Cron::name",
                entry.name
            );
            return Err(Error::new(Kind::Config, message));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn check_node(what: &str, node: &str) -> Result<()> {
    if node.is_empty() || node.chars().any(|c| c.is_whitespace() || c.is_control()) {
        let message =
            format!("the {what} name {node:?} is blank or has white space: name it like web-1");
        return Err(Error::new(Kind::Config, message));
    }
    Ok(())
}

/// The machine and the process: unique among the processes on one database.
fn node_name(dyno: Option<String>, host: String) -> String {
    // Where machines come and go, as on Heroku, their names say nothing and the dyno's does.
    let host = dyno.filter(|dyno| !dyno.trim().is_empty()).unwrap_or(host);
    let host: String =
        host.chars().map(|c| if c.is_whitespace() || c.is_control() { '-' } else { c }).collect();
    let host = if host.is_empty() { "localhost".to_owned() } else { host };
    format!("{host}.{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_named_after_its_dyno_or_its_machine() {
        let process = std::process::id();
        let name = |dyno: Option<&str>, host: &str| node_name(dyno.map(Into::into), host.into());
        assert_eq!(name(Some("web.1"), "f00d"), format!("web.1.{process}"));
        assert_eq!(name(None, "my host"), format!("my-host.{process}"));
        assert_eq!(name(Some(" "), ""), format!("localhost.{process}"));
    }
}

#[cfg(all(test, feature = "config", feature = "sqlite"))]
mod configured {
    use std::time::Duration;

    use super::*;
    use crate::Config;

    fn queues(builder: &Builder) -> Vec<(&str, u32)> {
        builder.queues.iter().map(|queue| (queue.name.as_str(), queue.limit)).collect()
    }

    #[tokio::test]
    async fn an_engine_can_be_made_of_settings_alone() {
        let text = "database_url = 'sqlite::memory:'\nnode = 'web-1'\n[queues]\ndefault = 1";
        let kerrera = Kerrera::builder(Config::from_toml(text).unwrap()).start().await.unwrap();
        assert_eq!(kerrera.node(), "web-1");
        let name = |health: &crate::LoopHealth| health.name == "producer.default";
        kerrera.insert(NewJob::of("W", serde_json::json!({}))).await.unwrap();
        while !kerrera.health().loops.iter().any(name) {
            tokio::task::yield_now().await;
        }
        kerrera.shutdown().await;

        let error = Kerrera::builder(Config::default()).start().await.unwrap_err();
        assert!(error.to_string().contains("KERRERA_DATABASE_URL"), "{error}");
    }

    #[tokio::test]
    async fn a_client_keeps_to_the_limits_of_settings() {
        let text = "database_url = 'sqlite::memory:'\n[limits]\nargs_bytes = 10";
        let client = Client::connect(Config::from_toml(text).unwrap()).await.unwrap();
        let job = NewJob::of("W", serde_json::json!({"name": "too long for that"}));
        assert!(client.insert(job).await.unwrap_err().is_invalid_job());
    }

    #[test]
    fn of_settings_and_calls_the_later_counts() {
        let text = "node = 'a'\n[queues]\ndefault = 10\nmailers = 20\n[tuning]\ngrace = '1s'";
        let config = Config::from_toml(text).unwrap();
        let before = Kerrera::builder("sqlite::memory:").node("b").queue("default", 1);
        let before = before.queue("media", 2).tune(|t| t.look = Duration::from_secs(9));
        let builder = before.configure(&config);
        assert_eq!(queues(&builder), [("media", 2), ("default", 10), ("mailers", 20)]);
        assert_eq!(builder.node.as_deref(), Some("a"));
        assert_eq!(builder.tuning.grace, Duration::from_secs(1));
        assert_eq!(builder.tuning.look, Duration::from_secs(9), "nothing is said of it");

        let builder = builder.queue("default", 3).node("c");
        assert_eq!(queues(&builder), [("media", 2), ("mailers", 20), ("default", 3)]);
        assert_eq!(builder.node.as_deref(), Some("c"));
        assert!(check_queues(&builder.queue("default", 4).queues).is_err(), "said twice in code");

        let lead = |text: &str| Config::default().set("lead", text).unwrap();
        let builder = Kerrera::builder("sqlite::memory:").configure(&lead("false"));
        assert!(builder.maintenance.never_leads);
        assert!(!builder.configure(&lead("true")).maintenance.never_leads);

        let none = Config::default().set("queues", "false").unwrap();
        let builder = Kerrera::builder("sqlite::memory:").queue("default", 1).configure(&none);
        assert_eq!(queues(&builder), []);
    }
}
