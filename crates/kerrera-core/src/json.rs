//! JSON text that is kept as it is.

pub(crate) mod canonical;

use std::borrow::Cow;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

/// The empty object.
const EMPTY: &str = "{}";

/// JSON as the database has it: not taken apart until somebody asks.
///
/// A job's args pass through a node as text and are decoded once, into the worker's own type. What
/// another program wrote may hold more than Rust's JSON can (deeper nesting, larger numbers); such a
/// job still moves, and only its decoding fails.
///
/// ```
/// use kerrera_core::Json;
///
/// let args = Json::from(serde_json::json!({"user_id": 7}));
/// #[derive(serde::Deserialize)]
/// struct Args { user_id: i64 }
/// assert_eq!(args.decode::<Args>()?.user_id, 7);
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// Two are equal if they mean the same, however they are written: a database that keeps `jsonb` gives
/// back other spaces and another order of keys than it was given.
///
/// ```
/// # use kerrera_core::Json;
/// assert_eq!(Json::from_text(r#"{"b":1,"a":2}"#), Json::from_text(r#"{"a": 2, "b": 1.0}"#));
/// ```
#[derive(Clone)]
pub struct Json(Cow<'static, str>);

impl Json {
    /// Takes text that a database or a serializer made; it is not looked at.
    pub fn from_text(text: impl Into<Box<str>>) -> Json {
        Json(Cow::Owned(String::from(text.into())))
    }

    /// Takes text that a database made out of its buffer. The empty object, which most jobs have as
    /// their meta, costs no memory.
    pub fn copied_from(text: &str) -> Json {
        if text == EMPTY { Json::default() } else { Json(Cow::Owned(text.to_owned())) }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Decodes it.
    ///
    /// # Errors
    ///
    /// serde's, which names the field.
    pub fn decode<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.0)
    }

    /// The value of a top-level key; `None` if there is none or this is not an object.
    pub fn get(&self, key: &str) -> Option<Value> {
        let mut object: serde_json::Map<String, Value> = self.decode().ok()?;
        object.remove(key)
    }
}

/// Whether a JSON value contains another: PostgreSQL's `@>` on `jsonb`, for databases without it.
///
/// An object contains another if it has all of its keys, with values that contain those; an array if
/// each element of the other is contained in one of its own; anything else if it is equal. Numbers
/// are compared by value.
///
/// ```
/// use kerrera_core::json::contains;
/// use serde_json::json;
///
/// assert!(contains(&json!({"a": {"b": [1, 2, 3]}, "c": 1}), &json!({"a": {"b": [3]}})));
/// ```
pub fn contains(whole: &Value, part: &Value) -> bool {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            part.iter().all(|(key, part)| whole.get(key).is_some_and(|whole| contains(whole, part)))
        }
        (Value::Array(whole), Value::Array(part)) => {
            part.iter().all(|part| whole.iter().any(|whole| contains(whole, part)))
        }
        (Value::Number(whole), Value::Number(part)) => {
            whole == part || ((whole.is_f64() || part.is_f64()) && whole.as_f64() == part.as_f64())
        }
        (whole, part) => whole == part,
    }
}

/// What is under these keys, one within the other: PostgreSQL's `#>` on `jsonb`, for databases without
/// it. Of an array, a key is a place, counted from its end if it is negative.
pub fn reach<'v>(value: &'v Value, keys: &[impl AsRef<str>]) -> Option<&'v Value> {
    keys.iter().try_fold(value, |value, key| match value {
        Value::Object(object) => object.get(key.as_ref()),
        Value::Array(items) => {
            let place: i32 = key.as_ref().parse().ok()?;
            let place = match usize::try_from(place) {
                Ok(place) => place,
                Err(_) => items.len().checked_sub(place.unsigned_abs() as usize)?,
            };
            items.get(place)
        }
        _ => None,
    })
}

/// Which of two numbers is the greater one; none can be told of what is no number.
pub fn compare(one: &serde_json::Number, other: &serde_json::Number) -> Option<std::cmp::Ordering> {
    match (one.as_i128(), other.as_i128()) {
        (Some(one), Some(other)) => Some(one.cmp(&other)),
        _ => one.as_f64()?.partial_cmp(&other.as_f64()?),
    }
}

impl Default for Json {
    /// The empty object.
    fn default() -> Json {
        Json(Cow::Borrowed(EMPTY))
    }
}

impl From<Value> for Json {
    fn from(value: Value) -> Json {
        match value {
            Value::Object(object) if object.is_empty() => Json::default(),
            value => Json(Cow::Owned(value.to_string())),
        }
    }
}

impl PartialEq for Json {
    fn eq(&self, other: &Json) -> bool {
        let canonical = |json: &Json| {
            let mut text = String::new();
            canonical::write(&mut text, json.as_str()).ok()?;
            Some(text)
        };
        self.0 == other.0
            || match (canonical(self), canonical(other)) {
                (Some(this), Some(other)) => this == other,
                // What is no JSON to us is compared as text, which differs.
                _ => false,
            }
    }
}

impl Eq for Json {}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Json {
    /// Shows the size only: args may be private, and debug output ends in logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Json({} bytes)", self.0.len())
    }
}

impl Serialize for Json {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let raw: &RawValue = serde_json::from_str(&self.0).map_err(serde::ser::Error::custom)?;
        raw.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Json, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        Ok(Json::copied_from(raw.get()))
    }
}
