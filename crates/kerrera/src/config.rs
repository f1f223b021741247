//! Settings from a file, from the environment, or both, under the same names.

mod environment;
mod file;
mod queues;
mod setting;
mod value;

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use kerrera_core::error::Kind;
use kerrera_core::{Error, Limits, Result};

use crate::{Metrics, Reindexer, Tuning};

pub(crate) use queues::Queues;
use setting::{SETTINGS, Setting};
use value::{Origin, Said, Value};

/// Settings from a TOML file, from the environment, or both, under the same names.
///
/// docs/configuration.md lists them. Whatever is stronger is merged over what is weaker: a file, then
/// the environment over it, and then what the program itself says, by calling methods of the
/// [`Builder`](crate::Builder).
///
/// ```
/// use kerrera::prelude::*;
/// use kerrera::Config;
///
/// # #[tokio::main] async fn main() -> kerrera::Result<()> {
/// let file = Config::from_toml(
///     r#"
///     database_url = "sqlite::memory:"
///     node = "web-1"
///
///     [queues]
///     default = 10
///     mailers = { limit = 20, paused = true }
///
///     [tuning]
///     grace = "30s"
///     "#,
/// )?;
/// let kerrera = Kerrera::builder(file.merge(Config::from_env()?)).start().await?;
/// assert_eq!(kerrera.node(), "web-1");
/// # kerrera.shutdown().await; Ok(()) }
/// ```
///
/// `Debug` shows which settings were made where, and no value.
#[derive(Clone, Default)]
pub struct Config {
    said: BTreeMap<&'static str, Said>,
    queues: Queues,
}

impl Config {
    /// Reads settings from the text of a TOML file.
    ///
    /// # Errors
    ///
    /// When it is not TOML, a key stands there twice, there is no setting of that name, or a value
    /// cannot be one of it; the message names the line and the key, and the name that was probably
    /// meant.
    pub fn from_toml(text: &str) -> Result<Config> {
        file::read(text, None)
    }

    /// Reads settings from a TOML file.
    ///
    /// # Errors
    ///
    /// When the file cannot be read, and as for [`from_toml`](Config::from_toml); the message names
    /// the file too.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Config> {
        let path = path.as_ref();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let message = format!("the settings in {} cannot be read: {error}", path.display());
            Error::new(Kind::Config, message)
        })?;
        file::read(&text, Some(path))
    }

    /// Reads settings from the environment: `KERRERA_` and the setting's name, as in
    /// `KERRERA_DATABASE_URL`, `KERRERA_TUNING_GRACE=30s` and
    /// `KERRERA_QUEUES=default:10,mailers:20:paused`. An empty variable is one that is not set.
    ///
    /// # Errors
    ///
    /// When there is no setting of a variable's name, or its value cannot be one of it; the message
    /// names the variable. `KERRERA_CONFIG`, which names a file for the program `kerrera`, is left
    /// alone, and so are names that begin with `KERRERA_TEST_`, or with `KERRERA_SERVICE_` and
    /// `KERRERA_PORT`, which Kubernetes makes for a service of that name.
    pub fn from_env() -> Result<Config> {
        environment::read(std::env::vars_os())
    }

    /// Sets one setting by its name, from text as an environment variable would have it: for what a
    /// program takes from its command line.
    ///
    /// ```
    /// let config = kerrera::Config::default().set("tuning.grace", "30s")?;
    /// assert!(config.set("tuning.grass", "30s").unwrap_err().to_string().contains("tuning.grace"));
    /// # Ok::<(), kerrera::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no such setting, or the text cannot be a value of it.
    pub fn set(mut self, name: &str, value: &str) -> Result<Config> {
        self.read_text(name, value, Origin::Program)?;
        Ok(self)
    }

    /// Takes over what `stronger` says; what it leaves open stays. Queues are merged by name, and
    /// `queues = false` takes all away.
    #[must_use]
    pub fn merge(mut self, stronger: Config) -> Config {
        self.said.extend(stronger.said);
        self.queues.merge(stronger.queues);
        self
    }

    /// Where the jobs are to be, if that is said. It may hold a password.
    pub fn database_url(&self) -> Option<&str> {
        self.text("database_url")
    }

    /// What is said of a database on PostgreSQL.
    ///
    /// # Errors
    ///
    /// When no URL is set, or it or another setting of PostgreSQL's cannot be read.
    #[cfg(feature = "postgres")]
    pub fn postgres(&self) -> Result<kerrera_postgres::Config> {
        use kerrera_postgres::Config as Postgres;
        let url = self.required_url()?;
        let mut config = self.at("database_url", Postgres::from_url(url))?;
        if let Some(schema) = self.text("postgres.schema") {
            config = self.at("postgres.schema", config.schema(schema))?;
        }
        if let Some(url) = self.text("postgres.listen_url") {
            config = self.at("postgres.listen_url", config.listen_url(url))?;
        }
        if let Some(connections) = self.size("postgres.hot_connections") {
            config = config.hot_connections(connections as usize);
        }
        if let Some(timeout) = self.time("postgres.statement_timeout") {
            config = config.statement_timeout(timeout);
        }
        Ok(config)
    }

    /// What is said of a database in SQLite.
    ///
    /// # Errors
    ///
    /// When no URL is set, or it cannot be read.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(&self) -> Result<kerrera_sqlite::SqliteOptions> {
        use kerrera_sqlite::{SqliteOptions, Synchronous};
        let url = self.required_url()?;
        let mut options = self.at("database_url", SqliteOptions::from_url(url))?;
        if let Some(synchronous) = self.text("sqlite.synchronous") {
            options = options.synchronous(match synchronous {
                "normal" => Synchronous::Normal,
                _ => Synchronous::Full,
            });
        }
        if let Some(patience) = self.time("sqlite.patience") {
            options = options.patience(patience);
        }
        Ok(options)
    }

    pub(crate) fn required_url(&self) -> Result<&str> {
        self.database_url().ok_or_else(|| {
            let message = "no database is set: write database_url = \"sqlite:jobs.db\" into the file \
                           of settings, or set KERRERA_DATABASE_URL";
            Error::new(Kind::Config, message)
        })
    }

    pub(crate) fn node(&self) -> Option<&str> {
        self.text("node")
    }

    pub(crate) fn migrate(&self) -> Option<bool> {
        self.switch("migrate")
    }

    pub(crate) fn lead(&self) -> Option<bool> {
        self.switch("lead")
    }

    pub(crate) fn queues(&self) -> &Queues {
        &self.queues
    }

    /// Changes what is said here.
    pub(crate) fn tune(&self, tuning: &mut Tuning) {
        for (setting, value) in self.settings() {
            setting.tune(tuning, value);
        }
    }

    /// Changes what is said here.
    pub(crate) fn limit(&self, limits: &mut Limits) {
        for (setting, value) in self.settings() {
            setting.limit(limits, value);
        }
    }

    /// Changes what is said here of reindexing. A schedule begins it, `false` ends it.
    pub(crate) fn reindex(&self, reindexer: &mut Option<Reindexer>) {
        match self.value("reindexer.schedule") {
            Some(Value::Switch(_)) => *reindexer = None,
            Some(Value::Text(schedule)) => {
                *reindexer = Some(reindexer.take().unwrap_or_default().schedule(schedule));
            }
            _ => {}
        }
        let Some(mut changed) = reindexer.take() else { return };
        if let Some(timezone) = self.text("reindexer.timezone") {
            changed = changed.timezone(timezone);
        }
        if let Some(timeout) = self.time("reindexer.timeout") {
            changed = changed.timeout(timeout);
        }
        if let Some(Value::Names(names)) = self.value("reindexer.indexes") {
            changed = match names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
                ["ours"] => changed.own_indexes(),
                ["all"] => changed.all_indexes(),
                names => changed.indexes(names.iter().copied()),
            };
        }
        *reindexer = Some(changed);
    }

    /// Changes what is said here of what is kept over time.
    pub(crate) fn measure(&self, metrics: &mut Metrics) {
        if let Some(Value::Switch(is_on)) = self.value("metrics.enabled") {
            metrics.is_on = *is_on;
        }
        let names = ["metrics.keep_minutes", "metrics.keep_hours", "metrics.keep_days"];
        for (keep, name) in metrics.keep.iter_mut().zip(names) {
            *keep = self.time(name).unwrap_or(*keep);
        }
        metrics.every = self.time("metrics.every").unwrap_or(metrics.every);
        if let Some(Value::Size(most)) = self.value("metrics.most_workers") {
            metrics.most_workers = *most as usize;
        }
    }

    fn settings(&self) -> impl Iterator<Item = (&'static Setting, &Value)> {
        let said = |setting: &'static Setting| Some((setting, self.value(setting.name)?));
        SETTINGS.iter().filter_map(said)
    }

    /// Reads a setting, or the queues, from text.
    fn read_text(&mut self, name: &str, text: &str, origin: Origin) -> Result<()> {
        if name == queues::NAME {
            self.queues = Queues::from_text(text, &origin)?;
            return Ok(());
        }
        let setting = setting::named(name, &origin)?;
        let value = setting.read_text(text).map_err(|wrong| wrong.told(name, &origin))?;
        self.said.insert(setting.name, Said { value, origin });
        Ok(())
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.said.get(name).map(|said| &said.value)
    }

    fn switch(&self, name: &str) -> Option<bool> {
        match self.value(name)? {
            Value::Switch(truth) => Some(*truth),
            _ => None,
        }
    }

    fn text(&self, name: &str) -> Option<&str> {
        match self.value(name)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    #[cfg(any(feature = "postgres", test))]
    fn size(&self, name: &str) -> Option<u32> {
        match self.value(name)? {
            Value::Size(size) => Some(*size),
            _ => None,
        }
    }

    fn time(&self, name: &str) -> Option<std::time::Duration> {
        match self.value(name)? {
            Value::Time(time) => Some(*time),
            _ => None,
        }
    }

    /// Says where the setting was made that somebody else finds wrong.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    fn at<T>(&self, name: &str, result: Result<T>) -> Result<T> {
        result.map_err(|error| match self.said.get(name) {
            Some(said) => Error::new(error.kind(), format!("{}{name}: {error}", said.origin)),
            None => error,
        })
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("said", &self.said).field("queues", &self.queues).finish()
    }
}

#[cfg(test)]
mod tests;
