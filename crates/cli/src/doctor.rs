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
    let mut out = String::new();
    if let Some(health) = &report.health {
        let (mark, tone) = words::severity(health.severity);
        let sentence = style.paint(Tone::Head, &health.sentence);
        out.push_str(&format!("{} {sentence}\n\n", style.paint(tone, mark)));
    }
    for check in &report.checks {
        one(&mut out, check, home, style);
    }
    let count = |outcome| report.checks.iter().filter(|check| check.outcome == outcome).count();
    let told: Vec<String> =
        [(Outcome::Fail, "failed"), (Outcome::Warn, "to see to"), (Outcome::Skipped, "skipped")]
            .into_iter()
            .map(|(outcome, word)| (count(outcome), word))
            .filter(|(count, _)| *count > 0)
            .map(|(count, word)| format!("{count} {word}"))
            .collect();
    let sum =
        if told.is_empty() { "Everything is in order.".to_owned() } else { format!("{}.", told.join(", ")) };
    out.push_str(&format!("\n{}\n", style.paint(Tone::Head, &sum)));
    out
}

fn one(out: &mut String, check: &Check, home: Option<&Path>, style: Style) {
    let (mark, tone) = match check.outcome {
        Outcome::Ok => ("✓", Tone::Well),
        Outcome::Warn => ("▲", Tone::Care),
        Outcome::Fail => ("✕", Tone::Bad),
        Outcome::Skipped => ("–", Tone::Mute),
    };
    out.push_str(&style.paint(tone, mark));
    out.push_str(&format!(" {:<width$}", check.name.label(), width = INDENT - 2));
    let tone = if check.outcome == Outcome::Skipped { Tone::Mute } else { tone };
    let finding = tilde_all(&clean(&check.finding), home);
    let plain = check.outcome == Outcome::Ok;
    let mut lines = wrap(&finding, WIDTH - INDENT).into_iter();
    let paint = |line: &str| if plain { line.to_owned() } else { style.paint(tone, line) };
    out.push_str(&paint(&lines.next().unwrap_or_default()));
    out.push('\n');
    let more =
        check.means.iter().map(|means| format!("{means}.")).flat_map(|means| wrap(&means, WIDTH - INDENT));
    for line in lines.map(|line| paint(&line)).chain(more) {
        out.push_str(&format!("{}{line}\n", " ".repeat(INDENT)));
    }
    for (at, line) in check.todo.iter().flat_map(|todo| wrap(todo, WIDTH - INDENT - 2)).enumerate() {
        let arrow = if at == 0 { "> " } else { "  " };
        out.push_str(&format!("{}{arrow}{line}\n", " ".repeat(INDENT)));
    }
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
        assert!(text.ends_with("\nEverything is in order.\n"), "{text}");
    }
}
