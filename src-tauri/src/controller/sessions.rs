//! The sessions of OpenCode: read while somebody looks at their page, and no longer; opened where the person wants.
//!
//! One reading at a time. The next one comes a few seconds after the last has ended, or sooner when the peer says that
//! something has happened.

use super::peer::no_peer;
use super::{Answer, Answered, Controller, Done, failure, reach};
use crate::view::model::Page;
use crate::view::sessions::PROGRAM;
use orgx_peer::{Command, CommandError, OpenSession, Reply, Sessions, find_opencode};
use std::path::Path;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The list is read again so long after it was read.
const EVERY: Duration = Duration::from_secs(4);
/// What is said first of one that cannot be had.
const NOT_OPENED: &str = "The session was not opened";
/// But so soon when something has happened.
const SOON: Duration = Duration::from_millis(500);

impl Controller {
    /// Reads them, if somebody looks and nobody reads.
    pub(super) fn read_sessions(&mut self) {
        self.timers.sessions = None;
        if !is_looked_at(&self.facts.page, self.window.open) || self.reading.sessions {
            return;
        }
        let Some(host) = &self.host else { return };
        self.reading.sessions = true;
        let asked = host.ask(Command::Sessions { all: true, directory: None });
        self.later(async {
            Done::Sessions(match asked.await {
                Ok(Reply::Sessions(sessions)) => Ok(*sessions),
                Ok(_) => Ok(Sessions::default()),
                Err(error) => Err(error),
            })
        });
    }

    pub(super) fn sessions_read(&mut self, result: Result<Sessions, CommandError>) {
        self.reading.sessions = false;
        let known = &mut self.facts.sessions;
        match result {
            Ok(sessions) => {
                known.read = Some(sessions);
                known.at = self.facts.now;
                known.error = None;
            }
            // It is read when the next peer is there; what is known stays, and says of when it is.
            Err(CommandError::Gone) => known.error = Some("the peer is not there now".to_owned()),
            Err(error) => known.error = Some(error.to_string()),
        }
        self.sessions_in(EVERY);
    }

    /// Something has happened that may have changed them.
    pub(super) fn sessions_are_stale(&mut self) {
        self.sessions_in(SOON);
    }

    fn sessions_in(&mut self, wait: Duration) {
        // Whoever reads now is waited for.
        if !is_looked_at(&self.facts.page, self.window.open) || self.reading.sessions {
            return;
        }
        let at = Instant::now() + wait;
        self.timers.sessions = Some(self.timers.sessions.map_or(at, |before| before.min(at)));
    }

    /// Opens a session of the list: in a terminal, or as a line to paste.
    pub(super) fn open_session(&mut self, id: &str, terminal: bool) -> Answer {
        let mut all = self.facts.sessions.read.iter().flat_map(|read| &read.sessions);
        let Some(session) = all.find(|session| session.id == id) else {
            return Err(failure(NOT_OPENED, "It is not in the list any more"));
        };
        // A line to paste finds it as the person does; what we start may have another PATH than their shell.
        let found = find_opencode(&self.place.env).filter(|_| terminal);
        match session.open(found.as_deref().unwrap_or(Path::new(PROGRAM))) {
            Some(open) => self.open_in(&open, terminal),
            None => Err(failure(NOT_OPENED, "Its id could be taken for something else")),
        }
    }

    /// Opens a run's session. While its agent works, a terminal joins it where it is.
    pub(super) fn open_run(&mut self, run_id: String, terminal: bool, answer: oneshot::Sender<Answer>) {
        let Some(host) = &self.host else {
            let _gone = answer.send(Err(no_peer()));
            return;
        };
        let is_live = self.facts.peer.runs.iter().any(|run| run.run_id == run_id);
        let asked = host.ask(Command::Open { run_id, attach: is_live });
        self.later(async move {
            let open = match asked.await {
                Ok(Reply::Open(open)) => Ok(open),
                Ok(_) => Err(failure(NOT_OPENED, "The peer said nothing of it")),
                Err(error) => Err(failure(NOT_OPENED, error)),
            };
            Done::Open(open, terminal, answer)
        });
    }

    pub(super) fn opened(
        &mut self,
        open: Result<OpenSession, crate::view::model::Failure>,
        terminal: bool,
        answer: oneshot::Sender<Answer>,
    ) {
        let _gone = answer.send(open.and_then(|open| self.open_in(&open, terminal)));
    }

    fn open_in(&self, open: &OpenSession, terminal: bool) -> Answer {
        if terminal {
            return reach::told(
                self.desktop.open_terminal(open, &self.place.env),
                "The terminal did not open",
            );
        }
        if open.has_secrets() {
            let why = "It needs a password that is never copied: open it in a terminal, or use `orgx-peer runs attach`";
            return Err(failure("Nothing was copied", why));
        }
        self.copy(&open.command_line())
    }

    /// Takes back what a run changed, or does it again.
    pub(super) fn undo(&mut self, run_id: String, undone: bool, answer: oneshot::Sender<Answer>) {
        let Some(host) = &self.host else {
            let _gone = answer.send(Err(no_peer()));
            return;
        };
        let asked = host.ask(Command::Undo { run_id: run_id.clone(), exact: true, undone });
        let title = if undone { "The run was not undone" } else { "It was not done again" };
        self.later(async move {
            let outcome = asked.await.map(|_| Answered::Done).map_err(|error| failure(title, error));
            let _gone = answer.send(outcome);
            Done::Undone(run_id)
        });
    }
}

/// Is their page before somebody's eyes?
fn is_looked_at(page: &Page, window_is_open: bool) -> bool {
    window_is_open && *page == Page::Sessions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_read_only_while_their_page_is_in_an_open_window() {
        assert!(is_looked_at(&Page::Sessions, true));
        assert!(!is_looked_at(&Page::Sessions, false));
        assert!(!is_looked_at(&Page::Runs, true));
    }
}
