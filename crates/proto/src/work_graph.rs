//! The Work Graph outbox record: one JSON line per event, built from an allow-list of fields.
//!
//! A record holds counts, ids, paths and references. There is no way to put a prompt, a title, a summary or a reason
//! into one: the constructors take lengths. PROTOCOL: contract D; `summary.tool_name` and `run_id` are ours, for the
//! readers named there.

use crate::ids::{DispatchKey, RunId, SessionHandle};
use crate::limits;
use crate::message::StepKind;
use crate::redact::Redacted;
use crate::time::Timestamp;
use serde::Serialize;

/// The record's schema.
pub const SCHEMA_VERSION: &str = "2026-05-07";
/// The record's source.
pub const SOURCE: &str = "orgx_opencode_plugin_runtime_hook";

/// One line of the outbox.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    schema_version: &'static str,
    source: &'static str,
    source_client: &'static str,
    event: &'static str,
    session_id: Redacted,
    turn_id: Redacted,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<Redacted>,
    timestamp: Timestamp,
    summary: Summary,
    run_id: Redacted,
}

/// What every record of one run shares.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The run.
    pub run_id: RunId,
    /// The agent's session.
    pub session: SessionHandle,
    /// The dispatch's key.
    pub key: DispatchKey,
    /// The folder, as OrgX named it.
    pub cwd: Option<String>,
    /// The driver, in the outbox's words: `opencode`, `claude-code`.
    pub source_client: &'static str,
}

/// What happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry<'a> {
    /// `task_started`.
    Started {
        /// As in the frame.
        at: Timestamp,
        /// UTF-16 length of the title.
        title_chars: usize,
        /// UTF-16 length of the description.
        description_chars: usize,
        /// How many skills the dispatch named.
        skills: usize,
    },
    /// `task_step`.
    Step {
        /// What kind of step.
        kind: StepKind,
        /// The agent's reference, or the path or tool that stands in for it.
        evidence_ref: &'a str,
        /// UTF-16 length of the summary on the wire.
        summary_chars: usize,
        /// The tool, when known.
        tool: Option<&'a str>,
    },
    /// `task_deviation`.
    Deviation {
        /// The skill.
        skill_id: &'a str,
        /// What the rule says.
        evidence_kind: &'a str,
        /// The deviation's key.
        dedupe_key: &'a str,
    },
    /// `task_completed`.
    Completed {
        /// As in the frame.
        tokens_used: u64,
        /// Did the agent answer before it was done?
        first_response_seen: bool,
    },
    /// `task_failed`.
    Failed {
        /// As in the frame.
        recoverable: bool,
        /// UTF-16 length of the reason.
        reason_chars: usize,
    },
}

/// Field names are the schema's.
#[expect(clippy::struct_field_names, reason = "the schema's names")]
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
struct Summary {
    #[serde(rename = "sessionHandle")]
    session_handle: Redacted,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_title_chars: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description_chars: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skill_count: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step_kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skill_id: Option<Redacted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_kind: Option<Redacted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_ref: Option<Redacted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    dedupe_key: Option<Redacted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    summary_chars: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tokens_used: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_response_seen: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recoverable: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_chars: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_name: Option<Redacted>,
    idempotency_key: Redacted,
}

impl Record {
    /// The record of `entry` in the run `subject`, written at `now`.
    pub fn new(subject: &Subject, entry: &Entry<'_>, now: Timestamp) -> Self {
        let session = Redacted::cut(subject.session.as_str(), limits::REF_CHARS);
        let run_id = Redacted::cut(subject.run_id.as_str(), limits::ID_BYTES);
        let (event, summary) = summarize(entry);
        Self {
            schema_version: SCHEMA_VERSION,
            source: SOURCE,
            source_client: subject.source_client,
            event,
            session_id: run_id.clone(),
            turn_id: session.clone(),
            cwd: subject
                .cwd
                .as_deref()
                .filter(|cwd| !cwd.trim().is_empty())
                .map(|cwd| Redacted::cut(cwd, limits::PATH_BYTES)),
            timestamp: now,
            summary: Summary {
                session_handle: session,
                idempotency_key: Redacted::cut(subject.key.as_str(), limits::ID_BYTES),
                ..summary
            },
            run_id,
        }
    }

    /// The line, with its newline.
    pub fn to_line(&self) -> String {
        let mut line = serde_json::to_string(self).unwrap_or_default();
        line.push('\n');
        line
    }

    /// The event's name, for logs and screens.
    pub fn event(&self) -> &'static str {
        self.event
    }
}

/// UTF-16 code units, the unit of every `*_chars` field. PROTOCOL: contract D.
pub fn utf16_len(text: &str) -> usize {
    text.encode_utf16().count()
}

fn summarize(entry: &Entry<'_>) -> (&'static str, Summary) {
    let none = Summary::default;
    match *entry {
        Entry::Started { at, title_chars, description_chars, skills } => (
            "task_started",
            Summary {
                timestamp: Some(at),
                task_title_chars: Some(title_chars),
                description_chars: Some(description_chars),
                skill_count: Some(skills),
                ..none()
            },
        ),
        Entry::Step { kind, evidence_ref, summary_chars, tool } => (
            "task_step",
            Summary {
                step_kind: Some(kind.as_str()),
                evidence_ref: Some(Redacted::cut(evidence_ref, limits::REF_CHARS)),
                summary_chars: Some(summary_chars),
                tool_name: tool.map(|tool| Redacted::cut(tool, limits::TOOL_NAME_CHARS)),
                ..none()
            },
        ),
        Entry::Deviation { skill_id, evidence_kind, dedupe_key } => (
            "task_deviation",
            Summary {
                skill_id: Some(Redacted::cut(skill_id, limits::REF_CHARS)),
                evidence_kind: Some(Redacted::cut(evidence_kind, limits::REF_CHARS)),
                dedupe_key: Some(Redacted::cut(dedupe_key, 4 * limits::REF_CHARS)),
                ..none()
            },
        ),
        Entry::Completed { tokens_used, first_response_seen } => (
            "task_completed",
            Summary {
                tokens_used: Some(tokens_used),
                first_response_seen: Some(first_response_seen),
                ..none()
            },
        ),
        Entry::Failed { recoverable, reason_chars } => (
            "task_failed",
            Summary { recoverable: Some(recoverable), reason_chars: Some(reason_chars), ..none() },
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subject() -> Subject {
        Subject {
            run_id: RunId::new("run_42"),
            session: SessionHandle::new("sess-1"),
            key: DispatchKey::new("disp_9"),
            cwd: Some("/w/api".into()),
            source_client: "opencode",
        }
    }

    #[test]
    fn a_record_has_the_seeds_bytes_and_our_two_fields() {
        let entry = Entry::Step {
            kind: StepKind::ToolCall,
            evidence_ref: "call-3",
            summary_chars: 31,
            tool: Some("bash"),
        };
        let record = Record::new(&subject(), &entry, Timestamp(1_795_168_860_000));
        assert_eq!(
            record.to_line(),
            concat!(
                r#"{"schema_version":"2026-05-07","source":"orgx_opencode_plugin_runtime_hook","source_client":"opencode","#,
                r#""event":"task_step","session_id":"run_42","turn_id":"sess-1","cwd":"/w/api","#,
                r#""timestamp":"2026-11-20T10:01:00.000Z","summary":{"sessionHandle":"sess-1","step_kind":"tool_call","#,
                r#""evidence_ref":"call-3","summary_chars":31,"tool_name":"bash","idempotency_key":"disp_9"},"#,
                r#""run_id":"run_42"}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_blank_folder_is_left_out_and_lengths_are_utf16() {
        let blank = Subject { cwd: Some("  ".into()), ..subject() };
        let record = Record::new(&blank, &Entry::Failed { recoverable: true, reason_chars: 3 }, Timestamp(0));
        assert!(!record.to_line().contains("cwd"));
        assert_eq!(utf16_len("aé😀"), 4);
    }

    proptest! {
        #[test]
        fn no_secret_and_no_line_break_gets_into_a_line(
            reference in ".{0,600}", secret in "oxk_[A-Za-z0-9]{10,30}", tool in ".{0,80}"
        ) {
            let evidence_ref = format!("{reference} {secret}");
            let tool = format!("{tool} {secret}");
            let entry = Entry::Step {
                kind: StepKind::FileEdit, evidence_ref: &evidence_ref, summary_chars: 1, tool: Some(&tool),
            };
            let line = Record::new(&subject(), &entry, Timestamp(0)).to_line();
            prop_assert!(!line.contains(&secret));
            prop_assert_eq!(line.matches('\n').count(), 1);
            prop_assert!(line.len() < 64 * 1024);
        }
    }
}
