//! The HTTP/1.1 server under the gateway, the daemon and the model.
//!
//! It answers requests with a function, keeps a hold on every TCP connection (to stall it or to reset it), and is
//! gone, listener and all, when it is stopped or dropped.

mod feed;
mod reply;
mod request;
mod server;
mod wire;

pub(crate) use feed::{Feed, Gone, stream};
pub(crate) use reply::{
    Reply, code, cut_short, empty, header, html, json, never, no_such_path, page, parse_status, text,
};
pub use request::Request;
pub(crate) use request::{keep, read};
pub(crate) use server::Server;
pub(crate) use wire::Hold;
