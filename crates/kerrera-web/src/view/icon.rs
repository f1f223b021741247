//! Pictures of the sprite `assets/icons.svg`: never without a word beside them or in their name.

use maud::{Markup, html};

use crate::assets;

/// A picture that only decorates a word beside it.
pub(crate) fn icon(name: &str, base: &str) -> Markup {
    html! {
        svg.icon aria-hidden="true" focusable="false" {
            use href=(format!("{}#{name}", assets::link(base, "icons.svg"))) {}
        }
    }
}
