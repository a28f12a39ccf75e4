//! Runs of before, and the open run: read from the peer when something about them has changed.

use super::{Controller, Done};
use crate::facts::{Detail, History};
use crate::view::model::Page;
use orgx_peer::{Command, CommandError, Reply, RunDetail, RunRecord};
use std::time::Duration;
use tokio::time::Instant;

/// Runs that are read.
const RUNS: usize = 100;
/// The open run is read again at most this often.
const EVERY: Duration = Duration::from_millis(250);

/// What is being read.
#[derive(Debug, Default)]
pub(super) struct Reading {
    history: Once,
    detail: Once,
    /// The sessions: see there.
    pub(super) sessions: bool,
}

/// One reading at a time; what changes meanwhile is read after it.
#[derive(Debug, Default)]
struct Once {
    under_way: bool,
    again: bool,
}

impl Once {
    /// May it begin?
    fn begin(&mut self) -> bool {
        self.again = self.under_way;
        !std::mem::replace(&mut self.under_way, true)
    }

    /// Is it to begin again?
    fn end(&mut self) -> bool {
        self.under_way = false;
        std::mem::take(&mut self.again)
    }
}

impl Controller {
    pub(super) fn read_history(&mut self) {
        let Some(host) = &self.host else { return };
        if !self.reading.history.begin() {
            return;
        }
        let asked = host.ask(Command::Runs { limit: RUNS });
        self.later(async {
            Done::History(match asked.await {
                Ok(Reply::Runs { runs }) => Ok(runs),
                Ok(_) => Ok(Vec::new()),
                Err(error) => Err(error),
            })
        });
    }

    pub(super) fn history_read(&mut self, result: Result<Vec<RunRecord>, CommandError>) {
        match result {
            Ok(runs) => self.facts.history = History { runs, read: true, error: None },
            // It is read when the next one is there.
            Err(CommandError::Gone) => {}
            Err(error) => {
                self.facts.history.read = true;
                self.facts.history.error = Some(error.to_string());
            }
        }
        if self.reading.history.end() {
            self.read_history();
        }
    }

    /// Reads the run whose page is open; forgets the one that was.
    pub(super) fn read_detail(&mut self) {
        let Page::Run { run_id } = &self.facts.page else {
            self.facts.detail = None;
            self.timers.detail = None;
            return;
        };
        if self.facts.detail.as_ref().is_none_or(|detail| detail.run_id != *run_id) {
            self.facts.detail = Some(Detail { run_id: run_id.clone(), run: None, error: None });
            self.reading.detail = Once::default();
        }
        // Nobody looks at a page of a closed window; it is read when the window opens.
        let Some(host) = self.host.as_ref().filter(|_| self.window.open) else { return };
        if !self.reading.detail.begin() {
            return;
        }
        let run_id = run_id.clone();
        let asked = host.ask(Command::Detail { run_id: run_id.clone(), exact: true });
        self.later(async {
            let result = match asked.await {
                Ok(Reply::Detail(detail)) => Ok(detail),
                Ok(_) => Ok(Box::<RunDetail>::default()),
                Err(error) => Err(error),
            };
            Done::Detail(run_id, result)
        });
    }

    pub(super) fn detail_read(&mut self, run_id: &str, result: Result<Box<RunDetail>, CommandError>) {
        let Some(detail) = self.facts.detail.as_mut().filter(|detail| detail.run_id == run_id) else {
            return;
        };
        match result {
            Ok(run) => {
                detail.run = Some(*run);
                detail.error = None;
            }
            Err(CommandError::Gone) => {}
            Err(error) => detail.error = Some(error.to_string()),
        }
        if self.reading.detail.end() {
            self.timers.detail = Some(Instant::now() + EVERY);
        }
    }

    pub(super) fn detail_is_stale(&mut self, run_id: &str) {
        if is_looked_at(&self.facts.page, self.window.open, run_id) && self.timers.detail.is_none() {
            self.timers.detail = Some(Instant::now() + EVERY);
        }
    }
}

/// Is this run's page before somebody's eyes?
fn is_looked_at(page: &Page, window_is_open: bool, run_id: &str) -> bool {
    window_is_open && matches!(page, Page::Run { run_id: open } if open == run_id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_read_again_only_while_its_page_is_in_an_open_window() {
        let page = Page::Run { run_id: "r1".into() };
        assert!(is_looked_at(&page, true, "r1"));
        assert!(!is_looked_at(&page, false, "r1"));
        assert!(!is_looked_at(&page, true, "r2"));
        assert!(!is_looked_at(&Page::Runs, true, "r1"));
    }
}
