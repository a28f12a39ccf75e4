//! The HTTP calls to OrgX: license heartbeat, presence, skill rules, receipts, and (beside) remote attention. Each carries the key to the
//! configured origin, follows no redirect, and has a time limit.

use crate::clock::Clock;
use crate::driver::Detected;
use crate::http::{CallError, bearer, is_web_page, json, success};
use crate::limits;
use orgx_proto::connection::PROTOCOL_VERSION;
use orgx_proto::ids::RunId;
use orgx_proto::receipt::Answer;
use orgx_proto::redact::Redacted;
use reqwest::{Client, RequestBuilder, Response, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json as object};
use url::Url;

/// What OrgX says of this installation's license.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum License {
    /// Nobody asked yet, or nobody answered.
    #[default]
    Unknown,
    /// In order.
    Active,
    /// Unsigned: OrgX may refuse deviations. PROTOCOL: contract B1.
    Degraded,
    /// 402: revoked, or not paid.
    Revoked,
}

/// What presence tells. PROTOCOL: contract B2.
#[derive(Clone, Debug)]
pub(crate) struct Presence {
    pub(crate) online: bool,
    pub(crate) paused: bool,
    pub(crate) queue_depth: usize,
    /// What speaks for all agents.
    pub(crate) agent: Detected,
    /// Those that a task can be given to.
    pub(crate) drivers: Vec<String>,
}

/// OrgX over HTTP.
#[derive(Clone, Debug)]
pub(crate) struct Api {
    pub(crate) client: Client,
    pub(crate) clock: Clock,
    pub(crate) base_url: Url,
    pub(crate) key: SecretString,
    pub(crate) workspace_id: String,
    pub(crate) plugin_id: String,
    pub(crate) installation_id: String,
    pub(crate) drivers: Vec<String>,
}

impl Api {
    /// Says that this installation lives, and hears how its license stands.
    pub(crate) async fn license(&self) -> Result<License, CallError> {
        // PROTOCOL: contract H: the fingerprint and signature come with signed packages; until then the seed's
        // placeholder, which a stock server calls degraded.
        let body = object!({
            "workspace_id": self.workspace_id,
            "plugin_name": self.plugin_id,
            "version": env!("CARGO_PKG_VERSION"),
            "manifest_fingerprint": "dev-placeholder",
            "signature": "",
        });
        let call = async {
            let response = self.answer(self.post("/api/v1/licenses/heartbeat").json(&body)).await?;
            Ok(json(response).await.unwrap_or_default())
        };
        match self.in_time(call).await {
            Ok(answer) => {
                let answer: Value = answer;
                let status = answer.get("status").or_else(|| answer.pointer("/license/status"));
                Ok(match status.and_then(Value::as_str) {
                    Some("degraded") => License::Degraded,
                    Some("revoked") => License::Revoked,
                    Some("active") | None => License::Active,
                    Some(_) => License::Unknown,
                })
            }
            Err(CallError::Status { status: 402, .. }) => Ok(License::Revoked),
            Err(error) => Err(error),
        }
    }

    /// Says that this computer is there, and what it can do.
    pub(crate) async fn presence(&self, presence: &Presence) -> Result<(), CallError> {
        let Presence { online, paused, queue_depth, agent, drivers } = presence;
        let body = object!({
            "workspace_id": self.workspace_id,
            "plugin_id": self.plugin_id,
            "installation_id": self.installation_id,
            "host_platform": host_platform(),
            "drivers_installed": drivers,
            "gateway_version": env!("CARGO_PKG_VERSION"),
            "protocol_version": PROTOCOL_VERSION,
            "plan_tier": null,
            "subscription_type": null,
            "subscription_active": agent.subscription_active,
            "metadata": {
                "runtime": "peer",
                "transport_online": online,
                "runtime_online": true,
                "dispatch_ready": *online && !*paused && agent.installed && agent.authenticated,
                "auth_status": if agent.authenticated { "authenticated" } else { "unauthenticated" },
                "auth_method": null,
                "probe_version": agent.version,
                "queue_depth": queue_depth,
                "session_alive": agent.probed.session_alive,
            },
        });
        self.in_time(self.answer(self.post("/api/v1/gateway/heartbeat").json(&body))).await.map(drop)
    }

    /// The team's skill rules, as they came.
    pub(crate) async fn plan_skills(&self) -> Result<Value, CallError> {
        let mut url = self.url("/api/v1/plan-skills");
        url.query_pairs_mut().append_pair("workspace_id", &self.workspace_id);
        self.in_time(async { json(self.answer(self.signed(self.client.get(url))).await?).await }).await
    }

    /// Posts a receipt once.
    pub(crate) async fn receipt(&self, run_id: &RunId, body: String) -> Answer {
        let mut url = self.url("/api/v1/runs");
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(run_id.as_str()).push("receipt");
        }
        let mut request = self.signed(self.client.post(url)).header(header::CONTENT_TYPE, "application/json");
        // An id that no header can carry goes without: the path names the run, and OrgX dedupes on that.
        if let Ok(id) = header::HeaderValue::from_str(run_id.as_str()) {
            request = request.header("Idempotency-Key", id);
        }
        match self.in_time(self.answer(request.body(body))).await {
            Ok(response) => Answer::Status(response.status().as_u16(), None),
            Err(CallError::Status { status, retry_after, .. }) => Answer::Status(status, retry_after),
            Err(_) => Answer::Unreachable,
        }
    }

    /// A success that is no web page: a network's sign-in page has taken nothing.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<Response, CallError> {
        match request.send().await {
            Ok(response) if is_web_page(&response) => Err(CallError::WebPage),
            response => success(response),
        }
    }

    /// By our own clock: a call that was under way when the computer slept has had its time.
    pub(super) async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let late = || Err(CallError::Unreachable(Redacted::new("no answer in time")));
        self.clock.timeout(limits::ORGX_CALL, call).await.unwrap_or_else(late)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.signed(self.client.post(self.url(path)))
    }

    pub(super) fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match bearer(self.key.expose_secret()) {
            Some(value) => request.header(header::AUTHORIZATION, value),
            None => request,
        }
    }

    pub(super) fn url(&self, path: &str) -> Url {
        let mut url = self.base_url.clone();
        url.set_path(path);
        url
    }
}

/// The platform in Node's words, which OrgX knows.
pub(crate) fn host_platform() -> &'static str {
    match std::env::consts::OS {
        "macos" => "darwin",
        "windows" => "win32",
        other => other,
    }
}
