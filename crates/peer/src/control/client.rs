//! The other program's side: a running peer, mirrored over its control socket.

use super::lines::{LineError, Lines};
use super::protocol::{Hello, Outcome, PROTOCOL, Said, to_line};
use super::transport::{Connection, connect};
use crate::limits;
use crate::paths::{Paths, Tenant};
use crate::peer::{CommandError, EVENTS, PeerEvent, PeerSnapshot, Reply, Request};
use std::collections::HashMap;
use std::io;
use std::path::Path;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, timeout, timeout_at};

/// Why a running peer could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum AttachError {
    /// There is none.
    #[error("no peer is running here")]
    NotRunning,
    /// It said why it does not speak to us.
    #[error("the running peer says: {0}")]
    Refused(String),
    /// It speaks another version of the control protocol.
    #[error(
        "the running peer is version {version}, which this program cannot speak to; use the same version for both"
    )]
    OtherVersion {
        /// Its version.
        version: String,
    },
    /// It did not say what it should.
    #[error("the running peer does not answer as it should ({0}); `orgx-peer run` again may help")]
    Silent(String),
}

/// A peer that runs on this computer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// Whose tasks it takes.
    pub tenant: Tenant,
    /// Who it says it is.
    pub hello: Hello,
}

/// What a mirrored peer is made of.
pub(crate) struct Attached {
    pub(crate) commands: mpsc::Sender<Request>,
    pub(crate) snapshot: watch::Receiver<PeerSnapshot>,
    pub(crate) events: broadcast::WeakSender<PeerEvent>,
    pub(crate) task: JoinHandle<()>,
}

/// The peers that run with this state folder. All are greeted at once, and once one has answered, the others have
/// only a moment: one that hangs holds up no command for another.
pub(crate) async fn running(paths: &Paths) -> Vec<Running> {
    let mut greeted = JoinSet::new();
    for tenant in paths.tenants() {
        let control = paths.control(&tenant);
        greeted.spawn(async move { greet(&control).await.map(|(_, _, hello)| Running { tenant, hello }) });
    }
    let mut found = Vec::new();
    let mut end = Instant::now() + limits::CONTROL_ANSWER;
    while let Ok(Some(answer)) = timeout_at(end, greeted.join_next()).await {
        if let Ok(Ok(running)) = answer {
            found.push(running);
            end = end.min(Instant::now() + limits::CONTROL_OTHERS);
        }
    }
    found.sort_by(|a, b| a.hello.workspace_id.cmp(&b.hello.workspace_id));
    found
}

/// Mirrors the peer whose socket is at `wanted`; returns once its first snapshot is there.
pub(crate) async fn attach(wanted: &Path) -> Result<Attached, AttachError> {
    let silent = |why: &str| AttachError::Silent(why.to_owned());
    match timeout(limits::CONTROL_ANSWER, subscribe(wanted)).await {
        Ok(attached) => attached,
        Err(_) => Err(silent("it stays silent")),
    }
}

async fn subscribe(wanted: &Path) -> Result<Attached, AttachError> {
    let (mut lines, mut write, _) = greet(wanted).await?;
    let lost = |error: io::Error| AttachError::Silent(error.to_string());
    write.write_all(&to_line(0, None)).await.map_err(lost)?;
    let first = loop {
        match next(&mut lines).await? {
            Some(Said::Snapshot { snapshot }) => break *snapshot,
            Some(Said::Error { words }) => return Err(AttachError::Refused(words)),
            Some(_) => {}
            None => return Err(AttachError::NotRunning),
        }
    };
    let (commands, inbox) = mpsc::channel(16);
    let (tell, snapshot) = watch::channel(first);
    let (events, _) = broadcast::channel(EVENTS);
    let weak = events.downgrade();
    let task = tokio::spawn(mirror(lines, write, inbox, tell, events));
    Ok(Attached { commands, snapshot, events: weak, task })
}

type Greeted = (Lines<ReadHalf<Connection>>, WriteHalf<Connection>, Hello);

async fn greet(wanted: &Path) -> Result<Greeted, AttachError> {
    let stream = connect(wanted).await.map_err(|error| match error.kind() {
        // A socket without a listener is what a peer leaves that was killed.
        io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AttachError::NotRunning,
        _ => AttachError::Silent(error.to_string()),
    })?;
    let (read, write) = tokio::io::split(stream);
    let mut lines = Lines::new(read, limits::CONTROL_MIRROR_BYTES);
    match next(&mut lines).await? {
        Some(Said::Hello(hello)) if hello.protocol == PROTOCOL => Ok((lines, write, hello)),
        Some(Said::Hello(hello)) => Err(AttachError::OtherVersion { version: hello.version }),
        Some(Said::Error { words }) => Err(AttachError::Refused(words)),
        Some(_) => Err(AttachError::Silent("it does not say who it is".into())),
        None => Err(AttachError::NotRunning),
    }
}

/// The next line that this version knows; `None` at the end.
async fn next(lines: &mut Lines<impl AsyncRead + Unpin>) -> Result<Option<Said>, AttachError> {
    loop {
        match lines.next().await {
            Ok(Some(line)) => {
                // A newer peer may say more than we know.
                if let Ok(said) = serde_json::from_slice(&line) {
                    return Ok(Some(said));
                }
            }
            Ok(None) => return Ok(None),
            Err(LineError::TooLong) => return Err(AttachError::Silent("a line is too long".into())),
            Err(LineError::Io(error)) => return Err(AttachError::Silent(error.to_string())),
        }
    }
}

/// Until either side is gone. Dropping what it holds then ends the watch, the events and the open commands.
async fn mirror(
    mut lines: Lines<impl AsyncRead + Unpin>,
    mut write: impl AsyncWrite + Unpin,
    mut inbox: mpsc::Receiver<Request>,
    tell: watch::Sender<PeerSnapshot>,
    events: broadcast::Sender<PeerEvent>,
) {
    let mut open: HashMap<u64, oneshot::Sender<Result<Reply, CommandError>>> = HashMap::new();
    let mut number = 0;
    loop {
        tokio::select! {
            request = inbox.recv() => {
                let Some(Request { command, answer }) = request else { return };
                number += 1;
                let line = to_line(number, Some(&command));
                if line.len() > limits::CONTROL_LINE_BYTES {
                    let why = "it is too long for the control socket (1 MiB)".to_owned();
                    let _gone = answer.send(Err(CommandError::Invalid { why }));
                    continue;
                }
                open.insert(number, answer);
                if !matches!(timeout(limits::CONTROL_WRITE, write.write_all(&line)).await, Ok(Ok(()))) {
                    return;
                }
            }
            said = next(&mut lines) => match said {
                Ok(Some(Said::Answer { id, outcome, .. })) => if let Some(answer) = open.remove(&id) {
                    let _gone = answer.send(match outcome {
                        Outcome::Ok(reply) => Ok(reply),
                        Outcome::Error(error) => Err(error),
                    });
                },
                Ok(Some(Said::Snapshot { snapshot })) => { tell.send_replace(*snapshot); }
                Ok(Some(Said::Event { event })) => { let _unheard = events.send(event); }
                Ok(Some(Said::Missed { events })) => tracing::debug!(events, "events were missed"),
                Ok(Some(Said::Hello(_))) => {}
                Ok(Some(Said::Error { .. }) | None) | Err(_) => return,
            },
        }
    }
}
