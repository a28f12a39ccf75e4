//! A configuration whose key is kept somewhere else than in the environment.

use super::{Config, ConfigError, Draft};
use crate::credentials::{Credentials, KeyPlace, KeychainError};

/// Why there is no configuration with a key. Each is one line that says what to do.
#[derive(Debug, thiserror::Error)]
pub enum KeptError {
    /// Something else than the key is missing or wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No key is kept for this OrgX.
    #[error("nobody is signed in: run `orgx-peer login`")]
    SignedOut,
    /// A key may be kept where we cannot look now.
    #[error("the key cannot be read. {0}")]
    Keychain(#[from] KeychainError),
}

impl Config {
    /// With the environment's key, or else with the one that is kept for this OrgX. With the former, no other place is
    /// looked into.
    ///
    /// # Errors
    /// When there is no key, or something is missing or has a value that cannot be used.
    pub async fn with_kept_key(
        draft: Draft,
        credentials: &Credentials,
    ) -> Result<(Self, KeyPlace), KeptError> {
        if draft.has_key_of_its_own() {
            return Ok((Self::of(draft)?, KeyPlace::Environment));
        }
        let origin = match draft.base_url {
            Ok(ref url) => url.clone(),
            Err(error) => return Err(error.into()),
        };
        let (key, place) = credentials.load(&origin).await?.ok_or(KeptError::SignedOut)?;
        Ok((Self::with_key(draft, key)?, place))
    }
}
