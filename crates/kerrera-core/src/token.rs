//! The random token of a claim, by which every later write is fenced.

use std::fmt;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The token of one claim statement: the third element of `attempted_by` on every row it took.
///
/// Random, because counters and ids can be handed out again after a failover to a lagging replica;
/// a token never is. It stays on the row when the job has ended, so that an ack whose outcome is
/// unknown recognises its own success. Its text is `k:` and 22 characters of base 64 (URL alphabet).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ClaimToken([u8; 24]);

impl ClaimToken {
    /// What marks a row as claimed by Kerrera.
    pub const PREFIX: &'static str = "k:";

    /// A new one, from the operating system's random source.
    pub fn random() -> ClaimToken {
        const ALPHABET: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        // 128 bits of which 122 are random; base 64 takes six bits a character.
        let mut bits = Uuid::new_v4().as_u128();
        let mut text = [0; 24];
        text[..2].copy_from_slice(ClaimToken::PREFIX.as_bytes());
        for character in &mut text[2..] {
            *character = ALPHABET[(bits & 63) as usize];
            bits >>= 6;
        }
        ClaimToken(text)
    }

    /// Reads a token; `None` if the text is not one of ours.
    pub fn parse(text: &str) -> Option<ClaimToken> {
        let bytes: [u8; 24] = text.as_bytes().try_into().ok()?;
        let ours = text.starts_with(ClaimToken::PREFIX);
        let readable = |c: &u8| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_');
        (ours && bytes[2..].iter().all(readable)).then_some(ClaimToken(bytes))
    }

    /// The text as it stands in the row.
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for ClaimToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for ClaimToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for ClaimToken {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for ClaimToken {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<ClaimToken, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        ClaimToken::parse(&text).ok_or_else(|| serde::de::Error::custom("not a claim token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_read_back_and_never_repeats() {
        let tokens: std::collections::HashSet<_> =
            (0..10_000).map(|_| ClaimToken::random()).collect();
        assert_eq!(tokens.len(), 10_000);
        for token in tokens {
            assert_eq!(token.as_str().len(), 24);
            assert_eq!(ClaimToken::parse(token.as_str()), Some(token));
        }
        assert_eq!(ClaimToken::parse("another node's text here"), None);
    }
}
