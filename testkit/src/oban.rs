//! Stand-ins for Oban's own nodes: what they write to the shared tables and say on the shared channels,
//! in our own words, each with a clock of its own.
//!
//! They are as careless as the real ones: [`Elixir`] ends jobs by their number alone, and judges others'
//! by their age.

mod elixir;
mod message;
mod python;

use std::fmt;
use std::time::SystemTime;

pub use elixir::{Elixir, End, Taken};
pub use message::{Ear, Form, pack};
pub use python::Python;

/// What time a node believes it is.
struct Watch<'a> {
    /// The true time, in microseconds since 1970.
    truth: Box<dyn Fn() -> i64 + 'a>,
    ahead: i64,
}

impl Watch<'_> {
    /// This machine's.
    fn true_one() -> Watch<'static> {
        let truth = || {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            i64::try_from(since.expect("1970 is over").as_micros()).expect("not in 290,000 years")
        };
        Watch { truth: Box::new(truth), ahead: 0 }
    }

    /// The time as SQL.
    fn now(&self) -> String {
        let micros = (self.truth)() + self.ahead;
        // As text: a number of microseconds, multiplied, would go through a double.
        let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        format!(
            "(timestamp 'epoch' + interval '{seconds} seconds' + interval '{micros} microseconds')"
        )
    }
}

impl fmt::Debug for Watch<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("ahead", &self.ahead).finish_non_exhaustive()
    }
}

/// Text as SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// Random, as every producer's is.
fn uuid() -> String {
    let (high, low) = (fastrand::u64(..), fastrand::u64(..));
    let (a, b, c) = (high >> 32, (high >> 16) & 0xffff, high & 0xfff);
    format!("{a:08x}-{b:04x}-4{c:03x}-8{:03x}-{:012x}", low >> 52, low & 0xffff_ffff_ffff)
}

/// The numbers that a statement gave back, one a line.
fn numbers(rows: &str) -> Vec<i64> {
    rows.lines().filter_map(|line| line.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_looks_like_one() {
        let uuid = uuid();
        let lengths: Vec<usize> = uuid.split('-').map(str::len).collect();
        assert_eq!(lengths, [8, 4, 4, 4, 12], "{uuid}");
    }

    #[test]
    fn a_watch_can_be_wrong() {
        let watch = Watch { truth: Box::new(|| 1_000_000), ahead: -1_000_001 };
        let now = watch.now();
        assert!(now.contains("'-1 seconds'") && now.contains("'999999 microseconds'"), "{now}");
    }
}
