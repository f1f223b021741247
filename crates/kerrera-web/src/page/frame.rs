//! The frame around every page: where one is, where one can go, and how fresh it is.

mod keys;

use maud::{DOCTYPE, Markup, html};

use crate::access::Permission;
use crate::assets;
use crate::preferences::Preferences;
use crate::text::{Said, Text};
use crate::view::empty::notice;
use crate::view::icon::icon;
use crate::visit::Visit;

/// The parts of the dashboard, in the order of the menu.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Overview,
    Jobs,
    Errors,
    Queues,
    Workers,
    Nodes,
    Crons,
    Operations,
    Audit,
    Settings,
    /// None of them: an error.
    None,
}

impl Section {
    /// Those that have a page.
    const MENU: [Section; 10] = [
        Section::Overview,
        Section::Jobs,
        Section::Errors,
        Section::Queues,
        Section::Workers,
        Section::Nodes,
        Section::Crons,
        Section::Operations,
        Section::Audit,
        Section::Settings,
    ];

    /// Those of the menu that the visitor may see.
    fn seen_by(visit: &Visit) -> impl Iterator<Item = Section> {
        let may =
            |needs: Option<Permission>| needs.is_none_or(|needs| visit.viewer().may(needs).is_ok());
        Section::MENU.into_iter().filter(move |section| may(section.needs()))
    }

    /// What one must be allowed to see it; nothing for the settings, which are one's own.
    fn needs(self) -> Option<Permission> {
        match self {
            Section::Overview | Section::Queues => Some(Permission::QueuesView),
            Section::Jobs | Section::Errors => Some(Permission::JobsView),
            Section::Workers => Some(Permission::WorkersView),
            Section::Nodes => Some(Permission::NodesView),
            Section::Crons => Some(Permission::CronsView),
            Section::Operations => Some(Permission::OperationsView),
            Section::Audit => Some(Permission::AuditView),
            Section::Settings | Section::None => None,
        }
    }

    /// Its path, and the name of its picture.
    fn path(self) -> &'static str {
        match self {
            Section::Overview | Section::None => "overview",
            Section::Jobs => "jobs",
            Section::Errors => "errors",
            Section::Queues => "queues",
            Section::Workers => "workers",
            Section::Nodes => "nodes",
            Section::Crons => "crons",
            Section::Operations => "operations",
            Section::Audit => "audit",
            Section::Settings => "settings",
        }
    }

    fn name(self, text: Text) -> Said {
        match self {
            Section::Overview => text.overview(),
            Section::Jobs => text.jobs(),
            Section::Errors => text.errors(),
            Section::Queues => text.queues(),
            Section::Workers => text.workers(),
            Section::Nodes => text.nodes(),
            Section::Crons => text.crons(),
            Section::Operations => text.operations(),
            Section::Audit => text.audit(),
            Section::Settings => text.settings(),
            Section::None => "".into(),
        }
    }

    fn link(self, visit: &Visit) -> String {
        match self {
            Section::Overview | Section::None => visit.links().overview(),
            section => visit.links().to([section.path()]),
        }
    }
}

/// A whole page.
pub(crate) fn whole(visit: &Visit, section: Section, title: &str, body: &Markup) -> Markup {
    let text = visit.text();
    let links = visit.links();
    let content = html! {
        a.skip href="#content" { (text.skip_to_content()) }
        div.shell {
            header.top {
                a.brand href=(links.overview()) {
                    (icon("kerrera", links.base())) span { (text.brand()) }
                }
                @if let Some(environment) = &visit.app().options.environment {
                    span.environment { (environment) }
                }
                (instances(visit))
                span.top-gap {}
                span #freshness .freshness {}
                (keys::openers(visit))
                (person(visit))
            }
            (menu(visit, section))
            main #content tabindex="-1" { (fragment(visit, section, title, body)) }
        }
        div #announcer .visually-hidden role="status" aria-live="polite" {}
        dialog #dialog aria-labelledby="dialog-title" {}
        (keys::words(visit))
        (keys::templates(visit))
    };
    let instance = visit.service().instance();
    document(
        links.base(),
        visit.preferences(),
        &format!("{title} · {instance} – Kerrera"),
        Some(&format!("{}/events", links.overview())),
        &content,
    )
}

/// What changes of a page: what live updates fetch again.
pub(crate) fn fragment(visit: &Visit, section: Section, _title: &str, body: &Markup) -> Markup {
    let text = visit.text();
    html! {
        div #page data-section=(section.path()) {
            @if let Some(why) = visit.viewer().why_read_only() {
                @let why = crate::access::Denied::ReadOnly(why);
                (notice("info", "lock", visit, &html! { (text.denied(why)) }))
            }
            (body)
        }
    }
}

/// A page for somebody who was not let in.
pub(crate) fn bare(base: &str, preferences: &Preferences, title: &str, body: &Markup) -> Markup {
    let content = html! { main #content .bare { (body) } };
    document(base, preferences, &format!("{title} – Kerrera"), None, &content)
}

fn document(
    base: &str,
    preferences: &Preferences,
    title: &str,
    events: Option<&str>,
    content: &Markup,
) -> Markup {
    let refresh = preferences.refresh.map_or("off".to_owned(), |seconds| seconds.to_string());
    html! {
        (DOCTYPE)
        html lang=(preferences.language.code()) data-theme=(preferences.theme.as_str())
            data-density=(preferences.density.as_str()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="robots" content="noindex";
                title { (title) }
                link rel="stylesheet" href=(assets::link(base, "kerrera.css"));
                link rel="icon" href=(assets::link(base, "favicon.svg")) type="image/svg+xml";
                script type="module" src=(assets::link(base, "kerrera.js")) {}
            }
            body data-events=[events] data-refresh=(refresh) data-base=(base)
                data-shortcuts=(if preferences.shortcuts { "on" } else { "off" }) {
                (content)
            }
        }
    }
}

/// Which database one looks at, if there are several.
fn instances(visit: &Visit) -> Markup {
    let here = visit.service().instance();
    let all = &visit.app().instances;
    html! {
        @if all.len() > 1 {
            details.instances {
                summary { (icon("database", visit.links().base())) (here) (icon("down", visit.links().base())) }
                ul { @for instance in all.iter() {
                    @let links = crate::links::Links::new(visit.links().base().to_owned(), &instance.name);
                    li { a href=(links.overview()) aria-current=[(&*instance.name == here).then_some("true")] {
                        (instance.name)
                    } }
                } }
            }
        } @else {
            span.instance { (icon("database", visit.links().base())) (here) }
        }
    }
}

/// Where one can go. Where the screen is small, the last ones are behind a word.
fn menu(visit: &Visit, section: Section) -> Markup {
    let text = visit.text();
    let entries: Vec<Section> = Section::seen_by(visit).collect();
    let (first, rest) = entries.split_at(entries.len().min(FIRST));
    let entry = |entry: Section| {
        html! {
            a href=(entry.link(visit)) aria-current=[(entry == section).then_some("page")]
                data-go=[entry.key_code()] title=[text.shortcut(entry)] {
                (icon(entry.path(), visit.links().base())) span { (entry.name(text)) }
            }
        }
    };
    html! {
        nav.menu aria-label=(text.navigation()) { ul {
            @for one in first { li { (entry(*one)) } }
            @for one in rest { li.menu-wide { (entry(*one)) } }
            @if !rest.is_empty() {
                li.menu-narrow { details.menu-more {
                    summary aria-current=[rest.contains(&section).then_some("page")] {
                        (icon("more", visit.links().base())) span { (text.more()) }
                    }
                    ul { @for one in rest { li { (entry(*one)) } } }
                } }
            }
        } }
    }
}

/// How many stand in the menu of a small screen.
const FIRST: usize = 4;

/// Who one is, and the way out.
fn person(visit: &Visit) -> Markup {
    let text = visit.text();
    html! {
        @if let Some(name) = visit.shown_actor() {
            span.actor title=(text.signed_in_as(name)) { (icon("person", visit.links().base())) span { (name) } }
        }
        @if visit.app().options.sign_out {
            form.sign-out method="post" action={ (visit.links().base()) "/logout" } {
                button.button type="submit" { (text.sign_out()) }
            }
        }
    }
}
