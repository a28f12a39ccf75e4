//! Live attention: questions that a peer asks here, the answers that somebody gives, and what the peer says became of
//! them. PROTOCOL: `/api/client/live/attention`, `continuation.receipt`.

mod check;

use std::sync::{Mutex, MutexGuard, PoisonError};

use http::StatusCode;
use serde_json::{Value, json};

pub(super) use check::check_frame;

use super::{faults::Endpoint, state::State};
use crate::{
    http::{Reply, Request, json as json_reply},
    record::{Line, Record},
    wait::{Timeout, brief},
};

const PATH: &str = "/api/client/live/attention";

/// Questions and what became of them.
#[derive(Debug, Default)]
pub struct Attentions {
    asked: Record<Asked>,
    told: Record<Told>,
    /// Ids, and what a poll shows of them.
    answers: Mutex<Vec<(String, Value)>>,
}

/// A question that was asked here.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked {
    /// Its id, `decision_id`.
    pub id: String,
    /// Its key.
    pub key: String,
    /// How often it was posted.
    pub times: usize,
    /// As it was posted first.
    pub body: Value,
}

/// What a peer said became of an answer, by HTTP.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The question's id.
    pub id: String,
    /// The key of the answer.
    pub key: String,
    /// The state.
    pub state: String,
    /// The detail, when there was one.
    pub detail: Option<String>,
}

impl Line for Asked {
    fn line(&self) -> String {
        brief(&format!("{} {}", self.id, self.body))
    }
}

impl Line for Told {
    fn line(&self) -> String {
        format!("{} {} {}", self.id, self.key, self.state)
    }
}

impl Asked {
    /// The frame that pushes an answer to it.
    pub(super) fn resolve(&self, key: &str, resolution: &Value) -> Value {
        json!({
            "kind": "attention.resolve", "protocol_version": 3, "decision_id": self.id,
            "run_id": self.body["run_id"], "driver": self.body["source_client"], "idempotency_key": key,
            "session_handle": self.body["continuation"]["session_handle"], "resolution": resolution,
        })
    }
}

impl Attentions {
    /// Every question so far, each once.
    pub fn asked(&self) -> Vec<Asked> {
        let mut all: Vec<Asked> = Vec::new();
        for one in self.asked.all() {
            match all.iter_mut().find(|known| known.id == one.id) {
                Some(known) => known.times += 1,
                None => all.push(one),
            }
        }
        all
    }

    /// Waits until a run has asked something, and returns its first question.
    pub async fn wait_asked(&self, run_id: &str) -> Result<Asked, Timeout> {
        let what = format!("a question of {run_id}");
        let mut found = None;
        let waited = self.asked.until(&what, |all| {
            found = all.iter().find(|asked| asked.body["run_id"] == run_id).cloned();
            found.is_some()
        });
        waited.await?;
        found.ok_or(Timeout { what, arrived: Vec::new() })
    }

    /// Answers a question, for the next poll to see.
    pub fn answer(&self, id: &str, question: Value) {
        let mut answers = self.answers();
        answers.retain(|(known, _)| known != id);
        answers.push((id.to_owned(), question));
    }

    /// What the peer said by HTTP became of a question, in order.
    pub fn told(&self, id: &str) -> Vec<Told> {
        self.told.pick(|told| (told.id == id).then(|| told.clone()))
    }

    /// Waits until the peer has said that of a question.
    pub async fn wait_told(&self, id: &str, state: &str) -> Result<Vec<Told>, Timeout> {
        let is = |told: &Told| told.id == id && told.state == state;
        let all = self.told.until(&format!("{state} of {id}"), |all| all.iter().any(is)).await?;
        Ok(all.into_iter().filter(|told| told.id == id).collect())
    }

    fn answers(&self) -> MutexGuard<'_, Vec<(String, Value)>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn knows(&self, id: &str) -> bool {
        !self.asked.pick(|asked| (asked.id == id).then_some(())).is_empty()
    }
}

pub(super) fn route(request: &Request) -> Option<(Endpoint, &'static str)> {
    if request.path == PATH {
        return Some((Endpoint::AttentionAsk, "POST"));
    }
    request.segment(&format!("{PATH}/"), "")?;
    Some(if request.method == "GET" {
        (Endpoint::AttentionPoll, "GET")
    } else {
        (Endpoint::AttentionTold, "POST")
    })
}

pub(super) fn serve(
    state: &State,
    endpoint: Endpoint,
    request: &Request,
) -> Result<Reply, (StatusCode, String)> {
    let wrong = |problem: String| (StatusCode::BAD_REQUEST, problem);
    let attention = &state.attention;
    if endpoint == Endpoint::AttentionAsk {
        let key = check::question(request).map_err(wrong)?;
        let before = attention.asked.pick(|asked| (asked.key == key).then(|| asked.clone()));
        let id =
            before.first().map_or_else(|| format!("dec_{}", attention.asked.len() + 1), |one| one.id.clone());
        attention.asked.push(|_| Asked { id: id.clone(), key, times: 1, body: request.body.clone() });
        let status = if before.is_empty() { StatusCode::CREATED } else { StatusCode::OK };
        return Ok(json_reply(status, &json!({ "decision_id": id })));
    }
    let id = request.segment(&format!("{PATH}/"), "").unwrap_or_default();
    if endpoint == Endpoint::AttentionTold {
        let told = check::told(request, &id).map_err(wrong)?;
        if !attention.knows(&id) {
            return Err((StatusCode::NOT_FOUND, "no such question".to_owned()));
        }
        attention.told.push(|_| told);
        return Ok(json_reply(StatusCode::OK, &json!({ "ok": true })));
    }
    if !attention.knows(&id) {
        return Err((StatusCode::NOT_FOUND, "no such question".to_owned()));
    }
    let answers = attention.answers();
    let answer = answers.iter().find(|(known, _)| *known == id).map(|(_, question)| question.clone());
    let mut question = answer.unwrap_or_else(|| json!({ "resolved": false }));
    question["id"] = json!(id);
    Ok(json_reply(StatusCode::OK, &json!({ "question": question })))
}
