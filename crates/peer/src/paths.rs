//! Where the peer keeps its own things, and where others keep theirs.

use crate::config::Environment;
use std::io;
use std::path::{Path, PathBuf};
use url::Url;

/// The folders of this peer. Our own follow each OS (XDG on Linux).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    /// `config.toml`.
    pub config: PathBuf,
    /// The journal, the kept skill rules, the installation id, the locks.
    pub state: PathBuf,
    /// Where this user's sockets may stand when the state folder's path is too long for one: `$XDG_RUNTIME_DIR`.
    pub runtime: Option<PathBuf>,
}

impl Paths {
    /// `ORGX_PEER_CONFIG_DIR` and `ORGX_PEER_STATE_DIR`, or what the OS says. `None` without a home folder.
    pub fn of(env: &Environment) -> Option<Self> {
        let config = env.path("ORGX_PEER_CONFIG_DIR").or_else(|| default_config(env))?;
        let state = env.path("ORGX_PEER_STATE_DIR").or_else(|| default_state(env))?;
        Some(Self { config, state, runtime: env.path("XDG_RUNTIME_DIR") })
    }

    /// The configuration file.
    pub fn config_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// The journal of one workspace at one OrgX: what one tenant is owed is never told to another.
    pub fn journal(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("journal-{}.sqlite", tenant.0))
    }

    /// The skill rules of the last good fetch.
    pub fn rules(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("rules-{}.json", tenant.0))
    }

    /// What is known of the `opencode serve` that this workspace's peer started.
    pub fn managed(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("managed-{}.json", tenant.0))
    }

    /// Where the `opencode run` of each run is written down: the beginning of the files' names.
    pub fn cli(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("cli-{}", tenant.0))
    }

    /// Where each `claude` of a run is written down; the run makes the rest of the name.
    pub fn claude(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("claude-{}", tenant.0))
    }

    /// What that `opencode serve` said, made safe to read.
    pub fn agent_log(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("opencode-{}.log", tenant.0))
    }

    /// The random id of this installation.
    pub fn installation_id(&self) -> PathBuf {
        self.state.join("installation-id")
    }

    /// The lock that keeps a second peer of this workspace away.
    pub fn lock(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("peer-{}.lock", tenant.0))
    }

    /// The control socket of a peer of this workspace. Its name is short: the OS takes about 100 bytes of path.
    pub fn control(&self, tenant: &Tenant) -> PathBuf {
        self.state.join(format!("{}.sock", tenant.0))
    }

    /// Where senders read the lifecycle receiver's address and secret.
    pub fn webhook(&self) -> PathBuf {
        self.state.join("webhook.json")
    }

    /// The lock of the one peer on this computer that receives sessions' events.
    pub fn webhook_lock(&self) -> PathBuf {
        self.state.join("webhook.lock")
    }

    /// The sessions' events: of this computer, not of a workspace.
    pub fn lifecycle(&self) -> PathBuf {
        self.state.join("lifecycle.sqlite")
    }

    /// The tenants that a peer has ever served from this state folder.
    pub fn tenants(&self) -> Vec<Tenant> {
        let entries = std::fs::read_dir(&self.state).into_iter().flatten().filter_map(Result::ok);
        let mut tenants: Vec<Tenant> = entries
            .filter_map(|entry| {
                let name = entry.file_name().into_string().ok()?;
                Some(Tenant(name.strip_prefix("peer-")?.strip_suffix(".lock")?.to_owned()))
            })
            .collect();
        tenants.sort();
        tenants
    }
}

/// One workspace at one OrgX, as part of a file name: short, stable, and free of separators.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tenant(String);

impl Tenant {
    /// The tenant of this origin and workspace.
    pub fn new(base_url: &Url, workspace_id: &str) -> Self {
        Self(short_hash(format!("{}\n{workspace_id}", base_url.origin().ascii_serialization())))
    }
}

/// Twelve characters that stand for a longer name.
pub(crate) fn short_hash(name: impl AsRef<std::ffi::OsStr>) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(name.as_ref().as_encoded_bytes());
    digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(target_os = "linux")]
fn default_config(env: &Environment) -> Option<PathBuf> {
    Some(env.path("XDG_CONFIG_HOME").or_else(|| Some(env.home()?.join(".config")))?.join("orgx-peer"))
}

#[cfg(target_os = "linux")]
fn default_state(env: &Environment) -> Option<PathBuf> {
    Some(env.path("XDG_STATE_HOME").or_else(|| Some(env.home()?.join(".local/state")))?.join("orgx-peer"))
}

#[cfg(not(target_os = "linux"))]
fn default_config(_: &Environment) -> Option<PathBuf> {
    Some(dirs::config_dir()?.join("OrgX Peer"))
}

#[cfg(not(target_os = "linux"))]
fn default_state(_: &Environment) -> Option<PathBuf> {
    Some(dirs::data_local_dir()?.join("OrgX Peer").join("State"))
}

/// Makes a folder that only this user can enter. An existing one is left as it is.
pub(crate) fn make_private_dir(dir: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir)
}

/// Replaces a file whole, readable by this user only: a reader sees the old bytes or the new ones.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let dir = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.as_file().sync_data()?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}
