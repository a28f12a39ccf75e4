//! Stories about the window's pages, told in headless Chromium: how they look, what they say, what they send.
//!
//! The shell behind them is `fake.js`; the real one is met in the desktop stories.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

mod asks;
mod commands;
mod keyboard;
mod layout;
mod picture;
mod safety;
mod server;
mod sessions;
mod shots;
mod states;
mod window;
mod words;
