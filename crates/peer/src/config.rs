//! What the person configured: environment over `config.toml` over defaults.

mod address;
mod claude;
mod desktop;
mod environment;
mod file;
mod kept;
mod lifecycle;
mod places;
mod runs;

use address::{base_url, loopback_origin};
pub(crate) use address::{is_loopback, orgx_at};
pub use claude::{ClaudeConfig, PermissionMode};
pub use desktop::{Desktop, NotificationKind};
pub use environment::Environment;
pub(crate) use file::{BYTES as FILE_BYTES, File};
pub use kept::KeptError;
pub use lifecycle::{ForwardConfig, LifecycleConfig};
pub use runs::{BudgetConfig, CliUse, ProjectConfig, RunsConfig};
use runs::{positive_budgets, runs};

use crate::clock::Clock;
use crate::paths::{Paths, Tenant};
use orgx_proto::connection::{Offer, Version};
use orgx_proto::limits;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use url::Url;

/// Everything a peer needs to start.
#[derive(Clone, Debug)]
pub struct Config {
    /// The `oxk_` key.
    pub key: SecretString,
    /// The workspace whose tasks are taken.
    pub workspace_id: String,
    /// Where OrgX is: https, or http on this computer.
    pub base_url: Url,
    /// The plugin that OrgX knows this peer as.
    pub plugin_id: String,
    /// Is presence told?
    pub presence: bool,
    /// How runs are run.
    pub runs: RunsConfig,
    /// How OpenCode is found.
    pub opencode: OpenCodeConfig,
    /// How Claude Code is run.
    pub claude: ClaudeConfig,
    /// The outbox; `None` when it is switched off.
    pub outbox: Option<PathBuf>,
    /// What a run may use.
    pub run_budget: BudgetConfig,
    /// What all runs of a day may use.
    pub day_budget: BudgetConfig,
    /// Is what waits for the person asked at OrgX, too, and does an answer from there count? `docs/threat-model.md` says
    /// what leaves the computer.
    pub remote_attention: bool,
    /// Is the computer kept awake while a run is active?
    pub keep_awake: bool,
    /// How sessions that begin and end are told of.
    pub lifecycle: LifecycleConfig,
    /// Our own folders.
    pub paths: Paths,
    /// What the time is read from.
    pub clock: Clock,
    /// What was odd about the configuration, in words.
    pub warnings: Vec<String>,
    /// The environment that it was read with, so that it can be read again.
    pub source: Environment,
}

/// How OpenCode is found.
#[derive(Clone, Debug)]
pub struct OpenCodeConfig {
    /// Are tasks taken for it?
    pub enabled: bool,
    /// An explicit server: a loopback origin.
    pub server_url: Option<Url>,
    /// The user name of a server with a password.
    pub username: String,
    /// The password of a server that the person runs.
    pub password: Option<SecretString>,
    /// Where a daemon may have said its port.
    pub state_file: Option<PathBuf>,
    /// Where an OpenCode 2 service would have registered.
    pub service_file: Option<PathBuf>,
    /// The `opencode` program; found on PATH unless given.
    pub program: Option<PathBuf>,
    /// May we start our own `opencode serve` when a task needs one?
    pub start_when_needed: bool,
    /// May a server be used that merely runs on this computer?
    pub use_running: bool,
    /// When is `opencode run` used instead of a server?
    pub cli: CliUse,
    /// Variables for our own `opencode serve`, over the inherited ones.
    pub environment: Vec<(String, String)>,
}

/// Why there is no usable configuration. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// Something that must be there is not.
    #[error("{name} is not set: {what}")]
    Missing {
        /// The variable.
        name: &'static str,
        /// What it is, and where to get it.
        what: &'static str,
    },
    /// Something has a value that cannot be used.
    #[error("{name} cannot be used: {why}")]
    Invalid {
        /// The variable or the setting.
        name: String,
        /// Why, and what would do.
        why: String,
    },
    /// The file cannot be read or understood.
    #[error("{path} cannot be used: {why}", path = .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        why: String,
    },
}

pub(crate) const DEFAULT_BASE_URL: &str = "https://useorgx.com";
/// PROTOCOL: contract I2, the seed's name.
const DEFAULT_PLUGIN_ID: &str = "@useorgx/orgx-opencode-plugin";

impl Config {
    /// Whose tasks this peer takes.
    pub fn tenant(&self) -> Tenant {
        Tenant::new(&self.base_url, &self.workspace_id)
    }

    /// Reads the environment and `config.toml`.
    ///
    /// # Errors
    /// When the key or the workspace is missing, or something has a value that cannot be used.
    pub fn load(env: &Environment) -> Result<Self, ConfigError> {
        Self::of(Draft::read(env)?)
    }

    /// With a key that was kept somewhere. One of the environment wins over it.
    ///
    /// # Errors
    /// When the workspace is missing, or something has a value that cannot be used.
    pub fn with_key(mut draft: Draft, key: SecretString) -> Result<Self, ConfigError> {
        if !draft.has_key_of_its_own() {
            draft.key = usable(key, "the key that was kept");
        }
        Self::of(draft)
    }

    /// With this text for the `config.toml`.
    pub(crate) fn read(env: &Environment, paths: Paths, toml: &str) -> Result<Self, ConfigError> {
        Self::of(Draft::parse(env, paths, toml)?)
    }

    fn of(draft: Draft) -> Result<Self, ConfigError> {
        Ok(Self {
            key: draft.key?,
            workspace_id: draft.workspace_id?,
            base_url: draft.base_url?,
            plugin_id: draft.plugin_id,
            presence: draft.presence,
            runs: draft.runs?,
            opencode: draft.opencode?,
            claude: draft.claude?,
            outbox: draft.outbox?,
            run_budget: draft.run_budget,
            day_budget: draft.day_budget,
            remote_attention: draft.remote_attention,
            keep_awake: draft.keep_awake,
            lifecycle: draft.lifecycle?,
            paths: draft.paths,
            clock: Clock::default(),
            warnings: draft.warnings,
            source: draft.source,
        })
    }
}

#[expect(clippy::struct_excessive_bools, reason = "each is a setting")]
/// The configuration as far as it goes: what can be looked at when some of it cannot be used.
#[derive(Debug)]
pub struct Draft {
    /// The `oxk_` key.
    pub key: Result<SecretString, ConfigError>,
    /// The workspace whose tasks are taken.
    pub workspace_id: Result<String, ConfigError>,
    /// Where OrgX is.
    pub base_url: Result<Url, ConfigError>,
    /// The plugin that OrgX knows this peer as.
    pub plugin_id: String,
    /// Is presence told?
    pub presence: bool,
    /// How runs are run.
    pub runs: Result<RunsConfig, ConfigError>,
    /// How OpenCode is found.
    pub opencode: Result<OpenCodeConfig, ConfigError>,
    /// How Claude Code is run.
    pub claude: Result<ClaudeConfig, ConfigError>,
    /// The outbox; `None` when it is switched off.
    pub outbox: Result<Option<PathBuf>, ConfigError>,
    /// What a run may use.
    pub run_budget: BudgetConfig,
    /// What all runs of a day may use.
    pub day_budget: BudgetConfig,
    /// Are agents' questions shown at OrgX, too?
    pub remote_attention: bool,
    /// Is the computer kept awake while a run is active?
    pub keep_awake: bool,
    /// How sessions that begin and end are told of.
    pub lifecycle: Result<LifecycleConfig, ConfigError>,
    /// How the desktop app behaves.
    pub desktop: Desktop,
    names_orgx: bool,
    /// Our own folders.
    pub paths: Paths,
    /// What was odd about the configuration, in words.
    pub warnings: Vec<String>,
    /// The environment that it was read with.
    pub source: Environment,
}

impl Draft {
    /// Reads the environment and `config.toml`.
    ///
    /// # Errors
    /// When there is no home folder, or the file cannot be read or understood.
    pub fn read(env: &Environment) -> Result<Self, ConfigError> {
        let paths = Paths::of(env).ok_or(ConfigError::Missing {
            name: "HOME",
            what: "the peer needs a home folder, or ORGX_PEER_STATE_DIR and ORGX_PEER_CONFIG_DIR",
        })?;
        let (file, warnings) = File::read(&paths.config_file())?;
        Ok(Self::of(env, paths, file, warnings))
    }

    /// With this text for the `config.toml`.
    pub(crate) fn parse(env: &Environment, paths: Paths, toml: &str) -> Result<Self, ConfigError> {
        let (file, warnings) =
            File::parse(toml).map_err(|why| ConfigError::File { path: paths.config_file(), why })?;
        Ok(Self::of(env, paths, file, warnings))
    }

    fn of(env: &Environment, paths: Paths, file: File, mut warnings: Vec<String>) -> Self {
        let url = env.text("ORGX_BASE_URL").or_else(|| filled(file.orgx.base_url));
        let names_orgx = url.is_some();
        let base_url = base_url(url.as_deref().unwrap_or(DEFAULT_BASE_URL), &mut warnings);
        Self {
            key: key(env),
            workspace_id: workspace_id(env, file.orgx.workspace_id),
            base_url,
            plugin_id: filled(file.orgx.plugin_id).unwrap_or_else(|| DEFAULT_PLUGIN_ID.into()),
            presence: file.orgx.presence.unwrap_or(true),
            runs: positive_budgets(&file.budget).and_then(|()| runs(file.runs, file.project)),
            opencode: opencode(env, file.opencode),
            claude: ClaudeConfig::of(env, file.claude),
            outbox: outbox(env, &file.outbox),
            run_budget: file.budget.run,
            day_budget: file.budget.day,
            remote_attention: file.attention.remote.unwrap_or(false),
            keep_awake: file.power.keep_awake.unwrap_or(true),
            lifecycle: lifecycle::lifecycle(env, file.lifecycle),
            desktop: file.notifications.into(),
            names_orgx,
            paths,
            warnings,
            source: env.clone(),
        }
    }

    /// Does the environment hold a key, be it one that cannot be used? Then no other place is looked into.
    pub fn has_key_of_its_own(&self) -> bool {
        !matches!(self.key, Err(ConfigError::Missing { .. }))
    }

    /// Does somebody say where OrgX is, in the environment or in the file?
    pub fn has_orgx_of_its_own(&self) -> bool {
        self.names_orgx
    }

    /// Whose tasks are taken, when that is known.
    pub fn tenant(&self) -> Option<Tenant> {
        Some(Tenant::new(self.base_url.as_ref().ok()?, self.workspace_id.as_ref().ok()?))
    }
}

fn key(env: &Environment) -> Result<SecretString, ConfigError> {
    let key =
        env.text("ORGX_API_KEY").or_else(|| env.text("ORGX_GATEWAY_KEY")).ok_or(ConfigError::Missing {
            name: "ORGX_API_KEY",
            what: "run `orgx-peer login`, put your OrgX key (oxk_...) into it, or try `orgx-peer demo`, which needs none",
        })?;
    usable(key.into(), "ORGX_API_KEY")
}

/// A key that a header can carry.
pub(crate) fn usable(key: SecretString, name: &str) -> Result<SecretString, ConfigError> {
    Offer::subprotocols(Version::V1, key.expose_secret())
        .map_err(|error| ConfigError::Invalid { name: name.into(), why: error.to_string() })?;
    Ok(key)
}

fn workspace_id(env: &Environment, file: Option<String>) -> Result<String, ConfigError> {
    let id = env.text("ORGX_WORKSPACE_ID").or_else(|| filled(file)).ok_or(ConfigError::Missing {
        name: "ORGX_WORKSPACE_ID",
        what: "put the id of the OrgX workspace whose tasks this computer takes into it, or run `orgx-peer login`",
    })?;
    check_workspace_id(&id, "ORGX_WORKSPACE_ID")?;
    Ok(id)
}

/// Can this be a workspace's id?
pub(crate) fn check_workspace_id(id: &str, name: &str) -> Result<(), ConfigError> {
    if id.len() > limits::ID_BYTES || id.chars().any(char::is_control) {
        let why = format!("a workspace id is one line of at most {} bytes", limits::ID_BYTES);
        return Err(ConfigError::Invalid { name: name.into(), why });
    }
    Ok(())
}

/// A blank setting counts as not set, as a blank variable does.
fn filled(text: Option<String>) -> Option<String> {
    text.map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn opencode(env: &Environment, file: file::OpenCode) -> Result<OpenCodeConfig, ConfigError> {
    let server_url = env.text("OPENCODE_SERVER_URL").or_else(|| filled(file.server_url));
    let home = env.home();
    #[cfg(windows)]
    let state_dir = env.path("APPDATA").or_else(|| home.as_ref().map(|home| home.join("AppData/Roaming")));
    Ok(OpenCodeConfig {
        enabled: file.enabled.unwrap_or(true),
        server_url: server_url.as_deref().map(loopback_origin).transpose()?,
        username: env.text("OPENCODE_SERVER_USERNAME").unwrap_or_else(|| "opencode".into()),
        password: env.text("OPENCODE_SERVER_PASSWORD").map(Into::into),
        // PROTOCOL: contract C1.
        #[cfg(not(windows))]
        state_file: home.as_ref().map(|home| home.join(".opencode/state.json")),
        #[cfg(windows)]
        state_file: state_dir.map(|dir| dir.join("opencode/state.json")),
        service_file: env
            .path("XDG_STATE_HOME")
            .or_else(|| home.as_ref().map(|home| home.join(".local/state")))
            .map(|dir| dir.join("opencode/service.json")),
        program: match file.program {
            Some(program) => Some(program),
            None => find_opencode(env),
        },
        start_when_needed: file.start_when_needed.unwrap_or(true),
        use_running: file.use_running.unwrap_or(true),
        cli: file.cli.unwrap_or_default(),
        environment: Vec::new(),
    })
}

/// The `opencode` program on PATH, or where one of its installers puts it.
pub fn find_opencode(env: &Environment) -> Option<PathBuf> {
    environment::find_program(env, "opencode")
        .or_else(|| environment::find_in(&places::of_opencode(env), "opencode"))
}

fn outbox(env: &Environment, file: &file::Outbox) -> Result<Option<PathBuf>, ConfigError> {
    if file.enabled == Some(false) {
        return Ok(None);
    }
    // PROTOCOL: contract D, the same place on every OS, whatever XDG says.
    let path = env
        .path("ORGX_WIZARD_HOOK_OUTBOX")
        .or_else(|| file.path.clone())
        .or_else(|| Some(env.home()?.join(".config/useorgx/wizard/hooks/events.jsonl")));
    match path {
        Some(path) if path.is_absolute() => Ok(Some(path)),
        Some(path) => Ok(Some(std::path::absolute(&path).map_err(|error| ConfigError::Invalid {
            name: "ORGX_WIZARD_HOOK_OUTBOX".into(),
            why: error.to_string(),
        })?)),
        None => Ok(None),
    }
}

/// Makes a program of that name.
#[cfg(all(test, unix))]
fn tests_only_program(file: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    let made = std::fs::create_dir_all(file.parent().unwrap_or(file))
        .and_then(|()| std::fs::write(file, "#!/bin/sh\n"))
        .and_then(|()| std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)));
    assert!(made.is_ok(), "{made:?}");
}

#[cfg(test)]
mod tests;
