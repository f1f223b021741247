//! Who looks at a database for all that look at its pages.

use std::time::Duration;

use kerrera::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::change::{Look, Seen};
use crate::access::{Actor, Permissions, Viewer};
use crate::dashboard::Instance;
use crate::service::Service;

/// How often it looks.
const LEAST: Duration = Duration::from_secs(1);
/// How often at least, however long a look takes.
const MOST: Duration = Duration::from_secs(60);
/// How many times as long as a look it waits for the next: so it takes up a twentieth of a connection.
const SHARE: u32 = 20;

/// Looks at a database until it is dropped.
pub(super) struct Watcher {
    seen: watch::Receiver<Seen>,
    looking: JoinHandle<()>,
}

impl Watcher {
    pub(super) fn start(instance: &Instance) -> Watcher {
        let begun = u64::try_from(Timestamp::now().as_micros()).unwrap_or_default();
        let (sender, seen) = watch::channel(Seen::beginning(begun));
        // What it sees is told to nobody: only that it has changed, to those who see that.
        let viewer = Viewer::new(Actor::new("dashboard", "dashboard"), Permissions::all());
        let service = Service::new(instance.client.clone(), &instance.name, viewer)
            .sharing(instance.shared.clone());
        let looking = tokio::spawn(async move {
            loop {
                let began = Instant::now();
                match service.glance().await {
                    Ok(glance) => {
                        sender.send_if_modified(|seen| seen.take(Look::new(glance)));
                    }
                    // Its pages tell people of it when they are fetched.
                    Err(error) => tracing::debug!(%error, "live updates could not look"),
                }
                tokio::time::sleep(pause(began.elapsed())).await;
            }
        });
        Watcher { seen, looking }
    }

    /// What it sees, from now on.
    pub(super) fn seen(&self) -> watch::Receiver<Seen> {
        self.seen.clone()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        self.looking.abort();
    }
}

fn pause(took: Duration) -> Duration {
    (took * SHARE).clamp(LEAST, MOST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_database_is_looked_at_less_often() {
        let ms = Duration::from_millis;
        assert_eq!([pause(ms(2)), pause(ms(200)), pause(ms(9_000))], [LEAST, ms(4_000), MOST]);
    }
}
