//! Binding an endpoint and accepting its connections.

use super::connection::{self, Face, Lifetimes};
use super::intake::Intake;
use crate::net::runtime;
use crate::net::stream::Stream;
use crate::net::tls::Reloading;
use hyper_util::rt::TokioExecutor;
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, UnixListener};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tokio_rustls::{TlsAcceptor, TlsStream};

const BACKLOG: u32 = 1024;
/// A peer that connects to a TLS port and does not speak TLS is let go after this time.
const HANDSHAKE_TIME: Duration = Duration::from_secs(10);
/// Pause when the process has no descriptor left for another connection.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(100);

/// How far a door is on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Open,
    /// No new connections; requests under way are answered.
    Stopping,
    Closed,
}

pub enum Listener {
    Tcp(TcpListener),
    /// The path is removed when the listener goes.
    Unix(UnixListener, PathBuf),
}

impl Listener {
    /// Listens on `endpoint`: `host:port`, or a path for `transport` `unix`.
    pub fn bind(transport: &str, endpoint: &str) -> io::Result<Self> {
        let _runtime = runtime::handle().enter();
        if transport == "unix" {
            return bind_unix(PathBuf::from(endpoint));
        }
        let mut addresses = resolve(endpoint)?;
        addresses.retain(|address| match transport {
            "tcp4" => address.is_ipv4(),
            "tcp6" => address.is_ipv6(),
            _ => true,
        });
        let mut failure = None;
        for address in addresses {
            match bind_tcp(address) {
                Ok(listener) => return Ok(Listener::Tcp(listener)),
                Err(error) => failure = failure.or(Some(error)),
            }
        }
        Err(failure.unwrap_or_else(|| io::Error::other("the name has no address")))
    }

    /// The address bound, `host:port` or the path.
    pub fn address(&self) -> io::Result<String> {
        match self {
            Listener::Tcp(listener) => Ok(listener.local_addr()?.to_string()),
            Listener::Unix(_, path) => Ok(path.display().to_string()),
        }
    }

    async fn accept(&self) -> io::Result<Stream> {
        match self {
            Listener::Tcp(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            Listener::Unix(listener, _) => Ok(Stream::Unix(listener.accept().await?.0)),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        if let Listener::Unix(_, path) = self {
            // Somebody else may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Addresses to try in order: IPv4 first, as Go resolves `localhost`; an empty host is all of
/// them, both families where the machine has both.
fn resolve(endpoint: &str) -> io::Result<Vec<SocketAddr>> {
    if let Some(port) = endpoint.strip_prefix(':') {
        let port = port.parse().map_err(|_| io::Error::other("the port is not a number"))?;
        return Ok(vec![
            SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), port),
            SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), port),
        ]);
    }
    let mut addresses: Vec<_> = endpoint.to_socket_addrs()?.collect();
    addresses.sort_by_key(SocketAddr::is_ipv6);
    Ok(addresses)
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn bind_unix(path: PathBuf) -> io::Result<Listener> {
    // A socket nobody answers on is what a killed process left behind.
    let is_socket = std::fs::metadata(&path).is_ok_and(|entry| entry.file_type().is_socket());
    if is_socket && std::os::unix::net::UnixStream::connect(&path).is_err() {
        std::fs::remove_file(&path)?;
    }
    Ok(Listener::Unix(UnixListener::bind(&path)?, path))
}

/// Everything the connections of one endpoint share.
pub struct Endpoint {
    pub intake: Arc<Intake>,
    pub face: Face,
    pub builder: auto::Builder<TokioExecutor>,
    pub lifetimes: Lifetimes,
    pub tls: Option<Reloading<ServerConfig>>,
    pub max_connections: usize,
}

/// Accepts connections until the door stops.
pub async fn serve(listener: Listener, endpoint: Arc<Endpoint>, phase: watch::Receiver<Phase>) {
    let mut stopping = phase.clone();
    loop {
        let accepted = tokio::select! {
            biased;
            _ = stopping.wait_for(|phase| *phase > Phase::Open) => return,
            accepted = listener.accept() => accepted,
        };
        let Ok(stream) = accepted else {
            sleep(EXHAUSTED_PAUSE).await;
            continue;
        };
        let Some(guest) = Guest::enter(&endpoint) else { continue };
        let (endpoint, mut phase) = (endpoint.clone(), phase.clone());
        tokio::spawn(async move {
            let _guest = guest;
            let stream = tokio::select! {
                stream = handshake(stream, &endpoint) => stream,
                _ = phase.wait_for(|phase| *phase > Phase::Open) => None,
            };
            if let Some(stream) = stream {
                connection::drive(stream, &endpoint, phase).await;
            }
        });
    }
}

async fn handshake(stream: Stream, endpoint: &Endpoint) -> Option<Stream> {
    let Some(tls) = &endpoint.tls else { return Some(stream) };
    let acceptor = TlsAcceptor::from(tls.current());
    let stream = timeout(HANDSHAKE_TIME, acceptor.accept(stream)).await.ok()?.ok()?;
    Some(Stream::Tls(Box::new(TlsStream::Server(stream))))
}

/// A connection counted as long as it lives.
struct Guest(Arc<Intake>);

impl Guest {
    fn enter(endpoint: &Endpoint) -> Option<Guest> {
        let guest = Guest(endpoint.intake.clone());
        let before = guest.0.connections.fetch_add(1, Relaxed);
        if before < endpoint.max_connections {
            return Some(guest);
        }
        endpoint.intake.connections_refused.fetch_add(1, Relaxed);
        None
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Relaxed);
    }
}
