//! The way to OrgX: one WebSocket, and the HTTP calls beside it.

mod api;
mod attention;
mod socket;

pub use api::License;
pub(crate) use api::{Api, Presence, host_platform};
pub(crate) use socket::{Door, Socket, SocketEvent};
