//! The stories of the desktop app: the real `orgx-tray` on a screen, a session bus and in a home of its own.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

mod harness;
