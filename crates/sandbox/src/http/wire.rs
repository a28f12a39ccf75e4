//! A TCP stream on a leash: it can be stalled, let go on, cut, or reset from outside.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker, ready},
    time::Duration,
};

use socket2::SockRef;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_util::sync::CancellationToken;

/// The hold on one connection, shared by whoever serves it and whoever disturbs it.
#[derive(Debug, Clone)]
pub(crate) struct Hold {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    cut: CancellationToken,
    reset: AtomicBool,
    stall: Mutex<Stall>,
}

#[derive(Debug, Default)]
struct Stall {
    on: bool,
    wakers: Vec<Waker>,
}

impl Hold {
    /// A hold that is also cut when `parent` is.
    pub(crate) fn new(parent: &CancellationToken) -> Self {
        let inner =
            Inner { cut: parent.child_token(), reset: AtomicBool::new(false), stall: Mutex::default() };
        Self { inner: Arc::new(inner) }
    }

    /// Ends the connection.
    pub(crate) fn cut(&self) {
        self.inner.cut.cancel();
    }

    /// Ends the connection with an RST instead of a FIN.
    pub(crate) fn reset(&self) {
        self.inner.reset.store(true, Ordering::Release);
        self.cut();
    }

    /// Whether the connection is to end.
    pub(crate) fn is_cut(&self) -> bool {
        self.inner.cut.is_cancelled()
    }

    /// Returns once the connection is to end.
    pub(crate) async fn ended(&self) {
        self.inner.cut.cancelled().await;
    }

    /// Stops all reading and writing; the connection stays open.
    pub(crate) fn stall(&self) {
        self.lock().on = true;
    }

    /// Ends a stall.
    pub(crate) fn resume(&self) {
        let mut stall = self.lock();
        stall.on = false;
        for waker in stall.wakers.drain(..) {
            waker.wake();
        }
    }

    /// Returns at once, or when the stall ends.
    pub(crate) async fn flowing(&self) {
        std::future::poll_fn(|cx| self.poll_flowing(cx)).await;
    }

    fn poll_flowing(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut stall = self.lock();
        if !stall.on {
            return Poll::Ready(());
        }
        if !stall.wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            stall.wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Stall> {
        self.inner.stall.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream itself.
#[derive(Debug)]
pub(crate) struct Wire {
    tcp: TcpStream,
    hold: Hold,
}

impl Wire {
    pub(crate) fn new(tcp: TcpStream, hold: Hold) -> Self {
        // Frames are small and their timing is what is tested.
        let _ = tcp.set_nodelay(true);
        Self { tcp, hold }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.hold.inner.reset.load(Ordering::Acquire) {
            // Closing with a linger of zero is what makes the kernel send RST.
            let _ = SockRef::from(&self.tcp).set_linger(Some(Duration::ZERO));
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.hold.poll_flowing(cx));
        Pin::new(&mut self.tcp).poll_read(cx, buf)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.hold.poll_flowing(cx));
        Pin::new(&mut self.tcp).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }
}
