//! The daemon's four endpoints.

use std::sync::Arc;

use http::StatusCode;
use hyper::body::Incoming;
use serde_json::json;

use super::{
    VERSION,
    answers::{EventsAnswer, SessionsAnswer, StatusAnswer},
    play::play,
    state::State,
};
use crate::http::{Hold, Reply, Request, code, header, html, json, never, no_such_path, read, stream, text};

pub(super) async fn answer(state: Arc<State>, request: hyper::Request<Incoming>, hold: Hold) -> Reply {
    let Ok(request) = read(request, &state.requests).await else {
        return text(StatusCode::BAD_REQUEST, "the body did not come");
    };
    match (request.method.as_str(), request.path.as_str()) {
        ("GET", "/status") => status(&state).await,
        ("POST", "/sessions") => create(&state, &request).await,
        ("POST", "/sessions/cancel") => {
            state.cancel(request.seq);
            json(StatusCode::OK, &json!({"ok": true}))
        }
        ("GET", _) => match request.segment("/sessions/", "/events") {
            Some(id) => events(state, &id, hold),
            None => no_such_path(),
        },
        _ => no_such_path(),
    }
}

async fn status(state: &State) -> Reply {
    match state.answers().0 {
        StatusAnswer::Ok { authed } => {
            let mut body = json!({"version": VERSION, "session_count": state.session_count()});
            if let Some(authed) = authed {
                body["authed"] = authed.into();
            }
            json(StatusCode::OK, &body)
        }
        StatusAnswer::Code(status) => code(status),
        StatusAnswer::Html => html(),
        StatusAnswer::Hang => never().await,
        StatusAnswer::Garbage => {
            let mut reply = text(StatusCode::OK, "{\"version\": ");
            header(&mut reply, "content-type", "application/json");
            reply
        }
    }
}

async fn create(state: &State, request: &Request) -> Reply {
    match state.answers().1 {
        SessionsAnswer::Ok => {}
        SessionsAnswer::Code(status) => return code(status),
        SessionsAnswer::Html => return html(),
        SessionsAnswer::Hang => return never().await,
        SessionsAnswer::MissingId => return json(StatusCode::OK, &json!({"ok": true})),
    }
    let refuse = |problem: &str| json(StatusCode::BAD_REQUEST, &json!({"error": problem}));
    if !request.is_json() {
        return refuse("Content-Type is not application/json");
    }
    let Some(key) = request.header("idempotency-key").filter(|key| !key.is_empty()) else {
        return refuse("Idempotency-Key is missing");
    };
    let (Some(_), Some(prompt)) = (request.body["title"].as_str(), request.body["initial_prompt"].as_str())
    else {
        return refuse("title and initial_prompt are needed");
    };
    json(StatusCode::OK, &json!({"session_id": state.create(request, key, prompt)}))
}

fn events(state: Arc<State>, id: &str, hold: Hold) -> Reply {
    match state.answers().2 {
        EventsAnswer::Ok => {}
        EventsAnswer::Code(status) => return code(status),
        EventsAnswer::Html => return html(),
    }
    let Some(session) = state.session(id) else {
        return json(StatusCode::NOT_FOUND, &json!({"error": "no such session"}));
    };
    let (feed, body) = stream(hold);
    tokio::spawn(play(state, session, feed));
    let mut reply = Reply::new(body);
    header(&mut reply, "content-type", "application/x-ndjson");
    header(&mut reply, "cache-control", "no-cache");
    reply
}
