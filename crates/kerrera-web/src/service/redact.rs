//! What is private is taken out before anything is given away.

mod merge;
mod scan;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use kerrera::{Job, JobRow, Json, KnownWorker};

pub(crate) use merge::restored;
pub use scan::HIDDEN;
pub(crate) use scan::Redacted;

/// Which parts of a job's args and meta are private.
///
/// Asked for each key, with the way to it: `["card", "number"]`; lists add nothing to the way. What is
/// private is replaced by [`HIDDEN`] wherever it would be seen: in lists, on pages, in forms, by the API,
/// in exports; and where the same text stands in an error of the job, a tag or a note. A list, which reads no
/// more of a job than the beginning of its args, knows only the hidden texts in these.
pub trait Redactor: Send + Sync + 'static {
    /// Whether what stands there is private.
    fn hides(&self, worker: &str, way: &[&str]) -> bool;

    /// Whether what stands there is private in jobs of any worker. Nobody can look for jobs by it
    /// without saying of which worker they are: else it could be guessed.
    ///
    /// By default what is private in jobs of a worker without a name.
    fn hides_in_any(&self, way: &[&str]) -> bool {
        self.hides("", way)
    }
}

/// Hides by the names of keys, as `password`, `api_token` and `card-number`, and by ways that are given
/// for single workers.
///
/// ```
/// use kerrera_web::service::{Redactor as _, PrivateKeys};
///
/// let keys = PrivateKeys::default().key("iban").way("Charge", "customer.birthday");
/// assert!(keys.hides("Any", &["user", "newPassword"]));
/// assert!(keys.hides("Charge", &["customer", "birthday"]));
/// assert!(!keys.hides("Mail", &["customer", "birthday"]));
/// assert!(!keys.hides("Complete", &["max_tokens"]));
/// ```
#[derive(Clone, Debug)]
pub struct PrivateKeys {
    endings: Vec<String>,
    ways: BTreeSet<(String, String)>,
}

/// What a key may end with to be private; without case, and without what joins words.
const ENDINGS: [&str; 22] = [
    "password",
    "passwd",
    "passphrase",
    "passcode",
    "secret",
    "token",
    "apikey",
    "accesskey",
    "privatekey",
    "signingkey",
    "authorization",
    "credential",
    "credentials",
    "cookie",
    "sessionid",
    "ssn",
    "socialsecuritynumber",
    "cardnumber",
    "creditcard",
    "cvv",
    "cvc",
    "pin",
];

impl Default for PrivateKeys {
    fn default() -> PrivateKeys {
        let endings = ENDINGS.iter().map(|ending| (*ending).to_owned()).collect();
        PrivateKeys { endings, ways: BTreeSet::new() }
    }
}

impl PrivateKeys {
    /// And keys that end so.
    #[must_use]
    pub fn key(mut self, ending: &str) -> PrivateKeys {
        self.endings.push(plain(ending));
        self
    }

    /// And what stands at this way in jobs of this worker: keys, joined by points.
    #[must_use]
    pub fn way(mut self, worker: &str, way: &str) -> PrivateKeys {
        self.ways.insert((worker.to_owned(), way.to_owned()));
        self
    }
}

impl Redactor for PrivateKeys {
    fn hides(&self, worker: &str, way: &[&str]) -> bool {
        let Some(key) = way.last() else { return false };
        let key = plain(key);
        self.endings.iter().any(|ending| match ending.as_str() {
            // Too short to be looked for at the end of other words.
            "pin" | "ssn" | "cvv" | "cvc" => key == *ending,
            ending => key.ends_with(ending),
        }) || (!self.ways.is_empty() && self.ways.contains(&(worker.to_owned(), way.join("."))))
    }

    fn hides_in_any(&self, way: &[&str]) -> bool {
        let joined = way.join(".");
        self.hides("", way) || self.ways.iter().any(|(_, way)| *way == joined)
    }
}

/// Without case, and without what joins words.
fn plain(key: &str) -> String {
    key.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// Hides all args and meta.
#[derive(Clone, Copy, Debug)]
pub struct Everything;

impl Redactor for Everything {
    fn hides(&self, _: &str, _: &[&str]) -> bool {
        true
    }
}

/// What is private, for a whole dashboard: as it was configured, and as workers declare it themselves.
#[derive(Clone)]
pub(crate) struct Rules {
    redactor: Arc<dyn Redactor>,
    /// Of each worker, the ways that it says are private: keys, joined by points.
    declared: Arc<HashMap<String, HashSet<String>>>,
}

impl Default for Rules {
    fn default() -> Rules {
        Rules::new(PrivateKeys::default())
    }
}

impl Rules {
    pub(crate) fn new(redactor: impl Redactor) -> Rules {
        Rules { redactor: Arc::new(redactor), declared: Arc::default() }
    }

    /// The same, with what workers declare to be sensitive.
    pub(crate) fn declared(&self, workers: &[KnownWorker]) -> Rules {
        let cards = workers.iter().map(|worker| &worker.card);
        let declared = cards
            .filter(|card| !card.sensitive.is_empty())
            .map(|card| (card.name.clone(), card.sensitive.iter().cloned().collect()));
        Rules { redactor: self.redactor.clone(), declared: Arc::new(declared.collect()) }
    }

    /// Whether what stands exactly there is private in jobs of this worker.
    fn is_private(&self, worker: &str, way: &[&str]) -> bool {
        self.redactor.hides(worker, way)
            || self.declared.get(worker).is_some_and(|ways| ways.contains(&way.join(".")))
    }

    /// Whether it is in jobs of any worker.
    fn is_private_in_any(&self, way: &[&str]) -> bool {
        self.redactor.hides_in_any(way) || {
            let way = way.join(".");
            self.declared.values().any(|ways| ways.contains(&way))
        }
    }

    /// Whether nobody may look for jobs by what stands there, of this worker or of any: else one could
    /// guess it.
    pub(crate) fn hides(&self, worker: Option<&str>, way: &[&str]) -> bool {
        // A place in a list adds nothing to the way.
        let is_place = |key: &&&str| key.parse::<i64>().is_ok();
        let without_places: Vec<&str> = way.iter().filter(|key| !is_place(key)).copied().collect();
        // What stands within something private is private.
        [way, &without_places].iter().any(|way| {
            (1..=way.len()).any(|length| match worker {
                Some(worker) => self.is_private(worker, &way[..length]),
                None => self.is_private_in_any(&way[..length]),
            })
        })
    }

    /// Whether anything stands in this JSON where `hides` says that it is private.
    pub(crate) fn finds(json: &str, hides: &dyn Fn(&[&str]) -> bool) -> bool {
        scan::redact(json, hides).text != json
    }

    /// Takes out of JSON what is private; the text may be cut off anywhere.
    pub(crate) fn redact(&self, worker: &str, json: &str) -> Redacted {
        scan::redact(json, &|way| self.is_private(worker, way))
    }

    /// Takes out of a row what is private.
    pub(crate) fn row(&self, row: &mut JobRow) {
        let redacted = self.redact(&row.worker, &row.args);
        if let Some(progress) = &mut row.progress {
            progress.note = hide_in(&progress.note, &redacted.hidden);
        }
        for tag in &mut row.tags {
            *tag = hide_in(tag, &redacted.hidden);
        }
        row.args = hide_in_json(&redacted.text, &redacted.hidden);
    }

    /// Takes out of a text that speaks of a job what is private in the job.
    pub(crate) fn said_of(&self, job: &Job, text: &str) -> String {
        let mut hidden = self.redact(&job.worker, job.args.as_str()).hidden;
        hidden.extend(self.redact(&job.worker, job.meta.as_str()).hidden);
        hide_in(text, &hidden)
    }

    /// Whether a worker declares anything to be sensitive.
    pub(crate) fn has_declared(&self, worker: &str) -> bool {
        self.declared.contains_key(worker)
    }

    /// Takes out of a job what is private; says whether anything was.
    pub(crate) fn job(&self, job: &mut Job) -> bool {
        let args = self.redact(&job.worker, job.args.as_str());
        let meta = self.redact(&job.worker, job.meta.as_str());
        let mut hidden = args.hidden;
        hidden.extend(meta.hidden);
        for error in &mut job.errors {
            error.error = hide_in(&error.error, &hidden);
        }
        let changed = args.text != job.args.as_str() || meta.text != job.meta.as_str();
        // In the rest as well: a result or a note may repeat what was hidden.
        job.args = Json::from_text(hide_in_json(&args.text, &hidden));
        job.meta = Json::from_text(hide_in_json(&meta.text, &hidden));
        for tag in &mut job.tags {
            *tag = hide_in(tag, &hidden);
        }
        changed
    }
}

impl fmt::Debug for Rules {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rules")
    }
}

/// Shorter texts are not looked for: they stand everywhere.
const SHORTEST: usize = 6;

/// Replaces what was hidden elsewhere.
pub(crate) fn hide_in(text: &str, hidden: &[String]) -> String {
    let mut text = text.to_owned();
    let mut hidden: Vec<&String> =
        hidden.iter().filter(|one| one.chars().count() >= SHORTEST).collect();
    // The longest first: one may be a part of another.
    hidden.sort_by_key(|one| std::cmp::Reverse(one.len()));
    for one in hidden {
        if text.contains(one.as_str()) {
            text = text.replace(one.as_str(), HIDDEN);
        }
    }
    text
}

/// Replaces what was hidden in the texts and numbers of JSON, which stays JSON; it may be cut off.
fn hide_in_json(json: &str, hidden: &[String]) -> String {
    if hide_in(json, hidden) == json {
        return json.to_owned();
    }
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while !rest.is_empty() {
        let (token, following) = rest.split_at(scan::token(rest));
        let replaced = hide_in(token, hidden);
        let is_whole = serde_json::from_str::<serde::de::IgnoredAny>(token).is_ok();
        match replaced == token {
            true => out.push_str(token),
            // Within a text, unless that tears a character apart that is written as an escape.
            false if !is_whole || serde_json::from_str::<String>(&replaced).is_ok() => {
                out.push_str(&replaced);
            }
            false => out.push_str("\"[hidden]\""),
        }
        rest = following;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redacted(json: &str) -> String {
        Rules::default().redact("Any", json).text
    }

    #[test]
    fn what_is_private_is_replaced_and_nothing_else_is_touched() {
        let cases = [
            (
                r#"{"id": 12345678901234567890.10, "a":[1e400]}"#,
                r#"{"id": 12345678901234567890.10, "a":[1e400]}"#,
            ),
            (r#"{"password":"x","b":1}"#, r#"{"password":"[hidden]","b":1}"#),
            (
                r#"{"user":{"api_token": {"deep":[1,"y"]}}}"#,
                r#"{"user":{"api_token": "[hidden]"}}"#,
            ),
            (r#"{"\u0070assword":"x"}"#, r#"{"\u0070assword":"[hidden]"}"#),
            (
                r#"{"cards":[{"cardNumber":4111111111111111}]}"#,
                r#"{"cards":[{"cardNumber":"[hidden]"}]}"#,
            ),
            (r#"{"tokens_used":7,"pinned":true}"#, r#"{"tokens_used":7,"pinned":true}"#),
            (r#"["password","x"]"#, r#"["password","x"]"#),
            ("null", "null"),
        ];
        for (json, expected) in cases {
            assert_eq!(redacted(json), expected);
        }
    }

    #[test]
    fn what_is_cut_off_gives_nothing_away() {
        let whole = r#"{"note":"a \"quoted\" b","password":"marker\"marker","n":[1,{"secret":["marker"]}]}"#;
        for (at, _) in whole.char_indices() {
            let redacted = redacted(&whole[..at]);
            assert!(!redacted.contains("mark"), "{redacted}");
        }
    }

    #[test]
    fn what_was_hidden_is_hidden_in_errors_as_well() {
        let mut job = Job::blank(1);
        job.args = Json::from_text(r#"{"password":"hunter22","n":1,"echo":"is hunter22"}"#);
        job.errors.push(kerrera::AttemptError::default());
        job.errors[0].error = "login with hunter22 failed".to_owned();
        assert!(Rules::default().job(&mut job));
        assert_eq!(job.errors[0].error, "login with [hidden] failed");
        assert_eq!(job.args.as_str(), r#"{"password":"[hidden]","n":1,"echo":"is [hidden]"}"#);
        assert!(!Rules::default().job(&mut Job::blank(2)));
    }

    #[test]
    fn json_stays_json_whatever_was_hidden_in_it() {
        let mut job = Job::blank(1);
        job.args = Json::from_text(
            r#"{"pin":123456,"n":[1234567,"123456"],"token":"nabcdef","t":"\nabcdef"}"#,
        );
        Rules::default().job(&mut job);
        let expected =
            r#"{"pin":"[hidden]","n":["[hidden]","[hidden]"],"token":"[hidden]","t":"[hidden]"}"#;
        assert_eq!(job.args.as_str(), expected);
    }

    #[test]
    fn what_a_worker_declares_to_be_sensitive_is_private_in_its_jobs() {
        let mut cards = Vec::new();
        for (name, way) in [("Charge", "card.owner"), ("Mail", "to")] {
            let card = format!(r#"{{"sensitive":["{way}"]}}"#);
            let times = (kerrera::Timestamp::MIN, kerrera::Timestamp::MIN);
            cards.push(KnownWorker::new((name.to_owned(), &card), String::new(), times, &[]));
        }
        let rules = Rules::default().declared(&cards);
        let json = r#"{"to":"ada","card":[{"owner":"ada"}],"token":1}"#;
        let redacted = |worker| rules.redact(worker, json).text;
        let hidden = r#"{"to":"ada","card":[{"owner":"[hidden]"}],"token":"[hidden]"}"#;
        assert_eq!(redacted("Charge"), hidden);
        let hidden = r#"{"to":"[hidden]","card":[{"owner":"ada"}],"token":"[hidden]"}"#;
        assert_eq!(redacted("Mail"), hidden);
        assert!(rules.hides(None, &["to"]) && rules.hides(Some("Charge"), &["card", "0", "owner"]));
        assert!(!rules.hides(Some("Charge"), &["to"]));
    }

    #[test]
    fn nobody_looks_for_what_is_within_something_private() {
        let rules = Rules::default();
        let hides = |worker, way: &str| rules.hides(worker, &way.split('.').collect::<Vec<_>>());
        assert!(hides(None, "secret.part") && hides(None, "secret.0") && !hides(None, "user.id"));
        let rules = Rules::new(PrivateKeys::default().way("Charge", "cards.owner"));
        let hides = |worker, way: &str| rules.hides(worker, &way.split('.').collect::<Vec<_>>());
        assert!(hides(None, "cards.owner") && hides(Some("Charge"), "cards.0.owner.name"));
        assert!(!hides(Some("Mail"), "cards.owner"));
        assert_eq!(Rules::new(Everything).redact("", r#"{"a":1}"#).text, r#"{"a":"[hidden]"}"#);
    }
}
