//! What notifications say: the table of `ui.md`. Plain text, cut; what an OS takes for markup is escaped at the OS.

use super::burst::Deviation;
use super::{Buttons, Context, Key, Notification};
use crate::text;
use crate::view::model::Page;
use crate::view::{header, needs, runs};
use orgx_peer::{Ask, Attention};
use orgx_proto::health::Code;

const TITLE: usize = 40;
const BODY: usize = 120;
/// Longest command, or its like.
const COMMAND: usize = 80;

fn made(key: Key, title: &str, body: &str, buttons: Buttons, page: Page) -> Notification {
    Notification { key, title: text::cut(title, TITLE), body: text::cut(body, BODY), buttons, page }
}

fn run_page(run_id: &str) -> Page {
    Page::Run { run_id: run_id.to_owned() }
}

pub(super) fn need(attention: &Attention, context: Context<'_>) -> Notification {
    let run = runs::title_of(context.peer, &attention.run_id);
    let folder = needs::folder(attention).map(text::folder_name);
    let at = |what: &str| match &folder {
        Some(folder) => format!("{}: {what}", text::cut(folder, 40)),
        None => what.to_owned(),
    };
    let answer = Buttons::Answer(attention.id.clone());
    let (title, body, buttons) = match &attention.what {
        Ask::Folder { folder } => {
            let folder = text::cut(&text::tilde(folder, context.home), 80);
            ("work in a folder?", format!("{folder}: {run}"), answer)
        }
        Ask::Dirty { changes, .. } => {
            let files = text::count(usize::try_from(*changes).unwrap_or(usize::MAX), "file", "files");
            ("start among open changes?", at(&format!("{files} not committed. {run}")), answer)
        }
        Ask::Permission { permission, .. } => {
            let exact = needs::exact(&attention.what);
            let exact = exact.map_or_else(|| text::cut(permission, 40), |exact| text::cut(&exact, COMMAND));
            // Nobody says yes to what they have not seen.
            let body = at(&exact);
            let is_whole = needs::is_whole(&attention.what, COMMAND) && body.chars().count() <= BODY;
            (title_of(permission), body, if is_whole { answer } else { Buttons::Open })
        }
        Ask::Questions { questions } => {
            let place = folder.as_ref().map_or_else(String::new, |it| format!(" in {}", text::cut(it, 40)));
            let title = text::count(questions.len(), "question", "questions");
            let page = Page::Need { id: attention.id.clone() };
            let (key, body) = (Key::Need(attention.id.clone()), format!("{}{place}", text::cut(&run, 70)));
            return made(key, &format!("Needs you: {title}"), &body, Buttons::Open, page);
        }
        Ask::Budget { limit, day, most, used } => {
            let whose = if *day { "today" } else { "by this task" };
            let (used, most) = (needs::amount(*limit, *used), needs::amount(*limit, *most));
            ("go on past a limit?", format!("{used} of {most} used {whose}. {run}"), Buttons::Open)
        }
        Ask::Unknown => ("an agent waits", run, Buttons::Open),
    };
    let page = Page::Need { id: attention.id.clone() };
    made(Key::Need(attention.id.clone()), &format!("Needs you: {title}"), &body, buttons, page)
}

fn title_of(permission: &str) -> &'static str {
    match permission {
        "bash" => "run a command?",
        "edit" | "write" | "patch" => "change a file?",
        "webfetch" => "fetch a page?",
        "external_directory" => "reach another folder?",
        _ => "allow this?",
    }
}

pub(super) fn deviation(key: Key, run_id: &str, it: &Deviation, context: Context<'_>) -> Notification {
    let title = runs::title_of(context.peer, run_id);
    let body = format!("{} in {}. {title}", words(&it.what), text::cut(&it.place, 60));
    made(key, &format!("Deviation: {}", it.skill), &body, Buttons::Mute(it.skill.clone()), run_page(run_id))
}

pub(super) fn deviations(key: Key, run_id: &str, all: &[Deviation], context: Context<'_>) -> Notification {
    let mut rules: Vec<&str> = Vec::new();
    for deviation in all {
        if !rules.contains(&deviation.skill.as_str()) {
            rules.push(&deviation.skill);
        }
    }
    let named: Vec<String> = rules.iter().take(2).map(|rule| text::cut(rule, 30)).collect();
    let more = match rules.len().saturating_sub(2) {
        0 => String::new(),
        n => format!(" and {n} more"),
    };
    let body = format!("{}{more}. {}", named.join(", "), runs::title_of(context.peer, run_id));
    made(key, &format!("{} deviations in one run", all.len()), &body, Buttons::Open, run_page(run_id))
}

pub(super) fn failed(
    run_id: &str,
    title: Option<&str>,
    reason: Option<&str>,
    context: Context<'_>,
) -> Notification {
    let title = title.map(text::line).filter(|title| !title.is_empty());
    let title = title.unwrap_or_else(|| runs::title_of(context.peer, run_id));
    let title = format!("Run failed: {title}");
    let local = context.peer.runs.iter().any(|run| run.run_id == run_id && run.local)
        || context.peer.recent.iter().any(|run| run.run_id == run_id && run.local);
    let reason = text::sentence(&text::cut(reason.unwrap_or("it ended without a word"), BODY - 30));
    let told = match (local, may_come_again(&reason)) {
        (true, _) => "",
        (false, true) => " OrgX may send it again.",
        (false, false) => " OrgX was told.",
    };
    made(Key::Failed(run_id.to_owned()), &title, &format!("{reason}{told}"), Buttons::Open, run_page(run_id))
}

/// Reasons of ours that OrgX is told as recoverable.
fn may_come_again(reason: &str) -> bool {
    ["peer restarted", "peer stopped", "paused by the person", "timed out", "waited", "this peer's queue"]
        .iter()
        .any(|start| reason.to_lowercase().starts_with(start))
}

pub(super) fn offline(context: Context<'_>) -> Notification {
    let active = context.peer.runs.iter().filter(|run| !run.local && header::is_active(run)).count();
    let body = match (active, context.peer.health.code) {
        (_, Code::KeyRejected) => {
            "OrgX does not know this key. It may have been replaced by a newer one.".to_owned()
        }
        (_, Code::KeyForbidden) => {
            "This key cannot receive tasks. It lacks the permission for it in OrgX.".to_owned()
        }
        (0, _) => "No task arrives. OrgX Peer tries again by itself.".to_owned(),
        (1, _) => "1 run goes on; its receipt is kept.".to_owned(),
        (n, _) => format!("{n} runs go on; their receipts are kept."),
    };
    made(Key::Offline, "Offline for 10 minutes", &body, Buttons::Open, Page::Health)
}

pub(super) fn revoked() -> Notification {
    let body = "OrgX does not accept work from this computer.";
    made(Key::License, "License revoked", body, Buttons::Open, Page::Health)
}

pub(super) fn no_tray() -> Notification {
    let body = "This desktop shows none. Open OrgX Peer again to see its window.";
    made(Key::NoTray, "OrgX Peer runs without an icon", body, Buttons::Open, Page::Health)
}

/// `budget_shift` reads `Budget shift`.
fn words(kind: &str) -> String {
    let kind = if kind.trim().is_empty() { "A rule is broken" } else { kind };
    let spaced = text::cut(&kind.replace('_', " "), 40);
    text::sentence(&spaced).trim_end_matches('.').to_owned()
}
