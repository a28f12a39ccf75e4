//! A desk: all that one story of the desktop app is played on.

use super::app::App;
use super::bus::Bus;
use super::keyring::{self, Keyring};
use super::notices::Notices;
use super::portal::Portal;
use super::screen::Screen;
use super::watcher::Watcher;
use super::window::Window;
use crate::{process, programs};
use orgx_sandbox::daemon::Daemon;
use orgx_sandbox::gateway::Gateway;
use rustix::process::Signal;
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::sync::{Semaphore, SemaphorePermit};

/// The key of the person at this desk. Nobody but OrgX and the keychain may ever see it.
pub const KEY: &str = "oxk_canary_7Yq2mVbX9dTz4LwR8sKf";

/// A window costs some 300 MB and a core while it starts.
static DESKS: Semaphore = Semaphore::const_new(2);

/// The desk. What is on it ends with it.
#[derive(Debug)]
pub struct Desk {
    /// The story's OrgX. It knows [`KEY`] and no other.
    pub gateway: Gateway,
    /// The story's agent: the seed's daemon, which does what it was told by [`Daemon::script`].
    pub agent: Daemon,
    /// The screen.
    pub screen: Screen,
    /// The session bus.
    pub bus: Bus,
    /// A connection to it.
    pub connection: zbus::Connection,
    root: PathBuf,
    _folder: TempDir,
    _place: SemaphorePermit<'static>,
}

/// In place of the browser: keeps what it was asked to open.
const BROWSER: &str = "#!/bin/sh\nprintf '%s\\n' \"$@\" >>OPENED\n";

/// In place of a terminal.
const TERMINAL: &str = "#!/bin/sh\n{ echo \"$*\"; pwd; } >TOLD.new && mv TOLD.new TOLD\n";

/// A dispatch of this run, into this folder.
pub fn task(run_id: &str, folder: &Path, title: &str) -> Value {
    json!({
        "kind": "task.dispatch", "run_id": run_id, "idempotency_key": format!("key_of_{run_id}"),
        "timeout_seconds": 600,
        "task": { "title": title, "repo_path": folder, "driver": "opencode" },
    })
}

impl Desk {
    /// A desk with a screen, a bus, an OrgX and an agent; no panel, no notifications, no keychain.
    pub async fn set() -> Self {
        let place = DESKS.acquire().await.expect("never closed");
        let folder = TempDir::with_prefix("orgx-desk-").expect("a folder");
        let root = folder.path().canonicalize().expect("its real path");
        for (name, mode) in [("home", 0o700), ("run", 0o700), ("project", 0o755)] {
            std::fs::create_dir(root.join(name)).expect("a folder");
            let mode = std::fs::Permissions::from_mode(mode);
            std::fs::set_permissions(root.join(name), mode).expect("its mode");
        }
        let browser = root.join("bin/xdg-open");
        std::fs::create_dir(root.join("bin")).expect("a folder");
        let opened = root.join("opened").display().to_string();
        std::fs::write(&browser, BROWSER.replace("OPENED", &opened)).expect("a file");
        std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).expect("a program");
        let gateway = Gateway::start().await.expect("a gateway");
        gateway.accept_key(Some(KEY.to_owned()));
        let agent = Daemon::start().await.expect("an agent");
        agent.write_state_file(&root.join("home")).expect("where the agent is");
        let bus = Bus::start(&root);
        let connection = bus.connect().await;
        let screen = Screen::start();
        Self { gateway, agent, screen, bus, connection, root, _folder: folder, _place: place }
    }

    /// A panel comes.
    pub async fn panel(&self) -> Watcher {
        Watcher::appear(&self.bus).await
    }

    /// Somebody who shows notifications comes.
    pub async fn notices(&self) -> Notices {
        Notices::appear(&self.bus).await
    }

    /// A portal comes, of somebody who prefers this.
    pub async fn portal(&self, scheme: u32) -> Portal {
        Portal::appear(&self.bus, scheme).await
    }

    /// An unlocked keychain comes.
    pub async fn keyring(&self) -> Keyring {
        Keyring::unlocked(&self.environment(), &self.connection).await
    }

    /// A keychain comes whose keyring is locked. There must have been an unlocked one.
    pub async fn locked_keyring(&self) -> Keyring {
        Keyring::locked(&self.environment(), &self.connection).await
    }

    /// Puts a value into the keychain, as another program would.
    pub async fn keep_in_keychain(&self, service: &str, account: &str, value: &str) {
        let args = ["store", "--label", service, "service", service, "account", account];
        assert!(keyring::tool(&self.environment(), &args, value).await.is_some(), "the keychain takes it");
    }

    /// What the keychain holds of this service.
    pub async fn in_keychain(&self, service: &str) -> Option<String> {
        keyring::tool(&self.environment(), &["lookup", "service", service], "").await
    }

    /// The environment of a login on this desk, made from nothing. Nobody is signed in.
    pub fn environment(&self) -> Vec<(String, String)> {
        let below = |path: &str| self.root.join(path).display().to_string();
        let base = self.gateway.base_url();
        let entries = [
            ("PATH", format!("{}:/usr/local/bin:/usr/bin:/bin", below("bin"))),
            ("LANG", "C.UTF-8".to_owned()),
            ("HOME", below("home")),
            ("XDG_CONFIG_HOME", below("home/.config")),
            ("XDG_DATA_HOME", below("home/.local/share")),
            ("XDG_STATE_HOME", below("home/.local/state")),
            ("XDG_CACHE_HOME", below("home/.cache")),
            ("XDG_RUNTIME_DIR", below("run")),
            ("DISPLAY", self.screen.name.clone()),
            ("GDK_BACKEND", "x11".to_owned()),
            ("GSETTINGS_BACKEND", "memory".to_owned()),
            ("NO_AT_BRIDGE", "1".to_owned()),
            ("DBUS_SESSION_BUS_ADDRESS", self.bus.address.clone()),
            ("ORGX_BASE_URL", base),
        ];
        entries.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The same for somebody who is signed in by it.
    pub fn signed_in(&self) -> Vec<(String, String)> {
        let own = [("ORGX_API_KEY", KEY), ("ORGX_WORKSPACE_ID", "w")];
        let own = own.map(|(name, value)| (name.to_owned(), value.to_owned()));
        self.environment().into_iter().chain(own).collect()
    }

    /// Starts the app for somebody who is signed in; returns once OrgX has its connection.
    pub async fn app(&self) -> App {
        let opened = self.gateway.connections();
        let app = self.start(self.signed_in(), &[]);
        self.connected(opened + 1).await;
        app
    }

    /// Starts the app, and looks no further.
    pub fn start(&self, environment: Vec<(String, String)>, args: &[&str]) -> App {
        App::start(self, environment, args)
    }

    /// Starts the app for somebody who is signed in, with its window open and in our hands.
    pub async fn window(&self) -> Window {
        let opened = self.gateway.connections();
        let window = self.open(self.signed_in()).await;
        self.connected(opened + 1).await;
        window
    }

    /// Starts the app with its window open and in our hands.
    pub async fn open(&self, environment: Vec<(String, String)>) -> Window {
        Window::open(self, environment, &["--open"]).await
    }

    /// Returns once OrgX has accepted that many connections.
    pub async fn connected(&self, n: usize) {
        let end = tokio::time::Instant::now() + crate::WAIT;
        while let Err(late) = self.gateway.wait_connected(n).await {
            assert!(tokio::time::Instant::now() < end, "{late}\n{}", self.log());
        }
    }

    /// The run's terminal, as OrgX got it.
    pub async fn end(&self, run_id: &str) -> Value {
        let end = tokio::time::Instant::now() + crate::WAIT;
        loop {
            match self.gateway.terminal(run_id).await {
                Ok(terminal) => return terminal,
                Err(late) => assert!(tokio::time::Instant::now() < end, "{late}\n{}", self.log()),
            }
        }
    }

    /// Returns once OrgX knows that the run has begun.
    pub async fn started(&self, run_id: &str) {
        let started = |frames: &[orgx_sandbox::gateway::Received]| {
            frames
                .iter()
                .any(|frame| frame.value["run_id"] == run_id && frame.value["kind"] == "task.started")
        };
        let what = format!("the start of {run_id}");
        let end = tokio::time::Instant::now() + crate::WAIT;
        while let Err(late) = self.gateway.wait_for(&what, started).await {
            assert!(tokio::time::Instant::now() < end, "{late}\n{}", self.log());
        }
    }

    /// A terminal comes, which only writes down what it was to run, and where: into this file.
    pub fn terminal(&self) -> PathBuf {
        let (program, told) = (self.root.join("bin/x-terminal-emulator"), self.root.join("terminal"));
        let script = TERMINAL.replace("TOLD", &told.display().to_string());
        std::fs::write(&program, script).expect("a file");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
        told
    }

    /// A project.
    pub fn project(&self) -> PathBuf {
        self.root.join("project")
    }

    /// One more project.
    pub fn project_named(&self, name: &str) -> PathBuf {
        let folder = self.root.join(name);
        std::fs::create_dir_all(&folder).expect("a folder");
        folder
    }

    /// Writes config.toml as a person would, before the app starts.
    pub fn configure(&self, text: &str) {
        let folder = self.home().join(".config/orgx-peer");
        std::fs::create_dir_all(&folder).expect("a folder");
        std::fs::write(folder.join("config.toml"), text).expect("a file");
    }

    /// Agents may work in this folder, and nowhere else unasked.
    pub fn allow_only(&self, folder: &Path) {
        self.configure(&format!("[runs]\nallowed_folders = [\"{}\"]\n", folder.display()));
    }

    /// The person's home.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// The links that the browser was asked to open, in order.
    pub fn opened(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.root.join("opened")).unwrap_or_default();
        text.lines().map(ToOwned::to_owned).collect()
    }

    /// Everything of this desk.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where the app's own words go.
    pub(super) fn log_file(&self) -> PathBuf {
        self.root.join("app.log")
    }

    /// What the apps of this desk said on stderr.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.log_file()).unwrap_or_default()
    }

    /// The processes of this desk: the app's, and theirs.
    pub fn processes(&self) -> Vec<i32> {
        process::living_in(&self.home())
    }

    /// The processes that show web pages.
    pub fn pages(&self) -> Vec<i32> {
        let shows = |pid: &i32| process::command_line(*pid).contains("WebKitWebProcess");
        self.processes().into_iter().filter(shows).collect()
    }

    /// The app's own processes.
    pub fn apps(&self) -> Vec<i32> {
        let program = programs::tray().expect("a story asked for it").display().to_string();
        let is = |pid: &i32| process::command_line(*pid).starts_with(&program);
        self.processes().into_iter().filter(is).collect()
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        // Whatever a story left running, and what that started.
        for pid in self.processes() {
            process::send(pid, Signal::KILL);
        }
    }
}
