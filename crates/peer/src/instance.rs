//! One peer per workspace: an advisory lock that the OS frees when we die.

use crate::paths::make_private_dir;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Held for the peer's life.
#[derive(Debug)]
pub(crate) struct Instance {
    lock: File,
}

/// Why the lock could not be had.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another peer has it.
    #[error("another peer{} already serves this workspace on this computer; stop it first, or use it",
        .pid.as_ref().map(|pid| format!(" (process {pid})")).unwrap_or_default())]
    Held {
        /// Its process id, when it could be read.
        pid: Option<String>,
    },
    /// The lock file could not be used.
    #[error("the state folder cannot be used ({path}): {error}; make it writable, or set ORGX_PEER_STATE_DIR", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the OS said.
        error: std::io::Error,
    },
}

impl Instance {
    pub(crate) fn acquire(path: &Path) -> Result<Self, LockError> {
        let io = |error| LockError::Io { path: path.to_owned(), error };
        make_private_dir(path.parent().unwrap_or(Path::new("."))).map_err(io)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut pid = String::new();
                let known = file.read_to_string(&mut pid).is_ok() && pid.trim().parse::<u32>().is_ok();
                return Err(LockError::Held { pid: known.then(|| pid.trim().to_owned()) });
            }
            Err(TryLockError::Error(error)) => return Err(io(error)),
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(io)?;
        writeln!(file, "{}", std::process::id()).map_err(io)?;
        Ok(Self { lock: file })
    }
}

impl Drop for Instance {
    /// Said, and not left to closing the file: a program that was forked off a moment ago has a copy of it until it runs.
    fn drop(&mut self) {
        if let Err(error) = self.lock.unlock() {
            tracing::debug!(%error, "the lock of this workspace goes with its file");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_is_free_at_once_whoever_has_a_copy_of_its_file() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("peer.lock");
        let first = Instance::acquire(&path).expect("free");
        let _copy = first.lock.try_clone().expect("a copy, as a forked program has one");
        drop(first);
        Instance::acquire(&path).expect("free again");
    }

    #[test]
    fn a_second_peer_is_told_who_the_first_one_is() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("state/peer.lock");
        let first = Instance::acquire(&path).expect("free");
        let error = Instance::acquire(&path).expect_err("held");
        assert!(error.to_string().contains(&format!("(process {})", std::process::id())), "{error}");
        drop(first);
        Instance::acquire(&path).expect("free again");
    }
}
