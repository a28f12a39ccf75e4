//! A network that is not what it should be, and a computer that sleeps: found out soon, told in words, got over.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, until};
use orgx_peer::{Clock, Config, Peer, PeerEvent};
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{ConnectionFault, Endpoint, HttpFault, UpgradeFault};
use serde_json::json;
use std::time::Duration;

const MINUTES: Duration = Duration::from_secs(120);
/// More than is needed to be told as a sleep, and less than a handshake may take.
const A_LITTLE: Duration = Duration::from_secs(6);
const HOURS: Duration = Duration::from_secs(8 * 3600);
const SIGN_IN: &str =
    "web page answered instead of OrgX: this network may want you to sign in first; open a browser";

/// A configuration whose clock is in our hands.
fn timed(world: &World) -> (Config, Clock) {
    let clock = Clock::adjustable();
    let mut config = world.config();
    config.clock = clock.clone();
    (config, clock)
}

/// Why the connection was lost or not made, so far.
fn troubles(events: &mut tokio::sync::broadcast::Receiver<PeerEvent>) -> Vec<String> {
    std::iter::from_fn(|| events.try_recv().ok())
        .filter_map(|event| match event {
            PeerEvent::Connection { open: false, words } => Some(words),
            _ => None,
        })
        .collect()
}

/// A script that goes on to its end when the gate `go` opens.
fn gated(world: &World) {
    let lines = vec![
        Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": "before" })),
        Line::Gate("go".into()),
        Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": "after" })),
        Line::Json(json!({ "kind": "assistant_completed" })),
    ];
    world.daemon.script("gated", lines);
}

#[tokio::test]
async fn a_computer_that_wakes_has_a_new_socket_at_once_and_its_run_goes_on() {
    let world = World::new().await;
    gated(&world);
    let (config, clock) = timed(&world);
    let peer = world.peer_with(config).await;
    world.dispatch("r", "gated");
    world.started("r").await;
    let mut events = peer.events();
    // The old socket says nothing any more, as after a sleep; its silence alone would be found much later.
    world.gateway.stall();
    clock.sleep(MINUTES);
    world.gateway.wait_connected(2).await.expect("a new socket");
    until(&peer, "open", |now| now.connected).await;
    assert_eq!(troubles(&mut events), [""; 0], "it was not its silence that was found");
    world.daemon.open("go");
    assert_eq!(world.gateway.terminal("r").await.expect("a terminal")["kind"], "task.completed");
    assert_eq!(world.gateway.connections(), 2, "one sleep, one new socket");
    peer.stop().await;
}

#[tokio::test]
async fn a_wait_is_cut_short_and_a_handshake_begins_anew_when_the_computer_wakes() {
    for fault in [UpgradeFault::refuse(401), UpgradeFault::retry_after(503, 3600), UpgradeFault::Hang] {
        let world = World::new().await;
        let (config, clock) = timed(&world);
        world.gateway.faults().upgrade(fault.clone());
        let peer = Peer::start(config).await.expect("a peer");
        world.gateway.wait_attempts(1).await.expect("a try");
        if fault != UpgradeFault::Hang {
            until(&peer, "a wait", |now| now.connection.contains("Trying again in")).await;
        }
        let mut events = peer.events();
        clock.sleep(A_LITTLE);
        world.gateway.wait_connected(1).await.expect("connected");
        until(&peer, "open", |now| now.connected).await;
        assert_eq!(world.gateway.attempts(), 2, "{fault:?}");
        assert_eq!(troubles(&mut events), [""; 0], "nothing had to be given up first: {fault:?}");
        peer.stop().await;
    }
}

#[tokio::test]
async fn presence_and_the_license_heartbeat_follow_a_sleep() {
    let world = World::new().await;
    let (config, clock) = timed(&world);
    let peer = world.peer_with(config).await;
    let count = |path: &'static str| {
        move |all: &[orgx_sandbox::Request]| all.iter().filter(|request| request.path == path).count()
    };
    let license = count("/api/v1/licenses/heartbeat");
    let presence = count("/api/v1/gateway/heartbeat");
    world
        .gateway
        .wait_request("the first", |all| license(all) == 1 && presence(all) >= 1)
        .await
        .expect("sent");
    until(&peer, "settled", |now| now.license == orgx_peer::License::Active).await;
    let before = presence(&world.gateway.requests());
    clock.sleep(HOURS * 3 * 8);
    world
        .gateway
        .wait_request("both again", |all| license(all) == 2 && presence(all) > before)
        .await
        .expect("sent");
    peer.stop().await;
}

#[tokio::test]
async fn a_half_open_socket_is_found_within_45_seconds_and_replaced() {
    for fault in [None, Some(ConnectionFault::NoPongs), Some(ConnectionFault::StallAfter { frames: 0 })] {
        let world = World::new().await;
        let (config, clock) = timed(&world);
        if let Some(fault) = fault.clone() {
            world.gateway.faults().connection(fault);
        }
        let peer = Peer::start(config).await.expect("a peer");
        until(&peer, "open", |now| now.connected).await;
        let mut events = peer.events();
        if fault.is_none() {
            world.gateway.stall();
        }
        clock.pass(Duration::from_secs(45)).await;
        // It is known by now; that somebody hears of it takes a moment.
        let told = tokio::time::timeout(Duration::from_secs(10), async {
            loop {
                if let PeerEvent::Connection { open: false, words } = events.recv().await.expect("an event") {
                    break words;
                }
            }
        });
        let told = told.await.expect("found within 45 s");
        assert!(told.contains("stopped answering"), "{fault:?}: {told}");
        clock.pass(Duration::from_secs(5)).await;
        world.gateway.wait_connected(2).await.expect("a new socket");
        peer.stop().await;
    }
}

#[tokio::test]
async fn a_wall_clock_that_is_set_changes_what_is_written_and_nothing_else() {
    let world = World::new().await;
    gated(&world);
    let (config, clock) = timed(&world);
    let peer = world.peer_with(config).await;
    let eight_hours = 8 * 3_600_000;
    world.dispatch("r", "gated");
    let began = world.gateway.wait_for("a step", |all| all.iter().any(|frame| frame.kind() == "task.step"));
    began.await.expect("a step");
    clock.set_wall(eight_hours);
    clock.set_wall(-2 * eight_hours);
    world.daemon.open("go");
    let end = world.gateway.terminal("r").await.expect("a terminal");
    assert_eq!(end["kind"], "task.completed");
    assert!(end["completed_at"].as_str() < end["started_at"].as_str(), "as the clock says: {end}");
    assert_eq!(world.gateway.connections(), 1, "no socket was lost over it");
    until(&peer, "a receipt", |now| {
        now.recent.first().is_some_and(|run| run.receipt == Some(orgx_peer::ReceiptState::Delivered))
    })
    .await;
    clock.set_wall(eight_hours);
    assert_eq!(world.run("again", "x").await["kind"], "task.completed");
    assert_eq!(world.gateway.violations(), [""; 0]);
    peer.stop().await;
}

#[tokio::test]
async fn a_sign_in_page_in_orgxs_place_is_told_and_got_over() {
    let redirect = UpgradeFault::Refuse {
        status: 302,
        headers: vec![("location".into(), "http://portal.example/login".into())],
        body: String::new(),
    };
    for fault in [UpgradeFault::Html, redirect, UpgradeFault::refuse(511)] {
        let world = World::new().await;
        world.gateway.faults().upgrade_always(Some(fault));
        let peer = Peer::start(world.config()).await.expect("a peer");
        until(&peer, SIGN_IN, |now| now.connection.contains(SIGN_IN)).await;
        // The person has signed in.
        world.gateway.faults().upgrade_always(None);
        world.gateway.wait_connected(1).await.expect("connected");
        peer.stop().await;
    }
}

#[tokio::test]
async fn a_sign_in_page_in_answer_to_a_call_is_told_and_counts_as_no_answer() {
    for fault in [HttpFault::Html, HttpFault::Redirect("http://portal.example/login".into())] {
        let world = World::new().await;
        for endpoint in [Endpoint::License, Endpoint::PlanSkills] {
            world.gateway.faults().http(endpoint, fault.clone());
        }
        world.gateway.faults().http(Endpoint::Receipt, fault.clone());
        let peer = world.peer().await;
        let told = |what: &'static str| move |words: &String| words.contains(what) && words.contains(SIGN_IN);
        let both = until(&peer, "both warnings", |now| {
            now.warnings.iter().any(told("license heartbeat")) && now.warnings.iter().any(told("skill rules"))
        });
        assert_eq!(both.await.license, orgx_peer::License::Unknown);
        world.run("r", "x").await;
        let is_receipt = |request: &&orgx_sandbox::Request| request.path.ends_with("/receipt");
        let posted =
            world.gateway.wait_request("a second try", |all| all.iter().filter(is_receipt).count() == 2);
        posted.await.expect("the page has taken nothing");
        until(&peer, "delivered", |now| {
            now.recent.first().is_some_and(|run| run.receipt == Some(orgx_peer::ReceiptState::Delivered))
        })
        .await;
        peer.stop().await;
    }
}

#[tokio::test]
async fn what_keeps_orgx_out_of_reach_is_told_in_words() {
    let closed =
        tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port").local_addr().expect("one").port();
    let world = World::new().await;
    for (url, words) in [
        (
            "https://something.invalid".to_owned(),
            "something.invalid cannot be reached: the name something.invalid cannot be found. This computer may be \
             offline",
        ),
        (format!("http://127.0.0.1:{closed}"), "127.0.0.1 cannot be reached: the connection was refused."),
        (
            format!("https://127.0.0.1:{}", world.gateway.port()),
            "127.0.0.1 cannot be reached: what answers there does not speak TLS.",
        ),
    ] {
        let mut config = world.config();
        config.base_url = url.parse().expect("an address");
        let peer = Peer::start(config).await.expect("a peer");
        let now = until(&peer, words, |now| now.connection.contains(words)).await;
        assert!(!now.connected && !now.connection.contains(common::KEY), "{}", now.connection);
        peer.stop().await;
    }
}

#[tokio::test]
async fn a_server_that_closes_right_after_open_is_not_asked_hotly() {
    let world = World::new().await;
    let (config, clock) = timed(&world);
    world
        .gateway
        .faults()
        .connection_always(Some(ConnectionFault::CloseOnOpen { code: 1001, reason: "x".into() }));
    let peer = Peer::start(config).await.expect("a peer");
    let mut attempts = Vec::new();
    // In the first minute: at once, and then after 0.5, 1, 2, 4, 8, 16 and 30 s, give or take a fifth.
    for _ in 0..12 {
        until(&peer, "a wait", |now| now.connection.contains("Trying again")).await;
        clock.pass(Duration::from_secs(5)).await;
        attempts.push(world.gateway.attempts());
    }
    assert!(attempts.last().is_some_and(|last| (5..=9).contains(last)), "{attempts:?}");
    peer.stop().await;
}
