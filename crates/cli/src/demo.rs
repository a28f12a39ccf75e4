//! `orgx-peer demo`: the whole way of a task, on this computer alone.
//!
//! A loopback OrgX gives a task to a real peer. With an OpenCode at hand the real one runs it on a scripted model, in
//! a home folder of its own; without one, a stand-in does. Nothing is left running and nothing is left behind.

mod show;

use crate::args::DemoOptions;
use crate::{logging, say_failed, signals};
use anyhow::Context;
use orgx_peer::{Config, Environment, OpenCodeConfig, Peer, PeerEvent};
use orgx_sandbox::scene::{Pace, Reach, Scene, kept_opencode};
use show::Show;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::broadcast::error::RecvError;

/// A cold OpenCode on a slow computer takes a minute; more than this means that something is wrong.
const PATIENCE: Duration = Duration::from_secs(180);

pub(crate) async fn demo(options: &DemoOptions) -> ExitCode {
    orgx_peer::log_panics();
    if options.verbose > 0 {
        logging::start(logging::LogFormat::Text, options.verbose);
    }
    if let Some(program) = options.opencode.as_ref().filter(|program| !program.is_file()) {
        return say_failed(&format!("there is no program at {}", program.display()), 2);
    }
    match play(options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => say_failed(&format!("the demo could not run: {error:#}"), 1),
    }
}

/// Did everything happen that should?
async fn play(options: &DemoOptions) -> anyhow::Result<bool> {
    let scene = Scene::set(program(options), Pace::Fast).await;
    let scene = scene.context("no temporary folder, or no loopback port for the demo's OrgX")?;
    let mut show = Show::begin(&scene);
    let variables = scene.variables().into_iter();
    let env = variables.fold(Environment::default(), |env, (name, value)| env.with(name, value));
    let mut config = Config::load(&env)?;
    place(&mut config.opencode, scene.reach());
    let peer = Peer::start(config).await?;
    let mut events = peer.events();
    let connected = peer.watch().wait_for(|now| now.connected).await.map(|now| now.connection.clone());
    show.event(&PeerEvent::Connection { open: true, words: connected? });
    scene.give()?;
    let watch = async {
        loop {
            match events.recv().await {
                Ok(event) => {
                    let last = matches!(event, PeerEvent::Receipt { .. })
                        || matches!(event, PeerEvent::Ended { completed: false, .. });
                    show.event(&event);
                    if last {
                        break;
                    }
                }
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => break,
            }
        }
    };
    let unfinished = tokio::select! {
        watched = tokio::time::timeout(PATIENCE, watch) => match watched {
            Ok(()) => None,
            Err(_) => Some(format!("nothing more happened for {} s; try --verbose", PATIENCE.as_secs())),
        },
        () = signals::asked_to_stop() => Some("it was stopped".to_owned()),
    };
    // Whatever happened: what was started is ended before the folder goes.
    peer.stop().await;
    if let Some(why) = unfinished {
        anyhow::bail!(why);
    }
    Ok(show.end(&scene))
}

/// Points the peer at the demo's agent, and away from the person's own.
fn place(opencode: &mut OpenCodeConfig, reach: Reach) {
    opencode.state_file = None;
    opencode.use_running = false;
    match reach {
        Reach::Start { program, environment } => {
            opencode.program = Some(program);
            opencode.environment = environment;
        }
        Reach::Server(url) => opencode.server_url = url.parse().ok(),
    }
}

/// The named program, the one on PATH, the one that `cargo xtask` keeps in the cache, or none.
fn program(options: &DemoOptions) -> Option<PathBuf> {
    if options.stand_in {
        return None;
    }
    let env = Environment::of_process();
    let cache = || env.path("XDG_CACHE_HOME").or_else(|| Some(env.home()?.join(".cache")));
    let named = options.opencode.clone().or_else(|| orgx_peer::find_opencode(&env));
    named.or_else(|| kept_opencode(&cache()?))
}
