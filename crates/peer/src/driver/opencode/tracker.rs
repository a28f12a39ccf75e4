//! Follows one run through a real OpenCode's events: steps, tokens, asks, and when it may be over.
//!
//! Decides from values alone. A repeated event changes nothing: after a lost feed the whole state is read again and
//! goes through here a second time. Facts: opencode.md 2.1 to 2.4.

use super::ask::Asking;
use super::event::{Answer, Event, Status, Tool, Trouble};
use crate::limits;
use orgx_proto::agent::{Action, ActionKind, AgentEnd, AgentEvent, Asked, Failure, Totals};
use orgx_proto::message::Provider;
use orgx_proto::redact::Redacted;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

/// What an event means for the run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Told {
    /// For OrgX.
    Agent(AgentEvent),
    /// The person is asked something by the agent of this session.
    Asked(String, Box<Asking>),
    /// That is not asked any more.
    AskGone(String),
    /// It may be over: ask for the status.
    PerhapsOver,
    /// It will never be over by itself.
    Runaway,
}

/// PROTOCOL: opencode.md 2.4, the error of an answer that was aborted.
const ABORTED: &str = "MessageAbortedError";

/// One run.
#[derive(Debug)]
pub(crate) struct Tracker {
    session: String,
    folder: PathBuf,
    /// Calls told of, by answer: some providers count their ids anew in each.
    calls: HashSet<(String, String)>,
    /// Files told of, by answer: a patch part repeats what the tools of its answer wrote.
    edited: HashSet<(String, String)>,
    /// What was told of: is it still asked?
    asks: HashMap<String, bool>,
    answers: BTreeMap<String, (u64, f64)>,
    /// The run's own newest answer, by id, and whether the model was done with it.
    newest: Option<(String, bool)>,
    provider: Option<String>,
    trouble: Option<Trouble>,
    /// Answers that ended without a reason since the last that did not.
    endless: HashSet<String>,
    spoke: bool,
    /// What is not after this message was before the run.
    after: Option<String>,
    /// The prompt that the end is to be of.
    prompt: Option<String>,
}

impl Tracker {
    pub(crate) fn new(session: &str, folder: &Path) -> Self {
        Self {
            session: session.to_owned(),
            folder: folder.to_owned(),
            calls: HashSet::new(),
            edited: HashSet::new(),
            asks: HashMap::new(),
            answers: BTreeMap::new(),
            newest: None,
            provider: None,
            trouble: None,
            endless: HashSet::new(),
            spoke: false,
            after: None,
            prompt: None,
        }
    }

    /// The session was there before the run: only what comes after this message is its own. PROTOCOL: OpenCode's ids
    /// ascend, over all sessions.
    pub(crate) fn begin_after(&mut self, message_id: &str) {
        self.after = Some(message_id.to_owned());
    }

    fn is_before(&self, message: &str) -> bool {
        self.after.as_deref().is_some_and(|after| message <= after)
    }

    /// Takes an event of `session`: the run's own, or one of its subagents'.
    pub(crate) fn observe(&mut self, session: &str, event: Event) -> Vec<Told> {
        let own = session == self.session;
        match event {
            Event::Created { .. } | Event::Status(Status::Busy | Status::Retry) => Vec::new(),
            // A subagent's idle is not the end of its parent.
            Event::Status(Status::Idle) => own.then_some(Told::PerhapsOver).into_iter().collect(),
            Event::Error(trouble) => self.error(own, trouble),
            Event::Answer(answer) if self.is_before(&answer.id) => Vec::new(),
            Event::Tool(tool) if self.is_before(&tool.message) => Vec::new(),
            Event::Patch { message, .. } if self.is_before(&message) => Vec::new(),
            Event::Answer(answer) => self.answer(own, answer),
            Event::Tool(tool) => self.tool(tool),
            Event::Patch { message, files } => self.patch(&message, files),
            Event::Text => {
                if std::mem::replace(&mut self.spoke, true) {
                    return Vec::new();
                }
                vec![Told::Agent(AgentEvent::Chat)]
            }
            Event::Asked(asking) => self.asked(session, asking).into_iter().collect(),
            Event::Answered(id) => self.answered(id).into_iter().collect(),
        }
    }

    fn asked(&mut self, session: &str, mut asking: Box<Asking>) -> Option<Told> {
        if self.asks.contains_key(&asking.id) {
            return None;
        }
        self.asks.insert(asking.id.clone(), true);
        if let (Asked::Permission(permission), Some(file)) = (&mut asking.what, &asking.file) {
            permission.file = Some(Redacted::line(&self.relative(file), limits::ASK_FILE_CHARS));
        }
        Some(Told::Asked(session.to_owned(), asking))
    }

    /// It is answered, by us or elsewhere; it is not told of again.
    fn answered(&mut self, id: String) -> Option<Told> {
        let was_open = self.asks.insert(id.clone(), false);
        (was_open == Some(true)).then_some(Told::AskGone(id))
    }

    /// Our own answer has arrived.
    pub(crate) fn ask_over(&mut self, id: &str) {
        self.asks.insert(id.to_owned(), false);
    }

    /// The ask could not be answered: take it again when it comes up.
    pub(crate) fn forget_ask(&mut self, id: &str) {
        self.asks.remove(id);
    }

    /// Whatever is asked now is of no run any more.
    pub(crate) fn drop_asks(&mut self) {
        self.asks.values_mut().for_each(|open| *open = false);
    }

    /// What OpenCode lists no more, of what was asked: answered elsewhere. Should it turn up again, it is asked again.
    pub(crate) fn asks_but(&mut self, listed: &HashSet<String>) -> Vec<Told> {
        let gone = self.asks.extract_if(|id, open| *open && !listed.contains(id));
        gone.map(|(id, _)| Told::AskGone(id)).collect()
    }

    /// Nothing has come of the prompt yet.
    pub(crate) fn is_silent(&self) -> bool {
        self.newest.is_none() && self.trouble.is_none()
    }

    /// It is prompted under this id: what came before says nothing of its end. Ids ascend with time.
    pub(crate) fn goes_on(&mut self, message_id: &str) {
        self.prompt = Some(message_id.to_owned());
        (self.newest, self.trouble) = (None, None);
        self.endless.clear();
    }

    /// It is idle now: for another reason than that it was stopped?
    pub(crate) fn is_over_by_itself(&self) -> bool {
        match &self.trouble {
            Some(trouble) => trouble.name != ABORTED,
            None => matches!(self.newest, Some((_, true))),
        }
    }

    /// If it is over now, it is known why: the model had its last word, or something went wrong.
    pub(crate) fn is_settled(&self) -> bool {
        self.trouble.is_some() || matches!(self.newest, Some((_, true)))
    }

    /// Tokens and dollars so far, as far as the events say.
    pub(crate) fn used(&self) -> (u64, f64) {
        let tokens = self.answers.values().map(|(tokens, _)| *tokens).fold(0, u64::saturating_add);
        (tokens, self.answers.values().map(|(_, dollars)| dollars).sum())
    }

    /// The run is over: how it ended. `sessions` are the sums that OpenCode itself keeps: tokens and dollars.
    pub(crate) fn end(&self, sessions: (u64, f64)) -> AgentEnd {
        if let Some(trouble) = &self.trouble {
            return AgentEnd::Failed(failure(trouble));
        }
        // Idle without a last word: the server was started anew, or an abort met a wait that tells nothing of it.
        if !self.is_settled() {
            return AgentEnd::Failed(Failure::recoverable("OpenCode stopped before the model had answered"));
        }
        let (tokens, dollars) = self.used();
        AgentEnd::Completed(Totals {
            // The sums are written at the end of a step, the events may miss one: each can only lag.
            tokens_used: tokens.max(sessions.0),
            cost_cents: dollars.max(sessions.1) * 100.0,
            provider: self.provider.as_deref().map_or(Provider::Other, Provider::from_id),
        })
    }

    fn error(&mut self, own: bool, trouble: Trouble) -> Vec<Told> {
        // A context overflow starts a compaction, and the run goes on; a subagent's error is its parent's to judge.
        if !own || trouble.name == "ContextOverflowError" {
            return Vec::new();
        }
        // The word of the stop may come after the prompt to go on.
        if self.prompt.is_some() && self.newest.is_none() && trouble.name == ABORTED {
            return Vec::new();
        }
        self.trouble = Some(trouble);
        vec![Told::PerhapsOver]
    }

    fn answer(&mut self, own: bool, answer: Answer) -> Vec<Told> {
        let known = self.answers.contains_key(&answer.id);
        if own && self.prompt.as_ref().is_none_or(|prompt| *prompt < answer.id) {
            // Work after an error: it was not the end.
            if answer.error.is_none() && !known {
                self.trouble = None;
            }
            if self.newest.as_ref().is_none_or(|(id, _)| *id <= answer.id) {
                let done = match answer.finish.as_deref() {
                    Some(finish) => !matches!(finish, "tool-calls" | "unknown"),
                    None => answer.tokens > 0,
                };
                self.newest = Some((answer.id.clone(), done));
                // Whose model has the last word is whose model ran; an older answer may be told of again.
                if answer.provider.is_some() {
                    self.provider.clone_from(&answer.provider);
                }
            }
            if let Some(error) = answer.error.filter(|error| error.name != "ContextOverflowError") {
                self.trouble = Some(error);
            }
        }
        let sum = self.answers.entry(answer.id.clone()).or_default();
        *sum = (sum.0.max(answer.tokens), sum.1.max(answer.cost_dollars));
        match answer.finish.as_deref() {
            Some("unknown") => {
                let new = self.endless.insert(answer.id);
                if new && self.endless.len() as u32 == limits::RUNAWAY_ANSWERS {
                    return vec![Told::Runaway];
                }
            }
            Some(_) => self.endless.clear(),
            None => {}
        }
        Vec::new()
    }

    fn tool(&mut self, tool: Tool) -> Vec<Told> {
        if !self.calls.insert((tool.message.clone(), tool.call.clone())) {
            return Vec::new();
        }
        if tool.edits.is_empty() {
            return vec![Told::Agent(AgentEvent::Action(self.call(&tool)))];
        }
        let mut told = Vec::new();
        for edit in &tool.edits {
            let path = self.relative(&edit.path);
            self.edited.insert((tool.message.clone(), path.clone()));
            told.push(Told::Agent(AgentEvent::Action(Action {
                detail: format!("+{} -{}", edit.additions, edit.deletions),
                evidence_ref: Some(tool.call.clone()),
                matched_text: format!("{path} {}", edit.added),
                answers: true,
                kind: ActionKind::FileEdit { path, tool: Some(tool.name.clone()) },
            })));
        }
        told
    }

    fn call(&self, tool: &Tool) -> Action {
        let about = tool.about.as_deref().map(|about| self.relative(about));
        let detail = match (tool.failed, about) {
            (false, Some(about)) => about,
            (false, None) => "done".to_owned(),
            (true, Some(about)) => format!("failed: {about}"),
            (true, None) => "failed".to_owned(),
        };
        Action {
            detail,
            evidence_ref: Some(tool.call.clone()),
            matched_text: [tool.name.as_str(), &tool.title, &tool.query].join(" ").trim_end().to_owned(),
            answers: true,
            kind: ActionKind::ToolCall { tool: tool.name.clone() },
        }
    }

    /// Files that no tool of the answer named: a command changed them.
    fn patch(&mut self, message: &str, files: Vec<String>) -> Vec<Told> {
        let mut told = Vec::new();
        for file in files {
            let path = self.relative(&file);
            if self.edited.insert((message.to_owned(), path.clone())) {
                told.push(Told::Agent(AgentEvent::Action(Action {
                    detail: "changed by a command".to_owned(),
                    evidence_ref: None,
                    matched_text: format!("{path} "),
                    answers: false,
                    kind: ActionKind::FileEdit { path, tool: None },
                })));
            }
        }
        told
    }

    /// Relative to the run's folder where it lies inside.
    fn relative(&self, path: &str) -> String {
        match Path::new(path).strip_prefix(&self.folder) {
            Ok(inside) if !inside.as_os_str().is_empty() => inside.to_string_lossy().into_owned(),
            _ => path.to_owned(),
        }
    }
}

fn failure(trouble: &Trouble) -> Failure {
    let said = Redacted::without_paths(&trouble.message);
    let reason = match (trouble.name.as_str(), trouble.status) {
        (ABORTED, _) => "stopped in OpenCode".to_owned(),
        ("ProviderAuthError", _) | (_, Some(401 | 403)) => {
            format!("the model provider refused OpenCode's sign-in: {said}")
        }
        (_, Some(status)) => format!("the model provider answered {status}: {said}"),
        _ if said.as_str().is_empty() => format!("OpenCode failed: {}", trouble.name),
        _ => format!("OpenCode failed: {said}"),
    };
    Failure { reason: Redacted::new(&reason), recoverable: trouble.retryable }
}

#[cfg(test)]
mod tests;
