//! The example of the library does what it says.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

#[path = "../examples/library.rs"]
mod library;

#[tokio::test]
async fn the_library_example_runs() {
    library::run().await.expect("it runs");
}
