//! Lists with nothing in them, and parts that could not be had.

use maud::{Markup, html};

use crate::view::icon::icon;
use crate::visit::Visit;

/// Nothing is there: what that means, and what one can do.
pub(crate) fn empty(picture: &str, title: &str, hint: &str, visit: &Visit) -> Markup {
    html! {
        div.empty {
            (icon(picture, visit.links().base()))
            p.empty-title { (title) }
            p.empty-hint { (hint) }
        }
    }
}

/// A sentence that matters: `kind` is `info`, `good`, `warning` or `danger`.
pub(crate) fn notice(kind: &str, picture: &str, visit: &Visit, body: &Markup) -> Markup {
    html! {
        div class={ "notice notice-" (kind) } role=[(kind == "danger").then_some("alert")] {
            (icon(picture, visit.links().base()))
            div { (body) }
        }
    }
}
