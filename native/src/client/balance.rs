//! Round robin over the addresses of a server.
//!
//! Each address has a connection of its own. One that can't be connected to is left alone for a
//! while, and the name is resolved again, as its addresses may have moved.

use super::connect::{Connector, Dial, Security};
use super::payload::Payload;
use hyper_util::client::legacy::{self, Client};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::lookup_host;

/// How long an address that refused is left alone, while others serve.
const AVOID_TIME: Duration = Duration::from_secs(5);
/// A name is not resolved more often than this.
const RESOLVE_INTERVAL: Duration = Duration::from_secs(5);

pub type HttpClient = Client<Connector, Payload>;

/// One address, or a destination that is not to be taken apart.
pub struct Peer {
    address: Option<SocketAddr>,
    pub client: HttpClient,
    avoid_until: Mutex<Option<Instant>>,
}

impl Peer {
    fn new(address: Option<SocketAddr>, client: HttpClient) -> Arc<Self> {
        Arc::new(Self { address, client, avoid_until: Mutex::new(None) })
    }

    /// Leaves the peer alone for a while.
    pub fn avoid(&self) {
        let until = Some(Instant::now() + AVOID_TIME);
        *self.avoid_until.lock().unwrap_or_else(PoisonError::into_inner) = until;
    }

    fn is_avoided(&self) -> bool {
        let until = self.avoid_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| until > Instant::now())
    }
}

struct Peers {
    all: Vec<Arc<Peer>>,
    resolved_at: Option<Instant>,
}

pub struct Balancer {
    builder: legacy::Builder,
    security: Option<Security>,
    /// `host:port` to resolve; None when there is one peer for good.
    name: Option<String>,
    peers: Mutex<Peers>,
    next: AtomicUsize,
}

impl Balancer {
    /// One peer for good, which finds its own way.
    pub fn single(builder: legacy::Builder, dial: Dial, security: Option<Security>) -> Self {
        let peer = Peer::new(None, builder.build(Connector { dial, security: security.clone() }));
        let peers = Mutex::new(Peers { all: vec![peer], resolved_at: None });
        Self { builder, security, name: None, peers, next: AtomicUsize::new(0) }
    }

    /// A peer for each address of `name`, `host:port`.
    pub fn round_robin(builder: legacy::Builder, name: String, security: Option<Security>) -> Self {
        let peers = Mutex::new(Peers { all: vec![], resolved_at: None });
        Self { builder, security, name: Some(name), peers, next: AtomicUsize::new(0) }
    }

    /// The peers in the order they should be tried.
    pub async fn order(&self) -> io::Result<Vec<Arc<Peer>>> {
        self.resolve().await?;
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner).all.clone();
        if peers.len() > 1 {
            let turn = self.next.fetch_add(1, Relaxed) % peers.len();
            peers.rotate_left(turn);
            peers.sort_by_key(|peer| peer.is_avoided());
        }
        Ok(peers)
    }

    /// Looks the name up when it never was, or when a peer is avoided and some time has passed.
    async fn resolve(&self) -> io::Result<()> {
        let Some(name) = &self.name else { return Ok(()) };
        {
            let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
            let recent = peers.resolved_at.is_some_and(|at| at.elapsed() < RESOLVE_INTERVAL);
            let healthy = !peers.all.iter().any(|peer| peer.is_avoided());
            if !peers.all.is_empty() && (recent || healthy) {
                return Ok(());
            }
            peers.resolved_at = Some(Instant::now());
        }
        let found = lookup_host(name).await;
        let mut peers = self.peers.lock().unwrap_or_else(PoisonError::into_inner);
        if found.is_err() && !peers.all.is_empty() {
            return Ok(());
        }
        let mut addresses: Vec<_> = found?.collect();
        addresses.sort_by_key(SocketAddr::is_ipv6);
        addresses.dedup();
        let known = std::mem::take(&mut peers.all);
        let peer = |address| {
            let known = known.iter().find(|peer| peer.address == Some(address));
            known.cloned().unwrap_or_else(|| self.connect_to(address))
        };
        peers.all = addresses.into_iter().map(peer).collect();
        Ok(())
    }

    fn connect_to(&self, address: SocketAddr) -> Arc<Peer> {
        let connector = Connector { dial: Dial::Address(address), security: self.security.clone() };
        Peer::new(Some(address), self.builder.build(connector))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioExecutor;

    fn balancer(ports: &[u16]) -> Balancer {
        let builder = Client::builder(TokioExecutor::new());
        let balancer = Balancer::round_robin(builder, "127.0.0.1:1".into(), None);
        let peer = |port: &u16| balancer.connect_to(([127, 0, 0, 1], *port).into());
        let all = ports.iter().map(peer).collect();
        *balancer.peers.lock().unwrap() = Peers { all, resolved_at: Some(Instant::now()) };
        balancer
    }

    async fn first(balancer: &Balancer) -> u16 {
        balancer.order().await.unwrap()[0].address.unwrap().port()
    }

    #[tokio::test]
    async fn calls_go_round_all_addresses() {
        let balancer = balancer(&[1, 2, 3]);
        let mut ports = Vec::new();
        for _ in 0..6 {
            ports.push(first(&balancer).await);
        }
        assert_eq!(ports, [1, 2, 3, 1, 2, 3]);
    }

    #[tokio::test]
    async fn an_address_that_refused_comes_last() {
        let balancer = balancer(&[1, 2]);
        balancer.order().await.unwrap()[0].avoid();
        for _ in 0..4 {
            assert_eq!(first(&balancer).await, 2);
        }
        assert_eq!(balancer.order().await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_name_is_resolved_again_when_an_address_refuses() {
        let balancer = balancer(&[7, 8]);
        balancer.order().await.unwrap()[0].avoid();
        balancer.peers.lock().unwrap().resolved_at = None;
        assert_eq!(first(&balancer).await, 1);
    }
}
