//! A task that goes on with a session.

use orgx_tests::{Stage, opencode, story, task};
use serde_json::{Value, json};
use std::path::Path;

/// What the model counts for a turn.
const TURN: u64 = 110;

fn go_on(run_id: &str, folder: &Path, prompt: &str, session: &str) -> Value {
    let mut dispatch = task(run_id, folder, prompt);
    dispatch["task"]["session_handle"] = session.into();
    dispatch
}

fn write(file: &str) -> Value {
    let path = format!("{{{{cwd}}}}/{file}");
    json!([{ "name": "write", "arguments": { "filePath": path, "content": "x\n" } }])
}

fn script(stage: &Stage) {
    stage.model.script("first", json!([{ "tool_calls": write("one.txt") }, { "text": "Done." }]));
    stage.model.script(
        "then more",
        json!([{ "gate": "more", "tool_calls": write("two.txt") }, { "text": "Done." }]),
    );
}

async fn prompts(session: &str) -> usize {
    let messages = opencode::shared().await.get(&format!("/session/{session}/message")).await;
    messages.as_array().unwrap().iter().filter(|message| message["info"]["role"] == "user").count()
}

#[test]
fn it_goes_on_in_the_session_and_counts_only_what_is_its_own() {
    story(async {
        let stage = Stage::set().await;
        script(&stage);
        stage.model.open("more");
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("one", &stage.project, "Do the first"));
        assert_eq!(stage.completion("one").await["tokens_used"], 2 * TURN);
        let session = stage.session("one");
        stage.gateway.dispatch(go_on("two", &stage.project, "And then more", &session));
        let end = stage.completion("two").await;
        assert_eq!((stage.session("two"), prompts(&session).await), (session.clone(), 2));
        assert_eq!(end["tokens_used"], 2 * TURN, "its own answers only");
        assert_eq!(stage.steps("two"), ["edit two.txt — +1 -0"]);
        assert_eq!(end["cost_estimate_cents"], stage.completion("one").await["cost_estimate_cents"]);
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_session_that_is_not_there_elsewhere_or_at_work_is_not_gone_on_with() {
    story(async {
        let stage = Stage::set().await;
        script(&stage);
        std::fs::write(stage.config().join("config.toml"), "[runs]\nper_folder = 2\n").unwrap();
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("one", &stage.project, "Do the first"));
        stage.completion("one").await;
        let session = stage.session("one");
        let other = stage.project("other");
        for (run_id, folder, session, why) in [
            ("gone", &stage.project, "ses_1234567890", "is not on this computer"),
            ("path", &stage.project, "ses_1/../../global/dispose", "is not on this computer"),
            ("elsewhere", &other, session.as_str(), "works in another folder"),
        ] {
            stage.gateway.dispatch(go_on(run_id, folder, "And then more", session));
            let (reason, recoverable) = stage.failure(run_id).await;
            assert!(reason.contains(why) && !recoverable, "{reason}");
        }
        stage.gateway.dispatch(go_on("two", &stage.project, "And then more", &session));
        stage.asked("then more", 1).await;
        stage.gateway.dispatch(go_on("three", &stage.project, "Hello", &session));
        let (reason, recoverable) = stage.failure("three").await;
        assert!(reason.contains("at work on something else") && recoverable, "{reason}");
        stage.model.open("more");
        stage.completion("two").await;
        assert_eq!(prompts(&session).await, 2, "nothing steered the one at work");
    });
}

#[test]
fn a_peer_killed_while_a_session_is_gone_on_with_tells_its_own_end_and_tokens() {
    story(async {
        let stage = Stage::set().await;
        script(&stage);
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("one", &stage.project, "Do the first"));
        stage.completion("one").await;
        let session = stage.session("one");
        stage.gateway.dispatch(go_on("two", &stage.project, "And then more", &session));
        stage.asked("then more", 1).await;
        peer.kill().await;
        let peer = stage.peer().await;
        stage.model.open("more");
        assert_eq!(stage.completion("two").await["tokens_used"], 2 * TURN);
        let mut steps = stage.steps("two");
        steps.dedup();
        assert_eq!(steps, ["edit two.txt — +1 -0"], "nothing of the run before it");
        assert_eq!(prompts(&session).await, 2);
        peer.stop_well().await;
    });
}
