//! How somebody wants to see things.

use maud::{Markup, html};

use super::{Page, Section};
use crate::access::Permission;
use crate::language::Language;
use crate::preferences::{Density, REFRESH, Theme};
use crate::routes::Routes;
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    // Everybody who sees anything sees jobs or queues; what is set here is one's own.
    routes.page("/settings", Permission::QueuesView, show);
}

async fn show(visit: Visit) -> Page {
    let text = visit.text();
    let own = visit.preferences();
    let themes = Theme::ALL.iter().map(|theme| {
        let name = match theme {
            Theme::System => text.theme_system(),
            Theme::Light => text.theme_light(),
            Theme::Dark => text.theme_dark(),
        };
        (theme.as_str().to_owned(), name, own.theme == *theme)
    });
    let languages = Language::ALL.into_iter().map(|language| {
        (language.code().to_owned(), language.name().into(), own.language == language)
    });
    let densities = Density::ALL.iter().map(|density| {
        let name = match density {
            Density::Comfortable => text.density_comfortable(),
            Density::Compact => text.density_compact(),
        };
        (density.as_str().to_owned(), name, own.density == *density)
    });
    let refreshes = REFRESH.into_iter().map(|refresh| {
        let (value, name) = match refresh {
            None => ("off".to_owned(), text.refresh_off()),
            Some(0) => ("0".to_owned(), text.live()),
            Some(seconds) => (seconds.to_string(), text.refresh_every(seconds)),
        };
        (value, name, own.refresh == refresh)
    });
    let shortcuts = [("on", text.yes(), own.shortcuts), ("off", text.no(), !own.shortcuts)];
    let shortcuts = shortcuts.into_iter().map(|(value, name, on)| (value.to_owned(), name, on));
    let body = html! {
        h1 { (text.settings()) }
        form.card.settings method="post" action=(format!("{}/preferences", visit.links().base())) {
            input type="hidden" name="return_to" value=(visit.links().to(["settings"]));
            (choice("theme", &text.theme(), themes))
            (choice("language", &text.language(), languages))
            (choice("density", &text.density(), densities))
            (choice("refresh", &text.refresh(), refreshes))
            (choice("shortcuts", &text.shortcuts(), shortcuts))
            p.hint { (text.shortcuts_hint()) }
            div.field {
                label for="zone" { (text.zone()) }
                input #zone name="zone" value=(own.zone_name()) autocomplete="off" spellcheck="false";
                p.hint { (text.zone_hint()) }
            }
            p.hint { (text.settings_hint()) }
            button.button.button-primary type="submit" { (text.save()) }
        }
    };
    Page::new(&visit, Section::Settings, &text.settings(), &body)
}

fn choice(
    name: &str,
    label: &str,
    options: impl Iterator<Item = (String, crate::text::Said, bool)>,
) -> Markup {
    html! {
        fieldset.choice {
            legend { (label) }
            @for (value, said, is_on) in options {
                label { input type="radio" name=(name) value=(value) checked[is_on]; (said) }
            }
        }
    }
}
