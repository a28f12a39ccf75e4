//! One round: lives of a peer, each ended by a kill, and the settling at the end.

use super::moment::Moment;
use super::plan::Plan;
use super::report::Counts;
use super::rng::Rng;
use super::world::{Agent, World};
use super::{Setting, judge};
use crate::journal::{self, Kept};
use crate::peer::Peer;
use crate::{process, task};
use orgx_sandbox::gateway::{ConnectionFault, Endpoint, HttpFault, Received, UpgradeFault};
use serde_json::json;
use std::collections::HashSet;
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How long a peer may take to connect.
const CONNECT: Duration = Duration::from_secs(20);
/// A dispatch that OrgX gave so long ago is in the journal.
const JOURNALED_WITHIN: Duration = Duration::from_millis(1_500);
/// How long everything may take to end once the peer is left alone.
const SETTLE: Duration = Duration::from_secs(100);

/// A run that OrgX wants, and what is known of it.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) plan: Plan,
    /// When OrgX dispatched it, and on which connection.
    given: Vec<(Instant, usize)>,
    /// A killed peer's journal had it: OrgX needs to say no more.
    held: bool,
    /// A kill came between its dispatch and its end.
    pub(super) crossed: bool,
    /// A cancel was sent.
    pub(super) cancelled: bool,
}

/// A round under way.
#[derive(Debug)]
pub(super) struct Round {
    pub(super) world: World,
    pub(super) runs: Vec<Run>,
    pub(super) counts: Counts,
    pub(super) violations: Vec<String>,
    setting: Setting,
    rng: Rng,
}

/// What is wrong with OrgX while a peer lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    None,
    /// Refuses every attempt.
    Away,
    /// Refuses a few.
    Late,
    /// Goes away in mid-work.
    Leaves,
    /// Resets after some frames.
    Resets,
    /// Stops reading after some frames.
    Stalls,
    /// Answers no ping: nothing is ever confirmed.
    NoPongs,
    /// Reads slowly.
    Slow,
    /// Takes no receipts.
    NoReceipts,
}

/// Plays one round.
pub(super) async fn play(setting: Setting, seed: u64, kills: usize) -> (Counts, Vec<String>) {
    let mut round = Round {
        world: World::set(setting).await,
        runs: Vec::new(),
        counts: Counts::default(),
        violations: Vec::new(),
        setting,
        rng: Rng::new(seed),
    };
    for _ in 0..kills {
        round.life().await;
    }
    round.settle().await;
    judge::judge(&mut round);
    let name = setting.name();
    let signed = |words: String| format!("[{name}, seed {seed}, {kills} kills] {words}");
    (round.counts, round.violations.into_iter().map(signed).collect())
}

impl Round {
    /// A peer from its start to its kill.
    async fn life(&mut self) {
        let trouble = self.make_trouble();
        let before = self.world.stage.gateway.connections();
        let peer = self.world.stage.spawn(self.world.command());
        if self.rng.chance(12) {
            let a_start = Duration::from_millis(self.rng.next() % 150);
            sleep(a_start).await;
            return self.kill(peer, trouble).await;
        }
        let patience = if trouble == Trouble::Away { Duration::from_millis(800) } else { CONNECT };
        let connected = self.connected(before + 1, patience).await;
        if !connected && trouble != Trouble::Away {
            self.broken("the peer did not connect", None);
        }
        let moment = Moment::choose(self.setting, &mut self.rng);
        let mark = moment.prepare(&self.world);
        if connected {
            self.orgx_acts();
        }
        let gates = self.gates_to_open();
        let (after, leaves_after) = (self.rng.next() % 400, 50 + self.rng.next() % 500);
        let world = &self.world;
        tokio::join!(
            moment.comes(&mark, world),
            async {
                sleep(Duration::from_millis(after)).await;
                for gate in &gates {
                    world.open(gate);
                }
            },
            async {
                if trouble == Trouble::Leaves {
                    sleep(Duration::from_millis(leaves_after)).await;
                    world.stage.gateway.faults().upgrade_always(Some(UpgradeFault::refuse(503)));
                    world.stage.gateway.reset();
                }
            }
        );
        self.kill(peer, trouble).await;
    }

    fn make_trouble(&mut self) -> Trouble {
        use Trouble::{Away, Late, Leaves, NoPongs, NoReceipts, None, Resets, Slow, Stalls};
        let all = [Away, Late, Leaves, Leaves, Resets, Stalls, NoPongs, Slow, NoReceipts];
        let trouble = if self.rng.chance(35) { self.rng.pick(&all) } else { None };
        let (some, faults) = (self.rng.below(10), self.world.stage.gateway.faults());
        match trouble {
            None | Leaves => {}
            Away => faults.upgrade_always(Some(UpgradeFault::refuse(503))),
            Late => faults.upgrade(UpgradeFault::refuse(502)),
            Resets => faults.connection(ConnectionFault::ResetAfter { frames: some }),
            Stalls => faults.connection(ConnectionFault::StallAfter { frames: some }),
            NoPongs => faults.connection_always(Some(ConnectionFault::NoPongs)),
            Slow => faults.connection_always(Some(ConnectionFault::DelayEach { millis: some as u64 * 3 })),
            NoReceipts => faults.http_always(Endpoint::Receipt, Some(HttpFault::status(503))),
        }
        trouble
    }

    async fn connected(&self, nth: usize, patience: Duration) -> bool {
        let connected = self.world.stage.gateway.wait_connected(nth);
        matches!(timeout(patience, connected).await, Ok(Ok(())))
    }

    /// What OrgX does when a peer has connected.
    fn orgx_acts(&mut self) {
        let ended = self.ended();
        let prompted = self.started();
        for at in 0..self.runs.len() {
            let run = &self.runs[at];
            let (over, held) = (ended.contains(&run.plan.run_id), run.held);
            let repeat = match run.plan.repeated {
                // Said again for no reason. One that ended unprompted would rightly run.
                true if over => prompted.contains(&run.plan.run_id) && self.rng.chance(30),
                true => self.rng.chance(50),
                false => !over && !held && !run.cancelled && self.rng.chance(60),
            };
            if repeat {
                self.give(at);
            }
        }
        let most: usize = if self.setting == Setting::Daemon { 14 } else { 8 };
        let open = self.runs.iter().filter(|run| !ended.contains(&run.plan.run_id)).count();
        let same_folder = self.rng.chance(40).then(|| self.rng.below(self.world.folders.len()));
        for _ in 0..self.rng.below(5).min(most.saturating_sub(open)) {
            let mut plan = Plan::new(self.runs.len(), self.world.folders.len(), &mut self.rng);
            plan.folder = same_folder.unwrap_or(plan.folder);
            self.world.script(&plan);
            let run = Run { plan, given: Vec::new(), held: false, crossed: false, cancelled: false };
            self.runs.push(run);
            self.give(self.runs.len() - 1);
            if self.rng.chance(10) {
                self.give(self.runs.len() - 1);
            }
        }
        for at in 0..self.runs.len() {
            let run = &self.runs[at];
            if run.plan.cancelled && !ended.contains(&run.plan.run_id) && self.rng.chance(40) {
                let cancel = json!({ "kind": "task.cancel", "run_id": run.plan.run_id });
                self.world.stage.gateway.dispatch(cancel);
                self.runs[at].cancelled = true;
            }
        }
    }

    fn give(&mut self, at: usize) {
        let (run, gateway) = (&mut self.runs[at], &self.world.stage.gateway);
        let folder = &self.world.folders[run.plan.folder];
        gateway.dispatch(task(&run.plan.run_id, folder, &format!("Work on {}", run.plan.run_id)));
        run.given.push((Instant::now(), gateway.connections()));
        self.counts.dispatches += 1;
    }

    fn gates_to_open(&mut self) -> Vec<String> {
        let rng = &mut self.rng;
        self.runs.iter().filter(|_| rng.chance(40)).map(|run| run.plan.gate().to_owned()).collect()
    }

    /// The runs whose terminal OrgX has.
    fn ended(&self) -> HashSet<String> {
        let frames = self.world.stage.gateway.frames();
        let ends = |frame: &&Received| matches!(frame.kind(), "task.completed" | "task.failed");
        frames.iter().filter(ends).map(|frame| frame.run_id().to_owned()).collect()
    }

    /// The runs whose keys were spent: those that OrgX saw start.
    fn started(&self) -> HashSet<String> {
        let frames = self.world.stage.gateway.frames();
        let started = frames.iter().filter(|frame| frame.kind() == "task.started");
        started.map(|frame| frame.run_id().to_owned()).collect()
    }

    /// SIGKILL, and a look at what is left.
    async fn kill(&mut self, peer: Peer, trouble: Trouble) {
        let gateway = &self.world.stage.gateway;
        let (connections, closed) = (gateway.connections(), gateway.closed().len());
        let open = connections > closed;
        let killed = Instant::now();
        peer.kill().await;
        self.counts.kills += 1;
        if let Agent::OpenCode { way, .. } = &self.world.agent {
            way.cut();
            way.mend();
        }
        gateway.faults().clear();
        // What it wrote before it died reaches OrgX, even one that had stopped reading.
        gateway.resume();
        while gateway.closed().len() < gateway.connections() {
            if timeout(Duration::from_secs(5), gateway.wait_closed()).await.is_err() {
                gateway.reset();
            }
        }
        let kept = match journal::read(&self.world.stage.state()) {
            Ok(kept) => kept,
            Err(error) => return self.broken(&error, None),
        };
        let ended = self.ended();
        let mut lost = Vec::new();
        for run in self.runs.iter_mut().filter(|run| !ended.contains(&run.plan.run_id)) {
            run.crossed = true;
            let had = |(at, on): &(Instant, usize)| {
                *on == connections && killed.saturating_duration_since(*at) >= JOURNALED_WITHIN
            };
            match kept.get(&run.plan.run_id) {
                Some(Kept::Queued) => self.counts.carried += 1,
                Some(Kept::Spent) => self.counts.interrupted += 1,
                None if run.held => {
                    lost.push((run.plan.run_id.clone(), "was in the journal, and is no more"));
                }
                None if open && trouble == Trouble::None && run.given.iter().any(had) => {
                    lost.push((
                        run.plan.run_id.clone(),
                        "was dispatched 1.5 s before the kill, and is not journaled",
                    ));
                }
                Some(Kept::Ended) | None => {}
            }
            run.held = kept.contains_key(&run.plan.run_id);
        }
        for (run_id, what) in lost {
            self.counts.lost += 1;
            self.broken(&format!("{run_id} {what}"), Some(&run_id));
        }
    }

    /// The peer is left alone until everything has ended.
    async fn settle(&mut self) {
        self.runs.iter().for_each(|run| self.world.open(run.plan.gate()));
        let before = self.world.stage.gateway.connections();
        let peer = self.world.stage.spawn(self.world.command());
        if !self.connected(before + 1, CONNECT).await {
            self.broken("the peer did not connect for the last time", None);
        }
        let ended = self.ended();
        for at in 0..self.runs.len() {
            if !self.runs[at].held && !ended.contains(&self.runs[at].plan.run_id) {
                self.give(at);
            }
        }
        self.all_end().await;
        if let Ok(status) = timeout(Duration::from_secs(40), peer.stop()).await
            && status.code() != Some(0)
        {
            self.broken(&format!("the peer ended with {status} when it was asked to stop"), None);
        }
        self.nothing_is_left().await;
        self.stays_silent().await;
    }

    async fn all_end(&mut self) {
        let end = tokio::time::Instant::now() + SETTLE;
        let gateway = &self.world.stage.gateway;
        let all = |_: &[Received]| {
            let ended = self.ended();
            self.runs.iter().all(|run| ended.contains(&run.plan.run_id))
        };
        while tokio::time::timeout_at(end, gateway.wait_for("every end", all))
            .await
            .is_ok_and(|so| so.is_err())
        {}
        let completed = |run: &&Run| {
            gateway.of_run(&run.plan.run_id).iter().any(|frame| frame["kind"] == "task.completed")
        };
        let posted = |_: &[orgx_sandbox::Request]| {
            self.runs.iter().filter(completed).all(|run| gateway.receipt(&run.plan.run_id).is_some())
        };
        // The judge says which are missing.
        let _late = timeout(Duration::from_secs(15), gateway.wait_request("every receipt", posted)).await;
    }

    async fn nothing_is_left(&mut self) {
        let home = self.world.home();
        let end = Instant::now() + Duration::from_secs(15);
        while !process::living_in(&home).is_empty() && Instant::now() < end {
            sleep(Duration::from_millis(100)).await;
        }
        let left: Vec<String> = process::living_in(&home)
            .into_iter()
            .map(process::command_line)
            .filter(|line| !line.is_empty())
            .collect();
        if !left.is_empty() {
            self.broken(&format!("left running: {left:?}"), None);
        }
    }

    /// What is settled is not told again at the next start.
    async fn stays_silent(&mut self) {
        let said = self.world.stage.gateway.frames().len();
        let before = self.world.stage.gateway.connections();
        let peer = self.world.stage.spawn(self.world.command());
        if !self.connected(before + 1, CONNECT).await {
            return self.broken("the peer did not start again after it had stopped", None);
        }
        let last = task("last", &self.world.folders[0], "The last word");
        self.world.stage.gateway.dispatch(last);
        if !matches!(timeout(SETTLE, self.world.stage.gateway.terminal("last")).await, Ok(Ok(_))) {
            self.broken("a task after all that did not end", Some("last"));
        }
        let _status = timeout(Duration::from_secs(40), peer.stop()).await;
        let again: Vec<String> = self.world.stage.gateway.frames()[said..]
            .iter()
            .filter(|frame| frame.run_id() != "last")
            .map(|frame| frame.text.clone())
            .collect();
        if !again.is_empty() {
            self.broken(&format!("told again after everything was settled: {again:?}"), None);
        }
    }

    /// A promise was broken; for the first of them with what is known of the run.
    pub(super) fn broken(&mut self, what: &str, run_id: Option<&str>) {
        let mut words = what.to_owned();
        if let Some(run_id) = run_id.filter(|_| self.violations.len() < 4) {
            words.push_str(&self.story_of(run_id));
        }
        self.violations.push(words);
    }

    fn story_of(&self, run_id: &str) -> String {
        let mut lines = vec![String::new()];
        if let Some(run) = self.runs.iter().find(|run| run.plan.run_id == run_id) {
            lines.push(format!("{run:?}"));
        }
        let frames = self.world.stage.gateway.frames();
        let frames = frames.iter().filter(|frame| frame.run_id() == run_id);
        lines.extend(frames.map(|frame| format!("connection {}: {}", frame.connection, frame.text)));
        let log = self.world.stage.log();
        let said: Vec<&str> = log.lines().filter(|line| line.contains(run_id)).collect();
        lines.extend(said[said.len().saturating_sub(25)..].iter().map(|line| (*line).to_owned()));
        lines.join("\n    ")
    }
}
