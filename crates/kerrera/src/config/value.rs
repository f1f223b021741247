//! What can be said, where, and what is wrong with it.

use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kerrera_core::Error;
use kerrera_core::error::Kind;

/// A value, and where it was said.
#[derive(Clone)]
pub(super) struct Said {
    pub(super) value: Value,
    pub(super) origin: Origin,
}

impl fmt::Debug for Said {
    /// Without the value, which may be a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.origin.to_string().trim_end_matches(": "))
    }
}

#[derive(Clone)]
pub(super) enum Value {
    Text(String),
    Switch(bool),
    Size(u32),
    Time(Duration),
    Names(Vec<String>),
}

/// Where something was said.
#[derive(Clone)]
pub(super) enum Origin {
    /// In this line of a file.
    Line(Option<Arc<Path>>, usize),
    /// In this variable.
    Variable(String),
    /// By the program itself.
    Program,
}

impl fmt::Display for Origin {
    /// As the beginning of a message.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Line(Some(file), line) => write!(f, "{}:{line}: ", file.display()),
            Origin::Line(None, line) => write!(f, "line {line}: "),
            Origin::Variable(name) => write!(f, "{name}: "),
            Origin::Program => Ok(()),
        }
    }
}

impl Origin {
    /// The error that something said here is wrong.
    pub(super) fn wrong(&self, what: impl fmt::Display) -> Error {
        Error::new(Kind::Config, format!("{self}{what}"))
    }
}

/// What is wrong with a value.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The value, if it may be shown.
    value: Option<String>,
    /// What it is not.
    rule: &'static str,
}

impl Wrong {
    /// A value that is not what it should be. What may be an address with a password in it, or is
    /// too long to be worth it, is not shown.
    pub(super) fn new(value: &str, rule: &'static str) -> Wrong {
        let shown = value.len() <= 40 && !value.contains(['@', '/', '=']);
        Wrong { value: shown.then(|| value.to_owned()), rule }
    }

    pub(super) fn told(&self, name: &str, origin: &Origin) -> Error {
        match &self.value {
            Some(value) => origin.wrong(format_args!("{name} is {value:?}, and not {}", self.rule)),
            None => origin.wrong(format_args!("{name} is not {}", self.rule)),
        }
    }
}
