//! The crontab in the hands of people: looking, pausing, editing, running now.

use kerrera_core::audit::AuditEntry;
use kerrera_core::cron::{Cron, CronChange, CronEntry, Occasion, Timezone};
use kerrera_core::error::Kind;
use kerrera_core::storage::{Answer, Command, CronFiring, CronSlot, Crontab, Inserted, StoredCron};
use kerrera_core::{Error, Result, Timestamp};
use serde_json::Map;

use crate::client::Client;

impl Client {
    /// The cron entries of the database, where they stand, and the database's time.
    ///
    /// One statement. Entries that no running node brings any more are among them.
    ///
    /// ```
    /// use kerrera::{Client, Kerrera, NewJob};
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// # let kerrera = Kerrera::builder("sqlite::memory:").cron("@daily", NewJob::of("W", json!({}))).start().await?;
    /// # let client = kerrera.client();
    /// let crontab = client.crons().await?;
    /// for cron in &crontab.crons {
    ///     let next = cron.entry.next_times(crontab.now, 3);
    ///     println!("{}: {} {next:?}", cron.entry.name, cron.entry.expression);
    /// }
    /// # kerrera.shutdown().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn crons(&self) -> Result<Crontab> {
        self.storage().crontab(None).await
    }

    /// Pauses a cron entry on every node, until it is resumed; restarts and deploys do not matter.
    ///
    /// # Errors
    ///
    /// When there is no such entry, or the database fails.
    pub async fn pause_cron(&self, name: &str) -> Result<()> {
        let paused = self.set_cron_paused(name, true).await?;
        self.found(name, paused).await
    }

    /// Lets a paused cron entry go on. What it missed meanwhile is not made up for. Nodes are told;
    /// those that do not hear of it notice within a minute.
    ///
    /// # Errors
    ///
    /// When there is no such entry, or the database fails.
    pub async fn resume_cron(&self, name: &str) -> Result<()> {
        let resumed = self.set_cron_paused(name, false).await?;
        self.found(name, resumed).await
    }

    /// Changes a cron entry on every node. They are told; those that do not hear of it notice within a
    /// minute.
    ///
    /// It stays so until the program's own entry is changed and deployed. With another expression or
    /// time zone its times begin anew: those before now are not made up for.
    ///
    /// ```
    /// # use kerrera::{Kerrera, Cron, NewJob};
    /// # use serde_json::json;
    /// use kerrera::cron::CronChange;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// # let cron = Cron::new("@daily", NewJob::of("W", json!({}))).name("daily report");
    /// # let kerrera = Kerrera::builder("sqlite::memory:").cron_entry(cron).start().await?;
    /// # let client = kerrera.client();
    /// let later = CronChange::default().expression("0 9 * * *").timezone("Asia/Seoul");
    /// client.edit_cron("daily report", later).await?;
    /// # kerrera.shutdown().await;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When there is no such entry, the change makes no sense, or the database fails.
    pub async fn edit_cron(&self, name: &str, change: CronChange) -> Result<()> {
        let StoredCron { entry, .. } = self.cron(name).await?;
        let changed = change.apply_to(entry, self.limits())?;
        let edited = match self.entry("cron.edit", "cron", name) {
            None => self.storage().edit_cron(changed).await?,
            Some(entry) => self.act_on_cron(Command::EditCron(Box::new(changed)), entry).await?,
        };
        self.found(name, edited).await
    }

    /// Adds a cron entry while nodes run. It needs a [name](Cron::name), or gets one that follows from
    /// what it is; without a time zone of its own its clock hangs in `Etc/UTC`.
    ///
    /// Every node fires it, those too that bring no entries, and those that are started later; deploys
    /// do not matter. It is there until somebody [removes](Client::remove_cron) it. If a program brings an
    /// entry of the same name later, that takes its place. Nodes are told of it; those that do not hear of
    /// it notice within a minute. One statement.
    ///
    /// ```
    /// use kerrera::{Client, Cron, NewJob};
    /// use serde_json::json;
    ///
    /// # #[tokio::main] async fn main() -> kerrera::Result<()> {
    /// let client = Client::connect("sqlite::memory:").await?;
    /// let reminder = NewJob::of("Reminder", json!({"to": "ada"}));
    /// client.add_cron(Cron::new("0 9 * * MON", reminder).name("ada's reminder")).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    ///
    /// When the entry makes no sense or there is one of its name
    /// ([`Error::is_config`](crate::Error::is_config)), and when the database fails.
    pub async fn add_cron(&self, cron: Cron) -> Result<CronEntry> {
        let entry = cron.validate(self.limits(), &Timezone::utc())?;
        let told = self.entry("cron.add", "cron", &entry.name);
        let is_new = match told.clone() {
            None => self.storage().add_cron(entry.clone()).await?,
            Some(told) => self.act_on_cron(Command::AddCron(Box::new(entry.clone())), told).await?,
        };
        if !is_new {
            let message = format!(
                "there is a cron entry named {:?} already: edit it, or choose another name",
                entry.name
            );
            self.refused(told, &message).await?;
            return Err(Error::new(Kind::Config, message));
        }
        self.crontab_changed();
        Ok(entry)
    }

    /// The times of a cron entry that were fired and are still kept, the newest first, before one of them
    /// if that is given: those of the last day, and the last hundred. One statement, along the primary key.
    ///
    /// # Errors
    ///
    /// When the database fails.
    pub async fn cron_slots(
        &self,
        name: &str,
        before: Option<Timestamp>,
        limit: u32,
    ) -> Result<Vec<CronSlot>> {
        self.storage().cron_slots(name.to_owned(), before, limit).await
    }

    /// Inserts the job of a cron entry now, paused or not, and whatever overlaps. It takes the place
    /// of none of its times.
    ///
    /// # Errors
    ///
    /// When there is no such entry, or the database fails.
    pub async fn run_cron(&self, name: &str) -> Result<Inserted> {
        let meta = match self.propagator() {
            None => Map::new(),
            Some(_) => self.travels(&self.cron(name).await?.entry.job.meta),
        };
        let (name_of_it, occasion) = (name.to_owned(), Occasion::ByHand);
        let firing = CronFiring { name: name_of_it, node: "client".into(), occasion, meta };
        let fired = match self.entry("cron.run", "cron", name) {
            None => self.storage().fire_cron(firing).await?,
            Some(entry) => match self.act(Command::FireCron(firing), entry).await? {
                Answer::Fired(fired) => fired,
                other => return Err(other.unexpected()),
            },
        };
        let job = fired.unwrap_or_default().into_iter().find_map(|fired| fired.job);
        match job {
            Some(job) => {
                self.woken_by(std::slice::from_ref(&job));
                Ok(job)
            }
            None => Err(self.no_cron(name).await?),
        }
    }

    /// Removes a cron entry and the history of its times; its jobs stay. A program that has the entry
    /// writes it again at its next start.
    ///
    /// # Errors
    ///
    /// When there is no such entry, or the database fails.
    pub async fn remove_cron(&self, name: &str) -> Result<()> {
        let removed = match self.entry("cron.remove", "cron", name) {
            None => self.storage().remove_cron(name.to_owned()).await?,
            Some(entry) => self.act_on_cron(Command::RemoveCron(name.to_owned()), entry).await?,
        };
        self.found(name, removed).await
    }

    async fn set_cron_paused(&self, name: &str, paused: bool) -> Result<bool> {
        let action = if paused { "cron.pause" } else { "cron.resume" };
        match self.entry(action, "cron", name) {
            None => self.storage().pause_cron(name.to_owned(), paused).await,
            Some(entry) => {
                self.act_on_cron(Command::PauseCron(name.to_owned(), paused), entry).await
            }
        }
    }

    async fn act_on_cron(&self, command: Command, entry: AuditEntry) -> Result<bool> {
        match self.act(command, entry).await? {
            Answer::Cron(found) => Ok(found),
            other => Err(other.unexpected()),
        }
    }

    async fn cron(&self, name: &str) -> Result<StoredCron> {
        let mut crontab = self.storage().crontab(Some(vec![name.to_owned()])).await?;
        if let Some((_, error)) = crontab.unreadable.pop() {
            return Err(error);
        }
        match crontab.crons.pop() {
            Some(cron) => Ok(cron),
            None => Err(self.no_cron(name).await?),
        }
    }

    /// Something was written about this entry, if it was found.
    async fn found(&self, name: &str, found: bool) -> Result<()> {
        if !found {
            return Err(self.no_cron(name).await?);
        }
        self.crontab_changed();
        Ok(())
    }

    /// Says which entries there are.
    async fn no_cron(&self, name: &str) -> Result<Error> {
        let crontab = self.crons().await?;
        let names: Vec<String> = crontab
            .crons
            .iter()
            .map(|cron| format!("{:?}", cron.entry.name))
            .chain(crontab.unreadable.iter().map(|(name, _)| format!("{name:?}")))
            .collect();
        let known = match names.as_slice() {
            [] => "there is none at all; a program that has entries writes them when it starts"
                .to_owned(),
            names => format!("there are {}", names.join(", ")),
        };
        let message = format!("there is no cron entry named {name:?}: {known}");
        Ok(Error::new(Kind::Config, message))
    }
}
