//! What an agent says while it works, in one vocabulary for all drivers.

use crate::ids::{AskId, SessionHandle};
use crate::message::Provider;
use crate::redact::Redacted;
use serde::{Deserialize, Serialize};

/// Something the agent did or said.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentEvent {
    /// It called a tool, or wrote a file.
    Action(Action),
    /// It said something. Never sent: it only marks the first response. PROTOCOL: contract C5.
    Chat,
    /// The peer has a word about this run, for whoever follows it.
    Remark(Redacted),
}

/// A tool call or a file edit.
#[derive(Clone, Debug, PartialEq)]
pub struct Action {
    /// Which of the two, with what a step of that kind is named by.
    pub kind: ActionKind,
    /// What it was about, in the agent's words: the step's summary is `edit <path> — <detail>` or
    /// `call <tool> — <detail>`.
    pub detail: String,
    /// The agent's own reference to the evidence, when it has one.
    pub evidence_ref: Option<String>,
    /// What skill rules are matched against. Local: never sent, logged or stored.
    pub matched_text: String,
    /// Does it count as the agent's first answer? PROTOCOL: contract C5 (a file edit does not).
    pub answers: bool,
}

/// Which kind of action, and what names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionKind {
    /// A file was written.
    FileEdit {
        /// The file, relative to the run's folder where it lies inside.
        path: String,
        /// The tool that wrote it, when known.
        tool: Option<String>,
    },
    /// A tool was called.
    ToolCall {
        /// The tool's name.
        tool: String,
    },
}

impl ActionKind {
    /// The path or the tool: what stands in for a missing reference. PROTOCOL: contract C5.
    pub fn name(&self) -> &str {
        match self {
            Self::FileEdit { path, .. } => path,
            Self::ToolCall { tool } => tool,
        }
    }

    /// The tool's name, when known.
    pub fn tool(&self) -> Option<&str> {
        match self {
            Self::FileEdit { tool, .. } => tool.as_deref(),
            Self::ToolCall { tool } => Some(tool),
        }
    }
}

/// Something that the agent asks of the person. All texts are bounded and masked, and still from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentAsk {
    /// The agent's own id of it.
    pub id: AskId,
    /// The subagent that asks; `None`: the run's own agent.
    pub by: Option<String>,
    /// What is asked.
    pub what: Asked,
}

/// What an agent asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Asked {
    /// May it do this?
    Permission(Permission),
    /// What does the person say to these?
    Questions(Vec<Question>),
}

/// Something that an agent may do only when the person allows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// What kind of thing, in the agent's word: `bash`, `edit`, `webfetch`.
    pub kind: String,
    /// What exactly, as the agent's own rules see it: commands, files, addresses. "Allow for this run" holds for the
    /// same kind and patterns. Local: never sent, logged or stored.
    pub patterns: Vec<String>,
    /// The whole command line, for `bash`. Shown to the person only.
    pub command: Option<Redacted>,
    /// The file, for `edit`; relative to the run's folder where it lies inside.
    pub file: Option<Redacted>,
    /// Lines added and removed, for `edit`.
    pub lines: Option<(u64, u64)>,
}

/// One question.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Question {
    /// The question.
    pub text: String,
    /// Two words for it.
    pub header: String,
    /// What there is to choose from.
    pub choices: Vec<Choice>,
    /// May several be chosen?
    pub multiple: bool,
    /// May the person answer in words of their own?
    pub free: bool,
}

/// One answer to choose.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Choice {
    /// The answer.
    pub label: String,
    /// What it means.
    pub description: String,
}

/// One rule of what an agent may do, as a dispatch names it. Of several that fit, the last holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PermissionRule {
    /// What kind of thing: `bash`, `edit`, `*`.
    pub permission: String,
    /// What exactly, with `*`.
    pub pattern: String,
    /// May it?
    pub action: RuleAction,
}

/// What a rule says, from the widest to the narrowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleAction {
    /// Yes.
    Allow,
    /// The person is asked.
    Ask,
    /// No.
    Deny,
}

/// What an agent is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reply {
    /// Yes, this once. Never more: what an agent remembers would cover the person's own sessions.
    Once,
    /// No, and why: with words the agent goes on in another way.
    No(String),
    /// For each question its answers: labels, or words of the person's own.
    Answers(Vec<Vec<String>>),
}

/// Where a prompt is about to go: what a restarted peer would ask after.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PromptPlace {
    /// The agent's session, when there is one before the prompt.
    pub session: Option<SessionHandle>,
    /// The id that our prompt will have in it, when the agent lets us choose one.
    pub message_id: Option<String>,
}

/// How the agent's part of a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum AgentEnd {
    /// It finished by itself.
    Completed(Totals),
    /// It could not.
    Failed(Failure),
}

/// What a finished run used.
#[derive(Clone, Debug, PartialEq)]
pub struct Totals {
    /// Input, output, reasoning and cache tokens of every model answer, child sessions included.
    pub tokens_used: u64,
    /// US cents, as the agent counts them.
    pub cost_cents: f64,
    /// Whose model ran.
    pub provider: Provider,
}

/// Why the agent could not finish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people; no local paths.
    pub reason: Redacted,
    /// May the same work be tried again as it is?
    pub recoverable: bool,
}

impl Failure {
    /// A failure that may pass.
    pub fn recoverable(reason: &str) -> Self {
        Self { reason: Redacted::new(reason), recoverable: true }
    }

    /// A peer before us had started the run, and it cannot be found again. Design, promise 4.
    pub fn peer_restarted() -> Self {
        Self::recoverable("peer restarted during the run")
    }

    /// A failure that will come again.
    pub fn lasting(reason: &str) -> Self {
        Self { reason: Redacted::new(reason), recoverable: false }
    }
}
