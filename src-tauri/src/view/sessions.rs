//! The sessions of OpenCode, as their page shows them.

#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up fails")]
mod tests;

use super::model;
use crate::facts::Facts;
use crate::text;
use orgx_peer::{Session, SessionState};
use std::path::Path;

/// The program, as a person calls it.
pub const PROGRAM: &str = "opencode";
/// Sessions that the page shows.
const SHOWN: usize = 200;

/// The sessions.
pub fn sessions(facts: &Facts) -> model::Sessions {
    let known = &facts.sessions;
    let Some(read) = &known.read else {
        return model::Sessions {
            loading: known.error.is_none(),
            trouble: known.error.as_deref().map(text::sentence),
            ..model::Sessions::default()
        };
    };
    let all: Vec<&Session> = read.sessions.iter().filter(|session| !session.archived).collect();
    let is_there = |id: &str| all.iter().any(|session| session.id == id);
    let list = all.iter().take(SHOWN).map(|session| {
        let child = session.parent_id.as_deref().is_some_and(is_there);
        row(session, child)
    });
    model::Sessions {
        list: list.collect(),
        count: u32::try_from(all.len()).unwrap_or(u32::MAX),
        tokens: all.iter().map(|session| tokens(session)).fold(0, u64::saturating_add),
        cost_cents: cents(all.iter().map(|session| session.cost).sum()),
        loading: false,
        as_of: known.error.as_ref().map(|_| known.at),
        trouble: known
            .error
            .as_deref()
            .or(read.trouble.as_deref())
            .map(|why| text::sentence(&text::line(why))),
    }
}

fn row(session: &Session, child: bool) -> model::Session {
    let title = text::line(&session.title);
    model::Session {
        id: session.id.clone(),
        title: if title.is_empty() { text::folder_name(&session.directory) } else { title },
        state: word(session.state).to_owned(),
        folder: text::line(&session.directory),
        child,
        agent: session.agent.as_deref().filter(|_| child).map(|agent| text::cut(agent, 80)),
        model: session.model.as_deref().map(|model| {
            let name = model.split_once('/').map_or(model, |(_, name)| name);
            text::cut(name, 80)
        }),
        why: session.why.as_deref().map(text::line),
        tokens: tokens(session),
        cost_cents: cents(session.cost),
        updated_at: session.updated_at,
        run_id: session.run_id.clone(),
        command: session.open(Path::new(PROGRAM)).map(|open| text::line(&open.command_line())),
    }
}

fn word(state: SessionState) -> &'static str {
    match state {
        SessionState::Active => "active",
        SessionState::WaitingInput => "waiting_input",
        SessionState::Blocked => "blocked",
        SessionState::Ready => "ready",
        SessionState::Idle => "idle",
        SessionState::Exited => "exited",
    }
}

fn tokens(session: &Session) -> u64 {
    let it = session.tokens;
    [it.output, it.reasoning, it.cache_read, it.cache_write].into_iter().fold(it.input, u64::saturating_add)
}

/// What OpenCode counts in dollars. What it could not count is none, not nothing.
fn cents(dollars: f64) -> Option<u64> {
    (dollars.is_finite() && dollars > 0.0).then(|| (dollars * 100.0).round() as u64)
}
