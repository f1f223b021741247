//! The types that all endpoints share, and how they are described.

use std::borrow::Cow;

use kerrera::{Quality, State, Tally, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

use crate::refusal;

/// A type that is one string.
macro_rules! strings {
    ($($name:ident: $description:literal, $change:expr;)*) => {$(
        impl PartialSchema for $name {
            fn schema() -> RefOr<Schema> {
                let string = ObjectBuilder::new().schema_type(Type::String);
                let change: fn(ObjectBuilder) -> ObjectBuilder = $change;
                change(string.description(Some($description))).into()
            }
        }

        impl ToSchema for $name {
            fn name() -> Cow<'static, str> {
                stringify!($name).into()
            }
        }
    )*};
}

/// The state of a job.
#[derive(Clone, Copy, Serialize)]
#[serde(transparent)]
pub(super) struct JobState(pub(super) State);

/// An instant.
#[derive(Clone, Copy, Serialize)]
#[serde(transparent)]
pub(super) struct Time(pub(super) Timestamp);

/// What is sent where there is nothing to say.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

/// The number of a job, as a string: many readers of JSON keep only 53 bits of a number.
#[derive(Clone, Serialize)]
#[serde(transparent)]
pub(super) struct Id(String);

/// How many, and how that is known.
#[derive(Clone, Copy, Serialize, ToSchema)]
pub(super) struct Number {
    value: u64,
    quality: HowKnown,
}

/// How a number is known.
#[derive(Clone, Copy, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum HowKnown {
    /// All were counted.
    Exact,
    /// Counting ended there: it is the number or more.
    Capped,
    /// It was inferred from a part, or from the database's statistics.
    Estimated,
}

impl From<Tally> for Number {
    fn from(tally: Tally) -> Number {
        Number { value: tally.value, quality: tally.quality.into() }
    }
}

impl From<Quality> for HowKnown {
    fn from(quality: Quality) -> HowKnown {
        match quality {
            Quality::Exact => HowKnown::Exact,
            Quality::Capped => HowKnown::Capped,
            Quality::Estimated => HowKnown::Estimated,
        }
    }
}

/// What a [`refusal::Problem`] is known by.
pub(crate) struct ProblemCode;

strings! {
    JobState: "Where a job stands.", |string| {
        string.enum_values(Some(State::ALL.map(State::as_str)))
    };
    Time: "An instant in RFC 3339, in UTC, to the microsecond.", |string| {
        string.format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)))
    };
    Id: "A number, as a string: many readers of JSON keep only 53 bits of a number.", |string| {
        string.pattern(Some("^-?[0-9]+$"))
    };
    ProblemCode: "Why it was not done. New codes may be added; what these mean never changes.", |string| {
        string.enum_values(Some(refusal::CODES.iter().copied()))
    };
}

impl From<i64> for Id {
    fn from(id: i64) -> Id {
        Id(id.to_string())
    }
}
