//! The listener and the accept loop.

use std::{
    convert::Infallible,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, PoisonError},
    task::Poll,
};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;

use super::{
    reply::Reply,
    wire::{Hold, Wire},
};

/// The listener is shared so that stopping can close it at once: the port is free when `stop` returns.
type Door = Arc<Mutex<Option<TcpListener>>>;

/// A running server.
#[derive(Debug)]
pub(crate) struct Server {
    port: u16,
    door: Door,
    all: CancellationToken,
}

impl Server {
    /// Binds 127.0.0.1 (port 0: any free one) and answers every request with `answer`.
    pub(crate) async fn start<F, A>(port: u16, answer: F) -> io::Result<Self>
    where
        F: Fn(hyper::Request<Incoming>, Hold) -> A + Clone + Send + Sync + 'static,
        A: Future<Output = Reply> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
        let port = listener.local_addr()?.port();
        let server = Self { port, door: Arc::new(Mutex::new(Some(listener))), all: CancellationToken::new() };
        tokio::spawn(accept(Arc::clone(&server.door), server.all.clone(), answer));
        Ok(server)
    }

    /// The port it listens on.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Closes the listener and drops every connection.
    pub(crate) fn stop(&self) {
        self.door.lock().unwrap_or_else(PoisonError::into_inner).take();
        self.all.cancel();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

async fn accept<F, A>(door: Door, all: CancellationToken, answer: F)
where
    F: Fn(hyper::Request<Incoming>, Hold) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Reply> + Send + 'static,
{
    loop {
        let accepted = tokio::select! {
            accepted = next(&door) => accepted,
            () = all.cancelled() => None,
        };
        let Some(accepted) = accepted else { return };
        match accepted {
            Ok(tcp) => drop(tokio::spawn(serve(tcp, Hold::new(&all), answer.clone()))),
            // One lost connection (it was reset before we got to it) is no reason to stop listening.
            Err(error) => tracing::debug!(%error, "accept failed"),
        }
    }
}

async fn next(door: &Door) -> Option<io::Result<TcpStream>> {
    std::future::poll_fn(|cx| match &*door.lock().unwrap_or_else(PoisonError::into_inner) {
        Some(listener) => listener.poll_accept(cx).map(|accepted| Some(accepted.map(|(tcp, _)| tcp))),
        None => Poll::Ready(None),
    })
    .await
}

async fn serve<F, A>(tcp: TcpStream, hold: Hold, answer: F)
where
    F: Fn(hyper::Request<Incoming>, Hold) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Reply> + Send + 'static,
{
    let service = {
        let hold = hold.clone();
        service_fn(move |request| {
            let answer = answer(request, hold.clone());
            async move { Ok::<_, Infallible>(answer.await) }
        })
    };
    let wire = TokioIo::new(Wire::new(tcp, hold.clone()));
    let connection = http1::Builder::new().serve_connection(wire, service).with_upgrades();
    tokio::select! {
        served = connection => if let Err(error) = served {
            tracing::debug!(%error, "connection ended");
        },
        () = hold.ended() => {}
    }
}
