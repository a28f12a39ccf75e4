//! The workspaces that a key opens.

use super::call::Caller;
use super::{CheckError, shape};
use crate::config::check_workspace_id;
use crate::limits;
use orgx_proto::redact::Redacted;
use secrecy::SecretString;
use serde_json::Value;
use url::Url;

/// Longest name shown, in characters.
const NAME_CHARS: usize = 80;

/// A workspace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: String,
    /// Its name; the id when it has none.
    pub name: String,
}

/// The workspaces of a key, its current one first. Empty when this OrgX does not list them.
///
/// # Errors
/// When OrgX does not know the key, or cannot be asked at all.
pub async fn workspaces(base_url: &Url, key: &SecretString) -> Result<Vec<Workspace>, CheckError> {
    shape(key)?;
    let caller = Caller::new(base_url)?;
    let mut all = caller.url(&["api", "entities"]);
    all.query_pairs_mut().append_pair("type", "workspace").append_pair("limit", "100");
    let current = caller.url(&["api", "v1", "workspaces", "current"]);
    let (current, all) = tokio::join!(caller.get_signed(current, key), caller.get_signed(all, key));
    if let (Err(first), Err(_)) = (&current, &all) {
        let error = CheckError::from(first.clone());
        let is_without_a_list = matches!(error, CheckError::Forbidden | CheckError::Refused(_));
        return if is_without_a_list { Ok(Vec::new()) } else { Err(error) };
    }
    let mut found: Vec<Workspace> = Vec::new();
    for workspace in [current, all].iter().flatten().flat_map(listed) {
        if found.len() < limits::WORKSPACES && found.iter().all(|known| known.id != workspace.id) {
            found.push(workspace);
        }
    }
    Ok(found)
}

/// PROTOCOL: OrgX's answers differ by endpoint and version: a workspace, or a list of them, bare or under a name.
fn listed(answer: &Value) -> Vec<Workspace> {
    let names = ["workspaces", "entities", "items", "results"];
    let list = answer.as_array().or_else(|| names.iter().find_map(|name| answer.get(name)?.as_array()));
    match list {
        Some(list) => list.iter().filter_map(one).collect(),
        None => one(answer.get("workspace").unwrap_or(answer)).into_iter().collect(),
    }
}

fn one(value: &Value) -> Option<Workspace> {
    let text = |names: &[&str]| {
        let text = names.iter().find_map(|name| value.get(name)?.as_str())?.trim();
        (!text.is_empty()).then(|| text.to_owned())
    };
    let id = text(&["id", "workspace_id", "workspaceId"])?;
    check_workspace_id(&id, "").ok()?;
    let name = text(&["name", "title", "workspace_name", "workspaceName"]).unwrap_or_else(|| id.clone());
    Some(Workspace { name: Redacted::cut(&name, NAME_CHARS).into_string(), id })
}
