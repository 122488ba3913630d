use super::connections::{ConnectionLimits, serve};
use super::feed::{Feed, FeedThread};
use super::guard::sealed;
use super::places::Places;
use super::request::{self, Reach};
use super::routes::{Entry, build, entries};
use super::stream::Drawn;
use crate::access::Access;
use crate::alarms::AlarmBoard;
use crate::charts::ChartBoard;
use crate::deploy::{Deployer, Replayer};
use crate::domain::ShiftPlan;
use crate::journal::{PictureLimits, Reader, ReviewDesk};
use crate::pipeline::Board;
use crate::source::{Intake, SourceSetup};
use axum::Router;
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::{from_fn, from_fn_with_state};
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};
use tower_http::set_header::SetResponseHeaderLayer;

/// Event streams that may be open at one time.
const EVENT_STREAMS: usize = 200;
/// Programs that may read events at one time, beside the pages.
const READERS: usize = 256;
/// Exports that may be on their way at one time.
const EXPORTS: usize = 2;
/// Reports, and pictures that are made on demand, at one time; others wait so long for their turn.
const TURNS: usize = 2;
/// Reads of the charts' history at one time: a long range takes some tens of MB while it is added up.
const CHARTS: usize = 2;
const TURN_LIMIT: Duration = Duration::from_secs(10);

/// Threads for what blocks: the journal, the station's records, and the few that hash or wait to.
const BLOCKING_THREADS: usize = 8;

/// How often the count of refusals without a row is looked at.
const SETTLE_EVERY: Duration = Duration::from_secs(10);

/// Nothing from elsewhere, nothing inline.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
     connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// What the admin is made of.
#[derive(Clone)]
pub struct AdminParts {
    pub station: Arc<str>,
    pub board: Board,
    pub journal: Arc<Reader>,
    /// Where reviews are handed in.
    pub reviews: ReviewDesk,
    /// Why the station records nothing any more; none while it does.
    pub trouble: Arc<dyn Fn() -> Option<String> + Send + Sync>,
    pub alarms: AlarmBoard,
    /// How the station was over time; none where nobody keeps that.
    pub charts: Option<ChartBoard>,
    pub access: Arc<Access>,
    /// Where uploads are handed over, one for each source of kind "http".
    pub intakes: Arc<[Intake]>,
    pub reach: Reach,
    /// None where nothing can be deployed: then its pages say so.
    pub deployer: Option<Deployer>,
    /// None where no recipe of an old record can be made ready.
    pub replayer: Option<Replayer>,
    /// How the days of reports are divided.
    pub shifts: Arc<ShiftPlan>,
    /// What bounds the pictures that are kept.
    pub picture_limits: PictureLimits,
    /// The sources as they were set up.
    pub sources: Arc<SourceSetup>,
}

/// What the handlers read.
#[derive(Clone)]
pub struct AdminState {
    parts: AdminParts,
    /// Of event streams of pages.
    pub(super) seats: Places,
    /// Of programs that read events.
    pub(super) readers: Places,
    exports: Arc<Semaphore>,
    pub(super) drawn: Arc<Drawn>,
    pub(super) feed: Feed,
    /// For what a page shows of the time that has passed.
    begun: Instant,
    turns: Arc<Semaphore>,
    charts_turns: Arc<Semaphore>,
}

impl std::ops::Deref for AdminState {
    type Target = AdminParts;

    fn deref(&self) -> &AdminParts {
        &self.parts
    }
}

impl AdminState {
    #[must_use]
    pub fn new(parts: AdminParts) -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            parts,
            seats: Places::new(EVENT_STREAMS),
            readers: Places::new(READERS),
            exports: places(EXPORTS),
            turns: places(TURNS),
            charts_turns: places(CHARTS),
            drawn: Arc::default(),
            feed: Feed::default(),
            begun: Instant::now(),
        }
    }

    /// Grows by one as often as `every`, whatever the clock on the wall does.
    pub(super) fn ticks(&self, every: Duration) -> u64 {
        self.begun.elapsed().as_secs() / every.as_secs().max(1)
    }

    /// The turn for what takes a while; none where too many wait already.
    pub(super) async fn take_turn(&self) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(TURN_LIMIT, Arc::clone(&self.turns).acquire_owned()).await.ok()?.ok()
    }

    /// The turn for a read of the charts' history; none where too many wait already.
    pub(super) async fn take_charts_turn(&self) -> Option<OwnedSemaphorePermit> {
        tokio::time::timeout(TURN_LIMIT, Arc::clone(&self.charts_turns).acquire_owned()).await.ok()?.ok()
    }

    /// A place for one export; none where all are taken.
    pub(super) fn take_export(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.exports).try_acquire_owned().ok()
    }
}

/// The admin cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error(
        "the admin cannot listen on {address}: choose another address by `[admin] bind`, or stop what listens there"
    )]
    Bind { address: SocketAddr, source: std::io::Error },
    #[error(
        "the admin would be reachable from elsewhere on {address}, which is no loopback address: choose one, or set \
         behind_proxy and public_host in [admin] of station.toml (a reverse proxy has to bring TLS)"
    )]
    NotLoopback { address: SocketAddr },
    #[error(
        "the admin would be reachable from elsewhere on {address} and has no users yet: make the first one with \
         `assay user add --role admin`, or start it on a loopback address"
    )]
    NoUsers { address: SocketAddr },
    #[error("the admin's threads cannot be started")]
    Threads { source: std::io::Error },
}

/// Takes `address` for the admin; port 0 takes a free one.
///
/// # Errors
/// When it is no loopback address, and no proxy is stated or there are no users; or somebody else listens there, or
/// the address is not this machine's.
pub fn bind(address: SocketAddr, reach: &Reach, has_users: bool) -> Result<std::net::TcpListener, AdminError> {
    if !address.ip().is_loopback() {
        if !reach.behind_proxy() {
            return Err(AdminError::NotLoopback { address });
        }
        if !has_users {
            return Err(AdminError::NoUsers { address });
        }
    }
    let bound = std::net::TcpListener::bind(address).and_then(|listener| {
        listener.set_nonblocking(true)?;
        Ok(listener)
    });
    bound.map_err(|source| AdminError::Bind { address, source })
}

/// A running admin, on threads of its own that share nothing with the frame path.
pub struct AdminServer {
    pub address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    feed: Option<FeedThread>,
}

impl AdminServer {
    /// Serves on `listener` until [`AdminServer::stop`] or drop.
    ///
    /// # Errors
    /// When no thread can be started.
    pub fn start(listener: std::net::TcpListener, state: AdminState) -> Result<Self, AdminError> {
        let threads = |source| AdminError::Threads { source };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .max_blocking_threads(BLOCKING_THREADS)
            .thread_name("admin")
            .enable_all()
            .build()
            .map_err(threads)?;
        let address = listener.local_addr().map_err(threads)?;
        let listener = {
            let _inside = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(threads)?
        };
        let feed = FeedThread::start(&state.parts, state.feed.clone()).map_err(threads)?;
        let (stop, stopped) = oneshot::channel();
        let access = Arc::clone(&state.access);
        let router = router(state, entries());
        let run = move || {
            runtime.block_on(async {
                let ends = async {
                    let _ = stopped.await;
                };
                // Event streams never end by themselves, so the end of the server does not wait for them.
                tokio::select! {
                    never = serve(listener, router, ConnectionLimits::default()) => match never {},
                    never = settle_refusals(&access) => match never {},
                    () = ends => {}
                }
            });
            runtime.shutdown_timeout(Duration::from_secs(2));
            access.end_refusals();
        };
        let thread = std::thread::Builder::new().name("admin".to_owned()).spawn(run).map_err(threads)?;
        Ok(Self { address, stop: Some(stop), thread: Some(thread), feed: Some(feed) })
    }

    /// Stops serving and waits for the threads.
    pub fn stop(self) {
        drop(self);
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        drop(self.feed.take());
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

async fn settle_refusals(access: &Arc<Access>) -> Infallible {
    loop {
        tokio::time::sleep(SETTLE_EVERY).await;
        let access = Arc::clone(access);
        if let Err(error) = tokio::task::spawn_blocking(move || access.settle_refusals()).await {
            tracing::error!(%error, "counting refusals panicked");
        }
    }
}

/// The whole admin behind its guard.
pub(super) fn router(state: AdminState, entries: Vec<Entry>) -> Router {
    let fixed = |name: HeaderName, value: &'static str| {
        SetResponseHeaderLayer::if_not_present(name, HeaderValue::from_static(value))
    };
    build(entries, &state)
        .layer(from_fn(sealed))
        .layer(from_fn_with_state(state.clone(), request::own_host))
        .layer(fixed(header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY))
        .layer(fixed(header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .layer(fixed(header::REFERRER_POLICY, "same-origin"))
        .layer(fixed(header::CACHE_CONTROL, "no-store"))
        .with_state(state)
}
