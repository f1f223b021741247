//! How far back one looks, as links.

use maud::{Markup, html};

use crate::service::Window;
use crate::text::{Said, Text};
use crate::visit::Visit;

/// What a window is called.
pub(crate) fn name(window: Window, text: Text) -> Said {
    match window {
        Window::Hour => text.window_hour(),
        Window::Day => text.window_day(),
        Window::Week => text.window_week(),
    }
}

/// Links to the same page, looking as far back as each says.
pub(crate) fn choice(chosen: Window, to: &str, visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        nav.row data-windows aria-label=(text.window()) {
            @for window in Window::ALL {
                a.button href={ (to) "?window=" (window.as_str()) }
                    aria-current=[(window == chosen).then_some("true")] { (name(window, text)) }
            }
        }
    }
}
