//! The listener and its connections. Loopback only; each connection is bounded in time, all of them in number.

use super::answer::Desk;
use crate::limits;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Listens on 127.0.0.1: on the wanted port, one of those after it, or any.
pub(super) async fn bind(wanted: u16) -> io::Result<TcpListener> {
    let mut last = None;
    for port in (0..=limits::WEBHOOK_PORTS).map_while(|more| wanted.checked_add(more)) {
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await {
            Ok(listener) => return Ok(listener),
            Err(error) => last = Some(error),
        }
    }
    let any = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
    any.map_err(|error| last.unwrap_or(error))
}

/// Answers until it is stopped; what is under way is then finished, for a moment.
pub(super) async fn serve(listener: TcpListener, desk: Arc<Desk>, stop: CancellationToken) {
    let places = Arc::new(Semaphore::new(connections()));
    let tracker = TaskTracker::new();
    loop {
        let next = async {
            // A place first: who finds none waits in the OS's queue.
            let place = Arc::clone(&places).acquire_owned().await.ok()?;
            Some((listener.accept().await, place))
        };
        tokio::select! {
            () = stop.cancelled() => break,
            next = next => match next {
                Some((Ok((stream, _)), place)) => {
                    tracker.spawn(connection(stream, Arc::clone(&desk), stop.clone(), place));
                }
                Some((Err(error), _)) => {
                    tracing::debug!(%error, "a connection was not accepted");
                    sleep(limits::WEBHOOK_ACCEPT_RETRY).await;
                }
                None => break,
            },
        }
    }
    drop(listener);
    tracker.close();
    let _late = timeout(limits::WEBHOOK_STOP, tracker.wait()).await;
}

async fn connection(
    stream: TcpStream,
    desk: Arc<Desk>,
    stop: CancellationToken,
    _place: OwnedSemaphorePermit,
) {
    let service = service_fn(move |request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(limits::WEBHOOK_HEAD)
        .max_buf_size(limits::WEBHOOK_HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            match timeout(limits::WEBHOOK_STOP, connection).await {
                Ok(ended) => ended,
                Err(_) => return,
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended");
    }
}

/// How many connections there may be: the peer needs files for other things, too.
fn connections() -> usize {
    #[cfg(unix)]
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    #[cfg(not(unix))]
    let files = None;
    let quarter = files.and_then(|files| usize::try_from(files / 4).ok()).unwrap_or(usize::MAX);
    limits::WEBHOOK_CONNECTIONS.min(quarter).max(16)
}
