//! The `impl Worker` that the derive writes.

use std::time::Duration;

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Ident, parse_quote};

use crate::options::{self, Options};

/// Writes the constants and functions that the options set, and none besides.
pub(crate) fn write(worker: &Ident, summary: Option<String>, options: Options) -> TokenStream {
    let Options {
        name,
        queue,
        max_attempts,
        priority,
        tags,
        timeout,
        backoff,
        abandon_after,
        unique,
        description,
        owner,
        docs,
        sensitive,
        ..
    } = options;
    let kerrera = options.kerrera.unwrap_or_else(|| parse_quote!(::kerrera));

    let name = name.map_or_else(|| options::default_name(worker), |name| name.value());
    let queue = queue.map(|queue| quote!(const QUEUE: &'static str = #queue;));
    let max_attempts = max_attempts.map(|attempts| quote!(const MAX_ATTEMPTS: u32 = #attempts;));
    let priority = priority.map(|priority| quote!(const PRIORITY: u8 = #priority;));
    let tags = tags.map(|tags| quote!(const TAGS: &'static [&'static str] = &[#(#tags),*];));
    let description = description.map(|text| text.value()).or(summary);
    let description = description.map(|text| quote!(const DESCRIPTION: &'static str = #text;));
    let known = |name: Ident, text: Option<syn::LitStr>| {
        text.map(|text| {
            quote! {
                const #name: ::core::option::Option<&'static str> =
                    ::core::option::Option::Some(#text);
            }
        })
    };
    let owner = known(parse_quote!(OWNER), owner);
    let docs = known(parse_quote!(DOCS), docs);
    let sensitive =
        sensitive.map(|paths| quote!(const SENSITIVE: &'static [&'static str] = &[#(#paths),*];));
    let timeout = timeout.map(|timeout| {
        let timeout = some_duration(timeout);
        quote! {
            fn timeout(_: &#kerrera::Job) -> ::core::option::Option<::core::time::Duration> {
                #timeout
            }
        }
    });
    let backoff = backoff.map(|function| {
        // Its own names, which hide no function of the same name. The type is said so that a function
        // of another type is reported where it is named.
        quote_spanned! {Span::mixed_site()=>
            fn backoff(job: &#kerrera::Job) -> ::core::time::Duration {
                let wait: fn(&#kerrera::Job) -> ::core::time::Duration = #function;
                wait(job)
            }
        }
    });
    let abandon_after = abandon_after.map(|wait| {
        let wait = some_duration(wait);
        quote! {
            fn abandon_after() -> ::core::option::Option<::core::time::Duration> {
                #wait
            }
        }
    });

    let unique = unique.map(|rule| {
        quote_spanned! {Span::mixed_site()=>
            fn uniqueness() -> ::core::option::Option<#kerrera::Unique> {
                let rule: #kerrera::Unique = #rule;
                ::core::option::Option::Some(rule)
            }
        }
    });

    quote! {
        #[automatically_derived]
        impl #kerrera::Worker for #worker {
            const NAME: &'static str = #name;
            #queue
            #max_attempts
            #priority
            #tags
            #description
            #owner
            #docs
            #sensitive
            #timeout
            #backoff
            #abandon_after
            #unique
        }
    }
}

fn some_duration(span: Duration) -> TokenStream {
    let (seconds, nanoseconds) = (span.as_secs(), span.subsec_nanos());
    quote!(::core::option::Option::Some(::core::time::Duration::new(#seconds, #nanoseconds)))
}
