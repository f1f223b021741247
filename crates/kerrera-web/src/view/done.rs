//! What a form did, told on the page that it leads to.

use axum::response::Redirect;
use maud::{Markup, html};

use super::empty::notice;
use crate::text::{Said, Text};
use crate::visit::Visit;

/// What was done: a word in the address, and what is said of it. Only what is listed is ever said.
pub(crate) type Done = (&'static str, fn(Text) -> Said);

/// To this page, which says so.
pub(crate) fn redirect(to: &str, (code, _): Done) -> Redirect {
    Redirect::to(&format!("{to}?done={code}"))
}

/// What the address says that was done, if it is one of these.
pub(crate) fn told(visit: &Visit, all: &[Done]) -> Markup {
    let code = visit.query().split('&').find_map(|pair| pair.strip_prefix("done="));
    let done = all.iter().find(|(known, _)| Some(*known) == code);
    html! {
        @if let Some((_, said)) = done {
            div role="status" { (notice("good", "tick", visit, &html! { (said(visit.text())) })) }
        }
    }
}
