//! Secrets that nobody can guess.

use std::fmt;

use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

/// What tokens begin with, so that they are recognised where they should not be.
const PREFIX: &str = "kerrera_";

/// A random secret of 256 bits. It is shown once, and kept as its hash only.
#[derive(Clone)]
pub struct Secret(String);

/// The hash of a secret. A fast one will do: a secret of 256 random bits cannot be guessed.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Digest([u8; 32]);

impl Secret {
    /// A new one.
    pub(super) fn random() -> Result<Secret, getrandom::Error> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        Ok(Secret(format!("{PREFIX}{}", hex(&bytes))))
    }

    /// The secret itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    pub(super) fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl Digest {
    pub(super) fn of(secret: &str) -> Digest {
        Digest(Sha256::digest(secret).into())
    }

    /// Whether it is that of the same secret; takes the same time whatever is wrong.
    pub(super) fn is(&self, other: &Digest) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// Reads 64 digits.
    pub(super) fn read(text: &str) -> Option<Digest> {
        let mut bytes = [0; 32];
        if text.len() != 64 || !text.is_ascii() {
            return None;
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).ok()?;
            *byte = u8::from_str_radix(digits, 16).ok()?;
        }
        Some(Digest(bytes))
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex(&self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(..)")
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_differ_and_are_not_shown() {
        let [one, other] = [(); 2].map(|()| Secret::random().unwrap());
        assert_ne!(one.reveal(), other.reveal());
        assert_eq!(one.reveal().len(), PREFIX.len() + 64);
        assert!(one.digest().is(&Digest::of(one.reveal())) && !one.digest().is(&other.digest()));
        assert!(!format!("{one:?} {:?}", one.digest()).contains(&one.reveal()[8..]));
        assert_eq!(Digest::read(&one.digest().to_string()), Some(one.digest()));
        for wrong in ["", "zz", &"g".repeat(64), &"+a".repeat(32)[..63], &"é".repeat(32)] {
            assert_eq!(Digest::read(wrong), None, "{wrong}");
        }
    }
}
