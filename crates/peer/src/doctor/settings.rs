//! The settings and the key.

use super::key::Found;
use super::{Check, Name, Running};
use crate::config::Draft;

pub(super) fn checks(draft: &Draft, running: Option<&Running>, key: &Found) -> Vec<Check> {
    vec![settings(draft, running), key.told(draft, running)]
}

fn settings(draft: &Draft, running: Option<&Running>) -> Check {
    let wrong = [
        // What only this terminal lacks, the running peer has.
        draft.workspace_id.as_ref().err().filter(|_| running.is_none()),
        draft.base_url.as_ref().err(),
        draft.runs.as_ref().err(),
        draft.opencode.as_ref().err(),
        draft.claude.as_ref().err(),
        draft.outbox.as_ref().err(),
        draft.lifecycle.as_ref().err(),
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
