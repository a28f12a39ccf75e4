//! The harness of the whole-product tests: the real `orgx-peer` program, the real OpenCode, and the sandbox's OrgX and
//! model around them.
//!
//! What it promises:
//! - a story meets nobody else's: it has an OrgX, a model, folders and a peer of its own. Only the `opencode serve`
//!   is shared by the stories of one test program, because starting one takes seconds and 320 MB;
//! - nothing outlives the test program, however it ends;
//! - nothing of the person who runs the tests is read or written: each program gets a scratch home and an environment
//!   made from nothing.
//!
//! Where the programs are: `ORGX_PEER_BIN` (else `orgx-peer` beside the tests), `ORGX_OPENCODE_BIN` and `ORGX_CLAUDE_BIN`.
//! Without an agent a story says loudly that it is skipped and passes; with `ORGX_REQUIRE_OPENCODE=1` or
//! `ORGX_REQUIRE_CLAUDE=1` it fails.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::panic, reason = "a harness fails by panicking, in words")]

pub mod chromium;
pub mod claude;
pub mod desktop;
pub mod disk;
pub mod golden;
pub mod journal;
pub mod keychain;
pub mod opencode;
pub mod peer;
pub mod person;
pub mod process;
pub mod programs;
pub mod proxy;
pub mod stage;
pub mod torture;
pub mod webdriver;

pub use person::Person;
pub use programs::{story, story_without_opencode};
pub use stage::{Stage, task};

use std::time::Duration;

/// How long anything may take on a busy computer.
pub const WAIT: Duration = Duration::from_secs(90);
