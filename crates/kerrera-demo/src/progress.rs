//! What is shown while the jobs run.

use std::io::{IsTerminal as _, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use kerrera::{Client, Count, State};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::smtp_sink::SmtpSink;
use crate::visitors::Answers;

/// How often is looked.
const LOOK: Duration = Duration::from_millis(200);

/// How often a line is written where there is no terminal.
const LINE: Duration = Duration::from_secs(2);

/// The jobs of all queues, counted at one moment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot(Vec<Count>);

impl Snapshot {
    /// How many jobs of a queue are in a state.
    pub(crate) fn jobs(&self, queue: &str, state: State) -> u64 {
        self.of(queue).filter(|count| count.state == state).map(|count| count.jobs).sum()
    }

    /// How many jobs of a queue have ended.
    pub(crate) fn ended(&self, queue: &str) -> u64 {
        self.of(queue).filter(|count| count.state.is_final()).map(|count| count.jobs).sum()
    }

    fn of(&self, queue: &str) -> impl Iterator<Item = &Count> {
        self.0.iter().filter(move |count| count.queue == queue)
    }
}

/// What is looked at.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) client: Client,
    pub(crate) visitors: u64,
    pub(crate) answers: Arc<Answers>,
    pub(crate) sink: Arc<SmtpSink>,
    /// The queues, and how many jobs each is to see in all.
    pub(crate) expected: [(&'static str, u64); 3],
}

/// Looks again and again, and shows what it sees on standard error.
#[derive(Debug)]
pub(crate) struct Progress {
    seen: watch::Receiver<Snapshot>,
    looking: JoinHandle<()>,
}

impl Progress {
    /// Begins to look. On a terminal bars are drawn, unless it is to be `plain`.
    pub(crate) fn start(watched: Watched, plain: bool) -> Progress {
        let (sender, seen) = watch::channel(Snapshot::default());
        let is_terminal = std::io::stderr().is_terminal();
        let mut display = if is_terminal && !plain {
            Display::Bars(Bars::new(&watched))
        } else {
            Display::Lines { start: Instant::now(), next: Instant::now() }
        };
        let looking = tokio::spawn(async move {
            loop {
                // A database that cannot be asked now will be asked again.
                if let Ok(counts) = watched.client.counts().await {
                    let snapshot = Snapshot(counts);
                    display.show(&watched, &snapshot);
                    sender.send_replace(snapshot);
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Progress { seen, looking }
    }

    /// Waits until this is seen to be so.
    pub(crate) async fn until(&self, condition: impl FnMut(&Snapshot) -> bool) {
        let mut seen = self.seen.clone();
        // It can fail only when nobody looks any more.
        let _ = seen.wait_for(condition).await;
    }

    /// Looks no more. What is written from now on stands below what was shown.
    pub(crate) async fn finish(self) {
        self.looking.abort();
        let _ = self.looking.await;
    }
}

enum Display {
    Bars(Bars),
    Lines { start: Instant, next: Instant },
}

impl Display {
    fn show(&mut self, watched: &Watched, snapshot: &Snapshot) {
        match self {
            Display::Bars(bars) => bars.show(watched, snapshot),
            Display::Lines { start, next } if Instant::now() >= *next => {
                *next += LINE;
                let mut line =
                    format!("{:5.1} s  {}", start.elapsed().as_secs_f64(), people(watched));
                for (queue, expected) in watched.expected {
                    let ended = snapshot.ended(queue);
                    line += &format!("; {queue} {ended}/{expected}{}", under_way(snapshot, queue));
                }
                // Who has closed it does not want to know.
                let _ = writeln!(std::io::stderr(), "{line}");
            }
            Display::Lines { .. } => {}
        }
    }
}

struct Bars {
    people: ProgressBar,
    queues: Vec<ProgressBar>,
    /// Draws them.
    _all: MultiProgress,
}

impl Bars {
    fn new(watched: &Watched) -> Bars {
        let all = MultiProgress::new();
        let style = |template| {
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
        };
        let with_bar = "{prefix:>10} {bar:32} {pos:>5} of {len}{wide_msg}";
        let bar = |name: &'static str, length| {
            let bar = ProgressBar::new(length).with_style(style(with_bar)).with_prefix(name);
            all.add(bar)
        };
        let people = bar("sign-ups", watched.visitors);
        let queues = watched.expected.iter().map(|&(queue, expected)| bar(queue, expected));
        Bars { people, queues: queues.collect(), _all: all }
    }

    fn show(&self, watched: &Watched, snapshot: &Snapshot) {
        self.people.set_position(watched.answers.total());
        self.people.set_message(format!("; {} mails delivered", watched.sink.delivered()));
        for (bar, (queue, _)) in self.queues.iter().zip(watched.expected) {
            bar.set_position(snapshot.ended(queue));
            bar.set_message(under_way(snapshot, queue));
        }
    }
}

impl Drop for Bars {
    /// Leaves them as they are: what comes next is written below.
    fn drop(&mut self) {
        self.people.abandon();
        self.queues.iter().for_each(ProgressBar::abandon);
        let _ = writeln!(std::io::stderr());
    }
}

fn people(watched: &Watched) -> String {
    let (came, all) = (watched.answers.total(), watched.visitors);
    format!("sign-ups {came}/{all}; {} mails delivered", watched.sink.delivered())
}

/// What of a queue has begun and not ended.
fn under_way(snapshot: &Snapshot, queue: &str) -> String {
    let states = [
        (State::Executing, "running"),
        (State::Retryable, "retryable"),
        (State::Scheduled, "scheduled"),
    ];
    let counts = states.into_iter().map(|(state, word)| (snapshot.jobs(queue, state), word));
    counts.filter(|(jobs, _)| *jobs > 0).map(|(jobs, word)| format!(", {jobs} {word}")).collect()
}
