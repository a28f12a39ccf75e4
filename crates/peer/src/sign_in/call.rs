//! Calls to OrgX without a peer: bounded in time and size, never redirected.

use super::{CheckError, PairError};
use crate::clock::Clock;
use crate::http::{CallError, bearer, client, is_web_page, json, success};
use crate::limits;
use orgx_proto::redact::Redacted;
use reqwest::{Client, RequestBuilder, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json as object};
use std::time::Duration;
use url::Url;

#[derive(Clone, Debug)]
pub(super) struct Caller {
    client: Client,
    base_url: Url,
    clock: Clock,
}

impl Caller {
    pub(super) fn new(base_url: &Url) -> Result<Self, CallError> {
        Self::with_clock(base_url, Clock::default())
    }

    pub(super) fn with_clock(base_url: &Url, clock: Clock) -> Result<Self, CallError> {
        let client =
            client(base_url, None).map_err(|error| CallError::Unreachable(crate::http::words(&error)))?;
        Ok(Self { client, base_url: base_url.clone(), clock })
    }

    pub(super) fn clock(&self) -> &Clock {
        &self.clock
    }

    /// PROTOCOL: the call that OrgX's own tools check a key with.
    pub(super) async fn sync(&self, key: &SecretString) -> Result<(), CheckError> {
        let request = self.client.post(self.url(&["api", "client", "sync"])).json(&object!({}));
        self.call(signed(request, key), limits::ORGX_CALL).await?;
        Ok(())
    }

    pub(super) async fn get_signed(&self, url: Url, key: &SecretString) -> Result<Value, CallError> {
        self.call(signed(self.client.get(url), key), limits::ORGX_CALL).await
    }

    pub(super) async fn get(&self, url: Url, within: Duration) -> Result<Value, CallError> {
        self.call(self.client.get(url), within).await
    }

    pub(super) async fn post(&self, url: Url, body: &Value, within: Duration) -> Result<Value, CallError> {
        self.call(self.client.post(url).json(body), within).await
    }

    /// The address of a path at this OrgX; what is in a segment cannot leave it.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base_url.clone();
        url.set_path("");
        if let Ok(mut path) = url.path_segments_mut() {
            path.clear().extend(segments);
        }
        url
    }

    /// The answer, out of its envelope; null when it has no body.
    async fn call(&self, request: RequestBuilder, within: Duration) -> Result<Value, CallError> {
        let call = async {
            let response = match request.send().await {
                Ok(response) if is_web_page(&response) => return Err(CallError::WebPage),
                response => success(response)?,
            };
            let empty = response.status() == StatusCode::NO_CONTENT || response.content_length() == Some(0);
            if empty { Ok(Value::Null) } else { json(response).await }
        };
        let late = || Err(CallError::Unreachable(Redacted::new("no answer in time")));
        self.clock.timeout(within, call).await.unwrap_or_else(late).map(open)
    }
}

/// PROTOCOL: `{"ok": true, "data": ...}`, or the thing itself.
fn open(mut answer: Value) -> Value {
    match answer.get_mut("data") {
        Some(data) if !data.is_null() => data.take(),
        _ => answer,
    }
}

fn signed(request: RequestBuilder, key: &SecretString) -> RequestBuilder {
    match bearer(key.expose_secret()) {
        Some(value) => request.header(header::AUTHORIZATION, value),
        None => request,
    }
}

impl From<CallError> for CheckError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable(words) => Self::Unreachable(words.into_string()),
            CallError::WebPage => Self::WebPage,
            CallError::Status { status: 401, .. } => Self::Rejected,
            CallError::Status { status: 403, .. } => Self::Forbidden,
            CallError::Status { status, .. } => Self::Refused(status),
            CallError::Nonsense(words) => Self::Odd(words),
        }
    }
}

impl From<CallError> for PairError {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Unreachable(words) => Self::Unreachable(words.into_string()),
            CallError::WebPage => Self::WebPage,
            CallError::Status { status, .. } => Self::Refused(status),
            CallError::Nonsense(words) => Self::Odd(words),
        }
    }
}
