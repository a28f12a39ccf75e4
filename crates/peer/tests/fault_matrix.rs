//! Each fault that the sandbox's OrgX knows, at each moment of a task. Whatever goes wrong, the peer lives on and comes
//! back; the run ends in one terminal; its steps reach OrgX, in order, at least once; its receipt is delivered; and
//! OrgX sees no other misbehaviour than what its fault provoked.
//!
//! Time that would have to be waited for (a silent socket, a call without an answer) is passed on the peer's clock.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{World, short, task};
use orgx_peer::{Clock, Peer, PeerSnapshot};
use orgx_sandbox::daemon::Line;
use orgx_sandbox::gateway::{ConnectionFault, Endpoint, HttpFault, UpgradeFault};
use serde_json::json;
use std::collections::BTreeSet;
use std::iter::successors;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// Steps before the middle of the run, and after it.
const HALF: usize = 12;
/// Frames of the whole run: its start, its steps, its terminal.
const FRAMES: usize = 2 * HALF + 2;
/// Worlds at once: enough to fill the waits, few enough for a small computer.
const AT_ONCE: usize = 12;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Moment {
    Idle,
    MidRun,
    AtTerminal,
}

#[derive(Clone, Debug)]
enum Fault {
    Upgrade(UpgradeFault),
    Connection(ConnectionFault),
    Http(Endpoint, HttpFault),
}

/// Every fault. Each `match` names all variants, so that a new one does not compile until it has a place here.
fn faults(moment: Moment) -> Vec<Fault> {
    let upgrades = successors(Some(UpgradeFault::Pass), |fault| match fault {
        UpgradeFault::Pass => Some(UpgradeFault::refuse(503)),
        UpgradeFault::Refuse { .. } => Some(UpgradeFault::NoSubprotocol),
        UpgradeFault::NoSubprotocol => Some(UpgradeFault::WrongSubprotocol),
        UpgradeFault::WrongSubprotocol => Some(UpgradeFault::Hang),
        UpgradeFault::Hang => Some(UpgradeFault::Html),
        UpgradeFault::Html => Some(UpgradeFault::WrongAccept),
        UpgradeFault::WrongAccept => None,
    });
    let frames = match moment {
        Moment::Idle => 0,
        Moment::MidRun => HALF / 2,
        Moment::AtTerminal => FRAMES,
    };
    let (code, reason) = (1012, "restarting".to_owned());
    let connections = successors(Some(ConnectionFault::Pass), |fault| match fault {
        ConnectionFault::Pass => Some(ConnectionFault::CloseAfter { frames, code, reason: reason.clone() }),
        ConnectionFault::CloseAfter { .. } => Some(ConnectionFault::ResetAfter { frames }),
        ConnectionFault::ResetAfter { .. } => Some(ConnectionFault::StallAfter { frames }),
        ConnectionFault::StallAfter { .. } => Some(ConnectionFault::NoPongs),
        ConnectionFault::NoPongs => Some(ConnectionFault::DelayEach { millis: 2 }),
        ConnectionFault::DelayEach { .. } => {
            Some(ConnectionFault::CloseOnOpen { code, reason: reason.clone() })
        }
        ConnectionFault::CloseOnOpen { .. } => None,
    });
    let endpoints = successors(Some(Endpoint::License), |endpoint| match endpoint {
        Endpoint::License => Some(Endpoint::Presence),
        Endpoint::Presence => Some(Endpoint::PlanSkills),
        Endpoint::PlanSkills => Some(Endpoint::Receipt),
        // A peer makes no other calls unasked: what signing in and remote attention meet is in their own tests.
        Endpoint::Receipt
        | Endpoint::AttentionAsk
        | Endpoint::AttentionPoll
        | Endpoint::AttentionTold
        | Endpoint::Sync
        | Endpoint::CurrentWorkspace
        | Endpoint::Workspaces
        | Endpoint::PairingStart
        | Endpoint::PairingPoll
        | Endpoint::PairingAck
        | Endpoint::PairingCancel
        | Endpoint::ConnectPage => None,
    });
    // That nothing goes wrong is among the upgrades.
    let calls = successors(Some(HttpFault::status(500)), |fault| match fault {
        HttpFault::Pass | HttpFault::Status { .. } => Some(HttpFault::Html),
        HttpFault::Html => Some(HttpFault::Hang),
        HttpFault::Hang => Some(HttpFault::Redirect("http://portal.invalid/".into())),
        HttpFault::Redirect(_) => Some(HttpFault::Huge),
        HttpFault::Huge => Some(HttpFault::Garbage),
        HttpFault::Garbage => Some(HttpFault::ResetBody),
        HttpFault::ResetBody => None,
    });
    let calls: Vec<HttpFault> = calls.collect();
    let http =
        endpoints.flat_map(|endpoint| calls.iter().map(move |fault| Fault::Http(endpoint, fault.clone())));
    upgrades.map(Fault::Upgrade).chain(connections.map(Fault::Connection)).chain(http).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_goes_wrong_and_whenever_the_run_ends_once_and_nothing_of_it_is_lost() {
    let room = Arc::new(Semaphore::new(AT_ONCE));
    let mut cells = JoinSet::new();
    let mut count = 0;
    for moment in [Moment::Idle, Moment::MidRun, Moment::AtTerminal] {
        for fault in faults(moment) {
            let room = Arc::clone(&room);
            count += 1;
            cells.spawn(async move {
                let _room = room.acquire().await.expect("open");
                let name = format!("{moment:?} {fault:?}");
                let cell = tokio::spawn(async move { Cell::new().await.play(moment, fault).await });
                (name, cell.await.is_ok())
            });
        }
    }
    let all = cells.join_all().await;
    let failed: Vec<_> = all.iter().filter(|(_, ok)| !ok).map(|(name, _)| name).collect();
    assert!(failed.is_empty(), "{} of {count} failed: {failed:#?}", failed.len());
}

/// A world of one fault.
struct Cell {
    world: World,
    clock: Clock,
}

impl Cell {
    async fn new() -> Self {
        let world = World::new().await;
        let step =
            |n: usize| Line::Json(json!({ "kind": "tool_call", "tool": "t", "summary": format!("{n}") }));
        let mut lines: Vec<Line> = (0..HALF).map(step).collect();
        lines.push(Line::Gate("go on".into()));
        lines.extend((HALF..2 * HALF).map(step));
        lines.push(Line::Json(json!({ "kind": "assistant_completed", "tokens_used": 1 })));
        world.daemon.script("in halves", lines);
        Self { world, clock: Clock::adjustable() }
    }

    async fn play(self, moment: Moment, fault: Fault) {
        let World { gateway, daemon, .. } = &self.world;
        let mut config = self.world.config();
        config.clock = self.clock.clone();
        // What happens on the way to the first connection, and on it.
        match (&fault, moment) {
            (Fault::Upgrade(fault), Moment::Idle) => gateway.faults().upgrade(fault.clone()),
            (Fault::Connection(fault), _) => {
                if let (ConnectionFault::CloseOnOpen { .. }, Moment::MidRun | Moment::AtTerminal) =
                    (fault, moment)
                {
                    // A connection that is closed as it opens can only be a later one.
                    let frames = if moment == Moment::MidRun { HALF / 2 } else { FRAMES };
                    gateway.faults().connection(ConnectionFault::ResetAfter { frames });
                }
                gateway.faults().connection(fault.clone());
            }
            (Fault::Http(endpoint, fault), _) => gateway.faults().http_always(*endpoint, Some(fault.clone())),
            (Fault::Upgrade(_), Moment::MidRun | Moment::AtTerminal) => {}
        }
        let peer = Peer::start(config).await.expect("a peer");
        if moment == Moment::Idle {
            self.come_back(&peer, &fault).await;
            self.heal(&peer, &fault).await;
        }
        self.settle().await;

        let mut dispatch = task("r", "in halves", Some(&self.world.folder()));
        // The time that is passed is not what the run is to be ended for.
        dispatch["timeout_seconds"] = json!(7 * 24 * 3600);
        gateway.dispatch(dispatch);
        // No time is passed while the dispatch is on its way: a socket that seems dead would be dropped, and it with it.
        common::until(&peer, "the first half", |now| {
            now.runs.first().is_some_and(|run| run.steps == HALF as u64)
        })
        .await;
        if let Fault::Upgrade(fault) = &fault
            && moment != Moment::Idle
        {
            gateway.faults().upgrade(fault.clone());
            gateway.reset();
            common::until(&peer, "offline", |now| !now.connected).await;
        }
        if moment == Moment::MidRun {
            if let Fault::Http(Endpoint::Presence | Endpoint::PlanSkills, _) = &fault {
                // A new connection asks again.
                gateway.reset();
            }
            self.come_back(&peer, &fault).await;
            self.heal(&peer, &fault).await;
        }
        daemon.open("go on");
        self.pass_until(&peer, "the end", |now| now.recent.len() == 1).await;
        if moment == Moment::AtTerminal {
            self.come_back(&peer, &fault).await;
            self.heal(&peer, &fault).await;
        }
        self.pass_until(&peer, "a receipt", |now| {
            now.unconfirmed == 0
                && now
                    .recent
                    .first()
                    .is_some_and(|run| run.receipt == Some(orgx_peer::ReceiptState::Delivered))
        })
        .await;
        self.judge(moment, &fault);
        assert_eq!(self.world.run("after", "x").await["kind"], "task.completed", "the peer is well");
        peer.stop().await;
    }

    /// Waits until the fault has done its work and the peer has a good connection again.
    async fn come_back(&self, peer: &Peer, fault: &Fault) {
        let wanted = match fault {
            Fault::Connection(ConnectionFault::Pass | ConnectionFault::DelayEach { .. })
            | Fault::Http(..) => 1,
            Fault::Connection(ConnectionFault::CloseOnOpen { .. }) => self.lost_on_the_way() + 2,
            Fault::Connection(_) => 2,
            Fault::Upgrade(_) => self.lost_on_the_way() + 1,
        };
        self.pass_until(peer, "a good connection", |now| {
            now.connected && self.world.gateway.connections() >= wanted
        })
        .await;
    }

    /// Waits until OrgX and the peer mean the same connection: what is sent on one that was given up is lost, and no
    /// test of the peer. From here on no time is passed until the dispatch has arrived.
    async fn settle(&self) {
        let gateway = &self.world.gateway;
        let met = async {
            for n in 0.. {
                gateway.wait_connected(1).await.expect("a connection");
                let mark = format!("settled? {n}").into_bytes();
                gateway.ping(mark.clone());
                let answer =
                    gateway.wait_pongs("its pong", |all| all.iter().any(|pong| pong.payload == mark));
                if tokio::time::timeout(Duration::from_secs(1), answer).await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(common::WAIT, met).await.expect("a good connection");
    }

    /// Connections that were reset before the fault's own.
    fn lost_on_the_way(&self) -> usize {
        usize::from(self.world.gateway.frames().iter().any(|frame| frame.run_id() == "r"))
    }

    /// The fault of a call lasts until the call was made under it, and then no longer.
    async fn heal(&self, peer: &Peer, fault: &Fault) {
        let Fault::Http(endpoint, _) = fault else { return };
        let ended = self.world.gateway.frames().iter().any(|frame| frame.is_terminal_of("r"));
        let path = match endpoint {
            Endpoint::License => "/licenses/heartbeat",
            Endpoint::Presence => "/gateway/heartbeat",
            Endpoint::PlanSkills => "/plan-skills",
            Endpoint::Receipt => "/receipt",
            other => panic!("a peer does not call {other:?}"),
        };
        if *endpoint != Endpoint::Receipt || ended {
            self.pass_until(peer, "a call", |_| {
                self.world.gateway.requests().iter().any(|request| request.path.ends_with(path))
            })
            .await;
        }
        self.world.gateway.faults().http_always(*endpoint, None);
    }

    /// Passes time until it is as wanted, and leaves room for what travels meanwhile.
    async fn pass_until(&self, peer: &Peer, what: &str, wanted: impl Fn(&PeerSnapshot) -> bool) {
        let deadline = Instant::now() + common::WAIT;
        let mut watch = peer.watch();
        while !wanted(&watch.borrow_and_update()) {
            assert!(Instant::now() < deadline, "not in time: {what}; last seen: {:#?}", peer.snapshot());
            // Most things happen by themselves.
            if tokio::time::timeout(Duration::from_millis(50), watch.changed()).await.is_err() {
                self.clock.pass(Duration::from_secs(5)).await;
            }
        }
    }

    fn judge(&self, moment: Moment, fault: &Fault) {
        let gateway = &self.world.gateway;
        let frames = gateway.of_run("r");
        let mut seen = BTreeSet::new();
        let told: Vec<String> =
            short(&frames).into_iter().filter(|frame| seen.insert(frame.clone())).collect();
        let mut expected = vec!["task.started sess-1".to_owned()];
        expected.extend((0..2 * HALF).map(|n| format!("task.step call t — {n}")));
        expected.push("task.completed shipped".to_owned());
        assert_eq!(told, expected, "each at least once, and first in order");
        let terminals: BTreeSet<String> = gateway
            .frames()
            .iter()
            .filter(|frame| frame.is_terminal_of("r"))
            .map(|frame| frame.text.clone())
            .collect();
        assert_eq!(terminals.len(), 1, "one terminal, whatever it takes to tell it: {terminals:#?}");
        // These answers say that it was taken.
        let said_so = moment == Moment::AtTerminal
            && matches!(
                fault,
                Fault::Http(Endpoint::Receipt, HttpFault::Huge | HttpFault::Garbage | HttpFault::ResetBody)
            );
        assert!(said_so || gateway.receipt("r").is_some());
        if let Fault::Upgrade(fault) = fault {
            let refused = gateway.attempts() > gateway.connections();
            assert!(refused || *fault == UpgradeFault::Pass, "the fault was never met");
        }
        // A socket that seems dead is dropped without a word: nobody would read one.
        let violations: Vec<String> = gateway
            .violations()
            .into_iter()
            .filter(|what| !what.contains("without closing handshake"))
            .collect();
        assert_eq!(violations, [""; 0]);
    }
}
