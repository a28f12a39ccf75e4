//! What the endpoints and the page answer.

use std::time::Instant;

use http::StatusCode;
use serde_json::{Value, json};

use super::{PAGE, PATH, page};
use crate::{
    gateway::{faults::Endpoint, state::State},
    http::{Reply, Request, json, page as html_page},
};

pub(in crate::gateway) fn route(request: &Request) -> Option<(Endpoint, &'static str)> {
    if request.path == PATH {
        return Some((Endpoint::PairingStart, "POST"));
    }
    if request.path == PAGE {
        return Some((Endpoint::ConnectPage, "GET, POST"));
    }
    let before = format!("{PATH}/");
    for (after, endpoint, method) in [
        ("/ack", Endpoint::PairingAck, "POST"),
        ("/cancel", Endpoint::PairingCancel, "POST"),
        ("", Endpoint::PairingPoll, "GET"),
    ] {
        if request.segment(&before, after).is_some() {
            return Some((endpoint, method));
        }
    }
    None
}

/// The answer, if it is one of these endpoints.
pub(in crate::gateway) fn serve(
    state: &State,
    endpoint: Endpoint,
    request: &Request,
) -> Option<Result<Reply, (StatusCode, String)>> {
    let known = matches!(
        endpoint,
        Endpoint::PairingStart
            | Endpoint::PairingPoll
            | Endpoint::PairingAck
            | Endpoint::PairingCancel
            | Endpoint::ConnectPage
    );
    known.then(|| answer(state, endpoint, request))
}

fn answer(state: &State, endpoint: Endpoint, request: &Request) -> Result<Reply, (StatusCode, String)> {
    let ok = |data: Value| Ok(json(StatusCode::OK, &json!({"ok": true, "data": data})));
    if endpoint == Endpoint::ConnectPage {
        return Ok(on_the_page(state, request));
    }
    if request.header("authorization").is_some() {
        return Err((StatusCode::BAD_REQUEST, "a pairing carries no key".to_owned()));
    }
    if endpoint == Endpoint::PairingStart {
        if request.body["installationId"].as_str().is_none_or(str::is_empty) {
            return Err((StatusCode::BAD_REQUEST, "installationId is missing".to_owned()));
        }
        let host = request.header("host").unwrap_or("127.0.0.1");
        return ok(state.pairings.begin(&request.body, &format!("http://{host}")));
    }
    let token = match endpoint {
        Endpoint::PairingPoll => request.query_value("pollToken"),
        _ => request.body["pollToken"].as_str().map(ToOwned::to_owned),
    };
    let mut inner = state.pairings.inner();
    let workspace = inner.workspace.clone();
    let id = request.path[PATH.len()..].trim_matches('/').split('/').next().unwrap_or_default();
    let found = inner.pairings.iter_mut().find(|pairing| pairing.id == id);
    let Some(pairing) = found else {
        return Err((StatusCode::NOT_FOUND, "no such pairing".to_owned()));
    };
    if token.as_deref() != Some(pairing.token.as_str()) {
        return Err((StatusCode::FORBIDDEN, "this is not its token".to_owned()));
    }
    match endpoint {
        Endpoint::PairingAck => {
            pairing.acked = true;
            pairing.status = "consumed";
            ok(json!({"acked": true}))
        }
        Endpoint::PairingCancel => {
            pairing.given_up = Some(request.body["reason"].as_str().unwrap_or_default().to_owned());
            pairing.status = "cancelled";
            ok(json!({"status": "cancelled"}))
        }
        _ => match pairing.look() {
            "ready" => {
                state.give_key(&pairing.key);
                ok(json!({
                    "status": "ready", "key": pairing.key, "keyPrefix": "oxk_sandbox", "workspaceName": workspace,
                }))
            }
            "failed" => {
                ok(json!({"status": "failed", "errorCode": "claim_failed", "errorMessage": pairing.failed}))
            }
            status => ok(json!({"status": status})),
        },
    }
}

/// Shows the page, or does what was pressed on it.
fn on_the_page(state: &State, request: &Request) -> Reply {
    let pressed = request.body.as_str().unwrap_or_default().as_bytes().to_vec();
    let form: Vec<(String, String)> = if request.method == "POST" {
        url::form_urlencoded::parse(&pressed).into_owned().collect()
    } else {
        request.query_pairs()
    };
    let value = |name: &str| form.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.as_str());
    let mut inner = state.pairings.inner();
    let found = inner
        .pairings
        .iter_mut()
        .find(|pairing| pairing.id == value("pairingId") && pairing.claim == value("claimToken"));
    let Some(pairing) = found else {
        return html_page(StatusCode::NOT_FOUND, page::unknown());
    };
    if request.method == "POST" && pairing.is_open() && Instant::now() < pairing.ends {
        pairing.status = if value("do") == "connect" { "ready" } else { "cancelled" };
    } else if pairing.status == "pending" {
        pairing.status = "authorized";
    }
    html_page(StatusCode::OK, page::of(pairing))
}
