//! A peer inside another program, and a second handle to it as a second program would have one.
//!
//! `cargo run -p orgx-peer --example library` needs no account: the OrgX and the agent are the sandbox's.

#![allow(clippy::print_stdout, reason = "an example shows what it does")]
#![allow(unreachable_pub, dead_code, reason = "a test runs it, too")]

use orgx_peer::{Command, Config, Environment, Peer, PeerEvent};
use orgx_sandbox::daemon::Daemon;
use orgx_sandbox::gateway::Gateway;
use serde_json::json;
use std::error::Error;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    run().await
}

/// Starts, watches, commands, stops.
pub async fn run() -> Result<(), Box<dyn Error>> {
    let (gateway, daemon) = (Gateway::start().await?, Daemon::start().await?);
    let home = tempfile::tempdir()?;
    let project = home.path().join("project");
    std::fs::create_dir(&project)?;

    // A program of yours would say `Environment::of_process()`.
    let env = Environment::of([("ORGX_API_KEY", "oxk_example"), ("ORGX_WORKSPACE_ID", "example")])
        .with("HOME", home.path())
        .with("ORGX_PEER_STATE_DIR", home.path().join("state"))
        .with("ORGX_BASE_URL", gateway.base_url())
        .with("OPENCODE_SERVER_URL", daemon.url());
    let config = Config::load(&env)?;
    let (paths, tenant) = (config.paths.clone(), config.tenant());

    // The peer runs in the background; the handle shows it, and steers it.
    let peer = Peer::start(config).await?;
    let now = peer.watch().wait_for(|now| now.connected).await?.clone();
    println!("{}", now.health.sentence);

    // Another program has the same handle, without the key.
    let other = Peer::attach(&paths, &tenant).await?;

    // Listen first, so that nothing is missed.
    let mut events = other.events();
    gateway.dispatch(json!({
        "kind": "task.dispatch", "run_id": "run_1", "idempotency_key": "key_1", "timeout_seconds": 60,
        "task": { "title": "Look around", "driver": "opencode", "repo_path": project },
    }));
    loop {
        match events.recv().await? {
            PeerEvent::Step { summary, .. } => println!("step: {summary}"),
            PeerEvent::Ended { completed, tokens_used, .. } => {
                println!("completed: {completed}, tokens: {tokens_used:?}");
                break;
            }
            _ => {}
        }
    }

    // What cannot be done says why.
    if let Err(error) = other.command(Command::Cancel { run_id: "run_2".into(), exact: true }).await {
        println!("{error}");
    }

    // Ends every run, tells OrgX, and is gone; the other handle hears it.
    peer.stop().await;
    println!("stopped: {}", other.ended().await);
    Ok(())
}
