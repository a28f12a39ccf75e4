//! Runs, their pages and their receipts.

use super::model::{Before, Entry, Receipt, Run, RunPage, Runs};
use crate::facts::{Detail, Facts};
use crate::text;
use orgx_peer::{PeerSnapshot, ReceiptState, RecentRun, RunDetail, RunRecord, RunState, RunView};

/// Longest skill id that a line shows, in characters.
pub const SKILL: usize = 120;
/// Runs that a list shows.
const SHOWN: usize = 100;

/// Runs, live and of before.
pub fn runs(facts: &Facts) -> Runs {
    let peer = &facts.peer;
    let mut queued = 0;
    let now = peer.runs.iter().map(|run| {
        let place = (run.state == RunState::Queued).then(|| {
            queued += 1;
            queued
        });
        live(run, peer, place)
    });
    Runs {
        now: now.collect(),
        earlier: ended(facts).into_iter().map(|record| of_record(&record)).collect(),
        places: u32::try_from(peer.places).unwrap_or(u32::MAX),
        loading: facts.hosting.is_up() && !facts.history.read,
        error: facts.history.error.as_deref().map(text::line),
    }
}

/// Receipts, newest first: one for each run that has ended.
pub fn receipts(facts: &Facts) -> Vec<Receipt> {
    ended(facts).iter().map(receipt).collect()
}

/// The open run's page.
pub fn page(facts: &Facts) -> Option<RunPage> {
    let Detail { run_id, run, error } = facts.detail.as_ref()?;
    let mut page = run
        .as_ref()
        .map_or_else(RunPage::default, |detail| of_detail(detail, &facts.preferences.muted_rules));
    // The snapshot is newer than what was read.
    if let Some(view) = facts.peer.runs.iter().find(|view| view.run_id == *run_id) {
        let place = page.run.place;
        page.can_open |= view.session.is_some();
        page.run = live(view, &facts.peer, place);
    }
    if page.run.run_id.is_empty() {
        page.run.run_id.clone_from(run_id);
        page.run.title = text::cut(&short_id(run_id), 80);
    }
    page.loading = run.is_none() && error.is_none();
    page.error = error.as_deref().map(text::line);
    Some(page)
}

/// A run's page from what was read of it.
pub fn of_detail(detail: &RunDetail, muted: &[String]) -> RunPage {
    let steps = detail.steps.iter().map(|step| Entry::Step {
        at: step.at,
        kind: text::cut(&step.kind, 40),
        summary: text::line(&step.summary),
    });
    let deviations = detail.deviations.iter().map(|deviation| Entry::Deviation {
        at: deviation.at,
        skill: text::cut(&deviation.skill_id, SKILL),
        what: text::line(&deviation.evidence_kind),
        place: text::line(deviation.file.as_ref().unwrap_or(&deviation.evidence_ref)),
        muted: muted.contains(&deviation.skill_id),
    });
    let mut line: Vec<Entry> = steps.chain(deviations).collect();
    // Stable: of what came at once, steps stand first.
    line.sort_by_key(|entry| match entry {
        Entry::Step { at, .. } | Entry::Deviation { at, .. } => *at,
    });
    RunPage {
        run: of_record(&detail.run),
        line,
        steps_before: detail.steps_before,
        receipt: detail.run.state.is_over().then(|| receipt(&detail.run)),
        before: before(&detail.run),
        undone: detail.run.undone,
        can_undo: detail.run.can_undo,
        can_open: detail.run.session.is_some(),
        loading: false,
        error: None,
    }
}

fn before(run: &RunRecord) -> Option<Before> {
    let commit = text::cut(run.commit_before.as_deref()?, 16);
    Some(Before { commit, changes: run.changes_before })
}

/// A run's title by its id, as far as it is known.
pub fn title_of(peer: &PeerSnapshot, run_id: &str) -> String {
    let live = peer.runs.iter().find(|run| run.run_id == run_id);
    let recent = peer.recent.iter().find(|run| run.run_id == run_id);
    let title =
        live.and_then(|run| run.title.as_deref()).or_else(|| recent.and_then(|run| run.title.as_deref()));
    named(title, live.and_then(|run| run.folder.as_deref()), run_id)
}

/// Its title, or its folder's name, or its short id.
fn named(title: Option<&str>, folder: Option<&str>, run_id: &str) -> String {
    match (title.map(text::line).filter(|title| !title.is_empty()), folder) {
        (Some(title), _) => title,
        (None, Some(folder)) => text::folder_name(folder),
        (None, None) => text::cut(&short_id(run_id), 80),
    }
}

fn short_id(run_id: &str) -> String {
    run_id.chars().take(12).collect()
}

fn live(run: &RunView, peer: &PeerSnapshot, place: Option<u32>) -> Run {
    let needs_you = peer.attention.iter().any(|attention| attention.run_id == run.run_id);
    Run {
        run_id: run.run_id.clone(),
        title: named(run.title.as_deref(), run.folder.as_deref(), &run.run_id),
        state: if needs_you { "needs_you" } else { run.state.as_str() }.to_owned(),
        local: run.local,
        folder: run.folder.as_deref().map(text::line),
        driver: run.driver.as_deref().map(driver),
        arrived_at: Some(run.arrived_at),
        started_at: run.started_at,
        ended_at: None,
        tokens: run.tokens_used,
        cost_cents: run.cost_cents,
        steps: run.steps,
        deviations: run.deviations,
        last_step: run.last_step.as_ref().map(|step| text::line(&step.summary)),
        place,
        reason: None,
    }
}

/// Those of the journal, and before them those that ended since it was read. A run that lives is in no list twice.
fn ended(facts: &Facts) -> Vec<RunRecord> {
    let lives = |run_id: &str| facts.peer.runs.iter().any(|run| run.run_id == run_id);
    let read: Vec<&RunRecord> =
        facts.history.runs.iter().filter(|run| run.state.is_over() && !lives(&run.run_id)).collect();
    let newer = facts.peer.recent.iter().filter(|recent| !read.iter().any(|run| run.run_id == recent.run_id));
    newer.map(of_recent).chain(read.iter().map(|run| (*run).clone())).take(SHOWN).collect()
}

fn of_recent(run: &RecentRun) -> RunRecord {
    let receipt =
        run.receipt.map(|state| orgx_peer::ReceiptView { state, tries: 0, next_at: None, why: None });
    RunRecord {
        run_id: run.run_id.clone(),
        state: if run.completed { RunState::Completed } else { RunState::Failed },
        local: run.local,
        ended_at: Some(run.ended_at),
        steps: run.steps,
        deviations: run.deviations,
        tokens_used: run.tokens_used,
        reason: run.reason.clone(),
        receipt,
        title: run.title.clone(),
        ..RunRecord::default()
    }
}

fn of_record(run: &RunRecord) -> Run {
    Run {
        run_id: run.run_id.clone(),
        title: named(run.title.as_deref(), run.folder.as_deref(), &run.run_id),
        state: state(run).to_owned(),
        local: run.local,
        folder: run.folder.as_deref().map(text::line),
        driver: run.driver.as_deref().map(driver),
        arrived_at: run.arrived_at,
        started_at: run.started_at,
        ended_at: run.ended_at,
        tokens: run.tokens_used,
        cost_cents: run.cost_cents,
        steps: run.steps,
        deviations: run.deviations,
        last_step: None,
        place: None,
        reason: run.reason.as_deref().map(text::line),
    }
}

fn state(run: &RunRecord) -> &'static str {
    match run.state {
        RunState::Failed if is_cancelled(run.reason.as_deref()) => "cancelled",
        state => state.as_str(),
    }
}

/// Did the person, or OrgX, want it to end? PROTOCOL: the reason of a cancelled run.
pub fn is_cancelled(reason: Option<&str>) -> bool {
    reason == Some("cancelled")
}

fn receipt(run: &RunRecord) -> Receipt {
    let view = run.receipt.as_ref();
    let delivery = match view.map(|view| view.state) {
        _ if run.local => "local",
        Some(ReceiptState::Delivered) => "delivered",
        Some(ReceiptState::NotTaken) => "not_taken",
        Some(ReceiptState::Refused) => "refused",
        None if run.confirmed => "delivered",
        Some(ReceiptState::Waiting) | None => "waiting",
    };
    Receipt {
        run_id: run.run_id.clone(),
        title: named(run.title.as_deref(), run.folder.as_deref(), &run.run_id),
        outcome: state(run).to_owned(),
        tokens: run.tokens_used,
        cost_cents: run.cost_cents,
        ended_at: run.ended_at,
        state: delivery.to_owned(),
        why: view.and_then(|view| view.why.as_deref()).map(text::line),
        tries: view.map_or(0, |view| view.tries),
        next_at: view.and_then(|view| view.next_at),
    }
}

/// For people.
pub fn driver(id: &str) -> String {
    match id {
        "opencode" => "OpenCode".to_owned(),
        "claude-code" | "claude_code" => "Claude Code".to_owned(),
        other => text::cut(other, 40),
    }
}
