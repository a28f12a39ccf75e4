//! `orgx-peer runs` and `receipts`: what the journal remembers.

use crate::args::{ListOptions, RunsCommand, RunsOptions};
use crate::find::{Found, Refusal, find};
use crate::show::table::{Cell, facts, table};
use crate::show::text::{clean, count, cut, dollars, plural, tilde};
use crate::show::when::Now;
use crate::show::{Style, Tone, WIDTH, say, say_json};
use crate::steer::undo;
use crate::{home, open, words};
use orgx_peer::{Command, CommandError, Reply, RunRecord};
use serde_json::json;
use std::path::Path;
use std::process::ExitCode;

pub(crate) async fn runs(options: &RunsOptions) -> ExitCode {
    match &options.command {
        Some(RunsCommand::Undo(options)) => return undo(options).await,
        Some(RunsCommand::Resume(options)) => return open::open(options, false).await,
        Some(RunsCommand::Attach(options)) => return open::open(options, true).await,
        None => {}
    }
    let ListOptions { peer, json, limit } = &options.list;
    let command = match &options.run {
        Some(run_id) => Command::Run { run_id: run_id.trim().to_owned() },
        None => Command::Runs { limit: *limit },
    };
    let found = async { look_up(&find(peer).await?, command).await };
    let found = match found.await {
        Ok(found) => found,
        Err(refusal) => return refusal.end(*json),
    };
    let (style, home) = (Style::of_stdout(), home());
    match (&options.run, found.first()) {
        (Some(run_id), None) => {
            return Refusal::from(CommandError::NoSuchRun { run_id: run_id.clone() }).end(*json);
        }
        (Some(_), Some(run)) if *json => say_json(&json!({ "run": run })),
        (Some(_), Some(run)) => say(&one(run, &Now::here(), home.as_deref(), style)),
        (None, _) if *json => say_json(&json!({ "runs": found })),
        (None, _) => say(&list(&found, &Now::here(), style)),
    };
    ExitCode::SUCCESS
}

pub(crate) async fn receipts(options: &ListOptions) -> ExitCode {
    let found =
        async { look_up(&find(&options.peer).await?, Command::Receipts { limit: options.limit }).await };
    match found.await {
        Err(refusal) => return refusal.end(options.json),
        Ok(found) if options.json => {
            let receipts: Vec<_> = found
                .iter()
                .map(|run| {
                    let receipt = run.receipt.as_ref();
                    json!({
                        "run_id": run.run_id,
                        "state": receipt.map(|receipt| receipt.state),
                        "tries": receipt.map(|receipt| receipt.tries),
                        "ended_at": run.ended_at,
                        "tokens_used": run.tokens_used,
                        "cost_cents": run.cost_cents,
                    })
                })
                .collect();
            say_json(&json!({ "receipts": receipts }))
        }
        Ok(found) => say(&receipt_list(&found, &Now::here(), Style::of_stdout())),
    };
    ExitCode::SUCCESS
}

async fn look_up(found: &Found, command: Command) -> Result<Vec<RunRecord>, Refusal> {
    match found.peer.command(command).await? {
        Reply::Runs { runs } => Ok(runs),
        _ => Err(Refusal::new("unreachable", "the running peer gave an answer to something else")),
    }
}

fn head(names: &[&str]) -> Vec<Cell> {
    names.iter().map(|name| Cell::toned(*name, Tone::Mute)).collect()
}

fn list(runs: &[RunRecord], now: &Now, style: Style) -> String {
    if runs.is_empty() {
        return "No runs yet. Tasks that OrgX sends to this computer show up here.\n".to_owned();
    }
    let mut rows = vec![head(&["RUN", "STATE", "CAME", "TOOK", "STEPS", "DEV.", "TOKENS"])];
    rows.extend(runs.iter().map(|run| {
        let (word, tone) = words::state(run.state, run.reason.as_deref());
        let took = run.started_at.map(|from| now.elapsed(from, run.ended_at)).unwrap_or_default();
        vec![
            cut(&run.run_id, words::ID).into(),
            Cell::toned(word, tone),
            run.arrived_at.map(|at| now.at(at)).unwrap_or_default().into(),
            took.into(),
            count(run.steps).into(),
            count(run.deviations).into(),
            run.tokens_used.map(count).unwrap_or_default().into(),
        ]
    }));
    let table = table(&rows, 0, style);
    let mut out = String::new();
    for (at, line) in table.lines().enumerate() {
        out.push_str(line);
        out.push('\n');
        let reason = at.checked_sub(1).and_then(|at| runs[at].reason.as_deref());
        // The state says as much.
        if let Some(reason) = reason.filter(|reason| *reason != words::CANCELLED) {
            out.push_str(&style.paint(Tone::Mute, &format!("  {}", cut(reason, WIDTH - 2))));
            out.push('\n');
        }
    }
    out
}

fn one(run: &RunRecord, now: &Now, home: Option<&Path>, style: Style) -> String {
    let (word, tone) = words::state(run.state, run.reason.as_deref());
    let when = |ms: i64| match now.age(ms) {
        Some(age) => format!("{} ({age} ago)", now.at(ms)),
        None => now.at(ms),
    };
    let mut rows: Vec<(&str, Cell)> = vec![("State", Cell::toned(word, tone))];
    let mut add = |name, value: Option<String>| rows.extend(value.map(|value| (name, Cell::from(value))));
    add("Reason", run.reason.clone());
    add("From", Some(if run.local { "you: OrgX does not hear of it" } else { "OrgX" }.to_owned()));
    add("Came", run.arrived_at.map(when));
    add("Started", run.started_at.map(when));
    add("Ended", run.ended_at.map(when));
    add("Took", run.started_at.map(|from| now.elapsed(from, run.ended_at)));
    add("Folder", run.folder.as_deref().map(|folder| tilde(folder, home)));
    add("Before", before(run));
    add("Undone", run.undone.then(|| "yes; `orgx-peer runs undo --redo` does it again".to_owned()));
    add("Agent", run.driver.clone());
    add("Session", run.session.clone());
    add("Steps", Some(count(run.steps)));
    add("Deviations", Some(count(run.deviations)));
    add("Tokens", run.tokens_used.map(count));
    add("Cost", run.cost_cents.map(dollars));
    if !run.local && run.state.is_over() {
        let heard = if run.confirmed { "has confirmed the end" } else { "has not confirmed the end yet" };
        add("OrgX", Some(heard.to_owned()));
    }
    let tries = |tries: u32| if tries > 1 { format!(" ({tries} tries)") } else { String::new() };
    add("Receipt", run.receipt.as_ref().map(|r| format!("{}{}", words::receipt(r.state), tries(r.tries))));
    format!("{}\n{}", style.paint(Tone::Head, &clean(&run.run_id)), facts(&rows, 2, style))
}

/// The working tree before the run.
fn before(run: &RunRecord) -> Option<String> {
    let changes = match run.changes_before? {
        0 => "clean".to_owned(),
        changes => format!("{} not committed", plural(changes, "change")),
    };
    let commit = run.commit_before.as_deref();
    Some(
        commit.map_or_else(
            || format!("no commit yet, {changes}"),
            |commit| format!("commit {commit}, {changes}"),
        ),
    )
}

fn receipt_list(runs: &[RunRecord], now: &Now, style: Style) -> String {
    use orgx_peer::ReceiptState;
    let mut rows = vec![head(&["RUN", "ENDED", "TOKENS", "COST", "TRIES", "RECEIPT"])];
    rows.extend(runs.iter().filter_map(|run| {
        let receipt = run.receipt.as_ref()?;
        let tone = match receipt.state {
            ReceiptState::Delivered => Tone::Well,
            ReceiptState::Waiting | ReceiptState::NotTaken => Tone::Mute,
            ReceiptState::Refused => Tone::Bad,
        };
        Some(vec![
            cut(&run.run_id, words::ID).into(),
            run.ended_at.map(|at| now.at(at)).unwrap_or_default().into(),
            run.tokens_used.map(count).unwrap_or_default().into(),
            run.cost_cents.map_or_else(|| "–".to_owned(), dollars).into(),
            receipt.tries.to_string().into(),
            Cell::toned(words::receipt(receipt.state), tone),
        ])
    }));
    if rows.len() == 1 {
        return "No receipts yet. Each run that completes has one.\n".to_owned();
    }
    table(&rows, 0, style)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ago, now, record};
    use orgx_peer::{ReceiptState, ReceiptView, RunState};

    fn all() -> Vec<RunRecord> {
        let mut runs = vec![
            record("run_01jdk3x7c2m9q4w8e5r6t7y8u9", RunState::Running),
            record("run_2", RunState::Queued),
            record("local-7f3a", RunState::Completed),
            record("run_3", RunState::Completed),
            record("run_4", RunState::Failed),
            record("run_5", RunState::Failed),
        ];
        runs[1].started_at = None;
        (runs[2].local, runs[2].receipt) = (true, None);
        runs[3].arrived_at = Some(ago(200_000));
        runs[4].reason =
            Some("the model refuses: \x1b[31mrate\nlimit reached, and so on for a long while".into());
        runs[5].reason = Some("cancelled".into());
        runs
    }

    fn fits(text: String) -> String {
        assert!(text.lines().all(|line| line.chars().count() <= 80) && !text.contains('\x1b'), "{text}");
        text
    }

    #[test]
    fn a_list_of_runs_lines_up() {
        insta::assert_snapshot!(fits(list(&all(), &now(), Style::Plain)));
        insta::assert_snapshot!(list(&[], &now(), Style::Plain));
    }

    #[test]
    fn one_run_is_shown_with_all_that_is_known() {
        let home = Some(Path::new("/home/me"));
        let texts = all().iter().map(|run| fits(one(run, &now(), home, Style::Plain))).collect::<Vec<_>>();
        insta::assert_snapshot!(texts.join("\n"));
    }

    #[test]
    fn a_list_of_receipts_lines_up() {
        let mut runs: Vec<RunRecord> =
            (0..4).map(|n| record(&format!("run_{n}"), RunState::Completed)).collect();
        for (run, state) in
            runs.iter_mut().zip([ReceiptState::Waiting, ReceiptState::Refused, ReceiptState::NotTaken])
        {
            run.receipt = Some(ReceiptView { state, tries: 5, next_at: None, why: None });
            run.cost_cents = None;
        }
        insta::assert_snapshot!(fits(receipt_list(&runs, &now(), Style::Plain)));
        insta::assert_snapshot!(receipt_list(&[], &now(), Style::Plain));
    }
}
