//! What is mounted.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::request::Parts;
use axum::http::{Extensions, Request, Uri};
use axum::middleware;
use kerrera::Client;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;

use crate::access::{Access, AccessError, AnyAccess, Entry, ReadOnly, erase};
use crate::live::LiveUpdates;
use crate::service::{Redactor, Rules, Shared};
use crate::writability::Writability;
use crate::{guard, page, refusal, routes};

/// The dashboard of one or more databases, as a router.
///
/// See the [crate's documentation](crate) for how it is mounted.
#[must_use = "nothing is served until its router is mounted"]
pub struct Dashboard {
    app: App,
}

/// What every request needs to know.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) access: Arc<dyn AnyAccess>,
    pub(crate) instances: Arc<[Instance]>,
    pub(crate) options: Arc<Options>,
    pub(crate) live: LiveUpdates,
}

/// A database that is looked at, under a name.
#[derive(Clone)]
pub(crate) struct Instance {
    pub(crate) name: Arc<str>,
    pub(crate) client: Client,
    pub(crate) shared: Shared,
    pub(crate) writability: Writability,
}

#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) base_path: Option<String>,
    pub(crate) hosts: Option<Vec<String>>,
    pub(crate) read_only: bool,
    pub(crate) read_only_queues: Arc<[String]>,
    pub(crate) environment: Option<String>,
    pub(crate) frame_ancestors: Vec<String>,
    pub(crate) rules: Rules,
    pub(crate) job_links: Vec<JobLink>,
    pub(crate) edits_args: bool,
    /// Whether one can sign out, at `/logout`.
    pub(crate) sign_out: bool,
    /// Whether browsers are to come by TLS only from now on.
    pub(crate) tls_only: bool,
}

/// A link to what another system knows of a job.
#[derive(Clone, Debug)]
pub(crate) struct JobLink {
    pub(crate) name: String,
    pub(crate) address: String,
}

impl JobLink {
    /// Whether a browser may be led there.
    pub(crate) fn is_address(address: &str) -> bool {
        address.starts_with("https://") || address.starts_with("http://")
    }
}

impl Dashboard {
    /// One that nobody can use whom `access` does not let in.
    pub fn new(access: impl Access) -> Dashboard {
        let (instances, options) = (Arc::new([]), Arc::default());
        let live = LiveUpdates::default();
        Dashboard { app: App { access: erase(access), instances, options, live } }
    }

    /// Shows this database, under a name that stands in every address: letters, digits, `-`, `_`
    /// and `.`; others are escaped.
    ///
    /// Of several, the first is where one begins.
    pub fn instance(mut self, name: &str, client: Client) -> Dashboard {
        let others = self.app.instances.iter().filter(|instance| &*instance.name != name).cloned();
        let (shared, writability) = (Shared::default(), Writability::default());
        let new = Instance { name: name.into(), client, shared, writability };
        self.app.instances = others.chain([new]).collect();
        self
    }

    /// Serves no action at all: their routes do not exist, whatever anybody may do.
    pub fn read_only(self, read_only: bool) -> Dashboard {
        self.with(|options| options.read_only = read_only)
    }

    /// Lets nobody change anything in these queues: their jobs, what is ordered for them, and entries of
    /// the crontab that lead to them; and nobody put jobs into them. They are seen as before.
    pub fn read_only_queues<Q: Into<String>>(
        self,
        queues: impl IntoIterator<Item = Q>,
    ) -> Dashboard {
        let queues = queues.into_iter().map(Into::into).collect();
        self.with(|options| options.read_only_queues = queues)
    }

    /// Where it is, for links, if a proxy in front of the application takes a part off the path.
    ///
    /// Without it, links go where the router is mounted.
    pub fn base_path(self, path: &str) -> Dashboard {
        let path = format!("/{}", path.trim_matches('/'));
        self.with(|options| options.base_path = Some(path.trim_end_matches('/').to_owned()))
    }

    /// Answers only to requests for these hosts, with a port if it is not the usual one; every other
    /// is answered by 421. This is what keeps another site's name, pointed at this address, from
    /// reading along.
    pub fn hosts<H: Into<String>>(self, hosts: impl IntoIterator<Item = H>) -> Dashboard {
        let hosts = hosts.into_iter().map(|host| host.into().to_ascii_lowercase()).collect();
        self.with(|options| options.hosts = Some(hosts))
    }

    /// A word on every page that says where one is: `production`, `staging`.
    pub fn environment(self, name: &str) -> Dashboard {
        self.with(|options| options.environment = Some(name.to_owned()))
    }

    /// What is private in jobs; by default what [`PrivateKeys`](crate::service::PrivateKeys) says.
    pub fn redactor(self, redactor: impl Redactor) -> Dashboard {
        self.with(|options| options.rules = Rules::new(redactor))
    }

    /// Lets whoever may change jobs also give those that are there other args, another meta and another
    /// worker. By default nobody may: what a worker is given is what the application inserted.
    pub fn allow_editing_args(self, allowed: bool) -> Dashboard {
        self.with(|options| options.edits_args = allowed)
    }

    /// A link on every job's page, to where its logs or its trace are: `{id}`, `{worker}`, `{queue}` and
    /// `{meta.NAME}` stand for what the job has, `{trace_id}` for the trace of a W3C trace context
    /// (`traceparent` in its meta). Without what it names there is no link.
    ///
    /// ```
    /// # use kerrera_web::{Dashboard, DangerouslyPublic};
    /// let dashboard = Dashboard::new(DangerouslyPublic::everything())
    ///     .job_link("Logs", "https://logs.example/?q=job%3D{id}")
    ///     .job_link("Trace", "https://traces.example/{trace_id}");
    /// ```
    ///
    /// # Panics
    ///
    /// If the address does not begin with `https://` or `http://`.
    pub fn job_link(self, name: &str, address: &str) -> Dashboard {
        assert!(
            JobLink::is_address(address),
            "the link {name:?} goes to {address:?}, which is no address of the web"
        );
        let link = JobLink { name: name.to_owned(), address: address.to_owned() };
        self.with(|options| options.job_links.push(link))
    }

    /// Lets pages of these origins show it in a frame; by default none may.
    pub fn frame_ancestors<O: Into<String>>(
        self,
        origins: impl IntoIterator<Item = O>,
    ) -> Dashboard {
        let origins = origins.into_iter().map(Into::into).collect();
        self.with(|options| options.frame_ancestors = origins)
    }

    /// The streams that keep open pages fresh, to end them when the server is to stop.
    ///
    /// A server that waits for its answers waits for these too. Each lasts a minute at most, and is then
    /// asked for again; whoever does not want to wait so long ends them.
    ///
    /// ```
    /// # use axum::Router;
    /// # use kerrera_web::{DangerouslyPublic, Dashboard};
    /// # async fn serve(listener: tokio::net::TcpListener, client: kerrera::Client, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    /// let dashboard = Dashboard::new(DangerouslyPublic::everything()).instance("main", client);
    /// let live = dashboard.live_updates();
    /// let app = Router::new().nest("/jobs", dashboard.router());
    /// axum::serve(listener, app)
    ///     .with_graceful_shutdown(async move {
    ///         stop.await;
    ///         live.end();
    ///     })
    ///     .await
    /// # }
    /// ```
    pub fn live_updates(&self) -> LiveUpdates {
        self.app.live.clone()
    }

    /// The router; mount it with [`Router::nest`], or serve it as it is.
    pub fn router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        self.router_with(Router::new())
    }

    /// The router, with more behind the same guard that is open to everybody.
    pub(crate) fn router_with<S: Clone + Send + Sync + 'static>(
        self,
        open: Router<App>,
    ) -> Router<S> {
        let app = self.app;
        let guarded = routes::all(&app).into_router().merge(open);
        guarded
            .fallback(page::nowhere)
            .layer(CatchPanicLayer::custom(refusal::of_a_panic))
            .layer(CompressionLayer::new())
            .layer(middleware::from_fn_with_state(app.clone(), guard::watch))
            .with_state(app)
    }

    /// With a button to sign out.
    #[cfg(feature = "standalone")]
    pub(crate) fn with_sign_out(self) -> Dashboard {
        self.with(|options| options.sign_out = true)
    }

    /// Tells browsers to come by TLS only.
    #[cfg(feature = "standalone")]
    pub(crate) fn tls_only(self, tls_only: bool) -> Dashboard {
        self.with(|options| options.tls_only = tls_only)
    }

    fn with(mut self, change: impl FnOnce(&mut Options)) -> Dashboard {
        let mut options = (*self.app.options).clone();
        change(&mut options);
        self.app.options = Arc::new(options);
        self
    }
}

impl App {
    /// The instance of this name.
    pub(crate) fn instance(&self, name: &str) -> Option<&Instance> {
        self.instances.iter().find(|instance| &*instance.name == name)
    }

    /// What the door of the first instance says that lets this request in; of none, what the last
    /// one says.
    pub(crate) async fn enters_any(&self, parts: &Parts) -> Result<(Entry, &str), AccessError> {
        let mut said = (Entry::Unknown, "");
        for instance in self.instances.iter() {
            said = (self.access.enter(parts, &instance.name).await?, &instance.name);
            if matches!(said.0, Entry::Viewer(_)) {
                break;
            }
        }
        Ok(said)
    }

    /// Why nothing can be changed in one of its databases, if so.
    pub(crate) async fn why_read_only(&self, instance: &Instance) -> Option<ReadOnly> {
        match self.options.read_only {
            true => Some(ReadOnly::Process),
            false => instance.writability.why_read_only(&instance.client).await,
        }
    }

    /// Where the router is mounted, as the browser sees it.
    pub(crate) fn base<B>(&self, request: &Request<B>) -> String {
        self.base_from(request.uri(), request.extensions())
    }

    /// The same, from a request without its body.
    pub(crate) fn base_of(&self, parts: &Parts) -> String {
        self.base_from(&parts.uri, &parts.extensions)
    }

    fn base_from(&self, uri: &Uri, extensions: &Extensions) -> String {
        if let Some(base) = &self.options.base_path {
            return base.clone();
        }
        let inner = uri.path();
        let whole = extensions.get::<axum::extract::OriginalUri>();
        let whole = whole.map_or(inner, |uri| uri.path());
        let base = whole.strip_suffix(inner).unwrap_or(whole);
        base.trim_end_matches('/').to_owned()
    }
}

impl fmt::Debug for Dashboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.app.instances.iter().map(|one| &*one.name).collect();
        f.debug_struct("Dashboard").field("instances", &names).finish_non_exhaustive()
    }
}
