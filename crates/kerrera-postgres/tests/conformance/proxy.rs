//! Something between a client and the server: a pooler, or a network that breaks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// A relay on loopback, one connection of its own for each of the client's.
pub(crate) struct Proxy {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    server: String,
    /// Speaks as a pooler does: makes up process ids, knows no settings at the start of a session.
    pooler: bool,
    /// A statement was prepared under a name.
    named: AtomicBool,
    /// Breaks a connection as soon as the server answers on it.
    deaf: AtomicBool,
    /// Lets nothing of the server's through.
    silent: AtomicBool,
}

impl Proxy {
    /// A pooler before a server at `host:port`.
    pub(crate) async fn pooler(server: &str) -> Proxy {
        Proxy::start(State { server: server.to_owned(), pooler: true, ..State::default() }).await
    }

    /// A network before a server at `host:port`.
    pub(crate) async fn network(server: &str) -> Proxy {
        Proxy::start(State { server: server.to_owned(), ..State::default() }).await
    }

    async fn start(state: State) -> Proxy {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(state);
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let state = Arc::clone(&shared);
                // An end that goes away in the middle is what this is about.
                tokio::spawn(async move { relay(client, state).await.ok() });
            }
        });
        Proxy { port, state }
    }

    /// The URL of a database, through this.
    pub(crate) fn url(&self, direct: &str) -> String {
        let (scheme, rest) = direct.split_once("://").unwrap();
        let (login, rest) = rest.split_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        format!("{scheme}://{login}@127.0.0.1:{}/{database}", self.port)
    }

    /// Whether a statement was prepared under a name, which a pooler would not find again.
    pub(crate) fn saw_a_named_statement(&self) -> bool {
        self.state.named.load(Ordering::SeqCst)
    }

    /// From now on lets nothing of the server's through, and breaks nothing either, until told
    /// otherwise.
    pub(crate) fn fall_silent(&self, silent: bool) {
        self.state.silent.store(silent, Ordering::SeqCst);
    }

    /// From now on lets requests through and no answers, until told otherwise: a connection breaks
    /// when the server has finished what was asked on it.
    pub(crate) fn lose_answers(&self, lose: bool) {
        self.state.deaf.store(lose, Ordering::SeqCst);
    }
}

/// The `host:port` of a URL.
pub(crate) fn address(url: &str) -> &str {
    let (_, rest) = url.split_once('@').unwrap();
    rest.split('/').next().unwrap()
}

async fn relay(mut client: TcpStream, state: Arc<State>) -> std::io::Result<()> {
    let Some(startup) = startup(&mut client, state.pooler).await? else { return Ok(()) };
    let mut server = TcpStream::connect(&state.server).await?;
    server.write_all(&startup).await?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::select! {
        done = requests(from_client, to_server, &state) => done,
        done = answers(from_server, to_client, &state) => done,
    }
}

/// The first message; `None` if it was refused.
async fn startup(client: &mut TcpStream, pooler: bool) -> std::io::Result<Option<Vec<u8>>> {
    loop {
        let length = client.read_i32().await?;
        let mut message = vec![0; length as usize - 4];
        client.read_exact(&mut message).await?;
        if message == 80_877_103_i32.to_be_bytes() {
            client.write_all(b"N").await?;
            continue;
        }
        let has_options = message.windows(8).any(|word| word == b"options\0");
        if pooler && has_options {
            let text = b"SFATAL\0C08P01\0Munsupported startup parameter: options\0\0";
            client.write_all(b"E").await?;
            client.write_i32(text.len() as i32 + 4).await?;
            client.write_all(text).await?;
            return Ok(None);
        }
        return Ok(Some([&length.to_be_bytes(), &message[..]].concat()));
    }
}

async fn requests(
    mut client: OwnedReadHalf,
    mut server: OwnedWriteHalf,
    state: &State,
) -> std::io::Result<()> {
    loop {
        let (kind, body) = message(&mut client).await?;
        if kind == b'P' && body.first() != Some(&0) {
            state.named.store(true, Ordering::SeqCst);
        }
        write(&mut server, kind, &body).await?;
    }
}

async fn answers(
    mut server: OwnedReadHalf,
    mut client: OwnedWriteHalf,
    state: &State,
) -> std::io::Result<()> {
    loop {
        let (kind, mut body) = message(&mut server).await?;
        if kind == b'K' && state.pooler {
            body[..4].copy_from_slice(&7_i32.to_be_bytes());
        }
        if state.silent.load(Ordering::SeqCst) {
            continue;
        }
        // Once the server has finished, so that what it did is done.
        if state.deaf.load(Ordering::SeqCst) {
            if kind == b'Z' {
                return Ok(());
            }
            continue;
        }
        write(&mut client, kind, &body).await?;
    }
}

async fn message(from: &mut OwnedReadHalf) -> std::io::Result<(u8, Vec<u8>)> {
    let kind = from.read_u8().await?;
    let length = from.read_i32().await?;
    let mut body = vec![0; length as usize - 4];
    from.read_exact(&mut body).await?;
    Ok((kind, body))
}

async fn write(to: &mut OwnedWriteHalf, kind: u8, body: &[u8]) -> std::io::Result<()> {
    let mut bytes = vec![kind];
    bytes.extend_from_slice(&(body.len() as i32 + 4).to_be_bytes());
    bytes.extend_from_slice(body);
    to.write_all(&bytes).await
}
