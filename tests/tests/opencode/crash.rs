//! A peer that is killed with -9: what became of its run is found out, and told as it is.

use orgx_sandbox::gateway::Received;
use orgx_sandbox::model::Asked;
use orgx_tests::journal::{self, Kept};
use orgx_tests::opencode::{Place, Server};
use orgx_tests::process::{self, until};
use orgx_tests::proxy::Proxy;
use orgx_tests::{Stage, opencode, story, task};
use rustix::process::Signal;
use serde_json::{Value, json};

/// What the model counts for a turn.
const TURN: u64 = 110;

fn write(file: &str, content: &str) -> Value {
    let path = format!("{{{{cwd}}}}/{file}");
    json!([{ "name": "write", "arguments": { "filePath": path, "content": format!("{content}\n") } }])
}

/// Two files with a gate between them; the second breaks the rule.
fn two_files() -> Value {
    json!([
        { "tool_calls": write("one.txt", "fine") },
        { "gate": "go", "tool_calls": write("two.txt", "tangerine") },
        { "text": "Done." },
    ])
}

fn rules() -> Value {
    json!({ "skills": [{ "id": "fruit", "rules": [{ "pattern": "tangerine", "on": "file_edit",
        "dedupe_fingerprint": "tangerine", "evidence_kind": "budget_shift" }] }] })
}

/// How often a prompt with this in it began: OpenCode asks once more for each turn, and never again for the first.
fn prompts(stage: &Stage, word: &str) -> usize {
    let first = |asked: &&Asked| asked.turn == 0 && asked.keyword != "title" && asked.prompt.contains(word);
    stage.model.requests().iter().filter(first).count()
}

/// The user messages of all sessions of this run.
async fn user_messages(stage: &Stage, run_id: &str) -> usize {
    let server = opencode::shared().await;
    let sessions = server.get(&format!("/session?directory={}", stage.project.display())).await;
    let mut found = 0;
    for session in sessions.as_array().unwrap() {
        if session["metadata"]["orgx_run_id"] == run_id {
            let messages = server.get(&format!("/session/{}/message", session["id"].as_str().unwrap())).await;
            let users = messages.as_array().unwrap().iter();
            found += users.filter(|message| message["info"]["role"] == "user").count();
        }
    }
    found
}

fn distinct_steps(stage: &Stage, run_id: &str) -> Vec<String> {
    let mut steps = stage.steps(run_id);
    let mut seen = std::collections::HashSet::new();
    steps.retain(|step| seen.insert(step.clone()));
    steps
}

fn terminals(stage: &Stage, run_id: &str) -> usize {
    let frames = stage.gateway.frames();
    let texts = frames.iter().filter(|frame| frame.is_terminal_of(run_id)).map(|frame| frame.text.clone());
    texts.collect::<std::collections::HashSet<_>>().len()
}

#[test]
fn a_run_whose_peer_was_killed_is_followed_by_the_next_one_to_its_end() {
    story(async {
        let stage = Stage::set().await;
        stage.gateway.set_skills(rules());
        stage.model.script("two files", two_files());
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "Write two files"));
        stage.gateway.wait_for("the first step", |_| !stage.steps("run").is_empty()).await.unwrap();
        peer.kill().await;
        let peer = stage.peer().await;
        stage.model.open("go");
        let completed = stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 3 * TURN);
        assert_eq!(distinct_steps(&stage, "run"), ["edit one.txt — +1 -0", "edit two.txt — +1 -0"]);
        assert_eq!(stage.gateway.deviations("run").len(), 1);
        assert_eq!(prompts(&stage, "two files"), 1);
        assert_eq!(user_messages(&stage, "run").await, 1);
        peer.stop_well().await;
        assert_eq!(terminals(&stage, "run"), 1);
    });
}

#[test]
fn what_a_run_did_while_no_peer_lived_is_told_with_its_deviations_and_tokens() {
    story(async {
        let stage = Stage::set().await;
        stage.gateway.set_skills(rules());
        stage.model.script("two files", two_files());
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "Write two files"));
        stage.asked("two files", 2).await;
        peer.kill().await;
        stage.model.open("go");
        stage.asked("two files", 3).await;
        opencode::shared().await.idle(&stage.project).await;
        assert_eq!(terminals(&stage, "run"), 0);
        let peer = stage.peer().await;
        let completed = stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 3 * TURN);
        assert!(distinct_steps(&stage, "run").ends_with(&["edit two.txt — +1 -0".to_owned()]));
        assert_eq!(stage.gateway.deviations("run").len(), 1, "made while nobody looked");
        assert_eq!(prompts(&stage, "two files"), 1);
        peer.stop_well().await;
        assert!(stage.gateway.receipt("run").is_some());
        assert_eq!(terminals(&stage, "run"), 1);
    });
}

#[test]
fn a_run_that_failed_while_no_peer_lived_is_told_with_its_own_reason() {
    story(async {
        let stage = Stage::set().await;
        let refusal = json!({ "error": { "message": "too expensive", "type": "invalid_request_error" } });
        stage.model.script("the work", json!([{ "gate": "go", "status": 400, "error": refusal }]));
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "Do the work"));
        stage.asked("the work", 1).await;
        peer.kill().await;
        stage.model.open("go");
        opencode::shared().await.idle(&stage.project).await;
        let _peer = stage.peer().await;
        let (reason, _) = stage.failure("run").await;
        assert!(reason.contains("too expensive"), "{reason}");
        assert_eq!(prompts(&stage, "the work"), 1);
    });
}

#[test]
fn a_peer_killed_between_the_session_and_the_prompt_prompts_once() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("the work", json!([{ "tool_calls": write("one.txt", "x") }, { "text": "Done." }]));
        let server = opencode::shared().await;
        let proxy = Proxy::to(server.port).await;
        let start = async || stage.peer_at(proxy.port, server.password.as_deref()).await;
        for (run_id, call) in [("run_session", "POST /session?"), ("run_prompt", "/prompt_async")] {
            let peer = start().await;
            proxy.hold(call);
            let asked_before = proxy.calls(call);
            stage.gateway.dispatch(task(run_id, &stage.project, &format!("Do the work of {run_id}")));
            proxy.called(call, asked_before + 1).await;
            peer.kill().await;
            // What was held never reaches OpenCode.
            proxy.cut();
            proxy.mend();
            let peer = start().await;
            let completed = stage.completion(run_id).await;
            assert_eq!(completed["tokens_used"], 2 * TURN);
            assert_eq!(prompts(&stage, run_id), 1);
            assert_eq!(user_messages(&stage, run_id).await, 1);
            peer.stop_well().await;
            assert_eq!(terminals(&stage, run_id), 1);
        }
    });
}

#[test]
fn a_peer_killed_while_its_prompt_is_on_the_way_prompts_once() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("the work", json!([{ "gate": "go", "text": "Done." }]));
        let server = opencode::shared().await;
        let proxy = Proxy::to(server.port).await;
        let peer = stage.peer_at(proxy.port, server.password.as_deref()).await;
        stage.gateway.dispatch(task("run", &stage.project, "Do the work"));
        proxy.called("/prompt_async", 1).await;
        // It may or may not have it yet.
        peer.kill().await;
        let peer = stage.peer_at(proxy.port, server.password.as_deref()).await;
        stage.asked("the work", 1).await;
        stage.model.open("go");
        stage.completion("run").await;
        assert_eq!(prompts(&stage, "the work"), 1);
        assert_eq!(user_messages(&stage, "run").await, 1);
        peer.stop_well().await;
    });
}

#[test]
fn a_prompt_that_still_waits_at_a_frozen_server_is_not_sent_again() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("the work", json!([{ "gate": "go", "text": "Done." }]));
        let _place = Place::take().await;
        let server = Server::start(Some("secret")).await;
        let proxy = Proxy::to(server.port).await;
        let start = async || stage.peer_at(proxy.port, server.password.as_deref()).await;
        let peer = start().await;
        proxy.hold("/prompt_async");
        stage.gateway.dispatch(task("run", &stage.project, "Do the work"));
        proxy.called("/prompt_async", 1).await;
        process::send(server.pid, Signal::STOP);
        // It reaches the server's socket, and nobody reads it there.
        proxy.mend();
        peer.kill().await;
        let peer = start().await;
        tokio::time::sleep(std::time::Duration::from_secs(3)).await;
        process::send(server.pid, Signal::CONT);
        stage.asked("the work", 1).await;
        stage.model.open("go");
        assert_eq!(stage.completion("run").await["tokens_used"], TURN);
        let messages = server.get(&format!("/session/{}/message", stage.session("run"))).await;
        let users: Vec<&Value> =
            messages.as_array().unwrap().iter().filter(|message| message["info"]["role"] == "user").collect();
        assert_eq!(users.len(), 1);
        assert_eq!(
            users[0]["parts"].as_array().unwrap().len(),
            1,
            "the prompt stands there once: {}",
            users[0]
        );
        assert_eq!(prompts(&stage, "the work"), 1);
        peer.stop_well().await;
    });
}

#[test]
fn queued_dispatches_outlive_a_kill_and_run_in_their_order() {
    story(async {
        let stage = Stage::set().await;
        let runs = ["run_a", "run_b", "run_c"];
        stage.model.script("Work", json!([{ "text": "Done." }]));
        stage.model.script("Work run_a", json!([{ "gate": "go", "text": "Done." }]));
        let peer = stage.peer().await;
        for run_id in runs {
            stage.gateway.dispatch(task(run_id, &stage.project, &format!("Work {run_id}")));
        }
        stage.asked("run_a", 1).await;
        let written = |run_id: &str| {
            journal::read(&stage.state()).is_ok_and(|kept| kept.get(run_id) == Some(&Kept::Queued))
        };
        until("the others are written down", async || written("run_b") && written("run_c")).await;
        peer.kill().await;
        let peer = stage.peer().await;
        stage.model.open("go");
        for run_id in runs {
            stage.completion(run_id).await;
            assert_eq!(prompts(&stage, run_id), 1);
        }
        peer.stop_well().await;
        let frames = stage.gateway.frames();
        let ends: Vec<&str> =
            frames.iter().filter(|frame| frame.kind() == "task.completed").map(Received::run_id).collect();
        assert_eq!(ends, runs, "one a folder, in their order");
        let found = Stage::files_with(&stage.state(), "Work run_");
        assert!(found.is_empty(), "a task's text is still in {found:?}");
    });
}
