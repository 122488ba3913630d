//! Connections of the admin: how many, and how long one may take to say what it wants.

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::{Service as _, service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_io_timeout::TimeoutStream;

/// Bounds of the connections.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// Connections at one time; the next one waits until another ends.
    pub connections: usize,
    /// The longest that the head of a request may take, and a kept connection may say nothing.
    pub head: Duration,
    /// The longest that a peer may leave an answer unread.
    pub unread: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { connections: 512, head: Duration::from_secs(10), unread: Duration::from_secs(30), head_bytes: 32 << 10 }
    }
}

/// After a failed accept: no more files may be open, and others end meanwhile.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// Serves `router` on `listener`, for ever.
pub async fn serve(listener: TcpListener, router: Router, limits: ConnectionLimits) -> Infallible {
    let seats = Arc::new(Semaphore::new(limits.connections));
    let mut builder = http1::Builder::new();
    // Without a timer hyper takes no note of the time that a head takes.
    builder.timer(TokioTimer::new()).header_read_timeout(limits.head).max_buf_size(limits.head_bytes);
    let mut trouble = Trouble::default();
    loop {
        let seat = Arc::clone(&seats).acquire_owned().await;
        let accepted = listener.accept().await;
        // Ten tries a second, for as long as all files are open: a line of the log each would fill the disk too.
        match trouble.changes(accepted.is_err()) {
            Some(true) => tracing::warn!(error = ?accepted.as_ref().err(), "the admin cannot accept connections"),
            Some(false) => tracing::warn!("the admin accepts connections again"),
            None => {}
        }
        let Ok((stream, peer)) = accepted else {
            tokio::time::sleep(ACCEPT_AGAIN).await;
            continue;
        };
        let (builder, router) = (builder.clone(), router.clone());
        tokio::spawn(async move {
            serve_one(&builder, stream, peer, router, limits.unread).await;
            drop(seat);
        });
    }
}

/// Whether something goes wrong, told once when it begins and once when it ends.
#[derive(Default)]
struct Trouble(bool);

impl Trouble {
    /// The new state, where it is another than before.
    fn changes(&mut self, wrong: bool) -> Option<bool> {
        (std::mem::replace(&mut self.0, wrong) != wrong).then_some(wrong)
    }
}

async fn serve_one(builder: &http1::Builder, stream: TcpStream, peer: SocketAddr, router: Router, unread: Duration) {
    // Answers are short: waiting to fill a packet would only delay them.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    // It runs only while there is something to write and no room: who reads slowly but steadily may go on.
    stream.set_write_timeout(Some(unread));
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.call(request)
    });
    let served = builder.serve_connection(TokioIo::new(Box::pin(stream)), service).await;
    if let Err(error) = served {
        tracing::debug!(%error, "a connection of the admin ended");
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]
    use super::*;
    use axum::routing::get;
    use std::io::{ErrorKind, Read as _, Write as _};
    use std::net::TcpStream;
    use tokio::runtime::{Builder, Runtime};

    /// Long enough for any machine; no test waits for it to pass.
    const PATIENCE: Duration = Duration::from_secs(60);

    #[test]
    fn what_goes_wrong_again_and_again_is_told_when_it_begins_and_when_it_ends() {
        let mut trouble = Trouble::default();
        let told = [false, true, true, true, false, false, true].map(|wrong| trouble.changes(wrong));
        assert_eq!(told, [None, Some(true), None, None, Some(false), None, Some(true)]);
    }

    fn served(limits: ConnectionLimits) -> (Runtime, SocketAddr) {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        // More than any system keeps for a peer that does not read.
        let much = get(|| async { vec![0_u8; 64 << 20] });
        let router = Router::new().route("/", get(|| async { "here" })).route("/much", much);
        runtime.spawn(serve(listener, router, limits));
        (runtime, address)
    }

    fn connect(address: SocketAddr, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// Reads until the answer has come, or the connection is closed.
    fn answer(stream: &mut TcpStream) -> String {
        let (mut seen, mut piece) = (Vec::new(), [0; 1024]);
        while !seen.ends_with(b"here") {
            match stream.read(&mut piece) {
                Ok(0) => break,
                Ok(count) => seen.extend(piece.iter().take(count)),
                Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
                Err(error) => panic!("neither an answer nor an end: {error}"),
            }
        }
        String::from_utf8(seen).unwrap()
    }

    const REQUEST: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[test]
    fn a_head_that_comes_too_slowly_is_cut_off() {
        let limits = ConnectionLimits { head: Duration::from_millis(100), ..ConnectionLimits::default() };
        let (_runtime, address) = served(limits);
        assert!(answer(&mut connect(address, REQUEST)).ends_with("here"));
        let mut slow = connect(address, "GET / HTTP/1.1\r\nhost: x\r\nx-slow: ");
        assert!(!answer(&mut slow).contains("here"), "the end of its head never came");
        let mut silent = connect(address, "");
        assert!(!answer(&mut silent).contains("here"), "nor one that says nothing at all");
    }

    #[test]
    fn no_more_connections_are_served_at_one_time_than_the_limit() {
        let (_runtime, address) = served(ConnectionLimits { connections: 1, ..ConnectionLimits::default() });
        let mut first = connect(address, REQUEST);
        assert!(answer(&mut first).ends_with("here"));
        let mut second = connect(address, REQUEST);
        second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
        assert!(second.read(&mut [0; 16]).is_err(), "it waits as long as the first is there");
        drop(first);
        second.set_read_timeout(Some(PATIENCE)).unwrap();
        assert!(answer(&mut second).ends_with("here"));
    }

    #[test]
    fn who_does_not_read_the_answer_keeps_no_place() {
        let unread = Duration::from_millis(100);
        let (_runtime, address) = served(ConnectionLimits { connections: 1, unread, ..ConnectionLimits::default() });
        let _unread = connect(address, "GET /much HTTP/1.1\r\nhost: x\r\n\r\n");
        assert!(answer(&mut connect(address, REQUEST)).ends_with("here"));
    }

    #[test]
    fn a_head_larger_than_the_limit_is_refused() {
        let (_runtime, address) = served(ConnectionLimits::default());
        let long = format!("GET / HTTP/1.1\r\nhost: x\r\nx-long: {}\r\n\r\n", "x".repeat(100 << 10));
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        // It may be closed before all of it is sent.
        let _ = stream.write_all(long.as_bytes());
        assert!(!answer(&mut stream).contains("here"));
    }
}
