//! The HTTP endpoints beside the socket.

use std::sync::Arc;

use http::StatusCode;
use hyper::body::Incoming;
use serde_json::json;

use super::{
    attention,
    faults::{Endpoint, HttpFault},
    pairings,
    state::{State, Verdict},
};
use crate::http::{
    Reply, Request, cut_short, empty, header, html, json, never, no_such_path, parse_status, read, text,
};

/// The size of an answer that is too large for any good reason.
const HUGE: usize = 8 * 1024 * 1024;

pub(super) async fn answer(state: Arc<State>, request: hyper::Request<Incoming>) -> Reply {
    let Ok(request) = read(request, &state.requests).await else {
        return text(StatusCode::BAD_REQUEST, "the body did not come");
    };
    let Some((endpoint, method)) = route(&request) else { return no_such_path() };
    match state.faults.next_http(endpoint) {
        HttpFault::Pass => {}
        fault => return spoil(fault).await,
    }
    if !method.split(", ").any(|method| request.method == method) {
        return json(StatusCode::METHOD_NOT_ALLOWED, &json!({"error": format!("use {method}")}));
    }
    match serve(&state, endpoint, &request) {
        Ok(reply) => reply,
        Err((status, problem)) => {
            if status == StatusCode::BAD_REQUEST {
                state.violation(format!("{} {}: {problem}", request.method, request.path));
            }
            json(status, &json!({"error": problem}))
        }
    }
}

fn route(request: &Request) -> Option<(Endpoint, &'static str)> {
    match request.path.as_str() {
        "/api/v1/licenses/heartbeat" => Some((Endpoint::License, "POST")),
        "/api/v1/gateway/heartbeat" => Some((Endpoint::Presence, "POST")),
        "/api/v1/plan-skills" => Some((Endpoint::PlanSkills, "GET")),
        "/api/client/sync" => Some((Endpoint::Sync, "POST")),
        "/api/v1/workspaces/current" => Some((Endpoint::CurrentWorkspace, "GET")),
        "/api/entities" => Some((Endpoint::Workspaces, "GET")),
        _ if run_id(request).is_some() => Some((Endpoint::Receipt, "POST")),
        _ => attention::route(request).or_else(|| pairings::route(request)),
    }
}

fn run_id(request: &Request) -> Option<String> {
    request.segment("/api/v1/runs/", "/receipt")
}

fn serve(state: &State, endpoint: Endpoint, request: &Request) -> Result<Reply, (StatusCode, String)> {
    let wrong = |problem: &str| (StatusCode::BAD_REQUEST, problem.to_owned());
    if let Some(reply) = pairings::serve(state, endpoint, request) {
        return reply;
    }
    let key = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    match key.map_or(Verdict::Unknown, |key| state.verdict(key)) {
        Verdict::Accepted => {}
        Verdict::Unknown => return Err((StatusCode::UNAUTHORIZED, "this key is not accepted".to_owned())),
        Verdict::Forbidden => return Err((StatusCode::FORBIDDEN, "this key may not do that".to_owned())),
    }
    if request.method == "POST" && !(request.is_json() && request.body.is_object()) {
        return Err(wrong("the body is not a JSON object declared as one"));
    }
    match endpoint {
        Endpoint::License => Ok(json(StatusCode::OK, &json!({"status": "active"}))),
        Endpoint::Presence => Ok(json(StatusCode::OK, &json!({"ok": true}))),
        Endpoint::PlanSkills => {
            if request.query_value("workspace_id").is_none_or(|id| id.is_empty()) {
                return Err(wrong("query workspace_id is missing"));
            }
            Ok(json(StatusCode::OK, &state.skills()))
        }
        Endpoint::Receipt => {
            let run_id = run_id(request).ok_or_else(|| wrong("run id is missing"))?;
            if request.header("idempotency-key") != Some(run_id.as_str()) {
                return Err(wrong("Idempotency-Key is not the run id"));
            }
            if state.keep_receipt(&run_id, &request.body) {
                Ok(json(StatusCode::CREATED, &json!({"ok": true})))
            } else {
                Ok(json(StatusCode::OK, &json!({"ok": true, "duplicate": true})))
            }
        }
        Endpoint::Sync => Ok(json(StatusCode::OK, &json!({"ok": true, "data": {}}))),
        Endpoint::CurrentWorkspace => match state.workspaces().first() {
            Some((id, name)) => {
                Ok(json(StatusCode::OK, &json!({"ok": true, "data": {"id": id, "name": name}})))
            }
            None => Ok(no_such_path()),
        },
        Endpoint::Workspaces if state.workspaces().is_empty() => Ok(no_such_path()),
        Endpoint::Workspaces => {
            if request.query_value("type").as_deref() != Some("workspace") {
                return Err(wrong("query type is not workspace"));
            }
            let all = state.workspaces();
            let all: Vec<_> = all.iter().map(|(id, name)| json!({"id": id, "title": name})).collect();
            Ok(json(StatusCode::OK, &json!({"ok": true, "data": all})))
        }
        Endpoint::AttentionAsk | Endpoint::AttentionPoll | Endpoint::AttentionTold => {
            attention::serve(state, endpoint, request)
        }
        Endpoint::PairingStart
        | Endpoint::PairingPoll
        | Endpoint::PairingAck
        | Endpoint::PairingCancel
        | Endpoint::ConnectPage => Ok(no_such_path()),
    }
}

async fn spoil(fault: HttpFault) -> Reply {
    match fault {
        HttpFault::Status { code, headers, body } => {
            let mut reply = text(parse_status(code), body);
            header(&mut reply, "content-type", "application/json");
            for (name, value) in headers {
                header(&mut reply, &name, &value);
            }
            reply
        }
        HttpFault::Html => html(),
        HttpFault::Redirect(url) => {
            let mut reply = empty(StatusCode::TEMPORARY_REDIRECT);
            header(&mut reply, "location", &url);
            reply
        }
        HttpFault::Huge => json(StatusCode::OK, &json!({"skills": [], "padding": "x".repeat(HUGE)})),
        HttpFault::Garbage => {
            let mut reply = text(StatusCode::OK, "{\"skills\": [oops");
            header(&mut reply, "content-type", "application/json");
            reply
        }
        HttpFault::ResetBody => cut_short(),
        HttpFault::Hang | HttpFault::Pass => never().await,
    }
}
