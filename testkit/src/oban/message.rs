//! What Oban's nodes say to each other, and what they can bear to hear.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Map, Value};

/// The longest payload that PostgreSQL takes, in bytes.
const LONGEST: usize = 7_999;

/// The form of a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// JSON as it is: what fits 512 bytes.
    Plain,
    /// Base64 of gzip: everything of Python's, and what is longer of Elixir's up to 2.20.
    Packed,
    /// The same behind `Z:`: what is longer of Elixir's since 2.21.
    Marked,
}

impl Form {
    /// Every one.
    pub const ALL: [Form; 3] = [Form::Plain, Form::Packed, Form::Marked];
}

/// Puts a message into a form.
pub fn pack(message: &str, form: Form) -> String {
    if form == Form::Plain {
        return message.to_owned();
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(message.as_bytes()).expect("memory takes everything");
    let packed = STANDARD.encode(packer.finish().expect("memory takes everything"));
    if form == Form::Marked { format!("Z:{packed}") } else { packed }
}

/// Who listens. What one of them cannot bear ends its listening, a queue's producer, or all queues of
/// its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ear {
    /// Elixir's, since 2.21.
    Elixir,
    /// Elixir's, up to 2.20.
    OldElixir,
    /// Python's.
    Python,
}

impl Ear {
    /// Every one.
    pub const ALL: [Ear; 3] = [Ear::Elixir, Ear::OldElixir, Ear::Python];

    /// What is said on a channel, such as `signal`.
    ///
    /// # Errors
    ///
    /// What it dies of.
    pub fn hears(self, channel: &str, payload: &str) -> Result<Map<String, Value>, String> {
        if payload.len() > LONGEST {
            return Err(format!("{} bytes", payload.len()));
        }
        let text = self.unpacks(payload)?;
        let message: Map<String, Value> =
            serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
        let understood = match channel {
            "insert" => text_of(&message, "queue").map(drop),
            // A time would be taken for one of the Erlang machine's own.
            "sonar" => only(&message, &["node", "ping"]).and(text_of(&message, "node").map(drop)),
            "signal" => bears(&message),
            _ => Ok(()),
        };
        understood.map_err(|why| format!("{why}: {text}"))?;
        Ok(message)
    }

    fn unpacks(self, payload: &str) -> Result<String, String> {
        let packed = match (self, payload.strip_prefix("Z:")) {
            (Ear::Elixir, Some(packed)) => Some(packed),
            (Ear::Elixir | Ear::OldElixir, _) => payload.starts_with("H4sI").then_some(payload),
            (Ear::Python, _) => (!payload.starts_with('{')).then_some(payload),
        };
        let Some(packed) = packed else { return Ok(payload.to_owned()) };
        let packed = STANDARD.decode(packed).map_err(|error| format!("{error}: {payload}"))?;
        let mut text = String::new();
        GzDecoder::new(&*packed).read_to_string(&mut text).map_err(|error| error.to_string())?;
        Ok(text)
    }
}

/// Whether a node survives a signal.
fn bears(message: &Map<String, Value>) -> Result<(), String> {
    const ADDRESS: [&str; 5] = ["action", "ident", "queue", "node", "local_only"];
    const OPTIONS: [&str; 3] = ["limit", "paused", "refresh_interval"];
    let known = match text_of(message, "action")? {
        "pkill" => {
            only(message, &["action", "job_id"])?;
            return whole(message, "job_id", true);
        }
        "pause" | "resume" | "stop" => ADDRESS.to_vec(),
        "scale" => [&ADDRESS[..], &OPTIONS].concat(),
        "start" => {
            whole(message, "limit", true)?;
            [&ADDRESS[..], &OPTIONS, &["dispatch_cooldown"]].concat()
        }
        other => return Err(format!("no action {other:?}")),
    };
    only(message, &known)?;
    if text_of(message, "queue")?.is_empty() {
        return Err("a blank queue".to_owned());
    }
    if message.contains_key("ident") {
        text_of(message, "ident")?;
    }
    for number in ["limit", "refresh_interval", "dispatch_cooldown"] {
        whole(message, number, false)?;
    }
    match message.get("paused") {
        None | Some(Value::Bool(_)) => Ok(()),
        Some(other) => Err(format!("paused is {other}")),
    }
}

fn only(message: &Map<String, Value>, known: &[&str]) -> Result<(), String> {
    match message.keys().find(|key| !known.contains(&key.as_str())) {
        Some(key) => Err(format!("a key that it does not know, {key:?}")),
        None => Ok(()),
    }
}

fn text_of<'m>(message: &'m Map<String, Value>, key: &str) -> Result<&'m str, String> {
    message.get(key).and_then(Value::as_str).ok_or_else(|| format!("{key:?} is no text"))
}

fn whole(message: &Map<String, Value>, key: &str, needed: bool) -> Result<(), String> {
    match message.get(key) {
        None if !needed => Ok(()),
        Some(Value::Number(number)) if number.as_u64().is_some_and(|number| number > 0) => Ok(()),
        other => Err(format!("{key:?} is {other:?}, no whole number above zero")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn not_everybody_reads_every_form() {
        let readers = |form| {
            let payload = pack(r#"{"queue":"alpha"}"#, form);
            Ear::ALL.map(|ear| ear.hears("insert", &payload).is_ok())
        };
        assert_eq!(readers(Form::Plain), [true, true, true]);
        assert_eq!(readers(Form::Packed), [true, true, true]);
        assert_eq!(readers(Form::Marked), [true, false, false]);
    }

    #[test]
    fn what_a_node_dies_of_is_told() {
        let deadly = [
            ("signal", r#"{"action":"scale","queue":"a","limit":5,"reason":"x"}"#),
            ("signal", r#"{"action":"start","queue":"a","limit":"5"}"#),
            ("signal", r#"{"action":"scale","queue":"a","limit":1.5}"#),
            ("signal", r#"{"action":"start","queue":"a","limit":0}"#),
            ("signal", r#"{"action":"start","queue":"a"}"#),
            ("signal", r#"{"action":"pause"}"#),
            ("signal", r#"{"action":"pkill","job_id":"1"}"#),
            ("insert", r#"{"queues":["a"]}"#),
            ("sonar", r#"{"node":"a","time":1}"#),
            ("leader", "garbage"),
        ];
        for (channel, payload) in deadly {
            assert!(Ear::Elixir.hears(channel, payload).is_err(), "{payload}");
        }
        let long = format!(r#"{{"queue":"{}"}}"#, "q".repeat(8_000));
        assert!(Ear::Elixir.hears("insert", &long).is_err());
    }
}
