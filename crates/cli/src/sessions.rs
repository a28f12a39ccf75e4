//! `orgx-peer sessions`: what OpenCode has on this computer.

use crate::args::SessionsOptions;
use crate::find::{Refusal, find};
use crate::show::table::{Cell, table};
use crate::show::text::{count, cut, cut_path, dollars, tilde};
use crate::show::when::Now;
use crate::show::{Style, Tone, WIDTH, say, say_json, text};
use crate::{home, say_failed, words};
use orgx_peer::{Command, Environment, Reply, Session, Sessions};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Sessions of a list that nobody bounded.
const LISTED: usize = 20;

pub(crate) async fn sessions(options: &SessionsOptions) -> ExitCode {
    let directory = match options.directory.as_deref().map(std::path::absolute).transpose() {
        Ok(directory) => directory,
        Err(error) => {
            let words = format!("the folder cannot be used ({error}); name another one with --directory");
            return Refusal::usage(words).end(options.json);
        }
    };
    let mut found = match look(options, directory).await {
        Ok(found) => found,
        Err(refusal) => return refusal.end(options.json),
    };
    let (all, trouble) = (found.sessions.len(), found.trouble.take());
    if options.json {
        found.sessions.truncate(options.limit.unwrap_or(usize::MAX));
        say_json(&found.sessions);
    } else if all > 0 || trouble.is_none() {
        let shown = &found.sessions[..all.min(options.limit.unwrap_or(LISTED))];
        say(&list(shown, all, &Now::here(), home().as_deref(), Style::of_stdout()));
    }
    match trouble {
        Some(trouble) => say_failed(&trouble, u8::from(all == 0)),
        None => ExitCode::SUCCESS,
    }
}

/// A running peer knows passwords that we do not; without one, or where it is not clear which, the look is our own.
async fn look(options: &SessionsOptions, directory: Option<PathBuf>) -> Result<Sessions, Refusal> {
    if let Ok(found) = find(&options.peer).await {
        let command = Command::Sessions { all: options.all, directory: directory.clone() };
        if let Ok(Reply::Sessions(sessions)) = found.peer.command(command).await {
            return Ok(*sessions);
        }
    }
    let found = Sessions::find(&Environment::of_process(), options.all, directory).await;
    found.map_err(|error| Refusal::usage(error.to_string()))
}

fn list(sessions: &[Session], all: usize, now: &Now, home: Option<&Path>, style: Style) -> String {
    if all == 0 {
        return "No sessions of OpenCode. They show up here once OpenCode was used on this computer.\n"
            .to_owned();
    }
    let head = ["STATE", "LAST", "COST", "TOKENS", "TITLE"];
    let mut rows = vec![head.map(|name| Cell::toned(name, Tone::Mute)).into()];
    rows.extend(sessions.iter().map(|session| row(session, now)));
    let table = table(&rows, 0, style);
    let mut out = String::new();
    for (at, line) in table.lines().enumerate() {
        out.push_str(line);
        out.push('\n');
        for more in at.checked_sub(1).and_then(|at| sessions.get(at)).into_iter().flat_map(|s| below(s, home))
        {
            out.push_str(&style.paint(Tone::Mute, &more));
            out.push('\n');
        }
    }
    if all > sessions.len() {
        let words = format!("{} more; -n {all} lists them all", all - sessions.len());
        out.push_str(&style.paint(Tone::Mute, &words));
        out.push('\n');
    }
    out
}

fn row(session: &Session, now: &Now) -> Vec<Cell> {
    let (word, tone) = words::session(session.state);
    let tokens = &session.tokens;
    let tokens = [tokens.input, tokens.output, tokens.reasoning, tokens.cache_read, tokens.cache_write];
    let cost =
        if session.cost > 0.0 { dollars((session.cost * 100.0).round() as u64) } else { "–".to_owned() };
    let mut marks = String::new();
    for (is_so, mark) in [(session.parent_id.is_some(), "└ "), (session.archived, "(archived) ")] {
        marks.push_str(if is_so { mark } else { "" });
    }
    vec![
        Cell::toned(word, tone),
        now.age(session.updated_at).unwrap_or_else(|| now.at(session.updated_at)).into(),
        cost.into(),
        count(tokens.iter().fold(0, |sum, tokens| sum.saturating_add(*tokens))).into(),
        format!("{marks}{}", text::clean(&session.title)).into(),
    ]
}

/// What does not fit into the row: which it is, where, and why it stands still.
fn below(session: &Session, home: Option<&Path>) -> Vec<String> {
    let id = cut(&session.id, words::SESSION_ID);
    let folder = tilde(&session.directory, home);
    let mut lines = vec![format!("  {id}  {}", cut_path(&folder, WIDTH - 4 - id.chars().count()))];
    let run = session.run_id.as_deref().map(|run| format!("run {}", cut(run, words::ID)));
    let pid = session.pid.map(|pid| match &session.terminal {
        Some(terminal) => format!("process {pid} on {}", cut(terminal, 20)),
        None => format!("process {pid}"),
    });
    let facts: Vec<String> = run.into_iter().chain(pid).collect();
    lines.extend((!facts.is_empty()).then(|| format!("  {}", facts.join(", "))));
    lines.extend(session.why.as_deref().map(|why| format!("  {}", cut(why, WIDTH - 2))));
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ago, now};
    use orgx_peer::{SessionState, SessionTokens};

    fn session(n: i64, state: SessionState) -> Session {
        Session {
            id: format!("ses_e04ffe9b0ffe5x24tSztC1jM{n:02}"),
            title: "Mend the login form".into(),
            directory: "/home/me/code/shop".into(),
            cost: 0.0712,
            tokens: SessionTokens { input: 900, output: 62, cache_read: 1_200, ..SessionTokens::default() },
            state,
            created_at: ago(90_000),
            updated_at: ago(30 * n * n * n),
            ..Session::default()
        }
    }

    #[test]
    fn a_list_of_sessions_fits_and_moves_no_cursor() {
        let mut all: Vec<Session> = [
            SessionState::Active,
            SessionState::WaitingInput,
            SessionState::Blocked,
            SessionState::Ready,
            SessionState::Idle,
            SessionState::Exited,
        ]
        .into_iter()
        .zip(1..)
        .map(|(state, n)| session(n, state))
        .collect();
        (all[0].run_id, all[0].pid) = (Some("run_01jdk3x7c2m9q4w8e5r6t7y8u9".into()), Some(4_711));
        (all[1].pid, all[1].terminal) = (Some(12), Some("/dev/pts/3".into()));
        all[1].title =
            "A title that goes on and on, \x1b[31mred\nand over the end of the line\u{202e}".into();
        all[2].why =
            Some("Rate limit reached, and so on for a long while, \x07 until the line is full of it".into());
        all[3].directory = "/home/me/customers/onboarding-2026/experiments/with/long/names".into();
        (all[4].parent_id, all[4].cost) = (Some("ses_x".into()), 0.0);
        (all[5].archived, all[5].updated_at) = (true, ago(40_000_000));
        let said = list(&all, 8, &now(), Some(Path::new("/home/me")), Style::Plain);
        assert!(said.lines().all(|line| line.chars().count() <= 80) && !said.contains('\x1b'), "{said}");
        insta::assert_snapshot!(said);
        insta::assert_snapshot!(list(&[], 0, &now(), None, Style::Plain));
    }

    #[test]
    fn the_json_has_the_names_that_were_promised() {
        let told = serde_json::to_value([session(1, SessionState::WaitingInput)]).expect("JSON");
        let told = told[0].as_object().expect("an object");
        for name in [
            "id",
            "title",
            "directory",
            "project_id",
            "parent_id",
            "model",
            "cost",
            "tokens",
            "state",
            "created_at",
            "updated_at",
            "run_id",
        ] {
            assert!(told.contains_key(name), "{name}");
        }
        assert_eq!(told["state"], "waiting_input");
        let tokens: Vec<_> = told["tokens"].as_object().expect("an object").keys().collect();
        assert_eq!(tokens, ["cache_read", "cache_write", "input", "output", "reasoning"]);
    }
}
