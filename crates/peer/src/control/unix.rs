//! Unix sockets: where they are, and who may speak.

use crate::paths::{make_private_dir, short_hash};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use tokio::net::{UnixListener, UnixStream};

/// The longest path of a socket, in bytes: `sun_path` is 104 on the BSDs and macOS, 108 on Linux, with a NUL.
const PATH_BYTES: usize = 100;

/// One connection, seen from the peer.
pub(super) type Stream = UnixStream;
/// One connection, seen from the other program.
pub(super) type Connection = UnixStream;

/// A socket that others can connect to. Dropping it removes its file.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: UnixListener,
    /// The socket, and the link to it when it stands elsewhere.
    files: Vec<PathBuf>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        for file in &self.files {
            let _gone = std::fs::remove_file(file);
        }
    }
}

impl Listener {
    /// Makes the socket at `wanted`, or in a short place with a link to it at `wanted`. The caller holds the
    /// workspace's lock, so a socket that is there is a dead peer's.
    pub(crate) fn bind(wanted: &Path, runtime: Option<&Path>) -> io::Result<Self> {
        let mut files = vec![wanted.to_owned()];
        remove_stale(wanted)?;
        let place = if fits(wanted) {
            wanted.to_owned()
        } else {
            let place = short_place(runtime)?.join(format!("{}.sock", short_hash(wanted.as_os_str())));
            if !fits(&place) {
                return Err(io::Error::other("every place for it has too long a path"));
            }
            remove_stale(&place)?;
            std::os::unix::fs::symlink(&place, wanted)?;
            files.push(place.clone());
            place
        };
        let socket = UnixListener::bind(&place)?;
        let listener = Self { socket, files };
        // Until here the umask decided; whoever was quick is sent away by `accept`.
        std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o600))?;
        Ok(listener)
    }

    /// The next connection of this user.
    pub(super) async fn accept(&self) -> io::Result<Stream> {
        loop {
            let (stream, _) = self.socket.accept().await?;
            if is_ours(&stream)? {
                return Ok(stream);
            }
            tracing::warn!("another user tried the control socket, and was sent away");
        }
    }
}

/// Connects to the peer whose socket is wanted at `wanted`.
pub(super) async fn connect(wanted: &Path) -> io::Result<Stream> {
    // A link may be read where its own path is too long to connect to.
    let place = std::fs::read_link(wanted).unwrap_or_else(|_| wanted.to_owned());
    let stream = UnixStream::connect(&place).await?;
    if !is_ours(&stream)? {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "its socket belongs to another user"));
    }
    Ok(stream)
}

fn is_ours(stream: &UnixStream) -> io::Result<bool> {
    Ok(stream.peer_cred()?.uid() == rustix::process::geteuid().as_raw())
}

fn fits(path: &Path) -> bool {
    path.as_os_str().len() <= PATH_BYTES
}

/// Only what a dead peer can have left is removed.
fn remove_stale(path: &Path) -> io::Result<()> {
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.file_type().is_socket() || meta.is_symlink() => std::fs::remove_file(path),
        Ok(_) => Err(io::Error::other("there is something else in its place")),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
    }
}

/// `$XDG_RUNTIME_DIR`, or a folder of this user's in the temporary one. Each is checked: in a shared folder
/// somebody else may have been first.
fn short_place(runtime: Option<&Path>) -> io::Result<PathBuf> {
    if let Some(runtime) = runtime.filter(|dir| is_private(dir)) {
        return Ok(runtime.to_owned());
    }
    let place = std::env::temp_dir().join(format!("orgx-peer-{}", rustix::process::geteuid().as_raw()));
    make_private_dir(&place)?;
    if is_private(&place) {
        return Ok(place);
    }
    Err(io::Error::new(
        io::ErrorKind::PermissionDenied,
        format!("{} is not this user's own private folder", place.display()),
    ))
}

fn is_private(dir: &Path) -> bool {
    let us = rustix::process::geteuid().as_raw();
    std::fs::symlink_metadata(dir)
        .is_ok_and(|meta| meta.is_dir() && meta.uid() == us && meta.permissions().mode() & 0o777 == 0o700)
}
