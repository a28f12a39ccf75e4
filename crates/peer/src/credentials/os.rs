//! This OS's own keychain: the Secret Service on Linux, Keychain on macOS, Credential Manager on Windows.
//!
//! A store is made when it is first needed, and anew after a failure: a Secret Service that starts after us, or again,
//! is found. (`keyring`'s `Entry::new` makes one store per process and keeps its failure for good.)

use super::keychain::{Keychain, KeychainError, SERVICE};
use keyring_core::{CredentialStore, Entry, Error};
use orgx_proto::redact::Redacted;
use secrecy::{ExposeSecret, SecretString};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Characters of a keychain's own words that are shown.
const WORDS_CHARS: usize = 160;

/// The keychain of this OS.
#[derive(Default)]
pub struct OsKeychain {
    /// Held during a call: a keychain that asks the person asks one thing at a time.
    store: Mutex<Option<Arc<CredentialStore>>>,
}

impl std::fmt::Debug for OsKeychain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OsKeychain")
    }
}

impl Keychain for OsKeychain {
    fn get(&self, account: &str) -> Result<Option<SecretString>, KeychainError> {
        self.with(|store| secret(read(&ours(store, account)?)))
    }

    fn set(&self, account: &str, key: &SecretString) -> Result<(), KeychainError> {
        self.with(|store| ours(store, account)?.set_secret(key.expose_secret().as_bytes()))
    }

    fn delete(&self, account: &str) -> Result<bool, KeychainError> {
        self.with(|store| match ours(store, account)?.delete_credential() {
            Ok(()) => Ok(true),
            Err(Error::NoEntry) => Ok(false),
            // Copies in several of its collections: none of them stays.
            Err(Error::Ambiguous(copies)) => {
                copies.iter().try_for_each(Entry::delete_credential).map(|()| true)
            }
            Err(error) => Err(error),
        })
    }

    fn entry(&self, service: &str, account: &str) -> Result<Option<SecretString>, KeychainError> {
        self.with(|store| match theirs(store, service, account)? {
            Some(entry) => secret(read(&entry)),
            None => Ok(None),
        })
    }
}

impl OsKeychain {
    /// Once more with a new store when an old one fails: what it was connected to may have gone.
    fn with<T>(
        &self,
        call: impl Fn(&Arc<CredentialStore>) -> keyring_core::Result<T>,
    ) -> Result<T, KeychainError> {
        let mut kept = self.store.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(store) = &*kept {
            match call(store) {
                Err(error) if is_worth_a_new_store(&error) => *kept = None,
                result => return result.map_err(|error| words(&error)),
            }
        }
        let store = make().map_err(|_| KeychainError::Absent)?;
        let result = call(&store);
        if !result.as_ref().is_err_and(is_worth_a_new_store) {
            *kept = Some(store);
        }
        result.map_err(|error| words(&error))
    }
}

/// A person who was asked and said no is not asked again at once.
fn is_worth_a_new_store(error: &Error) -> bool {
    matches!(error, Error::PlatformFailure(_) | Error::BadStoreFormat(_) | Error::NoDefaultStore)
}

fn ours(store: &Arc<CredentialStore>, account: &str) -> keyring_core::Result<Entry> {
    // What people see in the list of their keychain.
    #[cfg(target_os = "linux")]
    let named = Some(HashMap::from([("label", "OrgX Peer")]));
    #[cfg(not(target_os = "linux"))]
    let named: Option<HashMap<&str, &str>> = None;
    store.build(SERVICE, account, named.as_ref())
}

/// PROTOCOL: keytar names its attributes `service` and `account`.
#[cfg(target_os = "linux")]
fn theirs(store: &Arc<CredentialStore>, service: &str, account: &str) -> keyring_core::Result<Option<Entry>> {
    let found = store.search(&HashMap::from([("service", service), ("account", account)]))?;
    Ok(found.into_iter().next())
}

/// PROTOCOL: keytar's target name.
#[cfg(windows)]
fn theirs(store: &Arc<CredentialStore>, service: &str, account: &str) -> keyring_core::Result<Option<Entry>> {
    let target = format!("{service}/{account}");
    store.build(service, account, Some(&HashMap::from([("target", target.as_str())]))).map(Some)
}

#[cfg(not(any(target_os = "linux", windows)))]
fn theirs(store: &Arc<CredentialStore>, service: &str, account: &str) -> keyring_core::Result<Option<Entry>> {
    store.build(service, account, None).map(Some)
}

fn read(entry: &Entry) -> keyring_core::Result<Vec<u8>> {
    match entry.get_secret() {
        Err(Error::Ambiguous(copies)) => copies.first().ok_or(Error::NoEntry)?.get_secret(),
        result => result,
    }
}

fn secret(result: keyring_core::Result<Vec<u8>>) -> keyring_core::Result<Option<SecretString>> {
    match result {
        Ok(bytes) => keyring_core::error::decode_password(bytes).map(|key| Some(key.into())),
        Err(Error::NoEntry) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Never the error's own `Debug`, which may hold what was read.
fn words(error: &Error) -> KeychainError {
    match error {
        Error::NoStorageAccess(_) => KeychainError::Locked,
        Error::NoDefaultStore => KeychainError::Absent,
        Error::PlatformFailure(cause) => {
            KeychainError::Failed(Redacted::cut(&cause.to_string(), WORDS_CHARS).into_string())
        }
        Error::Ambiguous(_) => KeychainError::Failed("it holds several keys of one name".into()),
        Error::BadEncoding(_) | Error::BadDataFormat(..) => {
            KeychainError::Failed("what it holds is no key".into())
        }
        error => KeychainError::Failed(Redacted::cut(&error.to_string(), WORDS_CHARS).into_string()),
    }
}

#[cfg(target_os = "linux")]
fn make() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(zbus_secret_service_keyring_store::Store::new()?)
}

#[cfg(target_os = "macos")]
fn make() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(apple_native_keyring_store::keychain::Store::new()?)
}

#[cfg(windows)]
fn make() -> keyring_core::Result<Arc<CredentialStore>> {
    Ok(windows_native_keyring_store::Store::new()?)
}

#[cfg(not(any(target_os = "linux", target_os = "macos", windows)))]
fn make() -> keyring_core::Result<Arc<CredentialStore>> {
    Err(Error::NoDefaultStore)
}
