//! What the window shows.

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod bindings;
pub mod model;
