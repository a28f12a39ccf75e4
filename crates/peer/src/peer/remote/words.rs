//! What OrgX is shown of a question: enough to decide, and no more.
//!
//! The kind of thing, and the command, file, address or folder it is about: masked, cut, and with `~` for the home
//! folder; for an edit how many lines; the agent's own questions with their choices. Never a file's content or a diff,
//! never a prompt, never a key.

use super::super::actor::Actor;
use super::super::snapshot::{Ask, Attention, BudgetLimit};
use orgx_proto::agent;
use orgx_proto::attention::{Form, Item, Means, Offered};
use orgx_proto::ids::{RunId, SessionHandle};
use orgx_proto::limits::REMOTE_TEXT_CHARS;
use orgx_proto::redact::Redacted;
use orgx_proto::time::Now;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::time::Duration;

const ONCE: Offered = Offered { id: "allow_once", label: "Allow once", means: Means::Once };
const FOR_RUN: Offered = Offered { id: "allow_for_run", label: "Allow for this run", means: Means::ForRun };
const DENY: Offered = Offered { id: "deny", label: "Deny", means: Means::No };
const GO_ON: Offered = Offered { id: "allow_once", label: "Go on with as much again", means: Means::Once };
const STOP: Offered = Offered { id: "deny", label: "Stop the run", means: Means::No };

impl Actor {
    /// As OrgX is asked; `None`: it is not. The person's own tasks are none of its business.
    pub(super) fn remote_item(&self, attention: &Attention, now: Now) -> Option<Item> {
        let run_id = RunId::new(attention.run_id.clone());
        let run = self.dispatcher.run(&run_id).filter(|run| !run.dispatch.local)?;
        let home = self.config.source.home();
        let (form, ask, detail) = shown(attention, home.as_deref())?;
        let left = attention.lapses_at.saturating_sub(now.wall.0);
        Some(Item {
            id: attention.id.clone(),
            key: key(&[run_id.as_str(), &run.arrived.wall.0.to_string(), &ask, &detail]),
            driver: run.dispatch.task.driver.clone(),
            session: run.live.as_ref().map(|live| SessionHandle::new(live.subject.session.to_string())),
            scope: run.dispatch.task.scope.clone(),
            lapses: now.mono + Duration::from_millis(u64::try_from(left).unwrap_or_default()),
            run_id,
            ask,
            form,
        })
    }
}

/// The same after a restart, and another one for another dispatch of the same run: a person's word is for what they saw.
fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update([0]);
    }
    let hex: String = hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("orgx-peer:{hex}")
}

/// What is asked, its name within the run, and what else tells it from another question of that name.
fn shown(attention: &Attention, home: Option<&Path>) -> Option<(Form, String, String)> {
    let safe = |text: &str| Redacted::cut(&tilde(text, home), REMOTE_TEXT_CHARS).into_string();
    let choose = |question: String, context: String, kind, options: &[Offered]| Form::Choose {
        question: Redacted::cut(&question, REMOTE_TEXT_CHARS).into_string(),
        context,
        kind,
        options: options.to_vec(),
    };
    let own = || {
        let of_run = attention.id.strip_prefix(attention.run_id.as_str()).and_then(|id| id.strip_prefix('@'));
        of_run.unwrap_or(&attention.id).to_owned()
    };
    Some(match &attention.what {
        Ask::Folder { folder } => {
            let question = "May this task work in a folder that is not among the allowed ones?".to_owned();
            (choose(question, safe(folder), "folder", &[ONCE, DENY]), "folder".into(), folder.clone())
        }
        Ask::Dirty { folder, changes, .. } => {
            let question = format!(
                "May this task work in a folder with changes that are not committed ({changes} files)?"
            );
            (choose(question, safe(folder), "dirty", &[ONCE, DENY]), "dirty".into(), folder.clone())
        }
        Ask::Permission { permission, patterns, command, file, added, removed } => {
            let (question, mut about) = match (command, file) {
                (Some(command), _) => ("May the agent run this command?".to_owned(), vec![safe(command)]),
                (None, Some(file)) => ("May the agent change this file?".to_owned(), vec![safe(file)]),
                (None, None) => (
                    format!("May the agent do this ({permission})?"),
                    patterns.iter().take(8).map(|pattern| safe(pattern)).collect(),
                ),
            };
            if let (Some(added), Some(removed)) = (added, removed) {
                about.push(format!("{added} lines added, {removed} removed"));
            }
            about.extend(attention.by.as_ref().map(|by| format!("Asked by the subagent {}", safe(by))));
            about.extend(attention.folder.as_ref().map(|folder| format!("In {}", safe(folder))));
            let form = choose(question, about.join("\n"), "permission", &[ONCE, FOR_RUN, DENY]);
            (form, own(), String::new())
        }
        Ask::Questions { questions } => {
            let question = |one: &super::super::snapshot::Question| agent::Question {
                text: one.text.clone(),
                header: one.header.clone(),
                choices: (one.choices.iter())
                    .map(|choice| agent::Choice {
                        label: choice.label.clone(),
                        description: choice.description.clone(),
                    })
                    .collect(),
                multiple: one.multiple,
                free: one.free,
            };
            (Form::Questions(questions.iter().map(question).collect()), own(), String::new())
        }
        Ask::Budget { limit, day, most, used } => {
            let (unit, name) = match limit {
                BudgetLimit::Tokens => ("tokens", "tokens"),
                BudgetLimit::Cents => ("US cents", "cents"),
                BudgetLimit::Minutes => ("minutes", "minutes"),
            };
            let whose = if *day { "today" } else { "in this run" };
            let question = format!("{used} of {most} {unit} are used {whose}. Go on with as much again?");
            let context = "The run has stopped where it was, and waits.".to_owned();
            // Each time as much again is given, there is more to be used: another question.
            let detail = format!("{name} {day} {most}");
            (choose(question, context, "budget", &[GO_ON, STOP]), "budget".into(), detail)
        }
        Ask::Unknown => return None,
    })
}

/// With `~` for the home folder, wherever it stands; not for another one whose name only starts so.
fn tilde(text: &str, home: Option<&Path>) -> String {
    let Some(home) = home.map(Path::to_string_lossy).filter(|home| home.len() > 1) else {
        return text.to_owned();
    };
    let mut pieces = text.split(&*home).peekable();
    let mut all = String::new();
    while let Some(piece) = pieces.next() {
        all.push_str(piece);
        let Some(next) = pieces.peek() else { break };
        let goes_on = next.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.'));
        all.push_str(if goes_on { &home } else { "~" });
    }
    all
}

#[cfg(test)]
mod tests;
