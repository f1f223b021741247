//! The site by itself, until its standard input ends. An example and no program, so that it is built with the
//! features that tests are built with, of what they have compiled already.

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    e2e::serve().await
}
