//! The tools as a person meets them: against nobody, against the real program, and against a peer that is written
//! here, line by line, so that nothing of ours judges the wire.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
#![cfg(unix)]

mod common;

use common::{FakePeer, answer, event, program, text, told};
use orgx_sandbox::daemon::Daemon;
use orgx_sandbox::gateway::Gateway;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};

const TOOLS: [&[&str]; 11] = [
    &["status"],
    &["pause"],
    &["resume"],
    &["cancel", "run_1"],
    &["attention", "list"],
    &["attention", "answer", "run_1", "allow"],
    &["runs"],
    &["runs", "run_1"],
    &["receipts"],
    &["outbox", "path"],
    &["task", "say hello"],
];

#[test]
fn without_a_running_peer_each_says_so_and_ends_with_3() {
    let home = tempfile::tempdir().expect("a folder");
    for args in TOOLS {
        let output = program(home.path()).args(args).output().expect("the program");
        if args[0] == "outbox" {
            let path = home.path().join(".config/useorgx/wizard/hooks/events.jsonl");
            assert_eq!(told(&output), format!("exit 0\n{}\n", path.display()));
            continue;
        }
        let words = "exit 3\norgx-peer: no peer is running; start it with `orgx-peer run`\n";
        assert_eq!(told(&output), words, "{args:?}");
    }
    let output = program(home.path()).args(["status", "--json"]).output().expect("the program");
    let said: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(said["error"]["code"], "not_running");
    assert_eq!(std::fs::read_dir(home.path()).expect("a folder").count(), 0, "looking leaves nothing behind");
}

#[test]
fn each_has_a_help_that_fits_80_columns() {
    let home = tempfile::tempdir().expect("a folder");
    let mut all = String::new();
    for args in [
        &["status"][..],
        &["pause"],
        &["resume"],
        &["cancel"],
        &["attention"],
        &["attention", "list"],
        &["attention", "answer"],
        &["runs"],
        &["receipts"],
        &["outbox"],
        &["outbox", "path"],
        &["outbox", "tail"],
        &["task"],
        &["doctor"],
        &["lifecycle"],
        &["hook", "stop"],
        &["plugin"],
        &["plugin", "install"],
        &["diagnostics"],
    ] {
        let output = program(home.path()).args(args).arg("--help").output().expect("the program");
        let help = text(&output.stdout);
        assert!(help.lines().all(|line| line.chars().count() <= 80), "{help}");
        writeln!(all, "$ orgx-peer {} --help\n{help}", args.join(" ")).expect("text");
    }
    insta::assert_snapshot!(all);
}

#[test]
fn the_lists_and_commands_show_what_the_peer_says() {
    let peer = FakePeer::start(|request, _| match request["command"].as_str() {
        Some("runs" | "receipts") => {
            json!({ "ok": { "reply": "runs", "runs": [run("run_1"), run("run_2")] } })
        }
        Some("run") if request["run_id"] == "run_2" => {
            json!({ "ok": { "reply": "runs", "runs": [run("run_2")] } })
        }
        Some("run" | "cancel") => {
            json!({ "error": { "code": "no_such_run", "run_id": request["run_id"] }, "words": "unused" })
        }
        _ => json!({ "ok": { "reply": "done" } }),
    });
    let mut all = String::new();
    for args in [
        &["status"][..],
        &["pause"],
        &["pause", "--after-current-runs"],
        &["resume"],
        &["cancel", "run_9"],
        &["runs"],
        &["runs", "--json"],
        &["runs", "run_2"],
        &["runs", "run_2", "--json"],
        &["runs", "run_9"],
        &["runs", "run_9", "--json"],
        &["receipts"],
        &["receipts", "--json"],
        &["outbox", "path"],
        &["status", "--workspace", "another"],
    ] {
        let output = peer.program().args(args).output().expect("the program");
        writeln!(all, "$ orgx-peer {}\n{}", args.join(" "), told(&output)).expect("text");
    }
    insta::assert_snapshot!(peer.without_home(&all));
}

#[test]
fn what_waits_is_listed_and_answered() {
    let peer = FakePeer::start(|request, _| match request["answer"].as_str() {
        Some("allow_for_run") => {
            json!({ "error": { "code": "invalid", "why": "the agent asks a question: answer it, or deny it" } })
        }
        _ if request["ask"] == "run_1@17" => json!({ "error": { "code": "not_waiting" } }),
        _ => json!({ "ok": { "reply": "done" } }),
    });
    let folder = json!({ "kind": "folder", "folder": "/w/shop" });
    let colours =
        json!({ "text": "Which?", "choices": [{ "label": "Red" }, { "label": "Blue" }], "multiple": true });
    let questions = json!({ "kind": "questions", "questions": [colours, { "text": "Why?", "free": true }] });
    // Long ago, and for long: the same text whenever it is read.
    let ask = |id: &str, what: Value| {
        json!({ "id": id, "run_id": "run_1", "folder": "/w/shop", "what": what, "since": 1_577_934_245_000_i64,
            "lapses_at": 1_577_934_245_000_i64 })
    };
    peer.waits(json!([ask("run_1@17", folder), ask("run_1@que_1", questions)]));
    let mut all = String::new();
    for args in [
        &["list"][..],
        &["list", "--json"],
        &["answer", "run_1@que", "--answer", "Red || Blue", "--answer", "I like || it"],
        &["answer", "run_1@que", "deny", "--reason", "none of these"],
        &["answer", "run_1@que_1", "allow-for-run"],
        &["answer", "run_1@17", "allow"],
        &["answer", "run_1", "allow"],
        &["answer", "run_\u{1b}[2J", "allow"],
        &["answer", " ", "allow"],
        &["answer", "run_1@17", "allow", "--reason", "x"],
        &["answer", "run_1@17", "allow", "--answer", "x"],
        &["answer", "run_1@17"],
        &["answer", "run_1@17", "perhaps"],
    ] {
        let output = peer.program().arg("attention").args(args).output().expect("the program");
        writeln!(all, "$ orgx-peer attention {}\n{}", args.join(" ").replace('\u{1b}', "ESC"), told(&output))
            .expect("text");
    }
    assert!(!all.contains('\u{1b}'), "{all}");
    insta::assert_snapshot!(all);
    let said = |expected: Value| {
        let request = peer.request("answer");
        assert_eq!((&request["ask"], &request["answer"]), (&expected[0], &expected[1]));
    };
    said(json!(["run_1@que_1", { "answers": { "answers": [["Red", "Blue"], ["I like || it"]] } }]));
    said(json!(["run_1@que_1", { "deny": { "reason": "none of these" } }]));
    said(json!(["run_1@que_1", "allow_for_run"]));
    said(json!(["run_1@17", "allow"]));
    assert!(peer.requests.try_recv().is_err(), "what cannot be used is not sent");
}

#[test]
fn the_json_of_status_has_the_documented_fields() {
    let peer = FakePeer::start(|_, _| json!({}));
    let output = peer.program().args(["status", "--json"]).output().expect("the program");
    insta::assert_snapshot!(peer.without_home(&text(&output.stdout)));
}

#[test]
fn a_task_shows_its_steps_and_ends_as_its_run_does() {
    for (end, code) in [
        (
            json!({ "event": "ended", "run_id": "local-1", "completed": true, "tokens_used": 940, "reason": null }),
            0,
        ),
        (
            json!({ "event": "ended", "run_id": "local-1", "completed": false, "tokens_used": null, "reason": "no model" }),
            1,
        ),
    ] {
        let peer = FakePeer::start(move |request, say| match request["command"].as_str() {
            Some("task") => {
                // The first events may come before the answer.
                say(&event(json!({ "event": "step", "run_id": "another", "summary": "not ours" })));
                say(&event(json!({ "event": "started", "run_id": "local-1", "session": "ses_1" })));
                say(&answer(request, json!({ "ok": { "reply": "task", "run_id": "local-1" } })));
                say(&event(
                    json!({ "event": "step", "run_id": "local-1", "summary": "call read — look at README.md" }),
                ));
                say(&event(end.clone()));
                Value::Null
            }
            _ => json!({}),
        });
        let folder = peer.home.path().canonicalize().expect("a folder");
        let output = peer
            .program()
            .args(["task", "say hello", "--model", "a/b"])
            .current_dir(&folder)
            .output()
            .expect("it");
        let task = peer.request("task");
        assert_eq!(
            (&task["prompt"], &task["folder"], &task["model"]),
            (&json!("say hello"), &json!(folder), &json!("a/b"))
        );
        let said = told(&output);
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(
            said.contains("Session ses_1\n") && said.contains("call read — look at README.md\n"),
            "{said}"
        );
        assert!(!said.contains("not ours"), "{said}");
        assert!(
            said.ends_with(if code == 0 { "Done, 940 tokens\n" } else { "Run failed: no model\n" }),
            "{said}"
        );
    }
}

#[test]
fn a_prompt_comes_from_standard_input_and_what_cannot_be_used_is_told_before_anything_is_sent() {
    let peer = FakePeer::start(
        |_, _| json!({ "error": { "code": "invalid", "why": "no agent" }, "words": "no agent" }),
    );
    let mut child =
        peer.program().args(["task", "-"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it");
    child.stdin.take().expect("piped").write_all(b"from a\npipe\n").expect("it reads");
    let output = child.wait_with_output().expect("an end");
    assert_eq!(told(&output), "exit 1\norgx-peer: no agent\n");
    assert_eq!(peer.request("task")["prompt"], "from a\npipe\n");
    for args in [
        &["task", " "][..],
        &["task", "x", "--dir", "/nowhere/at/all"],
        &["task", "x", "--dir", "/dev/null"],
        &["task"],
    ] {
        let output = peer.program().args(args).output().expect("the program");
        assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    }
    assert!(peer.requests.try_recv().is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn a_prompt_that_is_being_read_can_be_given_up() {
    let peer = FakePeer::start(|_, _| json!({}));
    for name in ["INT", "TERM"] {
        let mut child = peer
            .program()
            .args(["task", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        // Open until the end: somebody at a terminal who types nothing.
        let stdin = child.stdin.take().expect("piped");
        wait_until_it_listens(&child);
        signal(&child, name);
        let output = child.wait_with_output().expect("an end");
        assert_eq!(told(&output), "exit 1\norgx-peer: stopped before the task was given\n", "{name}");
        drop(stdin);
    }
    assert!(peer.requests.try_recv().is_err(), "nothing was sent");
}

#[test]
fn ctrl_c_cancels_the_task() {
    let peer = FakePeer::start(|request, say| match request["command"].as_str() {
        Some("task") => json!({ "ok": { "reply": "task", "run_id": "local-1" } }),
        Some("cancel") => {
            say(&answer(request, json!({ "ok": { "reply": "done" } })));
            let end = json!({ "event": "ended", "run_id": "local-1", "completed": false, "tokens_used": null, "reason": "cancelled" });
            say(&event(end));
            Value::Null
        }
        _ => json!({}),
    });
    let child = peer.program().args(["task", "for long"]).stdout(Stdio::piped()).spawn().expect("it");
    let (child, first) = first_line(child);
    assert!(first.contains("Run local-1"), "{first}");
    signal(&child, "INT");
    assert_eq!(peer.request("cancel")["run_id"], "local-1");
    let output = child.wait_with_output().expect("an end");
    assert!(told(&output).ends_with("Cancelled\n"), "{}", told(&output));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_peer_that_goes_away_is_told() {
    let peer = FakePeer::start(|request, _| match request["command"].as_str() {
        Some("task") => json!("hang up"),
        _ => json!({}),
    });
    let output = peer.program().args(["task", "x"]).output().expect("the program");
    assert_eq!(told(&output), "exit 3\norgx-peer: the peer has stopped\n");
}

#[test]
fn the_trail_is_shown_tidily_and_followed() {
    let peer = FakePeer::start(|_, _| json!({}));
    let trail = peer.home.path().join("trail.jsonl");
    let line = |n: usize| {
        format!(
            "{{\"event\":\"task_step\",\"run_id\":\"run_{n}\",\"timestamp\":\"2020-01-02T03:04:05.000Z\",\
             \"summary\":{{\"tool_name\":\"bash\",\"evidence_ref\":\"call_{n}\"}}}}\n"
        )
    };
    let said =
        |args: &[&str]| told(&peer.program().args(["outbox", "tail"]).args(args).output().expect("it"));
    assert_eq!(said(&[]), format!("exit 0\nNothing yet in {}.\n", trail.display()));
    assert_eq!(said(&["--json"]), "exit 0\n");
    std::fs::write(&trail, (0..30).map(line).collect::<String>()).expect("a file");
    let output = peer.program().args(["outbox", "tail", "-n", "2"]).output().expect("the program");
    assert_eq!(
        told(&output),
        "exit 0\nJan 2 2020  run_28  step  bash call_28\nJan 2 2020  run_29  step  bash call_29\n"
    );
    let output = peer.program().args(["outbox", "tail", "-n", "1", "--json"]).output().expect("the program");
    assert_eq!(text(&output.stdout), line(29));
    let child = peer
        .program()
        .args(["outbox", "tail", "-n", "1", "--follow"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("it");
    let (mut child, first) = first_line(child);
    assert!(first.contains("run_29"), "{first}");
    let mut file = std::fs::OpenOptions::new().append(true).open(&trail).expect("a file");
    file.write_all(line(30).as_bytes()).expect("written");
    let mut next = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut next).expect("a line");
    assert!(next.contains("run_30"), "{next}");
    signal(&child, "INT");
    assert_eq!(child.wait().expect("an end").code(), Some(0));
}

#[tokio::test]
async fn the_real_program_is_seen_without_a_key_watched_and_cleaned_up() {
    let home = tempfile::tempdir().expect("a folder");
    let gateway = Gateway::start().await.expect("a gateway");
    let daemon = Daemon::start().await.expect("a daemon");
    let child = program(home.path())
        .arg("run")
        .env("ORGX_API_KEY", "oxk_canary_42")
        .env("ORGX_WORKSPACE_ID", "w")
        .env("ORGX_BASE_URL", gateway.base_url())
        .env("OPENCODE_SERVER_URL", daemon.url())
        .stderr(Stdio::null())
        .spawn()
        .expect("the program");
    gateway.wait_connected(1).await.expect("connected");
    let folder = home.path().to_owned();
    let watch = tokio::task::spawn_blocking(move || {
        let mut watch = program(&folder)
            .args(["status", "--watch", "--json"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the program");
        let mut lines = BufReader::new(watch.stdout.take().expect("piped")).lines();
        let connected =
            lines.by_ref().map(|line| serde_json::from_str::<Value>(&line.expect("text")).expect("JSON"));
        let seen =
            connected.into_iter().find(|seen| seen["snapshot"]["connected"] == true).expect("connected");
        assert_eq!(seen["peer"]["workspace_id"], "w");
        let output = program(&folder).arg("status").output().expect("the program");
        let said = told(&output);
        assert!(said.starts_with("exit 0\n● ") && said.contains("Connected to 127.0.0.1"), "{said}");
        assert!(!said.contains("oxk_") && !said.contains('\x1b'), "{said}");
        assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
        signal(&child, "TERM");
        let mut child = child;
        assert_eq!(child.wait().expect("an end").code(), Some(0));
        // The watch hears the end, too.
        assert_eq!(watch.wait().expect("an end").code(), Some(3));
        let output = program(&folder).arg("status").output().expect("the program");
        assert_eq!(output.status.code(), Some(3), "{}", told(&output));
    });
    watch.await.expect("all of it");
}

#[test]
fn the_doctor_works_with_nothing_set_up_and_says_what_to_do() {
    let home = tempfile::tempdir().expect("a folder");
    let doctor = |args: &[&str]| {
        let mut command = program(home.path());
        // Nothing of this computer's own is looked at.
        command.env("ORGX_BASE_URL", "http://127.0.0.1:9").env("OPENCODE_SERVER_URL", "http://127.0.0.1:9");
        command.arg("doctor").args(args).output().expect("the program")
    };
    let said = told(&doctor(&[]));
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    // How much room there is, nobody knows beforehand.
    let said: Vec<&str> = said.lines().filter(|line| !line.contains("Disk  ")).collect();
    insta::assert_snapshot!(said.join("\n"));
    let output = doctor(&["--json"]);
    assert_eq!(output.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!((&report["ok"], &report["health"]), (&json!(false), &Value::Null));
    let names: Vec<&str> = report["checks"]
        .as_array()
        .expect("checks")
        .iter()
        .filter_map(|check| check["name"].as_str())
        .collect();
    insta::assert_snapshot!(names.join(" "));
    assert_eq!(report["checks"][1]["outcome"], "fail");
    assert_eq!(std::fs::read_dir(home.path()).expect("a folder").count(), 0);
}

#[test]
fn diagnostics_are_written_where_one_says_and_never_half() {
    let home = tempfile::tempdir().expect("a folder");
    let write = |file: &str| {
        let mut command = program(home.path());
        command.env("ORGX_BASE_URL", "http://127.0.0.1:9").env("OPENCODE_SERVER_URL", "http://127.0.0.1:9");
        command
            .current_dir(home.path())
            .args(["diagnostics", "--output", file])
            .output()
            .expect("the program")
    };
    let said = told(&write("d.zip"));
    assert!(said.starts_with("exit 0\nWrote d.zip\nIn it: README.txt, about.json, "), "{said}");
    assert!(std::fs::read(home.path().join("d.zip")).expect("a file").starts_with(b"PK"));
    let said = told(&write("no/such/folder/d.zip"));
    assert!(
        said.starts_with("exit 1\n") && said.contains("no/such/folder/d.zip cannot be written"),
        "{said}"
    );
    assert_eq!(std::fs::read_dir(home.path()).expect("a folder").count(), 1);
}

/// The first line that a child says; the rest stays readable.
fn first_line(mut child: Child) -> (Child, String) {
    use std::io::Read;
    let mut line = Vec::new();
    let out = child.stdout.as_mut().expect("piped");
    let mut byte = [0];
    while out.read(&mut byte).expect("text") == 1 && byte != [b'\n'] {
        line.push(byte[0]);
    }
    (child, text(&line))
}

/// Until the program takes SIGTERM, which would simply kill it before.
#[cfg(target_os = "linux")]
fn wait_until_it_listens(child: &Child) {
    const TERM: u64 = 1 << 14;
    let status = format!("/proc/{}/status", child.id());
    let end = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while std::time::Instant::now() < end {
        let status = std::fs::read_to_string(&status).unwrap_or_default();
        let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
        if mask
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|mask| mask & TERM != 0)
        {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the program does not listen for SIGTERM");
}

fn signal(child: &Child, name: &str) {
    let kill = format!("kill -{name} {}", child.id());
    assert!(Command::new("/bin/sh").args(["-c", &kill]).status().expect("a shell").success());
}

fn run(run_id: &str) -> Value {
    json!({
        "run_id": run_id, "state": "completed", "local": false, "driver": "opencode", "folder": "/w/shop",
        "session": "ses_1", "arrived_at": 1_577_934_245_000_i64, "started_at": 1_577_934_246_000_i64,
        "ended_at": 1_577_934_300_000_i64, "steps": 3, "deviations": 0, "tokens_used": 940, "cost_cents": 21,
        "reason": null, "confirmed": true, "receipt": { "state": "delivered", "tries": 1 },
    })
}
