//! A child process that a test reads from, stops and kills.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process, waitid};

use crate::wait;

/// A child process of a test. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    name: String,
    child: Child,
    output: Arc<Output>,
    /// How many lines of standard output [`Process::line`] has gone past.
    read: usize,
}

impl Process {
    /// Starts the command (its program, arguments and environment) without standard input and
    /// with both outputs read by us.
    ///
    /// # Panics
    ///
    /// When the program cannot be started.
    #[track_caller]
    pub fn start(command: &mut Command) -> Process {
        let name = command.get_program().to_string_lossy().into_owned();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start {name}: {error}"));
        let output = Arc::new(Output::default());
        output.follow(child.stdout.take().expect("piped above"), |seen| &mut seen.stdout);
        output.follow(child.stderr.take().expect("piped above"), |seen| &mut seen.stderr);
        Process { name, child, output, read: 0 }
    }

    /// The process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line of standard output that contains `text`, and returns it. The lines
    /// before it count as read: the next call goes on after this line.
    ///
    /// # Panics
    ///
    /// When no such line came within `timeout`, or the process closed its output without one; the
    /// message shows all that the process said.
    #[track_caller]
    pub fn line(&mut self, timeout: Duration, text: &str) -> String {
        let deadline = Instant::now() + timeout;
        let mut seen = self.output.seen();
        loop {
            while let Some(line) = seen.stdout.lines.get(self.read) {
                self.read += 1;
                if line.contains(text) {
                    return line.clone();
                }
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if seen.stdout.closed || left.is_zero() {
                let why = if seen.stdout.closed { "ended" } else { "is late" };
                panic!("{} {why} without the line {text:?}\n{}", self.name, seen.said());
            }
            let waited = self.output.changed.wait_timeout(seen, left);
            seen = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// All lines of standard output so far.
    pub fn stdout(&self) -> Vec<String> {
        self.output.seen().stdout.lines.clone()
    }

    /// All lines of standard error so far.
    pub fn stderr(&self) -> Vec<String> {
        self.output.seen().stderr.lines.clone()
    }

    /// Kills it as `kill -9` does, and returns when it is gone.
    pub fn kill9(&mut self) {
        // An error here says that it has ended and been waited for: that is what we want.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Freezes it with SIGSTOP: its connections stay open and it does nothing more. Returns when
    /// that is so.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::STOP);
        // The kernel may hand over a signal that is sent later, as SIGTERM, before this one.
        let id = WaitId::Pid(Pid::from_child(&self.child));
        let frozen = WaitIdOptions::STOPPED | WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        waitid(id, frozen).expect("our own child");
    }

    /// Wakes it from [`Process::stop`] with SIGCONT.
    #[track_caller]
    pub fn cont(&mut self) {
        self.signal(Signal::CONT);
    }

    /// Asks it to end, with SIGTERM.
    #[track_caller]
    pub fn term(&mut self) {
        self.signal(Signal::TERM);
    }

    /// Whether it has not ended yet; a frozen process has not.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("our own child").is_none()
    }

    /// Waits until it has ended, with all that it wrote read.
    ///
    /// # Panics
    ///
    /// When it has not ended within `timeout`; the message shows all that the process said.
    #[track_caller]
    pub fn wait(&mut self, timeout: Duration) -> ExitStatus {
        let start = Instant::now();
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("our own child") {
                break status;
            }
            if start.elapsed() >= timeout {
                panic!(
                    "{} has not ended within {timeout:?}\n{}",
                    self.name,
                    self.output.seen().said()
                );
            }
            thread::sleep(Duration::from_millis(5));
        };
        wait::until(Duration::from_secs(5), "the end of its output", || {
            let seen = self.output.seen();
            seen.stdout.closed && seen.stderr.closed
        });
        status
    }

    #[track_caller]
    fn signal(&mut self, signal: Signal) {
        // Once it is waited for, its id may belong to somebody else.
        assert!(self.is_running(), "{} has ended, no signal can reach it", self.name);
        kill_process(Pid::from_child(&self.child), signal).expect("a signal to our own child");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill9();
    }
}

/// What a process wrote, filled by one thread per pipe.
#[derive(Debug, Default)]
struct Output {
    seen: Mutex<Seen>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Seen {
    stdout: Stream,
    stderr: Stream,
}

#[derive(Debug, Default)]
struct Stream {
    lines: Vec<String>,
    closed: bool,
}

impl Output {
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn follow(
        self: &Arc<Self>,
        pipe: impl Read + Send + 'static,
        stream: fn(&mut Seen) -> &mut Stream,
    ) {
        let output = Arc::clone(self);
        thread::spawn(move || {
            for line in BufReader::new(pipe).split(b'\n') {
                let Ok(line) = line else { break };
                let line = String::from_utf8_lossy(&line).into_owned();
                stream(&mut output.seen()).lines.push(line);
                output.changed.notify_all();
            }
            stream(&mut output.seen()).closed = true;
            output.changed.notify_all();
        });
    }
}

impl Seen {
    fn said(&self) -> String {
        let mut said = String::new();
        for (name, stream) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            for line in &stream.lines {
                let _ = writeln!(said, "{name}: {line}");
            }
        }
        said
    }
}
