use proptest::prelude::*;

use super::*;

fn cron(text: &str) -> CronExpression {
    text.parse().unwrap_or_else(|wrong| panic!("{wrong}"))
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn zone(name: &str) -> Timezone {
    name.parse().unwrap()
}

fn said(text: &str) -> String {
    text.parse::<CronExpression>().unwrap_err().to_string()
}

/// The next times, without their seconds.
fn next(text: &str, place: &str, after: &str, count: usize) -> Vec<String> {
    let (cron, zone) = (cron(text), zone(place));
    let next = |after: Timestamp| cron.next_after(after, &zone);
    std::iter::successors(next(at(after)), |time| next(*time))
        .take(count)
        .map(|time| time.to_string()[..16].to_owned())
        .collect()
}

#[test]
fn expressions_that_make_no_sense_are_refused() {
    let refused = [
        ("* * * *", "needs five fields"),
        ("", "needs five fields"),
        ("* * * * * *", "needs five fields"),
        ("* * * * 1, 2 3", "needs five fields"),
        ("60 * * * *", "minute 60 is out of range: it goes from 0 to 59"),
        ("* 24 * * *", "hour 24 is out of range"),
        ("* * 32 * *", "day 32 is out of range"),
        ("* * 0 * *", "day 0 is out of range"),
        ("* * * 13 *", "month 13 is out of range"),
        ("* * * 0 *", "month 0 is out of range"),
        ("* * * * 8", "weekday 8 is out of range: it goes from 0 to 7"),
        ("*/0 * * * *", "step \"0\""),
        ("*/100 * * * *", "step \"100\""),
        ("*/05 * * * *", "step \"05\""),
        ("*/+5 * * * *", "step \"+5\""),
        ("*/ * * * *", "step \"\""),
        ("ONE * * * *", "minute \"ONE\" is not understood"),
        ("jan * * * *", "minute \"jan\" is not understood"),
        ("* * * sun *", "month \"sun\" is not understood"),
        ("* * * * jan", "weekday \"jan\" is not understood"),
        ("+5 * * * *", "minute \"+5\""),
        ("-5 * * * *", "minute \"\""),
        ("1--100000000 * * * *", "minute \"-100000000\""),
        ("5- * * * *", "minute \"\""),
        ("1,,2 * * * *", "minute \"\""),
        ("*-5 * * * *", "minute \"*\""),
        ("10-5 * * * *", "begins after its end"),
        ("* * * * SAT-SUN", "begins after its end"),
        ("* * L * *", "day \"L\""),
        ("* * ? * *", "day \"?\""),
        ("* * * * 5#3", "weekday \"5#3\""),
        ("@never", "is no nickname"),
        ("@", "is no nickname"),
        ("@daily @daily", "is no nickname"),
        ("0-99999999 * * * *", "minute 99999999 is out of range"),
        ("99999999/1 * * * *", "minute 99999999 is out of range"),
        ("99999999999999999999999 * * * *", "is out of range"),
        ("* 0-24 * * *", "hour 24 is out of range"),
        ("* * 0-31 * *", "day 0 is out of range"),
        ("* * * 0-12 *", "month 0 is out of range"),
        ("* * * * 0-8", "weekday 8 is out of range"),
    ];
    for (text, hint) in refused {
        let said = said(text);
        assert!(said.contains(hint), "{text:?}: {said}");
    }
}

#[test]
fn dates_that_never_come_are_refused() {
    let never = ["0 0 30 2 *", "0 0 31 4 *", "0 0 31 2,4,6,9,11 *", "0 0 30,31 FEB *"];
    for text in never {
        let said = said(text);
        assert!(said.contains("never comes"), "{said}");
    }
    for text in ["0 0 30 2,4 *", "0 0 29 2 *", "0 0 31 * *", "0 0 * 2 *"] {
        cron(text);
    }
}

#[test]
fn fields_stand_for_their_numbers() {
    let days = |text: &str| {
        let times = cron(&format!("0 0 {text} * *")).times.unwrap();
        (0..64).filter(|day| times.days & (1 << day) > 0).collect::<Vec<u32>>()
    };
    assert_eq!(days("1/7"), [1, 8, 15, 22, 29]);
    assert_eq!(days("1-14/7"), [1, 8]);
    assert_eq!(days("*/10"), [1, 11, 21, 31]);
    assert_eq!(days("31,1,5-6,05"), [1, 5, 6, 31]);
    assert_eq!(days("30/99"), [30]);
    let hours = cron("* 0/12 * * *").times.unwrap().hours;
    assert_eq!(hours, 1 | 1 << 12);

    let same = |one: &str, other: &str| assert!(cron(one).times == cron(other).times, "{one}");
    same("* * * JAN,mar-May *", "* * * 1,3-5 *");
    same("* * * * sun,Mon-FRI/2", "* * * * 0,1-5/2");
    same("* * * * 7", "* * * * 0");
    same("* * * * 5-7", "* * * * 0,5,6");
    same("* * * * 0-7", "* * * * *");
    same("* * * * 1/2", "* * * * 1,3,5");
    same("* * * * 7/2", "* * * * 0");
    same("0  7\t*  *\n 1", " 0 7 * * 1 ");
    same("0 7 * * 1 , 2,3", "0 7 * * 1-3");
}

#[test]
fn nicknames_stand_for_expressions() {
    let nicknames = [
        ("@yearly", "0 0 1 1 *"),
        ("@annually", "0 0 1 1 *"),
        ("@monthly", "0 0 1 * *"),
        ("@weekly", "0 0 * * 0"),
        ("@daily", "0 0 * * *"),
        ("@midnight", "0 0 * * *"),
        ("@hourly", "0 * * * *"),
        (" @Hourly ", "0 * * * *"),
    ];
    for (nickname, text) in nicknames {
        assert!(cron(nickname).times == cron(text).times, "{nickname}");
        assert_eq!(cron(nickname).to_string(), nickname, "the text is kept");
    }
}

#[test]
fn a_reboot_has_no_times() {
    let (reboot, now) = (cron("@reboot"), at("2024-11-21T00:00:00Z"));
    assert!(reboot.is_reboot());
    assert_eq!(reboot.next_after(now, &Timezone::utc()), None);
    assert_eq!(reboot.last_before(now, &Timezone::utc()), None);
    assert!(!reboot.matches(now, &Timezone::utc()));
}

#[test]
fn a_minute_matches_when_every_field_does() {
    let utc = Timezone::utc();
    // A Thursday.
    let now = at("2024-11-21T13:05:59.999999Z");
    for yes in ["5 13 21 11 4", "* * * * *", "* * * * THU", "0-9 * 21 NOV *", "5 13 * * *"] {
        assert!(cron(yes).matches(now, &utc), "{yes}");
    }
    for no in ["6 13 21 11 4", "5 14 21 11 4", "5 13 22 11 4", "5 13 21 12 4", "5 13 21 11 5"] {
        assert!(!cron(no).matches(now, &utc), "{no}");
    }
    assert!(!cron("* * 21 * FRI").matches(now, &utc), "day and weekday, not either");
    for weekday in 0..7 {
        // A Sunday, and the days after it.
        let day = at("2024-11-24T12:00:00Z") + std::time::Duration::from_secs(86_400 * weekday);
        let matching = (0..7).filter(|n| cron(&format!("* * * * {n}")).matches(day, &utc));
        assert_eq!(matching.collect::<Vec<u64>>(), [weekday]);
    }
}

#[test]
fn the_next_and_the_last_time_are_found() {
    let utc = "Etc/UTC";
    assert_eq!(next("0 13 * * *", utc, "2024-11-21T01:02:03Z", 1), ["2024-11-21T13:00"]);
    assert_eq!(next("0 1 5 9 SUN", utc, "2024-11-21T00:00:00Z", 1), ["2027-09-05T01:00"]);
    assert_eq!(next("0 13 * * *", utc, "2024-11-21T13:00:00Z", 1), ["2024-11-22T13:00"]);
    assert_eq!(next("0 0 29 2 *", utc, "2096-03-01T00:00:00Z", 1), ["2104-02-29T00:00"]);
    let last = |text: &str, before| cron(text).last_before(at(before), &Timezone::utc());
    assert_eq!(last("0 1 5 9 MON", "2024-11-21T00:00:00Z"), Some(at("2022-09-05T01:00:00Z")));
    assert_eq!(last("*/2 * * * *", "2024-11-21T00:55:30Z"), Some(at("2024-11-21T00:54:00Z")));
    assert_eq!(last("*/2 * * * *", "2024-11-21T00:54:30Z"), Some(at("2024-11-21T00:52:00Z")));
}

#[test]
fn the_clock_goes_forward_and_back_in_chicago() {
    let chicago = "America/Chicago";
    // On 2026-03-08, 02:00 to 02:59 do not exist.
    let nights = next("30 2 * * *", chicago, "2026-03-07T00:00:00Z", 3);
    assert_eq!(nights, ["2026-03-07T08:30", "2026-03-09T07:30", "2026-03-10T07:30"]);
    // On 2026-11-01, 01:00 to 01:59 come twice.
    let nights = next("30 1 * * *", chicago, "2026-10-31T12:00:00Z", 3);
    assert_eq!(nights, ["2026-11-01T06:30", "2026-11-01T07:30", "2026-11-02T07:30"]);
    // A working day is the same by the clock on the wall.
    let mornings = next("0 9 * * *", chicago, "2026-10-31T12:00:00Z", 2);
    assert_eq!(mornings, ["2026-10-31T14:00", "2026-11-01T15:00"]);
}

#[test]
fn the_clock_goes_forward_and_back_in_copenhagen() {
    let copenhagen = "Europe/Copenhagen";
    let nights = next("0 2,3 * * *", copenhagen, "2026-03-28T12:00:00Z", 3);
    assert_eq!(nights, ["2026-03-29T01:00", "2026-03-30T00:00", "2026-03-30T01:00"]);
    let nights = next("0 2 * * *", copenhagen, "2026-10-24T12:00:00Z", 3);
    assert_eq!(nights, ["2026-10-25T00:00", "2026-10-25T01:00", "2026-10-26T01:00"]);
    // The 29th of March is a Sunday only when it is the last one: this hour is always skipped.
    let never = cron("30 2 29 3 SUN");
    assert_eq!(never.next_after(at("2026-01-01T00:00:00Z"), &zone(copenhagen)), None);
    let before = never.last_before(at("2090-01-01T00:00:00Z"), &zone(copenhagen));
    assert!(
        before < Some(at("1981-01-01T00:00:00Z")),
        "not since the clock is changed: {before:?}"
    );
}

#[test]
fn the_clock_stays_in_seoul() {
    let mornings = next("0 7 * * MON-FRI", "Asia/Seoul", "2026-11-20T00:00:00Z", 3);
    assert_eq!(mornings, ["2026-11-22T22:00", "2026-11-23T22:00", "2026-11-24T22:00"]);
}

#[test]
fn the_clock_goes_by_half_an_hour_on_lord_howe() {
    let lord_howe = "Australia/Lord_Howe";
    // Forward on 2026-10-04 from 02:00 to 02:30, from UTC+10:30 to UTC+11.
    let nights = next("*/15 2 4 10 *", lord_howe, "2026-10-03T00:00:00Z", 2);
    assert_eq!(nights, ["2026-10-03T15:30", "2026-10-03T15:45"]);
    // Back on 2026-04-05 from 02:00 to 01:30.
    let nights = next("45 1 5 4 *", lord_howe, "2026-04-04T00:00:00Z", 2);
    assert_eq!(nights, ["2026-04-04T14:45", "2026-04-04T15:15"]);
}

#[test]
fn times_end_with_the_calendar() {
    let daily = cron("0 0 * * *");
    for name in ["Etc/UTC", "Europe/Copenhagen"] {
        let zone = zone(name);
        for edge in [Timestamp::MAX, Timestamp::MIN, at("9999-12-29T00:00:00Z")] {
            daily.next_after(edge, &zone);
            daily.last_before(edge, &zone);
            daily.matches(edge, &zone);
        }
        for edge in [i64::MAX, i64::MIN] {
            let edge = Timestamp::from_micros(edge);
            assert_eq!(daily.next_after(edge, &zone), None);
            assert_eq!(daily.last_before(edge, &zone), None);
        }
    }
}

#[test]
fn a_long_text_is_not_looked_at() {
    for text in [",".repeat(1 << 20), "9".repeat(1 << 20), "@".repeat(1 << 20)] {
        let said = said(&text);
        assert!(said.contains("1048576 bytes") && said.len() < 400, "{said}");
    }
    // The longest that says nothing twice.
    let list =
        |from: u32, to: u32| (from..=to).map(|n| n.to_string()).collect::<Vec<_>>().join(",");
    let all = [list(0, 59), list(0, 23), list(1, 31), list(1, 12), list(0, 6)].join(" ");
    assert!(cron(&all).times == cron("* * * * *").times);
}

/// A field that is often right.
fn field(first: u32, last: u32) -> impl Strategy<Value = String> {
    let number = move || first..=last;
    let part = prop_oneof![
        2 => Just("*".to_owned()),
        3 => number().prop_map(|n| n.to_string()),
        2 => (number(), number()).prop_map(|(a, b)| format!("{}-{}", a.min(b), a.max(b))),
        1 => (1..=99_u32).prop_map(|step| format!("*/{step}")),
        1 => (number(), 1..=99_u32).prop_map(|(n, step)| format!("{n}/{step}")),
        1 => (number(), number(), 1..=99_u32)
            .prop_map(|(a, b, step)| format!("{}-{}/{step}", a.min(b), a.max(b))),
    ];
    prop::collection::vec(part, 1..4).prop_map(|parts| parts.join(","))
}

fn expression() -> impl Strategy<Value = String> {
    let fields = (field(0, 59), field(0, 23), field(1, 31), field(1, 12), field(0, 7));
    fields.prop_map(|(minute, hour, day, month, weekday)| {
        format!("{minute} {hour} {day} {month} {weekday}")
    })
}

const PLACES: [&str; 7] = [
    "Etc/UTC",
    "America/Chicago",
    "Europe/Copenhagen",
    "Asia/Seoul",
    "Australia/Lord_Howe",
    "Africa/Casablanca",
    "Pacific/Apia",
];

/// Whether it is time, found in another way: by the date and the time that jiff shows.
fn shows(times: &Times, minute: i64, zone: &jiff::tz::TimeZone) -> bool {
    let shown = jiff::Timestamp::from_second(minute * 60).unwrap().to_zoned(zone.clone());
    let has = |bits: u64, number: i8| bits & (1 << number) > 0;
    has(times.minutes, shown.minute())
        && has(times.hours, shown.hour())
        && has(times.days, shown.day())
        && has(times.months, shown.month())
        && has(times.weekdays, shown.weekday().to_sunday_zero_offset())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_scan_of_every_minute_finds_the_same_times(
        text in expression(),
        place in prop::sample::select(&PLACES[..]),
        // 1970 to 2100; half of them around the changes of a year.
        start in prop_oneof![0_i64..68_374_080, 29_450_000_i64..29_980_000],
    ) {
        let Ok(cron) = text.parse::<CronExpression>() else { return Ok(()) };
        let times = cron.times.unwrap();
        let (ours, theirs) = (zone(place), jiff::tz::db().get(place).unwrap());
        const SPAN: i64 = 3 * MINUTES_OF_DAY;
        let scanned: Vec<i64> =
            (start..start + SPAN).filter(|minute| shows(&times, *minute, &theirs)).collect();
        let next = |minute| cron.next_after(instant(minute), &ours).map(minute_of);
        let last = |minute| cron.last_before(instant(minute), &ours).map(minute_of);
        let found: Vec<i64> = std::iter::successors(next(start - 1), |minute| next(*minute))
            .take_while(|minute| *minute < start + SPAN)
            .collect();
        prop_assert_eq!(&found, &scanned, "{} in {}", text, place);
        let mut backwards: Vec<i64> = std::iter::successors(last(start + SPAN), |minute| last(*minute))
            .take_while(|minute| *minute >= start)
            .collect();
        backwards.reverse();
        prop_assert_eq!(&backwards, &scanned, "{} in {}, backwards", text, place);
        for minute in scanned {
            prop_assert!(cron.matches(instant(minute), &ours));
        }
    }

    #[test]
    fn any_text_is_read_or_refused_in_few_words(text in ".{0,200}") {
        match text.parse::<CronExpression>() {
            Ok(cron) => prop_assert_eq!(cron.to_string(), text),
            Err(wrong) => prop_assert!(wrong.to_string().len() < 2_000),
        }
    }

    #[test]
    fn any_text_of_the_right_characters_is_read_or_refused(
        text in "[-0-9*/, A-Z@]{0,60}|([-0-9*/,]{1,8} ){4}[-0-9*/,A-Z]{1,8}",
        minute in 0_i64..68_374_080,
    ) {
        let Ok(cron) = text.parse::<CronExpression>() else { return Ok(()) };
        let now = instant(minute);
        for place in PLACES {
            let zone = zone(place);
            let (next, last) = (cron.next_after(now, &zone), cron.last_before(now, &zone));
            prop_assert!(next.is_none_or(|next| next > now) && last.is_none_or(|last| last < now));
        }
    }
}

fn minute_of(time: Timestamp) -> i64 {
    time.as_micros() / MICROS_OF_MINUTE
}
