//! How the fields of events are shown.

use std::sync::Arc;
use std::time::Duration;

use kerrera_core::{ClaimToken, JobId, State, Timestamp, Uuid};
use serde_json::Value;
use tracing::field::{debug, display};

use super::{Ending, FailureKind};

/// A field of an event. Lengths of time are milliseconds for tracing, with a fraction, and whole
/// microseconds in JSON, as Oban's logger has them.
pub(super) trait Field {
    fn traced(&self) -> impl tracing::Value;
    fn json(&self) -> Value;
}

macro_rules! fields {
    ($($type:ty: |$field:ident| $traced:expr, $json:expr;)*) => {
        $(impl Field for $type {
            fn traced(&self) -> impl tracing::Value {
                let $field = self;
                $traced
            }

            fn json(&self) -> Value {
                let $field = self;
                $json.into()
            }
        })*
    };
}

fields! {
    Arc<str>: |text| display(text), &**text;
    String: |text| text.as_str(), text.as_str();
    Option<String>: |text| text.as_deref(), text.as_deref();
    &'static str: |text| *text, *text;
    bool: |truth| *truth, *truth;
    u32: |number| *number, *number;
    u64: |number| *number, *number;
    usize: |number| *number, *number;
    i64: |number| *number, *number;
    Duration: |time| milliseconds(time), microseconds(time);
    Option<Duration>: |time| time.as_ref().map(milliseconds), time.as_ref().map(microseconds);
    State: |state| state.as_str(), state.as_str();
    Ending: |ending| ending.as_str(), ending.as_str();
    FailureKind: |kind| kind.as_str(), kind.as_str();
    ClaimToken: |token| display(token), token.to_string();
    Uuid: |uuid| display(uuid), uuid.to_string();
    Vec<JobId>: |jobs| debug(jobs), jobs.as_slice();
    Option<Timestamp>: |time| time.map(display), time.map(|time| time.to_string());
    Vec<String>: |names| debug(names), names.as_slice();
}

fn milliseconds(time: &Duration) -> f64 {
    time.as_secs_f64() * 1_000.0
}

fn microseconds(time: &Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
