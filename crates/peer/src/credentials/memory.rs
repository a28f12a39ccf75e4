//! Keys that last as long as the program.

use secrecy::SecretString;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

#[derive(Clone, Default)]
pub(super) struct Memory {
    keys: Arc<Mutex<BTreeMap<String, SecretString>>>,
}

impl Memory {
    pub(super) fn get(&self, account: &str) -> Option<SecretString> {
        self.lock().get(account).cloned()
    }

    pub(super) fn set(&self, account: String, key: SecretString) {
        self.lock().insert(account, key);
    }

    /// Was there one?
    pub(super) fn delete(&self, account: &str) -> bool {
        self.lock().remove(account).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, SecretString>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
