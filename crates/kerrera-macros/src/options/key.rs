//! The names of the options.

use proc_macro2::{Ident, Span};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;

use crate::suggestion;

/// An option's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Name,
    Queue,
    MaxAttempts,
    Priority,
    Tags,
    Timeout,
    Backoff,
    AbandonAfter,
    Unique,
    Description,
    Owner,
    Docs,
    Sensitive,
    Crate,
}

impl Key {
    /// Every option, in the order of the documentation.
    pub(super) const ALL: [Key; 14] = [
        Key::Name,
        Key::Queue,
        Key::MaxAttempts,
        Key::Priority,
        Key::Tags,
        Key::Timeout,
        Key::Backoff,
        Key::AbandonAfter,
        Key::Unique,
        Key::Description,
        Key::Owner,
        Key::Docs,
        Key::Sensitive,
        Key::Crate,
    ];

    /// As it is written.
    pub(super) fn name(self) -> &'static str {
        match self {
            Key::Name => "name",
            Key::Queue => "queue",
            Key::MaxAttempts => "max_attempts",
            Key::Priority => "priority",
            Key::Tags => "tags",
            Key::Timeout => "timeout",
            Key::Backoff => "backoff",
            Key::AbandonAfter => "abandon_after",
            Key::Unique => "unique",
            Key::Description => "description",
            Key::Owner => "owner",
            Key::Docs => "docs",
            Key::Sensitive => "sensitive",
            Key::Crate => "crate",
        }
    }

    /// The message for a value that is missing or of another kind.
    pub(super) fn takes(self) -> String {
        let (kind, example) = match self {
            Key::Name => ("text", "\"SendWelcomeEmail\""),
            Key::Queue => ("text", "\"mailers\""),
            Key::MaxAttempts => ("a number from 1 to 32767", "3"),
            Key::Priority => ("a number from 0 to 9", "3"),
            Key::Tags => ("a list of texts", "[\"mail\", \"daily\"]"),
            Key::Timeout => ("a length of time as text", "\"30s\""),
            Key::Backoff => ("the path of a function, without quotes", "wait_longer"),
            Key::AbandonAfter => ("a length of time as text", "\"10s\""),
            Key::Unique => ("a rule, without quotes", "until_finished()"),
            Key::Description => ("text", "\"Welcomes a new user\""),
            Key::Owner => ("text", "\"team-growth\""),
            Key::Docs => ("an address as text", "\"https://wiki.example/welcome\""),
            Key::Sensitive => ("a list of paths in the args", "[\"card.number\", \"password\"]"),
            Key::Crate => ("a path as text", "\"my_framework::kerrera\""),
        };
        let name = self.name();
        format!("`{name}` takes {kind}: `{name} = {example}`")
    }

    /// Reads an option's name, and where it stands.
    pub(super) fn read(input: ParseStream<'_>) -> syn::Result<(Key, Span)> {
        let Ok(ident) = Ident::parse_any(input) else {
            let message = "expected an option, such as `queue = \"mailers\"`";
            return Err(input.error(message));
        };
        let written = ident.to_string();
        let known = Key::ALL.into_iter().find(|key| key.name() == written);
        known
            .map(|key| (key, ident.span()))
            .ok_or_else(|| syn::Error::new(ident.span(), unknown(&written)))
    }
}

fn unknown(written: &str) -> String {
    let names = Key::ALL.map(Key::name);
    match suggestion::nearest(written, names) {
        Some(near) => format!("unknown option `{written}`, did you mean `{near}`?"),
        None => format!("unknown option `{written}`: the options are {}", names.join(", ")),
    }
}
