//! Limits as a person runs into them: what is just within passes, what is past it is told in a sentence with the number
//! in it, and the peer goes on. The table of all limits is `docs/limits.md`.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, short, task, until};
use orgx_peer::PeerEvent;
use orgx_proto::limits::JSON_DEPTH;
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{Endpoint, HttpFault, UpgradeFault};
use serde_json::{Value, json};

const MIB: usize = 1024 * 1024;

/// A frame of that many bytes that asks for nothing.
fn frame(bytes: usize) -> String {
    let (head, tail) = (r#"{"kind":"x","pad":""#, r#""}"#);
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
}

/// That text in frames of a mebibyte at most.
fn fragments(text: &str) -> Vec<String> {
    text.as_bytes().chunks(MIB).map(|part| String::from_utf8_lossy(part).into_owned()).collect()
}

#[tokio::test]
async fn a_frame_over_a_mebibyte_and_a_message_over_four_cost_their_connection_and_are_told() {
    let world = World::new().await;
    let peer = world.peer().await;
    world.gateway.send_text(frame(MIB));
    world.gateway.send_fragments(fragments(&frame(4 * MIB)));
    assert_eq!(world.run("within", "x").await["kind"], "task.completed");
    assert_eq!(world.gateway.connections(), 1);
    for (n, parts, sentence) in [
        (2, vec![frame(MIB + 1)], "OrgX sent a frame of more than 1 MiB, which this peer does not take"),
        (
            3,
            fragments(&frame(4 * MIB + 1)),
            "OrgX sent a message of more than 4 MiB, which this peer does not take",
        ),
    ] {
        until(&peer, "open", |now| now.connected).await;
        let mut events = peer.events();
        world.gateway.send_fragments(parts);
        let told = loop {
            if let PeerEvent::Connection { open: false, words } = events.recv().await.expect("an event") {
                break words;
            }
        };
        let expected = format!("The connection to 127.0.0.1 was lost: {sentence}. Trying again in a moment.");
        assert_eq!(told, expected);
        world.gateway.wait_connected(n).await.expect("back again");
        assert_eq!(world.run(&format!("after-{n}"), "x").await["kind"], "task.completed");
    }
    peer.stop().await;
}

/// One rule, in an answer of that many bytes.
fn rules(bytes: usize) -> String {
    let rule = json!({ "pattern": "x", "on": "file_edit", "dedupe_fingerprint": "f", "evidence_kind": "e" });
    let head = json!({ "skills": [{ "id": "s", "rules": [rule] }] }).to_string();
    let (head, tail) = (format!("{},\"pad\":\"", head.trim_end_matches('}')), "\"}");
    format!("{head}{}{tail}", "x".repeat(bytes - head.len() - tail.len()))
}

#[tokio::test]
async fn an_answer_over_four_mebibytes_or_too_deep_is_refused_in_words() {
    let world = World::new().await;
    let answer = |body: String| HttpFault::Status { code: 200, headers: Vec::new(), body };
    world.gateway.faults().http(Endpoint::PlanSkills, answer(rules(4 * MIB)));
    let peer = world.peer().await;
    until(&peer, "the rule", |now| now.rules == 1).await;
    let deep = format!(r#"{{"skills":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for (body, why) in [
        (rules(4 * MIB + 1), "OrgX answered with more than 4 MiB"),
        (deep, "OrgX answered with JSON nested deeper than 127 levels"),
    ] {
        world.gateway.faults().http(Endpoint::PlanSkills, answer(body));
        world.gateway.send_text(r#"{"kind":"rules.reload"}"#);
        let sentence =
            format!("The skill rules could not be fetched ({why}); the 1 from last time are used.");
        until(&peer, why, |now| now.warnings.contains(&sentence)).await;
    }
    assert_eq!(world.run("after", "x").await["kind"], "task.completed");
    peer.stop().await;
}

#[tokio::test]
async fn frames_and_events_that_are_nested_too_deep_are_skipped_and_the_peer_goes_on() {
    let world = World::new().await;
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let event = |path: &str, levels: usize| {
        let line =
            format!(r#"{{"kind":"file_edit","path":"{path}","summary":"s","more":{}}}"#, nested(levels));
        Line::Raw(format!("{line}\n").into_bytes())
    };
    let end = Line::Json(json!({ "kind": "assistant_completed" }));
    // The object itself is the first level.
    world.daemon.script("deep", vec![event("within", JSON_DEPTH - 1), event("too-deep", JSON_DEPTH), end]);
    let peer = world.peer().await;
    for levels in [JSON_DEPTH, 100_000] {
        let mut dispatch = task("never", "x", None).to_string();
        dispatch.insert_str(1, &format!(r#""more":{},"#, nested(levels)));
        world.gateway.send_text(dispatch);
    }
    world.run("deep", "deep").await;
    assert_eq!(
        short(&world.gateway.of_run("deep")),
        ["task.started sess-1", "task.step edit within — s", "task.completed shipped"]
    );
    assert_eq!(world.gateway.of_run("never"), [Value::Null; 0]);
    assert_eq!(world.gateway.connections(), 1);
    peer.stop().await;
}

#[tokio::test]
async fn long_words_of_an_agent_are_cut_with_an_ellipsis() {
    let world = World::new().await;
    let long = "x".repeat(2_000);
    let lines = vec![
        Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": long, "ref": long })),
        Line::Json(json!({ "kind": "error", "message": long })),
    ];
    world.daemon.script("wordy", lines);
    let peer = world.peer().await;
    let end = world.run("wordy", "wordy").await;
    let step = &world.gateway.steps("wordy")[0]["step"];
    for (text, chars) in [(&step["summary"], 500), (&step["evidence_ref"], 256), (&end["reason"], 500)] {
        let text = text.as_str().expect("a text");
        assert_eq!((text.chars().count(), text.chars().last()), (chars, Some('…')));
    }
    peer.stop().await;
}

#[tokio::test]
async fn steps_past_ten_thousand_while_offline_lose_their_oldest_and_the_run_says_how_many() {
    const STEPS: usize = 10_200;
    let world = World::new().await;
    let step = |n: usize| Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": n.to_string() }));
    let mut lines = vec![Line::Gate("offline".into())];
    lines.extend((0..STEPS).map(step));
    lines.extend([Line::Gate("online".into()), Line::Json(json!({ "kind": "assistant_completed" }))]);
    world.daemon.script("long", lines);
    let peer = world.peer().await;
    world.dispatch("r", "long");
    world.started("r").await;
    let running = |now: &orgx_peer::PeerSnapshot| now.runs.iter().any(|run| run.started_at.is_some());
    until(&peer, "confirmed", |now| now.unconfirmed == 0 && running(now)).await;
    world.gateway.faults().upgrade_always(Some(UpgradeFault::refuse(503)));
    world.gateway.reset();
    until(&peer, "offline", |now| !now.connected).await;
    world.daemon.open("offline");
    until(&peer, "all steps", |now| now.runs.first().is_some_and(|run| run.steps == STEPS as u64)).await;
    assert_eq!(peer.snapshot().unconfirmed, 10_000);
    world.gateway.faults().upgrade_always(None);
    // The terminal would need room, too.
    until(&peer, "all told", |now| now.unconfirmed == 0).await;
    world.daemon.open("online");
    world.gateway.terminal("r").await.expect("a terminal");
    // The place of the first lost one holds the sentence.
    let told = short(&world.gateway.steps("r"));
    assert_eq!(told[0], "task.step 201 steps were dropped here: OrgX was unreachable for too long");
    assert_eq!(told[1], "task.step call t — 201");
    assert_eq!(told.last().map(String::as_str), Some("task.step call t — 10199"));
    peer.stop().await;
}
