//! What a person expects of the connection to OrgX: it is opened as the contract says, comes back by itself, loses
//! nothing, and says in words what is wrong.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{KEY, World, short, task, until};
use orgx_peer::{Clock, License, ReceiptState, RunState};
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{ConnectionFault, Endpoint, HttpFault, UpgradeFault};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::time::Duration;

#[tokio::test]
async fn the_upgrade_is_the_contracts() {
    let world = World::new().await;
    let peer = world.peer().await;
    let upgrade = &world.gateway.upgrades()[0];
    assert_eq!(upgrade.path, "/api/v1/gateway/stream");
    let query: Vec<String> = upgrade.query_pairs().into_iter().map(|(name, _)| name).collect();
    assert_eq!(query, ["workspace_id", "plugin_id", "drivers", "installation_id"]);
    assert_eq!(upgrade.header("sec-websocket-protocol"), Some(format!("orgx.v1, bearer.{KEY}").as_str()));
    assert_eq!(upgrade.header("authorization"), None);
    assert_eq!(world.gateway.violations(), [""; 0]);
    peer.stop().await;
    let close = world.gateway.wait_closed().await.expect("closed");
    assert_eq!((close.code, close.reason.as_str()), (1000, "client closing"));
}

#[tokio::test]
async fn a_refusal_is_told_in_words() {
    for (fault, words) in [
        (UpgradeFault::refuse(401), "127.0.0.1 does not know this key"),
        (UpgradeFault::refuse(403), "This key may not receive tasks"),
        (UpgradeFault::retry_after(503, 600), "refused the connection (HTTP 503). Trying again in 10 min."),
        (UpgradeFault::refuse(404), "has no gateway for tasks (HTTP 404): check ORGX_BASE_URL."),
        (UpgradeFault::NoSubprotocol, "OrgX selected no protocol; is this an OrgX gateway?"),
        (UpgradeFault::WrongSubprotocol, "OrgX selected a protocol that was not offered"),
        (UpgradeFault::WrongAccept, "the answer to the WebSocket handshake is wrong"),
    ] {
        let world = World::new().await;
        world.gateway.faults().upgrade_always(Some(fault));
        let peer = orgx_peer::Peer::start(world.config()).await.expect("a peer");
        let now = until(&peer, words, |now| now.connection.contains(words)).await;
        assert!(!now.connected && !now.connection.contains(KEY));
        peer.stop().await;
    }
}

#[tokio::test]
async fn other_refusals_are_retried_until_they_pass() {
    let world = World::new().await;
    for status in [500, 429] {
        world.gateway.faults().upgrade(UpgradeFault::refuse(status));
    }
    let peer = world.peer().await;
    assert_eq!(world.gateway.attempts(), 3);
    peer.stop().await;
}

#[tokio::test]
async fn close_codes_are_told_and_a_lost_socket_comes_back() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.gateway.close(1012, "restarting");
    world.gateway.wait_connected(2).await.expect("back again");
    for (code, words) in [(1000, "Disconnected by"), (4401, "does not know this key")] {
        let world = World::new().await;
        let peer = world.peer().await;
        world.gateway.close(code, "x");
        until(&peer, words, |now| now.connection.contains(words)).await;
        peer.stop().await;
    }
    peer.stop().await;
}

#[tokio::test]
async fn a_close_code_is_heard_even_while_steps_go_out() {
    let world = World::new().await;
    let steps =
        (0..2_000).map(|n| Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": n.to_string() })));
    world.daemon.script("busy", steps.chain([Line::Hang]).collect());
    world.gateway.faults().connection(ConnectionFault::CloseAfter {
        frames: 50,
        code: 4401,
        reason: "no".into(),
    });
    let peer = world.peer().await;
    world.dispatch("busy", "busy");
    until(&peer, "the code", |now| now.connection.contains("does not know this key")).await;
    peer.stop().await;
}

#[tokio::test]
async fn no_step_is_lost_to_resets_in_the_middle_of_a_run_of_300_events_a_second() {
    const STEPS: usize = 2_000;
    let world = World::new().await;
    let step =
        |n: usize| format!("{}\n", json!({ "kind": "tool_call", "tool": "t", "summary": n.to_string() }));
    let mut lines = Vec::new();
    for n in (0..STEPS).step_by(3) {
        let three: String = (n..STEPS.min(n + 3)).map(step).collect();
        lines.extend([Line::Raw(three.into_bytes()), Line::Pause { millis: 10 }]);
    }
    lines.push(Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 1 })));
    world.daemon.script("many", lines);
    let resets = [150, 1, 300, 77, 400];
    for frames in resets {
        world.gateway.faults().connection(ConnectionFault::ResetAfter { frames });
    }
    let mut config = world.config();
    config.clock = Clock::adjustable();
    let clock = config.clock.clone();
    let peer = world.peer_with(config).await;
    world.dispatch("many", "many");
    for n in 1..=resets.len() {
        world.gateway.wait_closed_of(n).await.expect("reset");
        // The wait before the next try is not what is tested: the agent goes on meanwhile.
        until(&peer, "a wait", |now| now.connection.contains("Trying again")).await;
        clock.pass(Duration::from_secs(5)).await;
        world.gateway.wait_connected(n + 1).await.expect("back again");
    }
    world.gateway.terminal("many").await.expect("a terminal");
    let mut seen = HashSet::new();
    let told = short(&world.gateway.of_run("many"));
    let first_sights: Vec<&String> = told.iter().filter(|frame| seen.insert(frame.as_str())).collect();
    let mut expected = vec!["task.started sess-1".to_owned()];
    expected.extend((0..STEPS).map(|n| format!("task.step call t — {n}")));
    expected.push("task.completed shipped".to_owned());
    assert!(
        first_sights.iter().copied().eq(&expected),
        "each once at least, and in order: {first_sights:#?}"
    );
    assert!(told.len() > expected.len(), "what no barrier had confirmed went again");
    peer.stop().await;
}

#[tokio::test]
async fn a_completion_that_finds_no_socket_is_posted_as_a_recovered_receipt() {
    let world = World::new().await;
    world.daemon.script(
        "offline",
        vec![Line::Gate("go".into()), Line::Json(json!({ "kind": "assistant_completed" }))],
    );
    let peer = world.peer().await;
    world.dispatch("offline", "offline");
    world.started("offline").await;
    world.gateway.faults().upgrade_always(Some(UpgradeFault::refuse(503)));
    world.gateway.faults().http(Endpoint::Receipt, HttpFault::status(500));
    world.gateway.reset();
    until(&peer, "offline", |now| !now.connected).await;
    world.daemon.open("go");
    let is_receipt = |request: &orgx_sandbox::Request| request.path.ends_with("/receipt");
    let posted = world
        .gateway
        .wait_request("two receipts", |all| all.iter().filter(|r| is_receipt(r)).count() == 2)
        .await;
    for receipt in posted.expect("posted").iter().filter(|request| is_receipt(request)) {
        assert_eq!(receipt.body["metadata"]["recovered_from"], "gateway_socket");
    }
    until(&peer, "delivered", |now| {
        now.recent.first().is_some_and(|run| run.receipt == Some(ReceiptState::Delivered))
    })
    .await;
    world.gateway.faults().upgrade_always(None);
    assert_eq!(
        world.gateway.terminal("offline").await.expect("told over the socket, too")["kind"],
        "task.completed"
    );
    peer.stop().await;
}

#[tokio::test]
async fn a_gateway_without_receipts_is_content_with_the_barrier() {
    let world = World::new().await;
    world.gateway.faults().http_always(Endpoint::Receipt, Some(HttpFault::status(404)));
    let peer = world.peer().await;
    world.run("r", "x").await;
    until(&peer, "not taken", |now| {
        now.recent.first().is_some_and(|run| run.receipt == Some(ReceiptState::NotTaken))
    })
    .await;
    until(&peer, "confirmed", |now| now.unconfirmed == 0).await;
    peer.stop().await;
}

#[tokio::test]
async fn the_license_is_asked_at_boot_and_what_it_says_is_shown() {
    for (fault, expected) in [
        (HttpFault::Pass, License::Active),
        (HttpFault::status(402), License::Revoked),
        (
            HttpFault::Status {
                code: 200,
                headers: vec![("content-type".into(), "application/json".into())],
                body: r#"{"status":"degraded"}"#.into(),
            },
            License::Degraded,
        ),
    ] {
        let world = World::new().await;
        world.gateway.faults().http(Endpoint::License, fault);
        let peer = world.peer().await;
        until(&peer, "a license", |now| now.license == expected).await;
        let asked = world.gateway.requests();
        let heartbeat =
            asked.iter().find(|request| request.path == "/api/v1/licenses/heartbeat").expect("a heartbeat");
        let keys: Vec<&String> = heartbeat.body.as_object().expect("an object").keys().collect();
        assert_eq!(keys, ["manifest_fingerprint", "plugin_name", "signature", "version", "workspace_id"]);
        assert_eq!(
            world.run("r", "x").await["kind"],
            "task.completed",
            "runs go on whatever the license says"
        );
        peer.stop().await;
    }
    let world = World::new().await;
    world.gateway.faults().http(Endpoint::License, HttpFault::status(500));
    let peer = world.peer().await;
    until(&peer, "a warning", |now| now.warnings.iter().any(|words| words.contains("answered 500"))).await;
    assert_eq!(peer.snapshot().license, License::Unknown);
    peer.stop().await;
}

fn rules(pattern: &str) -> Value {
    json!({ "skills": [{ "id": "s", "rules": [
        { "pattern": pattern, "on": "file_edit", "dedupe_fingerprint": "f", "evidence_kind": "e" }] }] })
}

#[tokio::test]
async fn rules_are_fetched_at_boot_on_reconnect_and_on_reload() {
    let world = World::new().await;
    world.gateway.set_skills(rules("notes"));
    let peer = world.peer().await;
    let fetched = |n: usize| {
        let gateway = &world.gateway;
        async move {
            let is_fetch = |r: &&orgx_sandbox::Request| r.path == "/api/v1/plan-skills";
            gateway
                .wait_request("a fetch", |all| all.iter().filter(is_fetch).count() == n)
                .await
                .expect("a fetch");
        }
    };
    fetched(1).await;
    world.run("one", "x").await;
    assert_eq!(world.gateway.deviations("one").len(), 1);
    world.gateway.set_skills(rules("nothing of the kind"));
    world.gateway.send_text(r#"{"kind":"rules.reload"}"#);
    fetched(2).await;
    world.run("two", "x").await;
    assert_eq!(world.gateway.deviations("two").len(), 0);
    world.gateway.reset();
    fetched(3).await;
    peer.stop().await;
}

#[tokio::test]
async fn rules_that_cannot_be_fetched_are_those_of_last_time_and_never_none() {
    let world = World::new().await;
    world.gateway.set_skills(rules("notes"));
    let peer = world.peer().await;
    until(&peer, "rules", |now| now.rules == 1).await;
    for fault in
        [HttpFault::status(500), HttpFault::Html, HttpFault::Garbage, HttpFault::Huge, HttpFault::ResetBody]
    {
        world.gateway.faults().http(Endpoint::PlanSkills, fault.clone());
        let before = peer.snapshot().warnings.len();
        world.gateway.send_text(r#"{"kind":"rules.reload"}"#);
        let now = until(&peer, "a warning", |now| now.warnings.len() > before).await;
        assert!(
            now.warnings.last().expect("one").contains("the 1 from last time are used"),
            "{fault:?}: {:?}",
            now.warnings
        );
        assert_eq!(now.rules, 1);
    }
    peer.stop().await;

    // A restart without OrgX's answer has them, too.
    world.gateway.faults().http_always(Endpoint::PlanSkills, Some(HttpFault::status(503)));
    let peer = world.peer().await;
    until(&peer, "a warning", |now| now.warnings.iter().any(|words| words.contains("from last time"))).await;
    world.run("again", "x").await;
    assert_eq!(world.gateway.deviations("again").len(), 1);
    peer.stop().await;
}

#[tokio::test]
async fn steps_flow_while_the_rules_are_on_their_way_and_deviations_follow() {
    let world = World::new().await;
    world.gateway.set_skills(rules("notes"));
    world.gateway.faults().http(Endpoint::PlanSkills, HttpFault::Hang);
    world.daemon.script(
        "early",
        vec![
            Line::Json(json!({ "kind": "file_edit", "path": "notes.md", "summary": "s" })),
            Line::Gate("rules".into()),
            Line::Json(json!({ "kind": "assistant_completed" })),
        ],
    );
    let peer = world.peer().await;
    world.dispatch("early", "early");
    world
        .gateway
        .wait_for("the step", |all| all.iter().any(|frame| frame.kind() == "task.step"))
        .await
        .expect("a step");
    assert_eq!(world.gateway.deviations("early").len(), 0);
    world.gateway.send_text(r#"{"kind":"rules.reload"}"#);
    let arrived =
        world.gateway.wait_for("it", |all| all.iter().any(|frame| frame.kind() == "task.deviation")).await;
    arrived.expect("a deviation");
    world.daemon.open("rules");
    world.gateway.terminal("early").await.expect("a terminal");
    peer.stop().await;
}

#[tokio::test]
async fn presence_goes_at_once_when_the_socket_opens() {
    let world = World::new().await;
    let peer = world.peer().await;
    let is_presence = |r: &&orgx_sandbox::Request| r.path == "/api/v1/gateway/heartbeat";
    let sent = world
        .gateway
        .wait_request("presence", |all| all.iter().any(|r| is_presence(&r)))
        .await
        .expect("presence");
    let body = &sent.iter().find(is_presence).expect("one").body;
    assert_eq!(body["workspace_id"], "w1");
    assert_eq!(body["protocol_version"], 1);
    assert_eq!(body["metadata"]["runtime"], "peer");
    assert!(body["installation_id"].as_str().is_some_and(|id| id.len() == 36));
    peer.stop().await;
}

#[tokio::test]
async fn a_call_that_is_redirected_does_not_take_the_key_along() {
    let world = World::new().await;
    let elsewhere = orgx_sandbox::gateway::Gateway::start().await.expect("another server");
    let there = format!("{}/api/v1/plan-skills", elsewhere.base_url());
    for endpoint in [Endpoint::License, Endpoint::Presence, Endpoint::PlanSkills, Endpoint::Receipt] {
        world.gateway.faults().http_always(endpoint, Some(HttpFault::Redirect(there.clone())));
    }
    let peer = world.peer().await;
    until(&peer, "a warning", |now| now.warnings.len() >= 2).await;
    world.run("r", "x").await;
    peer.stop().await;
    assert_eq!(elsewhere.requests().len(), 0);
}

#[tokio::test]
async fn a_quitting_peer_ends_its_runs_and_waits_for_the_barrier() {
    let world = World::new().await;
    world.daemon.script("long", vec![Line::Hang]);
    let peer = world.peer().await;
    world.dispatch("long", "long");
    world.started("long").await;
    peer.stop().await;
    let end = world.gateway.terminal("long").await.expect("a terminal");
    assert_eq!((end["reason"].as_str(), end["recoverable"].as_bool()), (Some("peer stopped"), Some(true)));
    assert_eq!(world.gateway.wait_closed().await.expect("closed").code, 1000);
    assert_eq!(world.daemon.cancels(), ["long"], "the agent was asked to stop");
    assert_eq!(world.outbox_lines().last().expect("a line")["event"], "task_failed");
}

#[tokio::test]
async fn two_tasks_run_at_once_and_the_third_waits() {
    let world = World::new().await;
    for name in ["a", "b", "c"] {
        std::fs::create_dir(world.home.path().join(name)).expect("a folder");
        world.daemon.script(
            &format!("task-{name}"),
            vec![Line::Gate(name.into()), Line::Json(json!({ "kind": "assistant_completed" }))],
        );
    }
    let peer = world.peer().await;
    for name in ["a", "b", "c"] {
        world.gateway.dispatch(task(name, &format!("task-{name}"), Some(&world.home.path().join(name))));
    }
    let now = until(&peer, "two running", |now| {
        now.runs.iter().filter(|run| run.state == RunState::Running).count() == 2
    })
    .await;
    assert_eq!(now.runs.iter().find(|run| run.run_id == "c").map(|run| run.state), Some(RunState::Queued));
    world.daemon.open("b");
    world.gateway.terminal("b").await.expect("b");
    world.daemon.open("c");
    world.gateway.terminal("c").await.expect("c");
    world.daemon.open("a");
    world.gateway.terminal("a").await.expect("a");
    peer.stop().await;
}
