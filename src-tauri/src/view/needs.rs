//! What waits for the person: on its page, in the strip, and in the tray.

#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up fails")]
mod tests;

use super::model::{Choice, Need, NeedWhat, Question};
use super::runs::{driver, title_of};
use crate::facts::Facts;
use crate::text;
use orgx_peer::{Ask, Attention, BudgetLimit, PeerSnapshot};

/// Longest command, file or address that a page shows, in characters: more than the peer hands on, so that nothing of
/// what is allowed is cut here.
const EXACT: usize = 4_000;
/// Longest part of a command that stands in one line, in characters.
const LINE_PART: usize = 60;

/// What waits for the person, oldest first.
pub fn needs(facts: &Facts) -> Vec<Need> {
    facts.peer.attention.iter().map(|attention| need(attention, &facts.peer, &facts.home)).collect()
}

fn need(attention: &Attention, peer: &PeerSnapshot, home: &str) -> Need {
    let run = peer.runs.iter().find(|run| run.run_id == attention.run_id);
    Need {
        id: attention.id.clone(),
        run_id: attention.run_id.clone(),
        title: title_of(peer, &attention.run_id),
        line: line(attention, home),
        what: what(&attention.what),
        folder: folder(attention).map(text::line),
        agent: run.and_then(|run| run.driver.as_deref()).map_or_else(|| "OpenCode".to_owned(), driver),
        by: attention.by.as_deref().map(|by| text::cut(by, 80)),
        remote: attention.remote,
        since: attention.since,
        lapses_at: attention.lapses_at,
    }
}

/// The folder that it is about, whole.
pub fn folder(attention: &Attention) -> Option<&str> {
    match &attention.what {
        Ask::Folder { folder } | Ask::Dirty { folder, .. } => Some(folder),
        _ => attention.folder.as_deref(),
    }
}

/// What it is in a few words, as they go on after "Needs you".
pub fn line(attention: &Attention, home: &str) -> String {
    let place = folder(attention).map_or_else(String::new, |it| format!(" in {}", text::folder_name(it)));
    match &attention.what {
        Ask::Folder { folder } => format!("work in {}", text::tilde(folder, home)),
        Ask::Dirty { folder, changes, .. } => {
            let changes = text::count(usize::try_from(*changes).unwrap_or(usize::MAX), "file", "files");
            format!("start in {}: {changes} not committed", text::folder_name(folder))
        }
        Ask::Permission { permission, .. } => match exact(&attention.what) {
            Some(exact) => format!("{} {}{place}", verb(permission), text::cut(&exact, LINE_PART)),
            None => format!("allow {}{place}", text::cut(permission, 40)),
        },
        Ask::Questions { questions } => {
            format!("answer {}{place}", text::count(questions.len(), "question", "questions"))
        }
        Ask::Budget { limit, day, most, .. } => {
            let whose = if *day { "the day's " } else { "" };
            format!("go on past {whose}{}{place}", amount(*limit, *most))
        }
        Ask::Unknown => "something that this version does not know".to_owned(),
    }
}

/// What a permission is about, in the agent's words, by its kind: a command or a file beside another kind is what the
/// agent is at, and not what it asks for.
pub fn exact(ask: &Ask) -> Option<String> {
    let Ask::Permission { permission, command, file, patterns, .. } = ask else { return None };
    let own = match permission.as_str() {
        "bash" => command,
        "edit" | "write" | "patch" => file,
        _ => &None,
    };
    own.as_ref().or(patterns.first()).or(command.as_ref()).or(file.as_ref()).cloned()
}

/// Is `exact`, cut to so many characters, all that a yes to it is for?
pub fn is_whole(ask: &Ask, chars: usize) -> bool {
    let Ask::Permission { permission, command, file, patterns, .. } = ask else { return true };
    let Some(exact) = exact(ask) else { return true };
    let is_beside = |text: &Option<String>| text.as_ref().is_some_and(|text| *text != exact);
    let is_bash = permission == "bash" && command.is_some();
    // What a command's patterns name is in the command.
    let all = is_bash || patterns.iter().all(|pattern| *pattern == exact);
    all && !is_beside(command) && !is_beside(file) && !text::cut(&exact, chars).ends_with('…')
}

fn verb(permission: &str) -> &'static str {
    match permission {
        "bash" => "run",
        "edit" | "write" | "patch" => "change",
        "webfetch" => "fetch",
        "websearch" => "search for",
        "read" => "read",
        "external_directory" => "reach",
        "doom_loop" => "repeat",
        _ => "allow",
    }
}

/// `200k tokens`, `$5.00`, `30 minutes`.
pub fn amount(limit: BudgetLimit, n: u64) -> String {
    match limit {
        BudgetLimit::Tokens if n >= 1_000_000 => format!("{:.2}M tokens", n as f64 / 1e6),
        BudgetLimit::Tokens if n >= 1_000 => format!("{}k tokens", (n + 500) / 1_000),
        BudgetLimit::Tokens => text::count(usize::try_from(n).unwrap_or(usize::MAX), "token", "tokens"),
        BudgetLimit::Cents => format!("${}.{:02}", n / 100, n % 100),
        BudgetLimit::Minutes => text::count(usize::try_from(n).unwrap_or(usize::MAX), "minute", "minutes"),
    }
}

fn what(ask: &Ask) -> NeedWhat {
    let whole = |text: &String| text::cut(text, EXACT);
    match ask {
        Ask::Folder { .. } => NeedWhat::Folder,
        Ask::Dirty { commit, changes, .. } => NeedWhat::Dirty {
            commit: commit.as_deref().map(|commit| text::cut(commit, 16)),
            changes: *changes,
        },
        Ask::Permission { permission, patterns, command, file, added, removed } => NeedWhat::Permission {
            kind: text::cut(permission, 80),
            command: command.as_ref().map(whole),
            file: file.as_ref().map(whole),
            added: *added,
            removed: *removed,
            patterns: patterns.iter().map(whole).collect(),
        },
        Ask::Questions { questions } => {
            NeedWhat::Questions { questions: questions.iter().map(question).collect() }
        }
        Ask::Budget { limit, day, most, used } => NeedWhat::Budget {
            limit: match limit {
                BudgetLimit::Tokens => "tokens",
                BudgetLimit::Cents => "cents",
                BudgetLimit::Minutes => "minutes",
            }
            .to_owned(),
            day: *day,
            most: *most,
            used: *used,
        },
        Ask::Unknown => NeedWhat::Unknown,
    }
}

fn question(question: &orgx_peer::Question) -> Question {
    Question {
        text: text::cut(&question.text, EXACT),
        choices: question
            .choices
            .iter()
            .map(|choice| Choice {
                label: text::cut(&choice.label, EXACT),
                about: text::line(&choice.description),
            })
            .collect(),
        multiple: question.multiple,
        // Somebody has to be able to say something.
        free: question.free || question.choices.is_empty(),
    }
}
