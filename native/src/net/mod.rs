//! What the door and the clients share: threads, wake-ups, sockets, TLS, compression, status codes.

pub mod bell;
pub mod compression;
pub mod grpc_frame;
pub mod gzip;
pub mod inflate;
pub mod runtime;
pub mod status;
pub mod stream;
pub mod tls;
