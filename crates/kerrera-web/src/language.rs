//! In which language it is shown.

use std::str::FromStr;

/// A language that everything is there in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    #[default]
    English,
    Korean,
}

impl Language {
    pub(crate) const ALL: [Language; 2] = [Language::English, Language::Korean];

    /// As HTML's `lang` has it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Korean => "ko",
        }
    }

    /// Its name, in itself.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Language::English => "English",
            Language::Korean => "한국어",
        }
    }

    /// The first of a browser's `Accept-Language` that is there; browsers send them by preference.
    pub(crate) fn accepted(header: &str) -> Option<Language> {
        header.split(',').take(16).find_map(|entry| {
            let tag = entry.split(';').next().unwrap_or_default().trim();
            tag.split('-').next().unwrap_or_default().to_ascii_lowercase().parse().ok()
        })
    }
}

impl FromStr for Language {
    type Err = ();

    fn from_str(code: &str) -> Result<Language, ()> {
        Language::ALL.into_iter().find(|language| language.code() == code).ok_or(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_is_there_is_taken() {
        assert_eq!(Language::accepted("ko-KR,ko;q=0.9,en;q=0.8"), Some(Language::Korean));
        assert_eq!(Language::accepted("fr, en-GB;q=0.7"), Some(Language::English));
        assert_eq!(Language::accepted("fr"), None);
    }
}
