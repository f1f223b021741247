//! What travels in notifications: the channels and the payloads are Oban's, so that its nodes
//! understand ours and ours theirs.
//!
//! A payload is a JSON object. One of more than 512 bytes is packed: base64 of gzip. Oban for Elixir
//! writes `Z:` before that since 2.21 and not before, Oban for Python never, nor can it read what
//! begins so. Everybody reads the bare form, so that is what we send.

use std::io::{Read, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use kerrera_core::error::Kind;
use kerrera_core::storage::{Action, EVERY, Hint, Order, Signal, check_name, is_limit};
use kerrera_core::{Error, Result};
use serde_json::{Map, Value, json};

/// The longest payload that is sent as it is, in bytes.
const LONGEST_PLAIN: usize = 512;

/// The longest payload that PostgreSQL takes, in bytes.
const LONGEST: usize = 7_999;

/// The most that is unpacked, in bytes; what is larger is nobody's message.
const LONGEST_UNPACKED: u64 = 64 * 1024;

/// Oban's word for a job that is to stop.
pub(crate) const PKILL: &str = "pkill";

/// What a notification is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    /// There is work in a queue.
    Insert,
    /// Queues are to be steered.
    Signal,
    /// A leader went.
    Leader,
    /// A node is there.
    Sonar,
    /// The orders for queues have changed. Ours alone: it repeats the message that follows on
    /// [`Channel::Signal`] from the same session, by which our nodes know it for one of ours.
    Orders,
    /// The crontab has changed. Ours alone.
    Crontab,
}

/// The names of the channels of one schema.
#[derive(Clone, Debug)]
pub(crate) struct Channels([String; 6]);

impl Channels {
    const ALL: [(Channel, &str); 6] = [
        (Channel::Insert, "oban_insert"),
        (Channel::Signal, "oban_signal"),
        (Channel::Leader, "oban_leader"),
        (Channel::Sonar, "oban_sonar"),
        (Channel::Orders, "kerrera_queues"),
        (Channel::Crontab, "kerrera_crons"),
    ];

    pub(crate) fn new(schema: &str) -> Channels {
        Channels(Channels::ALL.map(|(_, suffix)| format!("{schema}.{suffix}")))
    }

    /// The name of one.
    pub(crate) fn name(&self, channel: Channel) -> &str {
        &self.0[channel as usize]
    }

    /// The names of all.
    pub(crate) fn names(&self) -> &[String] {
        &self.0
    }

    fn find(&self, name: &str) -> Option<Channel> {
        let at = self.0.iter().position(|own| own == name)?;
        Channels::ALL.get(at).map(|(channel, _)| *channel)
    }
}

/// Makes a payload of a message.
///
/// # Errors
///
/// When it is too long, packed as well.
pub(crate) fn encode(message: &Value) -> Result<String> {
    let text = message.to_string();
    if text.len() <= LONGEST_PLAIN {
        return Ok(text);
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish());
    let payload = packed.map(|packed| STANDARD.encode(packed)).unwrap_or_default();
    if payload.is_empty() || payload.len() > LONGEST {
        let length = text.len();
        let message = format!("a notification of {length} bytes is too long for PostgreSQL");
        return Err(Error::new(Kind::Config, message));
    }
    Ok(payload)
}

/// What to tell Oban's nodes about an order, if they can understand it.
///
/// Unknown keys and numbers of another form bring its nodes down, so there is nothing in it that they
/// do not know. Of orders for all queues they know pause and resume.
pub(crate) fn signal(order: &Order) -> Option<Value> {
    let ident = match &order.node {
        Some(node) => format!("{}.{node}", order.instance),
        None => "any".to_owned(),
    };
    let queue = match (&order.queue, &order.action) {
        (Some(queue), _) => queue,
        (None, Action::Pause | Action::Resume) => EVERY,
        _ => return None,
    };
    Some(match order.action {
        Action::Pause => json!({"action": "pause", "ident": ident, "queue": queue}),
        Action::Resume => json!({"action": "resume", "ident": ident, "queue": queue}),
        Action::Stop => json!({"action": "stop", "ident": ident, "queue": queue}),
        Action::Scale { limit } => {
            json!({"action": "scale", "ident": ident, "limit": limit, "queue": queue})
        }
        Action::Start { limit, paused } => {
            let mut start =
                json!({"action": "start", "ident": ident, "limit": limit, "queue": queue});
            if paused {
                start["paused"] = true.into();
            }
            start
        }
        _ => return None,
    })
}

/// Whether Oban's nodes know no signal for an order, but one for each queue that it is for.
pub(crate) fn is_for_known_queues(order: &Order) -> bool {
    order.queue.is_none() && matches!(order.action, Action::Scale { .. } | Action::Stop)
}

/// Reads notifications, one after the other.
#[derive(Debug)]
pub(crate) struct Reader {
    channels: Channels,
    /// The session and the payload of a signal that is ours.
    own: Option<(i32, String)>,
}

impl Reader {
    pub(crate) fn new(channels: Channels) -> Reader {
        Reader { channels, own: None }
    }

    /// What a notification of this session means; nothing, if nobody of ours or of Oban's would have
    /// sent it.
    pub(crate) fn read(&mut self, session: i32, channel: &str, payload: &str) -> Vec<Hint> {
        let Some(channel) = self.channels.find(channel) else { return Vec::new() };
        let own = self.own.take();
        match channel {
            Channel::Orders => {
                self.own = (!payload.is_empty()).then(|| (session, payload.to_owned()));
                return vec![Hint::Ordered];
            }
            Channel::Signal if own.is_some_and(|own| own == (session, payload.to_owned())) => {
                return Vec::new();
            }
            // Whatever it says: Elixir's nodes and Python's say it differently, and either may be gone.
            Channel::Leader => return vec![Hint::Leaderless],
            Channel::Crontab => return vec![Hint::Crontab],
            _ => {}
        }
        let hints = decode(payload).and_then(|message| match channel {
            Channel::Insert => Some(vec![Hint::Work(text(&message, "queue")?.to_owned())]),
            Channel::Sonar => Some(vec![Hint::Ping(text(&message, "node")?.to_owned())]),
            Channel::Signal => signals(&message),
            Channel::Leader | Channel::Orders | Channel::Crontab => None,
        });
        hints.unwrap_or_else(|| {
            tracing::debug!(target: "kerrera", event = "notification.unreadable", ?channel);
            Vec::new()
        })
    }
}

/// The message in a payload of any form.
fn decode(payload: &str) -> Option<Map<String, Value>> {
    let packed = match payload.strip_prefix("Z:") {
        Some(packed) => Some(packed),
        None => payload.starts_with("H4sI").then_some(payload),
    };
    let Some(packed) = packed else { return serde_json::from_str(payload).ok() };
    let packed = STANDARD.decode(packed).ok()?;
    let mut text = Vec::new();
    let read = GzDecoder::new(&*packed).take(LONGEST_UNPACKED + 1).read_to_end(&mut text).ok()?;
    (read as u64 <= LONGEST_UNPACKED).then(|| serde_json::from_slice(&text).ok()).flatten()
}

/// What a message on the channel of signals orders.
fn signals(message: &Map<String, Value>) -> Option<Vec<Hint>> {
    let action = text(message, "action")?;
    if action == PKILL {
        return Some(vec![Hint::Stop(message.get("job_id")?.as_i64()?)]);
    }
    let ident = match message.get("ident") {
        None | Some(Value::Null) => None,
        Some(ident) => Some(ident.as_str()?.to_owned()).filter(|ident| ident != "any"),
    };
    // Oban for Python takes a missing queue for all.
    let queue = match message.get("queue") {
        None | Some(Value::Null) => None,
        Some(queue) => Some(queue.as_str()?.to_owned()).filter(|queue| queue != EVERY),
    };
    if let Some(queue) = &queue {
        check_name(queue).ok()?;
    }
    let limit = || {
        let limit = u32::try_from(message.get("limit")?.as_u64()?).ok()?;
        is_limit(limit).then_some(limit)
    };
    let paused = message.get("paused").and_then(Value::as_bool);
    let mut actions = Vec::new();
    match action {
        "pause" => actions.push(Action::Pause),
        "resume" => actions.push(Action::Resume),
        "scale" => {
            // Other options of the queue can be scaled with it.
            actions.extend(limit().map(|limit| Action::Scale { limit }));
            actions
                .extend(paused.map(|paused| if paused { Action::Pause } else { Action::Resume }));
        }
        "start" => {
            queue.as_ref()?;
            actions.push(Action::Start { limit: limit()?, paused: paused.unwrap_or(false) });
        }
        "stop" => actions.push(Action::Stop),
        _ => {}
    }
    let hint = |action| Hint::Signal(Signal { ident: ident.clone(), queue: queue.clone(), action });
    (!actions.is_empty()).then(|| actions.into_iter().map(hint).collect())
}

fn text<'m>(message: &'m Map<String, Value>, key: &str) -> Option<&'m str> {
    message.get(key)?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(channel: &str, payload: &str) -> Vec<Hint> {
        Reader::new(Channels::new("public")).read(1, &format!("public.{channel}"), payload)
    }

    fn signal_of(payload: &str) -> Vec<Hint> {
        read("oban_signal", payload)
    }

    fn packed(text: &[u8]) -> String {
        let mut packer = GzEncoder::new(Vec::new(), Compression::best());
        packer.write_all(text).unwrap();
        STANDARD.encode(packer.finish().unwrap())
    }

    fn hint(ident: Option<&str>, queue: Option<&str>, action: Action) -> Vec<Hint> {
        let (ident, queue) = (ident.map(str::to_owned), queue.map(str::to_owned));
        vec![Hint::Signal(Signal { ident, queue, action })]
    }

    #[test]
    fn every_form_of_a_payload_is_read() {
        let message = r#"{"queue":"alpha"}"#;
        let work = vec![Hint::Work("alpha".to_owned())];
        assert_eq!(read("oban_insert", message), work);
        assert_eq!(read("oban_insert", &packed(message.as_bytes())), work);
        assert_eq!(read("oban_insert", &format!("Z:{}", packed(message.as_bytes()))), work);
        assert_eq!(read("oban_insert", r#"{"queue": "alpha", "more": 1}"#), work);
        let ping = vec![Hint::Ping("web.1".to_owned())];
        assert_eq!(read("oban_sonar", r#"{"node":"web.1","ping":true}"#), ping);
        assert_eq!(read("kerrera_queues", ""), [Hint::Ordered]);
        assert_eq!(read("kerrera_crons", ""), [Hint::Crontab]);
    }

    #[test]
    fn garbage_means_nothing() {
        let bomb = packed(&vec![b' '; 10_000_000]);
        let garbage = ["", "hello", "[]", "null", "{", "Z:", "Z:!", "H4sI", "H4sIAAAAAAAA", &bomb];
        for payload in garbage {
            for channel in ["oban_insert", "oban_signal", "oban_sonar", "oban_gossip"] {
                assert_eq!(read(channel, payload), [], "{channel}: {payload:.60}");
            }
        }
        assert_eq!(read("oban_insert", r#"{"queue":1}"#), []);
        assert_eq!(read("oban_sonar", r#"{"ping":true}"#), []);
        let signals = [
            r#"{"queue":"a"}"#,
            r#"{"action":"fly","queue":"a"}"#,
            r#"{"action":"pause","queue":1}"#,
            r#"{"action":"pause","queue":""}"#,
            r#"{"action":"pause","ident":1}"#,
            r#"{"action":"start","limit":1}"#,
            r#"{"action":"pkill"}"#,
            r#"{"action":"pkill","job_id":"1"}"#,
            r#"{"action":"scale","queue":"a"}"#,
            r#"{"action":"scale","queue":"a","limit":0}"#,
            r#"{"action":"scale","queue":"a","limit":-1}"#,
            r#"{"action":"scale","queue":"a","limit":1.5}"#,
            r#"{"action":"scale","queue":"a","limit":"5"}"#,
            r#"{"action":"scale","queue":"a","limit":4294967296}"#,
        ];
        for payload in signals {
            assert_eq!(signal_of(payload), [], "{payload}");
        }
    }

    #[test]
    fn signals_are_read_as_elixir_and_python_write_them() {
        let any = |queue, action| hint(None, queue, action);
        let of = |text: &str| signal_of(text);
        let pause = Action::Pause;
        assert_eq!(of(r#"{"action":"pause","ident":"any","queue":"a"}"#), any(Some("a"), pause));
        assert_eq!(of(r#"{"action":"resume","queue":"*"}"#), any(None, Action::Resume));
        assert_eq!(of(r#"{"action":"pause"}"#), any(None, Action::Pause));
        let own = r#"{"action":"scale","ident":"Oban.web.1","limit":5,"queue":"a"}"#;
        let scale = Action::Scale { limit: 5 };
        assert_eq!(of(own), hint(Some("Oban.web.1"), Some("a"), scale.clone()));
        let both = of(r#"{"action":"scale","limit":5,"queue":"a","paused":true,"local_limit":2}"#);
        assert_eq!(both, [any(Some("a"), scale), any(Some("a"), Action::Pause)].concat());
        let start = of(r#"{"action":"start","ident":"any","limit":10,"queue":"m","paused":true}"#);
        assert_eq!(start, any(Some("m"), Action::Start { limit: 10, paused: true }));
        assert_eq!(of(r#"{"action":"stop","queue":"m"}"#), any(Some("m"), Action::Stop));
        let pkill = r#"{"action":"pkill","job_id":2147483650}"#;
        assert_eq!(of(pkill), [Hint::Stop(2_147_483_650)]);
        assert_eq!(of(&packed(pkill.as_bytes())), [Hint::Stop(2_147_483_650)], "as Python does");
    }

    #[test]
    fn a_signal_of_ours_is_known_by_what_comes_before_it() {
        let mut reader = Reader::new(Channels::new("public"));
        let mut read = |session, channel: &str, payload: &str| {
            reader.read(session, &format!("public.{channel}"), payload).len()
        };
        let pause = r#"{"action":"pause","ident":"any","queue":"a"}"#;
        assert_eq!(read(1, "kerrera_queues", pause), 1);
        assert_eq!(read(1, "oban_signal", pause), 0, "it is ours");
        assert_eq!(read(1, "oban_signal", pause), 1, "once");
        assert_eq!(read(1, "kerrera_queues", pause), 1);
        assert_eq!(read(2, "oban_signal", pause), 1, "another session's");
        assert_eq!(read(1, "kerrera_queues", ""), 1);
        assert_eq!(read(1, "oban_signal", ""), 0, "garbage");
    }

    #[test]
    fn long_payloads_are_packed_without_a_mark() {
        let short = json!({"queue": "q".repeat(500)});
        assert_eq!(encode(&short).unwrap(), short.to_string());
        assert_eq!(short.to_string().len(), LONGEST_PLAIN);
        let long = json!({"queue": "q".repeat(501)});
        let payload = encode(&long).unwrap();
        assert!(payload.starts_with("H4sI") && payload.len() < 8_000, "{payload}");
        assert_eq!(Value::from(decode(&payload).unwrap()), long);
        let noise: String = (0..20_000).map(|_| fastrand::alphanumeric()).collect();
        assert!(encode(&json!({ "queue": noise })).unwrap_err().is_config());
    }

    #[test]
    fn what_is_sent_has_no_key_that_oban_does_not_know() {
        let order = |action, node: Option<&str>| {
            let order = Order {
                queue: Some("media".into()),
                node: node.map(Into::into),
                action,
                until: None,
                reason: Some("secret".to_owned()),
                by: Some("ada".to_owned()),
                instance: "MyApp.Oban".into(),
            };
            signal(&order).map(|message| message.to_string())
        };
        let text = |text: &str| Some(text.to_owned());
        let pause = r#"{"action":"pause","ident":"any","queue":"media"}"#;
        assert_eq!(order(Action::Pause, None), text(pause));
        let scale = r#"{"action":"scale","ident":"MyApp.Oban.web.1","limit":5,"queue":"media"}"#;
        assert_eq!(order(Action::Scale { limit: 5 }, Some("web.1")), text(scale));
        let start = r#"{"action":"start","ident":"any","limit":10,"paused":true,"queue":"media"}"#;
        assert_eq!(order(Action::Start { limit: 10, paused: true }, None), text(start));
        assert_eq!(order(Action::Reset, None), None);
    }

    proptest! {
        #[test]
        fn no_payload_does_harm(payload in ".{0,200}", packed_bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for payload in [payload.clone(), format!("Z:{}", STANDARD.encode(&packed_bytes)), packed(payload.as_bytes())] {
                read("oban_signal", &payload);
            }
        }

        #[test]
        fn what_is_sent_can_be_read(queue in ".{1,127}") {
            let payload = encode(&json!({ "queue": queue })).unwrap();
            prop_assert!(payload.len() < 8_000);
            prop_assert_eq!(read("oban_insert", &payload), vec![Hint::Work(queue)]);
        }
    }
}
