//! An OpenCode of a few answers, which has a session that a peer before made, and a journal that says so.

#![allow(dead_code, reason = "each test file uses its part of it")]

use crate::common::{WAIT, World};
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How the session stands when it is looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Session {
    /// It has no prompt, and is idle.
    Unprompted,
    /// It has no prompt that can be seen, and is busy.
    Busy,
    /// It has its prompt, and ended by itself.
    Done,
    /// It has its prompt, and asks for a permission. Answers are refused so often, with this status; then it is done.
    Asks(usize, u16),
}

impl Session {
    /// Where it is once the answer was taken.
    fn after(self, lines: &[String]) -> Self {
        let replies = lines.iter().filter(|line| line.contains("/permission/per_1/reply")).count();
        if matches!(self, Self::Asks(refused, _) if replies > refused) { Self::Done } else { self }
    }
}

/// The server; what it was asked for, in order.
pub(crate) struct OpenCode {
    pub port: u16,
    asked: watch::Sender<Vec<String>>,
}

impl OpenCode {
    pub(crate) async fn start(session: Session) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let asked = watch::Sender::new(Vec::new());
        let log = asked.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, session, log.clone()));
            }
        });
        Self { port, asked }
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.borrow().clone()
    }

    pub(crate) fn prompts(&self) -> usize {
        self.asked().iter().filter(|line| line.contains("prompt_async")).count()
    }

    /// Waits until it was asked for something like this so often.
    pub(crate) async fn until_asked(&self, part: &str, times: usize) {
        let mut asked = self.asked.subscribe();
        let so = |all: &Vec<String>| all.iter().filter(|line| line.contains(part)).count() >= times;
        let waited = tokio::time::timeout(WAIT, asked.wait_for(so)).await;
        assert!(waited.is_ok(), "{part} was not asked for: {:#?}", self.asked());
    }
}

async fn answer(mut stream: TcpStream, session: Session, log: watch::Sender<Vec<String>>) {
    let mut request = Vec::new();
    let mut buffer = [0; 4096];
    let text = loop {
        let Ok(read) = stream.read(&mut buffer).await else { return };
        request.extend_from_slice(&buffer[..read]);
        let text = String::from_utf8_lossy(&request).into_owned();
        let body = text.split_once("\r\n\r\n").map(|(head, body)| (length(head), body.len()));
        match body {
            Some((wanted, got)) if got >= wanted => break text,
            _ if read == 0 => return,
            _ => {}
        }
    };
    let line = text.lines().next().unwrap_or_default().to_owned();
    let asked_before = session.after(&log.borrow());
    let path = line.split([' ', '?']).nth(1).unwrap_or_default().to_owned();
    log.send_modify(|all| all.push(line.clone()));
    let session = session.after(&log.borrow());
    if path == "/global/event" {
        let connected = json!({ "payload": { "type": "server.connected", "properties": {} } });
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        let _gone = stream.write_all(format!("{head}data: {connected}\n\n").as_bytes()).await;
        return std::future::pending().await;
    }
    let done = json!([{ "parts": [], "info": { "id": "msg_2", "sessionID": "ses_1", "role": "assistant",
        "finish": "stop", "providerID": "anthropic", "tokens": { "input": 5, "output": 5 } } }]);
    let asks = json!([{ "id": "per_1", "sessionID": "ses_1", "permission": "bash", "patterns": ["ls"],
        "metadata": { "command": "ls" }, "always": [] }]);
    let busy = if matches!(session, Session::Busy | Session::Asks(..)) {
        json!({ "ses_1": { "type": "busy" } })
    } else {
        json!({})
    };
    let (code, body) = match path.as_str() {
        "/global/health" => (200, json!({ "healthy": true, "version": "1.18.33" })),
        "/session/ses_1" => (200, json!({ "id": "ses_1" })),
        "/session/status" => (200, busy),
        "/session/ses_1/message" if session == Session::Done => (200, done),
        "/permission" if matches!(session, Session::Asks(..)) => (200, asks),
        "/permission/per_1/reply" => match session {
            Session::Asks(_, status) => (status, json!({ "name": "BadRequest" })),
            _ if matches!(asked_before, Session::Asks(..)) => (200, json!(true)),
            _ => (404, json!({ "_tag": "PermissionNotFoundError" })),
        },
        "/provider" => (200, json!({ "connected": ["x"] })),
        path if path.starts_with("/session/ses_1/message/") => {
            (if matches!(session, Session::Done | Session::Asks(..)) { 200 } else { 404 }, json!({}))
        }
        path if path.ends_with("/abort") || path.ends_with("/prompt_async") => (200, json!(true)),
        _ => (200, json!([])),
    };
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {code} OK\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let _gone = stream.write_all(format!("{head}{body}").as_bytes()).await;
}

fn length(head: &str) -> usize {
    let lower = head.to_lowercase();
    lower.lines().find_map(|line| line.strip_prefix("content-length: ")?.trim().parse().ok()).unwrap_or(0)
}

/// The journal of the only workspace in this state folder.
pub(crate) fn journal(state: &Path) -> PathBuf {
    let files = std::fs::read_dir(state).expect("files").flatten().map(|file| file.path());
    let mut journals = files.filter(|path| path.extension().is_some_and(|kind| kind == "sqlite"));
    journals.next().expect("a journal")
}

/// Leaves a run in the journal whose key was spent so many ms ago, as a peer that was killed would have.
pub(crate) async fn leave(world: &World, ms_ago: i64) {
    world.peer().await.stop().await;
    let db = rusqlite::Connection::open(journal(&world.home.path().join("state"))).expect("a journal");
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after it");
    let at = i64::try_from(now.as_millis()).expect("a time") - ms_ago;
    let folder = world.folder().display().to_string();
    let task = json!({ "title": "do it", "description": null, "repo_path": folder, "skill_ids": [],
                       "driver": "opencode", "model": null });
    db.execute(
        "INSERT INTO run (run_id, key, driver, session, message_id, folder, spent_at, arrived_at, timeout_ms,
           repo_path, task)
         VALUES ('r', 'key_r', 'opencode', 'ses_1', 'msg_1', ?1, ?2, ?2, 600000, ?1, ?3)",
        rusqlite::params![folder, at, task.to_string()],
    )
    .expect("a row");
}
