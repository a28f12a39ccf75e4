//! The settings and the key.

use super::{Check, Name, Running};
use crate::config::Draft;
use secrecy::ExposeSecret;

pub(super) fn checks(draft: &Draft, running: Option<&Running>) -> Vec<Check> {
    vec![settings(draft, running), key(draft, running)]
}

fn settings(draft: &Draft, running: Option<&Running>) -> Check {
    let wrong = [
        // What only this terminal lacks, the running peer has.
        draft.workspace_id.as_ref().err().filter(|_| running.is_none()),
        draft.base_url.as_ref().err(),
        draft.runs.as_ref().err(),
        draft.opencode.as_ref().err(),
        draft.outbox.as_ref().err(),
    ];
    if let Some(error) = wrong.into_iter().flatten().next() {
        let todo = "Set it in the environment or in config.toml; the README lists the settings";
        return Check::fail(Name::Settings, error.to_string(), "The peer cannot start", todo);
    }
    match draft.warnings.as_slice() {
        [] => {
            let ours = || {
                let workspace = draft.workspace_id.as_deref().unwrap_or_default().to_owned();
                (workspace, draft.base_url.as_ref().map(ToString::to_string).unwrap_or_default())
            };
            let theirs = |running: &Running| (running.hello.workspace_id.clone(), running.hello.orgx.clone());
            let (workspace, orgx) = running.map_or_else(ours, theirs);
            Check::ok(Name::Settings, format!("workspace {workspace} at {orgx}"))
        }
        odd => Check::warn(
            Name::Settings,
            odd.join("; "),
            "It is not used",
            "Correct it in config.toml; the README lists the settings",
        ),
    }
}

/// Never shows more of the key than its last four signs, and of a short one nothing.
fn key(draft: &Draft, running: Option<&Running>) -> Check {
    match &draft.key {
        Err(_) if running.is_some() => Check::ok(Name::Key, "the running peer has one"),
        Err(error) => Check::fail(
            Name::Key,
            error.to_string(),
            "OrgX lets nobody in without a key, so no task arrives",
            "Get a key from OrgX and put it into ORGX_API_KEY",
        ),
        Ok(key) => {
            let key = key.expose_secret();
            let end: String = key.chars().skip(key.chars().count().saturating_sub(4)).collect();
            let ends = if key.len() >= 16 { format!(", ends in {end}") } else { String::new() };
            if key.starts_with("oxk_") {
                return Check::ok(Name::Key, format!("there is one{ends}"));
            }
            Check::warn(
                Name::Key,
                format!("there is one that does not begin with oxk_{ends}"),
                "OrgX will hardly know it",
                "Get a key from OrgX and put it into ORGX_API_KEY",
            )
        }
    }
}
