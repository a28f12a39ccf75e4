//! Signing in: checks a key, lists the workspaces it opens, and gets one by way of the browser.
//!
//! Promises: a key is sent to the configured OrgX only, never along a redirect; no error holds any of it; what OrgX
//! says is shown without secrets and control characters; every call ends in time. Each error has a title and a text
//! for people: what happened, what it means.

mod call;
mod error;
mod pairing;
#[cfg(test)]
mod tests;
mod workspaces;

pub use error::{CheckError, PairError};
pub use pairing::{Paired, Pairing, PairingClient};
pub use workspaces::{Workspace, workspaces};

use call::Caller;
use orgx_proto::connection::{Offer, Version};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// PROTOCOL: what a key begins with.
const PREFIX: &str = "oxk_";
/// A key is shorter than this, in bytes.
const KEY_BYTES: usize = 512;

/// Is this a key that OrgX knows? Nothing is changed there.
///
/// # Errors
/// When it is none, or OrgX cannot be asked.
pub async fn check(base_url: &Url, key: &SecretString) -> Result<(), CheckError> {
    shape(key)?;
    Caller::new(base_url)?.sync(key).await
}

/// The OrgX address that somebody typed.
///
/// # Errors
/// When it cannot be used, in words.
pub fn address(text: &str) -> Result<Url, crate::ConfigError> {
    crate::config::orgx_at(text.trim())
}

/// Can this be a key at all?
///
/// # Errors
/// [`CheckError::Shape`].
pub fn shape(key: &SecretString) -> Result<(), CheckError> {
    let key = key.expose_secret();
    let rest = key.strip_prefix(PREFIX);
    match rest {
        _ if key.trim().is_empty() => Err(CheckError::Shape("Nothing was entered.")),
        None => Err(CheckError::Shape("A key begins with oxk_.")),
        Some("") => Err(CheckError::Shape("Only its beginning is here.")),
        _ if key.len() > KEY_BYTES => Err(CheckError::Shape("It is longer than any key.")),
        _ if Offer::subprotocols(Version::V1, key).is_err() => {
            Err(CheckError::Shape("It has spaces or characters that no key has."))
        }
        Some(_) => Ok(()),
    }
}
