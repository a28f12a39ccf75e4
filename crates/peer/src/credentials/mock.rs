//! A keychain for tests, which can be locked, taken away, or made to keep whoever asks waiting.

use super::keychain::{Keychain, KeychainError};
use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// How a [`MockKeychain`] behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// It works.
    #[default]
    Works,
    /// It is locked.
    Locked,
    /// It is not there.
    Absent,
    /// It answers only once its mood changes.
    Late,
    /// It fails, in these words.
    Fails(String),
}

/// A keychain in memory. Clones share it.
#[derive(Clone, Default)]
pub struct MockKeychain {
    shared: Arc<(Mutex<State>, Condvar)>,
    calls: watch::Sender<usize>,
}

#[derive(Default)]
struct State {
    mood: Mood,
    /// By service and account.
    keys: BTreeMap<(String, String), SecretString>,
}

/// A keychain for tests.
pub fn mock() -> MockKeychain {
    MockKeychain::default()
}

impl MockKeychain {
    /// From now on it behaves so; who waits is answered so.
    pub fn set_mood(&self, mood: Mood) {
        self.lock().mood = mood;
        self.shared.1.notify_all();
    }

    /// Puts an entry of another program into it.
    pub fn put(&self, service: &str, account: &str, key: &str) {
        self.lock().keys.insert((service.to_owned(), account.to_owned()), key.to_owned().into());
    }

    /// How often it was asked anything.
    pub fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    /// Waits until it was asked so often.
    pub async fn called(&self, calls: usize) {
        // Its sender is our own.
        let mut so_far = self.calls.subscribe();
        let _reached = so_far.wait_for(|so_far| *so_far >= calls).await;
    }

    /// How many keys it holds.
    pub fn len(&self) -> usize {
        self.lock().keys.len()
    }

    /// Does it hold none?
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its state, once it is in the mood to show it.
    fn open(&self) -> Result<MutexGuard<'_, State>, KeychainError> {
        let mut state = self.lock();
        // What was asked is done before anybody sees more of it: the lock is held until then.
        self.calls.send_modify(|calls| *calls += 1);
        while state.mood == Mood::Late {
            state = self.shared.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        match &state.mood {
            Mood::Works | Mood::Late => Ok(state),
            Mood::Locked => Err(KeychainError::Locked),
            Mood::Absent => Err(KeychainError::Absent),
            Mood::Fails(words) => Err(KeychainError::Failed(words.clone())),
        }
    }
}

fn ours(account: &str) -> (String, String) {
    (super::keychain::SERVICE.to_owned(), account.to_owned())
}

impl Keychain for MockKeychain {
    fn get(&self, account: &str) -> Result<Option<SecretString>, KeychainError> {
        Ok(self.open()?.keys.get(&ours(account)).cloned())
    }

    fn set(&self, account: &str, key: &SecretString) -> Result<(), KeychainError> {
        self.open()?.keys.insert(ours(account), key.clone());
        Ok(())
    }

    fn delete(&self, account: &str) -> Result<bool, KeychainError> {
        Ok(self.open()?.keys.remove(&ours(account)).is_some())
    }

    fn entry(&self, service: &str, account: &str) -> Result<Option<SecretString>, KeychainError> {
        Ok(self.open()?.keys.get(&(service.to_owned(), account.to_owned())).cloned())
    }
}
