//! One WebSocket to OrgX, as a task: it opens, reads and writes, and tells what happened. It decides nothing.
//!
//! The upgrade is an ordinary HTTP request of our own client, so that proxies, TLS and refusals (status,
//! `Retry-After`) work as in every other call. PROTOCOL: contract A1: two subprotocols are offered, `orgx.v1` (or `orgx.v3`) and
//! the key; a server that selects neither or another one is refused, as the reference client does.

use crate::limits;
use futures_util::{SinkExt, StreamExt};
use orgx_proto::delivery::Out;
use orgx_proto::redact::Redacted;
use reqwest::{Client, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message, error::CapacityError, handshake};
use url::Url;

/// What happened to a socket.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    Opened,
    Refused {
        status: u16,
        retry_after: Option<Duration>,
    },
    /// A web page came, or the way to one.
    WebPage,
    Failed(Redacted),
    /// OrgX selected no protocol, or one that was not offered.
    NotOurProtocol(Redacted),
    Text(String),
    /// A pong with the counter of our ping, if it is one of ours.
    Pong(Option<u64>),
    /// Something else was heard.
    Heard,
    Closed {
        code: u16,
        reason: Redacted,
    },
}

/// What is needed to knock.
#[derive(Clone, Debug)]
pub(crate) struct Door {
    pub(crate) client: Client,
    pub(crate) url: Url,
    pub(crate) protocol: String,
    pub(crate) bearer: SecretString,
}

/// A socket that is opening, open or closed. Dropping it ends it without ceremony.
#[derive(Debug)]
pub(crate) struct Socket {
    out: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

enum Command {
    Send(Out),
    Close,
}

impl Drop for Socket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Socket {
    /// Opens a socket whose events go to `events`, each with `tag`, so that a stale one's can be told.
    pub(crate) fn open(door: Door, tag: u64, events: mpsc::Sender<(u64, SocketEvent)>) -> Self {
        let (out, commands) = mpsc::channel(limits::SOCKET_QUEUE);
        let task = tokio::spawn(async move {
            let end = match upgrade(&door).await {
                Ok(stream) => {
                    if events.send((tag, SocketEvent::Opened)).await.is_err() {
                        return;
                    }
                    converse(stream, commands, tag, &events).await
                }
                Err(refusal) => refusal,
            };
            let _gone = events.send((tag, end)).await;
        });
        Self { out, task }
    }

    /// Has it room for one more?
    pub(crate) fn has_room(&self) -> bool {
        self.out.capacity() > 0
    }

    /// Resolves once it has room, or is gone.
    pub(crate) async fn ready(&self) {
        if self.out.reserve().await.is_err() {
            // What ended it is on its way as an event.
            std::future::pending::<()>().await;
        }
    }

    /// Gives it one; `false` when it has no room or is gone.
    pub(crate) fn send(&self, out: Out) -> bool {
        self.out.try_send(Command::Send(out)).is_ok()
    }

    /// Closes with 1000, and waits a little for the answer.
    pub(crate) async fn close(mut self) {
        let closing = async {
            if self.out.send(Command::Close).await.is_ok() {
                let _done = (&mut self.task).await;
            }
        };
        let _late = timeout(limits::CLOSE_WITHIN, closing).await;
    }
}

async fn upgrade(door: &Door) -> Result<WebSocketStream<reqwest::Upgraded>, SocketEvent> {
    let key = handshake::client::generate_key();
    let offer = format!("{}, {}", door.protocol, door.bearer.expose_secret());
    let mut offer = header::HeaderValue::from_str(&offer)
        .map_err(|_| failed("the key has characters that a header cannot carry"))?;
    offer.set_sensitive(true);
    let request = door
        .client
        .get(door.url.clone())
        .header(header::CONNECTION, "Upgrade")
        .header(header::UPGRADE, "websocket")
        .header(header::SEC_WEBSOCKET_VERSION, "13")
        .header(header::SEC_WEBSOCKET_KEY, &key)
        .header(header::SEC_WEBSOCKET_PROTOCOL, offer);
    let response = request.send().await.map_err(|error| SocketEvent::Failed(crate::http::words(&error)))?;
    if crate::http::is_web_page(&response) {
        return Err(SocketEvent::WebPage);
    }
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(SocketEvent::Refused {
            status: response.status().as_u16(),
            retry_after: crate::http::retry_after(&response),
        });
    }
    let text = |name| response.headers().get(name).and_then(|value| value.to_str().ok());
    if text(header::SEC_WEBSOCKET_ACCEPT) != Some(handshake::derive_accept_key(key.as_bytes()).as_str()) {
        return Err(failed(
            "the answer to the WebSocket handshake is wrong; is something between us and OrgX?",
        ));
    }
    match text(header::SEC_WEBSOCKET_PROTOCOL) {
        Some(selected) if selected == door.protocol => {}
        Some(_) => return Err(not_ours("OrgX selected a protocol that was not offered")),
        None => return Err(not_ours("OrgX selected no protocol; is this an OrgX gateway?")),
    }
    let stream = response.upgrade().await.map_err(|error| SocketEvent::Failed(crate::http::words(&error)))?;
    let config = WebSocketConfig::default()
        .max_frame_size(Some(limits::WS_FRAME_BYTES))
        .max_message_size(Some(limits::WS_MESSAGE_BYTES))
        .max_write_buffer_size(limits::WS_WRITE_BYTES);
    Ok(WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await)
}

fn failed(why: &str) -> SocketEvent {
    SocketEvent::Failed(Redacted::new(why))
}

fn not_ours(why: &str) -> SocketEvent {
    SocketEvent::NotOurProtocol(Redacted::new(why))
}

/// Reads and writes at the same time, so that neither side can block the other, until the connection ends.
async fn converse(
    stream: WebSocketStream<reqwest::Upgraded>,
    mut commands: mpsc::Receiver<Command>,
    tag: u64,
    events: &mpsc::Sender<(u64, SocketEvent)>,
) -> SocketEvent {
    let (mut sink, mut source) = stream.split();
    let write = async {
        while let Some(command) = commands.recv().await {
            let message = match command {
                Command::Send(Out::Text(text)) => Message::text(&*text),
                Command::Send(Out::Ping(counter)) => Message::Ping(counter.to_string().into_bytes().into()),
                Command::Close => Message::Close(Some(CloseFrame {
                    code: CloseCode::Normal,
                    reason: "client closing".into(),
                })),
            };
            sink.send(message).await?;
        }
        std::future::pending().await
    };
    let mut close = None;
    let read = async {
        while let Some(message) = source.next().await {
            let event = match message? {
                Message::Text(text) => SocketEvent::Text(text.to_string()),
                // PROTOCOL: contract A4.1, a binary frame is read as UTF-8.
                Message::Binary(bytes) => SocketEvent::Text(String::from_utf8_lossy(&bytes).into_owned()),
                Message::Pong(payload) => {
                    SocketEvent::Pong(std::str::from_utf8(&payload).ok().and_then(|text| text.parse().ok()))
                }
                Message::Close(frame) => {
                    close = Some(frame);
                    continue;
                }
                Message::Ping(_) | Message::Frame(_) => SocketEvent::Heard,
            };
            if events.send((tag, event)).await.is_err() {
                break;
            }
        }
        Ok(())
    };
    let end: Result<(), Error> = {
        let mut read = std::pin::pin!(read);
        tokio::select! {
            end = &mut read => end,
            error = write => {
                // What could not be written may have been refused by a close frame that is still to be read.
                match timeout(limits::LAST_WORD_WITHIN, read).await {
                    Ok(end) => end.and(error),
                    Err(_) => error,
                }
            }
        }
    };
    if let Some(frame) = close {
        // PROTOCOL: RFC 6455, 1005 stands for a close frame without a code.
        let (code, reason) = frame.map_or((1005, Redacted::default()), |frame| {
            (frame.code.into(), Redacted::cut(&frame.reason, 120))
        });
        return SocketEvent::Closed { code, reason };
    }
    match end {
        Ok(()) => closed("the connection ended without a word"),
        Err(Error::Capacity(CapacityError::MessageTooLong { max_size, .. })) => {
            closed(if max_size == limits::WS_FRAME_BYTES {
                "OrgX sent a frame of more than 1 MiB, which this peer does not take"
            } else {
                "OrgX sent a message of more than 4 MiB, which this peer does not take"
            })
        }
        Err(error) => closed(&error.to_string()),
    }
}

/// 1006: there was no close frame. PROTOCOL: RFC 6455, 7.4.1.
fn closed(why: &str) -> SocketEvent {
    SocketEvent::Closed { code: 1006, reason: Redacted::cut(why, 120) }
}
