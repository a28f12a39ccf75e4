//! The peer's side of the control socket.

use super::lines::{LineError, Lines};
use super::protocol::{Ask, Asked, Hello, Said, request};
use super::transport::{Listener, Stream};
use crate::limits;
use crate::peer::{Command, CommandError, PeerEvent, PeerSnapshot, Reply, Request};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::{broadcast, mpsc, oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// What is served. Holds nothing that would keep a peer alive whose handle is gone.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) commands: mpsc::WeakSender<Request>,
    pub(crate) snapshot: watch::Receiver<PeerSnapshot>,
    pub(crate) events: broadcast::WeakSender<PeerEvent>,
    pub(crate) hello: Hello,
    /// [`limits::CONTROL_WRITE`], but in tests.
    pub(crate) write_within: Duration,
}

/// A served control socket. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Control {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Drop for Control {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Control {
    pub(crate) fn serve(listener: Listener, host: Host) -> Self {
        let stop = CancellationToken::new();
        let task = tokio::spawn(accept(listener, Arc::new(host), stop.clone()));
        Self { stop, task }
    }

    /// Removes the socket; clients get what there is still to say, for a moment.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        let _late = timeout(limits::CONTROL_LAST_WORD, &mut self.task).await;
    }
}

async fn accept(listener: Listener, host: Arc<Host>, stop: CancellationToken) {
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            () = stop.cancelled() => break,
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(stream) if clients.len() >= limits::CONTROL_CLIENTS => turn_away(stream),
                Ok(stream) => {
                    clients.spawn(client(stream, Arc::clone(&host)));
                }
                Err(error) => {
                    tracing::debug!(%error, "the control socket let nobody in");
                    // Out of file descriptors, most likely: trying again at once would only burn time.
                    tokio::time::sleep(limits::CONTROL_ACCEPT_RETRY).await;
                }
            },
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

/// On its own: nobody else waits for one that is not let in.
fn turn_away(mut stream: Stream) {
    let words = format!("{} programs use this peer's control socket already", limits::CONTROL_CLIENTS);
    let line = Said::Error { words }.to_line();
    tokio::spawn(async move { timeout(limits::CONTROL_WRITE, stream.write_all(&line)).await });
}

async fn client(stream: Stream, host: Arc<Host>) {
    if let Err(error) = converse(stream, &host).await {
        tracing::debug!(%error, "a client of the control socket is gone");
    }
}

async fn converse(stream: Stream, host: &Host) -> io::Result<()> {
    let (read, write) = tokio::io::split(stream);
    let mut mouth = Mouth { write, within: host.write_within };
    let mut lines = Lines::new(read, limits::CONTROL_LINE_BYTES);
    let mut snapshot = host.snapshot.clone();
    let mut events: Option<broadcast::Receiver<PeerEvent>> = None;
    let mut subscribed = false;
    let mut answers = JoinSet::new();
    let mut all_read = false;
    let mut farewell = None;
    mouth.say(&Said::Hello(host.hello.clone())).await?;
    while !(all_read && answers.is_empty()) {
        tokio::select! {
            // Ready for more only while few commands are under way: the rest waits in the client's own buffer.
            line = lines.next(), if !all_read && answers.len() < limits::CONTROL_COMMANDS => {
                let line = match line {
                    Ok(Some(line)) => line,
                    Ok(None) => { all_read = true; continue }
                    Err(LineError::TooLong) => {
                        let words = format!("a line is at most {} bytes long", limits::CONTROL_LINE_BYTES);
                        (all_read, farewell) = (true, Some(words));
                        continue;
                    }
                    Err(LineError::Io(error)) => return Err(error),
                };
                match request(&line) {
                    Ok(Asked { id, what: Ask::Subscribe }) => {
                        events = host.events.upgrade().map(|events| events.subscribe());
                        subscribed = true;
                        mouth.say(&Said::answer(id, Ok(Reply::Done))).await?;
                        let now = Box::new(snapshot.borrow_and_update().clone());
                        mouth.say(&Said::Snapshot { snapshot: now }).await?;
                    }
                    Ok(Asked { id, what: Ask::Do(command) }) => {
                        let commands = host.commands.clone();
                        answers.spawn(async move { Said::answer(id, ask(&commands, command).await) });
                    }
                    Err(not) => match not.id {
                        Some(id) => {
                            let invalid = CommandError::Invalid { why: not.why };
                            mouth.say(&Said::answer(id, Err(invalid))).await?;
                        }
                        // What was asked before is still answered.
                        None => (all_read, farewell) = (true, Some(not.why)),
                    },
                }
            }
            Some(Ok(answer)) = answers.join_next() => mouth.say(&answer).await?,
            event = next(&mut events) => match event {
                Ok(event) => mouth.say(&Said::Event { event }).await?,
                Err(RecvError::Lagged(events)) => mouth.say(&Said::Missed { events }).await?,
                Err(RecvError::Closed) => events = None,
            },
            changed = snapshot.changed() => {
                if changed.is_err() {
                    return last_words(&mut mouth, events, answers).await;
                }
                if subscribed {
                    let now = Box::new(snapshot.borrow_and_update().clone());
                    mouth.say(&Said::Snapshot { snapshot: now }).await?;
                } else {
                    snapshot.mark_unchanged();
                }
            }
        }
    }
    match farewell {
        Some(words) => mouth.say(&Said::Error { words }).await,
        None => Ok(()),
    }
}

/// The peer is gone: what it said before that is still told.
async fn last_words(
    mouth: &mut Mouth<impl AsyncWrite + Unpin>,
    events: Option<broadcast::Receiver<PeerEvent>>,
    mut answers: JoinSet<Said>,
) -> io::Result<()> {
    if let Some(mut events) = events {
        loop {
            match events.try_recv() {
                Ok(event) => mouth.say(&Said::Event { event }).await?,
                Err(TryRecvError::Lagged(events)) => mouth.say(&Said::Missed { events }).await?,
                Err(TryRecvError::Empty | TryRecvError::Closed) => break,
            }
        }
    }
    while let Some(answer) = answers.join_next().await {
        if let Ok(answer) = answer {
            mouth.say(&answer).await?;
        }
    }
    Ok(())
}

async fn next(events: &mut Option<broadcast::Receiver<PeerEvent>>) -> Result<PeerEvent, RecvError> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

async fn ask(commands: &mpsc::WeakSender<Request>, command: Command) -> Result<Reply, CommandError> {
    let commands = commands.upgrade().ok_or(CommandError::Gone)?;
    let (answer, answered) = oneshot::channel();
    commands.send(Request { command, answer }).await.map_err(|_| CommandError::Gone)?;
    // Held no longer: a peer ends when its handle is dropped.
    drop(commands);
    answered.await.map_err(|_| CommandError::Gone)?
}

/// Writes lines; a client that does not read one in time is let go, so that nothing piles up for it.
struct Mouth<W> {
    write: W,
    within: Duration,
}

impl<W: AsyncWrite + Unpin> Mouth<W> {
    async fn say(&mut self, said: &Said) -> io::Result<()> {
        match timeout(self.within, self.write.write_all(&said.to_line())).await {
            Ok(written) => written,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "it does not read")),
        }
    }
}
