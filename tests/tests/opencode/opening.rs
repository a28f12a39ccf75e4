//! `orgx-peer runs resume` and `attach`: a run's session, opened for the person.

use orgx_tests::opencode::{path_with, shared};
use orgx_tests::{Stage, programs, story, task};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use tokio::process::Command;

/// In OpenCode's place: says what it was started with.
const SAYS: &str =
    "#!/bin/sh\nprintf '%s|' \"$@\"; pwd; env | grep -e ORGX -e OPENCODE_SERVER -e '^PWD' | sort\n";

fn program(stage: &Stage) -> PathBuf {
    let program = stage.root().join("open it.sh");
    std::fs::write(&program, SAYS).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    let config = format!("[opencode]\nprogram = {:?}\n", program.display().to_string());
    std::fs::write(stage.config().join("config.toml"), config).unwrap();
    program
}

async fn orgx_peer(stage: &Stage, arguments: &[&str]) -> Output {
    let mut command = Command::new(programs::peer());
    command.args(arguments).env_clear().env("PATH", path_with(None)).env("HOME", stage.home());
    command.env("ORGX_PEER_STATE_DIR", stage.state()).env("ORGX_PEER_CONFIG_DIR", stage.config());
    command.env("ORGX_API_KEY", "oxk_canary");
    command.stdin(Stdio::null()).output().await.expect("orgx-peer starts")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn refused(output: &Output) -> String {
    assert_eq!((output.status.code(), said(output).as_str()), (Some(1), ""));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_runs_session_is_joined_while_it_runs_and_resumed_once_it_has_ended() {
    story(async {
        let stage = Stage::set().await;
        let program = program(&stage);
        stage.model.script("WAITS", json!([{ "gate": "go", "text": "Done." }]));
        let (server, peer) = (shared().await, stage.peer().await);
        stage.gateway.dispatch(task("run_1", &stage.project, "WAITS"));
        stage.asked("WAITS", 1).await;
        let (session, folder) = (stage.session("run_1"), stage.project.display().to_string());

        let refusal = refused(&orgx_peer(&stage, &["runs", "resume", "run_1"]).await);
        assert!(refusal.contains("it has not ended; `orgx-peer runs attach` joins it"), "{refusal}");
        let attached = orgx_peer(&stage, &["runs", "attach", "run_"]).await;
        let url = server.url();
        let expected = format!(
            "attach|{url}|--session|{session}|--dir|{folder}|{folder}\n\
             OPENCODE_SERVER_PASSWORD=sesame\nOPENCODE_SERVER_USERNAME=opencode\nPWD={folder}\n"
        );
        assert_eq!(said(&attached), expected);
        let shown = orgx_peer(&stage, &["runs", "attach", "run_1", "--print"]).await;
        let name = program.display();
        let line = format!("cd {folder} && '{name}' attach {url} --session {session} --dir {folder}\n");
        assert_eq!(said(&shown), line);
        let hint = String::from_utf8_lossy(&shown.stderr).into_owned();
        assert!(hint.contains("a password, which is not shown") && !hint.contains("sesame"), "{hint}");
        // The peer knows the server's password, and so what its sessions do.
        let told = orgx_peer(&stage, &["sessions", "--json", "--directory", &folder]).await;
        let told: Vec<Value> = serde_json::from_slice(&told.stdout).unwrap();
        assert_eq!((&told[0]["run_id"], &told[0]["state"]), (&json!("run_1"), &json!("active")), "{told:?}");

        stage.model.open("go");
        stage.completion("run_1").await;
        let resumed = orgx_peer(&stage, &["runs", "resume", "run_1"]).await;
        assert_eq!(said(&resumed), format!("--session|{session}|{folder}\nPWD={folder}\n"));
        let again = orgx_peer(&stage, &["runs", "attach", "run_1", "--print"]).await;
        assert_eq!(said(&again), format!("cd {folder} && '{name}' --session {session}\n"));
        assert!(again.stderr.is_empty());
        peer.stop_well().await;
        let gone = orgx_peer(&stage, &["runs", "resume", "run_1"]).await;
        assert_eq!(gone.status.code(), Some(3), "no peer is running");
    });
}

#[test]
fn what_cannot_be_opened_is_told_in_a_sentence() {
    story(async {
        let stage = Stage::set().await;
        program(&stage);
        let (server, _peer) = (shared().await, stage.peer().await);
        stage.model.script("SAYS", json!([{ "text": "Done." }]));
        let other = stage.project("other");
        stage.gateway.dispatch(task("run_moved", &other, "SAYS"));
        stage.completion("run_moved").await;
        std::fs::rename(&other, stage.root().join("moved")).unwrap();
        let refusal = refused(&orgx_peer(&stage, &["runs", "resume", "run_moved"]).await);
        assert!(
            refusal.contains("run run_moved cannot be opened: the folder of its session is gone"),
            "{refusal}"
        );

        stage.gateway.dispatch(task("run_deleted", &stage.project, "SAYS"));
        stage.completion("run_deleted").await;
        server.delete(&format!("/session/{}", stage.session("run_deleted"))).await;
        let refusal = refused(&orgx_peer(&stage, &["runs", "resume", "run_deleted"]).await);
        assert!(refusal.contains("its session is gone: OpenCode does not have it any more"), "{refusal}");

        let mut elsewhere = task("run_nowhere", &stage.root().join("nowhere"), "SAYS");
        elsewhere["task"]["repo_path"] = json!(stage.root().join("nowhere"));
        stage.gateway.dispatch(elsewhere);
        stage.failure("run_nowhere").await;
        let refusal = refused(&orgx_peer(&stage, &["runs", "attach", "run_nowhere"]).await);
        assert!(refusal.contains("it has no session: it ended before its agent began"), "{refusal}");
        let refusal = refused(&orgx_peer(&stage, &["runs", "attach", "run_of_nobody"]).await);
        assert!(refusal.contains("there is no run run_of_nobody"), "{refusal}");
    });
}
