//! Which failures are alike.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use sha2::{Digest, Sha256};

/// What failures that are alike have in common: the same worker, and the same first line but for
/// numbers, identifiers and whatever stands in quotes.
///
/// ```
/// use kerrera_core::Fingerprint;
///
/// let one = Fingerprint::of("Mailer", "no user 4711: \"ada@example.org\" after 3.2s");
/// let two = Fingerprint::of("Mailer", "no user 12: \"bob@example.org\" after 11.7s\n  at line 3");
/// assert_eq!(one, two);
/// assert_ne!(one, Fingerprint::of("Mailer", "no such server"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint(u64);

impl Fingerprint {
    /// The fingerprint of what this worker said when it failed.
    pub fn of(worker: &str, error: &str) -> Fingerprint {
        let mut hash = Sha256::new();
        hash.update(worker.as_bytes());
        hash.update([0]);
        hash.update(normalised(error).as_bytes());
        let hash = hash.finalize();
        let first = hash.first_chunk().copied().unwrap_or_default();
        Fingerprint(u64::from_be_bytes(first))
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// The text is not a [`Fingerprint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotAFingerprint(String);

impl fmt::Display for NotAFingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a fingerprint: it is sixteen digits of 0 to 9 and a to f", self.0)
    }
}

impl std::error::Error for NotAFingerprint {}

impl FromStr for Fingerprint {
    type Err = NotAFingerprint;

    fn from_str(text: &str) -> Result<Fingerprint, NotAFingerprint> {
        let wrong = || NotAFingerprint(text.chars().take(64).collect());
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() != 16 || !text.bytes().all(is_digit) {
            return Err(wrong());
        }
        u64::from_str_radix(text, 16).map(Fingerprint).map_err(|_| wrong())
    }
}

impl Serialize for Fingerprint {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fingerprint {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Fingerprint, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// The first line that says anything, without what differs from one failure to its like. How it is done
/// must not change: a failure would no longer be found among its like of before.
pub fn normalised(error: &str) -> String {
    const LONGEST: usize = 1_000;
    let line = error.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let line: Vec<char> = line.chars().take(LONGEST).collect();
    let mut text = String::with_capacity(line.len());
    let mut at = 0;
    while at < line.len() {
        let character = line[at];
        if let Some(end) = quoted(&line, at) {
            text.push('?');
            at = end;
        } else if character.is_ascii_alphanumeric() {
            let end =
                line[at..].iter().position(|c| !is_of_word(*c)).map_or(line.len(), |n| at + n);
            word(&line[at..end], &mut text);
            at = end;
        } else {
            text.push(character);
            at += 1;
        }
    }
    text
}

/// Where what is quoted from here on ends, behind the closing quote.
fn quoted(line: &[char], at: usize) -> Option<usize> {
    let close = match line[at] {
        open @ ('"' | '`') => open,
        // No apostrophe: nothing stands right before it.
        '\'' if at == 0 || !line[at - 1].is_alphanumeric() => '\'',
        '“' => '”',
        '‘' => '’',
        _ => return None,
    };
    let length = line[at + 1..].iter().position(|c| *c == close)?;
    Some(at + 1 + length + 1)
}

fn is_of_word(character: char) -> bool {
    character.is_ascii_alphanumeric() || character == '-' || character == '_'
}

/// Writes a word: an identifier as `#`, and each number in any other as `#`.
fn word(word: &[char], text: &mut String) {
    let plain: Vec<char> = word.iter().copied().filter(|c| *c != '-').collect();
    let hexadecimal = plain.iter().all(char::is_ascii_hexdigit);
    let has_digit = plain.iter().any(char::is_ascii_digit);
    let is_uuid = plain.len() == 32 && hexadecimal;
    let is_long = plain.len() >= 8 && plain.len() == word.len() && hexadecimal && has_digit;
    let is_address = word.len() > 2
        && word[0] == '0'
        && matches!(word[1], 'x' | 'X')
        && word[2..].iter().all(char::is_ascii_hexdigit);
    if is_uuid || is_long || is_address {
        text.push('#');
        return;
    }
    let mut in_number = false;
    for character in word {
        let is_digit = character.is_ascii_digit();
        match (is_digit, in_number) {
            (true, false) => text.push('#'),
            (true, true) => {}
            (false, _) => text.push(*character),
        }
        in_number = is_digit;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_differs_between_two_of_a_kind_is_left_out() {
        for (error, kind) in [
            ("timed out after 1500ms", "timed out after #ms"),
            ("job 4711 of 12,000 at 3.14", "job # of #,# at #.#"),
            ("no user \"ada\" or 'bob' in `users`", "no user ? or ? in ?"),
            ("it isn't there, and can't be", "it isn't there, and can't be"),
            ("67e55044-10b1-426f-9247-bb680e5fe0c8 is gone", "# is gone"),
            ("commit deadbeef12 at 0x7ffee3c0", "commit # at #"),
            ("facade decade added", "facade decade added"),
            ("\n\n  first line 1 \n second", "first line #"),
            ("an open \"quote 5", "an open \"quote #"),
            ("connect 10.0.0.7:5432: refused", "connect #.#.#.#:#: refused"),
            ("사용자 42 없음", "사용자 # 없음"),
            ("", ""),
        ] {
            assert_eq!(normalised(error), kind, "{error}");
        }
    }

    #[test]
    fn a_fingerprint_is_the_same_for_ever() {
        let print = Fingerprint::of("Mailer", "no user 4711");
        assert_eq!(print.to_string(), "9b11c63908d1b920");
        assert_eq!(print.to_string().parse(), Ok(print));
        assert_ne!(print, Fingerprint::of("Other", "no user 4711"));
        for wrong in ["", "0", "zz00000000000000", "+123456789abcdef", "ABCDEF0123456789"] {
            assert!(wrong.parse::<Fingerprint>().is_err(), "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn any_text_has_a_fingerprint(text in "\\PC{0,200}") {
            let once = normalised(&text);
            prop_assert!(once.chars().count() <= 1_000);
            prop_assert!(!once.contains(|c: char| c.is_ascii_digit()) || text.contains(['"', '\'', '`']));
        }
    }
}
