//! A way between the peer and OpenCode that can be cut, and that knows what is asked over it.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// Passes every connection on to one port. Dropping it ends them all.
#[derive(Debug)]
pub struct Proxy {
    /// Where it listens.
    pub port: u16,
    way: Arc<Way>,
    listener: AbortHandle,
}

#[derive(Debug)]
struct Way {
    open: watch::Sender<bool>,
    /// How often everything under way was stopped.
    stalls: watch::Sender<u32>,
    /// The first line of every request so far.
    calls: watch::Sender<Vec<String>>,
    /// Requests whose first line holds this are not passed on.
    held: watch::Sender<Option<String>>,
    connections: Mutex<JoinSet<()>>,
}

impl Proxy {
    /// Starts one to that port of this computer.
    pub async fn to(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let own = listener.local_addr().expect("its address").port();
        let way = Arc::new(Way {
            open: watch::Sender::new(true),
            stalls: watch::Sender::new(0),
            calls: watch::Sender::new(Vec::new()),
            held: watch::Sender::new(None),
            connections: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, port, Arc::clone(&way)));
        Self { port: own, way, listener: task.abort_handle() }
    }

    /// Breaks every connection, and each new one at once, until [`Proxy::mend`]. What is held is lost.
    pub fn cut(&self) {
        self.way.open.send_replace(false);
        self.way.connections.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Passes nothing more on over the connections there are, which stay open. New ones work.
    pub fn stall(&self) {
        self.way.stalls.send_modify(|stalls| *stalls += 1);
    }

    /// Lets connections through again, and holds nothing.
    pub fn mend(&self) {
        self.way.held.send_replace(None);
        self.way.open.send_replace(true);
    }

    /// From now on a request whose first line holds this is read and not passed on, until [`Proxy::cut`] loses it or
    /// [`Proxy::mend`] passes it on.
    pub fn hold(&self, call: &str) {
        self.way.held.send_replace(Some(call.to_owned()));
    }

    /// How many requests so far have this in their first line.
    pub fn calls(&self, call: &str) -> usize {
        count(&self.way.calls.borrow(), call)
    }

    /// Returns once there were that many of them.
    pub async fn called(&self, call: &str, times: usize) {
        // The sender is ours.
        let _ = self.way.calls.subscribe().wait_for(|calls| count(calls, call) >= times).await;
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

fn count(calls: &[String], call: &str) -> usize {
    calls.iter().filter(|line| line.contains(call)).count()
}

async fn accept(listener: TcpListener, to: u16, way: Arc<Way>) {
    while let Ok((from, _)) = listener.accept().await {
        let mut connections = way.connections.lock().unwrap_or_else(PoisonError::into_inner);
        while connections.try_join_next().is_some() {}
        // Looked at under the lock: a connection is either seen by a cut, or sees it.
        if *way.open.borrow() {
            let mut stalls = way.stalls.subscribe();
            let way = Arc::clone(&way);
            connections.spawn(async move {
                let Ok(there) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                let ((client, mut answers), (mut server, requests)) = (from.into_split(), there.into_split());
                tokio::select! {
                    () = pass(client, requests, &way) => {}
                    _broken = copy(&mut server, &mut answers) => {}
                    _stalled = stalls.changed() => std::future::pending().await,
                }
            });
        }
    }
}

/// Passes requests on. Each begins with a read of its own: the peer's client does not send two in one.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, way: &Way) {
    let mut chunk = vec![0; 16 * 1024];
    loop {
        let read = match from.read(&mut chunk).await {
            Ok(read) if read > 0 => read,
            _ => return,
        };
        let head = String::from_utf8_lossy(&chunk[..read]);
        if let Some(line) = head.lines().next().filter(|line| line.ends_with(" HTTP/1.1")) {
            way.calls.send_modify(|calls| calls.push(line.to_owned()));
            let is_held = |held: &Option<String>| held.as_ref().is_some_and(|call| line.contains(call));
            let _ = way.held.subscribe().wait_for(|held| !is_held(held)).await;
        }
        if to.write_all(&chunk[..read]).await.is_err() {
            return;
        }
    }
}
