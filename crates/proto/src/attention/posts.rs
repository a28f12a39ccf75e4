//! Words on answers, posted until OrgX takes them: in their order for one question, and a bounded number of times.

use super::Action;
use super::asking::is_final;
use crate::connection::backoff;
use crate::ids::DecisionId;
use crate::limits;
use crate::message::Continuation;
use crate::receipt::Answer;
use crate::time::Millis;
use serde_json::{Map, Value};
use std::collections::VecDeque;

#[derive(Debug, Default)]
pub(super) struct Posts {
    waiting: VecDeque<Post>,
    last: u64,
}

#[derive(Debug)]
struct Post {
    number: u64,
    decision: DecisionId,
    key: String,
    body: String,
    tries: u32,
    /// `None`: under way.
    at: Option<Millis>,
}

impl Posts {
    pub(super) fn add(&mut self, frame: &Continuation, source_client: &str, now: Millis) {
        self.last += 1;
        self.waiting.push_back(Post {
            number: self.last,
            decision: frame.decision_id.clone(),
            key: format!("{}:{}", frame.idempotency_key, frame.state.as_str()),
            body: body(frame, source_client),
            tries: 0,
            at: Some(now),
        });
        if self.waiting.len() > limits::REMOTE_WAITING_POSTS {
            self.waiting.pop_front();
        }
    }

    pub(super) fn due(&mut self, now: Millis, free: usize) -> Vec<Action> {
        let mut due = Vec::new();
        for n in self.heads() {
            let post = &mut self.waiting[n];
            if due.len() < free && post.at.is_some_and(|at| at <= now) {
                post.at = None;
                due.push(Action::Post {
                    number: post.number,
                    decision: post.decision.clone(),
                    key: post.key.clone(),
                    body: post.body.clone(),
                });
            }
        }
        due
    }

    pub(super) fn posted(&mut self, number: u64, answer: Answer, now: Millis, roll: f64) {
        let Some(n) = self.waiting.iter().position(|post| post.number == number) else { return };
        let post = &mut self.waiting[n];
        post.tries += 1;
        let over = matches!(answer, Answer::Status(status, _) if is_final(status));
        if over || post.tries >= limits::REMOTE_POSTS {
            self.waiting.remove(n);
        } else {
            post.at = Some(now + backoff(post.tries, roll));
        }
    }

    pub(super) fn hurry(&mut self, now: Millis) {
        for at in self.waiting.iter_mut().filter_map(|post| post.at.as_mut()) {
            *at = now.min(*at);
        }
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn under_way(&self) -> usize {
        self.waiting.iter().filter(|post| post.at.is_none()).count()
    }

    pub(super) fn poll_timeout(&self) -> Option<Millis> {
        self.heads().filter_map(|n| self.waiting[n].at).min()
    }

    /// The first of each question.
    fn heads(&self) -> impl Iterator<Item = usize> + use<> {
        let mut seen = std::collections::BTreeSet::new();
        let heads: Vec<usize> =
            (0..self.waiting.len()).filter(|n| seen.insert(&self.waiting[*n].decision)).collect();
        heads.into_iter()
    }
}

/// PROTOCOL: contract A6: the frame's facts less those of the path and the protocol, and who tells them.
fn body(frame: &Continuation, source_client: &str) -> String {
    let mut body = Map::new();
    let mut put = |name: &str, value: Value| body.insert(name.to_owned(), value);
    put("run_id", frame.run_id.as_str().into());
    put("source_client", source_client.into());
    put("state", frame.state.as_str().into());
    put("idempotency_key", frame.idempotency_key.as_str().into());
    if let Some(session) = &frame.session_handle {
        put("session_handle", session.as_str().into());
    }
    if let Some(detail) = &frame.detail {
        put("detail", detail.as_str().into());
    }
    put("occurred_at", frame.occurred_at.to_string().into());
    Value::Object(body).to_string()
}
