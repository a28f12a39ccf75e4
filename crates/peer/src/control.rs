//! The control socket: how another program on this computer sees a running peer, and tells it what to do.
//!
//! Promises: one socket per workspace, for this user only; it is removed when the peer stops, and one that a dead
//! peer left is replaced; a peer whose socket cannot be made runs without one, and says so. What is kept for a client
//! is bounded: a line of [`limits::CONTROL_LINE_BYTES`], a few commands at once, and no queue; one that does not read
//! is let go. The words on the wire are in `docs/control.md`.
//!
//! [`limits::CONTROL_LINE_BYTES`]: crate::limits::CONTROL_LINE_BYTES

mod client;
mod lines;
mod protocol;
mod server;
#[cfg(test)]
mod tests;
#[cfg_attr(unix, path = "control/unix.rs")]
#[cfg_attr(not(unix), path = "control/windows.rs")]
mod transport;

pub use client::{AttachError, Running};
pub use protocol::{Ask, Asked, Hello, NotUnderstood, PROTOCOL, request};

pub(crate) use client::{Attached, attach, running};
pub(crate) use server::{Control, Host};
pub(crate) use transport::Listener;
