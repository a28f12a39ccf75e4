//! The control socket over a peer that answers by itself: what is on the wire, and every limit.

mod fake;

use super::client::attach;
use super::*;
use crate::Answer;
use crate::limits;
use crate::peer::{Command, CommandError, PeerEvent, Reply, Request};
use fake::FakePeer;
use serde_json::json;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// How long a client may not read, here.
const PATIENCE: Duration = Duration::from_millis(200);

#[test]
fn a_request_is_read_or_refused_with_a_reason() {
    let cancel = Command::Cancel { run_id: "r".into(), exact: false };
    let says = |answer| Ask::Do(Command::Answer { id: "r@1".into(), answer });
    let exactly = Command::Cancel { run_id: "r".into(), exact: true };
    for (line, what) in [
        (r#"{"id":1,"command":"subscribe"}"#, Ask::Subscribe),
        (r#"{"id":1,"command":"pause"}"#, Ask::Do(Command::Pause { after_current_runs: false })),
        (r#"{"id":1,"command":"cancel","run_id":"r","later":"fields"}"#, Ask::Do(cancel)),
        (r#"{"id":1,"command":"cancel","run_id":"r","exact":true}"#, Ask::Do(exactly)),
        (r#"{"id":1,"command":"answer","ask":"r@1","answer":"allow_for_run"}"#, says(Answer::AllowForRun)),
        (
            r#"{"id":1,"command":"answer","ask":"r@1","answer":{"deny":{}}}"#,
            says(Answer::Deny { reason: None }),
        ),
        (
            r#"{"id":1,"command":"answer","ask":"r@1","answer":{"answers":{"answers":[["Red"]]}}}"#,
            says(Answer::Answers { answers: vec![vec!["Red".into()]] }),
        ),
    ] {
        assert_eq!(request(line.as_bytes()), Ok(Asked { id: 1, what }));
    }
    for (line, id, why) in [
        ("", None, "not JSON"),
        ("GET / HTTP/1.1", None, "not JSON"),
        ("[1,2]", None, "no id"),
        (r#"{"command":"resume"}"#, None, "no id"),
        (r#"{"id":-1,"command":"resume"}"#, None, "no id"),
        (r#"{"id":7}"#, Some(7), "missing field `command`"),
        (r#"{"id":7,"command":"explode"}"#, Some(7), "unknown variant"),
        (r#"{"id":7,"command":"cancel"}"#, Some(7), "missing field `run_id`"),
    ] {
        let not = request(line.as_bytes()).expect_err("no request");
        assert_eq!(not.id, id, "{line}");
        assert!(not.why.contains(why), "{line}: {}", not.why);
    }
    let long = format!(r#"{{"id":7,"command":"{}"}}"#, "x".repeat(100_000));
    assert!(request(long.as_bytes()).expect_err("no request").why.len() < 1_000);
    assert_eq!(request("[".repeat(100_000).as_bytes()).expect_err("too deep").id, None);
    assert!(request(b"\xff\xfe\x00").is_err());
}

#[tokio::test]
async fn the_wire_is_the_documented_one() {
    let peer = FakePeer::start();
    let mut client = peer.client().await;
    assert_eq!(
        client.line().await,
        json!({ "kind": "hello", "protocol": 1, "version": "9", "pid": 7, "workspace_id": "w", "orgx": "https://o/" })
    );
    client.say(r#"{"id":4,"command":"resume"}"#).await;
    assert_eq!(client.line().await, json!({ "kind": "answer", "id": 4, "ok": { "reply": "done" } }));
    client.say(r#"{"id":5,"command":"cancel","run_id":"x"}"#).await;
    let words = CommandError::NoSuchRun { run_id: "x".into() }.to_string();
    assert_eq!(
        client.line().await,
        json!({ "kind": "answer", "id": 5, "error": { "code": "no_such_run", "run_id": "x" }, "words": words })
    );
    client.say(r#"{"id":6,"command":"subscribe"}"#).await;
    assert_eq!(client.line().await, json!({ "kind": "answer", "id": 6, "ok": { "reply": "done" } }));
    let first = client.line().await;
    assert_eq!((&first["kind"], &first["snapshot"]["connection"]), (&json!("snapshot"), &json!("at first")));
    peer.event("hello");
    assert_eq!(
        client.line().await,
        json!({ "kind": "event", "event": { "event": "warning", "words": "hello" } })
    );
    peer.snapshot.send_modify(|now| now.connected = true);
    assert_eq!(client.line().await["snapshot"]["connected"], json!(true));
}

#[tokio::test]
async fn garbage_gets_one_clear_line_and_a_mere_mistake_an_answer() {
    let peer = FakePeer::start();
    let mut client = peer.client().await;
    client.line().await;
    client.say(r#"{"id":1,"command":"dance"}"#).await;
    let answer = client.line().await;
    assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!(1), &json!("invalid")));
    // What was asked before it is answered first.
    client.say("{\"id\":2,\"command\":\"resume\"}\nGET / HTTP/1.1\r").await;
    assert_eq!(client.line().await["id"], json!(2));
    let error = client.line().await;
    assert_eq!(error["kind"], "error");
    assert!(error["words"].as_str().expect("words").contains("one line like"), "{error}");
    client.ended().await;
}

#[tokio::test]
async fn a_line_over_the_limit_ends_the_connection_and_one_below_does_not() {
    let peer = FakePeer::start();
    let mut client = peer.client().await;
    client.line().await;
    let fits =
        format!(r#"{{"id":1,"command":"task","prompt":"{}"}}"#, "x".repeat(limits::CONTROL_LINE_BYTES - 50));
    client.say(&fits).await;
    assert_eq!(client.line().await["ok"]["reply"], "task");
    let mut over = vec![b'x'; limits::CONTROL_LINE_BYTES + 1];
    over.push(b'\n');
    // The rest may find the connection closed already.
    let _closed = client.0.write_all(&over).await;
    assert_eq!(client.line().await["kind"], "error");
}

#[tokio::test]
async fn one_client_too_many_is_turned_away_with_a_reason() {
    let peer = FakePeer::start();
    let mut clients = Vec::new();
    for _ in 0..limits::CONTROL_CLIENTS {
        let mut client = peer.client().await;
        assert_eq!(client.line().await["kind"], "hello");
        clients.push(client);
    }
    let refused = attach(&peer.path).await.err().expect("refused");
    assert!(refused.to_string().contains("32 programs use"), "{refused}");
    drop(clients.pop());
    // The place is free as soon as the peer has seen the end of that connection.
    while attach(&peer.path).await.is_err() {}
}

#[tokio::test]
async fn a_client_that_asks_a_lot_waits_in_its_own_buffer() {
    let peer = FakePeer::start();
    let mut client = peer.client().await;
    client.line().await;
    for id in 0..100 {
        client.say(&format!(r#"{{"id":{id},"command":"runs","limit":1}}"#)).await;
    }
    // The fake never answers `runs`: no more than the limit is under way, and those are what the peer's queue holds.
    peer.asked.wait_for_count(limits::CONTROL_COMMANDS).await;
    client.say(r#"{"id":200,"command":"resume"}"#).await;
    assert_eq!(peer.asked.count(), limits::CONTROL_COMMANDS);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_let_go_and_harms_nobody() {
    let peer = FakePeer::start();
    let mut slow = peer.client().await;
    slow.line().await;
    slow.say(r#"{"id":1,"command":"subscribe"}"#).await;
    let quick = attach(&peer.path).await.expect("a peer");
    let mut events = quick.events.upgrade().expect("it lives").subscribe();
    let big = "x".repeat(64 * 1024);
    for _ in 0..20 {
        peer.event(&big);
        assert_eq!(events.recv().await, Ok(PeerEvent::Warning { words: big.clone() }));
    }
    // What fitted into the socket is there, and then an end: nothing was kept for it.
    let mut rest = Vec::new();
    while slow.0.write_all(b" ").await.is_ok() {
        tokio::time::sleep(PATIENCE).await;
    }
    // How it is told depends on what the OS had left to deliver.
    let _end = slow.0.read_to_end(&mut rest).await;
    assert!(rest.len() < 20 * big.len(), "{}", rest.len());
}

#[tokio::test]
async fn a_mirror_shows_what_the_peer_shows_and_ends_with_it() {
    let mut peer = FakePeer::start();
    let Attached { commands, mut snapshot, events, .. } = attach(&peer.path).await.expect("a peer");
    assert_eq!(snapshot.borrow_and_update().connection, "at first");
    let mut events = events.upgrade().expect("it lives").subscribe();
    peer.event("one");
    assert_eq!(events.recv().await, Ok(PeerEvent::Warning { words: "one".into() }));
    peer.snapshot.send_modify(|now| now.unconfirmed = 3);
    snapshot.changed().await.expect("a change");
    assert_eq!(snapshot.borrow().unconfirmed, 3);
    let ask = async |command| {
        let (answer, answered) = tokio::sync::oneshot::channel();
        commands.send(Request { command, answer }).await.map_err(|_| CommandError::Gone)?;
        answered.await.map_err(|_| CommandError::Gone)?
    };
    assert_eq!(ask(Command::Resume).await, Ok(Reply::Done));
    let unknown = CommandError::NoSuchRun { run_id: "x".into() };
    assert_eq!(ask(Command::Cancel { run_id: "x".into(), exact: false }).await, Err(unknown));
    let too_long = "x".repeat(limits::CONTROL_LINE_BYTES);
    let refused = ask(Command::Cancel { run_id: too_long, exact: false }).await.expect_err("too long");
    assert!(matches!(refused, CommandError::Invalid { .. }), "{refused}");
    // The last words of a peer are heard, too.
    peer.event("the last word");
    peer.end();
    assert_eq!(events.recv().await, Ok(PeerEvent::Warning { words: "the last word".into() }));
    assert!(events.recv().await.is_err());
    assert!(snapshot.changed().await.is_err());
    assert_eq!(ask(Command::Resume).await, Err(CommandError::Gone));
}

#[tokio::test]
async fn a_peer_of_another_protocol_version_is_named() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("p.sock");
    let peer = FakePeer::at(path.clone(), dir, 2);
    let error = attach(&path).await.err().expect("an error");
    assert!(matches!(&error, AttachError::OtherVersion { version } if version == "9"), "{error}");
    drop(peer);
}

#[tokio::test]
async fn the_socket_is_private_replaces_a_dead_ones_and_goes_with_the_peer() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("p.sock");
    // What kill -9 leaves.
    drop(std::os::unix::net::UnixListener::bind(&path).expect("a socket"));
    assert!(matches!(attach(&path).await, Err(AttachError::NotRunning)));
    let listener = Listener::bind(&path, None).expect("a socket");
    assert_eq!(std::fs::metadata(&path).expect("a socket").permissions().mode() & 0o777, 0o600);
    drop(listener);
    assert!(!path.exists());
    std::fs::write(&path, "somebody's").expect("a file");
    Listener::bind(&path, None).expect_err("not ours to remove");
    assert_eq!(std::fs::read_to_string(&path).expect("a file"), "somebody's");
}

#[tokio::test]
async fn a_path_that_is_too_long_for_a_socket_gets_a_short_one() {
    let dir = tempfile::tempdir().expect("a folder");
    let deep = dir.path().join("d".repeat(120));
    let runtime = dir.path().join("run");
    for folder in [&deep, &runtime] {
        std::fs::create_dir(folder).expect("a folder");
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).expect("private");
    }
    let wanted = deep.join("0123456789ab.sock");
    // One that others can enter is no place, nor is one that is not there.
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o755)).expect("public");
    let elsewhere = Listener::bind(&wanted, Some(&runtime)).expect("the temporary folder");
    assert_eq!(std::fs::read_dir(&runtime).expect("a folder").count(), 0);
    drop(elsewhere);
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).expect("private");
    let peer = FakePeer::at_place(wanted.clone(), Some(&runtime), dir, PROTOCOL);
    assert_eq!(std::fs::read_dir(&runtime).expect("a folder").count(), 1);
    attach(&wanted).await.expect("found without knowing the place");
    let _dir = peer.stop().await;
    assert_eq!(std::fs::read_dir(&runtime).expect("a folder").count(), 0);
    assert!(std::fs::symlink_metadata(&wanted).is_err());
}
