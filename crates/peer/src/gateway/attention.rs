//! The calls of remote attention. PROTOCOL: anchors 0.7, contract A6: `/api/client/live/attention`.

use super::api::Api;
use crate::http::{CallError, json};
use orgx_proto::attention::{self, Poll};
use orgx_proto::ids::DecisionId;
use orgx_proto::receipt::Answer;
use reqwest::header;
use serde_json::Value;
use url::Url;

impl Api {
    /// Asks a question at OrgX. The same key gets the same question again.
    pub(crate) async fn ask(&self, key: &str, body: String) -> Result<DecisionId, Answer> {
        let answer =
            self.post_attention(self.attention(None), key, body).await.map_err(|error| kind(&error))?;
        // A success that names no question is none that a retry would mend.
        attention::decision_id(&answer).ok_or(Answer::Status(200, None))
    }

    /// How a question stands.
    pub(crate) async fn asked(&self, decision: &DecisionId) -> Result<Poll, Answer> {
        let request = self.signed(self.client.get(self.attention(Some(decision))));
        let answer: Result<Value, CallError> =
            self.in_time(async { json(self.answer(request).await?).await }).await;
        answer.map(|answer| attention::poll(&answer)).map_err(|error| kind(&error))
    }

    /// Tells what became of an answer. `key` is the header's, not the body's.
    pub(crate) async fn continued(&self, decision: &DecisionId, key: &str, body: String) -> Answer {
        let Some(request) = self.attention_post(self.attention(Some(decision)), key, body) else {
            return Answer::Status(400, None);
        };
        match self.in_time(self.answer(request)).await {
            Ok(response) => Answer::Status(response.status().as_u16(), None),
            Err(error) => kind(&error),
        }
    }

    async fn post_attention(&self, url: Url, key: &str, body: String) -> Result<Value, CallError> {
        let request = self.attention_post(url, key, body);
        let request = request.ok_or(CallError::Nonsense("the key of a question cannot be carried"))?;
        self.in_time(async { json(self.answer(request).await?).await }).await
    }

    fn attention_post(&self, url: Url, key: &str, body: String) -> Option<reqwest::RequestBuilder> {
        let key = header::HeaderValue::from_str(key).ok()?;
        let request = self.signed(self.client.post(url)).header(header::CONTENT_TYPE, "application/json");
        Some(request.header("Idempotency-Key", key).body(body))
    }

    fn attention(&self, decision: Option<&DecisionId>) -> Url {
        let mut url = self.url("/api/client/live/attention");
        if let (Some(decision), Ok(mut path)) = (decision, url.path_segments_mut()) {
            path.push(decision.as_str());
        }
        url
    }
}

/// What it means for a retry: a web page is not OrgX's word.
fn kind(error: &CallError) -> Answer {
    match error {
        CallError::Status { status, retry_after, .. } => Answer::Status(*status, *retry_after),
        CallError::Nonsense(_) => Answer::Status(200, None),
        CallError::Unreachable(_) | CallError::WebPage => Answer::Unreachable,
    }
}
