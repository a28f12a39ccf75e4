//! The stories of a task on the real Claude Code: the real `orgx-peer run` between the sandbox's OrgX and a real `claude`
//! on a scripted model.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

mod ends;
mod goes_on;
mod work;
