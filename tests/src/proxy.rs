//! A way between the peer and OpenCode that can be cut.

use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::copy_bidirectional;
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
            connections: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, port, Arc::clone(&way)));
        Self { port: own, way, listener: task.abort_handle() }
    }

    /// Breaks every connection, and each new one at once, until [`Proxy::mend`].
    pub fn cut(&self) {
        self.way.open.send_replace(false);
        self.way.connections.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }

    /// Passes nothing more on over the connections there are, which stay open. New ones work.
    pub fn stall(&self) {
        self.way.stalls.send_modify(|stalls| *stalls += 1);
    }

    /// Lets connections through again.
    pub fn mend(&self) {
        self.way.open.send_replace(true);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listener.abort();
        self.cut();
    }
}

async fn accept(listener: TcpListener, to: u16, way: Arc<Way>) {
    while let Ok((mut from, _)) = listener.accept().await {
        let mut connections = way.connections.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at under the lock: a connection is either seen by a cut, or sees it.
        if *way.open.borrow() {
            let mut stalls = way.stalls.subscribe();
            connections.spawn(async move {
                let Ok(mut there) = TcpStream::connect(("127.0.0.1", to)).await else { return };
                tokio::select! {
                    _broken = copy_bidirectional(&mut from, &mut there) => {}
                    _stalled = stalls.changed() => std::future::pending().await,
                }
            });
        }
    }
}
