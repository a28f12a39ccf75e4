//! A real gnome-keyring on a desk's bus.

use super::needs::find;
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use zbus::fdo::DBusProxy;

const SERVICE: &str = "org.freedesktop.secrets";

/// A keychain. Dropping it ends it; its files stay in the home.
#[derive(Debug)]
pub struct Keyring {
    daemon: Child,
}

impl Keyring {
    /// Starts one with an unlocked login keyring, made anew when the home has none. Returns once it is on the bus.
    pub async fn unlocked(environment: &[(String, String)], bus: &zbus::Connection) -> Self {
        Self::start(environment, bus, Some("sesame")).await
    }

    /// The same, with its keyring locked. The home must have one.
    pub async fn locked(environment: &[(String, String)], bus: &zbus::Connection) -> Self {
        Self::start(environment, bus, None).await
    }

    async fn start(environment: &[(String, String)], bus: &zbus::Connection, password: Option<&str>) -> Self {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(find("gnome-keyring-daemon").expect("gnome-keyring"));
        command.args(["--foreground", "--components=secrets"]);
        command.args(password.map(|_| "--unlock"));
        command.env_clear().envs(environment.iter().cloned()).env_remove("DISPLAY");
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut daemon = command.spawn().expect("gnome-keyring-daemon starts");
        let mut input = daemon.stdin.take().expect("piped");
        if let Some(password) = password {
            input.write_all(password.as_bytes()).expect("it reads the password");
        }
        drop(input);
        wait_for_name(bus, SERVICE, true).await;
        Self { daemon }
    }

    /// Ends it, and returns once it is off the bus.
    pub async fn end(mut self, bus: &zbus::Connection) {
        self.kill();
        wait_for_name(bus, SERVICE, false).await;
    }

    /// Is there a keyring file in this home?
    pub fn files(home: &Path) -> Vec<std::path::PathBuf> {
        let folder = home.join(".local/share/keyrings");
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    }

    fn kill(&mut self) {
        let _gone = self.daemon.kill();
        let _status = self.daemon.wait();
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        self.kill();
    }
}

/// What libsecret's own tool says; `None` when it failed.
pub(super) async fn tool(environment: &[(String, String)], args: &[&str], input: &str) -> Option<String> {
    let mut command = tokio::process::Command::new("secret-tool");
    // Without a screen: nobody is here to answer a prompt.
    command.args(args).env_clear().envs(environment.iter().cloned()).env_remove("DISPLAY");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().expect("secret-tool starts");
    let mut stdin = child.stdin.take().expect("piped");
    tokio::io::AsyncWriteExt::write_all(&mut stdin, input.as_bytes()).await.expect("it reads");
    drop(stdin);
    let output = child.wait_with_output().await.expect("its output");
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Waits until somebody owns that name, or nobody does.
pub(super) async fn wait_for_name(bus: &zbus::Connection, name: &'static str, owned: bool) {
    use futures_util::StreamExt;
    let daemon = DBusProxy::new(bus).await.expect("the bus");
    let mut changes = daemon.receive_name_owner_changed_with_args(&[(0, name)]).await.expect("its signals");
    let is_owned = async || daemon.name_has_owner(name.try_into().expect("a name")).await.expect("an answer");
    let wait = async {
        while is_owned().await != owned {
            changes.next().await;
        }
    };
    let waited = tokio::time::timeout(crate::WAIT, wait).await;
    waited.unwrap_or_else(|_| {
        panic!("{name} is still {}", if owned { "not on the bus" } else { "on the bus" })
    });
}
