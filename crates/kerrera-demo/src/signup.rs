//! The endpoint at which visitors sign up.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use axum::{Json, Router};
use kerrera::{Client, NewJob, Worker as _};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::store::{NewUser, Refusal, Store};
use crate::workers::{LogAnalytics, SendWelcomeEmail};

/// The server with the endpoint, on the loopback interface. It stops when this is dropped.
#[derive(Debug)]
pub(crate) struct SignUpServer {
    address: SocketAddr,
    server: JoinHandle<()>,
}

/// Where one signs up.
pub(crate) const PATH: &str = "/sign-ups";

/// The header with which a request is told from all others.
pub(crate) const REQUEST_ID: &str = "x-request-id";

/// What a visitor fills in.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct SignUp {
    pub(crate) name: String,
    pub(crate) email: String,
    pub(crate) invitation: Option<String>,
}

#[derive(Clone, Debug)]
struct Desk {
    store: Arc<Store>,
    client: Client,
}

/// Makes the user, and enqueues what is to follow, in one transaction: whatever goes wrong, there is
/// no user without a welcome and no welcome without a user.
async fn sign_up(
    State(desk): State<Desk>,
    headers: HeaderMap,
    Json(form): Json<SignUp>,
) -> (StatusCode, String) {
    let request_id = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
    let Some(request_id) = request_id else {
        return (StatusCode::BAD_REQUEST, format!("a request needs the header {REQUEST_ID}"));
    };
    let user = NewUser {
        name: form.name,
        email: form.email,
        request_id: request_id.to_owned(),
        invitation: form.invitation,
    };
    match desk.store.sign_up(&desk.client, user, jobs_of).await {
        Ok(Ok(user_id)) => (StatusCode::CREATED, user_id.to_string()),
        Ok(Err(refusal @ Refusal::AddressTaken)) => (StatusCode::CONFLICT, refusal.to_string()),
        Ok(Err(refusal @ Refusal::InvitationUsedUp)) => (StatusCode::GONE, refusal.to_string()),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error:#}")),
    }
}

/// What follows when somebody has signed up.
fn jobs_of(user_id: i64) -> Vec<NewJob> {
    let event = "signed_up".to_owned();
    vec![SendWelcomeEmail { user_id }.job(), LogAnalytics { event, user_id }.job()]
}

impl SignUpServer {
    /// Starts it on a free port.
    pub(crate) async fn start(store: Arc<Store>, client: Client) -> std::io::Result<SignUpServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let router = Router::new().route(PATH, post(sign_up)).with_state(Desk { store, client });
        let server = tokio::spawn(async move {
            // Never returns but for being dropped.
            let _ = axum::serve(listener, router).await;
        });
        Ok(SignUpServer { address, server })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for SignUpServer {
    fn drop(&mut self) {
        self.server.abort();
    }
}
