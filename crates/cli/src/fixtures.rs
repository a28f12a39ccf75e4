//! Values to render, for the tests of what is shown.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

use crate::show::when::Now;
use jiff::tz::TimeZone;
use orgx_peer::{
    OutboxView, PeerSnapshot, ReceiptState, ReceiptView, RecentRun, RunRecord, RunState, RunView,
};
use orgx_proto::connection::State;
use orgx_proto::health::{Facts, health};

/// Friday, 2026-11-20, 10:00 on the wall.
pub(crate) fn now() -> Now {
    Now { ms: 1_795_168_800_000, zone: TimeZone::UTC }
}

/// So many seconds before.
pub(crate) fn ago(seconds: i64) -> i64 {
    now().ms - seconds * 1_000
}

pub(crate) fn live(run_id: &str, state: RunState) -> RunView {
    RunView {
        local: false,
        run_id: run_id.to_owned(),
        state,
        folder: Some("/home/me/code/shop".to_owned()),
        session: None,
        steps: 12,
        deviations: 0,
        arrived_at: ago(252),
        ..RunView::default()
    }
}

pub(crate) fn snapshot(runs: Vec<RunView>) -> PeerSnapshot {
    let outbox = OutboxView {
        path: "/home/me/.config/useorgx/wizard/hooks/events.jsonl".to_owned(),
        written: 3_421,
        ..OutboxView::default()
    };
    let running = runs.iter().filter(|run| !run.waits()).count();
    let facts =
        Facts { connection: Some(State::Open), running, waiting: runs.len() - running, ..Facts::default() };
    PeerSnapshot {
        health: health(&facts),
        connected: true,
        connection: "Connected to useorgx.com".to_owned(),
        runs,
        outbox: Some(outbox),
        ..PeerSnapshot::default()
    }
}

pub(crate) fn recent(run_id: &str, reason: Option<&str>) -> RecentRun {
    RecentRun {
        local: false,
        run_id: run_id.to_owned(),
        completed: reason.is_none(),
        tokens_used: reason.is_none().then_some(18_412),
        reason: reason.map(ToOwned::to_owned),
        steps: 31,
        deviations: 1,
        receipt: reason.is_none().then_some(ReceiptState::Delivered),
        ..RecentRun::default()
    }
}

pub(crate) fn record(run_id: &str, state: RunState) -> RunRecord {
    let completed = state == RunState::Completed;
    RunRecord {
        run_id: run_id.to_owned(),
        state,
        driver: Some("opencode".to_owned()),
        folder: Some("/home/me/code/shop".to_owned()),
        session: Some("ses_0123456789".to_owned()),
        arrived_at: Some(ago(4_000)),
        started_at: Some(ago(3_990)),
        ended_at: state.is_over().then_some(ago(3_600)),
        steps: 31,
        deviations: 1,
        tokens_used: completed.then_some(18_412),
        cost_cents: completed.then_some(21),
        reason: (state == RunState::Failed).then(|| "the model refuses: rate limit reached".to_owned()),
        confirmed: completed,
        receipt: completed.then_some(ReceiptView {
            state: ReceiptState::Delivered,
            tries: 1,
            next_at: None,
            why: None,
        }),
        ..RunRecord::default()
    }
}
