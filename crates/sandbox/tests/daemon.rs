//! The seed's daemon, asked as the driver contract says.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed step fails the test")]

mod common;

use common::{folder, http};
use orgx_sandbox::daemon::{Daemon, EventsAnswer, Line, SessionsAnswer, StatusAnswer};
use serde_json::{Value, json};

async fn session(daemon: &Daemon, body: Value) -> String {
    let request = http().post(daemon.url() + "/sessions").header("idempotency-key", "key-1").json(&body);
    let reply: Value = request.send().await.unwrap().json().await.unwrap();
    reply["session_id"].as_str().unwrap().to_owned()
}

async fn events(daemon: &Daemon, id: &str) -> reqwest::Response {
    let url = format!("{}/sessions/{id}/events", daemon.url());
    http().get(url).header("accept", "application/x-ndjson").send().await.unwrap()
}

async fn prompt(daemon: &Daemon, prompt: &str) -> reqwest::Response {
    let id = session(daemon, json!({"title": "t", "initial_prompt": prompt})).await;
    events(daemon, &id).await
}

fn kinds(text: &str) -> Vec<String> {
    text.lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["kind"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_plain_prompt_edits_a_file_for_real_and_completes() {
    let daemon = Daemon::start().await.unwrap();
    let cwd = folder("daemon-plain");
    let body = json!({"title": "Do it", "initial_prompt": "Do it\n\nnow", "cwd": cwd});
    let id = session(&daemon, body).await;
    assert_eq!(id, "sess-1");
    let reply = events(&daemon, &id).await;
    assert_eq!(reply.headers()["content-type"], "application/x-ndjson");
    let text = reply.text().await.unwrap();
    assert_eq!(kinds(&text), ["tool_call", "file_edit", "chat", "assistant_completed"]);
    assert!(text.ends_with("\"tokens_used\":3400}\n"));
    assert!(std::fs::read_to_string(cwd.join("notes.md")).unwrap().contains("sandbox"));
    assert_eq!(daemon.prompts(), [("key-1".to_owned(), "Do it\n\nnow".to_owned())]);
}

#[tokio::test]
async fn the_state_file_leads_to_a_status() {
    let daemon = Daemon::start().await.unwrap();
    let path = daemon.write_state_file(&folder("daemon-state")).unwrap();
    let state: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(state, json!({"port": daemon.port(), "version": "0.9.0-sandbox", "session_count": 0}));
    let get =
        async || http().get(daemon.url() + "/status").header("x-orgx-probe", "detect").send().await.unwrap();
    assert_eq!(get().await.json::<Value>().await.unwrap()["authed"], true);
    daemon.set_status(StatusAnswer::Ok { authed: None });
    assert!(get().await.json::<Value>().await.unwrap().get("authed").is_none());
    daemon.set_status(StatusAnswer::Code(503));
    assert_eq!(get().await.status(), 503);
    daemon.set_status(StatusAnswer::Html);
    assert!(get().await.headers()["content-type"].to_str().unwrap().starts_with("text/html"));
    daemon.set_status(StatusAnswer::Garbage);
    assert!(get().await.json::<Value>().await.is_err());
    assert!(daemon.requests().iter().all(|request| request.header("x-orgx-probe") == Some("detect")));
}

#[tokio::test]
async fn a_script_waits_at_its_gate_and_for_the_cancel() {
    let daemon = Daemon::start().await.unwrap();
    let chat = |text: &str| Line::Json(json!({"kind": "chat", "text": text}));
    daemon.script(
        "STOP",
        vec![
            chat("a"),
            Line::Gate("go".into()),
            chat("b"),
            Line::AwaitCancel,
            chat("c"),
            Line::End,
            chat("d"),
        ],
    );
    let mut reply = prompt(&daemon, "please STOP").await;
    let mut next = async || String::from_utf8(reply.chunk().await.unwrap().unwrap().to_vec()).unwrap();
    assert!(next().await.contains("\"a\""));
    daemon.open("go");
    assert!(next().await.contains("\"b\""));
    let cancel = json!({"correlation_run_id": "run-9"});
    http().post(daemon.url() + "/sessions/cancel").json(&cancel).send().await.unwrap();
    assert!(next().await.contains("\"c\""));
    assert!(reply.chunk().await.unwrap().is_none());
    assert_eq!(daemon.cancels(), ["run-9"]);
}

#[tokio::test]
async fn raw_bytes_pass_as_they_are_and_a_reset_follows_what_was_sent() {
    let daemon = Daemon::start().await.unwrap();
    let bytes = [b"{\"kind\":\"chat\",\"text\":\"\xc3".to_vec(), b"\xa9\"}".to_vec()];
    let lines = vec![Line::Raw(bytes[0].clone()), Line::Raw(bytes[1].clone()), Line::Reset];
    daemon.script("RAW", lines);
    let mut reply = prompt(&daemon, "RAW").await;
    let mut got = Vec::new();
    let error = loop {
        match reply.chunk().await {
            Ok(Some(chunk)) => got.extend_from_slice(&chunk),
            Ok(None) => panic!("ended in order"),
            Err(error) => break error,
        }
    };
    assert_eq!(got, bytes.concat());
    assert!(format!("{error:?}").contains("ConnectionReset"), "{error:?}");
}

#[tokio::test]
async fn files_are_written_below_cwd_only() {
    let daemon = Daemon::start().await.unwrap();
    let root = folder("daemon-files");
    let cwd = root.join("in");
    std::fs::create_dir_all(&cwd).unwrap();
    let file = |path: &str| Line::WriteFile { path: path.to_owned(), content: "x".to_owned() };
    daemon.script("FILES", vec![file("../out.txt"), file("a/b.txt")]);
    let id = session(&daemon, json!({"title": "t", "initial_prompt": "FILES", "cwd": cwd})).await;
    assert_eq!(events(&daemon, &id).await.text().await.unwrap(), "");
    assert!(cwd.join("a/b.txt").exists());
    assert!(!root.join("out.txt").exists());
}

#[tokio::test]
async fn creating_and_following_a_session_can_fail() {
    let daemon = Daemon::start().await.unwrap();
    let body = json!({"title": "t", "initial_prompt": "p"});
    let post = async || {
        let request = http().post(daemon.url() + "/sessions").header("idempotency-key", "k").json(&body);
        request.send().await.unwrap()
    };
    daemon.set_sessions(SessionsAnswer::Code(500));
    assert_eq!(post().await.status(), 500);
    daemon.set_sessions(SessionsAnswer::Html);
    assert!(post().await.json::<Value>().await.is_err());
    daemon.set_sessions(SessionsAnswer::MissingId);
    assert!(post().await.json::<Value>().await.unwrap().get("session_id").is_none());
    daemon.set_sessions(SessionsAnswer::Ok);
    let without_key = http().post(daemon.url() + "/sessions").json(&body).send().await.unwrap();
    assert_eq!(without_key.status(), 400);
    assert_eq!(post().await.status(), 200);
    daemon.set_events(EventsAnswer::Code(404));
    assert_eq!(events(&daemon, "sess-1").await.status(), 404);
    daemon.set_events(EventsAnswer::Html);
    assert!(events(&daemon, "sess-1").await.headers()["content-type"].to_str().unwrap().contains("html"));
    daemon.set_events(EventsAnswer::Ok);
    assert_eq!(events(&daemon, "sess-2").await.status(), 404);
}

#[tokio::test]
async fn a_slow_reader_is_waited_for() {
    let daemon = Daemon::start().await.unwrap();
    let big = Line::Raw(vec![b' '; 1 << 20]);
    let mut lines = vec![big; 64];
    lines.push(Line::WriteFile { path: "end.txt".to_owned(), content: String::new() });
    daemon.script("FLOOD", lines);
    let cwd = folder("daemon-flood");
    let id = session(&daemon, json!({"title": "t", "initial_prompt": "FLOOD", "cwd": cwd})).await;
    let mut reply = events(&daemon, &id).await;
    reply.chunk().await.unwrap();
    assert!(!cwd.join("end.txt").exists());
    let mut total = 0;
    while let Some(chunk) = reply.chunk().await.unwrap() {
        total += chunk.len();
    }
    assert!(total > 60 << 20);
    assert!(cwd.join("end.txt").exists());
}
