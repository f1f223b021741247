//! An entry of the crontab: when, where the clock hangs, and which job.

use serde::Serialize;
use serde_json::{Map, Value};

use super::expression::CronExpression;
use super::policy::{Misfire, Overlap};
use super::zone::Timezone;
use crate::error::{Error, Kind, Result};
use crate::json::Json;
use crate::new_job::{LONGEST_NAME, Limits, NewJob, Schedule, ValidJob};
use crate::time::Timestamp;
use crate::unique::Unique;

/// A job and the times at which it is to be inserted, as they are set up.
///
/// Nothing is checked until the engine starts; then the first rule that is broken is named.
///
/// ```
/// use kerrera_core::NewJob;
/// use kerrera_core::cron::{Cron, Misfire, Overlap};
/// use serde_json::json;
///
/// let report = Cron::new("0 7 * * MON-FRI", NewJob::of("DailyReport", json!({})))
///     .name("daily report")
///     .timezone("Europe/Copenhagen")
///     .misfire(Misfire::All { most: 10 })
///     .overlap(Overlap::Skip);
/// # let _ = report;
/// ```
#[derive(Clone, Debug)]
#[must_use = "an entry does nothing until a builder is given it"]
pub struct Cron {
    expression: String,
    job: NewJob,
    name: Option<String>,
    timezone: Option<String>,
    misfire: Misfire,
    overlap: Overlap,
}

impl Cron {
    /// Inserts this job whenever the [expression](CronExpression) says so.
    pub fn new(expression: impl Into<String>, job: impl Into<NewJob>) -> Cron {
        Cron {
            expression: expression.into(),
            job: job.into(),
            name: None,
            timezone: None,
            misfire: Misfire::default(),
            overlap: Overlap::default(),
        }
    }

    /// Names it; no two entries of a database may have one name.
    ///
    /// Without a name it gets one that follows from its expression, worker and args. Then it is
    /// another entry as soon as one of these changes.
    pub fn name(mut self, name: impl Into<String>) -> Cron {
        self.name = Some(name.into());
        self
    }

    /// Says where the clock hangs: a name of the IANA database, such as `Europe/Copenhagen`.
    pub fn timezone(mut self, timezone: impl Into<String>) -> Cron {
        self.timezone = Some(timezone.into());
        self
    }

    /// Says what becomes of slots that were missed.
    pub fn misfire(mut self, misfire: Misfire) -> Cron {
        self.misfire = misfire;
        self
    }

    /// Says what becomes of a slot while the previous job has not ended.
    pub fn overlap(mut self, overlap: Overlap) -> Cron {
        self.overlap = overlap;
        self
    }

    /// Checks every rule; without a time zone of its own the entry is in `timezone`.
    ///
    /// # Errors
    ///
    /// When the expression, the zone, the name or a number cannot be
    /// ([`Error::is_config`](crate::Error::is_config)), or the job breaks a rule of insertion.
    pub fn validate(self, limits: &Limits, timezone: &Timezone) -> Result<CronEntry> {
        let expression: CronExpression = self.expression.parse()?;
        let timezone = match self.timezone {
            None => timezone.clone(),
            Some(name) => zone(&expression, &name)?,
        };
        let misfire = checked(&expression, self.misfire)?;
        let job = timeless(&expression, self.job.validate(limits)?)?;
        let name = self.name.unwrap_or_else(|| name_of(&expression, &job));
        if !is_name(&name) {
            let shown: String = name.chars().take(40).collect();
            let rule = format!("cannot be named {shown:?}: use 1 to {LONGEST_NAME} characters");
            return Err(broken(&expression, &rule));
        }
        Ok(CronEntry { name, expression, timezone, job, misfire, overlap: self.overlap })
    }
}

/// What is to be another way in an entry; the rest stays.
#[derive(Clone, Debug, Default)]
#[must_use = "a change does nothing until a client is given it"]
pub struct CronChange {
    expression: Option<String>,
    timezone: Option<String>,
    job: Option<NewJob>,
    misfire: Option<Misfire>,
    overlap: Option<Overlap>,
}

impl CronChange {
    /// Changes the times.
    pub fn expression(mut self, expression: impl Into<String>) -> CronChange {
        self.expression = Some(expression.into());
        self
    }

    /// Changes where the clock hangs.
    pub fn timezone(mut self, timezone: impl Into<String>) -> CronChange {
        self.timezone = Some(timezone.into());
        self
    }

    /// Changes the job.
    pub fn job(mut self, job: impl Into<NewJob>) -> CronChange {
        self.job = Some(job.into());
        self
    }

    /// Changes what becomes of slots that were missed.
    pub fn misfire(mut self, misfire: Misfire) -> CronChange {
        self.misfire = Some(misfire);
        self
    }

    /// Changes what becomes of a slot while the previous job has not ended.
    pub fn overlap(mut self, overlap: Overlap) -> CronChange {
        self.overlap = Some(overlap);
        self
    }

    /// Makes the change.
    ///
    /// # Errors
    ///
    /// As for [`Cron::validate`].
    pub fn apply_to(self, entry: CronEntry, limits: &Limits) -> Result<CronEntry> {
        let expression = match self.expression {
            None => entry.expression,
            Some(expression) => expression.parse()?,
        };
        let timezone = match self.timezone {
            None => entry.timezone,
            Some(name) => zone(&expression, &name)?,
        };
        let job = match self.job {
            None => entry.job,
            Some(job) => timeless(&expression, job.validate(limits)?)?,
        };
        let misfire = checked(&expression, self.misfire.unwrap_or(entry.misfire))?;
        let overlap = self.overlap.unwrap_or(entry.overlap);
        Ok(CronEntry { name: entry.name, expression, timezone, job, misfire, overlap })
    }
}

/// An entry that obeys every rule.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct CronEntry {
    /// Its name; the key under which it is stored.
    pub name: String,
    /// When.
    pub expression: CronExpression,
    /// Where the clock hangs.
    pub timezone: Timezone,
    /// What is inserted, before it is marked.
    pub job: ValidJob,
    /// What becomes of slots that were missed.
    pub misfire: Misfire,
    /// What becomes of a slot while the previous job has not ended.
    pub overlap: Overlap,
}

impl CronEntry {
    /// Reads an entry from what a storage has of it: the texts that its parts are printed as.
    ///
    /// # Errors
    ///
    /// When one of them is not understood: somebody else, or a newer version, wrote it.
    pub fn from_stored(
        name: String,
        expression: &str,
        timezone: &str,
        job: &str,
        (misfire, overlap): (&str, &str),
    ) -> Result<CronEntry> {
        let wrong = |reason: &dyn std::fmt::Display| {
            let message = format!(
                "the cron entry {name:?} in the database cannot be read: {reason}; edit or remove it"
            );
            Error::new(Kind::Database, message)
        };
        Ok(CronEntry {
            expression: expression.parse().map_err(|error| wrong(&error))?,
            timezone: timezone.parse().map_err(|error| wrong(&error))?,
            job: serde_json::from_str(job).map_err(|error| wrong(&error))?,
            misfire: misfire.parse().map_err(|error| wrong(&error))?,
            overlap: overlap.parse().map_err(|error| wrong(&error))?,
            name,
        })
    }

    /// The job as JSON, with the rule by which it is unique, to be stored.
    ///
    /// # Errors
    ///
    /// When its args or meta are not JSON, which no valid job's are.
    pub fn job_json(&self) -> Result<String> {
        #[derive(Serialize)]
        struct Stored<'a> {
            #[serde(flatten)]
            job: &'a ValidJob,
            #[serde(skip_serializing_if = "Option::is_none")]
            unique: Option<&'a Unique>,
        }
        let unique = self.job.unique.as_ref().map(|claim| claim.rule());
        serde_json::to_string(&Stored { job: &self.job, unique }).map_err(|error| {
            let message = format!("the job of {:?} cannot be written as JSON: {error}", self.name);
            Error::new(Kind::Config, message)
        })
    }

    /// The job of a slot, or one that is inserted by hand, with what is to travel with it: marked in
    /// its meta as Oban marks them, and with the slot as `cron_at`.
    pub fn marked_job(&self, slot: Option<Timestamp>, travels: &Map<String, Value>) -> ValidJob {
        let mut job = self.job.clone();
        let mut meta: Map<String, Value> = job.meta.decode().unwrap_or_default();
        meta.extend(travels.clone());
        meta.insert("cron".to_owned(), Value::Bool(true));
        let texts = [
            ("cron_expr", Some(self.expression.to_string())),
            ("cron_tz", Some(self.timezone.to_string())),
            ("cron_name", Some(self.name.clone())),
            ("cron_at", slot.map(|slot| slot.to_string())),
        ];
        for (key, text) in texts {
            if let Some(text) = text {
                meta.insert(key.to_owned(), Value::String(text));
            }
        }
        job.meta = Json::from(Value::Object(meta));
        job
    }

    /// A text that differs as soon as anything of the entry differs.
    pub fn definition(&self) -> String {
        let CronEntry { name: _, expression, timezone, job: _, misfire, overlap } = self;
        let job = self.job_json().unwrap_or_default();
        let parts = [expression.as_str(), timezone.name(), &job];
        digest(parts.into_iter().chain([&*misfire.to_string(), &*overlap.to_string()]))
    }

    /// The next `count` times after `now`.
    pub fn next_times(&self, now: Timestamp, count: usize) -> Vec<Timestamp> {
        let next = |after: Timestamp| self.expression.next_after(after, &self.timezone);
        std::iter::successors(next(now), |time| next(*time)).take(count).collect()
    }
}

fn zone(expression: &CronExpression, name: &str) -> Result<Timezone> {
    name.parse().map_err(|wrong| broken(expression, &format!("cannot be: {wrong}")))
}

fn checked(expression: &CronExpression, misfire: Misfire) -> Result<Misfire> {
    match misfire {
        Misfire::All { most } if !(1..=Misfire::MOST).contains(&most) => {
            let rule = format!("{most} slots at once: say 1 to {}", Misfire::MOST);
            Err(broken(expression, &format!("is to make up for {rule}")))
        }
        misfire => Ok(misfire),
    }
}

fn timeless(expression: &CronExpression, job: ValidJob) -> Result<ValidJob> {
    match job.schedule {
        Schedule::At(time) => {
            let rule = format!("has a job for {time}: leave the time to the expression");
            Err(broken(expression, &rule))
        }
        Schedule::Now | Schedule::In(_) => Ok(job),
    }
}

fn broken(expression: &CronExpression, rule: &str) -> Error {
    Error::new(Kind::Config, format!("the cron entry {:?} {rule}", expression.as_str()))
}

/// The name of an entry that was given none: the same for as long as its parts are.
fn name_of(expression: &CronExpression, job: &ValidJob) -> String {
    let digest = digest([expression.as_str(), &job.worker, job.args.as_str()]);
    let room = LONGEST_NAME - digest.len() - 1;
    let worker: String = job.worker.chars().take(room).collect();
    format!("{worker}-{digest}")
}

fn is_name(name: &str) -> bool {
    let fits = name.chars().count() <= LONGEST_NAME;
    fits && !name.trim().is_empty() && !name.chars().any(char::is_control)
}

/// FNV-1a of 64 bits: never to be changed, since entries are known by it; no secret depends on it.
fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        // No text has this byte, so that parts do not run together.
        for byte in part.bytes().chain([0xff]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::State;
    use crate::unique::{ReplaceField, until_finished};

    fn entry(cron: Cron) -> Result<CronEntry> {
        cron.validate(&Limits::default(), &Timezone::utc())
    }

    fn job() -> NewJob {
        NewJob::of("Report", json!({"kind": "daily"})).meta(json!({"cron": "no", "kept": 1}))
    }

    #[test]
    fn jobs_are_marked_as_oban_marks_them() {
        let daily = Cron::new("@daily", job()).timezone("Asia/Seoul").name("daily");
        let slot = Timestamp::from_micros(0);
        let travels =
            Map::from_iter([("cron_tz".to_owned(), json!(1)), ("trace".to_owned(), json!(2))]);
        let job = entry(daily).unwrap().marked_job(Some(slot), &travels);
        let meta: Value = job.meta.decode().unwrap();
        let marks = json!({
            "cron": true, "cron_expr": "@daily", "cron_tz": "Asia/Seoul", "cron_name": "daily",
            "cron_at": "1970-01-01T00:00:00.000000Z", "kept": 1, "trace": 2,
        });
        assert_eq!(meta, marks);
    }

    #[test]
    fn an_entry_without_a_name_is_named_by_what_it_is() {
        let name = |cron| entry(cron).unwrap().name;
        let first = name(Cron::new("@daily", job()));
        assert_eq!(first, name(Cron::new("@daily", job()).timezone("Asia/Seoul")));
        assert_eq!(first, "Report-c951556415dbc4ce", "never to be changed");
        let args = NewJob::of("Report", json!({"kind": "weekly"}));
        let worker = NewJob::of("Other", json!({"kind": "daily"}));
        let long = NewJob::of("W".repeat(127), json!({}));
        let others = [("@weekly", job()), ("@daily", args), ("@daily", worker), ("@daily", long)];
        let mut names: Vec<_> =
            others.into_iter().map(|(at, job)| name(Cron::new(at, job))).collect();
        names.push(first);
        assert!(names.iter().all(|name| is_name(name)));
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 5);
    }

    #[test]
    fn mistakes_are_told_with_what_to_do() {
        let cases = [
            (Cron::new("0 25 * * *", job()), "hour 25 is out of range"),
            (Cron::new("@daily", job()).timezone("america/chicago"), "write \"America/Chicago\""),
            (Cron::new("@daily", job()).timezone(""), "Europe/Copenhagen"),
            (Cron::new("@daily", job()).name(" "), "1 to 127 characters"),
            (Cron::new("@daily", job()).misfire(Misfire::All { most: 0 }), "say 1 to 1000"),
            (Cron::new("@daily", job().schedule_at(Timestamp::MAX)), "leave the time"),
            (Cron::new("@daily", job().priority(10)), "priority 10 must be between 0 and 9"),
        ];
        for (cron, hint) in cases {
            let error = entry(cron).unwrap_err();
            assert!(error.to_string().contains(hint), "{error}");
        }
    }

    #[test]
    fn an_entry_is_read_as_it_was_stored() {
        let job = job().queue("q").tags(["a"]).schedule_in(std::time::Duration::from_micros(7));
        let job = job.unique(until_finished().replace_in(State::Scheduled, [ReplaceField::Args]));
        let cron = Cron::new("1 2 3 4 5", job).overlap(Overlap::Skip).timezone("Asia/Seoul");
        let stored = entry(cron.misfire(Misfire::All { most: 3 })).unwrap();
        let read = CronEntry::from_stored(
            stored.name.clone(),
            stored.expression.as_str(),
            stored.timezone.name(),
            &stored.job_json().unwrap(),
            (&stored.misfire.to_string(), &stored.overlap.to_string()),
        );
        let read = read.unwrap();
        assert_eq!(read.definition(), stored.definition());
        assert!(read.job.unique.is_some() && read.job.unique == stored.job.unique);
        let policies = ("never", "skip");
        let error = CronEntry::from_stored("x".into(), "@daily", "Etc/UTC", "{}", policies);
        assert!(error.unwrap_err().to_string().contains("\"x\" in the database"));
    }
}
