//! What we send. Field order and absence are part of the wire; golden files under `tests/` show every byte.

use super::attention::Continuation;
use crate::ids::{DriverId, RunId, SessionHandle};
use crate::redact::Redacted;
use crate::time::Timestamp;
use serde::Serialize;

/// One frame to OrgX.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind")]
pub enum Frame {
    /// The agent has a session and is about to work.
    #[serde(rename = "task.started")]
    Started(Started),
    /// The agent did something.
    #[serde(rename = "task.step")]
    Step(Step),
    /// What the agent did breaks a skill rule.
    #[serde(rename = "task.deviation")]
    Deviation(Deviation),
    /// Terminal: the run ended by itself.
    #[serde(rename = "task.completed")]
    Completed(Completed),
    /// Terminal: the run did not.
    #[serde(rename = "task.failed")]
    Failed(Failed),
    /// What became of an answer that a person gave at OrgX. PROTOCOL: contract A6, v3.
    #[serde(rename = "continuation.receipt")]
    Continuation(Continuation),
}

impl Frame {
    /// The run that this frame is about.
    pub fn run_id(&self) -> &RunId {
        match self {
            Self::Started(frame) => &frame.run_id,
            Self::Step(frame) => &frame.run_id,
            Self::Deviation(frame) => &frame.run_id,
            Self::Completed(frame) => &frame.run_id,
            Self::Failed(frame) => &frame.run_id,
            Self::Continuation(frame) => &frame.run_id,
        }
    }

    /// Does this frame end its run?
    pub fn is_terminal(&self) -> bool {
        matches!(self, Self::Completed(_) | Self::Failed(_))
    }

    /// The frame as it goes over the wire.
    pub fn to_json(&self) -> String {
        // Maps with text keys, numbers and texts only: serialization has no way to fail.
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// `task.started`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Started {
    /// The run.
    pub run_id: RunId,
    /// When the session was ready to be prompted.
    pub started_at: Timestamp,
    /// The agent's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_handle: Option<SessionHandle>,
}

/// `task.step`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(into = "StepWire")]
pub struct Step {
    /// The run.
    pub run_id: RunId,
    /// What kind of step.
    pub kind: StepKind,
    /// One line for people.
    pub summary: Redacted,
    /// Where the evidence is, in the agent's words; absent when the agent named none.
    pub evidence_ref: Option<Redacted>,
}

#[derive(Serialize)]
struct StepWire {
    run_id: RunId,
    step: StepBody,
}

#[derive(Serialize)]
struct StepBody {
    kind: StepKind,
    summary: Redacted,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_ref: Option<Redacted>,
}

impl From<Step> for StepWire {
    fn from(step: Step) -> Self {
        let Step { run_id, kind, summary, evidence_ref } = step;
        Self { run_id, step: StepBody { kind, summary, evidence_ref } }
    }
}

/// Kinds of `task.step` that this peer sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// A file was written.
    FileEdit,
    /// A tool was called.
    ToolCall,
    /// A word of the peer itself to whoever follows the run.
    Chat,
}

impl StepKind {
    /// The word on the wire and in the outbox.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileEdit => "file_edit",
            Self::ToolCall => "tool_call",
            Self::Chat => "chat",
        }
    }
}

/// `task.deviation`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Deviation {
    /// The run.
    pub run_id: RunId,
    /// The skill whose rule was broken.
    pub skill_id: String,
    /// What the rule says its matches are evidence of.
    pub evidence_kind: String,
    /// Where the evidence is.
    pub evidence_ref: Redacted,
    /// `<skill>:<fingerprint>:<run>`. PROTOCOL: contract C6.
    pub dedupe_key: String,
    /// How bad it is.
    pub severity: Severity,
}

/// How bad a deviation is. PROTOCOL: contract C5, drivers say `warn`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Worth a look.
    Warn,
}

/// `task.completed`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Completed {
    /// The run.
    pub run_id: RunId,
    /// What came out.
    pub outcome_kind: OutcomeKind,
    /// As in `task.started`.
    pub started_at: Timestamp,
    /// When the agent first answered.
    pub first_response_at: Timestamp,
    /// When the agent was done.
    pub completed_at: Timestamp,
    /// Input, output, reasoning and cache tokens of all models' answers in the run.
    pub tokens_used: u64,
    /// Whose model ran.
    pub provider: Provider,
    /// Who pays the tokens.
    pub source_sub_type: SourceSubType,
    /// The driver that ran it.
    pub source_driver: DriverId,
    /// What the agent says it cost, in US cents, rounded.
    pub cost_estimate_cents: u64,
}

/// Outcomes that this peer reports. PROTOCOL: contract I3, the seed's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeKind {
    /// The work is done.
    Shipped,
}

/// Whose model ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// Anthropic.
    Anthropic,
    /// OpenAI.
    Openai,
    /// Anybody else.
    Other,
}

impl Provider {
    /// From an agent's own provider id.
    pub fn from_id(id: &str) -> Self {
        let id = id.to_ascii_lowercase();
        if id.contains("anthropic") {
            Self::Anthropic
        } else if id.contains("openai") {
            Self::Openai
        } else {
            Self::Other
        }
    }
}

/// Who pays the tokens. PROTOCOL: contract I4, the seed's default.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceSubType {
    /// The person's own subscription.
    Subscription,
}

/// `task.failed`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failed {
    /// The run.
    pub run_id: RunId,
    /// What happened, for people; no local paths, no secrets.
    pub reason: Redacted,
    /// May the same work be tried again as it is?
    pub recoverable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_told_by_its_id() {
        for (id, provider) in [
            ("anthropic", Provider::Anthropic),
            ("google-vertex-anthropic", Provider::Anthropic),
            ("openai", Provider::Openai),
            ("azure-openai", Provider::Openai),
            ("fake", Provider::Other),
            ("", Provider::Other),
        ] {
            assert_eq!(Provider::from_id(id), provider, "{id}");
        }
    }
}
