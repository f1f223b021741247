//! Whom a session speaks with: the server itself, or a pooler in its place.
//!
//! A server says at the start of a session which of its processes serves it. A pooler says so too,
//! and makes the number up, because it serves the session by one process now and by another then.
//! So the two differ exactly where nothing may be left in the session: no lock, no prepared
//! statement.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Client;
use tokio_postgres::tls::{ChannelBinding, TlsConnect, TlsStream};

/// The process id that the session was told at its start.
///
/// The driver keeps it to itself, but for one thing: the request to cancel a statement repeats it.
/// This one goes into a buffer, not to the server.
pub(crate) async fn told(client: &Client) -> Option<i32> {
    let mut written = Vec::new();
    client.cancel_token().cancel_query_raw(Paper(&mut written), Willing).await.ok()?;
    // The length, the code of the request, the process id and a secret, four bytes each.
    let request = written.last_chunk::<16>()?;
    request[8..12].try_into().ok().map(i32::from_be_bytes)
}

/// A connection that writes everything down, and says yes when it is asked for TLS.
struct Paper<'a>(&'a mut Vec<u8>);

impl AsyncRead for Paper<'_> {
    fn poll_read(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        answer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        answer.put_slice(b"S");
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Paper<'_> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.0.extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl TlsStream for Paper<'_> {
    fn channel_binding(&self) -> ChannelBinding {
        ChannelBinding::none()
    }
}

/// Takes paper for a secured connection.
struct Willing;

impl<'a> TlsConnect<Paper<'a>> for Willing {
    type Stream = Paper<'a>;
    type Error = Infallible;
    type Future = Ready<Result<Paper<'a>, Infallible>>;

    fn connect(self, paper: Paper<'a>) -> Self::Future {
        ready(Ok(paper))
    }
}
