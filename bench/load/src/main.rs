//! Load and sink of the benchmarks, cheap enough to share one core while they keep another busy.
//!
//! `ananta-bench-load send JSON` sends prepared OTLP requests and prints what became of them;
//! `ananta-bench-load sink JSON` takes OTLP over gRPC and HTTP, counts spans and discards them;
//! `ananta-bench-load get JSON` asks a web service for a page.
//! The one argument is a JSON object (see the `Plan` of each module): the caller is a program.

mod client;
mod get;
mod otlp;
mod payload;
mod send;
mod sink;

use std::process::ExitCode;

type AnyError = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["send", plan] => send::run(plan).await,
        ["sink", plan] => sink::run(plan).await,
        ["get", plan] => get::run(plan).await,
        _ => Err("usage: ananta-bench-load (send | sink | get) JSON".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ananta-bench-load: {error}");
            ExitCode::FAILURE
        }
    }
}
