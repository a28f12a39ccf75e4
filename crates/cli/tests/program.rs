//! The program as a person meets it: what it says, and what it ends with.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

use orgx_sandbox::daemon::Daemon;
use orgx_sandbox::gateway::Gateway;
use serde_json::json;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program in a home of its own, with nothing of the person's environment.
fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orgx-peer"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    // No keychain: least of all that of the person who runs the tests.
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    command
}

fn say(args: &[&str], env: &[(&str, &str)]) -> Output {
    let home = tempfile::tempdir().expect("a folder");
    program(home.path()).args(args).envs(env.iter().copied()).output().expect("the program")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

#[test]
fn help_reads_like_a_product() {
    insta::assert_snapshot!("help", text(&say(&["--help"], &[]).stdout));
    insta::assert_snapshot!("help_run", text(&say(&["run", "--help"], &[]).stdout));
    insta::assert_snapshot!("help_login", text(&say(&["login", "--help"], &[]).stdout));
    insta::assert_snapshot!("help_logout", text(&say(&["logout", "--help"], &[]).stdout));
    insta::assert_snapshot!("help_demo", text(&say(&["demo", "--help"], &[]).stdout));
}

#[test]
fn what_is_missing_ends_with_2_and_one_line() {
    for (env, line) in [
        (
            &[][..],
            "orgx-peer: nobody is signed in: there is no keychain here now, and no file with a key. Run `orgx-peer login --file`, set ORGX_API_KEY, or start the keychain\n",
        ),
        (
            &[("ORGX_API_KEY", "oxk_x")][..],
            "orgx-peer: ORGX_WORKSPACE_ID is not set: put the id of the OrgX workspace whose tasks this computer takes into it, or run `orgx-peer login`\n",
        ),
        (
            &[
                ("ORGX_API_KEY", "oxk_x"),
                ("ORGX_WORKSPACE_ID", "w"),
                ("ORGX_BASE_URL", "http://orgx.example"),
            ][..],
            "orgx-peer: ORGX_BASE_URL cannot be used: http is only for this computer (127.0.0.1, localhost, [::1]); use https\n",
        ),
    ] {
        let output = say(&["run"], env);
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(text(&output.stderr), line);
        assert_eq!(text(&output.stdout), "");
    }
}

#[test]
fn the_demo_plays_without_an_opencode_and_leaves_nothing_behind() {
    let home = tempfile::tempdir().expect("a folder");
    let scratch = tempfile::tempdir().expect("a folder");
    let output =
        program(home.path()).args(["demo", "--stand-in"]).env("TMPDIR", scratch.path()).output().expect("it");
    let said = text(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", text(&output.stderr));
    for part in [
        "a built-in stand-in",
        "Task arrived: Retry flaky requests more often",
        "Deviation: the rule of careful-retries is broken",
        "run_demo completed",
        "Receipt     delivered",
    ] {
        assert!(said.contains(part), "{part} is not in {said}");
    }
    assert!(said.lines().all(|line| line.chars().count() <= 110), "{said}");
    for folder in [home.path(), scratch.path()] {
        assert_eq!(std::fs::read_dir(folder).expect("a folder").count(), 0, "{}", folder.display());
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_program_under_nohup_outlives_its_terminal_and_others_do_not() {
    for (ignored, first) in [(true, "TERM"), (false, "HUP")] {
        let home = tempfile::tempdir().expect("a folder");
        let gateway = Gateway::start().await.expect("a gateway");
        let daemon = Daemon::start().await.expect("a daemon");
        let start = if ignored { "trap '' HUP; exec \"$0\" run" } else { "exec \"$0\" run" };
        let mut child = Command::new("/bin/sh")
            .args(["-c", start, env!("CARGO_BIN_EXE_orgx-peer")])
            .env_clear()
            .env("HOME", home.path())
            .env("ORGX_API_KEY", "oxk_x")
            .env("ORGX_WORKSPACE_ID", "w")
            .env("ORGX_BASE_URL", gateway.base_url())
            .env("OPENCODE_SERVER_URL", daemon.url())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program");
        gateway.wait_connected(1).await.expect("connected");
        let kill = |name: &str| {
            let kill = format!("kill -{name} {}", child.id());
            assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell").success());
        };
        if ignored {
            kill("HUP");
            // It goes on as before, well after it would have closed.
            let closed = tokio::time::timeout(std::time::Duration::from_secs(1), gateway.wait_closed()).await;
            assert!(closed.is_err(), "{closed:?}");
        }
        kill(first);
        assert_eq!(gateway.wait_closed().await.expect("closed").code, 1000);
        let ended = tokio::task::spawn_blocking(move || child.wait().expect("an end"));
        assert_eq!(ended.await.expect("an end").code(), Some(0), "{first}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_ends_runs_closes_with_1000_and_exits_with_0() {
    use orgx_sandbox::daemon::Line;
    let home = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start().await.expect("a gateway");
    let daemon = Daemon::start().await.expect("a daemon");
    daemon.script("long", vec![Line::Hang]);
    let mut child = program(home.path())
        .args(["run", "--log-format", "json"])
        .env("ORGX_API_KEY", "oxk_canary_42")
        .env("ORGX_WORKSPACE_ID", "w")
        .env("ORGX_BASE_URL", gateway.base_url())
        .env("OPENCODE_SERVER_URL", daemon.url())
        // A proxy is for the world outside, not for this computer.
        .env("HTTP_PROXY", "http://127.0.0.1:9")
        .env("http_proxy", "http://127.0.0.1:9")
        .env("ALL_PROXY", "http://127.0.0.1:9")
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    gateway.wait_connected(1).await.expect("connected");
    gateway.dispatch(
        json!({ "kind": "task.dispatch", "run_id": "r", "idempotency_key": "k", "timeout_seconds": 60,
        "task": { "title": "a long CANARY task", "driver": "opencode" } }),
    );
    gateway
        .wait_for("started", |all| all.iter().any(|frame| frame.kind() == "task.started"))
        .await
        .expect("started");
    // The shell's own: a bare system has no program of this name.
    let kill = format!("kill -TERM {}", child.id());
    assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell").success());
    let end = gateway.terminal("r").await.expect("a terminal");
    assert_eq!((end["reason"].as_str(), end["recoverable"].as_bool()), (Some("peer stopped"), Some(true)));
    assert_eq!(gateway.wait_closed().await.expect("closed").code, 1000);
    let ended = tokio::task::spawn_blocking(move || {
        let status = child.wait().expect("an end");
        let mut log = String::new();
        let mut stderr = child.stderr.take().expect("piped");
        std::io::Read::read_to_string(&mut stderr, &mut log).expect("text");
        (status, log)
    });
    let (status, log) = ended.await.expect("an end");
    assert_eq!(status.code(), Some(0));
    for line in log.lines() {
        let line: serde_json::Value = serde_json::from_str(line).expect("one JSON object a line");
        assert!(line["level"].is_string() && line["message"].is_string(), "{line}");
    }
    assert!(log.contains(r#""run_id":"r""#), "a run can be followed by its id: {log}");
    assert!(!log.contains("CANARY") && !log.contains("oxk_canary"), "{log}");
    let trail = home.path().join(".config/useorgx/wizard/hooks/events.jsonl");
    assert_eq!(std::fs::read_to_string(trail).expect("an outbox").lines().count(), 2);
}
