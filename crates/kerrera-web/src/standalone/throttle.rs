//! Guessing, made slow.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

/// How often somebody may fail within [`WINDOW`].
pub(super) const FAILURES: usize = 10;
pub(super) const WINDOW: Duration = Duration::from_secs(60);

/// How many guessers are remembered. Who comes from more addresses than this has other ways too.
const ADDRESSES: usize = 10_000;

/// Who has failed, and when. A decision; it has no clock.
#[derive(Debug, Default)]
pub(super) struct Throttle {
    failures: HashMap<IpAddr, Vec<Instant>>,
}

impl Throttle {
    /// How long somebody has to wait before they may try again; `None` if not at all.
    pub(super) fn wait(&self, from: IpAddr, now: Instant) -> Option<Duration> {
        let failures = self.failures.get(&guesser(from))?;
        let recent = failures.iter().filter(|at| now.duration_since(**at) < WINDOW);
        if recent.clone().count() < FAILURES {
            return None;
        }
        recent.min().map(|oldest| WINDOW.saturating_sub(now.duration_since(*oldest)))
    }

    /// They failed.
    pub(super) fn failed(&mut self, from: IpAddr, now: Instant) {
        if self.failures.len() >= ADDRESSES {
            self.failures
                .retain(|_, failures| failures.iter().any(|at| now.duration_since(*at) < WINDOW));
        }
        if self.failures.len() >= ADDRESSES {
            let oldest = self.failures.iter().min_by_key(|(_, failures)| failures.last().copied());
            if let Some(oldest) = oldest.map(|(from, _)| *from) {
                self.failures.remove(&oldest);
            }
        }
        let failures = self.failures.entry(guesser(from)).or_default();
        failures.retain(|at| now.duration_since(*at) < WINDOW);
        if failures.len() < FAILURES {
            failures.push(now);
        }
    }
}

/// Whose address it is: of IPv6, everybody has a network of 64 bits to choose from.
fn guesser(from: IpAddr) -> IpAddr {
    match from {
        IpAddr::V6(from) => match from.to_ipv4_mapped() {
            Some(from) => IpAddr::V4(from),
            None => IpAddr::V6(Ipv6Addr::from_bits(from.to_bits() & !u128::from(u64::MAX))),
        },
        from @ IpAddr::V4(_) => from,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn ten_failures_a_minute_and_no_more() {
        let (mut throttle, start) = (Throttle::default(), Instant::now());
        let second = Duration::from_secs(1);
        for failure in 0..FAILURES as u32 {
            assert_eq!(throttle.wait(at("10.0.0.1"), start + second * failure), None);
            throttle.failed(at("10.0.0.1"), start + second * failure);
        }
        let now = start + second * 20;
        assert_eq!(throttle.wait(at("10.0.0.1"), now), Some(second * 40));
        assert_eq!(throttle.wait(at("::ffff:10.0.0.1"), now), Some(second * 40));
        assert_eq!(throttle.wait(at("10.0.0.2"), now), None);
        assert_eq!(throttle.wait(at("10.0.0.1"), start + WINDOW), None, "the oldest is forgotten");
    }

    #[test]
    fn a_network_of_addresses_is_one_guesser() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for host in 0..FAILURES {
            throttle.failed(at(&format!("2001:db8::{host:x}")), now);
        }
        assert!(throttle.wait(at("2001:db8::ffff"), now).is_some());
        assert!(throttle.wait(at("2001:db8:0:1::1"), now).is_none());
    }

    #[test]
    fn many_guessers_do_not_fill_the_memory() {
        let (mut throttle, now) = (Throttle::default(), Instant::now());
        for guesser in 0..2 * ADDRESSES as u32 {
            throttle.failed(IpAddr::V4(guesser.into()), now);
        }
        assert!(throttle.failures.len() <= ADDRESSES);
    }
}
