//! What a filter could go on with: from what there is to be named, never from what is hidden.

use kerrera::State;
use kerrera::filter::Mark;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Known, Result, Service};

/// How many are suggested at most.
const MOST: usize = 12;

/// What can be filtered by; args and meta want a way behind them.
const QUALIFIERS: [&str; 18] = [
    "state:",
    "queue:",
    "worker:",
    "args.",
    "error:",
    "finished:",
    "tag:",
    "node:",
    "cron:",
    "id:",
    "attempt:",
    "priority:",
    "inserted:",
    "scheduled:",
    "attempted:",
    "duration:",
    "wait:",
    "is:",
];

const TIMES: [&str; 5] = [">-15min", ">-1h", ">-1d", ">-7d", "<-1d"];
const LENGTHS: [&str; 4] = [">1s", ">30s", ">5min", ">1h"];

/// What was typed, and where the cursor stands.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub(crate) struct Typed {
    /// The filter, as far as it is typed.
    #[param(required = false)]
    pub(crate) q: String,
    /// Where the cursor stands, as browsers count; at the end if nothing is said.
    #[param(required = false)]
    pub(crate) at: usize,
}

impl Default for Typed {
    fn default() -> Typed {
        Typed { q: String::new(), at: usize::MAX }
    }
}

/// What could stand there instead.
#[derive(Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct Suggestions {
    /// From where it would be replaced, as browsers count.
    from: usize,
    /// To where.
    to: usize,
    items: Vec<String>,
}

impl Service {
    /// What a filter could go on with; costs and fails as [`known`](Service::known).
    pub(crate) async fn suggest(&self, typed: &Typed) -> Result<Suggestions> {
        let mut suggested = suggestions(typed, &self.known().await?);
        suggested.items.retain(|item| item != "error:" || self.finds_errors());
        Ok(suggested)
    }
}

fn suggestions(typed: &Typed, known: &Known) -> Suggestions {
    let before = before(&typed.q, typed.at);
    let word = &before[word_start(before)..];
    let (part, found) = match word.trim_start_matches('-').split_once(':') {
        None => {
            let part = word.trim_start_matches('-');
            (part, beginning(part, QUALIFIERS.iter().map(|one| (*one).to_owned())))
        }
        Some((qualifier, values)) => {
            let part = values.rsplit_once(',').map_or(values, |(_, last)| last);
            let names = |names: &[String]| -> Vec<String> {
                names.iter().map(|name| quoted(name)).collect()
            };
            let words = |words: &[&str]| words.iter().map(|one| (*one).to_owned()).collect();
            let all: Vec<String> = match qualifier {
                "state" => State::ALL.iter().map(|state| state.as_str().to_owned()).collect(),
                "queue" => names(&known.queues),
                "worker" | "kind" => names(&known.workers),
                "node" => names(&known.nodes),
                "tag" => names(&known.tags),
                "cron" => names(&known.crons),
                "is" => Mark::ALL.iter().map(|mark| mark.as_str().to_owned()).collect(),
                "inserted" | "scheduled" | "attempted" | "finished" => words(&TIMES),
                "duration" | "wait" => words(&LENGTHS),
                _ => Vec::new(),
            };
            (part, beginning(part, all))
        }
    };
    let to = units(before);
    Suggestions { from: to - units(part), to, items: found }
}

/// Those that begin so, then those in which it stands; not what is there already.
fn beginning(part: &str, all: impl IntoIterator<Item = String>) -> Vec<String> {
    let bare = |text: &str| text.trim_start_matches('"').to_lowercase();
    let part = bare(part);
    let (mut first, mut others) = (Vec::new(), Vec::new());
    for one in all {
        let name = bare(&one);
        if name.starts_with(&part) && name != part {
            first.push(one);
        } else if name.contains(&part) && name != part {
            others.push(one);
        }
    }
    first.append(&mut others);
    first.truncate(MOST);
    first
}

/// Where the last word begins; blanks within quotation marks end none.
fn word_start(text: &str) -> usize {
    let (mut start, mut is_quoted, mut is_escaped) = (0, false, false);
    for (at, character) in text.char_indices() {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            character if character.is_whitespace() && !is_quoted => {
                start = at + character.len_utf8();
            }
            _ => {}
        }
    }
    start
}

/// What stands in front of the cursor.
fn before(text: &str, at: usize) -> &str {
    let mut counted = 0;
    for (byte, character) in text.char_indices() {
        if counted >= at {
            return &text[..byte];
        }
        counted += character.len_utf16();
    }
    text
}

fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// A word of a filter, in quotes if it needs them.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = !word.contains("..")
        && word.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '/' | '@' | '.'));
    if is_plain {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(q: &str, at: usize) -> Suggestions {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let known = Known {
            queues: names(&["mail", "e mail"]),
            workers: names(&["SendMail", "MyApp.Mailer"]),
            ..Known::default()
        };
        suggestions(&Typed { q: q.to_owned(), at }, &known)
    }

    #[test]
    fn what_was_begun_is_gone_on_with() {
        let fits = |q: &str, at, from, to, items: &[&str]| {
            let expected = items.iter().map(|item| (*item).to_owned()).collect();
            assert_eq!(said(q, at), Suggestions { from, to, items: expected }, "{q}");
        };
        fits("sta", 9, 0, 3, &["state:"]);
        fits("queue:mail sta", 14, 11, 14, &["state:"]);
        fits("-state:re", 9, 7, 9, &["retryable"]);
        fits("state:retryable,disc queue:mail", 20, 16, 20, &["discarded"]);
        fits("queue:", 6, 6, 6, &["mail", "\"e mail\""]);
        fits("queue:\"e m", 10, 6, 10, &["\"e mail\""]);
        fits("worker:mail", 11, 7, 11, &["SendMail", "MyApp.Mailer"]);
        fits("tag:한글 is:or", 12, 10, 12, &["orphaned"]);
        fits("args.x:", 7, 7, 7, &[]);
    }
}
