//! A peer that answers by itself, and a client that knows nothing of ours.

use super::PATIENCE;
use crate::control::{Control, Hello, Host, Listener, PROTOCOL};
use crate::peer::{Command, CommandError, PeerEvent, PeerSnapshot, Reply, Request};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::{broadcast, mpsc, watch};

/// A control socket and, behind it, something that answers.
pub(super) struct FakePeer {
    pub(super) path: PathBuf,
    pub(super) snapshot: watch::Sender<PeerSnapshot>,
    pub(super) events: Option<broadcast::Sender<PeerEvent>>,
    pub(super) asked: Count,
    pub(super) control: Control,
    pub(super) commands: Option<mpsc::Sender<Request>>,
    pub(super) dir: TempDir,
}

/// How many commands came.
#[derive(Clone)]
pub(super) struct Count(watch::Sender<usize>);

impl Count {
    pub(super) fn count(&self) -> usize {
        *self.0.borrow()
    }

    pub(super) async fn wait_for_count(&self, count: usize) {
        self.0.subscribe().wait_for(|now| *now >= count).await.expect("a count");
    }
}

impl FakePeer {
    pub(super) fn start() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        Self::at(dir.path().join("p.sock"), dir, PROTOCOL)
    }

    pub(super) fn at(path: PathBuf, dir: TempDir, protocol: u32) -> Self {
        Self::at_place(path, None, dir, protocol)
    }

    pub(super) fn at_place(path: PathBuf, runtime: Option<&Path>, dir: TempDir, protocol: u32) -> Self {
        let listener = Listener::bind(&path, runtime).expect("a socket");
        let (commands, mut inbox) = mpsc::channel::<Request>(1);
        let (snapshot, watched) =
            watch::channel(PeerSnapshot { connection: "at first".into(), ..PeerSnapshot::default() });
        let events = broadcast::Sender::new(1_024);
        let hello = Hello {
            protocol,
            version: "9".into(),
            pid: 7,
            workspace_id: "w".into(),
            orgx: "https://o/".into(),
        };
        let host = Host {
            commands: commands.downgrade(),
            snapshot: watched,
            events: events.downgrade(),
            hello,
            write_within: PATIENCE,
        };
        let asked = Count(watch::Sender::new(0));
        let count = asked.clone();
        tokio::spawn(async move {
            let mut never_answered = Vec::new();
            while let Some(Request { command, answer }) = inbox.recv().await {
                count.0.send_modify(|count| *count += 1);
                let reply = match command {
                    Command::Cancel { run_id, .. } => Err(CommandError::NoSuchRun { run_id }),
                    Command::Task(_) => Ok(Reply::Task { run_id: "local".into() }),
                    Command::Runs { .. } => {
                        never_answered.push(answer);
                        continue;
                    }
                    _ => Ok(Reply::Done),
                };
                let _gone = answer.send(reply);
            }
        });
        let control = Control::serve(listener, host);
        Self { path, snapshot, events: Some(events), asked, control, commands: Some(commands), dir }
    }

    pub(super) fn event(&self, words: &str) {
        let events = self.events.as_ref().expect("it lives");
        let _unheard = events.send(PeerEvent::Warning { words: words.into() });
    }

    /// What an actor that ends lets go of.
    pub(super) fn end(&mut self) {
        self.events = None;
        self.commands = None;
        self.snapshot = watch::Sender::default();
    }

    pub(super) async fn stop(mut self) -> TempDir {
        self.end();
        self.control.stop().await;
        self.dir
    }

    pub(super) async fn client(&self) -> Client {
        Client(BufReader::new(UnixStream::connect(&self.path).await.expect("a peer")))
    }
}

/// A client that knows nothing of ours.
pub(super) struct Client(pub(super) BufReader<UnixStream>);

impl Client {
    pub(super) async fn say(&mut self, line: &str) {
        self.0.write_all(format!("{line}\n").as_bytes()).await.expect("it reads");
    }

    pub(super) async fn line(&mut self) -> Value {
        let mut line = String::new();
        self.0.read_line(&mut line).await.expect("a line");
        serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"))
    }

    pub(super) async fn ended(&mut self) {
        assert_eq!(self.0.read(&mut [0; 1]).await.expect("an end"), 0);
    }
}
