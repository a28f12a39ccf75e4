//! The programs under test, and the runtime in which their stories are told.

use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};

/// Longer than any story; a hang becomes a failure.
const STORY: Duration = Duration::from_secs(240);

/// One for all stories: what they share must not die with the story that made it.
static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime"));

/// Tells a story, if there is a real OpenCode to tell it with.
pub fn story(tell: impl Future<Output = ()>) {
    if opencode().is_none() {
        skip("it needs the real OpenCode; set ORGX_OPENCODE_BIN to its program");
        return;
    }
    story_without_opencode(tell);
}

/// Tells a story that needs no OpenCode.
pub fn story_without_opencode(tell: impl Future<Output = ()>) {
    RUNTIME.block_on(async {
        tokio::time::timeout(STORY, tell).await.expect("the story did not end within 240 s");
    });
}

/// Runs something that lasts as long as it must.
pub fn run<T>(work: impl Future<Output = T>) -> T {
    RUNTIME.block_on(work)
}

/// Says that the story at hand is not told; fails where all must be.
pub fn skip(why: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a story");
    let required = std::env::var_os("ORGX_REQUIRE_OPENCODE").is_some_and(|value| value == "1");
    assert!(!required, "{name} cannot be told: {why}");
    say_skipped(why);
}

/// The same for a story that needs what not every computer allows; it never fails.
pub fn say_skipped(why: &str) {
    let thread = std::thread::current();
    let name = thread.name().unwrap_or("a story");
    // Past the test runner's capture: a skipped story must be seen.
    let _unseen = writeln!(std::io::stderr(), "SKIPPED: {name}: {why}");
}

/// The real OpenCode's program.
pub fn opencode() -> Option<PathBuf> {
    let named = PathBuf::from(std::env::var_os("ORGX_OPENCODE_BIN").filter(|name| !name.is_empty())?);
    assert!(named.is_file(), "ORGX_OPENCODE_BIN is {}, where there is no program", named.display());
    named.canonicalize().ok()
}

/// The `orgx-peer` program.
pub fn peer() -> PathBuf {
    let named = std::env::var_os("ORGX_PEER_BIN").map(PathBuf::from);
    let beside = || Some(std::env::current_exe().ok()?.parent()?.parent()?.join("orgx-peer"));
    let program = named.or_else(beside).expect("a place to look for orgx-peer");
    assert!(
        program.is_file(),
        "there is no orgx-peer at {}: run `cargo build -p orgx-peer-cli`, or set ORGX_PEER_BIN",
        program.display()
    );
    program
}

/// The `orgx-tray` program, if it was built.
pub fn tray() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("ORGX_TRAY_BIN").filter(|name| !name.is_empty()).map(PathBuf::from)
    {
        assert!(named.is_file(), "ORGX_TRAY_BIN is {}, where there is no program", named.display());
        return named.canonicalize().ok();
    }
    let beside = std::env::current_exe().ok()?.parent()?.parent()?.join("orgx-tray");
    beside.is_file().then_some(beside)
}
