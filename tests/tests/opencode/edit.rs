//! The story that everything is for: a task edits a file and breaks a rule.

use orgx_tests::stage::KEY;
use orgx_tests::{Stage, golden, opencode, story, task};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

const RUN: &str = "run_edit";

/// Words that must not leave the places they belong to.
const TITLE: &str = "Raise the tangerine budget";
const DESCRIPTION: &str = "The persimmon service fails too often.";
const CONTENT: &str = "# quince\nmax_retries = 10\n";
const EDITED: &str = "# quince\nmax_retries = 12\n";
const CANARIES: [&str; 6] = ["tangerine", "persimmon", "quince", "max_retries", "kumquat", "sk-sandbox"];

fn rules() -> Value {
    json!({ "skills": [{ "id": "careful-retries", "rules": [{
        "pattern": r"max_retries\s*=\s*(?:[4-9]|\d{2,})", "on": "file_edit",
        "dedupe_fingerprint": "too-many-retries", "evidence_kind": "budget_shift",
    }] }] })
}

/// 10 k input, 4 k output, 50 k cached; then 1 k, 100 and 62 k; then 500, 40 and 63 k.
fn turns() -> Value {
    json!([
        { "text": "The kumquat is ripe.",
          "tool_calls": [{ "id": "call_write", "name": "write",
              "arguments": { "filePath": "{{cwd}}/http.py", "content": CONTENT } }],
          "usage": { "prompt_tokens": 60_000, "completion_tokens": 4_000, "cached_tokens": 50_000 } },
        { "tool_calls": [{ "id": "call_edit", "name": "edit", "arguments": {
              "filePath": "{{cwd}}/http.py", "oldString": "max_retries = 10", "newString": "max_retries = 12" } }],
          "usage": { "prompt_tokens": 63_000, "completion_tokens": 100, "cached_tokens": 62_000 } },
        { "text": "Done with the kumquat.",
          "usage": { "prompt_tokens": 63_500, "completion_tokens": 40, "cached_tokens": 63_000 } },
    ])
}

const TOKENS: u64 = 60_000 + 4_000 + 63_000 + 100 + 63_500 + 40;
/// 11.5 k input at 3 $, 4,140 output at 15 $, 175 k cached at 0.3 $ a million.
const CENTS: u64 = 15;

#[test]
fn a_dispatch_that_edits_a_file_and_breaks_a_rule_is_told_once_and_leaks_nothing() {
    story(async {
        let stage = Stage::set().await;
        stage.gateway.set_skills(rules());
        stage.model.script(TITLE, turns());
        let server = opencode::shared().await;
        let peer = stage.peer().await;
        let mut dispatch = task(RUN, &stage.project, TITLE);
        dispatch["task"]["description"] = DESCRIPTION.into();
        dispatch["task"]["skill_ids"] = json!(["careful-retries"]);
        stage.gateway.dispatch(&dispatch);

        let completed = stage.completion(RUN).await;
        assert_eq!(std::fs::read_to_string(stage.project.join("http.py")).unwrap(), EDITED);
        assert_eq!(completed["tokens_used"], TOKENS);
        assert_eq!(completed["cost_estimate_cents"], CENTS);
        let receipt = receipt(&stage).await;
        peer.stop_well().await;

        let session = stage.session(RUN);
        let project = stage.project.display().to_string();
        let named = [("<session>", session.as_str()), ("<project>", project.as_str())];
        let frames = stage.gateway.frames();
        let frames = frames.iter().map(|frame| frame.text.as_str());
        golden::check("edit.frames.jsonl", &golden::lines(frames, &named));
        let outbox = stage.outbox();
        golden::check("edit.outbox.jsonl", &golden::lines(outbox.iter().map(String::as_str), &named));
        golden::check("edit.receipt.json", &golden::lines([receipt.as_str()], &named));
        stage.was_strictly_well_behaved();
        is_private(&stage);
        nothing_leaked(&stage, server.home().home());
    });
}

/// The body of the one receipt that was posted.
async fn receipt(stage: &Stage) -> String {
    let is_receipt = |request: &orgx_sandbox::Request| request.path.ends_with(&format!("/{RUN}/receipt"));
    let requests = stage.gateway.wait_request("the receipt", |all| all.iter().any(is_receipt)).await.unwrap();
    let posted: Vec<_> = requests.iter().filter(|request| is_receipt(request)).collect();
    assert_eq!(posted.len(), 1);
    posted[0].body.to_string()
}

fn is_private(stage: &Stage) {
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let outbox = stage.outbox_file();
    assert_eq!(mode(&outbox), 0o600);
    assert_eq!(mode(outbox.parent().unwrap()), 0o700);
    assert_eq!(mode(&stage.state()), 0o700);
    for entry in std::fs::read_dir(stage.state()).unwrap().flatten() {
        let path = entry.path();
        // The lock holds a process id, and that is no secret.
        if path.extension().is_none_or(|extension| extension != "lock") {
            let wanted = if path.is_dir() { 0o700 } else { 0o600 };
            assert_eq!(mode(&path), wanted, "{}", path.display());
        }
    }
}

fn nothing_leaked(stage: &Stage, opencode_home: &Path) {
    for place in [stage.state(), stage.outbox_file().parent().unwrap().to_owned(), stage.home()] {
        for canary in CANARIES {
            let found = Stage::files_with(&place, canary);
            // The rules are kept as they came: they are the team's, and name what they look for.
            let found: Vec<_> =
                found.iter().filter(|file| !file.to_string_lossy().contains("rules")).collect();
            assert!(found.is_empty(), "{canary} is in {found:?}");
        }
    }
    let log = stage.log();
    for canary in CANARIES {
        assert!(!log.contains(canary), "{canary} is in the log:\n{log}");
    }
    for place in [stage.root(), opencode_home] {
        let found = Stage::files_with(place, KEY);
        assert!(found.is_empty(), "the key is in {found:?}");
    }
}

#[test]
fn a_folder_may_have_any_name_and_be_a_link() {
    story(async {
        let stage = Stage::set().await;
        let peer = stage.peer().await;
        let folder = stage.project("100% off & more, für alle #1");
        stage.gateway.dispatch(task("run_odd", &folder, "Write the file"));
        stage.completion("run_odd").await;
        assert_eq!(stage.steps("run_odd"), ["edit hello.txt — +1 -0"]);
        assert!(folder.join("hello.txt").is_file());

        let misread = stage.project("50%20off");
        stage.gateway.dispatch(task("run_misread", &misread, "Write the file"));
        let (reason, recoverable) = stage.failure("run_misread").await;
        assert!(reason.contains("percent sign") && !recoverable, "{reason}");

        let link = stage.root().join("link");
        std::os::unix::fs::symlink(&stage.project, &link).unwrap();
        stage.gateway.dispatch(task("run_link", &link, "Write the file"));
        stage.completion("run_link").await;
        assert_eq!(stage.steps("run_link"), ["edit hello.txt — +1 -0"]);
        assert!(stage.project.join("hello.txt").is_file());
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}
