//! Questions: what will happen, what has to be said about it, and the button that does it.

use maud::{Markup, html};

use crate::text::Said;
use crate::visit::Visit;

/// A form that is a page of its own, or is shown in a dialog.
pub(crate) struct Question<'a> {
    pub(crate) title: &'a str,
    /// What will happen, and to how many.
    pub(crate) consequence: &'a str,
    /// Where the form goes.
    pub(crate) to: &'a str,
    pub(crate) fields: Markup,
    /// The verb on the button.
    pub(crate) button: &'a str,
    /// Whether something is lost by it.
    pub(crate) is_destructive: bool,
    /// Where one goes who does not want it.
    pub(crate) back: &'a str,
}

pub(crate) fn question(question: &Question<'_>, visit: &Visit) -> Markup {
    let class =
        if question.is_destructive { "button button-danger" } else { "button button-primary" };
    html! {
        section.card.question {
            h1 #dialog-title { (question.title) }
            p.muted { (question.consequence) }
            form.form method="post" action=(question.to) {
                (question.fields)
                div.row {
                    a.button href=(question.back) data-dismiss { (visit.text().close()) }
                    button class=(class) type="submit" { (question.button) }
                }
            }
        }
    }
}

/// A field of a form, with what is wrong in it.
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) label: Said,
    pub(crate) hint: Said,
    pub(crate) wrong: Option<Said>,
}

impl Field {
    /// One that has nothing wrong in it.
    pub(crate) fn new(name: &'static str, label: Said) -> Field {
        Field { name, label, hint: "".into(), wrong: None }
    }

    /// With an input of a type: `text`, `number`, `datetime-local`.
    pub(crate) fn input(&self, kind: &str, value: &str) -> Markup {
        self.around(html! {
            input id=(self.name) name=(self.name) type=(kind) value=(value) autocomplete="off"
                min=[(kind == "number").then_some("1")]
                aria-invalid=[self.wrong.is_some().then_some("true")] aria-describedby=(self.about());
        })
    }

    /// With an input that suggests what stands in the list `NAME-list`.
    pub(crate) fn listed(&self, value: &str) -> Markup {
        self.around(html! {
            input id=(self.name) name=(self.name) type="text" value=(value) autocomplete="off"
                list={ (self.name) "-list" }
                aria-invalid=[self.wrong.is_some().then_some("true")] aria-describedby=(self.about());
        })
    }

    /// With an area for several lines.
    pub(crate) fn area(&self, value: &str) -> Markup {
        self.around(html! {
            textarea id=(self.name) name=(self.name) spellcheck="false"
                aria-invalid=[self.wrong.is_some().then_some("true")] aria-describedby=(self.about()) {
                // A browser takes off the first line break.
                "\n" (value)
            }
        })
    }

    /// With a choice of values, each with a word.
    pub(crate) fn select(&self, options: &[(&str, &str)], value: &str) -> Markup {
        self.around(html! {
            select id=(self.name) name=(self.name) aria-describedby=(self.about()) {
                @for (one, word) in options {
                    option value=(one) selected[*one == value] { (word) }
                }
            }
        })
    }

    fn about(&self) -> String {
        format!("{}-about", self.name)
    }

    fn around(&self, control: Markup) -> Markup {
        html! {
            div.field {
                label for=(self.name) { (self.label) }
                (control)
                @match &self.wrong {
                    Some(wrong) => p.error id=(self.about()) { (wrong) },
                    None => p.hint id=(self.about()) { (self.hint) },
                }
            }
        }
    }
}
