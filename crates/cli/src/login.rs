//! `orgx-peer login`: gets a key, keeps it, and chooses a workspace.
//!
//! The key is checked before it is kept, and kept before anything else is said of it. It is never printed but for its
//! last four signs, and never an argument.

mod browser;
mod workspace;

use crate::args::LoginOptions;
use crate::show::text::{clean, tilde};
use crate::show::{say, say_words};
use crate::{home, say_failed};
use orgx_peer::credentials::{Credentials, KeyPlace, KeychainError, last4};
use orgx_peer::settings::{Settings, SettingsError};
use orgx_peer::sign_in::{self, CheckError};
use orgx_peer::{Draft, Environment};
use secrecy::SecretString;
use std::io::Read;
use std::process::ExitCode;
use url::Url;

/// Why nobody is signed in: words, and the exit code.
pub(crate) struct Ended(String, u8);

impl Ended {
    fn failed(words: impl std::fmt::Display) -> Self {
        Self(words.to_string(), 1)
    }

    fn usage(words: impl std::fmt::Display) -> Self {
        Self(words.to_string(), 2)
    }
}

impl From<SettingsError> for Ended {
    fn from(error: SettingsError) -> Self {
        Self::failed(error)
    }
}

/// The longest line taken for a key, in bytes.
const LINE_BYTES: u64 = 4096;

pub(crate) async fn login(options: &LoginOptions) -> ExitCode {
    match sign_in(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(Ended(words, code)) => say_failed(&words, code),
    }
}

async fn sign_in(options: &LoginOptions) -> Result<(), Ended> {
    let draft = Draft::read(&Environment::of_process()).map_err(Ended::usage)?;
    let origin = draft.base_url.as_ref().map_err(Ended::usage)?.clone();
    // What cannot be changed later is found out before a key is got.
    let settings = Settings::open(&draft.paths)?;
    let credentials = Credentials::os(&draft.paths);
    let place = if options.file { KeyPlace::File } else { KeyPlace::Keychain };
    let (key, named) = match known(options, &credentials, &origin).await? {
        Some(known) => known,
        None if options.key_stdin => (given(&credentials, &origin, place).await?, None),
        None if options.found => found(&credentials, &origin, place).await?,
        None => browser::connect(&draft.paths, &credentials, &origin, place).await?,
    };
    workspace::choose(options, &draft, settings, &origin, &key, named.as_deref()).await?;
    if draft.key.is_ok() {
        say_words("ORGX_API_KEY is set, and wins over the key that is kept: unset it to use that one.");
    }
    say("Next: `orgx-peer run`.");
    Ok(())
}

/// Somebody is signed in, and no other key was asked for: connecting anew would replace keys for nothing.
async fn known(
    options: &LoginOptions,
    credentials: &Credentials,
    origin: &Url,
) -> Result<Option<(SecretString, Option<String>)>, Ended> {
    let kept = match credentials.load(origin).await {
        Ok(kept) => kept,
        // A file needs no keychain.
        Err(_) if options.file => None,
        Err(error) => return Err(Ended::failed(untouched(&error))),
    };
    let Some((key, place)) = kept.filter(|_| !options.key_stdin && !options.found) else { return Ok(None) };
    match sign_in::check(origin, &key).await {
        Ok(()) => {
            let wanted = if options.file { KeyPlace::File } else { place };
            if wanted != place {
                credentials.store(origin, &key, wanted).await.map_err(Ended::failed)?;
            }
            say_words(&format!(
                "Signed in to {} already; {}.",
                host(origin),
                kept_in(credentials, &key, wanted)
            ));
            Ok(Some((key, None)))
        }
        Err(error @ (CheckError::Rejected | CheckError::Forbidden | CheckError::Shape(_))) => {
            say_words(&format!("There is a key already, but: {error}"));
            Ok(None)
        }
        Err(error) => Err(Ended::failed(error)),
    }
}

/// The keychain's own words tell of a key that cannot be read; here none is got.
fn untouched(error: &KeychainError) -> String {
    match error {
        KeychainError::Absent | KeychainError::Failed(_) => {
            format!(
                "{error} Nothing was changed; `orgx-peer login --file` keeps it in a file that only you can read"
            )
        }
        KeychainError::Locked => {
            "The keychain is locked, so no key can be kept in it. Nothing was changed: unlock it, \
                                  or use `orgx-peer login --file`"
                .to_owned()
        }
        KeychainError::Late => format!("{error} Nothing was changed"),
    }
}

/// A key on standard input.
async fn given(credentials: &Credentials, origin: &Url, place: KeyPlace) -> Result<SecretString, Ended> {
    let read = tokio::task::spawn_blocking(|| {
        let mut text = String::new();
        std::io::stdin().lock().take(LINE_BYTES).read_to_string(&mut text).map(|_| text)
    });
    let text = read.await.map_err(|_| Ended::failed("standard input cannot be read"))?;
    let text = text.map_err(|_| Ended::failed("standard input holds no text"))?;
    let key: SecretString = text.lines().next().unwrap_or_default().trim().to_owned().into();
    check_and_keep(credentials, origin, &key, place).await?;
    Ok(key)
}

/// The wizard's key.
async fn found(
    credentials: &Credentials,
    origin: &Url,
    place: KeyPlace,
) -> Result<(SecretString, Option<String>), Ended> {
    let found = credentials.found(origin).await.ok_or_else(|| {
        let words = "no sign-in of the OrgX wizard for {} was found in the keychain of this computer; use `orgx-peer \
                     login` without --found";
        Ended::failed(words.replace("{}", &host(origin)))
    })?;
    check_and_keep(credentials, origin, &found.key, place).await?;
    Ok((found.key, found.workspace_name))
}

async fn check_and_keep(
    credentials: &Credentials,
    origin: &Url,
    key: &SecretString,
    place: KeyPlace,
) -> Result<(), Ended> {
    sign_in::check(origin, key).await.map_err(Ended::failed)?;
    credentials.store(origin, key, place).await.map_err(|error| Ended::failed(untouched(&error)))?;
    say_words(&format!("Signed in to {}; {}.", host(origin), kept_in(credentials, key, place)));
    Ok(())
}

/// Where a key is, for people.
fn kept_in(credentials: &Credentials, key: &SecretString, place: KeyPlace) -> String {
    let ends = match last4(key) {
        end if end.is_empty() => String::new(),
        end => format!(" (ends in {end})"),
    };
    match place {
        KeyPlace::File => {
            let file = tilde(&credentials.file().to_string_lossy(), home().as_deref());
            format!("the key{ends} is in {}, which only you can read", clean(&file))
        }
        KeyPlace::Keychain => format!("the key{ends} is in the keychain"),
        KeyPlace::Memory | KeyPlace::Environment => format!("the key{ends} is not kept"),
    }
}

/// OrgX's host, for people.
pub(crate) fn host(origin: &Url) -> String {
    let host = origin.host_str().unwrap_or_default();
    origin.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}
