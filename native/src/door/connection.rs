//! The life of one connection: its requests, its age, its end.

use super::body::Reply;
use super::grpc::GrpcFace;
use super::http::HttpFace;
use super::listen::{Endpoint, Phase};
use crate::net::stream::Stream;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::future::pending;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

/// What a connection's requests are answered by.
#[derive(Clone)]
pub enum Face {
    Grpc(Arc<GrpcFace>),
    Http(Arc<HttpFace>),
}

impl Face {
    async fn answer(&self, request: Request<Incoming>) -> Response<Reply> {
        match self {
            Face::Grpc(face) => face.answer(request).await,
            Face::Http(face) => face.answer(request).await,
        }
    }
}

/// How long a connection may live.
#[derive(Clone, Copy, Default)]
pub struct Lifetimes {
    /// Without a request under way.
    pub idle: Option<Duration>,
    pub age: Option<Duration>,
    /// For the requests under way once the age is reached; `None` waits for them.
    pub age_grace: Option<Duration>,
}

/// For an idle peer to take note that the connection ends.
const IDLE_GRACE: Duration = Duration::from_secs(10);

impl Lifetimes {
    /// These, with an age up to a tenth longer or shorter, so that connections that came
    /// together do not leave and come back together.
    fn spread(mut self) -> Self {
        let random = RandomState::new().build_hasher().finish() % 1000;
        self.age = self.age.map(|age| age.mul_f64(0.9 + random as f64 / 5000.0));
        self
    }

    /// When the connection is over as things stand.
    fn end(&self, activity: &Activity) -> Option<Instant> {
        let aged = self.age.map(|age| activity.born + age);
        let idle = self.idle.map(|idle| activity.idle_at(idle));
        aged.into_iter().chain(idle).min()
    }

    /// How long a connection that is over may take to go.
    fn grace(&self, activity: &Activity) -> Option<Duration> {
        match self.age {
            Some(age) if activity.born.elapsed() >= age => self.age_grace,
            _ => Some(IDLE_GRACE),
        }
    }
}

/// Whether a connection has requests under way, or since when it has none.
struct Activity {
    born: Instant,
    open: AtomicUsize,
    idle_since_millis: AtomicU64,
}

impl Activity {
    fn new() -> Arc<Self> {
        Arc::new(Self {
            born: Instant::now(),
            open: AtomicUsize::new(0),
            idle_since_millis: AtomicU64::new(0),
        })
    }

    fn begin(self: Arc<Self>) -> Busy {
        self.open.fetch_add(1, Relaxed);
        Busy(self)
    }

    /// When the connection will have been idle for `time`, as things stand.
    fn idle_at(&self, time: Duration) -> Instant {
        match self.open.load(Relaxed) {
            0 => self.born + Duration::from_millis(self.idle_since_millis.load(Relaxed)) + time,
            _ => Instant::now() + time,
        }
    }
}

struct Busy(Arc<Activity>);

impl Drop for Busy {
    fn drop(&mut self) {
        let millis = self.0.born.elapsed().as_millis() as u64;
        self.0.idle_since_millis.store(millis, Relaxed);
        self.0.open.fetch_sub(1, Relaxed);
    }
}

/// Serves a connection until its peer, its age or the door ends it.
pub async fn drive(stream: Stream, endpoint: &Endpoint, mut phase: watch::Receiver<Phase>) {
    let activity = Activity::new();
    let service = service_fn(|request| {
        let (face, busy) = (endpoint.face.clone(), activity.clone().begin());
        async move {
            let response = face.answer(request).await;
            drop(busy);
            Ok::<_, Infallible>(response)
        }
    });
    let mut connection = pin!(endpoint.builder.serve_connection(TokioIo::new(stream), service));
    let lifetimes = endpoint.lifetimes.spread();
    let mut obeyed = Phase::Open;
    let mut leaving = false;
    let mut wake = lifetimes.end(&activity);
    loop {
        tokio::select! {
            biased;
            // Whatever ended it, the peer has noticed: there is nobody to tell.
            _ = connection.as_mut() => return,
            now = phase.wait_for(|now| *now > obeyed) => {
                obeyed = now.map_or(Phase::Closed, |now| *now);
                if obeyed == Phase::Closed {
                    return;
                }
                (leaving, wake) = (true, None);
            }
            () = at(wake) => {
                if leaving {
                    return;
                }
                wake = lifetimes.end(&activity);
                if wake.is_some_and(|end| end > Instant::now()) {
                    continue;
                }
                leaving = true;
                wake = lifetimes.grace(&activity).map(|grace| Instant::now() + grace);
            }
        }
        connection.as_mut().graceful_shutdown();
    }
}

async fn at(time: Option<Instant>) {
    match time {
        Some(time) => sleep_until(time).await,
        None => pending().await,
    }
}
