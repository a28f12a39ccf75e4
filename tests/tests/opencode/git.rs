//! A project under git, where OpenCode sees what a command changed.

use orgx_tests::{Stage, story, task};
use serde_json::json;
use std::path::Path;
use std::process::Command;

#[test]
fn a_file_that_a_command_changed_is_told_once() {
    story(async {
        let stage = Stage::set().await;
        commit(&stage.project);
        stage.gateway.set_skills(json!({ "skills": [{ "id": "no-generated-files", "rules": [{
            "pattern": r"generated/", "on": "file_edit", "dedupe_fingerprint": "g", "evidence_kind": "path",
        }] }] }));
        let bash = json!({
            "command": "mkdir -p generated && echo one > generated/a.txt && echo two >> README.md",
            "description": "Generate",
        });
        stage.model.script(
            "generate",
            json!([{ "tool_calls": [{ "id": "call_bash", "name": "bash", "arguments": bash }] }, { "text": "Done." }]),
        );
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "Please generate"));
        stage.completion("run").await;
        let mut steps = stage.steps("run");
        assert_eq!(steps.remove(0), "call bash — Generate");
        steps.sort();
        assert_eq!(
            steps,
            ["edit README.md — changed by a command", "edit generated/a.txt — changed by a command"]
        );
        let deviations = stage.gateway.deviations("run");
        assert_eq!(deviations.len(), 1);
        assert_eq!(deviations[0]["evidence_ref"], "generated/a.txt");
    });
}

fn commit(folder: &Path) {
    for arguments in ["init -q", "add .", "-c user.name=t -c user.email=t@example.com commit -q -m first"] {
        let mut git = Command::new("git");
        git.current_dir(folder).args(arguments.split(' ')).env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(git.status().expect("git").success(), "git {arguments}");
    }
}
