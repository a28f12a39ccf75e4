//! Clicks outside of the window: on the tray's menu, and on notifications.

use super::Controller;
use super::input::Clicked;
use crate::tray::Click;
use crate::view::model::{Page, Setting};
use orgx_peer::{Answer, Command};

impl Controller {
    pub(super) fn tray(&mut self, click: Click) {
        match click {
            Click::Open => self.open_window(),
            Click::SignIn => {
                self.open_sign_in();
                self.open_window();
            }
            Click::TryNow => self.try_now(),
            Click::Pause => self.tell_peer(Command::Pause { after_current_runs: false }),
            Click::PauseAfter => self.tell_peer(Command::Pause { after_current_runs: true }),
            Click::Resume => self.resume(),
            Click::OpenRun(run_id) => self.open_page(Page::Run { run_id }),
            Click::Cancel(run_id) => self.tell_peer(Command::Cancel { run_id, exact: true }),
            Click::OpenNeed(id) => self.open_page(Page::Need { id }),
            Click::ShowOutbox => log_failure(&self.show_outbox()),
            Click::CopyDiagnostics => self.copy_diagnostics(None),
            Click::Settings => self.open_page(Page::Settings),
            Click::Quit => self.quit(),
            Click::KeepRunning => self.keep_running(),
        }
    }

    pub(super) fn notification(&mut self, clicked: Clicked) {
        match clicked {
            Clicked::Open(page) => self.open_page(page),
            Clicked::Allow(id) => self.tell_peer(Command::Answer { id, answer: Answer::Allow }),
            Clicked::Deny(id) => {
                self.tell_peer(Command::Answer { id, answer: Answer::Deny { reason: None } });
            }
            Clicked::Mute(rule) => self.set(Setting::MuteRule(rule), None),
        }
    }
}

/// Nobody looks at a window who clicked outside of it.
fn log_failure(outcome: &super::Answer) {
    if let Err(failure) = outcome {
        tracing::warn!(%failure, "a click came to nothing");
    }
}
