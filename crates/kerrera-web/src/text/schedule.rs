//! Cron expressions in words.

use kerrera::cron::CronExpression;

use super::Text;
use crate::language::Language;

impl Text {
    /// What an expression means, in words; `None` where they would be no clearer than the expression.
    pub(crate) fn schedule(self, expression: &CronExpression) -> Option<String> {
        let Some([minutes, hours, days, months, weekdays]) = expression.fields() else {
            return Some(self.at_reboot().into_owned());
        };
        let times = Times { minutes: numbers(minutes), hours: numbers(hours) };
        let dates = Dates {
            days: some_of(days, 31),
            months: some_of(months, 12),
            weekdays: some_of(weekdays, 7),
        };
        match self.spoken() {
            Language::English => english(&times, &dates),
            Language::Korean => korean(&times, &dates),
        }
    }
}

super::texts! {
    at_reboot: "when the first node starts" | "첫 노드가 시작될 때";
}

/// The times of a day.
struct Times {
    minutes: Vec<u32>,
    hours: Vec<u32>,
}

/// The days; each is empty if any will do.
struct Dates {
    days: Vec<u32>,
    months: Vec<u32>,
    weekdays: Vec<u32>,
}

/// How often within a day.
enum Rhythm {
    EveryMinute,
    /// Every so many minutes.
    Minutes(u32),
    /// At this minute, every so many hours.
    Hours(u32, u32),
    /// At these times.
    At(Vec<String>),
    /// Every so many minutes in the hours from the first to the end of the last.
    Within(u32, u32, u32),
}

/// More times than this are a list that nobody reads.
const MOST_TIMES: usize = 6;

impl Times {
    fn rhythm(&self) -> Option<Rhythm> {
        let every_hour = self.hours.len() == 24;
        let step = step_of(&self.minutes, 60);
        match (step, every_hour) {
            (Some(1), true) => return Some(Rhythm::EveryMinute),
            (Some(step), true) => return Some(Rhythm::Minutes(step)),
            _ => {}
        }
        if let ([minute], Some(step)) = (self.minutes.as_slice(), step_of(&self.hours, 24)) {
            return Some(Rhythm::Hours(*minute, step));
        }
        if self.minutes.len() * self.hours.len() <= MOST_TIMES {
            let at = |hour: &u32| {
                let hour = *hour;
                self.minutes.iter().map(move |minute| format!("{hour:02}:{minute:02}"))
            };
            return Some(Rhythm::At(self.hours.iter().flat_map(at).collect()));
        }
        let (first, last) = (*self.hours.first()?, *self.hours.last()?);
        let is_range = last - first + 1 == self.hours.len() as u32;
        step.filter(|_| is_range).map(|step| Rhythm::Within(step, first, last))
    }
}

fn english(times: &Times, dates: &Dates) -> Option<String> {
    const DAYS: [&str; 7] =
        ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let every_day = dates.is_every_day();
    let mut said = match times.rhythm()? {
        Rhythm::EveryMinute => "every minute".to_owned(),
        Rhythm::Minutes(step) => format!("every {step} minutes"),
        Rhythm::Hours(minute, 1) => format!("every hour at minute {minute}"),
        Rhythm::Hours(minute, step) => format!("every {step} hours at minute {minute}"),
        Rhythm::At(at) if every_day => format!("every day at {}", list(&at, " and ")),
        Rhythm::At(at) => format!("at {}", list(&at, " and ")),
        Rhythm::Within(1, from, to) => format!("every minute from {from:02}:00 to {to:02}:59"),
        Rhythm::Within(step, from, to) => {
            format!("every {step} minutes from {from:02}:00 to {to:02}:59")
        }
    };
    let name = |names: &'static [&'static str], number: u32| {
        names.get(number as usize).copied().unwrap_or_default()
    };
    let weekdays: Vec<String> = match range_of(&dates.weekdays, 3) {
        Some((from, to)) => vec![format!("{} to {}", name(&DAYS, from), name(&DAYS, to))],
        None => {
            // The week begins on Monday.
            let (sunday, others): (Vec<u32>, Vec<u32>) =
                dates.weekdays.iter().partition(|day| **day == 0);
            let days = others.into_iter().chain(sunday);
            days.map(|day| name(&DAYS, day).to_owned()).collect()
        }
    };
    let months: Vec<String> =
        dates.months.iter().map(|month| name(&MONTHS, month - 1).to_owned()).collect();
    let months = list(&months, " and ");
    let (has_days, has_months) = (!dates.days.is_empty(), !dates.months.is_empty());
    if has_days {
        let of = if has_months { &*months } else { "the month" };
        let days = days(&dates.days, "-");
        let word = if dates.days.len() == 1 { "day" } else { "days" };
        said.push_str(&format!(", on {word} {} of {of}", list(&days, " and ")));
    }
    match (has_days, weekdays.is_empty()) {
        (_, true) => {}
        (true, false) => said.push_str(&format!(", if it is {}", list(&weekdays, " or "))),
        (false, false) => said.push_str(&format!(", {}", list(&weekdays, " and "))),
    }
    if has_months && !has_days {
        said.push_str(&format!(", in {months}"));
    }
    Some(said)
}

fn korean(times: &Times, dates: &Dates) -> Option<String> {
    const DAYS: [&str; 7] = ["일", "월", "화", "수", "목", "금", "토"];
    let name = |day: &u32| DAYS.get(*day as usize).copied().unwrap_or_default().to_owned();
    let times = match times.rhythm()? {
        Rhythm::EveryMinute => "매분".to_owned(),
        Rhythm::Minutes(step) => format!("{step}분마다"),
        Rhythm::Hours(minute, 1) => format!("매시 {minute}분"),
        Rhythm::Hours(minute, step) => format!("{step}시간마다 {minute}분"),
        Rhythm::At(at) if dates.is_every_day() => format!("매일 {}", at.join(", ")),
        Rhythm::At(at) => at.join(", "),
        Rhythm::Within(1, from, to) => format!("{from:02}:00~{to:02}:59 매분"),
        Rhythm::Within(step, from, to) => format!("{from:02}:00~{to:02}:59 {step}분마다"),
    };
    let mut said = Vec::new();
    let (has_days, has_months) = (!dates.days.is_empty(), !dates.months.is_empty());
    if has_months {
        let months: Vec<String> = dates.months.iter().map(|month| format!("{month}월")).collect();
        said.push(format!("매년 {}", months.join(", ")));
    } else if has_days {
        said.push("매월".to_owned());
    }
    if has_days {
        said.push(format!("{}일", days(&dates.days, "~").join(", ")));
    }
    if !dates.weekdays.is_empty() {
        let weekdays = match range_of(&dates.weekdays, 3) {
            Some((from, to)) => format!("{}~{}요일", name(&from), name(&to)),
            None => {
                let days: Vec<String> = dates.weekdays.iter().map(name).collect();
                format!("{}요일", days.join(", "))
            }
        };
        let weekdays = match (has_days, has_months) {
            (true, _) => format!("({weekdays}인 경우)"),
            (false, true) => weekdays,
            (false, false) => format!("매주 {weekdays}"),
        };
        said.push(weekdays);
    }
    said.push(times);
    Some(said.join(" "))
}

impl Dates {
    fn is_every_day(&self) -> bool {
        self.days.is_empty() && self.months.is_empty() && self.weekdays.is_empty()
    }
}

fn numbers(bits: u64) -> Vec<u32> {
    (0..u64::BITS).filter(|bit| bits & (1 << bit) > 0).collect()
}

/// The numbers, or none if they are all that there are.
fn some_of(bits: u64, all: u32) -> Vec<u32> {
    if bits.count_ones() == all { Vec::new() } else { numbers(bits) }
}

/// The step, if the numbers go from 0 through the whole in equal steps.
fn step_of(numbers: &[u32], whole: u32) -> Option<u32> {
    let [0, second, ..] = numbers else { return None };
    let is_even = whole.is_multiple_of(*second) && numbers.len() as u32 == whole / second;
    let fits = numbers.iter().zip(0..).all(|(number, place)| *number == place * second);
    (is_even && fits).then_some(*second)
}

/// The ends, if there are at least so many numbers and none is missing between them.
fn range_of(numbers: &[u32], least: usize) -> Option<(u32, u32)> {
    let (first, last) = (*numbers.first()?, *numbers.last()?);
    let is_range = numbers.len() >= least && (last - first + 1) as usize == numbers.len();
    is_range.then_some((first, last))
}

/// Days of the month, as one range or each of them.
fn days(days: &[u32], to: &str) -> Vec<String> {
    match range_of(days, 3) {
        Some((first, last)) => vec![format!("{first}{to}{last}")],
        None => days.iter().map(u32::to_string).collect(),
    }
}

/// `a, b and c`.
fn list(parts: &[String], and: &str) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [rest @ .., last] => format!("{}{and}{last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(expression: &str) -> [Option<String>; 2] {
        let expression = expression.parse().unwrap();
        Language::ALL.map(|language| Text::from(language).schedule(&expression))
    }

    #[test]
    fn expressions_are_said_in_both_languages() {
        let cases = [
            ("* * * * *", "every minute", "매분"),
            ("*/15 * * * *", "every 15 minutes", "15분마다"),
            ("5 * * * *", "every hour at minute 5", "매시 5분"),
            ("5 */6 * * *", "every 6 hours at minute 5", "6시간마다 5분"),
            ("0 7 * * *", "every day at 07:00", "매일 07:00"),
            (
                "0,30 7,19 * * *",
                "every day at 07:00, 07:30, 19:00 and 19:30",
                "매일 07:00, 07:30, 19:00, 19:30",
            ),
            ("0 7 * * MON-FRI", "at 07:00, Monday to Friday", "매주 월~금요일 07:00"),
            ("0 7 * * 0,6", "at 07:00, Saturday and Sunday", "매주 일, 토요일 07:00"),
            (
                "*/5 9-17 * * 1",
                "every 5 minutes from 09:00 to 17:59, Monday",
                "매주 월요일 09:00~17:59 5분마다",
            ),
            ("30 2 1 * *", "at 02:30, on day 1 of the month", "매월 1일 02:30"),
            ("30 2 1-7 * *", "at 02:30, on days 1-7 of the month", "매월 1~7일 02:30"),
            ("@yearly", "at 00:00, on day 1 of January", "매년 1월 1일 00:00"),
            (
                "0 0 13 * FRI",
                "at 00:00, on day 13 of the month, if it is Friday",
                "매월 13일 (금요일인 경우) 00:00",
            ),
            (
                "0 0 * 1,7 SUN",
                "at 00:00, Sunday, in January and July",
                "매년 1월, 7월 일요일 00:00",
            ),
            ("@reboot", "when the first node starts", "첫 노드가 시작될 때"),
        ];
        for (expression, english, korean) in cases {
            let told = said(expression);
            let told = told.each_ref().map(|said| said.as_deref().unwrap());
            assert_eq!(told, [english, korean], "{expression}");
        }
    }

    #[test]
    fn what_no_words_make_clearer_is_left_as_it_is() {
        for expression in ["*/7 * * * *", "1,2,3 1,5,9 * * *", "3-59/7 */5 * * *"] {
            assert_eq!(said(expression), [None, None], "{expression}");
        }
    }
}
