//! What clients sent over their sockets.

use std::time::Instant;

use serde_json::Value;

use crate::{record::Line, wait::brief};

/// One text frame of a client.
#[derive(Debug, Clone)]
pub struct Received {
    /// The connection it came on; the first is 1.
    pub connection: usize,
    /// Its place among everything the sandbox recorded in this process.
    pub seq: u64,
    /// When it was recorded.
    pub at: Instant,
    /// The frame, or the text itself when it is not JSON.
    pub value: Value,
    /// The text as it came: order and absence are part of the wire.
    pub text: String,
}

impl Received {
    /// The frame's `kind`, or nothing.
    pub fn kind(&self) -> &str {
        self.value["kind"].as_str().unwrap_or_default()
    }

    /// The frame's `run_id`, or nothing.
    pub fn run_id(&self) -> &str {
        self.value["run_id"].as_str().unwrap_or_default()
    }

    /// Whether it ends that run.
    pub fn is_terminal_of(&self, run_id: &str) -> bool {
        self.run_id() == run_id && matches!(self.kind(), "task.completed" | "task.failed")
    }
}

impl Line for Received {
    fn line(&self) -> String {
        brief(&format!("#{} c{} {}", self.seq, self.connection, self.value))
    }
}

/// One ping or pong of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Beat {
    /// The connection it came on.
    pub connection: usize,
    /// Its place among everything the sandbox recorded in this process.
    pub seq: u64,
    /// When it was recorded.
    pub at: Instant,
    /// The payload.
    pub payload: Vec<u8>,
}

impl Line for Beat {
    fn line(&self) -> String {
        format!("#{} c{} {:?}", self.seq, self.connection, self.payload)
    }
}

/// How a connection ended, as the server saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloseInfo {
    /// Which connection.
    pub connection: usize,
    /// Its place among everything the sandbox recorded in this process.
    pub seq: u64,
    /// The code the client sent: 1005 for a close frame without one, 1006 when there was no close frame.
    pub code: u16,
    /// The reason the client sent, or what broke.
    pub reason: String,
}

impl Line for CloseInfo {
    fn line(&self) -> String {
        format!("#{} c{} closed {} {:?}", self.seq, self.connection, self.code, self.reason)
    }
}

/// A connection that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Opened {
    /// Which connection.
    pub connection: usize,
    /// Its place among everything the sandbox recorded in this process.
    pub seq: u64,
    /// When it was open.
    pub at: Instant,
}

impl Line for Opened {
    fn line(&self) -> String {
        format!("#{} c{} open", self.seq, self.connection)
    }
}

/// Something a strict server would not have taken.
#[derive(Debug, Clone)]
pub(super) struct Violation(pub(super) String);

impl Line for Violation {
    fn line(&self) -> String {
        self.0.clone()
    }
}
