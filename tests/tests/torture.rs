//! The peer is killed with -9 at any moment, and no promise is broken. The long form is `cargo xtask torture`.
#![cfg(target_os = "linux")]

use orgx_tests::torture::{Setting, round, seed_or};
use orgx_tests::{story, story_without_opencode};

async fn survives(setting: Setting, seed: u64, kills: usize) {
    let report = round(setting, seed_or(seed), kills).await;
    assert!(report.violations.is_empty(), "{report}");
    assert_eq!(report.total().kills, kills);
}

#[test]
fn fifteen_kills_between_orgx_and_the_daemon_break_no_promise() {
    story_without_opencode(survives(Setting::Daemon, 1, 15));
}

#[test]
fn ten_kills_between_orgx_and_a_real_opencode_break_no_promise() {
    story(survives(Setting::OpenCode, 2, 10));
}
