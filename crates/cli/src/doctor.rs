//! `orgx-peer doctor`: what a peer needs, looked at.

use crate::args::DoctorOptions;
use crate::show::text::wrap;
use crate::show::text::{clean, tilde_all};
use crate::show::{Style, Tone, WIDTH, say, say_json};
use crate::{home, words};
use orgx_peer::Environment;
use orgx_peer::doctor::{Check, Outcome, Report, examine};
use std::path::Path;
use std::process::ExitCode;

/// Where the findings begin.
const INDENT: usize = 15;

pub(crate) async fn doctor(options: &DoctorOptions) -> ExitCode {
    let report = examine(&Environment::of_process()).await;
    if options.json {
        say_json(&report);
    } else {
        say(&render(&report, home().as_deref(), Style::of_stdout()));
    }
    if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn render(report: &Report, home: Option<&Path>, style: Style) -> String {
    let mut lines = Vec::new();
    if let Some(health) = &report.health {
        let (mark, tone) = words::severity(health.severity);
        let sentence = style.paint(Tone::Head, &health.sentence);
        lines.extend([format!("{} {sentence}", style.paint(tone, mark)), String::new()]);
    }
    lines.extend(report.checks.iter().flat_map(|check| one(check, home, style)));
    lines.extend([String::new(), style.paint(Tone::Head, &sum(&report.checks))]);
    lines.join("\n")
}

fn sum(checks: &[Check]) -> String {
    let told: Vec<String> =
        [(Outcome::Fail, "failed"), (Outcome::Warn, "to see to"), (Outcome::Skipped, "skipped")]
            .into_iter()
            .map(|(outcome, word)| (checks.iter().filter(|check| check.outcome == outcome).count(), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
    if told.is_empty() { "Everything is in order.".to_owned() } else { format!("{}.", told.join(", ")) }
}

/// What was found, what it means, what to do: each below the other.
fn one(check: &Check, home: Option<&Path>, style: Style) -> Vec<String> {
    let (mark, tone) = match check.outcome {
        Outcome::Ok => ("✓", Tone::Well),
        Outcome::Warn => ("▲", Tone::Care),
        Outcome::Fail => ("✕", Tone::Bad),
        Outcome::Skipped => ("–", Tone::Mute),
    };
    let paint = |line: String| {
        if check.outcome == Outcome::Ok { line } else { style.paint(tone, &line) }
    };
    let room = WIDTH - INDENT;
    let finding = tilde_all(&clean(&check.finding), home);
    let finding = wrap(&finding, room).into_iter().map(paint);
    let means = check.means.iter().flat_map(|means| wrap(&format!("{means}."), room));
    let todo = check.todo.iter().flat_map(|todo| wrap(todo, room - 2));
    let todo = todo.enumerate().map(|(at, line)| format!("{}{line}", if at == 0 { "> " } else { "  " }));
    let head = format!("{} {:<width$}", style.paint(tone, mark), check.name.label(), width = INDENT - 2);
    let before = std::iter::once(head).chain(std::iter::repeat(" ".repeat(INDENT)));
    finding.chain(means).chain(todo).zip(before).map(|(line, before)| format!("{before}{line}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_peer::doctor::Name;

    fn check(name: Name, outcome: Outcome, finding: &str, words: Option<(&str, &str)>) -> Check {
        let owned = |text: &str| text.to_owned();
        Check {
            name,
            outcome,
            finding: finding.to_owned(),
            means: words.map(|(means, _)| owned(means)),
            todo: words.map(|(_, todo)| owned(todo)),
        }
    }

    fn report() -> Report {
        let health = crate::fixtures::snapshot(vec![]).health;
        let trouble = (
            "OrgX cannot be reached, so no task arrives",
            "Check this computer's network and its DNS settings",
        );
        let checks = vec![
            check(Name::Settings, Outcome::Ok, "workspace w at https://useorgx.com/", None),
            check(Name::Key, Outcome::Ok, "there is one, ends in wxyz", None),
            check(
                Name::Dns,
                Outcome::Fail,
                "useorgx.com cannot be looked up (failed to lookup address information: Name or service not known)",
                Some(trouble),
            ),
            check(Name::Tls, Outcome::Skipped, "skipped: needs DNS", None),
            check(
                Name::Clock,
                Outcome::Warn,
                "7 min behind OrgX's",
                Some((
                    "Times in OrgX are wrong, and certificates may be refused",
                    "Let this computer set its clock by the network",
                )),
            ),
            check(Name::AgentLogin, Outcome::Ok, "OpenCode has a model provider", None),
            check(
                Name::Outbox,
                Outcome::Ok,
                "/home/me/.config/useorgx/wizard/hooks/events.jsonl can be written",
                None,
            ),
        ];
        Report { ok: false, health: Some(health), checks }
    }

    #[test]
    fn what_was_found_fits_80_columns_and_says_what_to_do() {
        let text = render(&report(), Some(Path::new("/home/me")), Style::Plain);
        assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn with_everything_in_order_it_says_so() {
        let checks = report().checks.into_iter().filter(|check| check.outcome == Outcome::Ok).collect();
        let text = render(&Report { ok: true, health: None, checks }, None, Style::Plain);
        assert!(text.ends_with("\n\nEverything is in order."), "{text}");
    }
}
