//! One accepted connection, from open to closed.

use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use serde_json::Value;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::mpsc::UnboundedReceiver,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        self, Message,
        protocol::{
            CloseFrame, Role,
            frame::{
                Frame,
                coding::{CloseCode, Data, OpCode},
            },
        },
    },
};

use super::{
    attention,
    faults::ConnectionFault,
    mute::{Mute, Pongs},
    received::{Beat, CloseInfo, Received},
    state::{Outgoing, State},
};
use crate::http::Hold;

/// PROTOCOL (RFC 6455): reported when a close frame carried no code.
const NO_CODE: u16 = 1005;
/// PROTOCOL (RFC 6455): reported when there was no close frame at all.
const NO_CLOSE: u16 = 1006;

/// Serves the connection until it ends, and records how it did.
pub(super) async fn run<S>(state: &State, stream: S, hold: &Hold, first: Option<(u16, &str)>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let fault = match first {
        Some((code, reason)) => ConnectionFault::CloseOnOpen { code, reason: reason.to_owned() },
        None => state.faults.next_connection(),
    };
    let pongs = if fault == ConnectionFault::NoPongs { Pongs::Swallowed } else { Pongs::Sent };
    let socket = WebSocketStream::from_raw_socket(Mute::new(stream, pongs), Role::Server, None).await;
    let (connection, outgoing) = state.open(hold);
    let mut session = Session { state, hold, connection, fault, texts: 0, close: None };
    let broken = tokio::select! {
        broken = session.serve(socket, outgoing) => broken,
        () = hold.ended() => Some("ended by the gateway".to_owned()),
    };
    state.closing(connection);
    let (code, reason) = session.close.take().unwrap_or((NO_CLOSE, broken.unwrap_or_default()));
    state.closed.push(|seq| CloseInfo { connection, seq, code, reason });
}

struct Session<'a> {
    state: &'a State,
    hold: &'a Hold,
    connection: usize,
    fault: ConnectionFault,
    /// Text frames read so far.
    texts: usize,
    /// What the client's close frame said.
    close: Option<(u16, String)>,
}

impl Session<'_> {
    /// Returns what broke the connection, or nothing when it was closed in order.
    async fn serve<S>(
        &mut self,
        mut socket: WebSocketStream<S>,
        mut outgoing: UnboundedReceiver<Outgoing>,
    ) -> Option<String>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let first = match &self.fault {
            ConnectionFault::CloseOnOpen { code, reason } => Some((*code, reason.clone())),
            _ => self.due(),
        };
        if let Some((code, reason)) = first
            && let Err(error) = self.close(&mut socket, code, &reason).await
        {
            return Some(error.to_string());
        }
        loop {
            // A frame that was read from the wire before a stall must wait in the buffer.
            self.hold.flowing().await;
            if self.hold.is_cut() {
                return Some("ended by the gateway".to_owned());
            }
            let result = tokio::select! {
                Some(message) = outgoing.recv() => self.write(&mut socket, message).await,
                message = socket.next() => match message {
                    Some(Ok(message)) => self.take(&mut socket, message).await,
                    Some(Err(error)) => Err(error),
                    None => return None,
                },
            };
            match result {
                Ok(()) => {}
                Err(tungstenite::Error::ConnectionClosed | tungstenite::Error::AlreadyClosed) => return None,
                Err(error) => {
                    if matches!(error, tungstenite::Error::Protocol(_) | tungstenite::Error::Utf8(_)) {
                        self.state.violation(format!("socket: {error}"));
                    }
                    return Some(error.to_string());
                }
            }
        }
    }

    async fn write<S>(
        &mut self,
        socket: &mut WebSocketStream<S>,
        message: Outgoing,
    ) -> Result<(), tungstenite::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        match message {
            Outgoing::Text(text) => socket.send(Message::text(text)).await,
            Outgoing::Binary(bytes) => socket.send(Message::binary(bytes)).await,
            Outgoing::Fragments(parts) => {
                let last = parts.len().saturating_sub(1);
                for (n, part) in parts.into_iter().enumerate() {
                    let kind = if n == 0 { Data::Text } else { Data::Continue };
                    let frame = Frame::message(part.into_bytes(), OpCode::Data(kind), n == last);
                    socket.send(Message::Frame(frame)).await?;
                }
                Ok(())
            }
            Outgoing::Ping(payload) => socket.send(Message::Ping(payload.into())).await,
            Outgoing::Close(code, reason) => self.close(socket, code, &reason).await,
        }
    }

    async fn close<S>(
        &mut self,
        socket: &mut WebSocketStream<S>,
        code: u16,
        reason: &str,
    ) -> Result<(), tungstenite::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        self.state.closing(self.connection);
        socket.close(Some(CloseFrame { code: CloseCode::from(code), reason: reason.into() })).await
    }

    async fn take<S>(
        &mut self,
        socket: &mut WebSocketStream<S>,
        message: Message,
    ) -> Result<(), tungstenite::Error>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let (connection, at) = (self.connection, Instant::now());
        match message {
            Message::Text(text) => {
                if let ConnectionFault::DelayEach { millis } = self.fault {
                    tokio::time::sleep(Duration::from_millis(millis)).await;
                }
                let value =
                    serde_json::from_str(&text).unwrap_or_else(|_| Value::String(text.as_str().to_owned()));
                // Counted first: whoever sees the frame may rely on the fault being done.
                self.texts += 1;
                if let Err(problem) = attention::check_frame(&value) {
                    self.state.violation(format!("socket: {problem}"));
                }
                let due = self.due();
                let at = Instant::now();
                self.state.frames.push(|seq| Received { connection, seq, at, value, text: text.to_string() });
                if let Some((code, reason)) = due {
                    self.close(socket, code, &reason).await?;
                }
            }
            Message::Ping(payload) => {
                self.state.pings.push(|seq| Beat { connection, seq, at, payload: payload.to_vec() });
            }
            Message::Pong(payload) => {
                self.state.pongs.push(|seq| Beat { connection, seq, at, payload: payload.to_vec() });
            }
            Message::Close(frame) => {
                self.state.closing(connection);
                self.close = Some(match frame {
                    Some(frame) => (frame.code.into(), frame.reason.as_str().to_owned()),
                    None => (NO_CODE, String::new()),
                });
            }
            Message::Binary(bytes) => {
                self.state.violation(format!("socket: binary frame of {} bytes", bytes.len()));
            }
            Message::Frame(_) => {}
        }
        Ok(())
    }

    /// Does what the fault does after that many texts; returns the close that is left to send.
    fn due(&self) -> Option<(u16, String)> {
        match &self.fault {
            ConnectionFault::CloseAfter { frames, code, reason } if *frames == self.texts => {
                self.state.closing(self.connection);
                Some((*code, reason.clone()))
            }
            ConnectionFault::ResetAfter { frames } if *frames == self.texts => {
                self.state.closing(self.connection);
                self.hold.reset();
                None
            }
            ConnectionFault::StallAfter { frames } if *frames == self.texts => {
                self.hold.stall();
                None
            }
            _ => None,
        }
    }
}
