//! How `status` looks.

use crate::show::table::{Cell, facts, table};
use crate::show::text::{clean, count, cut, cut_path, plural, tilde};
use crate::show::when::Now;
use crate::show::{Style, Tone};
use crate::words;
use orgx_peer::control::Hello;
use orgx_peer::{License, PeerSnapshot, RunView, Severity};
use std::path::Path;

/// Ended runs shown.
const RECENT: usize = 5;
/// Runs that have not ended shown.
const LIVE: usize = 10;

/// The whole page.
pub(super) fn render(
    hello: &Hello,
    now: &PeerSnapshot,
    at: &Now,
    home: Option<&Path>,
    style: Style,
) -> String {
    let mut out = headline(now, style);
    out.push('\n');
    out.push_str(&facts(&rows(hello, now, home), 2, style));
    let heading = |words: &str| format!("\n{}\n", style.paint(Tone::Head, words));
    if !now.runs.is_empty() {
        out.push_str(&heading("Now"));
        out.push_str(&table(
            &now.runs.iter().take(LIVE).map(|run| live(run, at, home)).collect::<Vec<_>>(),
            2,
            style,
        ));
        out.push_str(&more(now.runs.len(), LIVE));
    }
    if !now.recent.is_empty() {
        out.push_str(&heading("Ended"));
        let ended = now.recent.iter().take(RECENT).map(|run| {
            let (word, tone) = if run.completed { ("Done", Tone::Well) } else { ("Run failed", Tone::Bad) };
            let receipt = run.receipt.map(|state| format!("receipt {}", words::receipt(state)));
            let tokens = run.tokens_used.map(|tokens| format!("{} tokens", count(tokens)));
            let rest = [run.reason.as_deref().map(clean), tokens, receipt];
            let rest = rest.into_iter().flatten().collect::<Vec<_>>().join(", ");
            vec![cut(&run.run_id, words::ID).into(), Cell::toned(word, tone), rest.into()]
        });
        out.push_str(&table(&ended.collect::<Vec<_>>(), 2, style));
        out.push_str(&more(now.recent.len(), RECENT));
    }
    if !now.warnings.is_empty() || !now.ignored_rules.is_empty() {
        out.push_str(&heading("Worth knowing"));
        let rules = now.ignored_rules.iter().map(|rule| format!("A skill rule is not used: {rule}"));
        let all = now.warnings.iter().rev().cloned().chain(rules).take(RECENT);
        for words in all {
            out.push_str(&facts(&[("-", words.into())], 2, style));
        }
    }
    out
}

/// The one sentence, and what to do.
fn headline(now: &PeerSnapshot, style: Style) -> String {
    let health = &now.health;
    let (mark, tone) = words::severity(health.severity);
    let mark = style.paint(tone, mark);
    let sentence = style.paint(Tone::Head, &health.sentence);
    match &health.action {
        Some(action) if health.severity >= Severity::Warning || now.pause != orgx_peer::PauseState::Open => {
            format!("{mark} {sentence}\n  {}.\n", action.words)
        }
        _ => format!("{mark} {sentence}\n"),
    }
}

fn rows(hello: &Hello, now: &PeerSnapshot, home: Option<&Path>) -> Vec<(&'static str, Cell)> {
    let mut rows = vec![
        ("OrgX", Cell::from(now.connection.as_str())),
        ("Workspace", hello.workspace_id.as_str().into()),
        ("Agent", if now.agent.words.is_empty() { "not looked for yet" } else { &now.agent.words }.into()),
        ("License", license(&now.license).into()),
    ];
    let rules = match (now.rules, now.ignored_rules.len()) {
        (0, 0) => "no skill rules".to_owned(),
        (used, 0) => format!("{} in use", plural(used as u64, "skill rule")),
        (used, not) => format!("{} in use, {not} not", plural(used as u64, "skill rule")),
    };
    rows.push(("Rules", rules.into()));
    if !now.attention.is_empty() {
        let things = plural(now.attention.len() as u64, "question");
        let words = format!("{things} for you: `orgx-peer attention list`");
        rows.push(("Needs you", Cell::toned(words, Tone::Care)));
    }
    rows.push(("Outbox", outbox(now, home)));
    if now.unconfirmed > 0 {
        rows.push((
            "Waiting",
            format!("{} that OrgX has not confirmed yet", plural(now.unconfirmed as u64, "message")).into(),
        ));
    }
    if let Some(trouble) = &now.journal_trouble {
        rows.push(("Journal", Cell::toned(trouble.as_str(), Tone::Bad)));
    }
    rows.push(("Peer", format!("version {}, process {}", hello.version, hello.pid).into()));
    rows
}

fn outbox(now: &PeerSnapshot, home: Option<&Path>) -> Cell {
    let Some(outbox) = &now.outbox else { return "switched off".into() };
    match &outbox.trouble {
        Some(trouble) => Cell::toned(format!("{trouble} ({} lost)", count(outbox.lost)), Tone::Care),
        None => {
            let path = cut_path(&tilde(&outbox.path, home), 48);
            format!("{} since start, {path}", plural(outbox.written, "line")).into()
        }
    }
}

fn license(license: &License) -> &'static str {
    match license {
        License::Unknown => "not known yet",
        License::Active => "in order",
        License::Degraded => "degraded: OrgX may leave out deviations from here; tasks go on",
        License::Revoked => "revoked or unpaid: see OrgX's billing page",
    }
}

fn live(run: &RunView, at: &Now, home: Option<&Path>) -> Vec<Cell> {
    let (word, tone) = words::state(run.state, None);
    let steps = if run.waits() { String::new() } else { plural(run.steps, "step") };
    let deviations = if run.deviations > 0 { plural(run.deviations, "deviation") } else { String::new() };
    let folder = run.folder.as_deref().map(|folder| tilde(folder, home)).unwrap_or_default();
    vec![
        cut(&run.run_id, words::ID).into(),
        Cell::toned(word, tone),
        at.elapsed(run.arrived_at, None).into(),
        steps.into(),
        deviations.into(),
        Cell::path(folder),
    ]
}

fn more(all: usize, shown: usize) -> String {
    if all > shown { format!("  and {} more: `orgx-peer runs`\n", all - shown) } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{self, recent, snapshot};
    use orgx_peer::{Health, RunState};
    use serde_json::json;

    fn hello() -> Hello {
        Hello {
            protocol: 1,
            version: "0.1.0".into(),
            pid: 4_711,
            workspace_id: "ws_shop".into(),
            orgx: "https://useorgx.com/".into(),
        }
    }

    fn shown(now: &PeerSnapshot, style: Style) -> String {
        render(&hello(), now, &fixtures::now(), Some(Path::new("/home/me")), style)
    }

    fn busy() -> PeerSnapshot {
        let mut now = snapshot(vec![
            fixtures::live("run_01jdk3x7c2m9q4w8e5r6t7y8u9", RunState::Running),
            fixtures::live("run_2", RunState::Queued),
        ]);
        now.runs[0].deviations = 2;
        now.runs[0].folder = Some("/home/me/customers/onboarding-2026/experiments/checkout".into());
        now.agent.words =
            "OpenCode 1.18.2 at http://127.0.0.1:4096, found as a server on this computer".into();
        now.license = License::Degraded;
        now.rules = 14;
        now.ignored_rules = vec!["no-any: it needs a look-behind that is not bounded".into()];
        now.recent = vec![
            recent("run_3", None),
            recent(
                "run_4",
                Some(
                    "the model refuses: \x1b[31mrate limit\nreached, and it goes on for so long that it must be cut somewhere",
                ),
            ),
        ];
        now.unconfirmed = 3;
        now.warnings = vec![
            "The skill rules could not be fetched (no answer in time); the 14 from last time are used."
                .into(),
        ];
        now
    }

    #[test]
    fn a_busy_peer_reads_well_in_80_columns() {
        let text = shown(&busy(), Style::Plain);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        assert!(!text.contains('\x1b'));
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_peer_with_nothing_to_do_says_little() {
        insta::assert_snapshot!(shown(&PeerSnapshot { outbox: None, ..snapshot(vec![]) }, Style::Plain));
    }

    #[test]
    fn what_is_wrong_comes_first_and_says_what_to_do() {
        let health: Health = serde_json::from_value(json!({
            "code": "disk_full", "severity": "error", "sentence": "Disk is full: no new task starts until there is room",
            "action": { "code": "free_disk", "words": "Free some disk space" },
        }))
        .expect("a health");
        let mut now = snapshot(vec![]);
        now.health = health;
        now.journal_trouble = Some("database or disk is full".into());
        now.outbox.as_mut().expect("one").trouble =
            Some("the local trail stopped: the disk is full; runs go on".into());
        insta::assert_snapshot!(shown(&now, Style::Plain));
    }

    #[test]
    fn colour_changes_nothing_but_the_colour() {
        let colour = shown(&busy(), Style::Colour);
        assert!(colour.contains("\x1b[32m●\x1b[0m"));
        let stripped = ["0", "1", "2", "31", "32", "33"]
            .iter()
            .fold(colour, |text, code| text.replace(&format!("\x1b[{code}m"), ""));
        let lines = |text: &str| text.lines().map(|line| line.trim_end().to_owned()).collect::<Vec<_>>();
        assert_eq!(lines(&stripped), lines(&shown(&busy(), Style::Plain)));
    }
}
