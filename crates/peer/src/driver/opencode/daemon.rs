//! The `daemon` dialect: the seed's contract, to the letter. PROTOCOL: contract C.

use super::stop_on_drop::StopOnDrop;
use crate::driver::lines::Lines;
use crate::driver::{Detected, Probed, RunIo};
use crate::http::{CallError, json, success};
use crate::limits;
use orgx_proto::agent::{Action, ActionKind, AgentEnd, AgentEvent, Failure, PromptPlace, Totals};
use orgx_proto::dispatch::Start;
use orgx_proto::ids::SessionHandle;
use orgx_proto::message::Provider;
use orgx_proto::redact::Redacted;
use reqwest::{Client, Response, header};
use serde_json::{Map, Value, json as object};
use std::collections::VecDeque;
use url::Url;

/// What a run is told when it lost an event.
const TOO_LONG: &str = "an event of the agent was longer than 1 MiB and was left out here";

/// A daemon that answers.
#[derive(Clone, Debug)]
pub(super) struct Daemon {
    http: Client,
    origin: Url,
}

impl Daemon {
    pub(super) fn new(origin: Url) -> Result<Self, String> {
        let http = crate::http::client(&origin, None).map_err(|error| error.to_string())?;
        Ok(Self { http, origin })
    }

    /// What the daemon says of itself.
    pub(super) async fn status(&self) -> Result<Map<String, Value>, CallError> {
        self.ask("detect").await
    }

    /// `GET /status`. PROTOCOL: contract C2, the header says what for.
    async fn ask(&self, probe: &'static str) -> Result<Map<String, Value>, CallError> {
        let request = self.http.get(self.url("/status")).header("x-orgx-probe", probe);
        json(success(request.timeout(limits::AGENT_PROBE).send().await)?).await
    }

    pub(super) async fn detect(&self) -> Detected {
        match self.status().await {
            Ok(status) => {
                let authenticated = status.get("authed") != Some(&Value::Bool(false));
                let version = status
                    .get("version")
                    .and_then(Value::as_str)
                    .map(|text| Redacted::cut(text, 40).into_string());
                Detected {
                    installed: true,
                    authenticated,
                    subscription_active: authenticated,
                    words: format!(
                        "OpenCode daemon {} at {}",
                        version.as_deref().unwrap_or("(no version)"),
                        self.origin
                    ),
                    version,
                    probed: self.probe().await,
                }
            }
            Err(error) => Detected {
                installed: matches!(error, CallError::Status { .. }),
                words: format!("the OpenCode daemon at {} {error}", self.origin),
                ..Detected::default()
            },
        }
    }

    /// How it is doing; a daemon that does not answer is not alive.
    async fn probe(&self) -> Probed {
        let Ok(status) = self.ask("liveness").await else { return Probed::default() };
        let queue_depth = status.get("session_count").and_then(Value::as_u64).unwrap_or_default();
        Probed { session_alive: true, queue_depth }
    }

    /// Runs one task to its end. The key is spent before the session is made: that call carries the prompt.
    pub(super) async fn run(&self, start: Start, io: &RunIo) -> AgentEnd {
        if start.resume.is_some() {
            // A daemon cannot be asked what became of a run; it can be told to stop.
            self.cancel(start.run_id.as_str()).await;
            return AgentEnd::Failed(Failure::peer_restarted());
        }
        if let Some(failure) = beyond_a_daemon(&start) {
            return AgentEnd::Failed(failure);
        }
        if io.spend(PromptPlace::default()).await.is_err() {
            return AgentEnd::Failed(Failure::recoverable("stopped before it began"));
        }
        // From here on the daemon may work: whatever way this ends without its own word, it is told to stop.
        let mut stop = StopOnDrop::new({
            let (daemon, run_id) = (self.clone(), start.run_id.clone());
            async move { daemon.cancel(run_id.as_str()).await }
        });
        let session = match self.create_session(&start).await {
            Ok(session) => session,
            Err(error) => return failed("/sessions", &error),
        };
        // PROTOCOL: contract C knows no second prompt.
        io.cannot_hold().await;
        io.started(SessionHandle::new(session.clone())).await;
        let events = match self.events(&session).await {
            Ok(events) => events,
            Err(error) => return failed("/events", &error),
        };
        self.follow(events, &start, io, &mut stop).await
    }

    async fn create_session(&self, start: &Start) -> Result<String, CallError> {
        let mut body = object!({ "title": start.title, "initial_prompt": start.prompt });
        if let Some(folder) = &start.folder {
            body["cwd"] = folder.as_str().into();
        }
        let mut request = self.http.post(self.url("/sessions")).json(&body);
        if let Ok(key) = header::HeaderValue::from_str(start.key.as_str()) {
            request = request.header("Idempotency-Key", key);
        }
        let answer: Value = json(success(request.timeout(limits::AGENT_CALL).send().await)?).await?;
        match answer.get("session_id").and_then(Value::as_str) {
            Some(id) if !id.is_empty() && id.len() <= orgx_proto::limits::ID_BYTES => Ok(id.to_owned()),
            _ => Err(CallError::Nonsense("answered without a session_id")),
        }
    }

    async fn events(&self, session: &str) -> Result<Response, CallError> {
        // PROTOCOL: contract C2, the id goes into the path as it is.
        let url: Url = format!("{}sessions/{session}/events", self.origin)
            .parse()
            .map_err(|_| CallError::Nonsense("answered with a session_id that no address can carry"))?;
        let request = self.http.get(url).header(header::ACCEPT, "application/x-ndjson").send();
        let late = |_| CallError::Unreachable(Redacted::new("no answer in time"));
        let response = success(tokio::time::timeout(limits::AGENT_CALL, request).await.map_err(late)?)?;
        let kind = response.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        if kind.is_some_and(|kind| kind.starts_with("text/html")) {
            return Err(CallError::Nonsense("answered with a web page where events were due"));
        }
        Ok(response)
    }

    /// Follows the events to their end; disarms `stop` once the daemon has ended, or was told to.
    async fn follow(
        &self,
        mut events: Response,
        start: &Start,
        io: &RunIo,
        stop: &mut StopOnDrop,
    ) -> AgentEnd {
        let mut lines = Lines::default();
        let mut said = VecDeque::new();
        let mut asked_to_stop = false;
        loop {
            while let Some(word) = said.pop_front() {
                match word {
                    Said::Event(event) => io.event(event).await,
                    Said::End(end) => {
                        stop.disarm();
                        return end;
                    }
                }
            }
            let chunk = tokio::select! {
                chunk = events.chunk() => chunk,
                () = io.stopped(), if !asked_to_stop => {
                    asked_to_stop = true;
                    self.cancel(start.run_id.as_str()).await;
                    stop.disarm();
                    continue;
                }
            };
            match chunk {
                Ok(Some(chunk)) => {
                    let skipped = lines.skipped();
                    lines.push(&chunk, |line| said.extend(read(line)));
                    said.extend(
                        (skipped..lines.skipped())
                            .map(|_| Said::Event(AgentEvent::Remark(Redacted::new(TOO_LONG)))),
                    );
                }
                Ok(None) => {
                    lines.finish(|line| said.extend(read(line)));
                    // PROTOCOL: contract A4.5.
                    said.push_back(Said::End(AgentEnd::Failed(Failure::lasting(
                        "driver ended without a terminal result",
                    ))));
                }
                Err(_) => return AgentEnd::Failed(Failure::recoverable("the connection to OpenCode broke")),
            }
        }
    }

    async fn cancel(&self, run_id: &str) {
        let body = object!({ "correlation_run_id": run_id });
        let request = self.http.post(self.url("/sessions/cancel")).json(&body);
        if let Err(error) = success(request.timeout(limits::AGENT_PROBE).send().await) {
            tracing::warn!(%error, "the OpenCode daemon did not take the cancel");
        }
    }

    fn url(&self, path: &str) -> Url {
        let mut url = self.origin.clone();
        url.set_path(path);
        url
    }
}

/// What one line says.
#[derive(Debug, PartialEq)]
pub(crate) enum Said {
    /// The agent did something.
    Event(AgentEvent),
    /// It is over.
    End(AgentEnd),
}

/// One NDJSON line. PROTOCOL: contract C4, C5; what is blank, unparsable, wrongly typed or unknown is skipped.
pub(crate) fn read(line: &[u8]) -> Option<Said> {
    let event: Map<String, Value> = serde_json::from_slice(line.trim_ascii()).ok()?;
    let required = |key: &str| event.get(key)?.as_str().map(ToOwned::to_owned);
    // Absent is fine, wrongly typed is not.
    let optional = |key: &str| match event.get(key) {
        None | Some(Value::Null) => Some(None),
        Some(Value::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    };
    Some(match event.get("kind")?.as_str()? {
        "tool_call" => {
            let (tool, summary) = (required("tool")?, optional("summary")?.unwrap_or_default());
            Said::Event(AgentEvent::Action(Action {
                matched_text: format!("{tool} {summary}"),
                detail: summary,
                evidence_ref: optional("ref")?,
                answers: true,
                kind: ActionKind::ToolCall { tool },
            }))
        }
        "file_edit" => {
            let (path, summary) = (required("path")?, optional("summary")?.unwrap_or_default());
            Said::Event(AgentEvent::Action(Action {
                matched_text: format!("{path} {summary}"),
                detail: summary,
                evidence_ref: optional("diff_ref")?,
                answers: false,
                kind: ActionKind::FileEdit { path, tool: None },
            }))
        }
        "chat" => Said::Event(AgentEvent::Chat),
        "assistant_completed" => Said::End(AgentEnd::Completed(Totals {
            tokens_used: event.get("tokens_used").and_then(Value::as_f64).unwrap_or_default().max(0.0) as u64,
            cost_cents: 0.0,
            provider: Provider::Anthropic,
        })),
        "error" => {
            let message = optional("message").flatten().filter(|text| !text.is_empty());
            let reason = Redacted::without_paths(message.as_deref().unwrap_or("opencode errored"));
            let recoverable = event.get("recoverable") == Some(&Value::Bool(true));
            Said::End(AgentEnd::Failed(Failure { reason, recoverable }))
        }
        _ => return None,
    })
}

/// What the seed's daemon has no call for, and what must not be left out.
fn beyond_a_daemon(start: &Start) -> Option<Failure> {
    let why = if !start.permission.is_empty() {
        "the task brings permission rules, and the agent's daemon cannot be held to any"
    } else if start.ask_before_commands {
        "the person wants to be asked before commands, and the agent's daemon cannot ask"
    } else if start.session.is_some() {
        "the task goes on with a session, and the agent's daemon can only begin new ones"
    } else {
        return None;
    };
    Some(Failure::lasting(why))
}

/// PROTOCOL: contract C2, C5: a daemon that errs fails the run, recoverable.
fn failed(call: &str, error: &CallError) -> AgentEnd {
    let what = match error {
        CallError::Status { status, .. } => format!("OpenCode {call} {status}"),
        other => format!("OpenCode {call} {other}"),
    };
    AgentEnd::Failed(Failure { reason: Redacted::without_paths(&what), recoverable: true })
}
