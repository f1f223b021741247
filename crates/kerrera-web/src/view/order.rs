//! Whether queues are paused, by whom, and why.

use kerrera::{Setting, Standing};
use maud::{Markup, html};

use crate::service::{QueueState, QueueStatus};
use crate::text::{Said, Text};
use crate::view::{icon::icon, when};
use crate::visit::Visit;

/// A word with a picture and a colour: `kind` is `info`, `good`, `warning` or `danger`.
pub(crate) fn badge(kind: &str, picture: &str, word: &str, visit: &Visit) -> Markup {
    html! { span class={ "badge notice-" (kind) } { (icon(picture, visit.links().base())) (word) } }
}

/// Whether the jobs of a queue are claimed; and if not, who says so.
pub(crate) fn state(queue: &QueueStatus, visit: &Visit) -> Markup {
    let text = visit.text();
    let badge = |kind, picture, word: Said| badge(kind, picture, &word, visit);
    html! {
        @match queue.state() {
            QueueState::Running => (badge("good", "play", text.state_running())),
            QueueState::Paused => (badge("warning", "pause", text.state_paused())),
            QueueState::PartlyPaused => (badge("warning", "pause", text.state_partly_paused())),
            QueueState::Unworked => {
                (badge("danger", "warning", text.state_unworked()))
                @if queue.paused_by().is_some() {
                    " " (badge("warning", "pause", text.state_paused()))
                }
            }
        }
        @match queue.pending(visit.now()) {
            Some(true) => { " " span.muted { (text.pausing()) } },
            Some(false) => { " " span.muted { (text.resuming()) } },
            None => {
                @if let Some(order) = queue.paused_by() { " " (by_whom(order, visit)) }
            }
        }
    }
}

/// Who gave an order, when, why, and until when.
pub(crate) fn by_whom(order: &Standing, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        span.muted {
            (when::relative(order.at, visit))
            @if let Some(by) = &order.by { ", " (text.by_whom(by)) }
            @if order.is_signal { ", " span title=(text.by_signal_hint()) { (text.by_signal()) } }
            @if let Some(until) = order.until {
                ", " (text.until_when(&when::exact(until, &visit.preferences().zone)))
            }
            @if let Some(reason) = &order.reason { ": " q { (reason) } }
        }
    }
}

/// What an order says.
pub(crate) fn said(setting: Setting, text: Text) -> Said {
    match setting {
        Setting::Paused(true) => text.order_paused(),
        Setting::Paused(false) => text.order_resumed(),
        Setting::Limit(limit) => text.order_limit(limit),
        Setting::Started { limit, paused: false } => text.order_started(limit),
        Setting::Started { limit, paused: true } => text.order_started_paused(limit),
        Setting::Stopped => text.order_stopped(),
        _ => text.unknown(),
    }
}

/// What orders are for, in words.
pub(crate) fn target(queue: Option<&str>, node: Option<&str>, text: Text) -> Said {
    let queue: Said = queue.map_or_else(|| text.every_queue(), |queue| queue.to_owned().into());
    match node {
        Some(node) => text.on_node(&queue, node),
        None => queue,
    }
}

/// A link to a question, as a button; with scripts it is asked in a dialog.
pub(crate) fn door(
    to: &str,
    label: &str,
    picture: &str,
    needs: crate::access::Permission,
    visit: &Visit,
) -> Markup {
    if visit.viewer().why_read_only().is_some() {
        return html! {};
    }
    match visit.viewer().may(needs) {
        Ok(()) => html! {
            a.button href=(to) data-dialog { (icon(picture, visit.links().base())) (label) }
        },
        Err(denied) => html! {
            button.button type="button" disabled title=(visit.text().denied(denied)) {
                (icon(picture, visit.links().base())) (label)
            }
        },
    }
}
