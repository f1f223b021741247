//! A mail server on the loopback interface, which delivers into memory and refuses at a set rate.
//!
//! It speaks as much SMTP (RFC 5321) as a client needs. Mail with the Message-ID of one that was
//! delivered to the same mailbox before is taken and dropped, as real servers do: with an id made
//! from the job's idempotency key, a job that runs twice delivers once.

mod mailbox;
mod session;

use std::collections::{HashMap, HashSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(crate) use mailbox::Mailbox;

use mailbox::Answer;
use session::Session;

/// The server. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct SmtpSink {
    address: SocketAddr,
    office: Arc<Office>,
    server: JoinHandle<()>,
}

/// What happened to the mail so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ledger {
    /// What was delivered: mailbox and Message-ID.
    pub(crate) delivered: HashSet<(String, String)>,
    /// How many messages were dropped because they had been delivered before.
    pub(crate) duplicates: u64,
    /// How often a mailbox was too busy (451).
    pub(crate) busy: u64,
    /// The mailboxes that were busy and got nothing since.
    pub(crate) waiting: HashSet<String>,
    /// The mailboxes that are gone (550) and to which somebody wrote.
    pub(crate) gone: HashSet<String>,
}

impl Ledger {
    /// How many messages were delivered whose Message-ID begins so.
    pub(crate) fn delivered_with(&self, prefix: &str) -> u64 {
        self.delivered.iter().filter(|(_, id)| id.starts_with(prefix)).count() as u64
    }
}

impl SmtpSink {
    /// Starts a server that has these mailboxes, on a free port.
    pub(crate) async fn start(mailboxes: HashMap<String, Mailbox>) -> std::io::Result<SmtpSink> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let office = Arc::new(Office { mailboxes, books: Mutex::default() });
        let server = tokio::spawn(serve(listener, office.clone()));
        Ok(SmtpSink { address, office, server })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(crate) fn ledger(&self) -> Ledger {
        self.office.books().ledger.clone()
    }

    /// How many messages were delivered so far.
    pub(crate) fn delivered(&self) -> usize {
        self.office.books().ledger.delivered.len()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, office: Arc<Office>) {
    loop {
        // A client that is gone before it is let in is no reason to stop.
        let Ok((stream, _)) = listener.accept().await else { continue };
        let office = office.clone();
        tokio::spawn(async move {
            // Nor is one that hangs up.
            let _ = Session::new(stream, &office).run().await;
        });
    }
}

/// The mailboxes, and the books about them.
#[derive(Debug)]
struct Office {
    mailboxes: HashMap<String, Mailbox>,
    books: Mutex<Books>,
}

#[derive(Debug, Default)]
struct Books {
    ledger: Ledger,
    /// How often mail for an address was tried.
    tries: HashMap<String, u32>,
}

impl Office {
    /// Somebody has mail for this address.
    fn ask(&self, address: &str) -> Answer {
        let mut books = self.books();
        let tries = books.tries.entry(address.to_owned()).or_default();
        *tries += 1;
        let nth = *tries;
        // An address that nobody has is as good as gone.
        let answer =
            self.mailboxes.get(address).map_or(Answer::Gone, |mailbox| mailbox.answer(nth));
        match answer {
            Answer::Busy => {
                books.ledger.busy += 1;
                books.ledger.waiting.insert(address.to_owned());
            }
            Answer::Gone => {
                books.ledger.gone.insert(address.to_owned());
            }
            Answer::Take | Answer::TakeAndHangUp => {}
        }
        answer
    }

    /// Delivers a message, unless it has been before.
    fn deliver(&self, address: &str, message_id: &str) {
        let ledger = &mut self.books().ledger;
        ledger.waiting.remove(address);
        if !ledger.delivered.insert((address.to_owned(), message_id.to_owned())) {
            ledger.duplicates += 1;
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
