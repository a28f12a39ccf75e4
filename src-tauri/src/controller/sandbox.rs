//! The built-in sandbox: the whole way of a task on this computer alone, for who is not signed in yet.

use super::host::Plan;
use super::{Afterwards, Controller, Done, Place};
use crate::facts::{Account, Hosting};
use orgx_peer::{Config, Draft, Environment, Paths, find_opencode};
use orgx_sandbox::scene::{Pace, Reach, Scene, kept_opencode};
use std::path::PathBuf;
use std::time::Duration;
use url::Url;

/// The sandbox's agent takes this long for each step: a person is to see it.
const PACE: Duration = Duration::from_millis(1_500);

/// What a peer of the sandbox needs.
#[derive(Debug)]
pub struct Stage {
    scene: Scene,
    pub(super) env: Environment,
    pub(super) agent: String,
    given: bool,
}

impl Stage {
    /// Sets it, in temporary folders.
    pub(super) async fn set(env: &Environment, pace: Pace) -> Result<Self, String> {
        let scene = Scene::set(opencode(env), pace).await.map_err(|error| error.to_string())?;
        let mut inner = Environment::of([]);
        for (name, value) in scene.variables() {
            inner = inner.with(name, value);
        }
        let agent = scene.agent();
        Ok(Self { scene, env: inner, agent, given: false })
    }

    /// A configuration that points at it.
    pub(super) fn config(&self) -> Result<Config, String> {
        let mut config = Config::load(&self.env).map_err(|error| error.to_string())?;
        config.opencode.state_file = None;
        config.opencode.use_running = false;
        config.runs.ask_for_folders = true;
        match self.scene.reach() {
            Reach::Start { program, environment } => {
                config.opencode.program = Some(program);
                config.opencode.environment = environment;
            }
            Reach::Server(url) => config.opencode.server_url = url.parse().ok(),
        }
        Ok(config)
    }

    /// Gives out a task; says its run.
    pub(super) fn give(&mut self) -> Result<String, String> {
        self.given = true;
        self.scene.give().map_err(|error| error.to_string())
    }
}

/// The OpenCode that is named, the person's own, or the one that the project keeps for its own tests.
fn opencode(env: &Environment) -> Option<PathBuf> {
    if let Some(named) = env.path("ORGX_OPENCODE_BIN").filter(|program| program.is_file()) {
        return Some(named);
    }
    let cache = env.path("XDG_CACHE_HOME").or_else(|| Some(env.home()?.join(".cache")));
    find_opencode(env).or_else(|| kept_opencode(&cache?))
}

impl Controller {
    /// Sets the sandbox, and hosts a peer on it.
    pub(super) fn set_sandbox(&mut self) {
        self.facts.hosting = Hosting::Starting;
        let env = self.ground.env.clone();
        self.later(async move { Done::Sandbox(Stage::set(&env, Pace::Each(PACE)).await.map(Box::new)) });
    }

    pub(super) fn sandbox_set(&mut self, result: Result<Box<Stage>, String>) {
        if !self.facts.sandbox {
            return;
        }
        self.facts.account = Account::In { last4: None, place: None };
        let paths = result.as_ref().ok().and_then(|stage| Paths::of(&stage.env));
        match (result, paths) {
            (Ok(stage), Some(paths)) => {
                self.place = Place { env: stage.env.clone(), paths };
                self.stage = Some(*stage);
                self.host_sandbox();
            }
            (result, _) => {
                let why = result.err().unwrap_or_else(|| "there is no home folder".to_owned());
                self.facts.hosting = Hosting::Failed { broke: false, why, retry_at: self.facts.now };
            }
        }
        if !self.start.autostarted {
            self.open_window();
        }
    }

    pub(super) fn host_sandbox(&mut self) {
        let Some(stage) = &self.stage else { return self.set_sandbox() };
        match stage.config() {
            Ok(config) => {
                self.point_at_sandbox();
                self.start_host(Plan::Host(Box::new(config)));
            }
            Err(why) => {
                self.facts.hosting = Hosting::Failed { broke: false, why, retry_at: self.facts.now };
            }
        }
    }

    /// Once it is connected it gets its task.
    pub(super) fn sandbox_look(&mut self) {
        if !self.facts.peer.connected {
            return;
        }
        if let Some(stage) = self.stage.as_mut().filter(|stage| !stage.given)
            && let Err(error) = stage.give()
        {
            tracing::warn!(error, "the sandbox has no task");
        }
    }

    /// What names OrgX means the sandbox's; but never while the card is open, whose key is for the person's own.
    pub(super) fn point_at_sandbox(&mut self) {
        if !self.facts.sandbox || self.facts.signing_in {
            return;
        }
        if let Some(config) = self.stage.as_ref().and_then(|stage| stage.config().ok()) {
            self.set_base_url(config.base_url);
        }
    }

    /// The person's own OrgX.
    pub(super) fn own_base_url(&self) -> Option<Url> {
        Draft::read(&self.ground.env).ok()?.base_url.ok()
    }

    /// From the sandbox to the person's own OrgX.
    pub(super) fn leave_sandbox(&mut self) {
        self.facts.sandbox = false;
        // Its runs are gone, and with them their pages.
        self.show_health();
        self.place = Place { env: self.ground.env.clone(), paths: self.ground.paths.clone() };
        self.facts.account = Account::Unknown;
        self.facts.history = crate::facts::History::default();
        self.stop_host(Afterwards::LeaveSandbox);
    }
}
