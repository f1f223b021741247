//! Orders for queues: pause, resume, scale, start, stop, and taking them back; for one queue, for all,
//! and for what runs on one node.

use std::time::Duration;

use axum::extract::{Form, Path, Query};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use jiff::civil::DateTime;
use kerrera::Timestamp;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Page, Section};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::service::{PauseEnd, Target};
use crate::text::{Said, Text};
use crate::view::done::{self, Done};
use crate::view::order;
use crate::view::question::{Field, Question, question};
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    use Permission as P;
    routes.question("/queues/{name}/pause", P::QueuesPause, ask_pause);
    routes.action("/queues/{name}/pause", P::QueuesPause, pause);
    routes.action("/queues/{name}/resume", P::QueuesPause, resume);
    routes.question("/queues/{name}/scale", P::QueuesScale, ask_scale);
    routes.action("/queues/{name}/scale", P::QueuesScale, scale);
    routes.question("/queues/{name}/start", P::QueuesStop, ask_start);
    routes.action("/queues/{name}/start", P::QueuesStop, start);
    routes.question("/queues/{name}/stop", P::QueuesStop, ask_stop);
    routes.action("/queues/{name}/stop", P::QueuesStop, stop);
    routes.question("/queues/{name}/reset", P::QueuesPause, ask_reset);
    routes.action("/queues/{name}/reset", P::QueuesPause, reset);

    routes.question("/orders/pause", P::QueuesPause, ask_pause_all);
    routes.action("/orders/pause", P::QueuesPause, pause_all);
    routes.action("/orders/resume", P::QueuesPause, resume_all);
    routes.question("/orders/reset", P::QueuesPause, ask_reset_all);
    routes.action("/orders/reset", P::QueuesPause, reset_all);

    routes.question("/nodes/{name}/pause", P::NodesControl, ask_pause_node);
    routes.action("/nodes/{name}/pause", P::NodesControl, pause_node);
    routes.action("/nodes/{name}/resume", P::NodesControl, resume_node);
    routes.question("/nodes/{name}/reset", P::NodesControl, ask_reset_node);
    routes.action("/nodes/{name}/reset", P::NodesControl, reset_node);
}

const PAUSED: Done = ("paused", |text| text.done_paused());
const RESUMED: Done = ("resumed", |text| text.done_resumed());
const SCALED: Done = ("scaled", |text| text.done_scaled());
const STARTED: Done = ("started", |text| text.done_started());
const STOPPED: Done = ("stopped", |text| text.done_stopped());
const RESET: Done = ("reset", |text| text.done_reset());

/// What the pages that these lead to can say.
pub(super) const DONE: &[Done] = &[PAUSED, RESUMED, SCALED, STARTED, STOPPED, RESET];

/// What a form says, or what it is to begin with.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Order {
    /// On which node; on every one if empty.
    node: String,
    reason: String,
    /// `never`, `in` or `at`.
    ends: String,
    amount: String,
    unit: String,
    at: String,
    limit: String,
    paused: String,
    /// From which page it was sent: `queues`, or the queue's own.
    from: String,
}

/// An instance, and a queue or a node of it.
type Named = Path<(String, String)>;
type Answer = Result<Response, Refusal>;

async fn ask_pause(visit: Visit, Path((_, name)): Named, Query(order): Query<Order>) -> Answer {
    visit.service().queue(&name).await?;
    Ok(order.pause_page(Some(&name), &visit, None).into_response())
}

async fn pause(visit: Visit, Path((_, name)): Named, Form(order): Form<Order>) -> Answer {
    order.pause(Some(&name), &visit).await
}

async fn ask_pause_all(visit: Visit) -> Answer {
    Ok(Order::default().pause_page(None, &visit, None).into_response())
}

async fn pause_all(visit: Visit, Form(order): Form<Order>) -> Answer {
    Order { node: String::new(), ..order }.pause(None, &visit).await
}

async fn ask_pause_node(visit: Visit, Path((_, node)): Named) -> Answer {
    visit.service().node(&node).await?;
    Ok(Order { node, ..Order::default() }.pause_page(None, &visit, None).into_response())
}

async fn pause_node(visit: Visit, Path((_, node)): Named, Form(order): Form<Order>) -> Answer {
    visit.service().node(&node).await?;
    Order { node, ..order }.pause(None, &visit).await
}

async fn resume(visit: Visit, Path((_, name)): Named, Form(order): Form<Order>) -> Answer {
    visit.service().resume(order.target(Some(&name))).await?;
    Ok(order.done(Some(&name), RESUMED, &visit))
}

async fn resume_all(visit: Visit) -> Answer {
    let order = Order::default();
    visit.service().resume(order.target(None)).await?;
    Ok(order.done(None, RESUMED, &visit))
}

async fn resume_node(visit: Visit, Path((_, node)): Named) -> Answer {
    visit.service().node(&node).await?;
    let order = Order { node, ..Order::default() };
    visit.service().resume(order.target(None)).await?;
    Ok(order.done(None, RESUMED, &visit))
}

async fn ask_scale(visit: Visit, Path((_, name)): Named, Query(order): Query<Order>) -> Answer {
    let queue = visit.service().queue(&name).await?;
    let on_it = |node: &str| order.node.is_empty() || node == order.node;
    let now = queue.producers.iter().find(|one| on_it(&one.node)).map(|one| one.limit);
    let limit = now.map(|limit| limit.to_string()).unwrap_or_default();
    Ok(Order { limit, ..order }.scale_page(&name, &visit, None).into_response())
}

async fn scale(visit: Visit, Path((_, name)): Named, Form(order): Form<Order>) -> Answer {
    let Some(limit) = order.limit() else {
        let wrong = visit.text().wrong_limit();
        return Ok(unprocessable(order.scale_page(&name, &visit, Some(wrong))));
    };
    visit.service().scale(order.target(Some(&name)), limit).await?;
    Ok(order.done(Some(&name), SCALED, &visit))
}

async fn ask_start(visit: Visit, Path((_, name)): Named, Query(order): Query<Order>) -> Answer {
    visit.service().queue(&name).await?;
    Ok(order.start_page(&name, &visit, None).into_response())
}

async fn start(visit: Visit, Path((_, name)): Named, Form(order): Form<Order>) -> Answer {
    let Some(limit) = order.limit() else {
        let wrong = visit.text().wrong_limit();
        return Ok(unprocessable(order.start_page(&name, &visit, Some(wrong))));
    };
    let is_paused = order.paused == "on";
    visit.service().start(order.target(Some(&name)), limit, is_paused).await?;
    Ok(order.done(Some(&name), STARTED, &visit))
}

async fn ask_stop(visit: Visit, Path((_, name)): Named, Query(order): Query<Order>) -> Answer {
    let queue = visit.service().queue(&name).await?;
    let nodes = if order.node.is_empty() { queue.nodes() as u64 } else { 1 };
    let text = visit.text();
    let what = order.what(Some(&name), text);
    let (title, button) = (text.stop_title(&what), text.stop());
    let asked = Question {
        title: &title,
        consequence: &text.stop_consequence(nodes),
        to: &visit.links().to(["queues", &name, "stop"]),
        fields: order.hidden_node(),
        button: &button,
        is_destructive: true,
        back: &visit.links().queue(&name),
    };
    let body = question(&asked, &visit);
    Ok(Page::new(&visit, Section::Queues, &title, &body).into_response())
}

async fn stop(visit: Visit, Path((_, name)): Named, Form(order): Form<Order>) -> Answer {
    visit.service().stop(order.target(Some(&name))).await?;
    Ok(order.done(Some(&name), STOPPED, &visit))
}

async fn ask_reset(visit: Visit, Path((_, name)): Named, Query(order): Query<Order>) -> Answer {
    visit.service().queue(&name).await?;
    order.reset_page(Some(&name), &visit).await
}

async fn reset(visit: Visit, Path((_, name)): Named, Form(order): Form<Order>) -> Answer {
    visit.service().forget_orders(order.target(Some(&name))).await?;
    Ok(order.done(Some(&name), RESET, &visit))
}

async fn ask_reset_all(visit: Visit) -> Answer {
    Order::default().reset_page(None, &visit).await
}

async fn reset_all(visit: Visit) -> Answer {
    let order = Order::default();
    visit.service().forget_orders(order.target(None)).await?;
    Ok(order.done(None, RESET, &visit))
}

async fn ask_reset_node(visit: Visit, Path((_, node)): Named) -> Answer {
    visit.service().node(&node).await?;
    Order { node, ..Order::default() }.reset_page(None, &visit).await
}

async fn reset_node(visit: Visit, Path((_, node)): Named) -> Answer {
    visit.service().node(&node).await?;
    let order = Order { node, ..Order::default() };
    visit.service().forget_orders(order.target(None)).await?;
    Ok(order.done(None, RESET, &visit))
}

impl Order {
    fn target<'a>(&'a self, queue: Option<&'a str>) -> Target<'a> {
        Target { queue, node: self.node() }
    }

    fn node(&self) -> Option<&str> {
        Some(self.node.trim()).filter(|node| !node.is_empty())
    }

    fn limit(&self) -> Option<u32> {
        self.limit.trim().parse().ok().filter(|limit| (1..=i32::MAX.unsigned_abs()).contains(limit))
    }

    async fn pause(self, queue: Option<&str>, visit: &Visit) -> Answer {
        let end = match self.end(visit) {
            _ if self.reason.chars().count() > 500 => {
                Err(Wrong { field: "reason", why: visit.text().wrong_words() })
            }
            end => end,
        };
        match end {
            Ok(end) => {
                visit.service().pause(self.target(queue), end, &self.reason).await?;
                Ok(self.done(queue, PAUSED, visit))
            }
            Err(wrong) => Ok(unprocessable(self.pause_page(queue, visit, Some(&wrong)))),
        }
    }

    /// When the pause is to end.
    fn end(&self, visit: &Visit) -> Result<PauseEnd, Wrong> {
        let text = visit.text();
        match self.ends.as_str() {
            "in" => {
                let unit = match self.unit.as_str() {
                    "days" => 86_400,
                    "hours" => 3_600,
                    _ => 60_u64,
                };
                let amount = self.amount.trim().parse::<u64>().ok().filter(|amount| *amount > 0);
                // A thousand years are enough, and no sum of times overflows.
                let seconds = amount.and_then(|amount| amount.checked_mul(unit));
                let seconds = seconds.filter(|seconds| *seconds < 1_000 * 365 * 86_400);
                match seconds {
                    Some(seconds) => Ok(PauseEnd::In(Duration::from_secs(seconds))),
                    None => Err(Wrong { field: "amount", why: text.wrong_amount() }),
                }
            }
            "at" => {
                let local = self.at.trim().parse::<DateTime>().ok();
                let zone = visit.preferences().zone.clone();
                let zoned = local.and_then(|local| local.to_zoned(zone).ok());
                let time = zoned.map(|zoned| zoned.timestamp().as_microsecond());
                let Some(time) = time.map(Timestamp::from_micros) else {
                    return Err(Wrong { field: "at", why: text.wrong_at() });
                };
                match time > visit.now() {
                    true => Ok(PauseEnd::At(time)),
                    false => Err(Wrong { field: "at", why: text.wrong_past() }),
                }
            }
            _ => Ok(PauseEnd::Never),
        }
    }

    fn pause_page(&self, queue: Option<&str>, visit: &Visit, wrong: Option<&Wrong>) -> Page {
        let text = visit.text();
        let title = text.pause_title(&self.what(queue, text));
        let field = |name, label, hint| {
            let wrong = wrong.filter(|wrong| wrong.field == name).map(|wrong| wrong.why.clone());
            Field { name, label, hint, wrong }
        };
        let zone = text.in_zone(visit.preferences().zone_name());
        let units = [text.unit_minutes(), text.unit_hours(), text.unit_days()];
        let units = [("minutes", &*units[0]), ("hours", &*units[1]), ("days", &*units[2])];
        let ends = [
            ("never", text.pause_ends_never()),
            ("in", text.pause_ends_in()),
            ("at", text.pause_ends_at()),
        ];
        let chosen = if self.ends.is_empty() { "never" } else { &self.ends };
        let amount = if self.amount.is_empty() { "30" } else { &self.amount };
        let fields = html! {
            (self.hidden_node())
            (field("reason", text.reason(), text.pause_reason_hint()).input("text", &self.reason))
            fieldset.choice {
                legend { (text.pause_ends()) }
                @for (value, word) in &ends {
                    label { input type="radio" name="ends" value=(value) checked[*value == chosen]; (word) }
                }
            }
            div.row.row-top {
                (field("amount", text.pause_amount(), "".into()).input("number", amount))
                (field("unit", text.pause_unit(), "".into()).select(&units, &self.unit))
                (field("at", text.pause_at(), zone).input("datetime-local", &self.at))
            }
        };
        let asked = Question {
            title: &title,
            consequence: &text.pause_consequence(),
            to: &self.address(queue, "pause", visit),
            fields,
            button: &text.pause(),
            is_destructive: false,
            back: &self.home(queue, visit),
        };
        Page::new(visit, self.section(queue), &title, &question(&asked, visit))
    }

    fn scale_page(&self, queue: &str, visit: &Visit, wrong: Option<Said>) -> Page {
        let text = visit.text();
        let title = text.scale_title(&self.what(Some(queue), text));
        let field = Field { wrong, ..Field::new("limit", text.limit_per_node()) };
        let asked = Question {
            title: &title,
            consequence: &text.scale_consequence(),
            to: &visit.links().to(["queues", queue, "scale"]),
            fields: html! { (self.hidden_node()) (field.input("number", &self.limit)) },
            button: &text.scale(),
            is_destructive: false,
            back: &visit.links().queue(queue),
        };
        Page::new(visit, Section::Queues, &title, &question(&asked, visit))
    }

    fn start_page(&self, queue: &str, visit: &Visit, wrong: Option<Said>) -> Page {
        let text = visit.text();
        let title = text.start_title(&self.what(Some(queue), text));
        let field = Field { wrong, ..Field::new("limit", text.limit_per_node()) };
        let limit = if self.limit.is_empty() { "10" } else { &self.limit };
        let asked = Question {
            title: &title,
            consequence: &text.start_consequence(),
            to: &visit.links().to(["queues", queue, "start"]),
            fields: html! {
                (self.hidden_node())
                (field.input("number", limit))
                label.row {
                    input type="checkbox" name="paused" value="on" checked[self.paused == "on"];
                    (text.start_paused())
                }
            },
            button: &text.start(),
            is_destructive: false,
            back: &visit.links().queue(queue),
        };
        Page::new(visit, Section::Queues, &title, &question(&asked, visit))
    }

    async fn reset_page(&self, queue: Option<&str>, visit: &Visit) -> Answer {
        let text = visit.text();
        let title = text.reset_title(&self.what(queue, text));
        let forgotten = visit.service().forgotten_with(self.target(queue)).await?;
        let asked = Question {
            title: &title,
            consequence: &text.reset_consequence(forgotten.len() as u64),
            to: &self.address(queue, "reset", visit),
            fields: html! {
                (self.hidden_node())
                @if !forgotten.is_empty() {
                    ul.plain { @for one in &forgotten {
                        li {
                            (order::target(one.queue.as_deref(), one.node.as_deref(), text)) ": "
                            strong { (order::said(one.setting, text)) } " "
                            (order::by_whom(one, visit))
                        }
                    } }
                }
            },
            button: &text.take_back(),
            is_destructive: true,
            back: &self.home(queue, visit),
        };
        let page = Page::new(visit, self.section(queue), &title, &question(&asked, visit));
        Ok(page.into_response())
    }

    fn hidden_node(&self) -> Markup {
        html! {
            @if let Some(node) = self.node() { input type="hidden" name="node" value=(node); }
            @if !self.from.is_empty() { input type="hidden" name="from" value=(self.from); }
        }
    }

    fn what(&self, queue: Option<&str>, text: Text) -> Said {
        order::target(queue, self.node(), text)
    }

    fn section(&self, queue: Option<&str>) -> Section {
        match (queue, self.node()) {
            (None, Some(_)) => Section::Nodes,
            _ => Section::Queues,
        }
    }

    /// Where a form goes.
    fn address(&self, queue: Option<&str>, what: &str, visit: &Visit) -> String {
        match (queue, self.node()) {
            (Some(queue), _) => visit.links().to(["queues", queue, what]),
            (None, Some(node)) => visit.links().to(["nodes", node, what]),
            (None, None) => visit.links().to(["orders", what]),
        }
    }

    /// The page of what it is for.
    fn home(&self, queue: Option<&str>, visit: &Visit) -> String {
        match (queue, self.node()) {
            (Some(_), _) if self.from == "queues" => visit.links().to(["queues"]),
            (Some(_), Some(node)) if self.from == "node" => visit.links().node(node),
            (Some(queue), _) => visit.links().queue(queue),
            (None, Some(node)) => visit.links().node(node),
            (None, None) => visit.links().to(["queues"]),
        }
    }

    fn done(&self, queue: Option<&str>, done: Done, visit: &Visit) -> Response {
        let to: Redirect = done::redirect(&self.home(queue, visit), done);
        to.into_response()
    }
}

/// What is wrong in a field.
struct Wrong {
    field: &'static str,
    why: Said,
}

fn unprocessable(page: Page) -> Response {
    page.status(StatusCode::UNPROCESSABLE_ENTITY).into_response()
}
