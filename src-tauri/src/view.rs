//! What the window shows.

pub mod model;
