//! The site by itself, until its standard input ends; with the argument `shop` the tidy one. An example and no program, so that it is built with the
//! features that tests are built with, of what they have compiled already.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let scene = match std::env::args().nth(1).as_deref() {
        Some("shop") => e2e::Scene::Shop,
        _ => e2e::Scene::Hostile,
    };
    e2e::serve(scene).await
}
