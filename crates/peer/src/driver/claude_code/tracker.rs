//! Follows one run through what `claude` says: steps, tokens, and how it ended. Decides from values alone.
//!
//! A tool call is told of once, when its result is known: what was denied or failed is told as that. What is still open
//! at the end is told then.

use super::line::{About, Call, CallResult, Fixture, Line, Outcome};
use crate::driver::opencode::daemon;
use crate::limits;
use orgx_proto::agent::{Action, ActionKind, AgentEnd, AgentEvent, Failure, Totals};
use orgx_proto::message::Provider;
use orgx_proto::redact::Redacted;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

/// What a session is to its run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// The run made it: all that is counted in it is the run's.
    New,
    /// It was there before: only what is counted since then is.
    GoneOnWith,
}

/// How its process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    /// By this signal, or in a way that the OS has no number for.
    Signal(Option<i32>),
}

/// One run.
#[derive(Debug)]
pub(crate) struct Tracker {
    folder: PathBuf,
    session: Session,
    open: Vec<Call>,
    known: HashSet<String>,
    denied: HashSet<String>,
    /// Tokens of each answer, of the process that speaks now.
    answers: BTreeMap<String, u64>,
    /// Tokens of the processes before it.
    before: u64,
    /// Tokens of the seed's fixture.
    counted: u64,
    spoke: bool,
    understood: bool,
    outcome: Option<Outcome>,
    /// Tokens and dollars of all outcomes since the run began.
    since: (u64, f64),
    fixture: Option<AgentEnd>,
}

impl Tracker {
    pub(crate) fn new(folder: &Path, session: Session) -> Self {
        Self {
            folder: folder.to_owned(),
            session,
            open: Vec::new(),
            known: HashSet::new(),
            denied: HashSet::new(),
            answers: BTreeMap::new(),
            before: 0,
            counted: 0,
            spoke: false,
            understood: false,
            outcome: None,
            since: (0, 0.0),
            fixture: None,
        }
    }

    /// Takes a line as it came; what it means for the run.
    pub(crate) fn observe(&mut self, bytes: &[u8]) -> Vec<AgentEvent> {
        let Some(line) = super::line::read(bytes) else { return Vec::new() };
        self.understood = true;
        match line {
            Line::Answer { id, tokens, speaks, calls } => self.answer(id, tokens, speaks, calls),
            Line::Results(results) => results.iter().filter_map(|result| self.result(result)).collect(),
            Line::Denied { call, tool } => self.deny(&call, &tool).into_iter().collect(),
            Line::Retry { attempt: 1, status } => vec![AgentEvent::Remark(Redacted::new(&match status {
                Some(status) => format!("the model provider answered {status}; Claude Code asks it again"),
                None => "the model provider cannot be reached; Claude Code asks it again".to_owned(),
            }))],
            Line::Result(outcome) => self.over(*outcome),
            Line::Fixture(fixture) => self.fixture(&fixture, bytes),
            Line::Init | Line::Retry { .. } | Line::Other => Vec::new(),
        }
    }

    /// Tokens and US cents so far. What it costs is told at its end only.
    pub(crate) fn used(&self) -> (u64, f64) {
        let so_far = self.answers.values().copied().fold(self.before, u64::saturating_add);
        let outcome = self.outcome.as_ref().map(|outcome| match self.session {
            Session::New => outcome.session,
            Session::GoneOnWith => self.since,
        });
        let (tokens, dollars) = outcome.unwrap_or_default();
        (tokens.max(so_far).max(self.counted), dollars * 100.0)
    }

    /// Is it done, in its own words?
    pub(crate) fn is_over_by_itself(&self) -> bool {
        self.fixture.is_some() || self.outcome.as_ref().is_some_and(|outcome| !outcome.deferred)
    }

    /// Another process goes on with the session.
    pub(crate) fn goes_on(&mut self) {
        self.before = self.answers.values().copied().fold(self.before, u64::saturating_add);
        self.answers.clear();
        self.open.clear();
        (self.outcome, self.understood) = (None, false);
    }

    /// Calls whose end was not told.
    pub(crate) fn unfinished(&mut self) -> Vec<AgentEvent> {
        let open = std::mem::take(&mut self.open);
        open.iter().map(|call| AgentEvent::Action(self.call(call, Some("not finished")))).collect()
    }

    /// It is over: how it ended. `said` is its last word for people.
    pub(crate) fn end(&self, exit: Exit, said: Option<&Redacted>) -> AgentEnd {
        if let Some(outcome) = &self.outcome {
            return self.ended(outcome);
        }
        if let Some(end) = &self.fixture {
            return end.clone();
        }
        let said = said.map(|line| format!(": {line}")).unwrap_or_default();
        match exit {
            // PROTOCOL: contract E2.
            Exit::Code(0) if self.understood => self.completed(),
            Exit::Code(0) => AgentEnd::Failed(Failure::lasting(&format!(
                "claude said nothing that this version of OrgX Peer understands{said}"
            ))),
            Exit::Code(code) => AgentEnd::Failed(Failure::lasting(&format!("claude exited {code}{said}"))),
            Exit::Signal(signal) => {
                let signal = signal.map(|signal| format!(" by signal {signal}")).unwrap_or_default();
                AgentEnd::Failed(Failure::recoverable(&format!("claude was ended from outside{signal}")))
            }
        }
    }

    fn completed(&self) -> AgentEnd {
        let (tokens_used, cost_cents) = self.used();
        AgentEnd::Completed(Totals { tokens_used, cost_cents, provider: Provider::Anthropic })
    }

    fn ended(&self, outcome: &Outcome) -> AgentEnd {
        if outcome.deferred {
            return AgentEnd::Failed(Failure::lasting(
                "a hook of Claude Code put a tool call off until somebody answers, and OrgX cannot be asked over this \
                 connection; switch `remote` on in [attention], or let the hook decide",
            ));
        }
        if outcome.subtype == "success" && !outcome.is_error {
            return self.completed();
        }
        let said = Redacted::without_paths(outcome.text.lines().next().unwrap_or_default());
        let said: String = said.as_str().chars().take(limits::CLAUDE_REASON_CHARS).collect();
        let (reason, recoverable) = match outcome.status {
            Some(401 | 403) => (
                format!("Claude Code's sign-in was refused ({said}); its owner runs `claude auth login`"),
                true,
            ),
            // PROTOCOL: contract E2, and what passes by itself.
            status => (
                if said.is_empty() { format!("claude result {}", outcome.subtype) } else { said },
                outcome.subtype == "error_during_execution"
                    || status.is_some_and(|status| matches!(status, 408 | 429 | 500..)),
            ),
        };
        AgentEnd::Failed(Failure { reason: Redacted::new(&reason), recoverable })
    }

    fn answer(&mut self, id: Option<String>, tokens: u64, speaks: bool, calls: Vec<Call>) -> Vec<AgentEvent> {
        if let Some(id) = id {
            let known = self.answers.entry(id).or_default();
            *known = tokens.max(*known);
        }
        for call in calls {
            if self.known.insert(call.id.clone()) {
                self.open.push(call);
            }
        }
        let first = speaks && !std::mem::replace(&mut self.spoke, true);
        first.then_some(AgentEvent::Chat).into_iter().collect()
    }

    fn result(&mut self, result: &CallResult) -> Option<AgentEvent> {
        let at = self.open.iter().position(|call| call.id == result.call)?;
        let mut call = self.open.remove(at);
        if self.denied.contains(&call.id) {
            return None;
        }
        if let (Some(edit), Some((additions, deletions))) = (&mut call.edit, result.lines) {
            (edit.additions, edit.deletions) = (additions, deletions);
        }
        Some(AgentEvent::Action(self.call(&call, result.failed.then_some("failed"))))
    }

    fn deny(&mut self, call: &str, tool: &str) -> Option<AgentEvent> {
        if !self.denied.insert(call.to_owned()) {
            return None;
        }
        let tool: String =
            tool.chars().filter(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c)).take(48).collect();
        let words = format!("asked for permission ({tool}); denied, because Claude Code can ask nobody here");
        Some(AgentEvent::Remark(Redacted::new(&words)))
    }

    fn over(&mut self, outcome: Outcome) -> Vec<AgentEvent> {
        let told = outcome.denials.iter().filter_map(|(call, tool)| self.deny(call, tool)).collect();
        self.since = (self.since.0.saturating_add(outcome.since.0), self.since.1 + outcome.since.1);
        self.outcome = Some(outcome);
        told
    }

    fn fixture(&mut self, fixture: &Fixture, bytes: &[u8]) -> Vec<AgentEvent> {
        match fixture {
            Fixture::Action => {
                let Some(daemon::Said::Event(mut event)) = daemon::read(bytes) else { return Vec::new() };
                // PROTOCOL: contract E2, an edit is an answer, too.
                if let AgentEvent::Action(action) = &mut event {
                    action.answers = true;
                }
                return vec![event];
            }
            Fixture::Tokens(delta) => self.counted = self.counted.saturating_add(*delta),
            Fixture::Completed(tokens) => {
                if self.counted == 0 {
                    self.counted = *tokens;
                }
                self.fixture = Some(self.completed());
            }
            Fixture::Error { message, recoverable } => {
                let reason = Redacted::without_paths(message.as_deref().unwrap_or("claude errored"));
                self.fixture = Some(AgentEnd::Failed(Failure { reason, recoverable: *recoverable }));
            }
        }
        Vec::new()
    }

    /// A call as a step; `otherwise` is what became of it when it did not do what it was to do.
    fn call(&self, call: &Call, otherwise: Option<&str>) -> Action {
        if let (Some(edit), None) = (&call.edit, otherwise) {
            let path = self.relative(&edit.path);
            return Action {
                detail: format!("+{} -{}", edit.additions, edit.deletions),
                evidence_ref: Some(call.id.clone()),
                matched_text: format!("{path} {}", edit.added),
                answers: true,
                kind: ActionKind::FileEdit { path, tool: Some(call.tool.clone()) },
            };
        }
        let about = call.about.as_ref().map(|about| match about {
            About::Path(path) => self.relative(path),
            About::Words(words) => words.clone(),
        });
        let detail = match (otherwise, about) {
            (None, Some(about)) => about,
            (None, None) => "done".to_owned(),
            (Some(otherwise), Some(about)) => format!("{otherwise}: {about}"),
            (Some(otherwise), None) => otherwise.to_owned(),
        };
        Action {
            detail,
            evidence_ref: Some(call.id.clone()),
            matched_text: format!("{} {}", call.tool, call.query).trim_end().to_owned(),
            answers: true,
            kind: ActionKind::ToolCall { tool: call.tool.clone() },
        }
    }

    /// Relative to the run's folder where it lies inside.
    fn relative(&self, path: &str) -> String {
        match Path::new(path).strip_prefix(&self.folder) {
            Ok(inside) if !inside.as_os_str().is_empty() => inside.to_string_lossy().into_owned(),
            _ => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
