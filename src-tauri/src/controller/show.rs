//! What goes out: the tray, the window's state, notifications.

use super::timers::is_due;
use super::{Controller, TrayPlace};
use crate::notifications::{self, Context, Notifier, Tell};
use crate::tray::Tray;
use crate::view;
use crate::view::model::Page;
use std::time::Duration;
use tokio::time::Instant;

/// The window gets a state at most this often.
const EVERY: Duration = Duration::from_millis(50);
/// The tray's times (of runs, of the next try) are not older than this.
const TRAY: Duration = Duration::from_secs(15);

/// What is known of the window, and what was shown last.
#[derive(Debug, Default)]
pub(super) struct Window {
    /// Is it open, as far as we know?
    pub(super) open: bool,
    /// Has its page said that it listens?
    pub(super) ready: bool,
    /// Is it in front?
    pub(super) focused: bool,
    sent: Option<view::model::WindowState>,
    sent_at: Option<Instant>,
    tray: Option<Tray>,
    /// The time that the tray's times are made of.
    tray_now: i64,
}

impl Controller {
    /// Shows what has changed.
    pub(super) fn show(&mut self) {
        self.show_tray();
        if !(self.window.open && self.window.ready) {
            self.timers.show = None;
            return;
        }
        let free = self.window.sent_at.map(|sent| sent + EVERY);
        if let Some(free) = free.filter(|free| *free > Instant::now()) {
            self.timers.show = Some(free);
            return;
        }
        self.timers.show = None;
        let state = view::window(&self.facts);
        if self.window.sent.as_ref() != Some(&state) {
            self.desktop.send(&state);
            self.window.sent = Some(state);
            self.window.sent_at = Some(Instant::now());
        }
    }

    fn show_tray(&mut self) {
        let now = std::mem::replace(&mut self.facts.now, self.window.tray_now);
        let same = self.window.tray.as_ref() == Some(&Tray::of(&self.facts));
        self.facts.now = now;
        if same && now - self.window.tray_now < TRAY.as_millis() as i64 {
            return;
        }
        let tray = Tray::of(&self.facts);
        self.window.tray_now = now;
        let header = view::header::header(&self.facts);
        let counts = header.until.is_some() || view::header::active(&self.facts) > 0;
        self.timers.tray = counts.then(|| Instant::now() + TRAY);
        if self.window.tray.as_ref() != Some(&tray) {
            self.desktop.set_tray(&tray);
            self.window.tray = Some(tray);
        }
    }

    /// Does what has become due.
    pub(super) fn wake(&mut self) {
        // The two are looked at whenever something is shown.
        is_due(&mut self.timers.show);
        is_due(&mut self.timers.tray);
        if is_due(&mut self.timers.notify) {
            self.notify_with(Notifier::time);
        }
        if is_due(&mut self.timers.restart) {
            self.look();
        }
        if is_due(&mut self.timers.detail) {
            self.read_detail();
        }
        if is_due(&mut self.timers.sessions) {
            self.read_sessions();
        }
        if is_due(&mut self.timers.give_up) {
            self.stop_now();
        }
        if is_due(&mut self.timers.stopped) {
            tracing::warn!("the peer did not stop in time");
            self.stopped();
        }
        if is_due(&mut self.timers.end) {
            tracing::warn!("not everything was done before the end");
            self.over = true;
        }
    }

    /// Asks the policy, and does what it says.
    pub(super) fn notify_with(&mut self, ask: impl FnOnce(&mut Notifier, Context<'_>) -> Vec<Tell>) {
        let watched = self.watched();
        let context = Context {
            now: self.facts.now,
            peer: &self.facts.peer,
            wanted: self.facts.preferences.notifications,
            muted: &self.facts.preferences.muted_rules,
            watched: watched.as_deref(),
            home: &self.facts.home,
        };
        let tells = ask(&mut self.notifier, context);
        self.tell(tells);
        let wait =
            self.notifier.next_at().map(|at| Duration::from_millis((at - self.facts.now).max(0) as u64));
        self.timers.notify = wait.map(|wait| Instant::now() + wait);
    }

    pub(super) fn tell(&self, tells: Vec<Tell>) {
        for tell in tells {
            match tell {
                Tell::Show(notification) => self.desktop.notify(&notification),
                Tell::Withdraw(key) => self.desktop.withdraw(&key),
            }
        }
    }

    /// The run whose page is open and in front.
    fn watched(&self) -> Option<String> {
        if !(self.window.open && self.window.focused) {
            return None;
        }
        match &self.facts.page {
            Page::Run { run_id } => Some(run_id.clone()),
            Page::Need { id } => {
                let attention = self.facts.peer.attention.iter().find(|attention| attention.id == *id)?;
                Some(attention.run_id.clone())
            }
            _ => None,
        }
    }

    pub(super) fn open_window(&mut self) {
        self.window_opened();
        self.desktop.open_window();
    }

    /// Opens the window on this page.
    pub(super) fn open_page(&mut self, page: Page) {
        self.go_to(page);
        self.facts.goto += 1;
        self.open_window();
    }

    /// Shows Health, if there is a window to show it.
    pub(super) fn show_health(&mut self) {
        self.go_to(Page::Health);
        self.facts.goto += 1;
    }

    /// This page is open now.
    pub(super) fn go_to(&mut self, page: Page) {
        self.facts.page = page;
        self.read_detail();
        self.read_sessions();
    }

    /// What was not read while it was closed is read.
    fn window_opened(&mut self) {
        if !std::mem::replace(&mut self.window.open, true) {
            self.read_detail();
            self.read_sessions();
        }
    }

    pub(super) fn window_closed(&mut self) {
        self.window.open = false;
        self.window.ready = false;
        self.window.focused = false;
        self.window.sent = None;
    }

    /// The page listens, and has been given everything.
    pub(super) fn window_ready(&mut self) -> view::model::WindowState {
        self.window_opened();
        self.window.ready = true;
        // An answer and an event may overtake each other: the next event says it again.
        self.window.sent = None;
        view::window(&self.facts)
    }

    pub(super) fn tray_place(&mut self, place: TrayPlace) {
        if place == TrayPlace::There {
            tracing::info!("the icon stands in the tray");
            return;
        }
        tracing::warn!("there is no place for an icon on this desktop");
        if !self.start.autostarted {
            self.open_window();
        }
        if !self.kept.read().told_of_no_tray {
            self.kept.change(|kept| kept.told_of_no_tray = true);
            self.desktop.notify(&notifications::no_tray());
        }
    }
}
