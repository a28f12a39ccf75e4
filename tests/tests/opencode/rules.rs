//! What a dispatch may and may not do to the agent, whose model and agent run, and what is refused.

use orgx_tests::process::until;
use orgx_tests::{Stage, opencode, story, task};
use serde_json::{Value, json};
use std::path::Path;

fn touch(file: &str) -> Value {
    let bash = json!({ "command": format!("touch {file}"), "description": "Touch a file" });
    json!([{ "tool_calls": [{ "name": "bash", "arguments": bash }] }, { "text": "Done." }])
}

/// A dispatch whose task also says this.
fn with(run_id: &str, folder: &Path, prompt: &str, more: &Value) -> Value {
    let mut dispatch = task(run_id, folder, prompt);
    for (name, value) in more.as_object().unwrap() {
        dispatch["task"][name] = value.clone();
    }
    dispatch
}

fn rule(permission: &str, pattern: &str, action: &str) -> Value {
    json!({ "permission": permission, "pattern": pattern, "action": action })
}

async fn asks(folder: &Path) -> Value {
    opencode::shared().await.get(&format!("/permission?directory={}", folder.display())).await
}

/// The person is asked; the run is ended then.
async fn is_asked_about(stage: &Stage, run_id: &str, folder: &Path, kind: &str) {
    // Before that OpenCode may still be opening the folder, and answers nobody.
    stage.asked("touch it", 1).await;
    let asked = async || asks(folder).await[0]["permission"] == kind;
    until("nobody is asked", asked).await;
    stage.gateway.dispatch(json!({ "kind": "task.cancel", "run_id": run_id }));
    assert_eq!(stage.failure(run_id).await, ("cancelled".to_owned(), false));
}

fn set(stage: &Stage, toml: &str) {
    std::fs::write(stage.config().join("config.toml"), toml).unwrap();
}

#[test]
fn a_dispatch_that_allows_commands_gets_no_more_than_the_person_gives() {
    story(async {
        let stage = Stage::set_with(json!({ "permission": { "bash": "ask" } })).await;
        stage.model.script("touch it", touch("ran.txt"));
        let _peer = stage.peer().await;
        let allow = json!({ "permission": [rule("bash", "*", "allow"), rule("*", "*", "allow")] });
        stage.gateway.dispatch(with("run", &stage.project, "Please touch it", &allow));
        is_asked_about(&stage, "run", &stage.project, "bash").await;

        let denied = stage.project("denied");
        let mut config: Value =
            serde_json::from_slice(&std::fs::read(denied.join("opencode.json")).unwrap()).unwrap();
        config["permission"] = json!({ "bash": { "*": "deny" } });
        std::fs::write(denied.join("opencode.json"), config.to_string()).unwrap();
        stage.gateway.dispatch(with("run2", &denied, "Please touch it", &allow));
        stage.completion("run2").await;
        assert!(!stage.project.join("ran.txt").exists() && !denied.join("ran.txt").exists());
    });
}

#[test]
fn what_a_dispatch_denies_is_denied_in_subagents_too() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("touch it", touch("ran.txt"));
        stage.model.script("SUBAGENT", touch("ran-too.txt"));
        let _peer = stage.peer().await;
        let deny = json!({ "permission": [rule("bash", "*", "deny"), rule("bash", "git *", "allow")] });
        stage.gateway.dispatch(with("run", &stage.project, "Please touch it", &deny));
        stage.completion("run").await;
        stage.gateway.dispatch(with("run2", &stage.project, "TASK", &deny));
        stage.completion("run2").await;
        assert!(!stage.project.join("ran.txt").exists() && !stage.project.join("ran-too.txt").exists());
        // What it does not name stays as the person has it.
        stage.gateway.dispatch(with("run3", &stage.project, "Hello", &deny));
        stage.completion("run3").await;
        assert!(stage.project.join("hello.txt").exists());
    });
}

#[test]
fn who_wants_to_be_asked_before_commands_is_and_a_subagent_runs_none_unasked() {
    story(async {
        let stage = Stage::set().await;
        set(&stage, "[runs]\nask_before_commands = true\n");
        stage.model.script("touch it", touch("ran.txt"));
        stage.model.script("SUBAGENT", touch("ran-too.txt"));
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "Please touch it"));
        is_asked_about(&stage, "run", &stage.project, "bash").await;
        // In a folder of its own: an ask of before is still listed there.
        let other = stage.project("other");
        stage.gateway.dispatch(task("run2", &other, "TASK"));
        stage.completion("run2").await;
        assert!(!stage.project.join("ran.txt").exists() && !other.join("ran-too.txt").exists());
    });
}

#[test]
fn the_model_and_the_agent_are_the_dispatchs_else_the_folders() {
    story(async {
        let stage = Stage::set().await;
        let (inner, other) = (stage.project("project/inner"), stage.project("other"));
        set(
            &stage,
            &format!(
                "[[project]]\npath = '{}'\nagent = 'plan'\n[[project]]\npath = '{}'\nmodel = 'fake/no-such-model'\n",
                stage.project.display(),
                inner.display()
            ),
        );
        let _peer = stage.peer().await;
        let agent = async |run_id: &str| {
            let session = stage.session(run_id);
            let messages = opencode::shared().await.get(&format!("/session/{session}/message")).await;
            messages[0]["info"]["agent"].clone()
        };
        for (run_id, folder, named, expected) in [
            ("plain", &other, json!({}), "build"),
            ("folder", &stage.project, json!({}), "plan"),
            ("named", &stage.project, json!({ "agent": "build", "model": "fake/fake-1" }), "build"),
            ("nonsense", &stage.project, json!({ "agent": 7, "model": ["x"] }), "plan"),
            ("model", &inner, json!({ "model": "fake/fake-1" }), "build"),
        ] {
            stage.gateway.dispatch(with(run_id, folder, "Hello", &named));
            stage.completion(run_id).await;
            assert_eq!(agent(run_id).await, expected, "{run_id}");
        }
        stage.gateway.dispatch(task("inner", &inner, "Hello"));
        let (reason, _) = stage.failure("inner").await;
        assert!(reason.contains("no-such-model"), "{reason}");
    });
}

#[test]
fn what_is_not_for_us_or_would_be_wider_than_it_was_meant_is_refused() {
    story(async {
        let stage = Stage::set().await;
        let _peer = stage.peer().await;
        let odd = json!({ "permission": { "bash": "deny" } });
        for (run_id, named, why) in [
            ("else", json!({ "workspace_id": "another" }), "for another workspace"),
            ("odd", odd, "permission rules are not a list"),
        ] {
            stage.gateway.dispatch(with(run_id, &stage.project, "Hello", &named));
            let (reason, recoverable) = stage.failure(run_id).await;
            assert!(reason.contains(why) && !recoverable, "{reason}");
        }
        let ours = json!({ "workspace_id": "w", "initiative_id": "i", "task_id": 7, "context_activation": { "x": 1 },
            "execution_attribution": { "provider": "anthropic" } });
        stage.gateway.dispatch(with("ours", &stage.project, "Hello", &ours));
        stage.completion("ours").await;
        stage.was_strictly_well_behaved();
    });
}
