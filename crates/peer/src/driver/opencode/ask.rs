//! What OpenCode's agents ask of the person, from the feed or from a list: bounded, masked, and with what a reply needs.
//! Facts: opencode.md 2.2 and 2.3.

use crate::limits;
use orgx_proto::agent::{Asked, Choice, Permission, Question, Reply};
use orgx_proto::limits::{ASKED_CHOICES, ASKED_QUESTIONS, TOOL_NAME_CHARS};
use orgx_proto::redact::Redacted;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Something that is asked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Asking {
    pub(crate) id: String,
    pub(crate) what: Asked,
    /// The file it is about, absolute; a permission's.
    pub(crate) file: Option<String>,
    /// How to reply.
    pub(crate) form: Form,
}

/// What a reply to it looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Yes or no.
    Permission,
    /// For each question the labels of its choices, as the agent wrote them: what is shown may be masked.
    Questions(Vec<Vec<String>>),
}

/// A permission that is asked for. PROTOCOL: `permission.asked` and `GET /permission` have the same objects.
pub(crate) fn permission(ask: &Value) -> Option<Asking> {
    let metadata = ask.get("metadata").unwrap_or(&Value::Null);
    let kind = text(ask, "permission").unwrap_or_default();
    let command = text(metadata, "command");
    let patterns = ask.get("patterns").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let file = text(metadata, "filepath").map(|file| file.chars().take(limits::ASK_FILE_CHARS).collect());
    let permission = Permission {
        kind: Redacted::cut(kind, TOOL_NAME_CHARS).into_string(),
        patterns: bounded(patterns, command),
        command: command.map(|command| Redacted::line(command, limits::ASK_COMMAND_CHARS)),
        file: None,
        lines: text(metadata, "diff").map(lines),
    };
    let id = text(ask, "id")?.to_owned();
    Some(Asking { id, what: Asked::Permission(permission), file, form: Form::Permission })
}

/// Questions that are asked. PROTOCOL: `question.asked` and `GET /question` have the same objects; words of the person's
/// own are welcome unless `custom` is false.
pub(crate) fn questions(ask: &Value) -> Option<Asking> {
    let asked = ask.get("questions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let labels =
        |question: &Value| choices(question).map(|choice| label(choice, limits::ASK_TEXT_CHARS)).collect();
    let form = Form::Questions(asked.iter().map(labels).collect());
    // One more than may be asked tells that it is too much.
    let questions = asked.iter().take(ASKED_QUESTIONS + 1).map(question).collect();
    let id = text(ask, "id")?.to_owned();
    Some(Asking { id, what: Asked::Questions(questions), file: None, form })
}

impl Form {
    /// Each question's answers in the agent's own words.
    pub(crate) fn answers(&self, reply: &Reply) -> Vec<Vec<String>> {
        let Self::Questions(labels) = self else { return Vec::new() };
        let all = labels.iter().enumerate();
        match reply {
            Reply::Answers(answers) => all
                .map(|(at, labels)| answers.get(at).into_iter().flatten().map(|it| own(labels, it)).collect())
                .collect(),
            // A bare no ends the agent's work: it reads why, as the answer to each.
            Reply::No(words) => all.map(|_| vec![words.clone()]).collect(),
            Reply::Once => Vec::new(),
        }
    }
}

/// The label that the person was shown as `answer`, or words of their own.
fn own(labels: &[String], answer: &str) -> String {
    let label = labels.iter().find(|label| shown_label(label) == answer);
    label.map_or(answer, String::as_str).to_owned()
}

fn question(question: &Value) -> Question {
    let shown = |key, chars| Redacted::line(text(question, key).unwrap_or_default(), chars).into_string();
    let is = |key| question.get(key).and_then(Value::as_bool);
    let choice = |choice: &Value| Choice {
        label: shown_label(&label(choice, limits::ASK_TEXT_CHARS)),
        description: Redacted::line(text(choice, "description").unwrap_or_default(), limits::ASK_TEXT_CHARS)
            .into_string(),
    };
    let choices: Vec<Choice> = choices(question).map(choice).collect();
    Question {
        text: shown("question", limits::ASK_TEXT_CHARS),
        header: shown("header", limits::ASK_LABEL_CHARS),
        multiple: is("multiple").unwrap_or(false),
        free: is("custom").unwrap_or(true) || choices.is_empty(),
        choices,
    }
}

/// One more than a question may have tells that it is too much.
fn choices(question: &Value) -> impl Iterator<Item = &Value> {
    question.get("options").and_then(Value::as_array).into_iter().flatten().take(ASKED_CHOICES + 1)
}

fn label(choice: &Value, chars: usize) -> String {
    text(choice, "label").unwrap_or_default().chars().take(chars).collect()
}

fn shown_label(label: &str) -> String {
    Redacted::line(label, limits::ASK_LABEL_CHARS).into_string()
}

/// Patterns that are too long or too many are cut, and a digest of it all takes the place of the rest: what is allowed
/// for a run is never taken for something else that begins like it.
fn bounded(patterns: &[Value], command: Option<&str>) -> Vec<String> {
    let all = || patterns.iter().filter_map(Value::as_str);
    let is_long = |text: &str| text.chars().nth(limits::ASK_PATTERN_KEPT).is_some();
    let long_command =
        command.is_some_and(|command| command.chars().nth(limits::ASK_COMMAND_CHARS).is_some());
    if !long_command && patterns.len() <= limits::ASK_PATTERNS_KEPT && !all().any(is_long) {
        return all().map(ToOwned::to_owned).collect();
    }
    let mut digest = Sha256::new();
    for text in all().chain(command) {
        digest.update(text.len().to_le_bytes());
        digest.update(text);
    }
    let digest: String = digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    let cut = |text: &str| text.chars().take(limits::ASK_PATTERN_KEPT).collect();
    all().take(limits::ASK_PATTERNS_KEPT).map(cut).chain([format!("sha256:{digest}")]).collect()
}

/// Lines added and removed by a unified diff, counted inside its hunks only: an added line may look like a head.
fn lines(diff: &str) -> (u64, u64) {
    let (mut added, mut removed) = (0, 0);
    let (mut old, mut new) = (0u64, 0u64);
    for line in diff.lines() {
        if old == 0 && new == 0 {
            if let Some((was, is)) = hunk(line) {
                (old, new) = (was, is);
            }
            continue;
        }
        match line.as_bytes().first() {
            Some(b'+') => (added, new) = (added + 1, new.saturating_sub(1)),
            Some(b'-') => (removed, old) = (removed + 1, old.saturating_sub(1)),
            // "\ No newline at end of file" is no line.
            Some(b'\\') => {}
            _ => (old, new) = (old.saturating_sub(1), new.saturating_sub(1)),
        }
    }
    (added, removed)
}

/// Lines of a hunk, before and after: `@@ -1,2 +1,3 @@`.
fn hunk(line: &str) -> Option<(u64, u64)> {
    let (was, is) = line.strip_prefix("@@ -")?.split_once(" @@")?.0.split_once(" +")?;
    let count = |range: &str| range.split_once(',').map_or(Some(1), |(_, count)| count.parse().ok());
    Some((count(was)?, count(is)?))
}

fn text<'a>(object: &'a Value, key: &str) -> Option<&'a str> {
    object.get(key).and_then(Value::as_str)
}

#[cfg(test)]
mod tests;
