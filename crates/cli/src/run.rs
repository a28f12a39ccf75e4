//! `orgx-peer run`: the peer until it is stopped.

use crate::args::RunOptions;
use crate::{logging, say_failed, signals};
use orgx_peer::credentials::{Credentials, KeychainError};
use orgx_peer::{Config, Draft, Environment, KeptError, Peer};
use std::process::ExitCode;

/// PROTOCOL: contract B4, what a missing variable ends with.
const USAGE: u8 = 2;

pub(crate) async fn run(options: &RunOptions) -> ExitCode {
    let config = match configuration().await {
        Ok(config) => config,
        Err(ended) => return ended,
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

/// The environment's key, or the one that `orgx-peer login` kept.
async fn configuration() -> Result<Config, ExitCode> {
    let draft = Draft::read(&Environment::of_process());
    let draft = draft.map_err(|error| say_failed(&error.to_string(), USAGE))?;
    let credentials = Credentials::os(&draft.paths);
    match Config::with_kept_key(draft, &credentials).await {
        Ok((config, _)) => Ok(config),
        Err(KeptError::Keychain(KeychainError::Absent)) => {
            let words = "nobody is signed in: there is no keychain here now, and no file with a key. Run `orgx-peer \
                         login --file`, set ORGX_API_KEY, or start the keychain";
            Err(say_failed(words, USAGE))
        }
        Err(error @ KeptError::Keychain(_)) => Err(say_failed(&error.to_string(), 1)),
        Err(error) => Err(say_failed(&error.to_string(), USAGE)),
    }
}
