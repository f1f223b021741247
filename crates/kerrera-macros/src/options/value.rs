//! The values of the options.

use std::fmt::Display;
use std::time::Duration;

use quote::ToTokens;
use syn::parse::ParseStream;
use syn::{Expr, ExprPath, Lit, LitStr, Path, bracketed, token};

use super::key::Key;
use super::{LONGEST_NAME, each_between_commas};
use crate::duration;
use crate::mistakes::Mistakes;

/// The name of a worker or a queue.
pub(super) fn name(key: Key, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    let name = literal.value();
    let length = name.chars().count();
    let problem = if name.trim().is_empty() {
        "must not be blank".to_owned()
    } else if length > LONGEST_NAME {
        format!("has {length} characters, and may have {LONGEST_NAME}")
    } else if name.chars().any(char::is_control) {
        format!("must have no control characters, as {name:?} has")
    } else {
        return Ok(literal);
    };
    Err(wrong(&literal, key, problem))
}

/// A whole number between the two.
pub(super) fn number<T: TryFrom<u32>>(
    key: Key,
    input: ParseStream<'_>,
    least: u32,
    most: u32,
) -> syn::Result<T> {
    let literal = match literal(key, input)? {
        Lit::Int(literal) if literal.suffix().is_empty() => literal,
        other => return Err(syn::Error::new_spanned(other, key.takes())),
    };
    let number = literal.base10_parse::<u32>().ok().filter(|n| (least..=most).contains(n));
    number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
        let digits = literal.base10_digits();
        wrong(&literal, key, format!("is {digits}, and must be between {least} and {most}"))
    })
}

/// A list of texts.
pub(super) fn tags(key: Key, input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    if !input.peek(token::Bracket) {
        return Err(syn::Error::new(input.span(), key.takes()));
    }
    let list;
    bracketed!(list in input);
    let mut mistakes = Mistakes::default();
    let mut tags = Vec::new();
    each_between_commas(&list, &mut mistakes, |list| {
        let tag = tag(key, list, &tags)?;
        tags.push(tag);
        Ok(())
    });
    mistakes.into_result().map(|()| tags)
}

fn tag(key: Key, input: ParseStream<'_>, others: &[LitStr]) -> syn::Result<LitStr> {
    // The same as what an insertion does to tags.
    let normal = |tag: &LitStr| tag.value().trim().to_lowercase();

    let literal = text(key, input)?;
    let tag = normal(&literal);
    let problem = if tag.is_empty() {
        "a tag must not be blank".to_owned()
    } else if tag.chars().any(char::is_control) {
        format!("a tag must have no control characters, as {tag:?} has")
    } else if others.iter().any(|other| normal(other) == tag) {
        format!("the tag {tag:?} is given twice")
    } else {
        return Ok(literal);
    };
    Err(syn::Error::new_spanned(literal, problem))
}

/// Some words.
pub(super) fn words(key: Key, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    match literal.value().trim().is_empty() {
        true => Err(wrong(&literal, key, "must not be blank: leave it out")),
        false => Ok(literal),
    }
}

/// An address that a browser can open, and that can do nothing else.
pub(super) fn address(key: Key, input: ParseStream<'_>) -> syn::Result<LitStr> {
    let literal = text(key, input)?;
    let address = literal.value();
    let opens = ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme));
    if !opens || address.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(wrong(
            &literal,
            key,
            "must begin with https:// or http://, and have no blanks",
        ));
    }
    Ok(literal)
}

/// A list of paths in the args.
pub(super) fn paths(key: Key, input: ParseStream<'_>) -> syn::Result<Vec<LitStr>> {
    if !input.peek(token::Bracket) {
        return Err(syn::Error::new(input.span(), key.takes()));
    }
    let list;
    bracketed!(list in input);
    let mut mistakes = Mistakes::default();
    let mut paths: Vec<LitStr> = Vec::new();
    each_between_commas(&list, &mut mistakes, |list| {
        let path = text(key, list)?;
        let name = path.value();
        if name.split('.').any(|part| part.trim().is_empty()) {
            let message = format!("{name:?} is no path: name the keys with dots between them");
            return Err(syn::Error::new_spanned(path, message));
        }
        paths.push(path);
        Ok(())
    });
    mistakes.into_result().map(|()| paths)
}

/// A length of time.
pub(super) fn duration(key: Key, input: ParseStream<'_>) -> syn::Result<Duration> {
    let literal = text(key, input)?;
    duration::parse(&literal.value()).map_err(|problem| syn::Error::new(literal.span(), problem))
}

/// A length of time that is not zero.
pub(super) fn timeout(key: Key, input: ParseStream<'_>) -> syn::Result<Duration> {
    let at = input.span();
    let span = duration(key, input)?;
    if span.is_zero() {
        let message = "no run could end within a `timeout` of zero: leave it out for no limit";
        return Err(syn::Error::new(at, message));
    }
    Ok(span)
}

/// The path of a function.
pub(super) fn function(key: Key, input: ParseStream<'_>) -> syn::Result<ExprPath> {
    match expression(key, input)? {
        Expr::Path(path) => Ok(path),
        other => Err(syn::Error::new_spanned(other, key.takes())),
    }
}

/// A rule: any expression but a literal, since what it calls is of the application's choosing.
pub(super) fn rule(key: Key, input: ParseStream<'_>) -> syn::Result<Expr> {
    match expression(key, input)? {
        literal @ Expr::Lit(_) => Err(syn::Error::new_spanned(literal, key.takes())),
        rule => Ok(rule),
    }
}

/// The path of a module, as text.
pub(super) fn path(key: Key, input: ParseStream<'_>) -> syn::Result<Path> {
    let literal = text(key, input)?;
    literal
        .parse_with(Path::parse_mod_style)
        .map_err(|_| syn::Error::new(literal.span(), key.takes()))
}

fn text(key: Key, input: ParseStream<'_>) -> syn::Result<LitStr> {
    match literal(key, input)? {
        Lit::Str(literal) => Ok(literal),
        other => Err(syn::Error::new_spanned(other, key.takes())),
    }
}

fn literal(key: Key, input: ParseStream<'_>) -> syn::Result<Lit> {
    match expression(key, input)? {
        Expr::Lit(literal) => Ok(literal.lit),
        other => Err(syn::Error::new_spanned(other, key.takes())),
    }
}

/// An expression, out of the invisible brackets that a `macro_rules!` puts around its variables.
fn expression(key: Key, input: ParseStream<'_>) -> syn::Result<Expr> {
    let start = input.span();
    let mut expression: Expr = input.parse().map_err(|_| syn::Error::new(start, key.takes()))?;
    while let Expr::Group(group) = expression {
        expression = *group.expr;
    }
    Ok(expression)
}

fn wrong(value: &impl ToTokens, key: Key, problem: impl Display) -> syn::Error {
    syn::Error::new_spanned(value, format!("`{}` {problem}", key.name()))
}
