//! The threads every socket of this process lives on.
//!
//! One small pool serves all doors and clients, so that a forward stays on the thread its
//! request came in on, and an idle process has no more threads than it needs.

use std::num::NonZeroUsize;
use std::sync::OnceLock;
use std::thread::available_parallelism;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::spawn_blocking;

/// Scanning and framing cost well under a microsecond a span: more threads only wake each other.
const MAX_THREADS: usize = 4;

/// Looking up a name must not wait for one large body.
const MIN_BLOCKING_THREADS: usize = 2;

/// Work on a body larger than this leaves the socket threads.
const HEAVY_BYTES: usize = 512 * 1024;

static RUNTIME: OnceLock<Runtime> = OnceLock::new();

/// The process's runtime, started at the first call; it runs until the process ends.
pub fn handle() -> &'static Handle {
    RUNTIME
        .get_or_init(|| {
            let cores = available_parallelism().map_or(1, NonZeroUsize::get);
            let threads = cores.min(MAX_THREADS);
            Builder::new_multi_thread()
                .worker_threads(threads)
                // Heavy work waits for a core here rather than share it, each with its memory.
                .max_blocking_threads(threads.max(MIN_BLOCKING_THREADS))
                .thread_name("ananta-net")
                .enable_all()
                .build()
                .expect("the operating system grants a thread and an epoll descriptor")
        })
        .handle()
}

/// Runs `work` at once when `bytes` is small, else on a thread where it delays no socket.
///
/// `None` when `work` panicked or the process is ending.
pub async fn compute<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> T + Send + 'static,
) -> Option<T> {
    if bytes < HEAVY_BYTES {
        return Some(work());
    }
    spawn_blocking(work).await.ok()
}
