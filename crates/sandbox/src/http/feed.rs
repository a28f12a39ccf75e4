//! A body that is written while it is read.
//!
//! Each piece is one HTTP chunk, and the writer waits for the reader: a slow client is felt here as it would be by a
//! real server. What was written before a cut or a reset has been handed to the kernel when it happens.

use std::io;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::sync::mpsc;

use super::{reply::Body, wire::Hold};

/// The writing end.
#[derive(Debug)]
pub(crate) struct Feed {
    pieces: mpsc::Sender<Piece>,
}

#[derive(Debug)]
enum Piece {
    Data(Bytes),
    Cut,
    Reset,
}

/// The client is no longer there.
#[derive(Debug)]
pub(crate) struct Gone;

/// A body and the end that writes it.
pub(crate) fn stream(hold: Hold) -> (Feed, Body) {
    let (pieces, reader) = mpsc::channel(1);
    let frames = stream::unfold((reader, hold), |(mut reader, hold)| async move {
        let frame = match reader.recv().await? {
            Piece::Data(bytes) => Ok(Frame::data(bytes)),
            Piece::Cut => {
                // hyper flushes what it holds when a body is not ready.
                tokio::task::yield_now().await;
                Err(io::Error::from(io::ErrorKind::ConnectionAborted))
            }
            Piece::Reset => {
                tokio::task::yield_now().await;
                hold.reset();
                std::future::pending().await
            }
        };
        Some((frame, (reader, hold)))
    });
    (Feed { pieces }, StreamBody::new(frames).boxed_unsync())
}

impl Feed {
    /// Sends one chunk.
    pub(crate) async fn send(&self, bytes: impl Into<Bytes>) -> Result<(), Gone> {
        self.pieces.send(Piece::Data(bytes.into())).await.map_err(|_| Gone)
    }

    /// Breaks the connection in the middle of the body.
    pub(crate) async fn cut(&self) {
        let _ = self.pieces.send(Piece::Cut).await;
        self.gone().await;
    }

    /// Breaks the connection with an RST.
    pub(crate) async fn reset(&self) {
        let _ = self.pieces.send(Piece::Reset).await;
        self.gone().await;
    }

    /// Returns once the client is no longer there.
    pub(crate) async fn gone(&self) {
        self.pieces.closed().await;
    }
}
