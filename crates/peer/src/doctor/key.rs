//! The key: the environment's, or one that is kept. Never shows more of it than its last four signs.

use super::{Check, Name, Running, within};
use crate::config::{ConfigError, Draft, usable};
use crate::credentials::{Credentials, KeyPlace, KeychainError, last4};
use crate::limits;
use secrecy::{ExposeSecret, SecretString};

const NO_KEY: &str = "OrgX lets nobody in without a key, so no task arrives";

/// What was found of a key.
pub(super) enum Kept {
    /// The environment has one of its own, and nobody looked further.
    Environment,
    /// It is kept there.
    There(SecretString, KeyPlace),
    /// None is kept.
    None,
    /// It may be kept where we cannot look.
    Trouble(KeychainError),
}

/// What there is to say of it.
pub(super) enum Found {
    /// There is one.
    In(KeyPlace),
    /// There is none, for this reason.
    Missing { finding: String, todo: String },
}

impl Kept {
    pub(super) async fn find(draft: &Draft, credentials: &Credentials) -> Self {
        let Ok(origin) = draft.base_url.as_ref() else { return Self::None };
        if draft.has_key_of_its_own() {
            return Self::Environment;
        }
        match within(limits::DOCTOR_CHECK, credentials.load(origin)).await {
            Some(Ok(Some((key, place)))) => Self::There(key, place),
            Some(Ok(None)) => Self::None,
            Some(Err(error)) => Self::Trouble(error),
            None => Self::Trouble(KeychainError::Late),
        }
    }

    /// Gives the draft the key, so that what needs one can be looked at.
    pub(super) fn check(self, draft: &mut Draft) -> Found {
        let missing =
            |finding: &str, todo: &str| Found::Missing { finding: finding.into(), todo: todo.into() };
        match self {
            Self::Environment => Found::In(KeyPlace::Environment),
            Self::There(key, place) => {
                draft.key = usable(key, "the key that was kept");
                Found::In(place)
            }
            Self::None => missing("nobody is signed in", "Run `orgx-peer login`"),
            Self::Trouble(KeychainError::Absent) => missing(
                "nobody is signed in, and there is no keychain here now",
                "Run `orgx-peer login --file`, or start the keychain",
            ),
            Self::Trouble(KeychainError::Locked) => missing("the keychain is locked", "Unlock it"),
            Self::Trouble(KeychainError::Late) => missing(
                "the keychain does not answer",
                "See whether it asks you something in a window of its own",
            ),
            Self::Trouble(KeychainError::Failed(words)) => {
                missing(&format!("the keychain could not be used: {words}"), "Run `orgx-peer login --file`")
            }
        }
    }
}

impl Found {
    pub(super) fn told(&self, draft: &Draft, running: Option<&Running>) -> Check {
        let place = match self {
            Self::Missing { .. } if running.is_some() => {
                return Check::ok(Name::Key, "the running peer has one");
            }
            Self::Missing { finding, todo } => return Check::fail(Name::Key, finding.as_str(), NO_KEY, todo),
            Self::In(place) => *place,
        };
        let place = match place {
            KeyPlace::Keychain => " in the keychain",
            KeyPlace::File => " in a file that only you can read",
            KeyPlace::Memory | KeyPlace::Environment => "",
        };
        match &draft.key {
            Err(_) if running.is_some() => Check::ok(Name::Key, "the running peer has one"),
            Err(error) => Check::fail(Name::Key, error.to_string(), NO_KEY, todo(error)),
            Ok(key) => one(key, place),
        }
    }
}

fn todo(error: &ConfigError) -> &'static str {
    match error {
        ConfigError::Missing { .. } => "Run `orgx-peer login`",
        _ => "Run `orgx-peer login`, or put a key from OrgX into ORGX_API_KEY",
    }
}

fn one(key: &SecretString, place: &str) -> Check {
    let ends = match last4(key) {
        end if end.is_empty() => String::new(),
        end => format!(", ends in {end}"),
    };
    if key.expose_secret().starts_with("oxk_") {
        return Check::ok(Name::Key, format!("there is one{place}{ends}"));
    }
    Check::warn(
        Name::Key,
        format!("there is one{place} that does not begin with oxk_{ends}"),
        "OrgX will hardly know it",
        "Run `orgx-peer login`, or put a key from OrgX into ORGX_API_KEY",
    )
}
