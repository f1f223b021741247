//! Buttons: what they do stands on them, and why they cannot be pressed beside them.

use maud::{Markup, html};

use crate::access::Permission;
use crate::view::icon::icon;
use crate::visit::Visit;

/// A button that sends a form of its own.
pub(crate) struct Action<'a> {
    /// Where the form goes.
    pub(crate) to: String,
    /// What it does: a verb.
    pub(crate) label: &'a str,
    /// Its picture.
    pub(crate) picture: &'a str,
    /// What one must be allowed.
    pub(crate) needs: Permission,
    /// What will happen, in a sentence; shown beneath it and to those who ask.
    pub(crate) consequence: &'a str,
    /// Why it cannot be done now, whoever asks.
    pub(crate) impossible: Option<&'a str>,
    /// Whether something is lost by it: it is asked again first.
    pub(crate) is_destructive: bool,
    /// What the form says beside.
    pub(crate) fields: Vec<(&'a str, String)>,
}

impl<'a> Action<'a> {
    /// One that anybody with the permission can press, and that loses nothing.
    pub(crate) fn new(to: String, label: &'a str, picture: &'a str, needs: Permission) -> Self {
        Action {
            to,
            label,
            picture,
            needs,
            consequence: "",
            impossible: None,
            is_destructive: false,
            fields: Vec::new(),
        }
    }
}

/// It as a form with one button. Where nothing can be changed at all there is none: a banner says so.
pub(crate) fn action(action: &Action<'_>, visit: &Visit) -> Markup {
    if visit.viewer().why_read_only().is_some() {
        return html! {};
    }
    let denied = visit.viewer().may(action.needs).err().map(|denied| visit.text().denied(denied));
    let why = denied.as_deref().or(action.impossible);
    let class = if action.is_destructive { "button button-danger" } else { "button" };
    let title = why.unwrap_or(action.consequence);
    html! {
        form.action method="post" action=(action.to)
            data-confirm=[action.is_destructive.then_some(action.consequence)] {
            @for (name, value) in &action.fields {
                input type="hidden" name=(name) value=(value);
            }
            button class=(class) type="submit" disabled[why.is_some()]
                title=[(!title.is_empty()).then_some(title)] {
                (icon(action.picture, visit.links().base())) (action.label)
            }
        }
    }
}

/// A link to a form that has a page of its own, as a button.
pub(crate) fn way(
    to: &str,
    label: &str,
    picture: &str,
    needs: Permission,
    visit: &Visit,
) -> Markup {
    if visit.viewer().why_read_only().is_some() {
        return html! {};
    }
    match visit.viewer().may(needs) {
        Ok(()) => html! { a.button href=(to) { (icon(picture, visit.links().base())) (label) } },
        Err(denied) => html! {
            button.button type="button" disabled title=(visit.text().denied(denied)) {
                (icon(picture, visit.links().base())) (label)
            }
        },
    }
}
