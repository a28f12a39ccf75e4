//! The harness of the keychain's stories: a real gnome-keyring on a bus of its own, in a scratch home.
//!
//! A story meets nobody else's keychain, and never the person's: the bus offers only what the story puts there.

use crate::desktop::{Bus, Keyring};
use crate::programs;
use orgx_sandbox::gateway::Gateway;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// A key that OrgX knows. Nobody but OrgX and the keychain may ever see it.
pub const KEY: &str = "oxk_canary_3Hn8qWkEzR5tLb2YxPmV";

/// Tells a story, if what it needs is on this computer.
pub fn story(tell: impl Future<Output = ()>) {
    let wanted = ["dbus-daemon", "gnome-keyring-daemon", "secret-tool", "setpriv"];
    let path = std::env::var_os("PATH").unwrap_or_default();
    let is_there = |program: &str| std::env::split_paths(&path).any(|folder| folder.join(program).is_file());
    let missing: Vec<&str> = wanted.into_iter().filter(|program| !is_there(program)).collect();
    if missing.is_empty() {
        return programs::story_without_opencode(tell);
    }
    let why = format!("it needs {} (dbus, gnome-keyring, libsecret-tools)", missing.join(", "));
    let required = std::env::var_os("ORGX_REQUIRE_DESKTOP").is_some_and(|value| value == "1");
    assert!(!required, "the story cannot be told: {why}");
    programs::say_skipped(&why);
}

/// A login without a screen: a home, a bus, and an OrgX that knows [`KEY`].
#[derive(Debug)]
pub struct Login {
    /// The story's OrgX.
    pub gateway: Gateway,
    /// The bus.
    pub bus: Bus,
    /// A connection to it.
    pub connection: zbus::Connection,
    root: PathBuf,
    _folder: TempDir,
}

impl Login {
    /// A login without a keychain.
    pub async fn begin() -> Self {
        let folder = TempDir::with_prefix("orgx-login-").expect("a folder");
        let root = folder.path().canonicalize().expect("its real path");
        for name in ["home", "run"] {
            std::fs::create_dir(root.join(name)).expect("a folder");
            let mode = std::fs::Permissions::from_mode(0o700);
            std::fs::set_permissions(root.join(name), mode).expect("its mode");
        }
        let gateway = Gateway::start().await.expect("a gateway");
        gateway.accept_key(Some(KEY.to_owned()));
        gateway.set_workspaces(&[("ws_1", "Acme")]);
        let bus = Bus::start(&root);
        let connection = bus.connect().await;
        Self { gateway, bus, connection, root, _folder: folder }
    }

    /// The home folder.
    pub fn home(&self) -> PathBuf {
        self.root.join("home")
    }

    /// An unlocked keychain comes.
    pub async fn keyring(&self) -> Keyring {
        Keyring::unlocked(&self.environment(), &self.connection).await
    }

    /// A keychain comes whose keyring is locked. There must have been an unlocked one.
    pub async fn locked_keyring(&self) -> Keyring {
        Keyring::locked(&self.environment(), &self.connection).await
    }

    /// The environment, made from nothing.
    pub fn environment(&self) -> Vec<(String, String)> {
        let owned = |(name, value): (&str, String)| (name.to_owned(), value);
        [
            ("PATH", "/usr/bin:/bin".to_owned()),
            ("LANG", "C.UTF-8".to_owned()),
            ("HOME", self.home().display().to_string()),
            ("XDG_RUNTIME_DIR", self.root.join("run").display().to_string()),
            ("DBUS_SESSION_BUS_ADDRESS", self.bus.address.clone()),
        ]
        .map(owned)
        .to_vec()
    }

    /// `orgx-peer` at this login, pointed at its OrgX.
    pub fn orgx_peer(&self, args: &[&str]) -> Command {
        let mut command = Command::new(programs::peer());
        command.args(args).env_clear().envs(self.environment());
        command.env("ORGX_BASE_URL", self.gateway.base_url());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    /// What it says, and ends with. `input` is its standard input.
    pub async fn tells(&self, args: &[&str], input: &str) -> String {
        let mut child = self.orgx_peer(args).stdin(Stdio::piped()).spawn().expect("orgx-peer starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).await.expect("it reads");
        drop(stdin);
        let ended = tokio::time::timeout(crate::WAIT, child.wait_with_output()).await;
        let output = ended.expect("orgx-peer did not end").expect("its output");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let code = output.status.code().unwrap_or(-1);
        format!("exit {code}\n{}{}", text(&output.stdout), text(&output.stderr))
    }

    /// A program that asks the keychain at this login.
    pub fn probe(&self, program: &Path) -> Probe {
        let mut command = Command::new(program);
        command.env_clear().envs(self.environment()).kill_on_drop(true);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the probe starts");
        let input = child.stdin.take().expect("piped");
        let output = BufReader::new(child.stdout.take().expect("piped")).lines();
        Probe { _child: child, input, output }
    }

    /// What `secret-tool` does at this login.
    pub async fn secret_tool(&self, args: &[&str], input: &str) -> String {
        let mut command = Command::new("secret-tool");
        command.args(args).env_clear().envs(self.environment());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("secret-tool starts");
        let mut stdin = child.stdin.take().expect("piped");
        stdin.write_all(input.as_bytes()).await.expect("it reads");
        drop(stdin);
        let output = child.wait_with_output().await.expect("its output");
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    }
}

/// A process that asks the keychain for as long as the story wants.
#[derive(Debug)]
pub struct Probe {
    _child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Probe {
    /// What the keychain says to that.
    pub async fn ask(&mut self, question: &str) -> String {
        self.input.write_all(format!("{question}\n").as_bytes()).await.expect("it reads");
        let answer = tokio::time::timeout(crate::WAIT, self.output.next_line()).await;
        answer.expect("no answer").expect("its output").expect("a line")
    }
}
