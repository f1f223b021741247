//! States: a shape, a word and a colour; never a colour alone.

use kerrera::State;
use maud::{Markup, html};

use crate::view::icon::icon;
use crate::visit::Visit;

/// Every state, in the order of a job's life.
pub(crate) const LIFE: [State; 8] = [
    State::Suspended,
    State::Scheduled,
    State::Available,
    State::Executing,
    State::Retryable,
    State::Completed,
    State::Cancelled,
    State::Discarded,
];

/// A state as a chip.
pub(crate) fn chip(state: State, visit: &Visit) -> Markup {
    let name = visit.text().state_name(state);
    html! {
        span class={ "chip state-" (state.as_str()) } {
            (icon(state.as_str(), visit.links().base())) (name)
        }
    }
}
