//! A desktop that writes down what is asked of it.

use super::{Choose, Chosen, Confirm, Confirmed, Desktop, OsError};
use crate::notifications::{Key, Notification};
use crate::tray::Tray;
use crate::view::model::WindowState;
use orgx_peer::{Environment, OpenSession};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use url::Url;

/// The desktop; clones share what it remembers.
#[derive(Clone, Debug)]
pub struct Mock {
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<u64>,
}

/// What it was asked for.
#[derive(Debug, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that a desktop is asked")]
pub struct Seen {
    /// The tray.
    pub tray: Option<Tray>,
    /// How often the tray was set.
    pub tray_set: usize,
    /// Is the window open?
    pub window: bool,
    /// The last state that the window got.
    pub state: Option<WindowState>,
    /// How many states it got.
    pub states: usize,
    /// Notifications, in order.
    pub shown: Vec<Notification>,
    /// Those that were taken back.
    pub withdrawn: Vec<Key>,
    /// Pages opened in the browser.
    pub urls: Vec<Url>,
    /// Files and folders shown.
    pub folders: Vec<PathBuf>,
    /// Sessions opened in a terminal.
    pub terminals: Vec<OpenSession>,
    /// The clipboard.
    pub clipboard: Option<String>,
    /// What a dialog answers.
    pub choice: Option<PathBuf>,
    /// What the person says when they are asked yes or no.
    pub consent: bool,
    /// What they were asked.
    pub asked: Vec<Confirm>,
    /// Does it start at login?
    pub autostart: bool,
    /// Has it ended?
    pub exited: bool,
}

impl Mock {
    /// An empty one.
    #[allow(clippy::new_without_default, reason = "a test says that it makes one")]
    pub fn new() -> Self {
        Self { seen: Arc::default(), changed: watch::Sender::new(0) }
    }

    /// What it was asked for so far.
    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until this holds.
    pub async fn until(&self, what: &str, holds: impl Fn(&Seen) -> bool) {
        let mut changed = self.changed.subscribe();
        let wait = async {
            loop {
                changed.mark_unchanged();
                if holds(&self.seen()) {
                    return;
                }
                if changed.changed().await.is_err() {
                    return;
                }
            }
        };
        let in_time = tokio::time::timeout(std::time::Duration::from_secs(60), wait).await;
        assert!(in_time.is_ok(), "it never came to: {what}; {:#?}", *self.seen());
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.changed.send_modify(|n| *n += 1);
    }
}

impl Desktop for Mock {
    fn now(&self) -> i64 {
        std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |it| it.as_millis() as i64)
    }

    fn set_tray(&self, tray: &Tray) {
        self.note(|seen| {
            seen.tray = Some(tray.clone());
            seen.tray_set += 1;
        });
    }

    fn open_window(&self) {
        self.note(|seen| seen.window = true);
    }

    fn close_window(&self) {
        self.note(|seen| seen.window = false);
    }

    fn send(&self, state: &WindowState) {
        self.note(|seen| {
            seen.state = Some(state.clone());
            seen.states += 1;
        });
    }

    fn notify(&self, notification: &Notification) {
        self.note(|seen| seen.shown.push(notification.clone()));
    }

    fn withdraw(&self, key: &Key) {
        self.note(|seen| seen.withdrawn.push(key.clone()));
    }

    fn open_url(&self, url: &Url) -> Result<(), OsError> {
        self.note(|seen| seen.urls.push(url.clone()));
        Ok(())
    }

    fn show_in_folder(&self, path: &Path) -> Result<(), OsError> {
        self.note(|seen| seen.folders.push(path.to_owned()));
        Ok(())
    }

    fn open_terminal(&self, session: &OpenSession, _: &Environment) -> Result<(), OsError> {
        self.note(|seen| seen.terminals.push(session.clone()));
        Ok(())
    }

    fn copy(&self, text: &str) -> Result<(), OsError> {
        self.note(|seen| seen.clipboard = Some(text.to_owned()));
        Ok(())
    }

    fn choose(&self, _: Choose, then: Chosen) {
        let choice = self.seen().choice.clone();
        then(choice);
    }

    fn confirm(&self, what: Confirm, then: Confirmed) {
        let consent = self.seen().consent;
        self.note(|seen| seen.asked.push(what));
        then(consent);
    }

    fn autostart(&self) -> Option<bool> {
        Some(self.seen().autostart)
    }

    fn set_autostart(&self, on: bool) -> Result<(), OsError> {
        self.note(|seen| seen.autostart = on);
        Ok(())
    }

    fn exit(&self) {
        self.note(|seen| seen.exited = true);
    }
}
