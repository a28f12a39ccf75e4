//! `orgx-peer run`: the peer until it is stopped.

use crate::args::RunOptions;
use crate::{logging, say_failed, signals};
use orgx_peer::{Config, Environment, Peer};
use std::process::ExitCode;

/// PROTOCOL: contract B4, what a missing variable ends with.
const USAGE: u8 = 2;

pub(crate) async fn run(options: &RunOptions) -> ExitCode {
    let config = match Config::load(&Environment::of_process()) {
        Ok(config) => config,
        Err(error) => return say_failed(&error.to_string(), USAGE),
    };
    logging::start(options.log_format, options.verbose);
    orgx_peer::log_panics();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), workspace = %config.workspace_id, orgx = %config.base_url, "orgx-peer");
    // Listened for from here on, so that no signal is missed while the peer starts.
    let stop = tokio::spawn(signals::asked_to_stop());
    let peer = match Peer::start(config).await {
        Ok(peer) => peer,
        Err(error) => return say_failed(&error.to_string(), 1),
    };
    let mut watch = peer.watch();
    let gone = async { while watch.changed().await.is_ok() {} };
    tokio::select! {
        _ = stop => {}
        () = gone => return if peer.ended().await {
            // Another program told it to, over the control socket.
            ExitCode::SUCCESS
        } else {
             say_failed("the peer ended by itself; this is a bug in OrgX Peer, please report it", 1)
        },
    }
    // A second Ctrl-C does not wait.
    tokio::select! {
        () = peer.stop() => ExitCode::SUCCESS,
        () = signals::asked_to_stop() => say_failed("stopped at once", 1),
    }
}
