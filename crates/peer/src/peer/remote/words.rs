//! What OrgX is shown of a question: enough to decide, and no more.
//!
//! The kind of thing, and the command, file, address or folder it is about: masked, cut, and with `~` for the home
//! folder; for an edit how many lines; the agent's own questions with their choices. Never a file's content or a diff,
//! never a prompt, never a key. What does not fit is not allowed from there: nobody says yes to what they have not seen.

use super::super::actor::Actor;
use super::super::snapshot::{Ask, Attention, BudgetLimit};
use crate::day::Day;
use orgx_proto::attention::{Form, Item, Means, Offered};
use orgx_proto::budget::More;
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
/// Where only a no can be given.
const CUT: &str =
    "It is longer than what can be shown here: it can be allowed on the computer that runs the task.";

impl Actor {
    /// As OrgX is asked; `None`: it is not. The person's own tasks are none of its business.
    pub(super) fn remote_item(&self, attention: &Attention, now: Now) -> Option<Item> {
        let run_id = RunId::new(attention.run_id.clone());
        let run = self.dispatcher.run(&run_id).filter(|run| !run.dispatch.local)?;
        let home = self.config.source.home();
        let (form, ask, detail) = shown(attention, home.as_deref())?;
        let more = |day| if day { self.dispatcher.day_more() } else { run.account.more() };
        let detail = detail + &round(&attention.what, Day::of(now.wall.0), more);
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
    let choose = |question: String, about: Vec<String>, around: Vec<String>, kind, options: &[Offered]| {
        let is_cut = about.iter().any(|line| is_cut(line));
        let options = options.iter().filter(|offered| !is_cut || offered.means == Means::No);
        let note = is_cut.then(|| CUT.to_owned());
        Form::Choose {
            question: Redacted::cut(&question, REMOTE_TEXT_CHARS).into_string(),
            context: about.into_iter().chain(note).chain(around).collect::<Vec<_>>().join("\n"),
            kind,
            options: options.copied().collect(),
        }
    };
    let own = || {
        let of_run = attention.id.strip_prefix(attention.run_id.as_str()).and_then(|id| id.strip_prefix('@'));
        of_run.unwrap_or(&attention.id).to_owned()
    };
    Some(match &attention.what {
        Ask::Folder { folder } => {
            let question = "May this task work in a folder that is not among the allowed ones?".to_owned();
            let form = choose(question, vec![safe(folder)], Vec::new(), "folder", &[ONCE, DENY]);
            (form, "folder".into(), folder.clone())
        }
        Ask::Dirty { folder, changes, .. } => {
            let question = format!(
                "May this task work in a folder with changes that are not committed ({changes} files)?"
            );
            let form = choose(question, vec![safe(folder)], Vec::new(), "dirty", &[ONCE, DENY]);
            (form, "dirty".into(), folder.clone())
        }
        Ask::Permission { permission, patterns, command, file, added, removed } => {
            let (question, about) = permitted(permission, patterns, command.as_deref(), file.as_deref());
            let about = about.iter().map(|line| safe(line)).collect();
            let mut around = Vec::new();
            if let (Some(added), Some(removed)) = (added, removed) {
                around.push(format!("{added} lines added, {removed} removed"));
            }
            around.extend(attention.by.as_ref().map(|by| format!("Asked by the subagent {}", safe(by))));
            around.extend(attention.folder.as_ref().map(|folder| format!("In {}", safe(folder))));
            let form = choose(question, about, around, "permission", &[ONCE, FOR_RUN, DENY]);
            (form, own(), String::new())
        }
        Ask::Questions { questions } => (Form::Questions(questions.clone()), own(), String::new()),
        Ask::Budget { limit, day, most, used } => {
            let (unit, name) = match limit {
                BudgetLimit::Tokens => ("tokens", "tokens"),
                BudgetLimit::Cents => ("US cents", "cents"),
                BudgetLimit::Minutes => ("minutes", "minutes"),
            };
            let whose = if *day { "today" } else { "in this run" };
            let question = format!("{used} of {most} {unit} are used {whose}. Go on with as much again?");
            let about = vec!["The run has stopped where it was, and waits.".to_owned()];
            let form = choose(question, about, Vec::new(), "budget", &[GO_ON, STOP]);
            (form, "budget".into(), format!("{name} {day} {most}"))
        }
        Ask::Unknown => return None,
    })
}

/// What a permission is for, by its kind: the sentence, and all that a yes would be to. A command or a file beside
/// another kind is what the agent is at, and not what it asks for.
fn permitted(
    kind: &str,
    patterns: &[String],
    command: Option<&str>,
    file: Option<&str>,
) -> (String, Vec<String>) {
    let (question, exact) = match kind {
        "bash" => ("May the agent run this command?".to_owned(), command),
        "edit" | "write" | "patch" => ("May the agent change this file?".to_owned(), file),
        "external_directory" => (format!("May the agent reach outside of its folder ({kind})?"), None),
        _ => (format!("May the agent do this ({kind})?"), None),
    };
    let mut about: Vec<String> = exact.map(ToOwned::to_owned).into_iter().collect();
    match exact {
        // A pattern that is the beginning of what is shown says nothing more.
        Some(exact) => {
            let is_new = |pattern: &&String| {
                !pattern.strip_suffix('…').map_or(exact == **pattern, |head| exact.starts_with(head))
            };
            about.extend(patterns.iter().filter(is_new).map(|pattern| format!("Pattern: {pattern}")));
        }
        None => about.extend(patterns.iter().cloned()),
    }
    let beside = |name: &str, text: Option<&str>| {
        let text = text.filter(|text| exact != Some(*text) && patterns.iter().all(|it| it != text));
        text.map(|text| format!("{name}: {text}"))
    };
    about.extend(beside("Command", command));
    about.extend(beside("File", file));
    (question, about)
}

/// Not all of it is shown, or some of the list is only counted.
fn is_cut(line: &str) -> bool {
    line.ends_with('…') || line.starts_with("… and ")
}

/// Each time as much again is given, there is more to be used, and each day has its own: another question.
fn round(what: &Ask, today: Day, more: impl Fn(bool) -> More) -> String {
    let Ask::Budget { limit, day, .. } = what else { return String::new() };
    let more = more(*day);
    let times = match limit {
        BudgetLimit::Tokens => more.tokens,
        BudgetLimit::Cents => more.cents,
        BudgetLimit::Minutes => more.minutes,
    };
    let since = if *day { today.start } else { 0 };
    format!(" {since} {times}")
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
