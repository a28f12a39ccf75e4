//! Tasks without a server: one real `opencode run` for each. How else it can end is in the unit tests of the dialect.

use crate::orphans::Own;
use orgx_tests::process::{self, until};
use orgx_tests::stage::KEY;
use orgx_tests::{story, task};
use rustix::process::Signal;
use serde_json::{Value, json};

/// There is no server, and none may be started.
const NO_SERVER: &str = "[opencode]\nuse_running = false\nstart_when_needed = false\n";
/// There may be one, and none is wanted.
const ALWAYS: &str = "[opencode]\ncli = \"always\"\n";

fn bash(command: &str) -> Value {
    json!({ "name": "bash", "arguments": { "command": command, "description": "Look" } })
}

/// The programs that run a task.
fn programs(own: &Own) -> Vec<i32> {
    let runs = |pid: &i32| process::command_line(*pid).contains("/real/bin/opencode run ");
    process::living_in(own.home.home()).into_iter().filter(runs).collect()
}

async fn nothing_runs(own: &Own) {
    until("a program runs on", async || programs(own).is_empty()).await;
    let records = std::fs::read_dir(own.stage.state()).unwrap().flatten();
    let records: Vec<_> =
        records.filter(|entry| entry.file_name().to_string_lossy().starts_with("cli-")).collect();
    assert!(records.is_empty(), "{records:?}");
}

#[test]
fn a_task_without_a_server_runs_to_its_end_and_shows_nobody_its_prompt() {
    story(async {
        let own = Own::set_with(NO_SERVER).await;
        let usage = json!({ "prompt_tokens": 1000, "completion_tokens": 50, "cached_tokens": 200 });
        own.stage.model.script(
            "command line",
            json!([
                { "tool_calls": [bash("env > env.txt")], "usage": usage },
                { "gate": "seen", "text": "Done.", "usage": usage },
            ]),
        );
        let peer = own.peer().await;
        let said = "no OpenCode server is running: tasks run through `opencode run`";
        until("the peer says what it found", async || own.stage.log().contains(said)).await;
        let prompt = "-x --help command line\n\"quoted\" $(touch pwned) 'é'";
        own.stage.gateway.dispatch(task("run", &own.stage.project, prompt));
        own.stage.asked("command line", 2).await;
        let program = programs(&own);
        assert_eq!(program.len(), 1);
        let line = process::command_line(program[0]);
        assert!(line.contains("--format=json") && !line.contains("quoted"), "{line}");
        let asked = own.stage.model.requests();
        assert!(asked.iter().all(|asked| asked.prompt.contains(prompt)), "{asked:?}");
        assert!(process::group(program[0]).iter().all(|pid| *pid != peer.pid()), "a group of its own");
        own.stage.model.open("seen");
        let completed = own.stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 2 * 1050);
        assert!(own.stage.session("run").starts_with("ses_"));
        assert_eq!(own.stage.steps("run"), ["call bash — Look"]);
        let env = std::fs::read_to_string(own.stage.project.join("env.txt")).unwrap();
        assert!(
            env.contains("HOME=") && !env.replace("ORGX_RUN_ID=", "").contains("ORGX_") && !env.contains(KEY),
            "{env}"
        );
        assert!(own.servers().is_empty());
        peer.stop_well().await;
        nothing_runs(&own).await;
        own.stage.was_strictly_well_behaved();
    });
}

#[test]
fn what_goes_wrong_is_told_as_a_server_would() {
    story(async {
        let own = Own::set_with(ALWAYS).await;
        let asking = own.stage.project("asking");
        let mut config: Value =
            serde_json::from_slice(&std::fs::read(asking.join("opencode.json")).unwrap()).unwrap();
        config["permission"]["bash"] = "ask".into();
        std::fs::write(asking.join("opencode.json"), config.to_string()).unwrap();
        own.stage
            .model
            .script("forbidden", json!([{ "tool_calls": [bash("echo hi")] }, { "text": "Done." }]));
        let unknown = own.stage.project("unknown");
        config["permission"] = json!({});
        config["model"] = "fake/nope".into();
        std::fs::write(unknown.join("opencode.json"), config.to_string()).unwrap();
        let peer = own.peer().await;
        own.stage.gateway.dispatch(task("refused", &own.stage.project, "E401"));
        let (reason, recoverable) = own.stage.failure("refused").await;
        let words = "the model provider refused OpenCode's sign-in: Incorrect API key provided";
        assert_eq!((reason.as_str(), recoverable), (words, false));
        // Only now: of two that make OpenCode's database at once, one may fail.
        for (run, folder, prompt) in
            [("permission", &asking, "something forbidden"), ("model", &unknown, "Say something")]
        {
            own.stage.gateway.dispatch(task(run, folder, prompt));
        }
        let (reason, recoverable) = own.stage.failure("permission").await;
        assert!(reason.starts_with("OpenCode stopped, because it needed a permission"), "{reason}");
        assert!(!recoverable);
        let declined = "asked for permission (bash); declined, because `opencode run` can ask nobody";
        assert!(own.stage.steps("permission").iter().any(|step| step.contains(declined)));
        let (reason, _) = own.stage.failure("model").await;
        assert!(reason.starts_with("OpenCode failed: Unexpected server error"), "{reason}");
        peer.stop_well().await;
        nothing_runs(&own).await;
    });
}

#[test]
fn a_program_that_is_ended_from_outside_or_cancelled_is_gone_with_all_it_started() {
    story(async {
        let own = Own::set_with(NO_SERVER).await;
        own.stage
            .model
            .script("stay", json!([{ "tool_calls": [bash("trap '' TERM; touch there; sleep 300")] }]));
        let peer = own.peer().await;
        for (run, signal, reason) in [
            ("term", Some(Signal::TERM), "`opencode run` was ended from outside, by signal 15"),
            ("kill", Some(Signal::KILL), "`opencode run` was ended from outside, by signal 9"),
            ("cancel", None, "cancelled"),
        ] {
            let there = own.stage.project.join("there");
            let _absent = std::fs::remove_file(&there);
            own.stage.gateway.dispatch(task(run, &own.stage.project, "Please stay"));
            until("its command runs", async || there.is_file()).await;
            let program = programs(&own)[0];
            match signal {
                Some(signal) => process::send(program, signal),
                None => own.stage.gateway.dispatch(json!({ "kind": "task.cancel", "run_id": run })),
            }
            assert_eq!(own.stage.failure(run).await.0, reason, "{run}");
            let home = own.home.home();
            until("something of it runs on", async || {
                process::living_in(home).iter().all(|pid| !process::command_line(*pid).contains("sleep 300"))
            })
            .await;
            nothing_runs(&own).await;
        }
        peer.stop_well().await;
    });
}

#[test]
fn a_program_that_a_killed_peer_left_behind_is_ended_and_its_run_fails() {
    story(async {
        let own = Own::set_with(NO_SERVER).await;
        let peer = own.peer_at_work().await;
        let left = programs(&own)[0];
        peer.kill().await;
        let peer = own.peer().await;
        assert_eq!(own.stage.failure("run").await, ("peer restarted during the run".to_owned(), true));
        until("it runs on", async || !process::is_alive(left)).await;
        nothing_runs(&own).await;
        own.stage.model.open("go");
        own.stage.gateway.dispatch(task("run", &own.stage.project, "Write two files"));
        own.stage.gateway.dispatch(task("next", &own.stage.project, "Say something"));
        own.stage.completion("next").await;
        assert_eq!(own.prompts(), 1, "its key is spent");
        peer.stop_well().await;
        nothing_runs(&own).await;
    });
}
