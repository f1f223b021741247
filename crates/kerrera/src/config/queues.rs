//! The queues of a node, as they are set from outside of the program.

use std::collections::BTreeMap;

use kerrera_core::Result;

use super::setting::unknown;
use super::value::{Origin, Wrong};

/// What they are called: a table in a file, `KERRERA_QUEUES` in the environment.
pub(super) const NAME: &str = "queues";

/// What a queue's own table can hold.
pub(super) const KEYS: [&str; 2] = ["limit", "paused"];

const LIMIT: &str = "a limit: write a whole number, at least 1";
const LIST: &str = "false, or queues with their limits like default:10,mailers:20:paused";

/// The queues that a node works.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Queues {
    /// Nothing is said.
    #[default]
    Open,
    /// None, whatever weaker settings say.
    None,
    /// These, and those of weaker settings.
    These(BTreeMap<String, Queue>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    pub(crate) limit: u32,
    pub(crate) paused: bool,
}

impl Queues {
    pub(super) fn merge(&mut self, stronger: Queues) {
        match (self, stronger) {
            (_, Queues::Open) => {}
            (Queues::These(weaker), Queues::These(stronger)) => weaker.extend(stronger),
            (weaker, stronger) => *weaker = stronger,
        }
    }

    /// Reads `default:10,mailers:20:paused`, or `false`.
    pub(super) fn from_text(text: &str, origin: &Origin) -> Result<Queues> {
        if text.trim() == "false" {
            return Ok(Queues::None);
        }
        let wrong = |text: &str| Wrong::new(text, LIST).told(NAME, origin);
        let mut queues = BTreeMap::new();
        for entry in text.split(',').map(str::trim) {
            let (entry, paused) = match entry.strip_suffix(":paused") {
                Some(entry) => (entry, true),
                None => (entry, false),
            };
            let (name, limit) = entry.rsplit_once(':').ok_or_else(|| wrong(text))?;
            let (name, limit) = (name.trim(), limit.trim());
            let limit = self::limit(name, limit, origin)?;
            if queues.insert(name.to_owned(), Queue { limit, paused }).is_some() {
                return Err(origin.wrong(format_args!("the queue {name:?} is set twice")));
            }
        }
        Ok(Queues::These(queues))
    }
}

/// Reads the limit of a queue.
pub(super) fn limit(queue: &str, text: &str, origin: &Origin) -> Result<u32> {
    match text.parse() {
        Ok(limit) if limit > 0 => Ok(limit),
        _ => Err(Wrong::new(text, LIMIT).told(&format!("{NAME}.{queue}"), origin)),
    }
}

/// The error that a queue has no such key.
pub(super) fn unknown_key(queue: &str, key: &str, origin: &Origin) -> kerrera_core::Error {
    unknown(&format!("setting of the queue {queue:?} named"), key, KEYS.into_iter(), origin)
}

/// The error that the value of `queues`, or of one queue, is of another type.
pub(super) fn wrong_type(name: &str, origin: &Origin) -> kerrera_core::Error {
    let rule = match name {
        NAME => "a table of queues, or false",
        _ => "a limit, or a table with a limit: write { limit = 20, paused = true }",
    };
    origin.wrong(format_args!("{name} is not {rule}"))
}
