//! An agent that asks, while nobody can be asked.

use orgx_tests::{Stage, opencode, story, task};
use serde_json::{Value, json};

const DECLINED: &str = "asked for permission (bash); declined, because nobody can be asked yet";

fn bash_asks() -> Value {
    json!({ "permission": { "bash": "ask" } })
}

#[test]
fn a_permission_is_declined_with_a_word_that_lets_the_agent_go_on() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "BASH"));
        stage.completion("run").await;
        assert_eq!(stage.steps("run"), [DECLINED, "call bash — failed: List the folder"]);
        let told = stage.model.requests().pop().unwrap().body["messages"].to_string();
        assert!(told.contains("Nobody can be asked right now"), "{told}");
        assert!(opencode_asks(&stage, "permission").await.is_empty());
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_subagents_permission_is_declined_like_its_parents() {
    story(async {
        let stage = Stage::set_with(bash_asks()).await;
        let bash = json!({ "command": "ls", "description": "List the folder" });
        stage.model.script(
            "SUBAGENT",
            json!([{ "tool_calls": [{ "name": "bash", "arguments": bash }] }, { "text": "Then not." }]),
        );
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "TASK"));
        stage.completion("run").await;
        let steps = stage.steps("run");
        assert_eq!(
            steps,
            [DECLINED, "call bash — failed: List the folder", "call task — part of the work"],
            "the subagent's steps are the run's"
        );
    });
}

#[test]
fn a_question_is_answered_with_a_word_that_lets_the_agent_go_on() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "QUESTION"));
        stage.completion("run").await;
        assert_eq!(
            stage.steps("run"),
            ["asked a question; nobody can be asked yet, so it was told to go on", "call question — done"]
        );
        let told = stage.model.requests().pop().unwrap().body["messages"].to_string();
        assert!(told.contains("Nobody can be asked right now"), "{told}");
        assert!(opencode_asks(&stage, "question").await.is_empty());
    });
}

async fn opencode_asks(stage: &Stage, what: &str) -> Vec<Value> {
    let path = format!("/{what}?directory={}", stage.project.display());
    opencode::shared().await.get(&path).await.as_array().unwrap().clone()
}
