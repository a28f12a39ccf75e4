//! Each fault of the gateway, as a client feels it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod common;

use std::time::{Duration, Instant};

use common::{Socket, connect, http, refusal};
use futures_util::{SinkExt, StreamExt};
use orgx_sandbox::gateway::{ConnectionFault, Endpoint, Gateway, HttpFault, UpgradeFault};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Error, Message, error::ProtocolError};

/// Long enough to believe that nothing comes.
const NOTHING: Duration = Duration::from_millis(150);

async fn step(socket: &mut Socket, n: usize) {
    let frame = json!({"kind": "task.step", "run_id": "r", "n": n});
    socket.send(Message::text(frame.to_string())).await.unwrap();
}

async fn broken(socket: &mut Socket) -> bool {
    !matches!(socket.next().await, Some(Ok(_)))
}

#[tokio::test]
async fn attempts_are_refused_in_the_order_of_the_queue() {
    let gateway = Gateway::start().await.unwrap();
    gateway.faults().upgrade(UpgradeFault::retry_after(503, 2));
    gateway.faults().upgrade(UpgradeFault::Html);
    gateway.faults().upgrade(UpgradeFault::Pass);
    gateway.faults().upgrade_always(Some(UpgradeFault::refuse(429)));
    let Err(Error::Http(response)) = connect(gateway.port()).await else { panic!("not refused") };
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "2");
    let (status, body) = refusal(connect(gateway.port()).await);
    assert_eq!(status, 200);
    assert!(body.contains("<html>") || body.is_empty(), "{body}");
    connect(gateway.port()).await.unwrap();
    assert_eq!(refusal(connect(gateway.port()).await).0, 429);
    gateway.faults().upgrade_always(None);
    connect(gateway.port()).await.unwrap();
    gateway.wait_connected(2).await.unwrap();
    assert_eq!(gateway.attempts(), 5);
}

#[tokio::test]
async fn a_handshake_can_be_answered_wrongly() {
    let gateway = Gateway::start().await.unwrap();
    for (fault, accept) in [
        (UpgradeFault::NoSubprotocol, false),
        (UpgradeFault::WrongSubprotocol, false),
        (UpgradeFault::WrongAccept, true),
    ] {
        gateway.faults().upgrade(fault);
        let error = connect(gateway.port()).await.unwrap_err();
        let Error::Protocol(error) = error else { panic!("{error:?}") };
        assert_eq!(matches!(error, ProtocolError::SecWebSocketAcceptKeyMismatch), accept, "{error}");
    }
    assert_eq!((gateway.attempts(), gateway.connections()), (3, 0));
}

#[tokio::test]
async fn an_attempt_can_hang() {
    let gateway = Gateway::start().await.unwrap();
    gateway.faults().upgrade(UpgradeFault::Hang);
    assert!(timeout(NOTHING, connect(gateway.port())).await.is_err());
    assert_eq!(gateway.wait_attempts(1).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_connection_closes_after_its_frames() {
    let gateway = Gateway::start().await.unwrap();
    for frames in [0, 2] {
        gateway.faults().connection(ConnectionFault::CloseAfter {
            frames,
            code: 1012,
            reason: "restart".into(),
        });
        let mut socket = connect(gateway.port()).await.unwrap();
        for n in 0..frames {
            step(&mut socket, n).await;
        }
        let Some(Ok(Message::Close(Some(frame)))) = socket.next().await else { panic!("no close") };
        assert_eq!((u16::from(frame.code), frame.reason.as_str()), (1012, "restart"));
    }
    assert_eq!(gateway.frames().len(), 2);
    gateway.faults().connection(ConnectionFault::CloseOnOpen { code: 4000, reason: "old".into() });
    let mut socket = connect(gateway.port()).await.unwrap();
    assert!(matches!(socket.next().await, Some(Ok(Message::Close(Some(_))))));
}

#[tokio::test]
async fn a_connection_is_reset_after_its_frames_and_reads_no_further() {
    let gateway = Gateway::start().await.unwrap();
    gateway.faults().connection(ConnectionFault::ResetAfter { frames: 2 });
    let mut socket = connect(gateway.port()).await.unwrap();
    for n in 0..5 {
        let frame = json!({"kind": "task.step", "run_id": "r", "n": n});
        socket.feed(Message::text(frame.to_string())).await.unwrap();
    }
    let _ = socket.flush().await;
    match socket.next().await {
        Some(Err(Error::Io(error))) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    assert_eq!(gateway.wait_closed().await.unwrap().code, 1006);
    assert_eq!(gateway.frames().len(), 2);
}

#[tokio::test]
async fn a_reset_on_demand_is_one_and_what_is_sent_then_waits() {
    let gateway = Gateway::start().await.unwrap();
    let mut socket = connect(gateway.port()).await.unwrap();
    gateway.wait_connected(1).await.unwrap();
    gateway.reset();
    gateway.dispatch(json!({"kind": "task.cancel"}));
    match socket.next().await {
        Some(Err(Error::Io(error))) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        other => panic!("{other:?}"),
    }
    let mut socket = connect(gateway.port()).await.unwrap();
    assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(r#"{"kind":"task.cancel"}"#));
}

#[tokio::test]
async fn a_stalled_connection_is_silent_and_open_until_it_goes_on() {
    let gateway = Gateway::start().await.unwrap();
    gateway.faults().connection(ConnectionFault::StallAfter { frames: 1 });
    let mut socket = connect(gateway.port()).await.unwrap();
    step(&mut socket, 0).await;
    step(&mut socket, 1).await;
    socket.send(Message::Ping(b"1".to_vec().into())).await.unwrap();
    gateway.wait_for("the first frame", |frames| frames.len() == 1).await.unwrap();
    gateway.send_text("held back");
    assert!(timeout(NOTHING, socket.next()).await.is_err());
    assert_eq!((gateway.frames().len(), gateway.pings().len()), (1, 0));

    gateway.resume();
    let mut got = vec![socket.next().await.unwrap().unwrap(), socket.next().await.unwrap().unwrap()];
    got.sort_by_key(Message::is_text);
    assert_eq!(got, [Message::Pong(b"1".to_vec().into()), Message::text("held back")]);
    assert_eq!(gateway.frames().len(), 2);

    gateway.stall();
    step(&mut socket, 2).await;
    gateway.reset();
    assert!(broken(&mut socket).await);
}

#[tokio::test]
async fn pings_without_pongs_leave_the_rest_of_the_traffic_alone() {
    let gateway = Gateway::start().await.unwrap();
    gateway.faults().connection(ConnectionFault::NoPongs);
    let mut socket = connect(gateway.port()).await.unwrap();
    for n in 0..3_u8 {
        socket.send(Message::Ping(vec![n].into())).await.unwrap();
    }
    gateway.wait_pings("three pings", |pings| pings.len() == 3).await.unwrap();
    let long = "x".repeat(70_000);
    for text in ["short", &"y".repeat(300), &long] {
        gateway.send_text(text);
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text(text));
    }
    assert!(timeout(NOTHING, socket.next()).await.is_err());
}

#[tokio::test]
async fn a_slow_server_takes_its_time_over_each_frame() {
    let gateway = Gateway::start().await.unwrap();
    gateway.faults().connection(ConnectionFault::DelayEach { millis: 50 });
    let mut socket = connect(gateway.port()).await.unwrap();
    let start = Instant::now();
    for n in 0..3 {
        step(&mut socket, n).await;
    }
    gateway.wait_for("three frames", |frames| frames.len() == 3).await.unwrap();
    assert!(start.elapsed() >= Duration::from_millis(150));
}

#[tokio::test]
async fn http_answers_can_be_spoiled_once_or_for_good() {
    let gateway = Gateway::start().await.unwrap();
    let faults = gateway.faults();
    let url = format!("{}/api/v1/plan-skills?workspace_id=w", gateway.base_url());
    let get = async || http().get(&url).bearer_auth("oxk").send().await.unwrap();

    faults.http(Endpoint::PlanSkills, HttpFault::status(503));
    assert_eq!(get().await.status(), 503);
    faults.http(Endpoint::PlanSkills, HttpFault::Redirect("http://127.0.0.1:9/elsewhere".to_owned()));
    let reply = get().await;
    assert_eq!(
        (reply.status().as_u16(), &reply.headers()["location"]),
        (307, &"http://127.0.0.1:9/elsewhere".parse().unwrap())
    );
    faults.http(Endpoint::PlanSkills, HttpFault::Html);
    assert_eq!(get().await.headers()["content-type"], "text/html; charset=utf-8");
    faults.http(Endpoint::PlanSkills, HttpFault::Garbage);
    let reply = get().await;
    assert_eq!(reply.headers()["content-type"], "application/json");
    assert!(reply.json::<Value>().await.is_err());
    faults.http(Endpoint::PlanSkills, HttpFault::Huge);
    assert!(get().await.bytes().await.unwrap().len() > 8 << 20);
    faults.http(Endpoint::PlanSkills, HttpFault::ResetBody);
    let cut = async { http().get(&url).bearer_auth("oxk").send().await?.bytes().await };
    assert!(cut.await.is_err());
    faults.http(Endpoint::PlanSkills, HttpFault::Hang);
    assert!(timeout(NOTHING, http().get(&url).bearer_auth("oxk").send()).await.is_err());
    assert_eq!(get().await.status(), 200);

    faults.http_always(Endpoint::PlanSkills, Some(HttpFault::status(500)));
    for _ in 0..2 {
        assert_eq!(get().await.status(), 500);
    }
    faults.clear();
    assert_eq!(get().await.status(), 200);
}
