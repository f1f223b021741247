//! One client's conversation with the mail server.

use std::io::{Error, ErrorKind, Result};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufStream};

use super::Office;
use super::mailbox::Answer;

/// The longest line, and the largest message, in bytes.
const LONGEST_LINE: u64 = 2048;
const LARGEST_MESSAGE: usize = 1024 * 1024;

/// What real delivery costs.
const DELIVERY: Duration = Duration::from_millis(15);

pub(super) struct Session<'o, S> {
    stream: BufStream<S>,
    office: &'o Office,
    envelope: Option<Envelope>,
}

/// What is known of a message before its text.
#[derive(Default)]
struct Envelope {
    recipients: Vec<String>,
    hang_up: bool,
}

/// Whether the conversation goes on.
enum Next {
    Line,
    End,
}

impl<'o, S: AsyncRead + AsyncWrite + Unpin> Session<'o, S> {
    pub(super) fn new(stream: S, office: &'o Office) -> Session<'o, S> {
        Session { stream: BufStream::new(stream), office, envelope: None }
    }

    /// Talks until the client has said goodbye or hung up.
    pub(super) async fn run(mut self) -> Result<()> {
        self.say("220 localhost ready").await?;
        while let Some(line) = self.line().await? {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            if let Next::End = self.obey(&line).await? {
                break;
            }
        }
        Ok(())
    }

    async fn obey(&mut self, line: &str) -> Result<Next> {
        let (verb, argument) = line.split_once(' ').unwrap_or((line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" => self.say("250-localhost\r\n250-8BITMIME\r\n250 ENHANCEDSTATUSCODES").await?,
            "HELO" => self.say("250 localhost").await?,
            "NOOP" => self.say("250 2.0.0 ok").await?,
            "RSET" => {
                self.envelope = None;
                self.say("250 2.0.0 ok").await?;
            }
            "MAIL" => self.mail(argument).await?,
            "RCPT" => self.recipient(argument).await?,
            "DATA" => return self.data().await,
            "QUIT" => {
                self.say("221 2.0.0 goodbye").await?;
                return Ok(Next::End);
            }
            _ => self.say("500 5.5.1 no such command").await?,
        }
        Ok(Next::Line)
    }

    async fn mail(&mut self, argument: &str) -> Result<()> {
        if self.envelope.is_some() {
            return self.say("503 5.5.1 one sender at a time").await;
        }
        if path(argument, "FROM:").is_none() {
            return self.say("501 5.5.4 MAIL FROM:<address>").await;
        }
        self.envelope = Some(Envelope::default());
        self.say("250 2.1.0 ok").await
    }

    async fn recipient(&mut self, argument: &str) -> Result<()> {
        let Some(envelope) = &mut self.envelope else {
            return self.say("503 5.5.1 MAIL first").await;
        };
        let Some(address) = path(argument, "TO:") else {
            return self.say("501 5.5.4 RCPT TO:<address>").await;
        };
        let answer = self.office.ask(&address);
        if let Answer::Take | Answer::TakeAndHangUp = answer {
            envelope.recipients.push(address);
            envelope.hang_up |= answer == Answer::TakeAndHangUp;
        }
        self.say(match answer {
            Answer::Take | Answer::TakeAndHangUp => "250 2.1.5 ok",
            Answer::Busy => "451 4.2.1 the mailbox is busy, try again later",
            Answer::Gone => "550 5.1.1 there is no such mailbox",
        })
        .await
    }

    async fn data(&mut self) -> Result<Next> {
        let Some(envelope) = self.envelope.take_if(|envelope| !envelope.recipients.is_empty())
        else {
            self.say("503 5.5.1 RCPT first").await?;
            return Ok(Next::Line);
        };
        self.say("354 end with a dot on a line of its own").await?;
        let Some(message) = self.message().await? else { return Ok(Next::End) };
        if message.len() > LARGEST_MESSAGE {
            self.say("552 5.3.4 the message is too large").await?;
            return Ok(Next::Line);
        }
        let Some(id) = message_id(&message) else {
            self.say("554 5.6.0 a message without Message-ID").await?;
            return Ok(Next::Line);
        };
        tokio::time::sleep(DELIVERY).await;
        for recipient in &envelope.recipients {
            self.office.deliver(recipient, &id);
        }
        if envelope.hang_up {
            return Ok(Next::End);
        }
        self.say("250 2.0.0 delivered").await?;
        Ok(Next::Line)
    }

    /// The text of a message, without the dots that were added for the journey; `None` if the client
    /// hung up in the middle. What is too large is read to its end and not kept.
    async fn message(&mut self) -> Result<Option<Vec<u8>>> {
        let mut message = Vec::new();
        while let Some(line) = self.line().await? {
            let text = match line.as_slice() {
                b".\r\n" => return Ok(Some(message)),
                [b'.', rest @ ..] => rest,
                whole => whole,
            };
            if message.len() <= LARGEST_MESSAGE {
                message.extend_from_slice(text);
            }
        }
        Ok(None)
    }

    /// The next line with its end; `None` if there is none.
    async fn line(&mut self) -> Result<Option<Vec<u8>>> {
        let mut line = Vec::new();
        (&mut self.stream).take(LONGEST_LINE).read_until(b'\n', &mut line).await?;
        match line.last() {
            None => Ok(None),
            Some(b'\n') => Ok(Some(line)),
            Some(_) if line.len() as u64 == LONGEST_LINE => {
                Err(Error::new(ErrorKind::InvalidData, "the line is too long"))
            }
            Some(_) => Ok(None),
        }
    }

    async fn say(&mut self, reply: &str) -> Result<()> {
        self.stream.write_all(reply.as_bytes()).await?;
        self.stream.write_all(b"\r\n").await?;
        self.stream.flush().await
    }
}

/// The address in `FROM:<address> PARAMETERS`; empty for the null sender.
fn path(argument: &str, keyword: &str) -> Option<String> {
    let rest = argument.get(..keyword.len()).filter(|word| word.eq_ignore_ascii_case(keyword));
    let rest = rest.and(argument.get(keyword.len()..))?.trim_start();
    let (address, _) = rest.strip_prefix('<')?.split_once('>')?;
    Some(address.to_owned())
}

/// The id in the header of a message, without its brackets.
fn message_id(message: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(message);
    let header = text.lines().take_while(|line| !line.is_empty());
    let mut fields = header.filter_map(|line| line.split_once(':'));
    let (_, id) = fields.find(|(name, _)| name.eq_ignore_ascii_case("message-id"))?;
    Some(id.trim().trim_start_matches('<').trim_end_matches('>').to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::Mutex;

    use super::*;
    use crate::smtp_sink::Ledger;
    use crate::smtp_sink::mailbox::Mailbox;

    /// What the server answers to a client that says all this at once, and what it has in its books.
    async fn talk(mailbox: Mailbox, lines: &[&str]) -> (String, Ledger) {
        let mailboxes = HashMap::from([("ada@mail.example".to_owned(), mailbox)]);
        let office = Office { mailboxes, books: Mutex::default() };
        let (mut client, server) = tokio::io::duplex(64 * 1024);
        client.write_all(lines.join("\r\n").as_bytes()).await.unwrap();
        client.write_all(b"\r\n").await.unwrap();
        client.shutdown().await.unwrap();
        Session::new(server, &office).run().await.unwrap();
        let mut said = String::new();
        client.read_to_string(&mut said).await.unwrap();
        (said, office.books().ledger.clone())
    }

    fn codes(said: &str) -> Vec<&str> {
        said.lines().filter(|line| line.as_bytes()[3] == b' ').map(|line| &line[..3]).collect()
    }

    const SEND: [&str; 6] = [
        "MAIL FROM:<demo@kerrera.example> BODY=8BITMIME",
        "RCPT TO:<ada@mail.example>",
        "DATA",
        "message-id: <welcome-1>\r\n\r\nHello",
        "..leading dot",
        ".",
    ];

    #[tokio::test(start_paused = true)]
    async fn a_message_is_delivered_once_however_often_it_is_sent() {
        let lines = [&["EHLO here"][..], &SEND, &SEND, &["QUIT"]].concat();
        let (said, ledger) = talk(Mailbox::Fine, &lines).await;
        let sent = ["250", "250", "354", "250"];
        assert_eq!(codes(&said), [&["220", "250"][..], &sent, &sent, &["221"]].concat());
        assert_eq!(ledger.delivered_with("welcome-"), 1);
        assert_eq!(ledger.duplicates, 1);
    }

    #[tokio::test(start_paused = true)]
    async fn dots_that_were_added_are_taken_away() {
        let office = Office { mailboxes: HashMap::new(), books: Mutex::default() };
        let (mut client, server) = tokio::io::duplex(1024);
        client.write_all(b"a\r\n..b\r\n...\r\n.\r\nrest").await.unwrap();
        let message = Session::new(server, &office).message().await.unwrap();
        assert_eq!(message.unwrap(), b"a\r\n.b\r\n..\r\n");
    }

    #[tokio::test(start_paused = true)]
    async fn a_mailbox_that_is_gone_refuses_for_good_and_a_busy_one_for_now() {
        let lines = [SEND[0], SEND[1], "DATA", "RSET", SEND[0], SEND[1], "NOOP", "QUIT"];
        let (said, ledger) = talk(Mailbox::Gone, &lines).await;
        assert_eq!(codes(&said), ["220", "250", "550", "503", "250", "250", "550", "250", "221"]);
        assert_eq!((ledger.gone.len(), ledger.busy), (1, 0));

        let (said, ledger) = talk(Mailbox::BusyAtFirst(1), &lines).await;
        assert_eq!(codes(&said), ["220", "250", "451", "503", "250", "250", "250", "250", "221"]);
        assert_eq!((ledger.gone.len(), ledger.busy), (0, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn a_line_that_breaks_after_delivery_leaves_the_sender_without_an_answer() {
        let (said, ledger) = talk(Mailbox::HangsUp, &SEND).await;
        assert_eq!(codes(&said), ["220", "250", "250", "354"]);
        assert_eq!(ledger.delivered.len(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn commands_out_of_order_are_refused() {
        let lines =
            ["RCPT TO:<ada@mail.example>", "DATA", "MAIL TO:<x>", SEND[0], SEND[0], "VRFY a"];
        let (said, _) = talk(Mailbox::Fine, &lines).await;
        assert_eq!(codes(&said), ["220", "503", "503", "501", "250", "503", "500"]);
    }

    #[tokio::test(start_paused = true)]
    async fn half_a_message_is_not_delivered() {
        let (said, ledger) = talk(Mailbox::Fine, &SEND[..5]).await;
        assert_eq!(codes(&said), ["220", "250", "250", "354"]);
        assert!(ledger.delivered.is_empty());
    }
}
