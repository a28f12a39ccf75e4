//! What waits for the person, as people read it.

use crate::show::table::{Cell, facts};
use crate::show::text::{clean, count, dollars, plural, tilde};
use crate::show::when::Now;
use crate::show::{Style, Tone};
use orgx_peer::{Ask, Attention, BudgetLimit, Question};
use std::path::Path;

/// All of it, oldest first.
pub(super) fn list(waiting: &[Attention], now: &Now, home: Option<&Path>, style: Style) -> String {
    if waiting.is_empty() {
        return "Nothing waits for you.\n".to_owned();
    }
    let each: Vec<String> = waiting.iter().map(|ask| one(ask, now, home, style)).collect();
    each.join("\n")
}

fn one(ask: &Attention, now: &Now, home: Option<&Path>, style: Style) -> String {
    let mut rows: Vec<(String, Cell)> = Vec::new();
    let mut add = |name: &str, cell: Cell| rows.push((name.to_owned(), cell));
    add("Asks", Cell::toned(asks(&ask.what), Tone::Care));
    if let Some(by) = &ask.by {
        add("By", format!("the subagent {by}").into());
    }
    if let Some(folder) = &ask.folder {
        add("Folder", tilde(folder, home).into());
    }
    of_what(&ask.what, &mut add);
    add("Since", when(ask, now).into());
    add("Answer", Cell::toned(how(ask), Tone::Mute));
    let rows: Vec<(&str, Cell)> = rows.iter().map(|(name, cell)| (name.as_str(), cell.clone())).collect();
    format!("{}\n{}", style.paint(Tone::Head, &clean(&ask.id)), facts(&rows, 2, style))
}

pub(super) fn asks(what: &Ask) -> String {
    match what {
        Ask::Folder { .. } => {
            "may a task work in this folder, which is not among the allowed ones?".to_owned()
        }
        Ask::Dirty { changes, .. } => {
            format!("may a task work in this folder, where {} not committed?", are(*changes, "change"))
        }
        Ask::Permission { permission, .. } => match permission.as_str() {
            "bash" => "may the agent run this command?".to_owned(),
            "edit" | "write" | "patch" => "may the agent change this file?".to_owned(),
            "external_directory" => "may the agent work outside of its folder?".to_owned(),
            "doom_loop" => "may the agent do the same once more?".to_owned(),
            other => format!("may the agent do this ({other})?"),
        },
        Ask::Questions { questions } => {
            let many = questions.len() as u64;
            if many == 1 { "a question".to_owned() } else { plural(many, "question") }
        }
        Ask::Budget { limit, day, most, used } => {
            let whose = if *day { "the day's limit" } else { "its limit" };
            let (most, used) = (amount(*limit, *most), amount(*limit, *used));
            format!("may it go on beyond {whose} of {most}? {used} used")
        }
        Ask::Unknown => "something that this version does not know: update it to answer".to_owned(),
    }
}

fn are(number: u64, what: &str) -> String {
    format!("{} {}", plural(number, what), if number == 1 { "is" } else { "are" })
}

fn amount(limit: BudgetLimit, amount: u64) -> String {
    match limit {
        BudgetLimit::Tokens => format!("{} tokens", count(amount)),
        BudgetLimit::Cents => dollars(amount),
        BudgetLimit::Minutes => format!("{amount} min"),
    }
}

fn of_what(what: &Ask, add: &mut impl FnMut(&str, Cell)) {
    match what {
        Ask::Permission { permission, patterns, command, file, added, removed } => {
            // What it is about by its kind; a command or a file beside another kind is what the agent is at.
            let own = match permission.as_str() {
                "bash" => command.as_ref(),
                "edit" | "write" | "patch" => file.as_ref(),
                _ => None,
            };
            if own.is_none() && !patterns.is_empty() {
                add("What", patterns.join(", ").into());
            }
            if let Some(command) = command {
                add("Command", command.clone().into());
            }
            if let Some(file) = file {
                add("File", file.clone().into());
            }
            if let (Some(added), Some(removed)) = (added, removed) {
                add("Changes", format!("+{added} -{removed} lines").into());
            }
            if own.is_some_and(|own| !patterns.is_empty() && *patterns != [own.as_str()]) {
                add("Patterns", patterns.join(", ").into());
            }
            // The peer cuts with an ellipsis, and counts what it leaves out.
            let is_cut = |text: &String| text.ends_with('…') || text.starts_with("… and ");
            if patterns.iter().chain(command).chain(file).any(is_cut) {
                let words =
                    "longer than what can be shown here: deny it if you cannot tell what the rest does";
                add("Cut", Cell::toned(words, Tone::Care));
            }
        }
        Ask::Questions { questions } => {
            for (at, question) in questions.iter().enumerate() {
                asked(at + 1, question, add);
            }
        }
        Ask::Folder { .. } | Ask::Dirty { .. } | Ask::Budget { .. } | Ask::Unknown => {}
    }
}

fn asked(at: usize, question: &Question, add: &mut impl FnMut(&str, Cell)) {
    add(&at.to_string(), Cell::toned(question.text.clone(), Tone::Head));
    for choice in &question.choices {
        let means =
            if choice.description.is_empty() { String::new() } else { format!(": {}", choice.description) };
        add("", format!("- {}{means}", choice.label).into());
    }
    let takes = match (question.choices.is_empty(), question.multiple, question.free) {
        (true, ..) => "in your own words",
        (_, false, true) => "one of these, or your own words",
        (_, false, false) => "one of these",
        (_, true, true) => "any of these, or your own words",
        (_, true, false) => "any of these",
    };
    add("", Cell::toned(takes, Tone::Mute));
}

fn when(ask: &Attention, now: &Now) -> String {
    let left = u64::try_from(ask.lapses_at - now.ms).unwrap_or_default().div_ceil(60_000);
    let since = match now.age(ask.since) {
        Some(age) => format!("{age} ago"),
        None => now.at(ask.since),
    };
    format!("{since}; denied unanswered at {}, in {left} min", now.at(ask.lapses_at))
}

/// What answers it.
fn how(ask: &Attention) -> String {
    let command = format!("orgx-peer attention answer {}", ask.id);
    match &ask.what {
        Ask::Permission { .. } => format!("{command} allow (or allow-for-run, or deny)"),
        Ask::Questions { questions } => format!("{command}{}", " --answer TEXT".repeat(questions.len())),
        _ => format!("{command} allow (or deny)"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::tz::TimeZone;
    use orgx_peer::Choice;

    const AT: i64 = 1_795_168_800_000;

    fn ask(id: &str, what: Ask) -> Attention {
        Attention {
            id: id.into(),
            run_id: "run_1".into(),
            folder: Some("/home/me/shop".into()),
            what,
            since: AT - 125_000,
            lapses_at: AT + 1_675_000,
            ..Attention::default()
        }
    }

    fn permission(kind: &str) -> Ask {
        Ask::Permission {
            permission: kind.into(),
            patterns: vec!["https://example.com/*".into()],
            command: None,
            file: None,
            added: None,
            removed: None,
        }
    }

    #[test]
    fn what_waits_says_what_it_is_and_how_it_is_answered_within_80_columns() {
        let choice =
            |label: &str, description: &str| Choice { label: label.into(), description: description.into() };
        let colours = Question {
            text: "Which colours do you want for the button that everybody who comes to the shop sees first?"
                .into(),
            header: "Colours".into(),
            choices: vec![choice("Red", "warm"), choice("Blue", "")],
            multiple: true,
            free: false,
        };
        let why = Question { text: "Why?".into(), free: true, ..Question::default() };
        let mut bash = permission("bash");
        if let Ask::Permission { command, .. } = &mut bash {
            *command = Some(format!("make test ⏎ {} \u{1b}[2J\u{202e}", "x".repeat(90)));
        }
        let mut edit = permission("edit");
        if let Ask::Permission { file, added, removed, .. } = &mut edit {
            (*file, *added, *removed) = (Some("src/http.rs".into()), Some(3), Some(1));
        }
        let mut outside = permission("external_directory");
        if let Ask::Permission { patterns, command, .. } = &mut outside {
            *patterns = vec!["/home/me/.ssh/*".into()];
            *command = Some("cp /home/me/.ssh/id_ed25519 …".into());
        }
        let folder = "/home/me/shop".to_owned();
        let mut by_subagent = ask("run_01jdk3x7c2m9q4w8e5r6t7y8u9@per_1f9065978001JiD098wOgq28O8", bash);
        by_subagent.by = Some("explore".into());
        let waiting = [
            ask("run_1@1795168675000", Ask::Folder { folder: folder.clone() }),
            ask(
                "run_2@dirty-1795168675000",
                Ask::Dirty { folder, commit: Some("a1b2c3d".into()), changes: 3 },
            ),
            by_subagent,
            ask("run_1@per_2", edit),
            ask("run_1@per_3", permission("webfetch")),
            ask("run_1@per_4", outside),
            ask("run_1@que_1", Ask::Questions { questions: vec![colours, why] }),
            ask(
                "run_3@budget-1",
                Ask::Budget { limit: BudgetLimit::Cents, day: false, most: 100, used: 104 },
            ),
            ask("run_4@x", Ask::Unknown),
        ];
        let now = Now { ms: AT, zone: TimeZone::UTC };
        let shown = list(&waiting, &now, Some(Path::new("/home/me")), Style::Plain);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        assert!(!shown.contains(['\u{1b}', '\u{202e}']), "{shown}");
        insta::assert_snapshot!(shown);
        assert_eq!(list(&[], &now, None, Style::Plain), "Nothing waits for you.\n");
    }
}
