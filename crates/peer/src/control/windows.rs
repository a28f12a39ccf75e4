//! Named pipes. Neither built nor run so far: there was no Windows at hand.

use crate::paths::short_hash;
use std::ffi::OsString;
use std::io;
use std::path::Path;
use tokio::net::windows::named_pipe::{ClientOptions, NamedPipeClient, NamedPipeServer, ServerOptions};
use tokio::sync::Mutex;

/// One connection, seen from the peer.
pub(super) type Stream = NamedPipeServer;
/// One connection, seen from the other program.
pub(super) type Connection = NamedPipeClient;

/// A pipe that others can connect to.
#[derive(Debug)]
pub(crate) struct Listener {
    name: OsString,
    /// The instance that the next client gets.
    next: Mutex<NamedPipeServer>,
}

impl Listener {
    /// The default access list lets only this user and administrators write to a pipe, and a client must write to be
    /// told anything but the hello. The first instance is ours or nobody's: a pipe of this name that is there
    /// already, whoever made it, is not used.
    pub(crate) fn bind(wanted: &Path, _: Option<&Path>) -> io::Result<Self> {
        let name = name(wanted);
        let next =
            ServerOptions::new().first_pipe_instance(true).reject_remote_clients(true).create(&name)?;
        Ok(Self { name, next: Mutex::new(next) })
    }

    pub(super) async fn accept(&self) -> io::Result<Stream> {
        let mut next = self.next.lock().await;
        next.connect().await?;
        let another = ServerOptions::new().reject_remote_clients(true).create(&self.name)?;
        Ok(std::mem::replace(&mut *next, another))
    }
}

/// Connects to the peer whose pipe stands for `wanted`.
pub(super) async fn connect(wanted: &Path) -> io::Result<Connection> {
    ClientOptions::new().open(name(wanted))
}

fn name(wanted: &Path) -> OsString {
    format!(r"\\.\pipe\orgx-peer-{}", short_hash(wanted.as_os_str())).into()
}
