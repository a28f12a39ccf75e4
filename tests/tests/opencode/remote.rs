//! What an agent asks, answered at OrgX.

use orgx_sandbox::gateway::Asked;
use orgx_tests::{Stage, golden, story, task};
use serde_json::{Value, json};

/// A stage whose peer asks at OrgX, too.
async fn stage(config: Value) -> Stage {
    let stage = Stage::set_with(config).await;
    std::fs::write(stage.config().join("config.toml"), "[attention]\nremote = true\n").unwrap();
    stage
}

fn dispatch(stage: &Stage, prompt: &str) {
    let mut frame = task("run", &stage.project, prompt);
    frame["task"]["initiative_id"] = json!("ini_1");
    stage.gateway.dispatch(frame);
}

/// What OrgX is asked about the run.
async fn asked(stage: &Stage) -> Asked {
    let asked = stage.gateway.attention().wait_asked("run").await;
    asked.unwrap_or_else(|late| panic!("{late}\n{:#?}\n{}", stage.gateway.violations(), stage.log()))
}

/// The `continuation.receipt` frames, as they came.
fn continuations(stage: &Stage) -> Vec<String> {
    let frames = stage.gateway.frames().into_iter().filter(|frame| frame.kind() == "continuation.receipt");
    frames.map(|frame| frame.text).collect()
}

#[test]
fn a_command_that_is_approved_at_orgx_runs_and_the_run_goes_on() {
    story(async {
        let stage = stage(json!({ "permission": { "bash": "ask" } })).await;
        let peer = stage.peer().await;
        dispatch(&stage, "BASH");
        let asked = asked(&stage).await;
        let resolution = json!({ "status": "approved", "option_id": "allow_once", "note": "fine" });
        stage.gateway.push_answer(&asked, "res_1", &resolution);
        stage.completion("run").await;
        let told = stage.gateway.attention().wait_told(&asked.id, "resumed").await.unwrap();
        let states: Vec<&str> = told.iter().map(|told| told.state.as_str()).collect();
        assert_eq!(states, ["answer_received", "resuming", "resumed"]);
        let ran = stage.steps("run");
        assert!(ran.iter().any(|step| step.starts_with("call bash")), "{ran:?}");
        assert!(ran.iter().all(|step| !step.contains("failed")), "{ran:?}");
        peer.stop_well().await;

        let session = stage.session("run");
        let (body, frames) = (asked.body.to_string(), continuations(&stage));
        let ask = asked.body["source_event_id"].as_str().unwrap().to_owned();
        let named = [
            ("<session>", session.as_str()),
            ("<key>", asked.key.as_str()),
            ("<ask>", ask.as_str()),
            ("<root>", stage.project.parent().unwrap().to_str().unwrap()),
        ];
        let lines = std::iter::once(body.as_str()).chain(frames.iter().map(String::as_str));
        golden::check("remote.attention.jsonl", &golden::lines(lines, &named));
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn an_agents_question_that_is_answered_at_orgx_lets_it_go_on() {
    story(async {
        let stage = stage(json!({})).await;
        let peer = stage.peer().await;
        dispatch(&stage, "QUESTION");
        let asked = asked(&stage).await;
        let chosen = asked.body["options"][0].clone();
        let answer =
            json!({ "resolved": true, "resolution_context": { "selected_option_ids": [chosen["id"]] } });
        stage.gateway.attention().answer(&asked.id, answer);
        stage.completion("run").await;
        stage.gateway.attention().wait_told(&asked.id, "resumed").await.unwrap();
        let told = stage.model.requests().pop().unwrap().body["messages"].to_string();
        assert!(told.contains(chosen["label"].as_str().unwrap()), "{told}");
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_command_that_is_declined_at_orgx_does_not_run_and_the_agent_reads_why() {
    story(async {
        let stage = stage(json!({ "permission": { "bash": "ask" } })).await;
        let _peer = stage.peer().await;
        dispatch(&stage, "BASH");
        let asked = asked(&stage).await;
        let resolution = json!({ "status": "declined", "note": "Read the README instead." });
        stage.gateway.push_answer(&asked, "res_1", &resolution);
        stage.completion("run").await;
        let told = stage.model.requests().pop().unwrap().body["messages"].to_string();
        assert!(told.contains("Read the README instead."), "{told}");
        stage.was_strictly_well_behaved();
    });
}
