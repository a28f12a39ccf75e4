//! A loopback OrgX, the seed's OpenCode daemon and a scripted model.
//!
//! `orgx-peer demo` and the tests talk to these instead of to the real services. Nothing here shares code with the
//! peer: frames are plain JSON values, so a mistake in the peer's own types cannot hide behind the same mistake here.
//!
//! What every part promises:
//! - it listens on 127.0.0.1 only, and dropping it ends its listener, its connections and its tasks;
//! - everything that arrives is recorded, and whoever waits is woken by the arrival, never by a clock;
//! - every record carries a number from one process-wide sequence, so that what reached the gateway can be put in
//!   order with what reached the daemon or the model.

pub mod daemon;
pub mod gateway;
pub mod model;
pub mod opencode;
pub mod scene;

mod gates;
mod http;
mod record;
mod wait;

pub use http::Request;
pub use wait::{Timeout, WAIT};
