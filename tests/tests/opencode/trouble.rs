//! What goes wrong on the agent's side: tools, providers, models, and the server itself.

use orgx_sandbox::gateway::Received;
use orgx_tests::opencode::{self, Place, Server};
use orgx_tests::process::until;
use orgx_tests::{Stage, story, task};
use serde_json::json;
use std::time::{Duration, Instant};

#[test]
fn a_tool_that_fails_is_a_step_that_says_so_and_the_run_completes() {
    story(async {
        let stage = Stage::set().await;
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "FAILTOOL"));
        stage.completion("run").await;
        assert_eq!(stage.steps("run"), ["call read — failed: does-not-exist.txt"]);
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_provider_that_refuses_the_sign_in_is_told_in_words_and_without_its_key() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "E401"));
        let (reason, recoverable) = stage.failure("run").await;
        assert_eq!(reason, "the model provider refused OpenCode's sign-in: Incorrect API key provided");
        assert!(!recoverable);
        opencode::shared().await.idle(&stage.project).await;
        // The same dispatch again gets the same answer, and the model is left alone.
        stage.gateway.dispatch(task("run", &stage.project, "E401"));
        let again =
            |frames: &[Received]| frames.iter().filter(|frame| frame.is_terminal_of("run")).count() == 2;
        let frames = stage.gateway.wait_for("the terminal again", again).await.unwrap();
        let terminals: Vec<_> = frames.iter().filter(|frame| frame.is_terminal_of("run")).collect();
        assert_eq!(terminals[0].text, terminals[1].text);
        assert_eq!(stage.model.requests().len(), 1);
    });
}

#[test]
fn a_provider_that_is_busy_once_is_waited_for() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "E429"));
        stage.completion("run").await;
        assert_eq!(stage.model.requests().len(), 2);
        assert_eq!(stage.gateway.of_run("run").len(), 2, "started and completed, and no word of the wait");
    });
}

#[test]
fn answers_that_end_without_a_reason_are_stopped_before_they_cost_a_fortune() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "NOFINISH"));
        let (reason, recoverable) = stage.failure("run").await;
        assert!(reason.starts_with("the model's answers end without a reason"), "{reason}");
        assert!(recoverable);
        opencode::shared().await.idle(&stage.project).await;
        let asked = stage.model.requests().len();
        assert!(asked < 30, "the model was asked {asked} times");
    });
}

#[test]
fn a_conversation_that_grew_too_long_is_compacted_and_goes_on() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "OVERFLOW"));
        let completed = stage.completion("run").await;
        assert_eq!(stage.steps("run"), ["edit hello.txt — +1 -0"], "what the model did after the compaction");
        assert!(completed["tokens_used"].as_u64().unwrap() >= 1000 + 50 + 1100 + 12, "{completed}");
    });
}

#[test]
fn a_model_that_does_not_exist_is_told_in_words() {
    story(async {
        let stage = Stage::set_with(json!({ "model": "fake/nope" })).await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "Anything"));
        let (reason, recoverable) = stage.failure("run").await;
        assert!(reason.contains("Model not found: fake/nope"), "{reason}");
        assert!(!recoverable);
        assert!(stage.model.requests().is_empty());
    });
}

#[test]
fn an_agent_that_does_not_exist_is_told_in_words() {
    story(async {
        let stage = Stage::set_with(json!({ "default_agent": "nobody" })).await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "Anything"));
        let (reason, recoverable) = stage.failure("run").await;
        assert!(reason.contains("nobody"), "{reason}");
        assert!(!recoverable);
        assert!(stage.model.requests().is_empty());
    });
}

#[test]
fn a_server_that_is_killed_ends_its_run_within_forty_seconds() {
    story(async {
        let stage = Stage::set().await;
        let _place = Place::take().await;
        let server = Server::start(Some("secret")).await;
        let _peer = stage.peer_of(&server).await;
        stage.gateway.dispatch(task("run", &stage.project, "HANG"));
        stage.asked("HANG", 1).await;
        let killed = Instant::now();
        server.kill();
        let (reason, recoverable) = stage.failure("run").await;
        assert_eq!(reason, "the connection to OpenCode was lost");
        assert!(recoverable);
        assert!(killed.elapsed() < Duration::from_secs(40), "it took {:?}", killed.elapsed());
        until("the peer says that OpenCode is gone", async || stage.log().contains("nobody answers")).await;
    });
}

#[test]
fn a_server_that_starts_anew_has_not_done_the_work_of_the_one_before() {
    story(async {
        let stage = Stage::set().await;
        let _place = Place::take().await;
        let mut server = Server::start(Some("secret")).await;
        let _peer = stage.peer_of(&server).await;
        for (run_id, prompt) in [("run_hang", "HANG"), ("run_slow", "SLOW")] {
            stage.gateway.dispatch(task(run_id, &stage.project, prompt));
            stage.asked(prompt, 1).await;
            server.restart().await;
            let (reason, recoverable) = stage.failure(run_id).await;
            assert_eq!(reason, "OpenCode stopped before the model had answered");
            assert!(recoverable);
        }
        assert_eq!(stage.model.requests().len(), 2, "nothing was prompted twice");
    });
}
