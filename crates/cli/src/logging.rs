//! Logs on stderr. Third-party targets are capped at info: at debug some print headers.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// How a log line looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Starts logging. `verbose`: 0 info, 1 debug, 2 trace; of our own code only.
pub(crate) fn start(format: LogFormat, verbose: u8) {
    let own = match verbose {
        0 => "info",
        1 => "debug",
        _ => "trace",
    };
    let others = if verbose == 0 { "warn" } else { "info" };
    let filter = format!("{others},orgx_peer={own},orgx_proto={own},orgx_sandbox=warn");
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal());
    // A second call, as in tests, changes nothing.
    let _already = match format {
        LogFormat::Text => builder.try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
}
