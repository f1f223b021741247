//! How somebody wants to see things: kept in a cookie of theirs, and nowhere else.

use std::fmt;
use std::str::FromStr;

use axum::extract::{Form, Request, State};
use axum::http::header::{ACCEPT_LANGUAGE, COOKIE, SET_COOKIE};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::tz::TimeZone;
use kerrera::cron::Timezone;
use serde::Deserialize;

use crate::dashboard::App;
use crate::language::Language;

const NAME: &str = "kerrera";

/// How somebody wants to see things.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Preferences {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) density: Density,
    pub(crate) zone: TimeZone,
    /// How often pages are fetched again, in seconds; at once if zero, never if there is none.
    pub(crate) refresh: Option<u32>,
    /// Whether single keys do things.
    pub(crate) shortcuts: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Theme {
    System,
    Light,
    Dark,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Density {
    Comfortable,
    Compact,
}

macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal),* }) => {
        impl $type {
            pub(crate) const ALL: &[$type] = &[$($type::$variant),*];
            pub(crate) fn as_str(self) -> &'static str {
                match self { $($type::$variant => $word),* }
            }
        }
        impl FromStr for $type {
            type Err = ();
            fn from_str(word: &str) -> Result<$type, ()> {
                match word { $($word => Ok($type::$variant),)* _ => Err(()) }
            }
        }
    };
}

words!(Theme { System = "system", Light = "light", Dark = "dark" });
words!(Density { Comfortable = "comfortable", Compact = "compact" });

/// How often pages may be fetched again.
pub(crate) const REFRESH: [Option<u32>; 6] = [Some(0), Some(1), Some(5), Some(15), Some(60), None];

impl Default for Preferences {
    fn default() -> Preferences {
        Preferences {
            language: Language::English,
            theme: Theme::System,
            density: Density::Comfortable,
            zone: TimeZone::UTC,
            refresh: Some(0),
            shortcuts: true,
        }
    }
}

impl Preferences {
    /// What a request says of them. What makes no sense is as if it were not there.
    pub(crate) fn of(parts: &Parts) -> Preferences {
        let mut preferences = Preferences::default();
        let accepted = text(&parts.headers, ACCEPT_LANGUAGE.as_str());
        if let Some(language) = accepted.and_then(Language::accepted) {
            preferences.language = language;
        }
        let cookies = parts.headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
        let ours = cookies
            .flat_map(|value| value.split(';'))
            .filter_map(|cookie| cookie.trim().split_once('='))
            .find(|(name, _)| *name == NAME);
        for setting in ours.map_or("", |(_, value)| value).split('&') {
            if let Some((name, value)) = setting.split_once(':') {
                preferences.set(name, value);
            }
        }
        preferences
    }

    fn set(&mut self, name: &str, value: &str) {
        match name {
            "language" => self.language = value.parse().unwrap_or(self.language),
            "theme" => self.theme = value.parse().unwrap_or(self.theme),
            "density" => self.density = value.parse().unwrap_or(self.density),
            "zone" => {
                let found = if value.len() > 64 { None } else { TimeZone::get(value).ok() };
                self.zone = found.unwrap_or_else(|| self.zone.clone());
            }
            "refresh" => {
                let wanted = value.parse().ok();
                self.refresh = if REFRESH.contains(&wanted) { wanted } else { self.refresh };
            }
            "shortcuts" => self.shortcuts = value == "on",
            _ => {}
        }
    }

    /// The zone, as the crontab and filters know it.
    pub(crate) fn timezone(&self) -> Timezone {
        self.zone_name().parse().unwrap_or_else(|_| Timezone::utc())
    }

    /// The name of the zone, as it is set.
    pub(crate) fn zone_name(&self) -> &str {
        self.zone.iana_name().unwrap_or("UTC")
    }
}

impl fmt::Display for Preferences {
    /// As the cookie has it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let refresh = self.refresh.map_or("off".to_owned(), |seconds| seconds.to_string());
        write!(
            f,
            "language:{}&theme:{}&density:{}&zone:{}&refresh:{refresh}&shortcuts:{}",
            self.language.code(),
            self.theme.as_str(),
            self.density.as_str(),
            self.zone_name(),
            if self.shortcuts { "on" } else { "off" },
        )
    }
}

/// What a form changes of them; what it does not name stays.
#[derive(Deserialize)]
pub(crate) struct Change {
    language: Option<String>,
    theme: Option<String>,
    density: Option<String>,
    zone: Option<String>,
    refresh: Option<String>,
    shortcuts: Option<String>,
    return_to: Option<String>,
}

/// Keeps what a form says. It needs no permission: it changes nothing but the sender's own view.
pub(crate) async fn set(State(app): State<App>, request: Request) -> Response {
    let base = app.base(&request);
    let (parts, body) = request.into_parts();
    let mut preferences = Preferences::of(&parts);
    let form = Request::from_parts(parts, body);
    let change: Form<Change> = match axum::RequestExt::extract(form).await {
        Ok(change) => change,
        Err(rejection) => return axum::extract::rejection::FormRejection::into_response(rejection),
    };
    let Form(change) = change;
    let settings = [
        ("language", change.language),
        ("theme", change.theme),
        ("density", change.density),
        ("zone", change.zone),
        ("refresh", change.refresh),
        ("shortcuts", change.shortcuts),
    ];
    for (name, value) in settings {
        if let Some(value) = value {
            preferences.set(name, &value);
        }
    }
    // Never to another site: only paths below our own, and no `//host`.
    let back = change.return_to.filter(|to| is_within(to, &base));
    let mut response = Redirect::to(&back.unwrap_or_else(|| format!("{base}/"))).into_response();
    let path = if base.is_empty() { "/" } else { &base };
    let cookie =
        format!("{NAME}={preferences}; Path={path}; Max-Age=31536000; SameSite=Lax; HttpOnly");
    if let Ok(cookie) = HeaderValue::from_str(&cookie) {
        response.headers_mut().insert(SET_COOKIE, cookie);
    }
    response
}

/// Whether this is a path of ours, and cannot be read as another site's address.
pub(crate) fn is_within(path: &str, base: &str) -> bool {
    let rest = path.strip_prefix(base);
    rest.is_some_and(|rest| rest.starts_with('/') && !rest.starts_with("//"))
        && !path.starts_with("//")
        && !path.contains(['\\', '\n', '\r', '\t'])
        && !path.split('/').any(|part| part == "..")
}

fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(cookie: &str) -> Preferences {
        let request = Request::builder().header("cookie", cookie).body(()).unwrap();
        Preferences::of(&request.into_parts().0)
    }

    #[test]
    fn what_is_kept_is_read_back() {
        let seoul = Preferences {
            language: Language::Korean,
            theme: Theme::Dark,
            density: Density::Compact,
            zone: TimeZone::get("Asia/Seoul").unwrap(),
            refresh: None,
            shortcuts: false,
        };
        assert_eq!(read(&format!("a=b; kerrera={seoul}")), seoul);
        assert_eq!(read("kerrera=theme:pink&zone:../../etc&refresh:9999"), Preferences::default());
    }

    #[test]
    fn one_is_sent_back_to_pages_of_ours_only() {
        for (path, base) in [("/jobs/i/a", "/jobs"), ("/", ""), ("/i/a?q=%2F%2F", "")] {
            assert!(is_within(path, base), "{path}");
        }
        let others =
            ["//evil.example", "https://evil.example", "/\\evil", "/jobs/../x", "/jobsx", ""];
        for path in others {
            assert!(!is_within(path, "/jobs"), "{path}");
        }
        assert!(!is_within("//evil.example", ""));
    }
}
