//! Live attention, as a client feels it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod common;

use common::{QUERY, connect_with, http, refusal};
use futures_util::{SinkExt, StreamExt};
use orgx_sandbox::gateway::{Gateway, RefusesV3};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

fn question() -> Value {
    json!({
        "initiative_id": "ini", "run_id": "r1", "source_client": "opencode", "idempotency_key": "k1",
        "question": "May it?", "context": "ls", "blocking": true, "attention_kind": "question",
        "response_mode": "single_select", "source_tool": "permission", "source_event_id": "per_1",
        "options": [{"id": "allow_once", "label": "Allow once"}, {"id": "deny", "label": "Deny"}],
        "continuation": {"strategy": "reply_in_place", "tool_call_id": "per_1"},
    })
}

async fn post(gateway: &Gateway, path: &str, key: &str, body: &Value) -> (u16, Value) {
    let url = format!("{}/api/client/live/attention{path}", gateway.base_url());
    let request = http().post(url).bearer_auth("oxk").header("Idempotency-Key", key);
    let request = request.header("content-type", "application/json").body(body.to_string());
    let reply = request.send().await.unwrap();
    let status = reply.status().as_u16();
    (status, serde_json::from_str(&reply.text().await.unwrap()).unwrap())
}

async fn poll(gateway: &Gateway, id: &str) -> (u16, Value) {
    let url = format!("{}/api/client/live/attention/{id}", gateway.base_url());
    let reply = http().get(url).bearer_auth("oxk").send().await.unwrap();
    let status = reply.status().as_u16();
    (status, serde_json::from_str(&reply.text().await.unwrap()).unwrap())
}

#[tokio::test]
async fn a_question_is_asked_once_for_a_key_and_its_answer_is_polled() {
    let gateway = Gateway::start().await.unwrap();
    assert_eq!(post(&gateway, "", "k1", &question()).await, (201, json!({"decision_id": "dec_1"})));
    assert_eq!(post(&gateway, "", "k1", &question()).await, (200, json!({"decision_id": "dec_1"})));
    let mut other = question();
    other["idempotency_key"] = json!("k2");
    assert_eq!(post(&gateway, "", "k2", &other).await.1, json!({"decision_id": "dec_3"}));
    let asked = gateway.attention().wait_asked("r1").await.unwrap();
    assert_eq!((asked.id.as_str(), asked.key.as_str(), &asked.body), ("dec_1", "k1", &question()));
    let times: Vec<usize> = gateway.attention().asked().iter().map(|asked| asked.times).collect();
    assert_eq!(times, [2, 1]);

    assert_eq!(poll(&gateway, "dec_1").await, (200, json!({"question": {"id": "dec_1", "resolved": false}})));
    gateway.attention().answer("dec_1", json!({"resolved": true, "answer": "deny"}));
    let answered = json!({"question": {"id": "dec_1", "resolved": true, "answer": "deny"}});
    assert_eq!(poll(&gateway, "dec_1").await, (200, answered));
    assert_eq!(poll(&gateway, "dec_9").await.0, 404);
    assert!(gateway.violations().is_empty());
}

#[tokio::test]
async fn what_became_of_an_answer_is_recorded_and_checked() {
    let gateway = Gateway::start().await.unwrap();
    post(&gateway, "", "k1", &question()).await;
    let told = json!({"run_id": "r1", "source_client": "p", "state": "resumed", "idempotency_key": "k",
                      "occurred_at": "2026-11-20T10:00:00.000Z"});
    assert_eq!(post(&gateway, "/dec_1", "k:resumed", &told).await.0, 200);
    assert_eq!(post(&gateway, "/dec_9", "k:resumed", &told).await.0, 404);
    let heard = gateway.attention().wait_told("dec_1", "resumed").await.unwrap();
    assert_eq!((heard.len(), heard[0].key.as_str(), &heard[0].detail), (1, "k", &None));
    assert!(gateway.violations().is_empty());
    assert_eq!(post(&gateway, "/dec_1", "k", &told).await.0, 400);
    assert_eq!(gateway.attention().told("dec_1").len(), 1);
    assert_eq!(gateway.violations().len(), 1);
}

#[tokio::test]
async fn a_question_that_is_not_as_it_should_be_is_refused() {
    let gateway = Gateway::start().await.unwrap();
    for (path, value, problem) in [
        ("/initiative_id", json!(null), "initiative_id is missing"),
        ("/idempotency_key", json!("other"), "Idempotency-Key is not the body's idempotency_key"),
        ("/blocking", json!(false), "blocking is not true"),
        ("/response_mode", json!("free_text"), "response_mode free_text does not go with 2 options"),
        ("/options/1/id", json!("allow_once"), "two options have the same id"),
        ("/continuation/strategy", json!("later"), "continuation.strategy is not reply_in_place"),
        ("/continuation", json!({"diff": 1}), "field diff is unknown"),
    ] {
        let mut body = question();
        *body.pointer_mut(path).unwrap() = value;
        assert_eq!(post(&gateway, "", "k1", &body).await, (400, json!({"error": problem})));
    }
    assert_eq!(gateway.violations().len(), 7);
    assert!(gateway.attention().asked().is_empty());
}

#[tokio::test]
async fn v3_is_accepted_unless_the_gateway_speaks_v1_only() {
    let gateway = Gateway::start().await.unwrap();
    let v3 = async || connect_with(gateway.port(), QUERY, "orgx.v3, bearer.oxk_test").await;
    post(&gateway, "", "k1", &question()).await;
    let mut socket = v3().await.unwrap();
    let asked = gateway.attention().asked().remove(0);
    gateway.push_answer(&asked, "res_1", &json!({"status": "approved"}));
    let Some(Ok(Message::Text(text))) = socket.next().await else { panic!("no frame") };
    assert_eq!(
        serde_json::from_str::<Value>(&text).unwrap(),
        json!({"kind": "attention.resolve", "protocol_version": 3, "decision_id": "dec_1", "run_id": "r1",
               "driver": "opencode", "idempotency_key": "res_1", "session_handle": null,
               "resolution": {"status": "approved"}})
    );
    let frame =
        json!({"kind": "continuation.receipt", "protocol_version": 3, "run_id": "r1", "state": "done"});
    socket.send(Message::text(frame.to_string())).await.unwrap();
    gateway.wait_for("the frame", |frames| frames.len() == 1).await.unwrap();
    assert_eq!(gateway.violations(), ["socket: decision_id is missing"]);

    for how in [RefusesV3::SelectsNothing, RefusesV3::SelectsV1] {
        gateway.refuse_v3(Some(how));
        assert!(v3().await.is_err(), "{how:?}");
    }
    gateway.refuse_v3(Some(RefusesV3::Status400));
    assert_eq!(refusal(v3().await).0, 400);
    gateway.refuse_v3(Some(RefusesV3::Close4000));
    let mut socket = v3().await.unwrap();
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("no close") };
    assert_eq!(u16::from(frame.code), 4000);
    common::connect(gateway.port()).await.unwrap();
}
