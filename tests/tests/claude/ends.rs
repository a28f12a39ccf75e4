//! Every end is one terminal: refusals, a cancel, a crash, nobody signed in.

use orgx_tests::Stage;
use orgx_tests::claude::{claude_task, program, story};
use orgx_tests::process;
use serde_json::{Value, json};

/// A command that heeds no SIGTERM, in a process group of its own as each is.
fn stubborn() -> Value {
    let command = "trap '' TERM; echo $$ > pid.txt; while :; do tail -f /dev/null; done";
    json!([{ "tool_calls": [{ "name": "Bash", "arguments": { "command": command, "description": "Wait" } }] }])
}

async fn pid(stage: &Stage) -> i32 {
    let file = stage.project.join("pid.txt");
    let written = async || std::fs::read_to_string(&file).is_ok_and(|text| text.ends_with('\n'));
    process::until("the command does not run", written).await;
    std::fs::read_to_string(&file).unwrap().trim().parse().unwrap()
}

async fn gone(pid: i32) {
    let stat = format!("/proc/{pid}/stat");
    let over = async || std::fs::read_to_string(&stat).map_or(true, |stat| stat.contains(") Z "));
    process::until("the command runs on", over).await;
}

#[test]
fn a_model_provider_that_refuses_is_one_clear_failure() {
    story(async {
        let stage = Stage::set().await;
        let error = json!({ "type": "error", "error": { "type": "invalid_request_error", "message": "no such thing" } });
        stage.model.script("refused", json!([{ "status": 400, "error": error }]));
        let peer = stage.start(stage.claude_command("")).await;
        stage.gateway.dispatch(claude_task("run_400", &stage.project, "This is refused"));
        assert_eq!(stage.failure("run_400").await, ("API Error: 400 no such thing".to_owned(), false));
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_cancel_ends_it_with_a_command_that_heeds_no_term() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("stubborn", stubborn());
        let peer = stage.start(stage.claude_command("permission_mode = 'bypassPermissions'")).await;
        stage.gateway.dispatch(claude_task("run_cancel", &stage.project, "A stubborn thing"));
        let pid = pid(&stage).await;
        let cancel = json!({ "kind": "task.cancel", "run_id": "run_cancel", "reason": "no more" });
        stage.gateway.dispatch(cancel);
        assert_eq!(stage.failure("run_cancel").await, ("cancelled".to_owned(), false));
        gone(pid).await;
        peer.stop_well().await;
    });
}

#[test]
fn a_peer_that_was_killed_ends_what_it_left_and_says_so() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("stubborn", stubborn());
        let settings = "permission_mode = 'bypassPermissions'";
        let peer = stage.start(stage.claude_command(settings)).await;
        stage.gateway.dispatch(claude_task("run_killed", &stage.project, "A stubborn thing"));
        let pid = pid(&stage).await;
        peer.kill().await;
        let peer = stage.start(stage.claude_command(settings)).await;
        assert_eq!(stage.failure("run_killed").await, ("peer restarted during the run".to_owned(), true));
        gone(pid).await;
        let prompts = stage.model.requests().iter().filter(|asked| asked.prompt.contains("stubborn")).count();
        assert_eq!(prompts, 1, "it was prompted again");
        peer.stop_well().await;
    });
}

#[test]
fn one_that_is_not_signed_in_fails_at_once_and_its_key_is_free_for_when_it_is() {
    story(async {
        let stage = Stage::set().await;
        let mut command = stage.claude_command("");
        command.env_remove("ANTHROPIC_API_KEY");
        let peer = stage.start(command).await;
        let dispatch = claude_task("run_out", &stage.project, "Whatever");
        stage.gateway.dispatch(&dispatch);
        let wanted = "Claude Code on this computer is not signed in; its owner runs `claude auth login`";
        assert_eq!(stage.failure("run_out").await, (wanted.to_owned(), true));
        peer.stop_well().await;
        assert!(stage.model.requests().is_empty());
    });
}

#[test]
fn a_driver_that_is_switched_off_takes_nothing() {
    story(async {
        let stage = Stage::set().await;
        assert!(program().is_some());
        let peer = stage.start(stage.claude_command("enabled = false")).await;
        stage.gateway.dispatch(claude_task("run_off", &stage.project, "Whatever"));
        let wanted = "No driver registered for 'claude_code'";
        assert_eq!(stage.failure("run_off").await, (wanted.to_owned(), false));
        peer.stop_well().await;
    });
}
