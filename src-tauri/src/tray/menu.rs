//! The tray's menu as data. Labels are plain text: what stands for a mnemonic on an OS is escaped where the OS is.

#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up fails")]
mod tests;

use crate::facts::{Account, Facts, Quitting};
use crate::text;
use crate::view::header::{self, State};
use crate::view::model::Receipt;
use crate::view::{needs as asks, notices, runs};
use orgx_peer::{PauseState, RunState};

/// Longest label made of text from outside, in characters.
const LABEL: usize = 40;
/// Receipts that the menu lists.
const RECEIPTS: usize = 5;

/// The entries, top to bottom.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Menu(pub Vec<Item>);

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// Something to read, disabled.
    Words(String),
    /// Something to do.
    Button(String, Click),
    /// A menu of its own.
    Sub(String, Vec<Item>),
    /// A line.
    Separator,
}

/// What a click wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Click {
    /// The window.
    Open,
    /// The sign-in card.
    SignIn,
    /// Do not wait for the next try.
    TryNow,
    /// Start no new task.
    Pause,
    /// Start no new task once those that are here are done.
    PauseAfter,
    /// Take tasks again.
    Resume,
    /// This run's page.
    OpenRun(String),
    /// End this run.
    Cancel(String),
    /// What waits for the person.
    OpenNeed(String),
    /// The outbox, in the file manager.
    ShowOutbox,
    /// Diagnostics, to the clipboard.
    CopyDiagnostics,
    /// The settings' page.
    Settings,
    /// The end.
    Quit,
    /// No end after all.
    KeepRunning,
}

/// The menu of these facts, in the order of `ui.md`.
pub fn menu(facts: &Facts) -> Menu {
    let mut items = vec![Item::Words(header::title(facts))];
    items.extend(notices::cause(facts).map(Item::Words));
    if matches!(facts.account, Account::Out | Account::Unreadable(_)) && !facts.hosting.is_up() {
        items.push(button("Sign in", Click::SignIn));
    }
    let groups = [needs(facts), live(facts), receipts(facts), pause(facts), app(facts)];
    for group in groups.into_iter().filter(|group| !group.is_empty()) {
        items.push(Item::Separator);
        items.extend(group);
    }
    Menu(items)
}

fn button(label: &str, click: Click) -> Item {
    Item::Button(label.to_owned(), click)
}

fn needs(facts: &Facts) -> Vec<Item> {
    let needs = if facts.hosting.is_up() { asks::needs(facts) } else { Vec::new() };
    if needs.is_empty() {
        return Vec::new();
    }
    let label = format!("Needs you ({})", needs.len());
    let items = needs.into_iter().map(|need| button(&text::cut(&need.line, LABEL), Click::OpenNeed(need.id)));
    vec![Item::Sub(label, items.collect())]
}

fn live(facts: &Facts) -> Vec<Item> {
    if !facts.hosting.is_up() {
        return Vec::new();
    }
    let running = facts.peer.runs.iter().filter(|run| header::is_active(run));
    running
        .map(|run| {
            let title = text::cut(&runs::title_of(&facts.peer, &run.run_id), LABEL);
            let time = text::elapsed(facts.now - run.started_at.unwrap_or(run.arrived_at));
            let mut items = vec![button("Open", Click::OpenRun(run.run_id.clone()))];
            if run.state != RunState::Cancelling {
                items.push(button("Cancel", Click::Cancel(run.run_id.clone())));
            }
            Item::Sub(format!("{title} · {time}"), items)
        })
        .collect()
}

fn receipts(facts: &Facts) -> Vec<Item> {
    let items: Vec<Item> = runs::receipts(facts)
        .into_iter()
        .take(RECEIPTS)
        .map(|receipt| {
            let label = format!("{} · {}", text::cut(&receipt.title, LABEL), word(&receipt));
            Item::Button(label, Click::OpenRun(receipt.run_id))
        })
        .collect();
    if items.is_empty() { items } else { vec![Item::Sub("Recent receipts".to_owned(), items)] }
}

/// A receipt in one word of `ui.md`.
fn word(receipt: &Receipt) -> &'static str {
    match (receipt.outcome.as_str(), receipt.state.as_str()) {
        ("cancelled", _) => "Cancelled",
        ("failed", _) => "Run failed",
        (_, "waiting") => "Waiting",
        (_, "refused") => "Refused by OrgX",
        (_, "local" | "not_taken") => "Done",
        _ => "Delivered",
    }
}

fn pause(facts: &Facts) -> Vec<Item> {
    if !facts.hosting.is_up() || is_ending(facts) {
        return Vec::new();
    }
    let mut items = Vec::new();
    let state = State::of(facts);
    if matches!(state, State::Connecting | State::Reconnecting | State::Offline | State::Disconnected) {
        items.push(button("Try now", Click::TryNow));
    }
    if facts.peer.pause == PauseState::Open {
        items.push(button("Pause", Click::Pause));
        if header::active(facts) > 0 {
            items.push(button("Pause after current runs", Click::PauseAfter));
        }
    } else {
        items.push(button("Resume", Click::Resume));
    }
    items
}

fn app(facts: &Facts) -> Vec<Item> {
    let mut items = vec![button("Open OrgX Peer", Click::Open)];
    if facts.peer.outbox.is_some() {
        items.push(button("Show outbox", Click::ShowOutbox));
    }
    items.push(button("Copy diagnostics", Click::CopyDiagnostics));
    items.push(button("Settings", Click::Settings));
    items.push(if is_ending(facts) {
        button("Keep running", Click::KeepRunning)
    } else {
        button("Quit OrgX Peer", Click::Quit)
    });
    items
}

fn is_ending(facts: &Facts) -> bool {
    matches!(facts.quitting, Quitting::Finishing | Quitting::Cancelling)
}
