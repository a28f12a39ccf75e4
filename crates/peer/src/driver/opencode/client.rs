//! The calls of the `server` dialect: the HTTP API of OpenCode 1.x. Each has a time limit, and its content type is
//! checked: OpenCode answers unknown paths with a web page. Facts: opencode.md, 2.

use crate::http::{CallError, json, success};
use crate::limits;
use orgx_proto::agent::PermissionRule;
use reqwest::{RequestBuilder, Response};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::{Value, json as object};
use std::time::Duration;
use url::Url;

/// A server and the way to speak to it.
#[derive(Clone, Debug)]
pub(super) struct Client {
    http: reqwest::Client,
    origin: Url,
    login: Option<(String, SecretString)>,
    /// How it was found, for people.
    pub(super) found: &'static str,
}

/// `GET /global/health`.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Health {
    pub(super) healthy: bool,
    #[serde(default)]
    pub(super) version: Option<String>,
}

impl Client {
    pub(super) fn new(
        origin: Url,
        login: Option<(String, SecretString)>,
        found: &'static str,
    ) -> Result<Self, String> {
        // No overall limit: the event feed lasts. Each call sets its own.
        let http = crate::http::client(&origin, None).map_err(|error| error.to_string())?;
        Ok(Self { http, origin, login, found })
    }

    pub(super) fn origin(&self) -> &Url {
        &self.origin
    }

    /// Its user's name and password, if it has one.
    pub(super) fn login(&self) -> Option<&(String, SecretString)> {
        self.login.as_ref()
    }

    pub(super) async fn health(&self) -> Result<Health, CallError> {
        json(self.call(self.get("/global/health", None), limits::AGENT_PROBE).await?).await
    }

    /// How many providers are connected; their bodies hold API keys and are dropped here.
    pub(super) async fn connected_providers(&self) -> Result<usize, CallError> {
        #[derive(Deserialize)]
        struct Providers {
            #[serde(default)]
            connected: Vec<serde::de::IgnoredAny>,
        }
        let providers: Providers =
            json(self.call(self.get("/provider", None), limits::AGENT_CALL).await?).await?;
        Ok(providers.connected.len())
    }

    /// Makes a session in a folder, and returns its id.
    pub(super) async fn create_session(
        &self,
        dir: &str,
        title: &str,
        run_id: &str,
        rules: &[PermissionRule],
    ) -> Result<String, CallError> {
        #[derive(Deserialize)]
        struct Session {
            id: String,
            directory: Option<String>,
        }
        let mut body = object!({ "title": title, "metadata": { "orgx_run_id": run_id } });
        if !rules.is_empty() {
            body["permission"] = object!(rules);
        }
        let request = self.post("/session", Some(dir)).json(&body);
        let session: Session = json(self.call(request, limits::AGENT_CALL).await?).await?;
        if !session.id.starts_with("ses") {
            return Err(CallError::Nonsense("answered with a session id that is none"));
        }
        // The folder was judged before; work in any other one was never allowed.
        if cfg!(unix) && session.directory.is_some_and(|made_in| made_in != dir) {
            return Err(CallError::Nonsense("made the session in another folder"));
        }
        Ok(session.id)
    }

    /// The newest session of a folder that was made for this run.
    pub(super) async fn find_session(&self, dir: &str, run_id: &str) -> Result<Option<String>, CallError> {
        let sessions: Vec<Value> =
            json(self.call(self.get("/session", Some(dir)), limits::AGENT_CALL).await?).await?;
        let ours = |session: &&Value| {
            session.pointer("/metadata/orgx_run_id").and_then(Value::as_str) == Some(run_id)
                && session.get("directory").and_then(Value::as_str).is_none_or(|made_in| made_in == dir)
        };
        Ok(sessions.iter().find(ours).and_then(|session| session.get("id")?.as_str()).map(ToOwned::to_owned))
    }

    /// Prompts a session; the work itself is told by events.
    pub(super) async fn prompt(
        &self,
        session: &str,
        message_id: &str,
        text: &str,
        model: Option<&str>,
        agent: Option<&str>,
    ) -> Result<(), CallError> {
        let mut body = object!({ "messageID": message_id, "parts": [{ "type": "text", "text": text }] });
        if let Some((provider, model)) = model.and_then(|model| model.split_once('/')) {
            body["model"] = object!({ "providerID": provider, "modelID": model });
        }
        if let Some(agent) = agent {
            body["agent"] = agent.into();
        }
        let request = self.post(&format!("/session/{session}/prompt_async"), None).json(&body);
        self.call(request, limits::AGENT_CALL).await.map(drop)
    }

    /// Does the session have this message?
    pub(super) async fn has_message(&self, session: &str, message_id: &str) -> Result<bool, CallError> {
        let request = self.get(&format!("/session/{session}/message/{message_id}"), None);
        match self.call(request, limits::AGENT_CALL).await {
            Ok(_) => Ok(true),
            Err(CallError::Status { status: 404, .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Takes back what the session changed since this message, the message included. Returns the session as it is then.
    pub(super) async fn revert(&self, session: &str, message_id: &str) -> Result<Value, CallError> {
        let request = self.post(&format!("/session/{session}/revert"), None);
        let request = request.json(&object!({ "messageID": message_id }));
        json(self.call(request, limits::AGENT_CALL).await?).await
    }

    /// Brings back what was taken back.
    pub(super) async fn unrevert(&self, session: &str) -> Result<(), CallError> {
        let request = self.post(&format!("/session/{session}/unrevert"), None);
        self.call(request, limits::AGENT_CALL).await.map(drop)
    }

    /// The agents of a folder, with all rules that hold for each.
    pub(super) async fn agents(&self, dir: &str) -> Result<Vec<Value>, CallError> {
        json(self.call(self.get("/agent", Some(dir)), limits::AGENT_CALL).await?).await
    }

    /// The configuration of a folder. It may hold keys: take one field out of it, and drop it.
    pub(super) async fn config(&self, dir: &str) -> Result<Value, CallError> {
        json(self.call(self.get("/config", Some(dir)), limits::AGENT_CALL).await?).await
    }

    /// Puts rules after those that a session has.
    pub(super) async fn add_rules(&self, session: &str, rules: &[PermissionRule]) -> Result<(), CallError> {
        let request = self.http.patch(self.url(&format!("/session/{session}"), None));
        self.call(request.json(&object!({ "permission": rules })), limits::AGENT_CALL).await.map(drop)
    }

    pub(super) async fn abort(&self, session: &str) -> Result<(), CallError> {
        let request = self.post(&format!("/session/{session}/abort"), None);
        self.call(request, limits::AGENT_CALL).await.map(drop)
    }

    pub(super) async fn session(&self, session: &str) -> Result<Value, CallError> {
        json(self.call(self.get(&format!("/session/{session}"), None), limits::AGENT_CALL).await?).await
    }

    /// The newest sessions of all folders and projects.
    pub(super) async fn sessions(&self, most: usize) -> Result<Vec<Value>, CallError> {
        let mut url = self.url("/experimental/session", None);
        url.query_pairs_mut().append_pair("limit", &most.to_string());
        json(self.call(self.http.get(url), limits::AGENT_CALL).await?).await
    }

    pub(super) async fn children(&self, session: &str) -> Result<Vec<Value>, CallError> {
        json(self.call(self.get(&format!("/session/{session}/children"), None), limits::AGENT_CALL).await?)
            .await
    }

    /// The newest messages of a session, oldest first: as many as fit into one answer.
    pub(super) async fn messages(&self, session: &str) -> Result<Vec<Value>, CallError> {
        self.newest_messages(session, &["100", "20", "4", "1"]).await
    }

    /// As [`Self::messages`], further back. Look whether it reaches as far as it has to.
    pub(super) async fn all_messages(&self, session: &str) -> Result<Vec<Value>, CallError> {
        self.newest_messages(session, &["1000", "100", "20", "4", "1"]).await
    }

    async fn newest_messages(&self, session: &str, mosts: &[&str]) -> Result<Vec<Value>, CallError> {
        let mut url = self.url(&format!("/session/{session}/message"), None);
        let mut answer = Err(CallError::Nonsense("answered with more than 4 MiB"));
        for most in mosts {
            url.query_pairs_mut().clear().append_pair("limit", most);
            answer = json(self.call(self.http.get(url.clone()), limits::AGENT_CALL).await?).await;
            if !matches!(answer, Err(CallError::Nonsense(_))) {
                break;
            }
        }
        answer
    }

    /// The sessions of a folder that are busy or retrying, by id.
    pub(super) async fn statuses(&self, dir: &str) -> Result<serde_json::Map<String, Value>, CallError> {
        json(self.call(self.get("/session/status", Some(dir)), limits::AGENT_CALL).await?).await
    }

    /// Open permission asks of a folder.
    pub(super) async fn permissions(&self, dir: &str) -> Result<Vec<Value>, CallError> {
        json(self.call(self.get("/permission", Some(dir)), limits::AGENT_CALL).await?).await
    }

    /// Open questions of a folder.
    pub(super) async fn questions(&self, dir: &str) -> Result<Vec<Value>, CallError> {
        json(self.call(self.get("/question", Some(dir)), limits::AGENT_CALL).await?).await
    }

    /// Allows something this once, or rejects it with a message: without one the agent would end its work. PROTOCOL:
    /// `always` would cover the person's own sessions, and is never sent.
    pub(super) async fn reply_permission(
        &self,
        dir: &str,
        id: &str,
        no: Option<&str>,
    ) -> Result<(), CallError> {
        let body = match no {
            None => object!({ "reply": "once" }),
            Some(message) => object!({ "reply": "reject", "message": message }),
        };
        let request = self.post(&format!("/permission/{id}/reply"), Some(dir)).json(&body);
        self.call(request, limits::AGENT_CALL).await.map(drop)
    }

    /// Answers each part of a question.
    pub(super) async fn answer_question(
        &self,
        dir: &str,
        id: &str,
        answers: &[Vec<String>],
    ) -> Result<(), CallError> {
        let body = object!({ "answers": answers });
        let request = self.post(&format!("/question/{id}/reply"), Some(dir)).json(&body);
        self.call(request, limits::AGENT_CALL).await.map(drop)
    }

    /// Lets a server clean up before it is ended.
    pub(super) async fn dispose(&self) -> Result<(), CallError> {
        self.call(self.post("/global/dispose", None), limits::AGENT_PROBE).await.map(drop)
    }

    /// The event feed of all folders. The limit is for its head only.
    pub(super) async fn events(&self, head_within: Duration) -> Result<Response, CallError> {
        let request = self.get("/global/event", None).header("accept", "text/event-stream");
        let response = tokio::time::timeout(head_within, self.signed(request).send());
        let late = |_| CallError::Unreachable(orgx_proto::redact::Redacted::new("no answer in time"));
        let response = success(response.await.map_err(late)?)?;
        let kind =
            response.headers().get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        if !kind.starts_with("text/event-stream") {
            return Err(CallError::Nonsense("answered with something other than an event stream"));
        }
        Ok(response)
    }

    fn get(&self, path: &str, dir: Option<&str>) -> RequestBuilder {
        self.http.get(self.url(path, dir))
    }

    fn post(&self, path: &str, dir: Option<&str>) -> RequestBuilder {
        self.http.post(self.url(path, dir))
    }

    fn url(&self, path: &str, dir: Option<&str>) -> Url {
        let mut url = self.origin.clone();
        url.set_path(path);
        if let Some(dir) = dir {
            url.query_pairs_mut().append_pair("directory", dir);
        }
        url
    }

    fn signed(&self, request: RequestBuilder) -> RequestBuilder {
        match &self.login {
            Some((user, password)) => request.basic_auth(user, Some(password.expose_secret())),
            None => request,
        }
    }

    async fn call(&self, request: RequestBuilder, limit: Duration) -> Result<Response, CallError> {
        success(self.signed(request).timeout(limit).send().await)
    }
}
