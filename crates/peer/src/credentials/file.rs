//! Keys in a file, for who chooses that: readable by this user alone, or not read at all.

use super::KeychainError;
use crate::paths::{make_private_dir, write_private};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Largest file read, in bytes.
const BYTES: u64 = 64 * 1024;

/// An account's key each.
type Keys = BTreeMap<String, String>;

/// The file. It exists only while it holds a key.
#[derive(Clone, Debug)]
pub(super) struct KeyFile {
    path: PathBuf,
}

impl KeyFile {
    pub(super) fn in_folder(folder: &Path) -> Self {
        Self { path: folder.join("keys.json") }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn get(&self, account: &str) -> Result<Option<SecretString>, KeychainError> {
        Ok(self.read()?.remove(account).map(Into::into))
    }

    pub(super) fn set(&self, account: &str, key: &SecretString) -> Result<(), KeychainError> {
        let mut keys = self.read()?;
        keys.insert(account.to_owned(), key.expose_secret().to_owned());
        self.write(&keys)
    }

    /// Was there one?
    pub(super) fn delete(&self, account: &str) -> Result<bool, KeychainError> {
        let mut keys = self.read()?;
        if keys.remove(account).is_none() {
            return Ok(false);
        }
        if keys.is_empty() {
            std::fs::remove_file(&self.path).map_err(|error| self.failed(&error))?;
        } else {
            self.write(&keys)?;
        }
        Ok(true)
    }

    fn read(&self) -> Result<Keys, KeychainError> {
        let meta = match self.path.metadata() {
            Ok(meta) => meta,
            // Where there is no folder of that name there is no file in it.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Keys::new());
            }
            Err(error) => return Err(self.failed(&error)),
        };
        if !is_private(&meta) {
            let why = "others on this computer can read it, so the key in it may not be yours alone; get a new key \
                       from OrgX and remove the file, or `chmod 600` it";
            return Err(self.broken(why));
        }
        if meta.len() > BYTES {
            return Err(self.broken("it is too large to be one"));
        }
        let text = std::fs::read(&self.path).map_err(|error| self.failed(&error))?;
        // What serde_json says may quote the file.
        serde_json::from_slice(&text).map_err(|_| self.broken("it holds no keys; remove it"))
    }

    fn write(&self, keys: &Keys) -> Result<(), KeychainError> {
        let work = || {
            make_private_dir(self.path.parent().unwrap_or(Path::new(".")))?;
            write_private(&self.path, &serde_json::to_vec_pretty(keys)?)
        };
        work().map_err(|error: io::Error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> KeychainError {
        self.broken(&error.to_string())
    }

    fn broken(&self, why: &str) -> KeychainError {
        KeychainError::Failed(format!("the file of keys ({}): {why}", self.path.display()))
    }
}

#[cfg(unix)]
fn is_private(meta: &std::fs::Metadata) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&meta.permissions()) & 0o066 == 0
}

/// The user's own folders are theirs alone.
#[cfg(not(unix))]
fn is_private(_: &std::fs::Metadata) -> bool {
    true
}
