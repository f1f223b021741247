//! Lengths of time as they are written in options: a whole number and a unit.

use std::time::Duration;

const UNITS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1_000), ("m", 60_000), ("min", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// Reads `30s`, `500 ms`, `2h`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let trimmed = text.trim();
    let end_of_number = trimmed.find(|c: char| !c.is_ascii_digit()).unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(end_of_number);
    let unit = unit.trim_start();

    if number.is_empty() {
        return Err(format!("{text:?} is not a length of time: {HOW_TO_WRITE}"));
    }
    if unit.is_empty() {
        return Err(format!("{text:?} lacks a unit: {HOW_TO_WRITE}"));
    }
    let Some((_, milliseconds)) = UNITS.iter().find(|(name, _)| *name == unit) else {
        return Err(format!("{text:?} is not a length of time: {HOW_TO_WRITE}"));
    };
    let span = number.parse::<u64>().ok().and_then(|number| number.checked_mul(*milliseconds));
    span.map(Duration::from_millis).ok_or_else(|| format!("{text:?} is too long"))
}

const HOW_TO_WRITE: &str = "write a whole number and one of the units ms, s, m (or min), h and d, \
                            such as \"30s\" or \"90m\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_a_whole_number_and_a_unit() {
        let seconds = |text| parse(text).map(|span| span.as_secs());
        assert_eq!(parse("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(seconds("30s"), Ok(30));
        assert_eq!(seconds(" 30 s "), Ok(30));
        assert_eq!(seconds("5m"), Ok(300));
        assert_eq!(seconds("5min"), Ok(300));
        assert_eq!(seconds("2h"), Ok(7_200));
        assert_eq!(seconds("7d"), Ok(604_800));
        assert_eq!(seconds("0s"), Ok(0));
    }

    #[test]
    fn anything_else_is_refused_with_the_units() {
        for text in ["", "soon", "s", "1.5h", "-1s", "30S", "30 sec", "1h30m", "1_000ms", "٣s"] {
            let message = parse(text).unwrap_err();
            assert!(message.starts_with(&format!("{text:?} is not")), "{message}");
            assert!(message.contains("ms, s, m (or min), h and d"), "{message}");
        }
        assert!(parse("30").unwrap_err().contains("lacks a unit"));
    }

    #[test]
    fn a_span_that_no_clock_can_count_is_refused() {
        for text in ["18446744073709551616ms", "18446744073709551615s", "99999999999999999999d"] {
            assert!(parse(text).unwrap_err().contains("too long"), "{text}");
        }
        assert!(parse("18446744073709551615ms").is_ok());
    }
}
