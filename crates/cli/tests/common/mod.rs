//! The program, and a peer that is written here, line by line.

#![allow(dead_code, unreachable_pub, reason = "each test file uses its part of it")]

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::mpsc;
use tempfile::TempDir;

/// The program in a home of its own, with nothing of the person's environment.
pub fn program(home: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_orgx-peer"));
    command.env_clear().env("HOME", home).env("PATH", "/usr/bin:/bin").env("TZ", "UTC").stdin(Stdio::null());
    // No keychain: least of all that of the person who runs the tests.
    command.env("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nonexistent");
    command
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("text")
}

/// What it said and ended with, in one text.
pub fn told(output: &Output) -> String {
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    format!("exit {}\n{out}{}", output.status.code().unwrap_or(-1), err)
}

pub fn event(event: Value) -> Value {
    json!({ "kind": "event", "event": event })
}

pub fn answer(request: &Value, outcome: Value) -> Value {
    let mut line = outcome;
    line["kind"] = json!("answer");
    line["id"] = request["id"].clone();
    line
}

/// A control socket that says what `docs/control.md` says.
pub struct FakePeer {
    pub home: TempDir,
    pub requests: mpsc::Receiver<Value>,
    waits: std::sync::Arc<std::sync::Mutex<Value>>,
}

impl FakePeer {
    /// `answers` makes the outcome of a request; null when it said everything itself, a string to hang up.
    pub fn start(answers: impl Fn(&Value, &dyn Fn(&Value)) -> Value + Send + Sync + 'static) -> Self {
        let home = tempfile::tempdir().expect("a folder");
        let state = home.path().join(".local/state/orgx-peer");
        std::fs::create_dir_all(&state).expect("a folder");
        std::fs::write(state.join("peer-0123456789ab.lock"), "1\n").expect("a lock");
        let listener = UnixListener::bind(state.join("0123456789ab.sock")).expect("a socket");
        let (tell, requests) = mpsc::channel();
        let trail = home.path().join("trail.jsonl");
        let answers = std::sync::Arc::new(answers);
        let waits = std::sync::Arc::new(std::sync::Mutex::new(json!([])));
        let attention = std::sync::Arc::clone(&waits);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (tell, answers) = (tell.clone(), std::sync::Arc::clone(&answers));
                let mut snapshot = snapshot(&trail);
                snapshot["attention"] = attention.lock().expect("whole").clone();
                std::thread::spawn(move || serve(&stream.expect("a client"), &tell, &*answers, &snapshot));
            }
        });
        Self { home, requests, waits }
    }

    /// What it says waits for the person, from now on.
    pub fn waits(&self, attention: Value) {
        *self.waits.lock().expect("whole") = attention;
    }

    pub fn program(&self) -> Command {
        program(self.home.path())
    }

    /// The home's place is another one each time.
    pub fn without_home(&self, text: &str) -> String {
        text.replace(&self.home.path().display().to_string(), "HOME")
    }

    /// The next request of this kind.
    pub fn request(&self, command: &str) -> Value {
        let wait = std::time::Duration::from_secs(30);
        loop {
            let request = self.requests.recv_timeout(wait).expect("a request");
            if request["command"] == command {
                return request;
            }
        }
    }
}

type Answers = dyn Fn(&Value, &dyn Fn(&Value)) -> Value;

fn serve(stream: &UnixStream, tell: &mpsc::Sender<Value>, answers: &Answers, snapshot: &Value) {
    let say = |value: &Value| {
        let mut stream = stream;
        // A client that has what it wanted reads no more.
        let _gone = writeln!(stream, "{value}");
    };
    say(&json!({ "kind": "hello", "protocol": 1, "version": "0.1.0", "pid": 4711, "workspace_id": "ws_shop",
        "orgx": "https://useorgx.com/" }));
    for line in BufReader::new(stream).lines() {
        let Ok(line) = line else { return };
        let request: Value = serde_json::from_str(&line).expect("JSON");
        if request["command"] == "subscribe" {
            say(&answer(&request, json!({ "ok": { "reply": "done" } })));
            say(&json!({ "kind": "snapshot", "snapshot": snapshot }));
            continue;
        }
        let outcome = answers(&request, &say);
        // A test that looks at none is gone, perhaps.
        let _unseen = tell.send(request.clone());
        match outcome {
            Value::Null => {}
            Value::String(_) => {
                let _gone = stream.shutdown(std::net::Shutdown::Both);
                return;
            }
            outcome => say(&answer(&request, outcome)),
        }
    }
}

fn snapshot(trail: &Path) -> Value {
    json!({
        "health": { "code": "connected", "severity": "ok", "sentence": "Connected", "action": null },
        "connected": true, "connection": "Connected to useorgx.com", "license": "active",
        "agent": { "installed": true, "authenticated": true, "subscription_active": true, "version": "1.18.2",
            "words": "OpenCode 1.18.2", "probed": { "session_alive": true, "queue_depth": 0 } },
        "rules": 2, "ignored_rules": [], "pause": "open", "runs": [],
        "recent": [{ "run_id": "run_1", "completed": true, "tokens_used": 940, "reason": null, "steps": 3,
            "deviations": 0, "receipt": "delivered" }],
        "unconfirmed": 0, "journal_trouble": null,
        "outbox": { "path": trail, "written": 12, "lost": 0, "trouble": null }, "warnings": [],
    })
}
