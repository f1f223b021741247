//! Everything that is said, in every language.
//!
//! Each text is one entry of `texts!`, with its languages side by side, so that none can be missing:
//!
//! ```text
//! texts! {
//!     jobs: "Jobs" | "작업";
//!     selected(n: u64): "{n} selected" | "{n}개 선택됨";
//!     deleted(n: u64): one "1 job deleted" other "{n} jobs deleted" | "작업 {n}개 삭제됨";
//! }
//! ```
//!
//! A number is written as the language writes it: give a [`Shown`](crate::view::number::Shown), or
//! anything that prints. Korean has one plural; its particles are avoided by writing `큐: mail`.

mod audit;
mod common;
mod crons;
mod errors;
mod job_form;
mod jobs;
mod list;
mod nodes;
mod operations;
mod queues;
mod refusals;
mod schedule;
mod states;
mod workers;

use std::borrow::Cow;

use crate::language::Language;

/// What is said, in one language.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Text(Language);

impl Text {
    pub(crate) fn spoken(self) -> Language {
        self.0
    }
}

impl From<Language> for Text {
    fn from(language: Language) -> Text {
        Text(language)
    }
}

/// What a text is.
pub(crate) type Said = Cow<'static, str>;

/// Makes a method of [`Text`] of each entry; see the top of `text.rs`.
macro_rules! texts {
    () => {};
    ($name:ident: $en:literal | $ko:literal; $($rest:tt)*) => {
        impl $crate::text::Text {
            pub(crate) fn $name(self) -> $crate::text::Said {
                match self.spoken() {
                    $crate::language::Language::English => $en.into(),
                    $crate::language::Language::Korean => $ko.into(),
                }
            }
        }
        $crate::text::texts! { $($rest)* }
    };
    ($name:ident($($arg:ident: $type:ty),+): $en:literal | $ko:literal; $($rest:tt)*) => {
        impl $crate::text::Text {
            pub(crate) fn $name(self, $($arg: $type),+) -> $crate::text::Said {
                match self.spoken() {
                    $crate::language::Language::English => format!($en).into(),
                    $crate::language::Language::Korean => format!($ko).into(),
                }
            }
        }
        $crate::text::texts! { $($rest)* }
    };
    ($name:ident($n:ident: u64 $(, $arg:ident: $type:ty)*):
        one $one:literal other $other:literal | $ko:literal; $($rest:tt)*) => {
        impl $crate::text::Text {
            pub(crate) fn $name(self, $n: u64 $(, $arg: $type)*) -> $crate::text::Said {
                let is_one = $n == 1;
                let $n = $crate::view::number::grouped($n);
                match self.spoken() {
                    $crate::language::Language::English if is_one => {
                        // The number may stand in it as a word.
                        let _ = &$n;
                        format!($one).into()
                    }
                    $crate::language::Language::English => format!($other).into(),
                    $crate::language::Language::Korean => format!($ko).into(),
                }
            }
        }
        $crate::text::texts! { $($rest)* }
    };
}
pub(crate) use texts;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_said_as_the_language_says_them() {
        let (english, korean) = (Text(Language::English), Text(Language::Korean));
        assert_eq!(english.selected(1), "1 job selected");
        assert_eq!(english.selected(1204), "1,204 jobs selected");
        assert_eq!(korean.selected(1204), "작업 1,204개 선택됨");
    }
}
