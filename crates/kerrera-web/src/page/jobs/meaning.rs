//! A filter in words, and what is wrong with it.

use kerrera::filter::{Bound, Filter, Mark, Problem, Subject, Term, TermTime, Value};
use kerrera_core::job_query::Comparison;
use maud::{Markup, html};

use super::Look;
use crate::access::Permission;
use crate::service::{UnfitFilter, Unfitness};
use crate::text::{Said, Text};
use crate::view::icon::icon;
use crate::view::when;
use crate::visit::Visit;

/// What a filter means, term by term, each with a way to take it away.
pub(super) fn meaning(filter: &Filter, look: &Look, visit: &Visit) -> Markup {
    let (text, links) = (visit.text(), visit.links());
    html! {
        @if !filter.terms.is_empty() {
            div.row.filter-meaning {
                p.visually-hidden #filter-meaning { (text.filter_meaning()) }
                ul.row aria-labelledby="filter-meaning" {
                    @for (at, term) in filter.terms.iter().enumerate() {
                        @let without = Look { q: without(filter, at), at: String::new(), ..look.clone() };
                        @let said = text.filter_remove(&term.to_string());
                        li.tag.filter-term {
                            (term_in_words(term, visit)) " "
                            a href=(without.link(visit)) title=(said) {
                                (icon("close", links.base())) span.visually-hidden { (said) }
                            }
                        }
                    }
                }
                a href=(links.to(["jobs"])) { (text.filter_clear()) }
            }
        }
    }
}

/// What a filter means, term by term.
pub(crate) fn in_words(filter: &Filter, visit: &Visit) -> Markup {
    html! {
        ul.row.filter-meaning aria-label=(visit.text().filter_meaning()) {
            @for term in &filter.terms { li.tag.filter-term { (term_in_words(term, visit)) } }
        }
    }
}

/// The filter without one of its terms.
fn without(filter: &Filter, at: usize) -> String {
    let terms = filter.terms.iter().enumerate().filter(|(other, _)| *other != at);
    terms.map(|(_, term)| term.to_string()).collect::<Vec<_>>().join(" ")
}

fn term_in_words(term: &Term, visit: &Visit) -> Said {
    let text = visit.text();
    let values: Vec<Said> = term.values.iter().map(|value| one(value, visit)).collect();
    let (what, values) = (subject(&term.subject, text), values.join(&text.means_or()));
    match term.negated {
        false => text.means_is(&what, &values),
        true => text.means_is_not(&what, &values),
    }
}

fn subject(subject: &Subject, text: Text) -> Said {
    match subject {
        Subject::State => text.state(),
        Subject::Queue => text.queue(),
        Subject::Worker => text.worker(),
        Subject::Id => text.subject_number(),
        Subject::Tag => text.subject_tag(),
        Subject::Priority => text.priority(),
        Subject::Attempt => text.attempt(),
        Subject::Node => text.node(),
        Subject::Error => text.subject_error(),
        Subject::ErrorType => text.subject_error_type(),
        Subject::Fingerprint => text.subject_fingerprint(),
        Subject::Time(TermTime::Inserted) => text.subject_inserted(),
        Subject::Time(TermTime::Scheduled) => text.subject_scheduled(),
        Subject::Time(TermTime::Attempted) => text.subject_attempted(),
        Subject::Time(TermTime::Finished) => text.subject_finished(),
        Subject::Duration => text.subject_duration(),
        Subject::Wait => text.subject_wait(),
        Subject::Cron => text.cron_entry(),
        Subject::Trace => text.subject_trace(),
        Subject::Is => text.subject_job(),
        other => other.to_string().into(),
    }
}

fn one(value: &Value, visit: &Visit) -> Said {
    let text = visit.text();
    match value {
        Value::State(state) => text.state_name(*state),
        Value::Text(said) => format!("“{said}”").into(),
        Value::Word(word) => word.clone().into(),
        Value::Prefix(prefix) => text.means_begins(&format!("“{prefix}”")),
        Value::Anything => text.means_anything(),
        Value::Measure(bound) => bounded(bound, text),
        Value::Number(bound) => bounded(bound, text),
        Value::Length(bound) => bounded(bound, text),
        Value::Mark(Mark::Orphaned) => text.mark_orphaned(),
        Value::Mark(Mark::Snoozed) => text.mark_snoozed(),
        Value::Mark(Mark::Rescued) => text.mark_rescued(),
        Value::Mark(Mark::Stuck) => text.mark_stuck(),
        Value::Mark(Mark::Unregistered) => text.mark_unregistered(),
        Value::Time(_) => {
            let zone = &visit.preferences().zone;
            let (since, before) = Term::times(value, visit.now(), &visit.preferences().timezone());
            let exact = |time| when::exact(time, zone);
            match (since.map(exact), before.map(exact)) {
                (Some(since), Some(before)) => text.means_in(&since, &before),
                (Some(since), None) => text.means_since(&since),
                (None, Some(before)) => text.means_before(&before),
                (None, None) => text.means_anything(),
            }
        }
        _ => "…".into(),
    }
}

fn bounded<T: ToString>(bound: &Bound<T>, text: Text) -> Said {
    match bound {
        Bound::Is(value) => value.to_string().into(),
        Bound::Compares(comparison, value) => {
            let value = value.to_string();
            match comparison {
                Comparison::Less => text.means_less(&value),
                Comparison::AtMost => text.means_at_most(&value),
                Comparison::Greater => text.means_more(&value),
                Comparison::AtLeast => text.means_at_least(&value),
            }
        }
        Bound::Between(Some(low), Some(high)) => {
            text.means_between(&low.to_string(), &high.to_string())
        }
        Bound::Between(Some(low), None) => text.means_at_least(&low.to_string()),
        Bound::Between(None, Some(high)) => text.means_at_most(&high.to_string()),
        Bound::Between(None, None) => text.means_anything(),
    }
}

/// What is wrong with a filter, and what was probably meant.
pub(crate) fn problem(unfit: &UnfitFilter, text: Text) -> Markup {
    let problem = match &unfit.why {
        Unfitness::Private(what) => return html! { (text.filter_private(what)) },
        Unfitness::Revealing(_) => {
            return html! { (text.filter_revealing(Permission::JobsReveal.as_str())) };
        }
        Unfitness::Unreadable(problem, _) => problem,
    };
    let near = |nearest: &Option<&str>| nearest.map(|nearest| text.filter_nearest(nearest));
    let (said, more, near) = match problem {
        Problem::TooLong | Problem::TooMany => (text.filter_too_long(), None, None),
        Problem::Unclosed => (text.filter_unclosed(), None, None),
        Problem::Unprintable => (text.filter_unprintable(), None, None),
        Problem::Unknown { written, nearest } => {
            (text.filter_unknown(&short(written)), None, near(nearest))
        }
        Problem::Alone { written } => (text.filter_alone(&short(written)), None, None),
        Problem::Value { qualifier, written, nearest, expected } => {
            let said = text.filter_value(&short(qualifier), &short(written));
            (said, Some(text.filter_expected(expected)), near(nearest))
        }
        _ => (unfit.to_string().into(), None, None),
    };
    html! {
        (said)
        @if let Some(more) = more { " " (more) }
        @if let Some(near) = near { " " (near) }
    }
}

fn short(text: &str) -> String {
    text.chars().take(64).collect()
}
