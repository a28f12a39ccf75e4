//! The stories of a task on the real OpenCode: the real `orgx-peer run` between the sandbox's OrgX and a real
//! `opencode serve` on a scripted model.
#![cfg(target_os = "linux")]
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "these are tests; their helpers are, too")]

mod asks;
mod awake;
mod budget;
mod cli_dialect;
mod crash;
mod edit;
mod feed;
mod follow_up;
mod git;
mod managed;
mod once;
mod opening;
mod orphans;
mod remote;
mod rules;
mod sessions;
mod stops;
mod together;
mod trouble;
mod undo;
mod ways_in;
