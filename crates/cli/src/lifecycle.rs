//! `orgx-peer lifecycle`: sessions that began and ended, as the receiver was told.

use crate::args::LifecycleOptions;
use crate::find::{Found, Refusal, find};
use crate::show::table::{Cell, table};
use crate::show::text::{clean, cut, cut_path, tilde};
use crate::show::when::Now;
use crate::show::{Style, Tone, WIDTH, say};
use crate::signals::Stop;
use crate::{home, words};
use orgx_peer::{Command, LifecycleEvent, Reply};
use std::path::Path;
use std::process::ExitCode;
use tokio::sync::broadcast::error::RecvError;

/// Events that are fetched at once while they are followed.
const AT_ONCE: usize = 500;

pub(crate) async fn lifecycle(options: &LifecycleOptions) -> ExitCode {
    match list(options).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(refusal) => refusal.end(options.list.json),
    }
}

async fn list(options: &LifecycleOptions) -> Result<(), Refusal> {
    let found = find(&options.list.peer).await?;
    // From before the first look: what comes in between is seen, too.
    let mut events = found.peer.events();
    let mut stop = Stop::listen();
    let first = ask(&found, options.list.limit, None).await?;
    let mut number = first.last().map_or(0, |event| event.number);
    if first.is_empty() && !options.follow && !options.list.json {
        say("Nothing yet. docs/lifecycle.md says who can tell of sessions, and how.");
        return Ok(());
    }
    let mut heard = show(&first, options.list.json);
    while options.follow && heard {
        let next = async {
            loop {
                match events.recv().await {
                    Ok(
                        orgx_peer::PeerEvent::SessionStarted { .. }
                        | orgx_peer::PeerEvent::SessionEnded { .. },
                    )
                    | Err(RecvError::Lagged(_)) => return true,
                    Ok(_) => {}
                    Err(RecvError::Closed) => return false,
                }
            }
        };
        tokio::select! {
            () = stop.asked() => return Ok(()),
            more = next => if !more {
                return Err(Refusal::stopped());
            },
        }
        loop {
            let new = ask(&found, AT_ONCE, Some(number)).await?;
            let Some(last) = new.last() else { break };
            number = last.number;
            heard = show(&new, options.list.json);
        }
    }
    Ok(())
}

async fn ask(found: &Found, limit: usize, after: Option<i64>) -> Result<Vec<LifecycleEvent>, Refusal> {
    match found.peer.command(Command::Lifecycle { limit, after }).await? {
        Reply::Lifecycle { events } => Ok(events),
        _ => Err(Refusal::new("unreachable", "the running peer gave an answer to something else")),
    }
}

/// Is somebody reading?
fn show(events: &[LifecycleEvent], json: bool) -> bool {
    if events.is_empty() {
        return true;
    }
    if json {
        let lines: String = events.iter().map(|event| event.event.to_line()).collect();
        return say(lines.trim_end());
    }
    say(&render(events, &Now::here(), home().as_deref(), Style::of_stdout()))
}

fn render(events: &[LifecycleEvent], now: &Now, home: Option<&Path>, style: Style) -> String {
    let rows: Vec<_> = events.iter().map(|event| row(event, now, home)).collect();
    table(&rows, 0, style)
}

fn row(event: &LifecycleEvent, now: &Now, home: Option<&Path>) -> Vec<Cell> {
    let payload = &event.event.payload;
    let (lifecycle, session) = (&payload.lifecycle, &payload.session);
    let at = session.started_at.as_ref().or(session.ended_at.as_ref()).unwrap_or(&event.event.timestamp);
    let time = at.parse::<jiff::Timestamp>().map(|at| now.at(at.as_millisecond())).unwrap_or_default();
    let (word, tone) = words::phase(lifecycle.phase);
    // What a good end says is said by its phase.
    let why = lifecycle.reason.as_deref().filter(|_| lifecycle.phase != orgx_peer::Phase::Completed);
    let why = why.map(|why| format!("{}  ", cut(&clean(why), WHY))).unwrap_or_default();
    let room = WIDTH - BEFORE - why.chars().count();
    let what = format!("{why}{}", cut_path(&tilde(&clean(&payload.cwd), home), room));
    vec![
        Cell::toned(time, Tone::Mute),
        Cell::toned(word, tone),
        cut(&clean(&session.harness), HARNESS).into(),
        cut(&clean(&session.id), words::ID).into(),
        what.into(),
    ]
}

/// Characters of a harness's name.
const HARNESS: usize = 11;
/// Characters of a reason.
const WHY: usize = 13;
/// Characters before reason and folder, where the time is a date.
const BEFORE: usize = 60;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::now;
    use serde_json::json;

    fn event(number: i64, body: &serde_json::Value) -> LifecycleEvent {
        use orgx_proto::lifecycle::{Event, Ids, Posted};
        let at = orgx_proto::time::Timestamp(crate::fixtures::ago(100 - number));
        let posted = Posted::read(body.to_string().as_bytes(), at).expect("a post");
        let ids = Ids { event: format!("evt_{number:016}"), trace: "trc_0000000000000000".into() };
        LifecycleEvent { number, event: Event::new(&posted.happened(at), ids, at) }
    }

    #[test]
    fn events_line_up_and_move_no_cursor() {
        let events: Vec<_> = [
            json!({"session_id": "ses_e04ffe9b0ffe5x24tSztC1jM01", "hook_type": "start", "cwd": "/home/me/code/shop"}),
            json!({"session_id": "ses_e04ffe9b0ffe5x24tSztC1jM01", "cwd": "/home/me/code/shop"}),
            json!({"session_id": "one", "harness": "claude-code", "exit_status": 143, "cwd": "/home/me/a/very/long/path/x"}),
            json!({"session_id": "\u{202e}two", "exit_status": 42}),
        ]
        .iter()
        .zip(1..)
        .map(|(body, number)| event(number, body))
        .collect();
        let said = render(&events, &now(), Some(Path::new("/home/me")), Style::Plain);
        assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
        assert!(!said.contains('\u{202e}'));
        insta::assert_snapshot!(said);
    }
}
