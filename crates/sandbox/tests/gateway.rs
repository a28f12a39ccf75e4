//! The gateway as a well-behaved, and as a badly behaved, peer meets it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod common;

use common::{QUERY, connect, connect_with, http, refusal};
use futures_util::{SinkExt, StreamExt};
use orgx_sandbox::gateway::Gateway;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{
    Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

const KEY: &str = "Bearer oxk_test";

fn text(value: &Value) -> Message {
    Message::text(value.to_string())
}

#[tokio::test]
async fn a_peer_connects_gets_what_was_waiting_and_is_heard() {
    let gateway = Gateway::start().await.unwrap();
    gateway.dispatch(json!({"kind": "task.dispatch", "run_id": "run-1"}));
    let mut socket = connect(gateway.port()).await.unwrap();
    gateway.wait_connected(1).await.unwrap();
    let first: Value =
        serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap();
    assert_eq!(first["run_id"], "run-1");

    socket.send(text(&json!({"kind": "task.step", "run_id": "run-1", "step": {}}))).await.unwrap();
    socket.send(text(&json!({"kind": "task.deviation", "run_id": "run-1"}))).await.unwrap();
    socket.send(text(&json!({"kind": "task.completed", "run_id": "run-2"}))).await.unwrap();
    socket.send(text(&json!({"kind": "task.failed", "run_id": "run-1", "reason": "x"}))).await.unwrap();
    socket.send(Message::text("not json")).await.unwrap();
    assert_eq!(gateway.terminal("run-1").await.unwrap()["kind"], "task.failed");
    let frames = gateway.wait_for("five frames", |frames| frames.len() == 5).await.unwrap();
    assert_eq!(frames[4].value, Value::String("not json".to_owned()));
    assert!(frames.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(gateway.of_run("run-1").len(), 3);
    assert_eq!(gateway.steps("run-1").len(), 1);
    assert_eq!(gateway.deviations("run-1").len(), 1);
    assert_eq!(gateway.violations(), Vec::<String>::new());
}

#[tokio::test]
async fn pings_are_recorded_and_answered_and_the_peer_can_be_pinged() {
    let gateway = Gateway::start().await.unwrap();
    let mut socket = connect(gateway.port()).await.unwrap();
    socket.send(Message::Ping(b"7".to_vec().into())).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Pong(b"7".to_vec().into()));
    assert_eq!(gateway.pings()[0].payload, b"7");
    gateway.ping(b"hey".to_vec());
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::Ping(b"hey".to_vec().into()));
    let _ = tokio::join!(socket.next(), async {
        gateway.wait_pongs("the answer", |pongs| pongs.len() == 1).await.unwrap();
        gateway.close(1000, "enough");
    });
}

#[tokio::test]
async fn the_newest_version_offered_is_the_one_selected() {
    let gateway = Gateway::start().await.unwrap();
    let tcp = tokio::net::TcpStream::connect(("127.0.0.1", gateway.port())).await.unwrap();
    let request = common::upgrade_request(gateway.port(), QUERY, "orgx.v3, bearer.k");
    let (_socket, response) = tokio_tungstenite::client_async(request, tcp).await.unwrap();
    assert_eq!(response.headers()["sec-websocket-protocol"], "orgx.v3");
}

#[tokio::test]
async fn whoever_offers_no_driver_is_let_in() {
    let gateway = Gateway::start().await.unwrap();
    let query = "workspace_id=w&plugin_id=p&drivers=";
    assert!(connect_with(gateway.port(), query, "orgx.v1, bearer.oxk_test").await.is_ok());
    assert!(gateway.violations().is_empty());
}

#[tokio::test]
async fn a_request_that_is_not_quite_right_is_refused_with_its_fault_named() {
    let good = "orgx.v1, bearer.oxk_test";
    let cases = [
        ("plugin_id=p&workspace_id=w&drivers=opencode", good, "workspace_id is missing or out of order"),
        ("workspace_id=w&plugin_id=p", good, "drivers is missing"),
        ("workspace_id=&plugin_id=p&drivers=opencode", good, "workspace_id is empty"),
        (
            "workspace_id=w&plugin_id=p&drivers=d&runner_instance_id=a&installation_id=b",
            good,
            "installation_id is",
        ),
        ("workspace_id=w&plugin_id=p&drivers=d&runner_instance_id=-a", good, "is not one"),
        ("workspace_id=w&plugin_id=p&drivers=d&token=t", good, "token is unknown"),
        (QUERY, "bearer.oxk_test, orgx.v1", "first subprotocol"),
        (QUERY, "orgx.v1", "1 subprotocols offered"),
        (QUERY, "orgx.v1, bearer.", "carries no key"),
        (QUERY, "orgx.v1, oxk_test", "does not begin with bearer."),
        (QUERY, "orgx.v4, bearer.oxk_test", "not orgx.v1"),
    ];
    let gateway = Gateway::start().await.unwrap();
    for (n, (query, protocols, problem)) in cases.into_iter().enumerate() {
        let (status, body) = refusal(connect_with(gateway.port(), query, protocols).await);
        assert_eq!(status, 400, "{query} {protocols}");
        assert!(body.contains(problem), "{body:?} does not say {problem:?}");
        assert_eq!(gateway.violations().len(), n + 1);
    }
    assert_eq!((gateway.attempts(), gateway.connections()), (11, 0));
}

#[tokio::test]
async fn the_optional_parameters_are_taken_in_order() {
    let gateway = Gateway::start().await.unwrap();
    let query = format!("{QUERY}&installation_id=i&runner_instance_id=r.1:a_b-c");
    connect_with(gateway.port(), &query, "orgx.v1, bearer.k").await.unwrap();
    assert_eq!(gateway.upgrades()[0].query_value("plugin_id").unwrap(), "@useorgx/orgx-opencode-plugin");
}

#[tokio::test]
async fn only_the_key_that_was_set_is_accepted() {
    let gateway = Gateway::start().await.unwrap();
    gateway.accept_key(Some("oxk_other".to_owned()));
    assert_eq!(refusal(connect(gateway.port()).await).0, 401);
    connect_with(gateway.port(), QUERY, "orgx.v1, bearer.oxk_other").await.unwrap();
    let url = format!("{}/api/v1/plan-skills?workspace_id=w", gateway.base_url());
    assert_eq!(http().get(&url).header("authorization", KEY).send().await.unwrap().status(), 401);
    assert_eq!(http().get(&url).send().await.unwrap().status(), 401);
    assert_eq!(http().get(&url).bearer_auth("oxk_other").send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn what_the_client_says_at_the_end_is_kept() {
    let gateway = Gateway::start().await.unwrap();
    let mut socket = connect(gateway.port()).await.unwrap();
    let frame = CloseFrame { code: CloseCode::Normal, reason: "client closing".into() };
    socket.close(Some(frame)).await.unwrap();
    while socket.next().await.is_some_and(|message| message.is_ok()) {}
    let closed = gateway.wait_closed().await.unwrap();
    assert_eq!((closed.code, closed.reason.as_str()), (1000, "client closing"));

    drop(connect(gateway.port()).await.unwrap());
    gateway.wait_connected(2).await.unwrap();
    assert_eq!(gateway.wait_closed().await.unwrap().code, 1006);
}

#[tokio::test]
async fn the_server_closes_with_its_code_and_keeps_later_frames_for_the_next_connection() {
    let gateway = Gateway::start().await.unwrap();
    let mut socket = connect(gateway.port()).await.unwrap();
    gateway.wait_connected(1).await.unwrap();
    gateway.close(4401, "key revoked");
    gateway.send_text("for the next");
    let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("no close") };
    assert_eq!((u16::from(frame.code), frame.reason.as_str()), (4401, "key revoked"));
    assert!(socket.next().await.is_none());
    assert_eq!(gateway.wait_closed().await.unwrap().code, 4401);
    let mut socket = connect(gateway.port()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("for the next"));
}

#[tokio::test]
async fn a_stopped_gateway_leaves_its_port_to_the_next() {
    let gateway = Gateway::start().await.unwrap();
    let port = gateway.port();
    let mut socket = connect(port).await.unwrap();
    gateway.wait_connected(1).await.unwrap();
    gateway.stop();
    assert!(!matches!(socket.next().await, Some(Ok(_))));
    let again = Gateway::start_on(port).await.unwrap();
    connect(port).await.unwrap();
    assert_eq!((again.connections(), gateway.connections()), (1, 1));
}

#[tokio::test]
async fn a_restarted_gateway_remembers_and_delivers_what_was_sent_meanwhile() {
    let gateway = Gateway::start().await.unwrap();
    let mut socket = connect(gateway.port()).await.unwrap();
    socket.send(Message::text("{}")).await.unwrap();
    gateway.wait_for("a frame", |frames| frames.len() == 1).await.unwrap();
    gateway.stop();
    gateway.send_text("meanwhile");
    assert!(tokio::net::TcpStream::connect(("127.0.0.1", gateway.port())).await.is_err());
    gateway.restart().await.unwrap();
    let mut socket = connect(gateway.port()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("meanwhile"));
    assert_eq!((gateway.connections(), gateway.frames().len()), (2, 1));
}

#[tokio::test]
async fn heartbeats_and_skills_are_answered_and_recorded() {
    let gateway = Gateway::start().await.unwrap();
    let client = http();
    for (path, key, value) in [
        ("/api/v1/licenses/heartbeat", "status", json!("active")),
        ("/api/v1/gateway/heartbeat", "ok", json!(true)),
    ] {
        let body = json!({"workspace_id": "w"});
        let request = client.post(gateway.base_url() + path).header("authorization", KEY).json(&body);
        let reply = request.send().await.unwrap();
        assert_eq!(reply.status(), 200);
        assert_eq!(reply.json::<Value>().await.unwrap()[key], value);
    }
    let skills = json!({"skills": [{"id": "s", "rules": []}]});
    gateway.set_skills(skills.clone());
    let url = format!("{}/api/v1/plan-skills?workspace_id=a%20b", gateway.base_url());
    let reply = client.get(url).header("authorization", KEY).send().await.unwrap();
    assert_eq!(reply.json::<Value>().await.unwrap(), skills);
    let reply = client.get(gateway.base_url() + "/nowhere").send().await.unwrap();
    assert_eq!(reply.status(), 404);
    assert_eq!(reply.json::<Value>().await.unwrap(), json!({"error": "not found"}));

    let requests = gateway.wait_request("four", |requests| requests.len() == 4).await.unwrap();
    assert_eq!(requests[0].body["workspace_id"], "w");
    assert_eq!(requests[0].header("authorization"), Some(KEY));
    assert_eq!(requests[2].query_value("workspace_id").unwrap(), "a b");
}

#[tokio::test]
async fn a_receipt_is_kept_once_and_needs_its_idempotency_key() {
    let gateway = Gateway::start().await.unwrap();
    let url = format!("{}/api/v1/runs/run%2F1/receipt", gateway.base_url());
    let post = async |key: &str, tokens: u64| {
        let request = http().post(&url).header("authorization", KEY).header("idempotency-key", key);
        let reply = request.json(&json!({"tokens_used": tokens})).send().await.unwrap();
        (reply.status().as_u16(), reply.json::<Value>().await.unwrap())
    };
    assert_eq!(post("another", 1).await.0, 400);
    assert_eq!(post("run/1", 2).await, (201, json!({"ok": true})));
    assert_eq!(post("run/1", 3).await, (200, json!({"ok": true, "duplicate": true})));
    assert_eq!(gateway.receipt("run/1").unwrap()["tokens_used"], 2);
    assert_eq!(gateway.violations().len(), 1);
}
