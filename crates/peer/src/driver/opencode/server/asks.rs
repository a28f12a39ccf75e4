//! What a run's agents ask: found, told of, and answered with what the person says.
//!
//! Promises: an answer that could not be delivered is tried again until OpenCode has it, or the run is over; one that
//! OpenCode refuses makes the ask come up again, once. What a session asks that is not busy is left over from an abort, and
//! nobody's. PROTOCOL: opencode.md 2.2, such asks stay in the lists until the folder is disposed of.

use super::super::ask::{Asking, Form};
use super::super::event::{self, Event};
use super::super::tracker::Told;
use super::follow::Run;
use crate::driver::RunIo;
use crate::http::CallError;
use orgx_proto::agent::{AgentAsk, AgentEvent, Reply};
use orgx_proto::ids::AskId;
use orgx_proto::limits::TOOL_NAME_CHARS;
use orgx_proto::redact::Redacted;
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};

/// What a run says of an answer that OpenCode does not take.
const REFUSED: &str = "OpenCode refused the answer twice; it can be answered in OpenCode itself";

/// What has been asked and not answered, and answers on their way.
#[derive(Debug, Default)]
pub(super) struct Asks {
    forms: HashMap<String, Form>,
    replies: VecDeque<(AskId, Reply)>,
    /// What OpenCode refused an answer to once: it was looked for again.
    refused: HashSet<String>,
    /// The run is to be looked at soon.
    look: bool,
    /// The last try to deliver one came to nothing, and the log says so.
    failing: bool,
}

impl Asks {
    /// Is there reason to look at the run soon? An answer is still to be delivered, was refused, or just taken: the event
    /// that tells what came of it may be lost.
    pub(super) fn want_a_look(&self) -> bool {
        self.look || !self.replies.is_empty()
    }

    /// The person's answer, to be delivered.
    pub(super) fn reply(&mut self, ask: AskId, reply: Reply) {
        self.replies.push_back((ask, reply));
    }
}

impl Run<'_> {
    /// An agent of the run asks: the peer hears of it.
    pub(super) async fn ask(&mut self, session: &str, asking: Asking, io: &RunIo) {
        // The agent is being stopped, and what it asks with it.
        if self.stopping {
            return;
        }
        let by = if session == self.session { None } else { Some(self.agent_of(session).await) };
        self.asks.forms.insert(asking.id.clone(), asking.form);
        io.ask(AgentAsk { id: AskId::new(asking.id), by, what: asking.what }).await;
    }

    /// That is not asked any more.
    pub(super) async fn ask_gone(&mut self, id: String, io: &RunIo) {
        self.asks.forms.remove(&id);
        io.ask_gone(AskId::new(id)).await;
    }

    /// The run is being stopped, or held: nobody is to answer what its agents ask now.
    pub(super) fn drop_asks(&mut self) {
        self.asks = Asks::default();
        self.tracker.drop_asks();
    }

    /// Delivers the person's answers, as far as OpenCode takes them now.
    pub(super) async fn deliver(&mut self, io: &RunIo) {
        while let Some((ask, reply)) = self.asks.replies.pop_front() {
            let id = ask.as_str();
            // Answered elsewhere meanwhile.
            let Some(form) = self.asks.forms.get(id) else { continue };
            match self.send(id, form, &reply).await {
                // 404: somebody else was first, or it is gone.
                Ok(()) | Err(CallError::Status { status: 404, .. }) => {
                    self.tracker.ask_over(id);
                    self.asks.look = true;
                }
                Err(CallError::Status { status: status @ (400 | 409 | 413 | 415 | 422), .. }) => {
                    let is_first = self.asks.refused.insert(id.to_owned());
                    tracing::warn!(status, is_first, "OpenCode refused an answer");
                    if is_first {
                        self.tracker.forget_ask(id);
                        self.asks.look = true;
                    } else {
                        // What it refuses twice it would refuse for ever.
                        self.tracker.ask_over(id);
                        io.event(AgentEvent::Remark(Redacted::new(REFUSED))).await;
                    }
                }
                Err(error) => {
                    if !std::mem::replace(&mut self.asks.failing, true) {
                        tracing::warn!(%error, "an answer could not be delivered; it is tried again");
                    }
                    self.asks.replies.push_front((ask, reply));
                    return;
                }
            }
            self.asks.forms.remove(id);
            self.asks.failing = false;
        }
    }

    async fn send(&self, id: &str, form: &Form, reply: &Reply) -> Result<(), CallError> {
        match (form, reply) {
            (Form::Permission, Reply::Once) => self.client.reply_permission(&self.folder, id, None).await,
            (Form::Permission, Reply::No(words)) => {
                self.client.reply_permission(&self.folder, id, Some(words)).await
            }
            (Form::Questions(_), Reply::No(_) | Reply::Answers(_)) => {
                self.client.answer_question(&self.folder, id, &form.answers(reply)).await
            }
            (Form::Permission, Reply::Answers(_)) | (Form::Questions(_), Reply::Once) => {
                Err(CallError::Status { status: 400, retry_after: None, realm: None })
            }
        }
    }

    /// What the run's agents ask now; and what they ask no more.
    pub(super) async fn open_asks(&mut self) -> Vec<Told> {
        self.asks.look = false;
        let Some((asks, busy)) = self.listed().await else { return Vec::new() };
        // It is over, or about to begin: nothing of it is asked.
        if !busy.contains_key(&self.session) {
            return Vec::new();
        }
        let family: HashSet<String> =
            if asks.is_empty() { HashSet::new() } else { self.family().await.into_iter().collect() };
        let mut listed = HashSet::new();
        let mut told = Vec::new();
        for (session, asking) in asks {
            if family.contains(&session) && busy.contains_key(&session) {
                listed.insert(asking.id.clone());
                told.extend(self.tracker.observe(&session, Event::Asked(asking)));
            }
        }
        told.extend(self.tracker.asks_but(&listed));
        told
    }

    /// What is asked in a session that goes on with another task is left over from before.
    pub(super) async fn pass_over_old_asks(&mut self) {
        let Some((asks, _)) = self.listed().await else { return };
        for (_, asking) in asks {
            self.tracker.ask_over(&asking.id);
        }
    }

    /// All that is asked in the run's folder, with its sessions, and the sessions that are busy there.
    async fn listed(&self) -> Option<(Vec<(String, Box<Asking>)>, serde_json::Map<String, Value>)> {
        let lists = async {
            let permissions = self.client.permissions(&self.folder).await?;
            let questions = self.client.questions(&self.folder).await?;
            let busy = self.client.statuses(&self.folder).await?;
            Ok::<_, CallError>((permissions, questions, busy))
        };
        let (permissions, questions, busy) = match lists.await {
            Ok(lists) => lists,
            Err(error) => {
                tracing::warn!(%error, "what the agent asks could not be read");
                return None;
            }
        };
        let permissions = permissions.iter().map(|ask| (ask, event::permission(ask)));
        let asks = permissions.chain(questions.iter().map(|ask| (ask, event::question(ask))));
        let asks = asks.filter_map(|(ask, event)| match event? {
            Event::Asked(asking) => Some((ask.get("sessionID")?.as_str()?.to_owned(), asking)),
            _ => None,
        });
        Some((asks.collect(), busy))
    }

    /// The agent that a subagent's session is of.
    async fn agent_of(&self, session: &str) -> String {
        let session = self.client.session(session).await.unwrap_or_default();
        let name = session.get("agent").and_then(Value::as_str).filter(|name| !name.trim().is_empty());
        Redacted::line(name.unwrap_or("subagent"), TOOL_NAME_CHARS).into_string()
    }
}
