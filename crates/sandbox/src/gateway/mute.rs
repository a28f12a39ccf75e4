//! A stream that takes pongs out of what a WebSocket server writes.
//!
//! tungstenite answers every ping by itself; a server that does not answer is made here. What it writes comes as
//! whole, unmasked frames, and the frames that are no pongs pass through unchanged.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// First byte of an unfragmented pong.
const PONG: u8 = 0x8a;

/// Whether pongs pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pongs {
    Sent,
    Swallowed,
}

/// The stream.
#[derive(Debug)]
pub(super) struct Mute<S> {
    stream: S,
    pongs: Pongs,
    /// Written by the server, not yet sorted: at most one unfinished frame.
    sorting: BytesMut,
    /// Sorted, not yet written.
    leaving: BytesMut,
}

impl<S> Mute<S> {
    pub(super) fn new(stream: S, pongs: Pongs) -> Self {
        Self { stream, pongs, sorting: BytesMut::new(), leaving: BytesMut::new() }
    }

    fn sort(&mut self) {
        while let Some(length) = frame_length(&self.sorting).filter(|length| *length <= self.sorting.len()) {
            let frame = self.sorting.split_to(length);
            if frame[0] != PONG {
                self.leaving.extend_from_slice(&frame);
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> Mute<S> {
    fn poll_leave(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.leaving.is_empty() {
            let written = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.leaving))?;
            if written == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.leaving.advance(written);
        }
        Poll::Ready(Ok(()))
    }
}

/// The whole length of the frame that begins here, once its header is there.
fn frame_length(bytes: &[u8]) -> Option<usize> {
    let payload = match bytes.get(1)? & 0x7f {
        126 => 4 + usize::from(u16::from_be_bytes(bytes.get(2..4)?.try_into().ok()?)),
        127 => 10 + usize::try_from(u64::from_be_bytes(bytes.get(2..10)?.try_into().ok()?)).ok()?,
        short => 2 + usize::from(short),
    };
    Some(payload)
}

impl<S: AsyncRead + Unpin> AsyncRead for Mute<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Mute<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.pongs == Pongs::Sent {
            return Pin::new(&mut self.stream).poll_write(cx, buf);
        }
        ready!(self.poll_leave(cx))?;
        self.sorting.extend_from_slice(buf);
        self.sort();
        Poll::Ready(Ok(buf.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_leave(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_leave(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
