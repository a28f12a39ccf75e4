//! What it does is told: an edit that breaks a rule, what it may not do, and both agents at once.

use orgx_tests::claude::{claude_task, story};
use orgx_tests::stage::KEY;
use orgx_tests::{Stage, opencode, task};
use serde_json::{Value, json};

/// A write, an edit of it, and a last word: 10 k input, 4 k output, 50 k cached; then 1 k, 100 and 62 k; then 500, 40 and
/// 63 k.
fn turns() -> Value {
    json!([
        { "text": "The kumquat is ripe.",
          "tool_calls": [{ "id": "toolu_write", "name": "Write",
              "arguments": { "file_path": "{{cwd}}/http.py", "content": "# quince\nmax_retries = 1\n" } }],
          "usage": { "prompt_tokens": 60_000, "completion_tokens": 4_000, "cached_tokens": 50_000 } },
        { "tool_calls": [{ "id": "toolu_edit", "name": "Edit", "arguments": {
              "file_path": "{{cwd}}/http.py", "old_string": "max_retries = 1", "new_string": "max_retries = 12" } }],
          "usage": { "prompt_tokens": 63_000, "completion_tokens": 100, "cached_tokens": 62_000 } },
        { "tool_calls": [{ "id": "toolu_env", "name": "Bash",
              "arguments": { "command": "env > env.txt", "description": "Look around" } }],
          "usage": { "prompt_tokens": 63_000, "completion_tokens": 10, "cached_tokens": 63_000 } },
        { "text": "Done with the kumquat.",
          "usage": { "prompt_tokens": 63_500, "completion_tokens": 40, "cached_tokens": 63_000 } },
    ])
}

const TOKENS: u64 = 60_000 + 4_000 + 63_000 + 100 + 63_000 + 10 + 63_500 + 40;

fn rules() -> Value {
    json!({ "skills": [{ "id": "careful-retries", "rules": [{
        "pattern": r"max_retries\s*=\s*(?:[4-9]|\d{2,})", "on": "file_edit",
        "dedupe_fingerprint": "too-many-retries", "evidence_kind": "budget_shift",
    }] }] })
}

#[test]
fn a_dispatch_that_edits_a_file_and_breaks_a_rule_is_told_once_and_leaks_nothing() {
    story(async {
        let stage = Stage::set().await;
        stage.gateway.set_skills(rules());
        stage.model.script("tangerine", turns());
        let peer = stage.start(stage.claude_command("permission_mode = 'bypassPermissions'")).await;
        stage.gateway.dispatch(claude_task("run_edit", &stage.project, "Raise the tangerine budget"));

        let completed = stage.completion("run_edit").await;
        assert_eq!(completed["tokens_used"], TOKENS);
        assert_eq!(
            (&completed["provider"], &completed["source_driver"]),
            (&json!("anthropic"), &json!("claude_code"))
        );
        // As this version prices the model that it chose: 11.5 k input at 4 $, 4,150 output at 20 $, 238 k cached at 0.2 $.
        assert_eq!(completed["cost_estimate_cents"], 18);
        assert_eq!(
            std::fs::read_to_string(stage.project.join("http.py")).unwrap(),
            "# quince\nmax_retries = 12\n"
        );
        assert_eq!(
            stage.steps("run_edit"),
            ["edit http.py — +2 -0", "edit http.py — +1 -1", "call Bash — Look around",]
        );
        let frames = stage.gateway.of_run("run_edit");
        let deviations: Vec<_> = frames.iter().filter(|frame| frame["kind"] == "task.deviation").collect();
        assert_eq!(deviations.len(), 1, "{frames:#?}");
        assert_eq!(deviations[0]["skill_id"], "careful-retries");
        assert_eq!(deviations[0]["evidence_ref"], "toolu_edit");
        let is_receipt = |request: &orgx_sandbox::Request| request.path.ends_with("/run_edit/receipt");
        let requests =
            stage.gateway.wait_request("the receipt", |all| all.iter().any(is_receipt)).await.unwrap();
        let receipt = requests.iter().find(|request| is_receipt(request)).unwrap();
        assert_eq!(receipt.body["source_driver"], "claude_code");
        peer.stop_well().await;

        // Nothing of ours is in its environment but the run's id, and nothing of what was said is anywhere of ours.
        let env = std::fs::read_to_string(stage.project.join("env.txt")).unwrap();
        let ours: Vec<&str> = env.lines().filter(|line| line.starts_with("ORGX_")).collect();
        assert_eq!(ours, ["ORGX_RUN_ID=run_edit"]);
        let outbox = stage.outbox();
        assert!(outbox.iter().all(|line| line.contains(r#""source_client":"claude-code""#)), "{outbox:#?}");
        for canary in ["tangerine", "quince", "kumquat", "sk-sandbox", KEY] {
            assert!(outbox.iter().all(|line| !line.contains(canary)), "{canary}");
            assert!(!stage.log().contains(canary), "{canary} in the log");
            let found = Stage::files_with(&stage.state(), canary);
            let found: Vec<_> =
                found.iter().filter(|file| !file.to_string_lossy().contains("rules")).collect();
            assert!(found.is_empty(), "{canary} in {found:?}");
        }
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn what_it_may_not_do_is_denied_and_told_and_the_run_goes_on() {
    story(async {
        let stage = Stage::set().await;
        let bash = json!({ "command": "curl http://127.0.0.1:9/secret && rm -rf x", "description": "Fetch" });
        stage.model.script(
            "forbidden",
            json!([
                { "tool_calls": [{ "name": "Bash", "arguments": bash }] }, { "text": "Then not." },
            ]),
        );
        let peer = stage.start(stage.claude_command("")).await;
        stage.gateway.dispatch(claude_task("run_denied", &stage.project, "Do the forbidden thing"));
        stage.completion("run_denied").await;
        assert_eq!(
            stage.steps("run_denied"),
            ["asked for permission (Bash); denied, because Claude Code can ask nobody here",]
        );
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_subagents_work_is_the_runs() {
    story(async {
        let stage = Stage::set().await;
        let part = json!({ "description": "Part of the work", "prompt": "SUBTASK answer", "subagent_type": "general-purpose",
            "run_in_background": false });
        stage.model.script(
            "whole",
            json!([
                { "tool_calls": [{ "name": "Task", "arguments": part }] }, { "text": "All of it is done." },
            ]),
        );
        let file = json!({ "file_path": "{{cwd}}/README.md" });
        stage.model.script(
            "SUBTASK",
            json!([
                { "tool_calls": [{ "name": "Read", "arguments": file }] }, { "text": "The part is done." },
            ]),
        );
        let peer = stage.start(stage.claude_command("")).await;
        stage.gateway.dispatch(claude_task("run_sub", &stage.project, "Do the whole"));
        let completed = stage.completion("run_sub").await;
        assert_eq!(completed["tokens_used"], 4 * 110, "two answers each");
        assert_eq!(stage.steps("run_sub"), ["call Read — README.md", "call Task — Part of the work"]);
        peer.stop_well().await;
    });
}

#[test]
fn one_peer_serves_both_agents_at_once() {
    if orgx_tests::claude::program().is_none() {
        return story(async {});
    }
    orgx_tests::story(async {
        let stage = Stage::set().await;
        let other = stage.project("other");
        stage.model.script("BOTH", json!([{ "gate": "both", "text": "done" }]));
        let server = opencode::shared().await;
        stage.claude_config("", "");
        let mut command = stage.command();
        command.env("OPENCODE_SERVER_URL", server.url());
        command.envs(server.password.as_deref().map(|password| ("OPENCODE_SERVER_PASSWORD", password)));
        stage.with_provider(&mut command);
        let peer = stage.start(command).await;
        let offered = stage.gateway.upgrades()[0].query_pairs();
        assert!(offered.contains(&("drivers".to_owned(), "claude_code,opencode".to_owned())), "{offered:?}");
        stage.gateway.dispatch(claude_task("run_claude", &stage.project, "BOTH of them"));
        stage.gateway.dispatch(task("run_opencode", &other, "BOTH of them"));
        // Both are at work before either may end.
        stage.asked("BOTH", 2).await;
        stage.model.open("both");
        let (one, two) = (stage.completion("run_claude").await, stage.completion("run_opencode").await);
        assert_eq!(
            (&one["source_driver"], &two["source_driver"]),
            (&json!("claude_code"), &json!("opencode"))
        );
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}
