//! What a run changed is taken back, and done again.

use orgx_tests::{Stage, story, task};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;

fn git(folder: &Path, arguments: &str) {
    let mut git = std::process::Command::new("git");
    git.current_dir(folder).args(arguments.split(' ')).env("GIT_CONFIG_GLOBAL", "/dev/null");
    assert!(git.status().expect("git").success(), "git {arguments}");
}

fn commit(folder: &Path) {
    for arguments in ["init -q", "add .", "-c user.name=t -c user.email=t@example.com commit -q -m first"] {
        git(folder, arguments);
    }
}

/// Writes a file, changes one, and runs a command that makes a third.
fn script(stage: &Stage) {
    let write = |file: &str, content: &str| {
        let path = format!("{{{{cwd}}}}/{file}");
        json!([{ "name": "write", "arguments": { "filePath": path, "content": content } }])
    };
    let bash = json!({ "command": "echo x > third.txt", "description": "Make a third" });
    let turns = json!([
        { "tool_calls": write("new.txt", "new\n") },
        { "tool_calls": write("README.md", "changed\n") },
        { "tool_calls": [{ "name": "bash", "arguments": bash }] },
        { "gate": "last", "text": "Done." },
    ]);
    stage.model.script("the work", turns);
}

fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    // OpenCode puts its schema into its own configuration.
    let is_work = |entry: &std::fs::DirEntry| {
        entry.file_type().unwrap().is_file() && entry.file_name() != "opencode.json"
    };
    let files = entries.filter(is_work);
    files
        .map(|file| {
            let name = file.file_name().to_string_lossy().into_owned();
            (name, std::fs::read_to_string(file.path()).unwrap())
        })
        .collect()
}

/// `orgx-peer ARGUMENTS`: its exit code, and what it said.
async fn cli(stage: &Stage, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = stage.command_of(arguments);
    let output =
        tokio::time::timeout(orgx_tests::WAIT, command.output()).await.expect("in time").expect("a program");
    let said = [output.stdout, output.stderr].concat();
    (output.status.code(), String::from_utf8_lossy(&said).into_owned())
}

async fn record(stage: &Stage, run_id: &str) -> Value {
    let (_, said) = cli(stage, &["runs", run_id, "--json"]).await;
    let said: Value = serde_json::from_str(&said).expect("JSON");
    said["run"].clone()
}

#[test]
fn what_a_run_changed_is_taken_back_and_done_again() {
    story(async {
        let stage = Stage::set().await;
        commit(&stage.project);
        std::fs::write(stage.project.join("mine.txt"), "not committed\n").unwrap();
        script(&stage);
        let peer = stage.peer().await;
        let before = files(&stage.project);
        stage.gateway.dispatch(task("run", &stage.project, "Do the work"));
        stage.asked("the work", 4).await;
        let (code, said) = cli(&stage, &["runs", "undo", "run"]).await;
        assert!(code == Some(1) && said.contains("has not ended"), "{said}");
        stage.model.open("last");
        stage.completion("run").await;
        let after = files(&stage.project);
        assert_eq!(after.len(), before.len() + 2);
        let tree = record(&stage, "run").await;
        assert_eq!(
            (&tree["changes_before"], &tree["can_undo"], &tree["undone"]),
            (&json!(1), &json!(true), &json!(false))
        );
        assert_eq!(tree["commit_before"].as_str().map(str::len), Some(12));

        let (code, said) = cli(&stage, &["runs", "undo", "run"]).await;
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(files(&stage.project), before);
        assert_eq!(record(&stage, "run").await["undone"], true);
        let (code, said) = cli(&stage, &["runs", "undo", "run"]).await;
        assert!(code == Some(1) && said.contains("was taken back already"), "{said}");

        let (code, said) = cli(&stage, &["runs", "undo", "--redo", "run"]).await;
        assert_eq!(code, Some(0), "{said}");
        assert_eq!(files(&stage.project), after);
        assert_eq!(record(&stage, "run").await["undone"], false);
        peer.stop_well().await;
    });
}

#[test]
fn what_cannot_be_taken_back_is_said() {
    story(async {
        let stage = Stage::set().await;
        script(&stage);
        stage.model.open("last");
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("plain", &stage.project, "Do the work"));
        stage.completion("plain").await;
        assert_eq!(record(&stage, "plain").await["changes_before"], Value::Null, "no repository");
        let after = files(&stage.project);
        let (code, said) = cli(&stage, &["runs", "undo", "plain"]).await;
        assert!(code == Some(1) && said.contains("not a git repository"), "{said}");
        assert_eq!(files(&stage.project), after);

        // The session goes on: only the later run can be taken back.
        let git_project = stage.project("in-git");
        commit(&git_project);
        stage.gateway.dispatch(task("one", &git_project, "Do the work"));
        stage.completion("one").await;
        let mut more = task("two", &git_project, "Hello");
        more["task"]["session_handle"] = stage.session("one").into();
        stage.gateway.dispatch(more);
        stage.completion("two").await;
        let (code, said) = cli(&stage, &["runs", "undo", "one"]).await;
        assert!(code == Some(1) && said.contains("went on after this run"), "{said}");
        for run in ["two", "one"] {
            let (code, said) = cli(&stage, &["runs", "undo", run]).await;
            assert_eq!(code, Some(0), "{said}");
        }
        assert!(!git_project.join("new.txt").exists() && !git_project.join("hello.txt").exists());
        let (code, said) = cli(&stage, &["runs", "undo", "nobody"]).await;
        assert!(code == Some(1) && said.contains("no run nobody"), "{said}");
    });
}
