//! The tray.

pub mod icon;
