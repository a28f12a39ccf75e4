//! What waits for the person can be answered at OrgX, too, when they have switched that on.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

mod common;

use common::{WAIT, World, task, until};
use orgx_peer::{Answer, Attention, Clock, Command, Config, Peer, Reply};
use orgx_sandbox::gateway::{Asked, Endpoint, HttpFault, RefusesV3};
use serde_json::{Value, json};
use std::time::Duration;

const OUTSIDE: &str =
    "the task's folder is outside the folders that the person allowed for OrgX on this computer";

/// A world whose tasks' folder is not allowed.
struct Away {
    world: World,
}

impl Away {
    async fn new() -> Self {
        let world = World::new().await;
        std::fs::create_dir(world.home.path().join("allowed")).expect("a folder");
        let it = Self { world };
        it.write(true);
        it
    }

    fn write(&self, remote: bool) {
        let allowed = self.world.home.path().join("allowed");
        let toml = format!(
            "[runs]\nask_for_folders = true\nallowed_folders = ['{}']\n[attention]\nremote = {remote}\n",
            allowed.display()
        );
        self.world.write_config(&toml);
    }

    fn config(&self) -> Config {
        self.world.config()
    }

    async fn peer(&self) -> Peer {
        self.world.peer_with(self.config()).await
    }

    fn dispatch(&self, run: &str) {
        let mut frame = task(run, "x", Some(&self.world.folder()));
        frame["task"]["initiative_id"] = json!("ini_1");
        frame["task"]["workstream_id"] = json!("ws_1");
        self.world.gateway.dispatch(frame);
    }

    /// Dispatches a task whose folder is not allowed; what OrgX is asked.
    async fn ask(&self, run: &str) -> Asked {
        self.dispatch(run);
        self.world.gateway.attention().wait_asked(run).await.expect("a question at OrgX")
    }

    async fn waits(&self, peer: &Peer, run: &str) -> Attention {
        let now = until(peer, "a question", |now| now.attention.iter().any(|ask| ask.run_id == run)).await;
        now.attention.into_iter().find(|ask| ask.run_id == run).expect("a question")
    }

    fn push(&self, asked: &Asked, key: &str, option: &str) {
        let resolution = json!({"status": "approved", "option_id": option});
        self.world.gateway.push_answer(asked, key, &resolution);
    }

    fn answer(&self, asked: &Asked, option: &str) {
        let answer = json!({"resolved": true, "answer": option});
        self.world.gateway.attention().answer(&asked.id, answer);
    }

    async fn end(&self, run: &str) -> Value {
        self.world.gateway.terminal(run).await.expect("told")
    }

    /// The states that the socket told of a question, in order, with their keys.
    fn said(&self, asked: &Asked) -> Vec<String> {
        let frames = self.world.gateway.frames();
        let of = |frame: &&orgx_sandbox::gateway::Received| frame.value["decision_id"] == asked.id.as_str();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        frames
            .iter()
            .filter(of)
            .map(|frame| format!("{} {}", text(&frame.value["idempotency_key"]), text(&frame.value["state"])))
            .collect()
    }

    /// Waits until the socket has told that of a question.
    async fn hears(&self, asked: &Asked, key: &str, state: &str) {
        let what = format!("{key} {state}");
        self.world
            .gateway
            .wait_for(&what, |frames| {
                frames.iter().any(|frame| {
                    frame.value["decision_id"] == asked.id.as_str()
                        && frame.value["idempotency_key"] == key
                        && frame.value["state"] == state
                })
            })
            .await
            .expect("told over the socket");
    }

    /// What HTTP told of a question, once it has told this.
    async fn posted(&self, asked: &Asked, state: &str) -> Vec<String> {
        let told = self.world.gateway.attention().wait_told(&asked.id, state).await.expect("told by HTTP");
        told.into_iter().map(|told| format!("{} {}", told.key, told.state)).collect()
    }

    fn was_strictly_well_behaved(&self) {
        let violations = self.world.gateway.violations();
        assert!(violations.is_empty(), "{violations:#?}");
    }

    fn offered(&self) -> Vec<String> {
        let upgrades = self.world.gateway.upgrades();
        let first = |request: &orgx_sandbox::Request| {
            let offer = request.header("sec-websocket-protocol").unwrap_or_default();
            offer.split(',').next().unwrap_or_default().to_owned()
        };
        upgrades.iter().map(first).collect()
    }

    fn asked_about(&self) -> usize {
        let requests = self.world.gateway.requests();
        requests.iter().filter(|request| request.path.contains("/live/attention")).count()
    }
}

#[tokio::test]
async fn an_answer_that_is_pushed_lets_the_run_go_on_and_each_state_is_told_both_ways() {
    let it = Away::new().await;
    let peer = it.peer().await;
    let asked = it.ask("r1").await;
    assert_eq!(it.offered(), ["orgx.v3"]);
    let body = &asked.body;
    assert_eq!((&body["initiative_id"], &body["workstream_id"]), (&json!("ini_1"), &json!("ws_1")));
    assert_eq!(body["context"], "~/w", "a folder, and not whose");
    until(&peer, "it can be answered there", |now| now.attention.iter().any(|ask| ask.remote)).await;
    it.push(&asked, "res_1", "allow_once");
    assert_eq!(it.end("r1").await["kind"], "task.completed");
    let states = ["res_1 answer_received", "res_1 resuming", "res_1 resumed"];
    assert_eq!(it.posted(&asked, "resumed").await, states);
    it.hears(&asked, "res_1", "resumed").await;
    assert_eq!(it.said(&asked), states);
    until(&peer, "nothing waits", |now| now.attention.is_empty()).await;
    peer.stop().await;
    it.was_strictly_well_behaved();
}

#[tokio::test]
async fn on_a_v3_socket_a_dispatch_of_v3_is_refused_as_ever() {
    let it = Away::new().await;
    let peer = it.peer().await;
    let mut frame = task("r1", "x", Some(&it.world.home.path().join("allowed")));
    frame["protocol_version"] = json!(3);
    it.world.gateway.dispatch(frame);
    let end = it.end("r1").await;
    assert_eq!((&end["kind"], &end["recoverable"]), (&json!("task.failed"), &json!(false)));
    assert!(it.world.daemon.prompts().is_empty());
    peer.stop().await;
}

#[tokio::test]
async fn an_answer_that_is_polled_lets_the_run_go_on_or_ends_it() {
    let it = Away::new().await;
    let peer = it.peer().await;
    for (run, option, end) in [("r1", "allow_once", "task.completed"), ("r2", "deny", "task.failed")] {
        let asked = it.ask(run).await;
        it.answer(&asked, option);
        assert_eq!(it.end(run).await["kind"], end);
        let key = &asked.key;
        let states = ["answer_received", "resuming", "resumed"].map(|state| format!("{key} {state}"));
        assert_eq!(it.posted(&asked, "resumed").await, states);
    }
    assert_eq!(it.end("r2").await["reason"], OUTSIDE);
    peer.stop().await;
    it.was_strictly_well_behaved();
}

#[tokio::test]
async fn push_and_poll_at_once_have_one_effect_and_one_resumed() {
    let it = Away::new().await;
    let peer = it.peer().await;
    let asked = it.ask("r1").await;
    it.answer(&asked, "allow_once");
    it.push(&asked, "res_1", "allow_once");
    it.push(&asked, "res_1", "allow_once");
    assert_eq!(it.end("r1").await["kind"], "task.completed");
    it.posted(&asked, "resumed").await;
    // What comes later has no effect either; a frame that is answered shows that it was read.
    it.push(&asked, "res_2", "deny");
    it.push(&Asked { id: "dec_x".into(), ..asked.clone() }, "res_3", "allow_once");
    it.hears(&Asked { id: "dec_x".into(), ..asked.clone() }, "res_3", "resume_failed").await;
    let resumed = it.said(&asked).iter().filter(|said| said.ends_with(" resumed")).count();
    assert_eq!(resumed, 1, "{:?}", it.said(&asked));
    assert_eq!(it.said(&asked).len(), 3);
    assert_eq!(it.world.daemon.prompts().len(), 1);
    peer.stop().await;
    it.was_strictly_well_behaved();
}

#[tokio::test]
async fn an_answer_here_wins_and_a_late_one_is_told_so_once() {
    let it = Away::new().await;
    let peer = it.peer().await;
    let asked = it.ask("r1").await;
    until(&peer, "it can be answered there", |now| now.attention.iter().any(|ask| ask.remote)).await;
    let ask = it.waits(&peer, "r1").await;
    let denied = Command::Answer { id: ask.id, answer: Answer::Deny { reason: None } };
    assert_eq!(peer.command(denied).await, Ok(Reply::Done));
    assert_eq!(it.end("r1").await["kind"], "task.failed");
    let told = it.world.gateway.attention().wait_told(&asked.id, "cancelled").await.expect("told");
    assert_eq!(told[0].detail.as_deref(), Some("answered on this computer"));
    it.push(&asked, "res_1", "allow_once");
    it.push(&asked, "res_1", "allow_once");
    it.hears(&asked, "res_1", "cancelled").await;
    it.push(&Asked { id: "dec_x".into(), ..asked.clone() }, "res_2", "allow_once");
    it.hears(&Asked { id: "dec_x".into(), ..asked.clone() }, "res_2", "resume_failed").await;
    let expected = [format!("{} cancelled", asked.key), "res_1 cancelled".to_owned()];
    assert_eq!(it.said(&asked), expected);
    assert!(it.world.daemon.prompts().is_empty());
    peer.stop().await;
}

#[tokio::test]
async fn an_unclear_answer_is_no_yes_and_leaves_the_question_here() {
    let it = Away::new().await;
    let peer = it.peer().await;
    let asked = it.ask("r1").await;
    it.push(&asked, "res_1", "allow_always");
    it.hears(&asked, "res_1", "resume_failed").await;
    let ask = it.waits(&peer, "r1").await;
    assert!(it.world.daemon.prompts().is_empty());
    peer.command(Command::Answer { id: ask.id, answer: Answer::Allow }).await.expect("allowed");
    assert_eq!(it.end("r1").await["kind"], "task.completed");
    peer.stop().await;
}

#[tokio::test]
async fn a_question_that_orgx_could_not_take_is_asked_there_once_it_can() {
    let it = Away::new().await;
    let faults = it.world.gateway.faults();
    faults.http(Endpoint::AttentionAsk, HttpFault::status(500));
    faults.http(Endpoint::AttentionAsk, HttpFault::Html);
    faults.http(Endpoint::AttentionPoll, HttpFault::status(500));
    faults.http(Endpoint::AttentionPoll, HttpFault::status(404));
    faults.http(Endpoint::AttentionTold, HttpFault::status(503));
    let peer = it.peer().await;
    let asked = it.ask("r1").await;
    it.answer(&asked, "allow_once");
    assert_eq!(it.end("r1").await["kind"], "task.completed");
    let states = ["answer_received", "resuming", "resumed"].map(|state| format!("{} {state}", asked.key));
    assert_eq!(it.posted(&asked, "resumed").await, states);
    peer.stop().await;
}

#[tokio::test]
async fn with_orgx_gone_the_run_goes_on_at_once_and_orgx_is_told_after() {
    let it = Away::new().await;
    let peer = it.peer().await;
    let asked = it.ask("r1").await;
    until(&peer, "it can be answered there", |now| now.attention.iter().any(|ask| ask.remote)).await;
    it.world.gateway.stop();
    until(&peer, "offline", |now| !now.connected).await;
    let ask = it.waits(&peer, "r1").await;
    peer.command(Command::Answer { id: ask.id, answer: Answer::Allow }).await.expect("allowed");
    until(&peer, "it ran", |now| now.recent.iter().any(|run| run.run_id == "r1" && run.completed)).await;
    it.world.gateway.restart().await.expect("a gateway");
    assert_eq!(it.end("r1").await["kind"], "task.completed");
    it.hears(&asked, &asked.key, "cancelled").await;
    it.posted(&asked, "cancelled").await;
    peer.stop().await;
}

#[tokio::test]
async fn an_orgx_that_takes_no_questions_is_told_once_and_holds_up_nothing() {
    let it = Away::new().await;
    it.world.gateway.faults().http_always(Endpoint::AttentionAsk, Some(HttpFault::status(404)));
    let peer = it.peer().await;
    for run in ["r1", "r2"] {
        it.dispatch(run);
        let ask = it.waits(&peer, run).await;
        let what = "a word of warning";
        let is_told = |words: &String| words.starts_with("this OrgX takes no questions (404)");
        let now = until(&peer, what, |now| now.warnings.iter().any(is_told)).await;
        assert_eq!(now.warnings.iter().filter(|words| is_told(words)).count(), 1);
        assert!(!ask.remote);
        peer.command(Command::Answer { id: ask.id, answer: Answer::Allow }).await.expect("allowed");
        assert_eq!(it.end(run).await["kind"], "task.completed");
    }
    peer.stop().await;
}

#[tokio::test]
async fn switched_off_nothing_is_asked_an_answer_is_ignored_and_the_socket_is_v1() {
    let it = Away::new().await;
    it.write(false);
    let peer = it.peer().await;
    it.dispatch("r1");
    let ask = it.waits(&peer, "r1").await;
    let asked = Asked { id: "dec_1".into(), key: "k".into(), times: 1, body: json!({"run_id": "r1"}) };
    it.push(&asked, "res_1", "allow_once");
    // Whatever came before it has been read.
    it.world.gateway.dispatch(json!({"kind": "task.cancel", "run_id": "nobody"}));
    it.world.gateway.dispatch(task("after", "x", Some(&it.world.home.path().join("allowed"))));
    assert_eq!(it.end("after").await["kind"], "task.completed");
    assert_eq!((it.waits(&peer, "r1").await.id, it.asked_about()), (ask.id, 0));
    assert_eq!(it.said(&asked), [""; 0]);
    assert_eq!(it.offered(), ["orgx.v1"]);

    // On, without a restart: what waits already is asked at OrgX from now on.
    it.write(true);
    assert_eq!(peer.command(Command::Reload).await, Ok(Reply::Reloaded { restart: Vec::new() }));
    it.world.gateway.wait_connected(2).await.expect("connected");
    assert_eq!(it.offered(), ["orgx.v1", "orgx.v3"]);
    let asked = it.world.gateway.attention().wait_asked("r1").await.expect("a question at OrgX");
    until(&peer, "it can be answered there", |now| now.attention.iter().any(|ask| ask.remote)).await;
    // And off again.
    it.write(false);
    peer.command(Command::Reload).await.expect("reloaded");
    it.world.gateway.wait_connected(3).await.expect("connected");
    it.posted(&asked, "cancelled").await;
    it.push(&asked, "res_2", "allow_once");
    it.world.gateway.dispatch(task("later", "x", Some(&it.world.home.path().join("allowed"))));
    assert_eq!(it.end("later").await["kind"], "task.completed");
    let still = it.waits(&peer, "r1").await;
    assert!(!still.remote);
    assert_eq!(it.offered().last().map(String::as_str), Some("orgx.v1"));
    peer.stop().await;
}

#[tokio::test]
async fn a_restart_with_an_open_question_gets_the_same_one_again() {
    let it = Away::new().await;
    let peer = it.peer().await;
    let asked = it.ask("r1").await;
    until(&peer, "it can be answered there", |now| now.attention.iter().any(|ask| ask.remote)).await;
    peer.stop().await;
    assert_eq!(it.said(&asked), [""; 0], "it is still asked");
    let peer = it.peer().await;
    until(&peer, "it can be answered there", |now| now.attention.iter().any(|ask| ask.remote)).await;
    let all = it.world.gateway.attention().asked();
    assert_eq!((all.len(), all[0].times, &all[0].id), (1, 2, &asked.id));
    it.push(&asked, "res_1", "allow_once");
    assert_eq!(it.end("r1").await["kind"], "task.completed");
    it.posted(&asked, "resumed").await;
    peer.stop().await;
    it.was_strictly_well_behaved();
}

#[tokio::test]
async fn an_orgx_that_refuses_v3_gets_v1_with_one_warning_and_is_polled() {
    for how in [RefusesV3::Close4000, RefusesV3::SelectsNothing, RefusesV3::SelectsV1, RefusesV3::Status400] {
        let it = Away::new().await;
        it.world.gateway.refuse_v3(Some(how));
        let peer = Peer::start(it.config()).await.expect("a peer");
        let connected =
            until(&peer, "connected on v1", |now| now.connected && !now.warnings.is_empty()).await;
        assert_eq!(connected.warnings.len(), 1, "{:?}", connected.warnings);
        assert!(connected.warnings[0].contains("refuses orgx.v3"), "{:?}", connected.warnings);
        assert_eq!(it.offered(), ["orgx.v3", "orgx.v1"], "{how:?}");
        let asked = it.ask("r1").await;
        it.answer(&asked, "allow_once");
        assert_eq!(it.end("r1").await["kind"], "task.completed");
        it.posted(&asked, "resumed").await;
        assert_eq!(it.said(&asked), [""; 0], "no frame of v3 on a v1 socket");
        peer.stop().await;
    }
}

#[tokio::test]
async fn v3_is_offered_again_ten_minutes_after_it_was_refused() {
    let it = Away::new().await;
    it.world.gateway.refuse_v3(Some(RefusesV3::Status400));
    let mut config = it.config();
    config.clock = Clock::adjustable();
    let clock = config.clock.clone();
    let peer = Peer::start(config).await.expect("a peer");
    it.world.gateway.wait_connected(1).await.expect("connected");
    it.world.gateway.refuse_v3(None);
    it.world.gateway.close(1001, "going away");
    until(&peer, "lost", |now| !now.connected).await;
    clock.pass(Duration::from_secs(2)).await;
    it.world.gateway.wait_connected(2).await.expect("connected");
    assert_eq!(it.offered(), ["orgx.v3", "orgx.v1", "orgx.v1"], "not so soon");
    clock.pass(Duration::from_secs(10 * 60)).await;
    let before = it.offered().len();
    until(&peer, "connected", |now| now.connected).await;
    if it.offered().last().is_none_or(|last| last != "orgx.v3") {
        it.world.gateway.close(1001, "going away");
        until(&peer, "lost", |now| !now.connected).await;
        clock.pass(Duration::from_secs(2)).await;
        it.world.gateway.wait_connected(before).await.expect("connected");
    }
    assert_eq!(it.offered().last().map(String::as_str), Some("orgx.v3"));
    let asked = it.ask("r1").await;
    it.push(&asked, "res_1", "allow_once");
    assert_eq!(it.end("r1").await["kind"], "task.completed");
    it.hears(&asked, "res_1", "resumed").await;
    assert_eq!(peer.snapshot().warnings.len(), 1, "{:?}", peer.snapshot().warnings);
    peer.stop().await;
}

#[tokio::test]
async fn a_question_that_lapses_is_taken_back_at_orgx() {
    let it = Away::new().await;
    let mut config = it.config();
    config.clock = Clock::adjustable();
    let clock = config.clock.clone();
    let peer = it.world.peer_with(config).await;
    let asked = it.ask("r1").await;
    until(&peer, "it can be answered there", |now| now.attention.iter().any(|ask| ask.remote)).await;
    clock.pass(Duration::from_secs(541)).await;
    assert_eq!(it.end("r1").await["reason"], OUTSIDE);
    it.posted(&asked, "cancelled").await;
    peer.stop().await;
}

#[tokio::test]
async fn a_persons_own_task_and_one_without_an_initiative_are_not_asked_about_at_orgx() {
    let it = Away::new().await;
    let peer = it.peer().await;
    it.world.dispatch("homeless", "x");
    let ask = it.waits(&peer, "homeless").await;
    let word = |words: &String| words.starts_with("OrgX did not say which initiative");
    until(&peer, "a word of warning", |now| now.warnings.iter().any(word)).await;
    peer.command(Command::Answer { id: ask.id, answer: Answer::Allow }).await.expect("allowed");
    assert_eq!(it.end("homeless").await["kind"], "task.completed");
    assert_eq!(it.asked_about(), 0);
    let stopped = tokio::time::timeout(WAIT, peer.stop()).await;
    assert!(stopped.is_ok());
}
