//! What a person expects of a task, told on the daemon dialect: it runs, its steps and deviations and end arrive, its
//! receipt is posted, its trail is written.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{KEY, World, short, task, until};
use orgx_peer::ReceiptState;
use orgx_sandbox::daemon::{EventsAnswer, Line, SessionsAnswer, StatusAnswer};
use serde_json::{Value, json};

fn retry_rule() -> Value {
    json!({ "skills": [{ "id": "retry-rules", "rules": [
        { "pattern": "max[_ ]?attempts", "on": "file_edit", "dedupe_fingerprint": "rb-1", "evidence_kind": "budget_shift" },
        { "pattern": "max", "on": "file_edit", "dedupe_fingerprint": "rb-1", "evidence_kind": "the same again" },
        { "pattern": "(", "on": "file_edit", "dedupe_fingerprint": "bad", "evidence_kind": "never" },
        { "pattern": "(?<=bash )rm", "on": "tool_call", "dedupe_fingerprint": "rm", "evidence_kind": "danger" },
    ] }] })
}

/// The bytes, with what differs from run to run made the same: each time of day, and the scratch folder.
fn normal(world: &World, text: &str) -> String {
    let text = text.replace(&world.folder().display().to_string(), "/w");
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("\"20") {
        let (head, tail) = rest.split_at(at);
        out.push_str(head);
        if tail.get(24..26).is_some_and(|end| end == "Z\"") {
            out.push_str("\"<time>\"");
            rest = &tail[26..];
        } else {
            out.push_str(&tail[..3]);
            rest = &tail[3..];
        }
    }
    out + rest
}

#[tokio::test]
async fn a_task_runs_from_dispatch_to_receipt() {
    let world = World::new().await;
    world.gateway.set_skills(retry_rule());
    world.daemon.script("Tighten", vec![
        Line::Json(json!({ "kind": "tool_call", "tool": "bash", "summary": "rm -rf build", "ref": "call-3" })),
        Line::Json(json!({ "kind": "file_edit", "path": "src/http.ts", "summary": "lower max attempts", "diff_ref": "diff-7" })),
        Line::Json(json!({ "kind": "file_edit", "path": "src/max_attempts.ts", "summary": "again" })),
        Line::Json(json!({ "kind": "chat", "role": "assistant", "text": "CANARY of a transcript" })),
        Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 3400 })),
        Line::Json(json!({ "kind": "file_edit", "path": "after", "summary": "the end" })),
    ]);
    let peer = world.peer().await;
    let rules = until(&peer, "rules", |now| now.rules == 3).await;
    assert_eq!(rules.ignored_rules.len(), 1, "the bad one is named: {:?}", rules.ignored_rules);

    let mut dispatch = task("run_42", "Tighten retry budget", Some(&world.folder()));
    dispatch["task"]["description"] = json!("CANARY of a description");
    dispatch["task"]["skill_ids"] = json!(["retry-rules"]);
    world.gateway.dispatch(dispatch);
    world.gateway.terminal("run_42").await.expect("a terminal");
    let receipt = world
        .gateway
        .wait_request("the receipt", |all| all.iter().any(|r| r.path.ends_with("/receipt")))
        .await;
    let receipt =
        receipt.expect("a receipt").into_iter().find(|r| r.path.ends_with("/receipt")).expect("a receipt");
    until(&peer, "delivered", |now| {
        now.recent.first().is_some_and(|run| run.receipt == Some(ReceiptState::Delivered))
    })
    .await;

    let frames: Vec<String> =
        world.gateway.frames().iter().map(|frame| normal(&world, &frame.text)).collect();
    insta::assert_snapshot!("frames", frames.join("\n"));
    let outbox = std::fs::read_to_string(world.outbox()).expect("an outbox");
    insta::assert_snapshot!("outbox", normal(&world, &outbox));

    assert_eq!(receipt.path, "/api/v1/runs/run_42/receipt");
    assert_eq!(receipt.header("idempotency-key"), Some("run_42"));
    insta::assert_snapshot!("receipt", normal(&world, &receipt.body.to_string()));

    let prompts = world.daemon.prompts();
    assert_eq!(
        prompts,
        [(
            "key_run_42".to_owned(),
            "Tighten retry budget\n\nCANARY of a description\n\nSkills to honor:\n  - retry-rules\n"
                .to_owned()
        )]
    );
    assert_eq!(world.gateway.violations(), [""; 0]);
    peer.stop().await;
    assert_eq!(world.gateway.wait_closed().await.expect("closed").code, 1000);
    nothing_leaks(&world, &["CANARY", "Tighten", KEY]);
}

/// No file below the home holds any of these.
fn nothing_leaks(world: &World, words: &[&str]) {
    let mut folders = vec![world.home.path().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            // SQLite takes its own side files away as it closes.
            let Ok(bytes) = std::fs::read(&path) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            for word in words {
                assert!(!text.contains(word), "{word} is in {}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn bytes_of_each_frame_are_the_contracts() {
    let world = World::new().await;
    world.daemon.script(
        "one",
        vec![
            Line::Json(json!({ "kind": "tool_call", "tool": "read" })),
            Line::Json(json!({ "kind": "error", "message": "it broke", "recoverable": true })),
        ],
    );
    let peer = world.peer().await;
    world.run("r", "one").await;
    // As text, not as JSON: order and absence are part of the wire.
    let raw: Vec<String> = world.gateway.frames().iter().map(|frame| frame.text.clone()).collect();
    assert!(raw[0].starts_with(r#"{"kind":"task.started","run_id":"r","started_at":"20"#), "{}", raw[0]);
    assert!(raw[0].ends_with(r#"Z","session_handle":"sess-1"}"#), "{}", raw[0]);
    assert_eq!(
        raw[1],
        r#"{"kind":"task.step","run_id":"r","step":{"kind":"tool_call","summary":"call read — "}}"#
    );
    assert_eq!(raw[2], r#"{"kind":"task.failed","run_id":"r","reason":"it broke","recoverable":true}"#);
    peer.stop().await;
}

#[tokio::test]
async fn every_way_a_daemon_can_end_a_run_is_told() {
    let world = World::new().await;
    let line = |text: &str| Line::Raw(text.as_bytes().to_vec());
    for (title, lines) in [
        ("eof", vec![Line::End]),
        ("nomessage", vec![line("{\"kind\":\"error\"}\n")]),
        (
            "secretpath",
            vec![line(
                "{\"kind\":\"error\",\"message\":\"no /home/me/x/y with oxk_abcdefgh\",\"recoverable\":1}\n",
            )],
        ),
        ("reset", vec![line("{\"kind\":\"chat\"}\n"), Line::Reset]),
        ("unterminated", vec![line("{\"kind\":\"assistant_completed\",\"tokens_used\":7}")]),
        ("twice", vec![line("{\"kind\":\"assistant_completed\"}\n{\"kind\":\"error\"}\n")]),
    ] {
        world.daemon.script(title, lines);
    }
    let peer = world.peer().await;
    for (title, kind, reason, recoverable) in [
        ("eof", "task.failed", "driver ended without a terminal result", false),
        ("nomessage", "task.failed", "opencode errored", false),
        ("secretpath", "task.failed", "no [path] with [redacted]", false),
        ("reset", "task.failed", "the connection to OpenCode broke", true),
        ("unterminated", "task.completed", "", false),
        ("twice", "task.completed", "", false),
    ] {
        let end = world.run(title, title).await;
        assert_eq!(end["kind"], kind, "{title}: {end}");
        if kind == "task.failed" {
            assert_eq!(
                (end["reason"].as_str(), end["recoverable"].as_bool()),
                (Some(reason), Some(recoverable))
            );
        }
    }
    assert_eq!(world.gateway.terminal("unterminated").await.expect("one")["tokens_used"], 7);
    assert_eq!(
        world.gateway.terminal("twice").await.expect("one")["tokens_used"],
        0,
        "missing counts are zero"
    );
    peer.stop().await;
}

#[tokio::test]
async fn lines_that_are_no_events_are_skipped_and_one_over_a_mebibyte_is_told() {
    let world = World::new().await;
    let raw = |text: String| Line::Raw(text.into_bytes());
    let padded = |bytes: usize, path: &str| {
        let head = format!("{{\"kind\":\"file_edit\",\"path\":\"{path}\",\"summary\":\"s\",\"pad\":\"");
        let pad = "x".repeat(bytes - head.len() - 2);
        raw(format!("{head}{pad}\"}}\n"))
    };
    world.daemon.script(
        "odd",
        vec![
            raw("\n   \nnull\n[]\n7\n\"kind\"\nnot json\n{\"kind\":\"surprise\"}\n{\"kind\":7}\n".into()),
            raw("{\"kind\":\"tool_call\",\"summary\":\"no tool\"}\n".into()),
            raw("{\"kind\":\"tool_call\",\"tool\":\"t\",\"summary\":7}\n".into()),
            raw("{\"kind\":\"file_edit\",\"path\":[],\"summary\":\"s\"}\n".into()),
            raw("{\"kind\":\"tool_call\",\"tool\":\"cut\",\"summ".into()),
            raw("ary\":\"in two \u{e9}\"}\r\n".into()),
            padded(1024 * 1024, "fits"),
            padded(1024 * 1024 + 1, "too-long"),
            raw(format!("{}\n", "[".repeat(10_000))),
            raw("{\"kind\":\"assistant_completed\",\"tokens_used\":1}\n".into()),
        ],
    );
    let peer = world.peer().await;
    world.run("odd", "odd").await;
    assert_eq!(
        short(&world.gateway.of_run("odd")),
        [
            "task.started sess-1",
            "task.step call cut — in two é",
            "task.step edit fits — s",
            "task.step an event of the agent was longer than 1 MiB and was left out here",
            "task.completed shipped",
        ]
    );
    peer.stop().await;
}

#[tokio::test]
async fn a_cancel_ends_a_run_whether_the_daemon_hears_it_or_not() {
    let world = World::new().await;
    world.daemon.script(
        "hears",
        vec![Line::AwaitCancel, Line::Json(json!({ "kind": "error", "message": "aborted" }))],
    );
    world.daemon.script("deaf", vec![Line::Json(json!({ "kind": "chat" })), Line::Hang]);
    let peer = world.peer().await;
    for run in ["hears", "deaf"] {
        world.dispatch(run, run);
        world.started(run).await;
        world
            .gateway
            .dispatch(json!({ "kind": "task.cancel", "run_id": run, "reason": "changed our minds" }));
        let end = world.gateway.terminal(run).await.expect("a terminal");
        assert_eq!(
            (end["reason"].as_str(), end["recoverable"].as_bool()),
            (Some("cancelled"), Some(false)),
            "{run}"
        );
    }
    assert_eq!(world.daemon.cancels(), ["hears", "deaf"], "the daemon was told the run's id");
    peer.stop().await;
}

#[tokio::test]
async fn a_daemon_that_may_have_the_prompt_is_told_to_stop_whatever_way_its_run_ends() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.daemon.set_events(EventsAnswer::Code(503));
    world.run("broken", "x").await;
    let told = |all: &[orgx_sandbox::Request]| all.iter().any(|request| request.path == "/sessions/cancel");
    world.daemon.wait_request("a cancel", told).await.expect("told");
    assert_eq!(world.daemon.cancels(), ["broken"]);
    peer.stop().await;
}

#[tokio::test]
async fn a_run_that_takes_too_long_is_ended() {
    let world = World::new().await;
    world.daemon.script("slow", vec![Line::AwaitCancel, Line::End]);
    let peer = world.peer().await;
    let mut dispatch = task("slow", "slow", None);
    dispatch["timeout_seconds"] = json!(0.2);
    world.gateway.dispatch(dispatch);
    let end = world.gateway.terminal("slow").await.expect("a terminal");
    assert_eq!(
        (end["reason"].as_str(), end["recoverable"].as_bool()),
        (Some("timed out after 0.2 s"), Some(true))
    );
    peer.stop().await;
}

#[tokio::test]
async fn a_daemon_that_errs_is_told_in_its_own_words() {
    let world = World::new().await;
    let peer = world.peer().await;
    for (run, answer, reason) in [
        ("s500", SessionsAnswer::Code(500), "OpenCode /sessions 500"),
        ("html", SessionsAnswer::Html, "OpenCode /sessions answered with a web page where JSON was due"),
        ("noid", SessionsAnswer::MissingId, "OpenCode /sessions answered without a session_id"),
    ] {
        world.daemon.set_sessions(answer);
        let end = world.run(run, "x").await;
        assert_eq!((end["reason"].as_str(), end["recoverable"].as_bool()), (Some(reason), Some(true)));
    }
    world.daemon.set_sessions(SessionsAnswer::Ok);
    for (run, answer, reason) in [
        ("e503", EventsAnswer::Code(503), "OpenCode /events 503"),
        ("ehtml", EventsAnswer::Html, "OpenCode /events answered with a web page where events were due"),
    ] {
        world.daemon.set_events(answer);
        let end = world.run(run, "x").await;
        assert_eq!((end["reason"].as_str(), end["recoverable"].as_bool()), (Some(reason), Some(true)));
    }
    peer.stop().await;
}

#[tokio::test]
async fn what_the_daemon_says_of_itself_goes_to_orgx() {
    let world = World::new().await;
    world.daemon.set_status(StatusAnswer::Ok { authed: Some(false) });
    let peer = world.peer().await;
    until(&peer, "detected", |now| now.agent.installed && !now.agent.authenticated).await;
    let is_told = |request: &&orgx_sandbox::Request| {
        let told = &request.body["metadata"];
        request.path == "/api/v1/gateway/heartbeat"
            && told["transport_online"] == true
            && told["probe_version"] == "0.9.0-sandbox"
    };
    let presence =
        world.gateway.wait_request("presence", |all| all.iter().any(|r| is_told(&r))).await.expect("it");
    let body = &presence.iter().find(is_told).expect("one").body;
    assert_eq!(body["metadata"]["dispatch_ready"], false, "it is not signed in");
    assert_eq!(body["plugin_id"], "@useorgx/orgx-opencode-plugin");
    assert_eq!(body["metadata"]["queue_depth"], 0);
    let probes: Vec<_> = world
        .daemon
        .requests()
        .iter()
        .filter_map(|r| r.header("x-orgx-probe").map(ToOwned::to_owned))
        .collect();
    for probe in ["detect", "liveness"] {
        assert!(probes.iter().any(|sent| sent == probe), "{probe}: {probes:?}");
    }
    peer.stop().await;
}

#[tokio::test]
async fn a_task_without_a_folder_leaves_cwd_to_the_daemon() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.gateway.dispatch(task("nowhere", "x", None));
    assert_eq!(world.gateway.terminal("nowhere").await.expect("one")["kind"], "task.completed");
    world.run("somewhere", "x").await;
    let bodies: Vec<Value> =
        world.daemon.requests().into_iter().filter(|r| r.path == "/sessions").map(|r| r.body).collect();
    assert_eq!(bodies[0].get("cwd"), None);
    assert_eq!(bodies[1]["cwd"], json!(world.folder()));
    assert!(world.folder().join("notes.md").is_file(), "the daemon worked there");
    peer.stop().await;
}
