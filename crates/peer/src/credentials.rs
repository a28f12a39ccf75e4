//! Where the OrgX key is kept: in the OS's keychain, in memory, or in a file by the person's choice.
//!
//! Promises: a key leaves this module only as a [`SecretString`]; no error, log line or `Debug` holds any of it. The
//! keychain is asked on a thread of its own and given [`limits::KEYCHAIN`], since it may ask the person first; whoever
//! calls never waits longer. There is one key per OrgX. The file exists only when the person chose it, and is readable
//! by this user alone; while it holds a key the keychain is not asked. See docs/adr/0004-keychain.md.

mod file;
mod keychain;
mod memory;
mod mock;
mod os;
#[cfg(test)]
mod tests;
mod wizard;

pub use keychain::{Keychain, KeychainError};
pub use mock::{MockKeychain, Mood, mock};
pub use os::OsKeychain;

use crate::config::Environment;
use crate::limits;
use crate::paths::Paths;
use file::KeyFile;
use memory::Memory;
use secrecy::{ExposeSecret, SecretString};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::oneshot;
use url::Url;

/// Where a key is, or is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyPlace {
    /// The OS's keychain.
    Keychain,
    /// This program's memory, until it ends.
    Memory,
    /// A file that only this user can read.
    File,
    /// The environment: whoever started the program keeps it.
    Environment,
}

/// What was there to be forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Forgotten {
    /// A key in the keychain.
    pub keychain: bool,
    /// A key in the file.
    pub file: bool,
    /// A key in memory.
    pub memory: bool,
    /// Why one of them could not be asked: what was in it may be there still.
    pub left: Option<KeychainError>,
}

impl Forgotten {
    /// Was there any?
    pub fn any(&self) -> bool {
        self.keychain || self.file || self.memory
    }
}

/// A sign-in of another OrgX tool on this computer.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its key.
    pub key: SecretString,
    /// The workspace that it is for, when that tool noted it.
    pub workspace_name: Option<String>,
    /// Whose it is, for people.
    pub from: &'static str,
}

/// The places that keys are kept in. Clones share them.
#[derive(Clone)]
pub struct Credentials {
    keychain: Arc<dyn Keychain>,
    /// Held while a key is put into the keychain.
    setting: Arc<Mutex<()>>,
    memory: Memory,
    file: KeyFile,
    /// Where the OrgX wizard notes what its key is for.
    wizard: Option<PathBuf>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Credentials").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Credentials {
    /// With this OS's keychain.
    pub fn os(paths: &Paths) -> Self {
        Self::with(Arc::new(OsKeychain::default()), paths)
    }

    /// With this keychain.
    pub fn with(keychain: Arc<dyn Keychain>, paths: &Paths) -> Self {
        let wizard = wizard::folder(&Environment::of_process());
        Self {
            keychain,
            setting: Arc::default(),
            memory: Memory::default(),
            file: KeyFile::in_folder(&paths.config),
            wizard,
        }
    }

    /// The same, with the OrgX wizard's notes in this folder.
    #[must_use]
    pub fn with_wizard_in(mut self, folder: PathBuf) -> Self {
        self.wizard = Some(folder);
        self
    }

    /// The key for this OrgX: from memory, from the file if the person chose it, or from the keychain.
    ///
    /// # Errors
    /// When a place that may hold it cannot be looked into.
    pub async fn load(&self, origin: &Url) -> Result<Option<(SecretString, KeyPlace)>, KeychainError> {
        let account = account(origin);
        if let Some(key) = self.memory.get(&account) {
            return Ok(Some((key, KeyPlace::Memory)));
        }
        if let Some(key) = self.in_file(KeyFile::get, origin).await? {
            return Ok(Some((key, KeyPlace::File)));
        }
        let found = self.ask(move |keychain| keychain.get(&account)).await?;
        Ok(found.map(|key| (key, KeyPlace::Keychain)))
    }

    /// Keeps the key there; from then on it is the one that is found. Dropped before it is done, it keeps nothing: a
    /// keychain that takes the key only later gives it back.
    ///
    /// # Errors
    /// When it cannot be kept there; then nothing has changed, nor does it later.
    pub async fn store(
        &self,
        origin: &Url,
        key: &SecretString,
        place: KeyPlace,
    ) -> Result<(), KeychainError> {
        let (account, kept) = (account(origin), key.clone());
        match place {
            KeyPlace::Keychain => {
                let entry = account.clone();
                let wanted = self.set_in_keychain(entry, kept).await?;
                self.in_file(KeyFile::delete, origin).await?;
                self.memory.delete(&account);
                // The thread that set it hears that somebody still wants it.
                let _gone = wanted.send(());
            }
            KeyPlace::File => {
                self.in_file(move |file, account| file.set(account, &kept), origin).await?;
                self.memory.delete(&account);
            }
            KeyPlace::Memory => self.memory.set(account, kept),
            KeyPlace::Environment => {
                let words = "a key of the environment is kept by whoever sets ORGX_API_KEY";
                return Err(KeychainError::Failed(words.to_owned()));
            }
        }
        Ok(())
    }

    /// Removes the key for this OrgX everywhere.
    ///
    /// # Errors
    /// When one of them cannot be asked, and no other had it. Where another had it, it is gone from there, and
    /// [`Forgotten::left`] tells the rest.
    pub async fn forget(&self, origin: &Url) -> Result<Forgotten, KeychainError> {
        let account = account(origin);
        let memory = self.memory.delete(&account);
        let file = self.in_file(KeyFile::delete, origin).await;
        let keychain = match self.ask(move |keychain| keychain.delete(&account)).await {
            // Where there is no keychain there is nothing in it.
            Err(KeychainError::Absent) => Ok(false),
            deleted => deleted,
        };
        let is_gone = |result: &Result<bool, _>| matches!(result, Ok(true));
        let mut gone = Forgotten { keychain: is_gone(&keychain), file: is_gone(&file), memory, left: None };
        match file.and(keychain) {
            Err(error) if !gone.any() => return Err(error),
            result => gone.left = result.err(),
        }
        Ok(gone)
    }

    /// The sign-in of the OrgX wizard on this computer, if there is one for this OrgX that can be read.
    pub async fn found(&self, base_url: &Url) -> Option<Found> {
        let (folder, base_url) = (self.wizard.clone(), base_url.clone());
        let look = off_thread(move || Ok(wizard::note(folder.as_deref(), &base_url))).await;
        let note = look.ok()??;
        let key = self.ask(|keychain| keychain.entry(wizard::SERVICE, wizard::ACCOUNT)).await.ok()??;
        Some(Found { key, workspace_name: note.workspace_name, from: "OrgX wizard" })
    }

    /// Where the file is, if the person chooses one.
    pub fn file(&self) -> PathBuf {
        self.file.path().to_owned()
    }

    /// Puts the key into the keychain. Unless the answer is then sent something, the keychain gets back what it had.
    async fn set_in_keychain(
        &self,
        account: String,
        key: SecretString,
    ) -> Result<std::sync::mpsc::Sender<()>, KeychainError> {
        let (keychain, setting) = (Arc::clone(&self.keychain), Arc::clone(&self.setting));
        let (done, result) = oneshot::channel();
        let set = move || {
            // One at a time: what is given back must not be the key of a later attempt.
            let _one = setting.lock().unwrap_or_else(PoisonError::into_inner);
            if done.is_closed() {
                return;
            }
            let before = keychain.get(&account).ok().flatten();
            if let Err(error) = keychain.set(&account, &key) {
                let _late = done.send(Err(error));
                return;
            }
            let (wanted, is_wanted) = std::sync::mpsc::channel();
            // Not sent, or sent and dropped: both end the channel, unless what came back is held here.
            drop(done.send(Ok(wanted)));
            if is_wanted.recv().is_ok() {
                return;
            }
            let undone = match before {
                Some(before) => keychain.set(&account, &before),
                None => keychain.delete(&account).map(drop),
            };
            if let Err(error) = undone {
                tracing::warn!(%error, "a key that nobody waited for any more is still in the keychain");
            }
        };
        start_thread(set)?;
        in_time(result).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        ask: impl FnOnce(&dyn Keychain) -> Result<T, KeychainError> + Send + 'static,
    ) -> Result<T, KeychainError> {
        let keychain = Arc::clone(&self.keychain);
        off_thread(move || ask(&*keychain)).await
    }

    async fn in_file<T: Send + 'static>(
        &self,
        work: impl FnOnce(&KeyFile, &str) -> Result<T, KeychainError> + Send + 'static,
        origin: &Url,
    ) -> Result<T, KeychainError> {
        let (file, account) = (self.file.clone(), account(origin));
        off_thread(move || work(&file, &account)).await
    }
}

/// On a thread of its own, not one of the runtime's: what waits for the person must not hold up the program's end.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, KeychainError> + Send + 'static,
) -> Result<T, KeychainError> {
    let (done, result) = oneshot::channel();
    start_thread(move || {
        // Nobody may be waiting any more.
        let _late = done.send(work());
    })?;
    in_time(result).await
}

fn start_thread(work: impl FnOnce() + Send + 'static) -> Result<(), KeychainError> {
    let thread = std::thread::Builder::new().name("keychain".into()).spawn(work);
    thread.map(drop).map_err(|error| KeychainError::Failed(error.to_string()))
}

async fn in_time<T>(result: oneshot::Receiver<Result<T, KeychainError>>) -> Result<T, KeychainError> {
    match tokio::time::timeout(limits::KEYCHAIN, result).await {
        Ok(Ok(result)) => result,
        Ok(Err(_)) => Err(KeychainError::Failed("the program that keeps it broke down".into())),
        Err(_) => Err(KeychainError::Late),
    }
}

/// One key per OrgX.
fn account(origin: &Url) -> String {
    origin.origin().ascii_serialization()
}

/// The last four signs of a key, which may be shown; nothing of a short one.
pub fn last4(key: &SecretString) -> String {
    let key = key.expose_secret();
    if key.len() < 16 {
        return String::new();
    }
    key.chars().skip(key.chars().count().saturating_sub(4)).collect()
}
