//! Opening a client's connections: TCP, unix sockets, proxies, TLS.

use crate::net::stream::Stream;
use crate::net::tls::{self, Reloading, TlsClientOptions};
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::{TlsConnector, TlsStream};
use tower_service::Service;

type Failure = Box<dyn Error + Send + Sync>;

const CONNECT_TIME: Duration = Duration::from_secs(20);

/// Where a connection goes.
#[derive(Clone)]
pub enum Dial {
    /// The host and port of this URL, by whatever addresses it has.
    Host(Uri),
    Address(SocketAddr),
    Unix(PathBuf),
    /// Through a proxy that is asked to connect to the host and port of this URL.
    Tunnel(Uri, Intercept),
    /// To a proxy that is asked for whole URLs.
    Proxy(Intercept),
}

/// TLS and the name the server's certificate must have.
#[derive(Clone)]
pub struct Security {
    pub config: Arc<Reloading<ClientConfig>>,
    pub server_name: ServerName<'static>,
}

impl Security {
    /// TLS for `uri`, or for the name `options` say instead; `alpn` are the protocols offered.
    pub fn new(
        uri: &Uri,
        options: TlsClientOptions,
        alpn: &'static [&'static [u8]],
    ) -> Result<Self, String> {
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let name = match options.server_name_override.as_str() {
            "" => host.to_owned(),
            name => name.to_owned(),
        };
        let server_name = ServerName::try_from(name.clone())
            .map_err(|_| format!("tls::server_name_override: {name:?} is no host name"))?;
        let config = tls::client(options, alpn).map_err(|error| format!("tls::{error}"))?;
        Ok(Self { config: Arc::new(config), server_name })
    }
}

/// Opens connections to one destination, whatever URL they are asked for.
#[derive(Clone)]
pub struct Connector {
    pub dial: Dial,
    pub security: Option<Security>,
}

impl Connector {
    async fn connect(self) -> Result<TokioIo<Stream>, Failure> {
        let opening = async {
            let stream = dial(self.dial).await?;
            let Some(security) = self.security else { return Ok(stream) };
            let connector = TlsConnector::from(security.config.current());
            let stream = connector.connect(security.server_name, stream).await?;
            Ok(Stream::Tls(Box::new(TlsStream::Client(stream))))
        };
        let opened: Result<Stream, Failure> = timeout(CONNECT_TIME, opening).await?;
        opened.map(TokioIo::new)
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Stream>;
    type Error = Failure;
    type Future = Pin<Box<dyn Future<Output = Result<TokioIo<Stream>, Failure>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Failure>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        Box::pin(self.clone().connect())
    }
}

async fn dial(dial: Dial) -> Result<Stream, Failure> {
    match dial {
        Dial::Host(uri) => Ok(Stream::Tcp(resolving().call(uri).await?.into_inner())),
        Dial::Address(address) => {
            let stream = TcpStream::connect(address).await?;
            stream.set_nodelay(true)?;
            Ok(Stream::Tcp(stream))
        }
        Dial::Unix(path) => Ok(Stream::Unix(UnixStream::connect(path).await?)),
        Dial::Tunnel(uri, proxy) => {
            let mut tunnel = Tunnel::new(proxy.uri().clone(), resolving());
            if let Some(credentials) = proxy.basic_auth() {
                tunnel = tunnel.with_auth(credentials.clone());
            }
            Ok(Stream::Tcp(tunnel.call(uri).await?.into_inner()))
        }
        Dial::Proxy(proxy) => {
            Ok(Stream::Proxied(resolving().call(proxy.uri().clone()).await?.into_inner()))
        }
    }
}

/// TCP to a name's addresses, the next one tried while the first is slow to answer.
fn resolving() -> HttpConnector {
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    connector.set_nodelay(true);
    connector
}

/// Which proxies are used for what.
pub struct Proxies {
    matcher: Matcher,
}

impl Proxies {
    /// The proxy of the configuration, else those of HTTP_PROXY, HTTPS_PROXY and NO_PROXY.
    pub fn new(proxy_url: &str) -> Result<Self, String> {
        if proxy_url.is_empty() {
            return Ok(Self { matcher: Matcher::from_env() });
        }
        let proxies = Self { matcher: Matcher::builder().all(proxy_url).build() };
        let any = Uri::from_static("https://any.invalid");
        proxies.intercept(&any)?.ok_or_else(|| format!("proxy_url: {proxy_url:?} is not a URL"))?;
        Ok(proxies)
    }

    /// The proxy for a URL, if it has one. This machine is never asked for through a proxy.
    pub fn intercept(&self, uri: &Uri) -> Result<Option<Intercept>, String> {
        if uri.host().is_none_or(is_this_machine) {
            return Ok(None);
        }
        let intercept = self.matcher.intercept(uri);
        match intercept.as_ref().and_then(|proxy| proxy.uri().scheme_str()) {
            None | Some("http") => Ok(intercept),
            Some(other) => Err(format!(
                "proxy_url: a proxy spoken to by {other} is not supported; write http://host:port"
            )),
        }
    }
}

fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// What a request through `Dial::Proxy` says to the proxy.
pub fn proxy_credentials(dial: &Dial) -> Option<HeaderValue> {
    match dial {
        Dial::Proxy(proxy) => proxy.basic_auth().cloned(),
        _ => None,
    }
}

/// The whole story of an error: its own text and that of each cause, said once.
pub fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}
