//! A service that the import depends on, and that often fails.
//!
//! It answers with geohashes, truly computed; its troubles are made up, one kind an import.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kerrera::State;

/// What an answer costs.
const LATENCY: Duration = Duration::from_millis(40);

/// How long a geohash is: 9 characters are some metres.
const LENGTH: usize = 9;

/// The service, as its client sees it.
#[derive(Debug)]
pub(crate) struct Geocoder {
    troubles: HashMap<u32, Trouble>,
    /// How often each row's trouble was met.
    met: Mutex<HashMap<u32, u32>>,
}

/// How the service fails an import; decided by the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trouble {
    None,
    /// It is being restarted: so many times.
    Away(u32),
    /// It gives an answer that makes no sense: so many times.
    Nonsense(u32),
    /// It does not serve such places at all.
    Refused,
}

impl Trouble {
    /// How often each comes in seventeen, the number of imports.
    pub(crate) const DECK: [(usize, Trouble); 7] = [
        (9, Trouble::None),
        (2, Trouble::Away(1)),
        (1, Trouble::Away(2)),
        (2, Trouble::Nonsense(1)),
        (1, Trouble::Nonsense(3)),
        (1, Trouble::Nonsense(u32::MAX)),
        (1, Trouble::Refused),
    ];

    /// How an import that meets it ends, if it has so many attempts.
    pub(crate) fn end(self, attempts: u32) -> State {
        match self {
            Trouble::Refused => State::Cancelled,
            Trouble::Nonsense(times) if times >= attempts => State::Discarded,
            Trouble::None | Trouble::Away(_) | Trouble::Nonsense(_) => State::Completed,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GeocoderError {
    /// It will be back soon.
    Temporary,
    /// It will never answer this.
    Permanent,
    /// Who knows.
    Other,
}

impl fmt::Display for GeocoderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            GeocoderError::Temporary => "the geocoder is being restarted",
            GeocoderError::Permanent => "the geocoder does not serve these places",
            GeocoderError::Other => "the geocoder's answer makes no sense",
        })
    }
}

impl std::error::Error for GeocoderError {}

impl Geocoder {
    pub(crate) fn new(troubles: impl IntoIterator<Item = (u32, Trouble)>) -> Geocoder {
        Geocoder { troubles: troubles.into_iter().collect(), met: Mutex::default() }
    }

    /// The geohashes of some places (latitude, longitude), in their order; the first is that of this
    /// row of the file.
    pub(crate) async fn locate(
        &self,
        row: u32,
        places: &[(f64, f64)],
    ) -> Result<Vec<String>, GeocoderError> {
        tokio::time::sleep(LATENCY).await;
        match self.trouble(row) {
            Some(error) => Err(error),
            None => Ok(places
                .iter()
                .map(|&(latitude, longitude)| geohash(latitude, longitude))
                .collect()),
        }
    }

    fn trouble(&self, row: u32) -> Option<GeocoderError> {
        let mut met = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        let met = met.entry(row).or_default();
        let (error, times) = match self.troubles.get(&row).copied().unwrap_or(Trouble::None) {
            Trouble::None => return None,
            Trouble::Away(times) => (GeocoderError::Temporary, times),
            Trouble::Nonsense(times) => (GeocoderError::Other, times),
            Trouble::Refused => (GeocoderError::Permanent, u32::MAX),
        };
        if *met >= times {
            return None;
        }
        *met += 1;
        Some(error)
    }
}

/// The geohash of a place: bits of longitude and latitude in turn, each halving what is left of its
/// range, five to a character.
fn geohash(latitude: f64, longitude: f64) -> String {
    const ALPHABET: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

    let mut ranges = [(-180.0, 180.0, longitude), (-90.0, 90.0, latitude)];
    let mut hash = String::with_capacity(LENGTH);
    let mut bits = 0_usize;
    for bit in 0..LENGTH * 5 {
        let (low, high, value) = &mut ranges[bit % 2];
        let middle = (*low + *high) / 2.0;
        let is_upper = *value >= middle;
        *(if is_upper { low } else { high }) = middle;
        bits = bits << 1 | usize::from(is_upper);
        if bit % 5 == 4 {
            hash.push(char::from(ALPHABET[bits]));
            bits = 0;
        }
    }
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_have_their_well_known_hashes() {
        assert_eq!(geohash(57.64911, 10.40744), "u4pruydqq");
        assert!(geohash(42.605, -5.603).starts_with("ezs42"));
    }

    #[tokio::test(start_paused = true)]
    async fn trouble_comes_as_often_as_it_was_made_up() {
        let geocoder = Geocoder::new([(0, Trouble::Away(2)), (200, Trouble::Refused)]);
        for expected in [Some(GeocoderError::Temporary), Some(GeocoderError::Temporary), None, None]
        {
            assert_eq!(geocoder.locate(0, &[]).await.err(), expected);
        }
        for _ in 0..3 {
            assert_eq!(geocoder.locate(200, &[]).await, Err(GeocoderError::Permanent));
        }
        assert!(geocoder.locate(400, &[(0.0, 0.0)]).await.is_ok());
    }
}
