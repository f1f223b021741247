//! Numbers as people read them.

use kerrera::{Quality, Tally};
use maud::{Markup, html};

use crate::language::Language;
use crate::text::{Text, texts};

/// With a comma for each thousand: `1,204`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// In few characters: `1.2K` and `3.4M`; `1.2천` and `340만`.
pub(crate) fn short(number: u64, language: Language) -> String {
    let units: &[(u64, &str)] = match language {
        Language::English => &[(1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K")],
        Language::Korean => &[(100_000_000, "억"), (10_000, "만"), (1_000, "천")],
    };
    match units.iter().find(|(unit, _)| number >= *unit) {
        None => number.to_string(),
        Some((unit, sign)) => {
            // Cut, never rounded up: 999,999 are not yet 1M.
            let tenths = number / (unit / 10);
            match (tenths / 10, tenths % 10) {
                (whole, tenth) if whole < 10 && tenth > 0 => format!("{whole}.{tenth}{sign}"),
                (whole, _) => format!("{}{sign}", grouped(whole)),
            }
        }
    }
}

/// How many milliseconds something took: `12 ms`, `3.4 s`, `2 min 5 s`, `3 h 20 min`.
pub(crate) fn span(milliseconds: u64, language: Language) -> String {
    let (ms, s, min, h, d) = match language {
        Language::English => (" ms", " s", " min", " h", " d"),
        Language::Korean => ("ms", "초", "분", "시간", "일"),
    };
    let seconds = milliseconds / 1_000;
    let two = |large: u64, unit: &str, small: u64, lesser: &str| match small {
        0 => format!("{large}{unit}"),
        small => format!("{large}{unit} {small}{lesser}"),
    };
    match seconds {
        0 => format!("{milliseconds}{ms}"),
        1..10 => match milliseconds % 1_000 / 100 {
            0 => format!("{seconds}{s}"),
            tenths => format!("{seconds}.{tenths}{s}"),
        },
        10..60 => format!("{seconds}{s}"),
        60..3_600 => two(seconds / 60, min, seconds % 60, s),
        3_600..86_400 => two(seconds / 3_600, h, seconds % 3_600 / 60, min),
        _ => two(seconds / 86_400, d, seconds % 86_400 / 3_600, h),
    }
}

/// A count in a cell: short, with the whole number for those who ask.
pub(crate) fn count(number: u64, text: Text) -> Markup {
    let short = short(number, text.spoken());
    let whole = grouped(number);
    html! {
        @if short == whole || number < 1_000 { span.num { (whole) } }
        @else { span.num title=(whole) { (short) } }
    }
}

/// A count that says how it is known: `1,204`, `10,000+`, `≈ 3.2M`.
pub(crate) fn tally(tally: Tally, text: Text) -> Markup {
    let (short, whole) = (short(tally.value, text.spoken()), grouped(tally.value));
    match tally.quality {
        Quality::Exact => count(tally.value, text),
        Quality::Capped => html! { span.num title=(text.at_least(tally.value)) { (whole) "+" } },
        Quality::Estimated => html! { span.num title=(text.about(tally.value)) { "≈ " (short) } },
    }
}

/// The same within a sentence.
pub(crate) fn tally_words(tally: Tally, text: Text) -> String {
    match tally.quality {
        Quality::Exact => grouped(tally.value),
        Quality::Capped => format!("{}+", grouped(tally.value)),
        Quality::Estimated => format!("≈ {}", short(tally.value, text.spoken())),
    }
}

texts! {
    at_least(n: u64): one "At least 1: counting ended there" other "At least {n}: counting ended there"
        | "{n}개 이상: 여기까지만 세었습니다";
    about(n: u64): one "About 1, estimated" other "About {n}, estimated" | "약 {n}개 (추정)";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_short_and_never_too_large() {
        let en = |number| short(number, Language::English);
        assert_eq!([en(999), en(1_000), en(1_249), en(12_345)], ["999", "1K", "1.2K", "12K"]);
        assert_eq!([en(999_999), en(3_400_000), en(u64::MAX)][..2], ["999K", "3.4M"]);
        let ko = |number| short(number, Language::Korean);
        assert_eq!([ko(1_249), ko(3_400_000), ko(120_000_000)], ["1.2천", "340만", "1.2억"]);
        assert_eq!(grouped(1_234_567), "1,234,567");
    }

    #[test]
    fn spans_have_at_most_two_units() {
        let en = |milliseconds| span(milliseconds, Language::English);
        assert_eq!([en(0), en(12), en(3_400), en(59_000)], ["0 ms", "12 ms", "3.4 s", "59 s"]);
        assert_eq!(
            [en(125_000), en(12_000_000), en(90_000_000)],
            ["2 min 5 s", "3 h 20 min", "1 d 1 h"]
        );
    }
}
