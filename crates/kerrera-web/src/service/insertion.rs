//! Jobs that programs insert: many at once, and each request no more than once.

use std::time::Duration;

use kerrera::{Inserted, Job, JobId, NewJob, State, Unique, UniqueField};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Error, JobDraft, Result, Service};
use crate::access::Permission;

/// How many jobs are inserted at once, at most.
pub(crate) const MOST: usize = 1_000;

/// For how long a request is known again, as long as its jobs are there.
const REMEMBERED: Duration = Duration::from_secs(24 * 60 * 60);

/// The longest name of a request.
const LONGEST: usize = 255;

/// Where the meta of a job names the request that inserted it, and says what was sent.
const KEY: &str = "idempotency_key";
const BODY: &str = "idempotency_body";

/// What became of a job that was to be inserted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InsertedJob {
    /// It was inserted.
    New(JobId),
    /// One that counts as the same was there; nothing was inserted.
    Existing(JobId),
}

impl InsertedJob {
    pub(super) fn of(inserted: &Inserted) -> InsertedJob {
        match inserted {
            Inserted::Existing(job) => InsertedJob::Existing(job.id),
            inserted => InsertedJob::New(inserted.job().id),
        }
    }
}

impl Service {
    /// Inserts jobs as they were written, all or none, up to a thousand.
    ///
    /// With the name of a request, a second one of that name by the same caller inserts nothing and is
    /// told the jobs of the first, for a day and for as long as these are kept. The database decides it:
    /// the jobs are unique by the name, which stands in their meta as a hash, so that of requests that
    /// come at the same moment one inserts.
    ///
    /// # Errors
    ///
    /// Without [`Permission::JobsInsert`]; [`Error::Invalid`] if something is wrong with any of them, if
    /// there are too many, or if one is to be unique by a rule of its own besides a name;
    /// [`Error::Conflict`] if the same name came with something else; and when the database fails.
    pub async fn insert_jobs(
        &self,
        drafts: &[JobDraft],
        request: Option<&str>,
    ) -> Result<Vec<InsertedJob>> {
        let jobs = self.written(drafts, request).await?;
        let inserted = self.acting().insert_all(jobs).await?;
        let body = request.map(|_| body_of(drafts));
        let mut outcomes = Vec::new();
        for inserted in &inserted {
            outcomes.push(match inserted {
                Inserted::Existing(job) if !is_of(job, body.as_deref()) => {
                    let why = "this Idempotency-Key came with something else before: nothing was \
                               inserted; send it with what it came with, or another key";
                    return Err(Error::Conflict(why.to_owned()));
                }
                inserted => InsertedJob::of(inserted),
            });
        }
        Ok(outcomes)
    }

    /// Whether these could be inserted; nothing is.
    ///
    /// # Errors
    ///
    /// As for [`insert_jobs`](Service::insert_jobs), but for the conflict, which is found only then.
    pub async fn check_jobs(&self, drafts: &[JobDraft], request: Option<&str>) -> Result<()> {
        self.written(drafts, request).await.map(drop)
    }

    async fn written(&self, drafts: &[JobDraft], request: Option<&str>) -> Result<Vec<NewJob>> {
        self.viewer.may(Permission::JobsInsert)?;
        if drafts.is_empty() || drafts.len() > MOST {
            let why = format!("give 1 to {MOST} jobs at once; these are {}", drafts.len());
            return Err(Error::Invalid(why));
        }
        let known = self.choices().await?.workers;
        let names = request.map(|request| self.names_of(request, drafts)).transpose()?;
        let (mut jobs, mut wrong) = (Vec::new(), Vec::new());
        for (place, draft) in drafts.iter().enumerate() {
            let field = |field: &str| match drafts.len() {
                1 => field.to_owned(),
                _ => format!("jobs[{place}].{field}"),
            };
            let mut draft = draft.clone();
            if let Some(names) = &names
                && let Err((name, why)) = names.put_on(place, &mut draft)
            {
                wrong.push(format!("{}: {why}", field(name)));
            }
            let (mistakes, job) = self.new_job(&draft, None, &known);
            let mistakes = mistakes.iter().map(|(name, why)| format!("{}: {why}", field(name)));
            wrong.extend(mistakes);
            jobs.extend(job.map(|(job, _)| match names {
                Some(_) => job.unique(once()),
                None => job,
            }));
        }
        match wrong.is_empty() {
            true => Ok(jobs),
            false => Err(Error::Invalid(wrong.join("; "))),
        }
    }

    fn names_of(&self, request: &str, drafts: &[JobDraft]) -> Result<Names> {
        let is_plain = request.bytes().all(|byte| (0x21..=0x7e).contains(&byte));
        if request.is_empty() || request.len() > LONGEST || !is_plain {
            let why = format!(
                "an Idempotency-Key has 1 to {LONGEST} characters of ASCII, and none of them is blank"
            );
            return Err(Error::Invalid(why));
        }
        let actor = &self.viewer.actor().id;
        // How many there are is part of it: else more of them under a known name would be inserted in part.
        let names = (0..drafts.len()).map(|place| {
            hash(&format!("{:?}", (&*self.instance, actor, request, drafts.len(), place)))
        });
        Ok(Names { names: names.collect(), body: body_of(drafts) })
    }
}

/// What the jobs of a request have in their meta.
struct Names {
    names: Vec<String>,
    body: String,
}

impl Names {
    fn put_on(
        &self,
        place: usize,
        draft: &mut JobDraft,
    ) -> std::result::Result<(), (&'static str, String)> {
        if draft.is_unique {
            let why = "a request with an Idempotency-Key makes its jobs unique by that key: send one \
                       or the other";
            return Err(("unique", why.to_owned()));
        }
        let meta = match draft.meta.trim() {
            "" => Ok(Map::new()),
            meta => serde_json::from_str::<Map<String, Value>>(meta),
        };
        let mut meta = meta.map_err(|error| ("meta", error.to_string()))?;
        for (key, value) in [(KEY, self.names.get(place)), (BODY, Some(&self.body))] {
            let value = Value::from(value.cloned().unwrap_or_default());
            if meta.insert(key.to_owned(), value).is_some() {
                return Err(("meta", format!("{key} is written by the server")));
            }
        }
        draft.meta = Value::Object(meta).to_string();
        Ok(())
    }
}

/// As long as the job is there, whatever became of it.
fn once() -> Unique {
    Unique::new()
        .by_fields([UniqueField::Meta])
        .by_keys([KEY])
        .states(State::ALL)
        .period(REMEMBERED)
}

/// What was sent, in short.
fn body_of(drafts: &[JobDraft]) -> String {
    hash(&format!("{drafts:?}"))
}

/// Whether a job is of a request in which this was sent; of any, if it is of no request.
fn is_of(job: &Job, body: Option<&str>) -> bool {
    body.is_none_or(|body| {
        let meta = job.meta.decode::<Map<String, Value>>().unwrap_or_default();
        meta.get(BODY).and_then(Value::as_str) == Some(body)
    })
}

fn hash(text: &str) -> String {
    let hash = Sha256::digest(text);
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}
