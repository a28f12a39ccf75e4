//! What a panic says stays inside: it may quote a person's text. A hook belongs to the whole program, so that these
//! tests have a program of their own.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::span;

const SECRET: &str = "what a person wrote";

/// Panics as a program would: with text that came from outside.
fn panic_with_a_secret() {
    orgx_peer::log_panics();
    let panicked = std::panic::catch_unwind(|| {
        let read: Result<u32, _> = SECRET.parse();
        assert_eq!(read, Ok(1), "{SECRET}");
    });
    assert!(panicked.is_err());
}

/// Keeps what is logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let mut log = self.0.lock().expect("a log");
        log.extend([field.name(), "=", &format!("{value:?}"), " "]);
    }
}

impl tracing::Subscriber for Log {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

#[test]
fn a_panic_is_logged_with_its_place_and_without_its_message() {
    // In the child of the other test nothing is to be logged.
    if std::env::var_os("PANICS_CHILD").is_some() {
        return;
    }
    let log = Log::default();
    tracing::subscriber::set_global_default(log.clone()).expect("the only one");
    panic_with_a_secret();
    let told = log.0.lock().expect("a log").clone();
    assert!(told.contains("panics.rs:") && told.contains("please report it"), "{told}");
    assert!(!told.contains(SECRET), "{told}");
}

#[test]
fn a_program_that_logs_nothing_says_it_on_its_error_output() {
    if std::env::var_os("PANICS_CHILD").is_some() {
        return panic_with_a_secret();
    }
    let program = std::env::current_exe().expect("this program");
    let child = std::process::Command::new(program)
        .args(["--exact", "a_program_that_logs_nothing_says_it_on_its_error_output", "--nocapture"])
        .env("PANICS_CHILD", "1")
        .output()
        .expect("a child");
    let told = String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && told.contains("orgx-peer: ") && told.contains("panics.rs:"), "{told}");
    assert!(!told.contains(SECRET) && !String::from_utf8_lossy(&child.stdout).contains(SECRET), "{told}");
}
