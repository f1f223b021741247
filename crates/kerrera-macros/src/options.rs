//! What `#[worker(…)]` says.

mod key;
mod value;

use std::time::Duration;

use proc_macro2::{Ident, Span, TokenTree};
use syn::ext::IdentExt as _;
use syn::parse::ParseStream;
use syn::{Attribute, DeriveInput, Expr, ExprLit, ExprPath, Lit, LitStr, Meta, Path, Token};

use crate::mistakes::Mistakes;
use key::Key;

/// What was said; `None` for what was not.
#[derive(Default)]
pub(crate) struct Options {
    pub(crate) name: Option<LitStr>,
    pub(crate) queue: Option<LitStr>,
    pub(crate) max_attempts: Option<u32>,
    pub(crate) priority: Option<u8>,
    pub(crate) tags: Option<Vec<LitStr>>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) backoff: Option<ExprPath>,
    pub(crate) abandon_after: Option<Duration>,
    pub(crate) unique: Option<Expr>,
    pub(crate) description: Option<LitStr>,
    pub(crate) owner: Option<LitStr>,
    pub(crate) docs: Option<LitStr>,
    pub(crate) sensitive: Option<Vec<LitStr>>,
    /// Where `Worker` and `Job` are found.
    pub(crate) kerrera: Option<Path>,
}

/// The longest name of a worker or a queue, in characters; the database's own limit.
pub(crate) const LONGEST_NAME: usize = 127;

impl Options {
    /// Reads all `#[worker(…)]` of a type; what is wrong is left out and added to the mistakes.
    pub(crate) fn read(input: &DeriveInput, mistakes: &mut Mistakes) -> Options {
        let mut reader = Reader { options: Options::default(), given: Vec::new() };
        for attribute in input.attrs.iter().filter(|attribute| is_worker(attribute)) {
            let Meta::List(list) = &attribute.meta else {
                let message = "write the options in parentheses: `#[worker(queue = \"mailers\")]`";
                mistakes.add(syn::Error::new_spanned(&attribute.meta, message));
                continue;
            };
            let read = list.parse_args_with(|input: ParseStream<'_>| {
                each_between_commas(input, mistakes, |input| reader.read_option(input));
                Ok(())
            });
            mistakes.check(read);
        }
        mistakes.check(reader.check_default_name(&input.ident));
        mistakes.check(reader.check_timeout());
        reader.options
    }
}

/// The name of a worker that has no option `name`: its type's, as it is without `r#`.
pub(crate) fn default_name(ident: &Ident) -> String {
    ident.unraw().to_string()
}

/// What the documentation of a type says first: its first paragraph, in one line.
pub(crate) fn summary(input: &DeriveInput) -> Option<String> {
    let line = |attribute: &Attribute| match &attribute.meta {
        Meta::NameValue(pair) if attribute.path().is_ident("doc") => match &pair.value {
            Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    };
    let text: Vec<String> = input.attrs.iter().filter_map(line).collect();
    let text = text.join("\n");
    let lines = text.lines().map(str::trim).skip_while(|line| line.is_empty());
    let paragraph: Vec<&str> = lines.take_while(|line| !line.is_empty()).collect();
    (!paragraph.is_empty()).then(|| paragraph.join(" "))
}

/// Whether it is `#[worker…]`.
pub(crate) fn is_worker(attribute: &Attribute) -> bool {
    attribute.path().is_ident("worker")
}

struct Reader {
    options: Options,
    /// Every key that was met, its value right or wrong.
    given: Vec<(Key, Span)>,
}

impl Reader {
    fn read_option(&mut self, input: ParseStream<'_>) -> syn::Result<()> {
        let (key, span) = Key::read(input)?;
        if self.given(key).is_some() {
            return Err(syn::Error::new(span, format!("`{}` is given twice", key.name())));
        }
        self.given.push((key, span));
        if input.parse::<Token![=]>().is_err() {
            return Err(syn::Error::new(span, key.takes()));
        }

        let options = &mut self.options;
        match key {
            Key::Name => options.name = Some(value::name(key, input)?),
            Key::Queue => options.queue = Some(value::name(key, input)?),
            Key::MaxAttempts => options.max_attempts = Some(value::number(key, input, 1, 32_767)?),
            Key::Priority => options.priority = Some(value::number(key, input, 0, 9)?),
            Key::Tags => options.tags = Some(value::tags(key, input)?),
            Key::Timeout => options.timeout = Some(value::timeout(key, input)?),
            Key::Backoff => options.backoff = Some(value::function(key, input)?),
            Key::AbandonAfter => options.abandon_after = Some(value::duration(key, input)?),
            Key::Unique => options.unique = Some(value::rule(key, input)?),
            Key::Description => options.description = Some(value::words(key, input)?),
            Key::Owner => options.owner = Some(value::words(key, input)?),
            Key::Docs => options.docs = Some(value::address(key, input)?),
            Key::Sensitive => options.sensitive = Some(value::paths(key, input)?),
            Key::Crate => options.kerrera = Some(value::path(key, input)?),
        }
        Ok(())
    }

    fn given(&self, key: Key) -> Option<Span> {
        self.given.iter().find(|(other, _)| *other == key).map(|(_, span)| *span)
    }

    fn check_default_name(&self, ident: &Ident) -> syn::Result<()> {
        if self.given(Key::Name).is_some() || default_name(ident).chars().count() <= LONGEST_NAME {
            return Ok(());
        }
        let message = format!(
            "the name of a worker may have {LONGEST_NAME} characters: give a shorter one with \
             `#[worker(name = \"SendWelcomeEmail\")]`"
        );
        Err(syn::Error::new(ident.span(), message))
    }

    /// `abandon_after` counts from the timeout: without one it would do nothing.
    fn check_timeout(&self) -> syn::Result<()> {
        match (self.given(Key::AbandonAfter), self.given(Key::Timeout)) {
            (Some(span), None) => {
                let message = "`abandon_after` counts from the timeout, and this worker has none: \
                               add `timeout = \"30s\"`";
                Err(syn::Error::new(span, message))
            }
            _ => Ok(()),
        }
    }
}

/// Reads a list to its end; a mistake in one element does not hide those in the next.
fn each_between_commas(
    input: ParseStream<'_>,
    mistakes: &mut Mistakes,
    mut read: impl FnMut(ParseStream<'_>) -> syn::Result<()>,
) {
    let read_comma =
        |()| if input.is_empty() { Ok(()) } else { input.parse::<Token![,]>().map(drop) };
    while !input.is_empty() {
        if mistakes.check(read(input).and_then(read_comma)).is_none() {
            skip_past_comma(input);
        }
    }
}

fn skip_past_comma(input: ParseStream<'_>) {
    while let Ok(token) = input.parse::<TokenTree>() {
        if matches!(token, TokenTree::Punct(punct) if punct.as_char() == ',') {
            break;
        }
    }
}

#[cfg(test)]
mod tests;
