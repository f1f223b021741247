//! Every setting, by name.

use kerrera_core::nearest::nearest;
use std::time::Duration;

use kerrera_core::cron::{CronExpression, Timezone};
use kerrera_core::{Limits, Result};

use super::queues;
use super::value::{Origin, Value, Wrong};
use crate::Tuning;

/// A setting: its name, which is also its path in a file, and what it takes.
pub(super) struct Setting {
    pub(super) name: &'static str,
    takes: Takes,
}

/// What a setting takes, and what it changes, if that is tuning or limits.
enum Takes {
    Text,
    Switch,
    OneOf(&'static [&'static str], &'static str),
    Size,
    Time,
    /// A cron expression, or false.
    Schedule,
    Timezone,
    /// Names, between commas in a text.
    Names,
    TuneTime(fn(&mut Tuning) -> &mut Duration),
    TuneCount(fn(&mut Tuning) -> &mut u32),
    TuneSize(fn(&mut Tuning) -> &mut usize),
    Limit(fn(&mut Limits) -> &mut usize),
}

/// All of them but the queues, which are in a table of their own.
pub(super) const SETTINGS: &[Setting] = &[
    Setting { name: "database_url", takes: Takes::Text },
    Setting { name: "node", takes: Takes::Text },
    Setting { name: "migrate", takes: Takes::Switch },
    Setting { name: "lead", takes: Takes::Switch },
    Setting { name: "postgres.schema", takes: Takes::Text },
    Setting { name: "postgres.listen_url", takes: Takes::Text },
    Setting { name: "postgres.hot_connections", takes: Takes::Size },
    Setting { name: "postgres.statement_timeout", takes: Takes::Time },
    Setting {
        name: "sqlite.synchronous",
        takes: Takes::OneOf(&["full", "normal"], "\"full\" or \"normal\""),
    },
    Setting { name: "sqlite.patience", takes: Takes::Time },
    Setting { name: "reindexer.schedule", takes: Takes::Schedule },
    Setting { name: "reindexer.timezone", takes: Takes::Timezone },
    Setting { name: "reindexer.indexes", takes: Takes::Names },
    Setting { name: "reindexer.timeout", takes: Takes::Time },
    Setting { name: "metrics.enabled", takes: Takes::Switch },
    Setting { name: "metrics.every", takes: Takes::Time },
    Setting { name: "metrics.keep_minutes", takes: Takes::Time },
    Setting { name: "metrics.keep_hours", takes: Takes::Time },
    Setting { name: "metrics.keep_days", takes: Takes::Time },
    Setting { name: "metrics.most_workers", takes: Takes::Size },
    Setting { name: "tuning.grace", takes: Takes::TuneTime(|tuning| &mut tuning.grace) },
    Setting {
        name: "tuning.cancel_grace",
        takes: Takes::TuneTime(|tuning| &mut tuning.cancel_grace),
    },
    Setting { name: "tuning.beat", takes: Takes::TuneTime(|tuning| &mut tuning.beat) },
    Setting { name: "tuning.ttl", takes: Takes::TuneTime(|tuning| &mut tuning.ttl) },
    Setting { name: "tuning.look", takes: Takes::TuneTime(|tuning| &mut tuning.look) },
    Setting { name: "tuning.refresh", takes: Takes::TuneTime(|tuning| &mut tuning.refresh) },
    Setting {
        name: "tuning.stage_interval",
        takes: Takes::TuneTime(|tuning| &mut tuning.stage_interval),
    },
    Setting {
        name: "tuning.stage_limit",
        takes: Takes::TuneCount(|tuning| &mut tuning.stage_limit),
    },
    Setting { name: "tuning.ack_batch", takes: Takes::TuneSize(|tuning| &mut tuning.ack_batch) },
    Setting {
        name: "tuning.ack_writers",
        takes: Takes::TuneSize(|tuning| &mut tuning.ack_writers),
    },
    Setting {
        name: "tuning.claim_batch",
        takes: Takes::TuneCount(|tuning| &mut tuning.claim_batch),
    },
    Setting { name: "tuning.prefetch", takes: Takes::TuneTime(|tuning| &mut tuning.prefetch) },
    Setting {
        name: "tuning.notify_interval",
        takes: Takes::TuneTime(|tuning| &mut tuning.notify_interval),
    },
    Setting { name: "limits.args_bytes", takes: Takes::Limit(|limits| &mut limits.args_bytes) },
    Setting { name: "limits.meta_bytes", takes: Takes::Limit(|limits| &mut limits.meta_bytes) },
    Setting { name: "limits.tags", takes: Takes::Limit(|limits| &mut limits.tags) },
    Setting { name: "limits.tag_chars", takes: Takes::Limit(|limits| &mut limits.tag_chars) },
];

const TEXT: &str = "text";
const SWITCH: &str = "true or false";
const SIZE: &str = "a whole number from 0 to 4294967295";
const SCHEDULE: &str = "a cron expression like \"30 4 * * SUN\" or \"@midnight\", or false";
const TIMEZONE: &str = "a time zone of the IANA database like \"Europe/Copenhagen\"";
const NAMES: &str = "a list of names, \"ours\" or \"all\"";
const TIME: &str = "a length of time: write it like \"500ms\", \"15s\" or \"2h\"";

/// The setting of this name, or who was probably meant.
pub(super) fn named(name: &str, origin: &Origin) -> Result<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.name == name).ok_or_else(|| {
        let names = SETTINGS.iter().map(|setting| setting.name).chain([queues::NAME]);
        unknown("setting", name, names, origin)
    })
}

/// The error that there is nothing of this name.
pub(super) fn unknown(
    what: &str,
    written: &str,
    known: impl Iterator<Item = &'static str>,
    origin: &Origin,
) -> kerrera_core::Error {
    // Half of a name may be wrong; `schema` is as good as `postgres.schema`.
    match synonym(written).or_else(|| nearest(written, known, 0.5)) {
        Some(name) => {
            origin.wrong(format_args!("there is no {what} {written:?}: did you mean {name:?}?"))
        }
        None => origin.wrong(format_args!("there is no {what} {written:?}")),
    }
}

/// What others call it.
fn synonym(written: &str) -> Option<&'static str> {
    match written {
        "dsn" | "url" | "repo" => Some("database_url"),
        "prefix" => Some("postgres.schema"),
        "shutdown_grace_period" => Some("tuning.grace"),
        _ => None,
    }
}

impl Setting {
    /// Takes text that a file calls text, or a variable.
    pub(super) fn read_text(&self, text: &str) -> Result<Value, Wrong> {
        match self.takes {
            Takes::Text => Ok(Value::Text(text.to_owned())),
            Takes::Switch => text.parse().map(Value::Switch).map_err(|_| Wrong::new(text, SWITCH)),
            Takes::OneOf(known, rule) => match known.contains(&text) {
                true => Ok(Value::Text(text.to_owned())),
                false => Err(Wrong::new(text, rule)),
            },
            Takes::Time | Takes::TuneTime(_) => {
                humantime::parse_duration(text).map(Value::Time).map_err(|_| Wrong::new(text, TIME))
            }
            Takes::Schedule if text == "false" => Ok(Value::Switch(false)),
            Takes::Schedule => match text.parse::<CronExpression>() {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(Wrong::new(text, SCHEDULE)),
            },
            Takes::Timezone => match text.parse::<Timezone>() {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(Wrong::new(text, TIMEZONE)),
            },
            Takes::Names => self.read_names(text.split(',')),
            Takes::Size | Takes::TuneCount(_) | Takes::TuneSize(_) | Takes::Limit(_) => {
                text.parse().map(Value::Size).map_err(|_| Wrong::new(text, SIZE))
            }
        }
    }

    /// Takes a whole number of a file.
    pub(super) fn read_number(&self, number: &str) -> Result<Value, Wrong> {
        match self.takes {
            Takes::Size | Takes::TuneCount(_) | Takes::TuneSize(_) | Takes::Limit(_) => {
                self.read_text(number)
            }
            _ => Err(Wrong::new(number, self.rule())),
        }
    }

    /// Takes a truth of a file.
    pub(super) fn read_switch(&self, truth: bool) -> Result<Value, Wrong> {
        match self.takes {
            Takes::Switch => Ok(Value::Switch(truth)),
            Takes::Schedule if !truth => Ok(Value::Switch(false)),
            _ => Err(Wrong::new(&truth.to_string(), self.rule())),
        }
    }

    /// Whether it takes a list of names.
    pub(super) fn takes_names(&self) -> bool {
        matches!(self.takes, Takes::Names)
    }

    /// Takes a list of names.
    pub(super) fn read_names<'n>(
        &self,
        names: impl Iterator<Item = &'n str>,
    ) -> Result<Value, Wrong> {
        let names: Vec<String> = names.map(|name| name.trim().to_owned()).collect();
        match names.iter().find(|name| name.is_empty()) {
            Some(blank) => Err(Wrong::new(blank, self.rule())),
            None => Ok(Value::Names(names)),
        }
    }

    /// What it takes, in words.
    pub(super) fn rule(&self) -> &'static str {
        match self.takes {
            Takes::Text => TEXT,
            Takes::Switch => SWITCH,
            Takes::OneOf(_, rule) => rule,
            Takes::Schedule => SCHEDULE,
            Takes::Timezone => TIMEZONE,
            Takes::Names => NAMES,
            Takes::Time | Takes::TuneTime(_) => TIME,
            Takes::Size | Takes::TuneCount(_) | Takes::TuneSize(_) | Takes::Limit(_) => SIZE,
        }
    }

    /// Whether it takes text that is not read any further.
    pub(super) fn takes_text(&self) -> bool {
        matches!(
            self.takes,
            Takes::Text
                | Takes::OneOf(..)
                | Takes::Time
                | Takes::TuneTime(_)
                | Takes::Schedule
                | Takes::Timezone
                | Takes::Names
        )
    }

    pub(super) fn tune(&self, tuning: &mut Tuning, value: &Value) {
        match (&self.takes, value) {
            (Takes::TuneTime(place), Value::Time(time)) => *place(tuning) = *time,
            (Takes::TuneCount(place), Value::Size(count)) => *place(tuning) = *count,
            (Takes::TuneSize(place), Value::Size(size)) => *place(tuning) = *size as usize,
            _ => {}
        }
    }

    pub(super) fn limit(&self, limits: &mut Limits, value: &Value) {
        if let (Takes::Limit(place), Value::Size(size)) = (&self.takes, value) {
            *place(limits) = *size as usize;
        }
    }
}
