//! The one place where the text of a failure is made safe to store.
//!
//! Whatever a worker says when it fails (an error, a panic, a reason to cancel) goes through
//! [`sanitise`] before it reaches a database, a log line or a page. PostgreSQL refuses NUL in text;
//! a terminal obeys escape sequences; an error can be as long as memory.

use std::error::Error as StdError;

/// The longest text of a failure that is kept, in bytes: 16 KiB.
pub const LONGEST_TEXT: usize = 16 * 1024;

/// How many errors a job keeps; older ones give way.
pub const ERRORS_KEPT: usize = 50;

const CUT: &str = "… (cut)";

/// Makes text safe to store and to show: no NUL, no control characters but line breaks and tabs,
/// at most [`LONGEST_TEXT`] bytes, cut between characters.
///
/// ```
/// use kerrera_core::failure::sanitise;
///
/// assert_eq!(sanitise("no\0such\u{1b}[31m file"), "no\u{fffd}such\u{fffd}[31m file");
/// ```
pub fn sanitise(text: &str) -> String {
    let mut safe = String::with_capacity(text.len().min(LONGEST_TEXT) + 4);
    for character in text.chars() {
        let shown = match character {
            '\n' | '\t' => character,
            '\r' => continue,
            _ if character.is_control() || is_directional(character) => char::REPLACEMENT_CHARACTER,
            _ => character,
        };
        safe.push(shown);
        if safe.len() > LONGEST_TEXT {
            let end = (0..=LONGEST_TEXT - CUT.len()).rev().find(|&at| safe.is_char_boundary(at));
            safe.truncate(end.unwrap_or_default());
            safe.push_str(CUT);
            break;
        }
    }
    safe
}

/// Characters that reorder what stands around them, and can make text read as something else.
fn is_directional(character: char) -> bool {
    matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// An error and its causes, from the outermost in, as one line: `could not send: refused`.
///
/// A cause whose text the error before it already ends with is not repeated.
pub fn describe(error: &(dyn StdError + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    // Bounded, because a cause can be its own.
    for _ in 0..16 {
        let Some(error) = cause else { break };
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_text_becomes_storable(text in ".{0,40}", times in 1..2000usize) {
            let safe = sanitise(&text.repeat(times));
            prop_assert!(safe.len() <= LONGEST_TEXT);
            let bad = |c: char| c.is_control() && c != '\n' && c != '\t';
            prop_assert!(!safe.contains(bad));
            prop_assert!(sanitise(&safe) == safe, "a second time changes nothing");
        }
    }

    #[test]
    fn a_hundred_megabytes_are_cut_between_characters() {
        let safe = sanitise(&"é".repeat(50_000_000));
        assert!(safe.len() <= LONGEST_TEXT && safe.ends_with(CUT));
    }

    #[test]
    fn causes_are_told_once() {
        let inner = std::io::Error::other("refused");
        let outer = std::io::Error::other(inner);
        assert_eq!(describe(&outer), "refused");
    }
}
