//! The state rail: the life of a job as a strip, which counts, filters and explains the colours.

use kerrera::State;
use maud::{Markup, html};

use crate::text::texts;
use crate::view::icon::icon;
use crate::visit::Visit;

texts! {
    rail_label: "Jobs by state" | "상태별 작업";
}

/// A state on the rail.
pub(crate) struct Stop {
    pub(crate) state: State,
    /// How many jobs are in it.
    pub(crate) count: Markup,
    /// Whether there are any.
    pub(crate) is_empty: bool,
    /// Where it leads.
    pub(crate) link: String,
    /// Whether it is what one looks at.
    pub(crate) is_current: bool,
}

/// The strip. It is a list of links; the lines between them are drawn by the style sheet.
pub(crate) fn rail(stops: &[Stop], visit: &Visit) -> Markup {
    html! {
        nav.rail aria-label=(visit.text().rail_label()) {
            ol {
                @for stop in stops {
                    li class={ "stop state-" (stop.state.as_str()) @if stop.is_empty { " is-empty" } } {
                        a href=(stop.link) aria-current=[stop.is_current.then_some("true")] {
                            span.stop-name {
                                (icon(stop.state.as_str(), visit.links().base()))
                                (visit.text().state_name(stop.state))
                            }
                            span.stop-count { (stop.count) }
                        }
                    }
                }
            }
        }
    }
}
