//! What is hashed of a job, and the claim that a storage is given.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use sha2::{Digest as _, Sha256};

use super::{ReplaceField, Times, Unique, UniqueField, UniqueTimestamp};
use crate::json::Json;
use crate::json::canonical;
use crate::state::State;

/// The hash of what is compared: the same for the same values, in every version and on every machine.
///
/// It is the first half of the SHA-256 of `kerrera.unique.1`, a line break, and a JSON object in
/// canonical form with the compared fields: `args` and `meta` as objects, cut down to the compared
/// keys where these are given; `keys`, sorted, where they are given; `queue` and `worker` as texts.
/// In canonical form there is no white space, objects are sorted by their keys' bytes, of a key that
/// is there twice the last counts, lists keep their order, and numbers are exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UniqueKey([u8; 16]);

impl UniqueKey {
    /// The first half, as a number for a lock.
    pub fn to_number(self) -> u64 {
        let [a, b, c, d, e, f, g, h, ..] = self.0;
        u64::from_be_bytes([a, b, c, d, e, f, g, h])
    }

    fn of(text: &str) -> UniqueKey {
        let mut hash = Sha256::new();
        hash.update(b"kerrera.unique.1\n");
        hash.update(text.as_bytes());
        let mut key = [0; 16];
        key.copy_from_slice(&hash.finalize()[..16]);
        UniqueKey(key)
    }
}

impl fmt::Display for UniqueKey {
    /// 32 hexadecimal digits.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for UniqueKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UniqueKey({self})")
    }
}

impl Serialize for UniqueKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A rule as it applies to one job: what it claims, and whom it would conflict with.
///
/// Serialized, it has the keys `key`, `states`, `period_us`, `timestamp` (`inserted_at` or
/// `scheduled_at`) and those of [`Compared`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UniqueClaim {
    /// What it claims.
    pub key: UniqueKey,
    /// What is compared, for a storage that looks beyond the claims.
    #[serde(flatten)]
    pub compared: Compared,
    #[serde(flatten, with = "rule")]
    rule: Unique,
}

/// The compared values; `None` for what is not compared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Compared {
    /// The worker.
    pub worker: Option<String>,
    /// The queue.
    pub queue: Option<String>,
    /// The args, or those of the compared keys.
    pub args: Option<Json>,
    /// Whether the args are all of them, so that more in the stored job makes a difference.
    pub all_args: bool,
    /// The meta, or the compared keys in it.
    pub meta: Option<Json>,
    /// Whether the meta is all of it.
    pub all_meta: bool,
}

impl UniqueClaim {
    /// Applies a valid rule to a job.
    pub(crate) fn new(
        rule: Unique,
        worker: &str,
        queue: &str,
        args: &Json,
        meta: &Json,
    ) -> Result<UniqueClaim, serde_json::Error> {
        let compares = |field| rule.fields.contains(&field);
        let part = |field, json: &Json| match compares(field) {
            true => cut_down(json, &rule.keys).map(|(json, all)| (Some(json), all)),
            false => Ok((None, false)),
        };
        let text = |field, text: &str| compares(field).then(|| text.to_owned());
        let (args, all_args) = part(UniqueField::Args, args)?;
        let (meta, all_meta) = part(UniqueField::Meta, meta)?;
        let compared = Compared {
            worker: text(UniqueField::Worker, worker),
            queue: text(UniqueField::Queue, queue),
            args,
            all_args,
            meta,
            all_meta,
        };
        Ok(UniqueClaim { key: UniqueKey::of(&written(&compared, &rule.keys)?), compared, rule })
    }

    /// The rule that was applied.
    pub fn rule(&self) -> &Unique {
        &self.rule
    }

    /// Whether a job counts that is in this state and of these times.
    pub(crate) fn counts(&self, state: State, times: Times) -> bool {
        self.rule.counts(state, times)
    }

    /// What is replaced of a job in this state.
    pub(crate) fn replaces(&self, state: State) -> &[ReplaceField] {
        self.rule.replaces(state)
    }

    /// The states in which the same is replaced as in this one.
    pub(crate) fn replaces_alike(&self, state: State) -> Vec<&'static str> {
        let same = |other: &State| self.rule.replaces(*other) == self.rule.replaces(state);
        State::ALL.into_iter().filter(same).map(State::as_str).collect()
    }
}

/// The compared part of an object, and whether that is all of it.
fn cut_down(json: &Json, keys: &[String]) -> Result<(Json, bool), serde_json::Error> {
    let object: BTreeMap<String, &RawValue> = serde_json::from_str(json.as_str())?;
    let mut part = object.clone();
    part.retain(|key, _| keys.contains(key));
    let all = part.is_empty();
    let mut text = String::new();
    canonical::write_object(&mut text, if all { &object } else { &part })?;
    Ok((Json::from_text(text), all))
}

/// The text that is hashed.
fn written(compared: &Compared, keys: &[String]) -> Result<String, serde_json::Error> {
    let Compared { worker, queue, args, meta, .. } = compared;
    let keys = (!keys.is_empty()).then(|| serde_json::to_string(keys)).transpose()?;
    let texts = |text: &Option<String>| text.as_ref().map(serde_json::to_string).transpose();
    let parts = [
        ("args", args.as_ref().map(ToString::to_string)),
        ("keys", keys),
        ("meta", meta.as_ref().map(ToString::to_string)),
        ("queue", texts(queue)?),
        ("worker", texts(worker)?),
    ];
    let parts = parts.into_iter().filter_map(|(name, part)| Some(format!("\"{name}\":{}", part?)));
    Ok(format!("{{{}}}", parts.collect::<Vec<_>>().join(",")))
}

/// What a storage needs of a rule.
mod rule {
    use serde::Serializer;
    use serde::ser::SerializeStruct;

    use super::{Unique, UniqueTimestamp};

    pub(super) fn serialize<S: Serializer>(rule: &Unique, to: S) -> Result<S::Ok, S::Error> {
        let states: Vec<&str> = rule.states.iter().map(|state| state.as_str()).collect();
        let timestamp = match rule.timestamp {
            UniqueTimestamp::InsertedAt => "inserted_at",
            UniqueTimestamp::ScheduledAt => "scheduled_at",
        };
        let mut keys = to.serialize_struct("Unique", 3)?;
        keys.serialize_field("states", &states)?;
        keys.serialize_field("period_us", &rule.period_micros())?;
        keys.serialize_field("timestamp", timestamp)?;
        keys.end()
    }
}
