//! What the OrgX wizard notes of its sign-in. Its key is in the keychain.

use crate::config::Environment;
use orgx_proto::pairing::same_orgx;
use orgx_proto::redact::Redacted;
use serde_json::Value;
use std::path::{Path, PathBuf};
use url::Url;

/// PROTOCOL: the wizard's entry, made with keytar.
pub(super) const SERVICE: &str = "@useorgx/wizard";
pub(super) const ACCOUNT: &str = "orgx-api-key";

/// Largest note read, in bytes, and longest name shown, in characters.
const BYTES: u64 = 64 * 1024;
const NAME_CHARS: usize = 80;

/// What is noted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Note {
    pub(super) workspace_name: Option<String>,
}

/// PROTOCOL: the wizard's own order.
pub(super) fn folder(env: &Environment) -> Option<PathBuf> {
    env.path("ORGX_WIZARD_CONFIG_HOME")
        .or_else(|| Some(env.path("XDG_CONFIG_HOME")?.join("useorgx/wizard")))
        .or_else(|| Some(env.home()?.join(".config/useorgx/wizard")))
}

/// What is noted of a key for this OrgX. `None` when the key is for another one; without a note it may be for this.
pub(super) fn note(folder: Option<&Path>, base_url: &Url) -> Option<Note> {
    let Some(note) = folder.and_then(|folder| read(&folder.join("auth.json"))) else {
        return is_default(base_url).then(Note::default);
    };
    match note.get("baseUrl").and_then(Value::as_str) {
        Some(theirs) => Url::parse(theirs).ok().filter(|theirs| same_orgx(theirs, base_url)).map(drop),
        None => is_default(base_url).then_some(()),
    }?;
    let name = ["workspaceName", "workspace_name"].iter().find_map(|name| note.get(name));
    let name = name.or_else(|| note.pointer("/workspace/name")).and_then(Value::as_str);
    let name = name.map(|name| Redacted::cut(name.trim(), NAME_CHARS).into_string());
    Some(Note { workspace_name: name.filter(|name| !name.is_empty()) })
}

/// A key that says nothing of where it belongs is sent to OrgX itself only.
fn is_default(base_url: &Url) -> bool {
    Url::parse(crate::config::DEFAULT_BASE_URL).is_ok_and(|orgx| same_orgx(&orgx, base_url))
}

fn read(path: &Path) -> Option<Value> {
    let is_note = path.metadata().is_ok_and(|meta| meta.is_file() && meta.len() <= BYTES);
    if !is_note {
        return None;
    }
    serde_json::from_slice(&std::fs::read(path).ok()?).ok()
}
