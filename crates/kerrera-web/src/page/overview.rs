//! The first page: is anything wrong, and where?

use maud::html;

use super::{Page, Section};
use crate::access::Permission;
use crate::refusal::Refusal;
use crate::routes::Routes;
use crate::view::number;
use crate::view::rail::{Stop, rail};
use crate::view::state::LIFE;
use crate::visit::Visit;

pub(crate) fn add(routes: &mut Routes) {
    routes.page("", Permission::QueuesView, show);
}

async fn show(visit: Visit) -> Result<Page, Refusal> {
    let counts = visit.service().counts().await?;
    let text = visit.text();
    let stops = LIFE.map(|state| {
        let jobs = counts.of_state(state);
        Stop {
            state,
            count: number::count(jobs, text),
            is_empty: jobs == 0,
            link: visit.links().jobs(&format!("state:{}", state.as_str())),
            is_current: false,
        }
    });
    let body = html! {
        h1 { (text.overview()) }
        (rail(&stops, &visit))
    };
    Ok(Page::new(&visit, Section::Overview, &text.overview(), &body))
}
