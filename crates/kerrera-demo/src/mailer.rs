//! Sends mail over SMTP.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use lettre::message::{Mailbox, header::ContentType};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};

/// Mail is sent anew sooner than a server that hangs is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The way to the mail server; cheap to keep.
#[derive(Debug)]
pub(crate) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Address,
}

/// A message to one person.
#[derive(Debug)]
pub(crate) struct Mail<'a> {
    pub(crate) name: &'a str,
    pub(crate) email: &'a str,
    pub(crate) subject: &'a str,
    pub(crate) body: String,
    /// The same for every attempt to send this one: it becomes the Message-ID, by which servers tell
    /// that they have it already.
    pub(crate) key: String,
}

impl Mailer {
    /// A mailer that talks to this server without TLS, which is right on the loopback interface only.
    pub(crate) fn new(server: SocketAddr) -> anyhow::Result<Mailer> {
        let transport =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(server.ip().to_string())
                .port(server.port())
                .timeout(Some(TIMEOUT))
                .build();
        Ok(Mailer { transport, from: Address::new("demo", "kerrera.example")? })
    }

    /// Sends it. When it returns an error, the server may have it all the same.
    pub(crate) async fn send(&self, mail: Mail<'_>) -> Result<(), MailError> {
        let to = mail.email.parse().map_err(MailError::Address)?;
        let message = Message::builder()
            .message_id(Some(format!("<{}@kerrera.example>", mail.key)))
            .from(Mailbox::new(Some("Kerrera demo".to_owned()), self.from.clone()))
            .to(Mailbox::new(Some(mail.name.to_owned()), to))
            .subject(mail.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.body)
            .map_err(MailError::Message)?;
        self.transport.send(message).await.map_err(MailError::Smtp)?;
        Ok(())
    }
}

/// Why mail was not sent.
#[derive(Debug)]
pub(crate) enum MailError {
    Address(lettre::address::AddressError),
    Message(lettre::error::Error),
    Smtp(lettre::transport::smtp::Error),
}

impl MailError {
    /// Whether sending it again cannot help.
    pub(crate) fn is_permanent(&self) -> bool {
        match self {
            MailError::Address(_) | MailError::Message(_) => true,
            MailError::Smtp(error) => error.is_permanent(),
        }
    }
}

impl fmt::Display for MailError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MailError::Address(error) => write!(f, "not an address: {error}"),
            MailError::Message(error) => write!(f, "not a message: {error}"),
            MailError::Smtp(error) => write!(f, "the mail server: {error}"),
        }
    }
}

impl std::error::Error for MailError {}
