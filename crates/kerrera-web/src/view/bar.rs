//! Bars: how much of something is in use.

use maud::{Markup, html};

/// A bar that is filled up to `used` of `whole`; `label` says it in words.
pub(crate) fn bar(used: u64, whole: u64, label: &str) -> Markup {
    let filled = match whole {
        0 => 0,
        whole => (used.saturating_mul(100) / whole).min(100),
    };
    html! {
        svg.bar role="img" aria-label=(label) viewBox="0 0 100 6" preserveAspectRatio="none" {
            rect.bar-whole width="100" height="6" rx="1" {}
            @if filled > 0 { rect.bar-used width=(filled) height="6" rx="1" {} }
        }
    }
}
