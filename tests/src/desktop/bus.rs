//! A session bus of one's own. It starts no service by name: what is not put on it is not there.

use super::needs::find;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use zbus::connection::Builder;

/// Whatever anybody wants, for everybody of this user.
const CONFIG: &str = r#"<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>session</type>
  <listen>unix:path=SOCKET</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
  </policy>
</busconfig>
"#;

/// The bus. Dropping it ends it.
#[derive(Debug)]
pub struct Bus {
    /// Where it is, for `DBUS_SESSION_BUS_ADDRESS`.
    pub address: String,
    daemon: Child,
}

impl Bus {
    /// Starts it, with its socket in `folder`; returns once it listens.
    pub fn start(folder: &Path) -> Self {
        let config = folder.join("bus.conf");
        let socket = folder.join("bus").display().to_string();
        std::fs::write(&config, CONFIG.replace("SOCKET", &socket)).expect("a file");
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(find("dbus-daemon").expect("dbus-daemon"));
        command.args(["--nofork", "--print-address", "--config-file"]).arg(&config);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut daemon = command.spawn().expect("dbus-daemon starts");
        let mut address = String::new();
        let said = daemon.stdout.take().expect("piped");
        BufReader::new(said).read_line(&mut address).expect("dbus-daemon says where it is");
        Self { address: address.trim().to_owned(), daemon }
    }

    /// A connection to it.
    pub async fn connect(&self) -> zbus::Connection {
        self.builder().build().await.expect("a connection to the bus")
    }

    /// The same, with things to serve.
    pub fn builder(&self) -> Builder<'static> {
        Builder::address(self.address.as_str()).method_timeout(Duration::from_secs(60))
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _gone = self.daemon.kill();
        let _status = self.daemon.wait();
    }
}
