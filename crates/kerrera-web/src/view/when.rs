//! Instants as people read them.

use jiff::tz::TimeZone;
use kerrera::Timestamp;
use maud::{Markup, html};

use crate::language::Language;
use crate::text::texts;
use crate::view::number::span;
use crate::visit::Visit;

texts! {
    ago(span: &str): "{span} ago" | "{span} 전";
    ahead(span: &str): "in {span}" | "{span} 후";
    just_now: "just now" | "방금";
}

/// How long ago, or in how long; the exact time in the visitor's zone and in UTC for those who ask.
pub(crate) fn relative(time: Timestamp, visit: &Visit) -> Markup {
    let exact = exact(time, &visit.preferences().zone);
    let utc = exact_utc(time);
    let title =
        if visit.preferences().zone == TimeZone::UTC { exact } else { format!("{exact}\n{utc}") };
    html! {
        time datetime=(time) title=(title) { (distance(time, visit.now(), visit.language())) }
    }
}

/// The same, or a dash.
pub(crate) fn relative_or_dash(time: Option<Timestamp>, visit: &Visit) -> Markup {
    match time {
        Some(time) => relative(time, visit),
        None => html! { span.subtle { "–" } },
    }
}

/// The exact time, in the visitor's zone.
pub(crate) fn absolute(time: Timestamp, visit: &Visit) -> Markup {
    html! { time datetime=(time) title=(exact_utc(time)) { (exact(time, &visit.preferences().zone)) } }
}

/// As `2026-11-22 18:03:07 +09:00`.
pub(crate) fn exact(time: Timestamp, zone: &TimeZone) -> String {
    match jiff::Timestamp::from_microsecond(time.as_micros()) {
        Ok(time) => time.to_zoned(zone.clone()).strftime("%Y-%m-%d %H:%M:%S %:z").to_string(),
        Err(_) => time.to_string(),
    }
}

fn exact_utc(time: Timestamp) -> String {
    match jiff::Timestamp::from_microsecond(time.as_micros()) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string(),
        Err(_) => time.to_string(),
    }
}

/// How far an instant is from now, in one unit or two.
pub(crate) fn distance(time: Timestamp, now: Timestamp, language: Language) -> String {
    let text = crate::text::Text::from(language);
    let micros = time.as_micros().saturating_sub(now.as_micros());
    let seconds = micros.unsigned_abs() / 1_000_000;
    if seconds == 0 {
        return text.just_now().into_owned();
    }
    // Whole units: what changes each second catches the eye for nothing.
    let coarse = match seconds {
        0..60 => seconds,
        60..3_600 => seconds / 60 * 60,
        3_600..86_400 => seconds / 3_600 * 3_600,
        _ => seconds / 86_400 * 86_400,
    };
    let span = span(coarse.saturating_mul(1_000), language);
    let said = if micros < 0 { text.ago(&span) } else { text.ahead(&span) };
    said.into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_in_one_unit() {
        let now = Timestamp::from_micros(1_000_000_000_000_000);
        let at = |seconds: i64| {
            let time = Timestamp::from_micros(now.as_micros() + seconds * 1_000_000);
            distance(time, now, Language::English)
        };
        assert_eq!(
            [at(0), at(-3), at(-125), at(7_300)],
            ["just now", "3 s ago", "2 min ago", "in 2 h"]
        );
        let korean =
            distance(Timestamp::from_micros(now.as_micros() - 180_000_000), now, Language::Korean);
        assert_eq!(korean, "3분 전");
    }

    #[test]
    fn times_are_in_the_zone_that_was_chosen() {
        let time: Timestamp = "2026-11-22T09:03:07Z".parse().unwrap();
        let seoul = TimeZone::get("Asia/Seoul").unwrap();
        assert_eq!(exact(time, &seoul), "2026-11-22 18:03:07 +09:00");
    }
}
