//! The whole surface of the OS, as one trait: everything above it runs in plain tests.

#[cfg(test)]
pub mod mock;

use crate::notifications::{Key, Notification};
use crate::tray::Tray;
use crate::view::model::WindowState;
use orgx_peer::{Environment, OpenSession};
use std::path::{Path, PathBuf};
use url::Url;

/// What the app wants of the OS. No call waits for a person; what takes time is answered by an
/// [`Input`](crate::controller::Input).
pub trait Desktop: Send + Sync + 'static {
    /// Now, in ms since the epoch.
    fn now(&self) -> i64;
    /// Shows this in the tray. Where there is no place for it yet, it is shown once there is.
    fn set_tray(&self, tray: &Tray);
    /// Opens the window, or brings the open one to the front.
    fn open_window(&self);
    /// Closes the window; the app lives on.
    fn close_window(&self);
    /// Hands the window a new state.
    fn send(&self, state: &WindowState);
    /// Shows a notification.
    fn notify(&self, notification: &Notification);
    /// Takes a notification back, where the OS can.
    fn withdraw(&self, key: &Key);
    /// Opens a page in the browser.
    fn open_url(&self, url: &Url) -> Result<(), OsError>;
    /// Shows a file or a folder in the file manager.
    fn show_in_folder(&self, path: &Path) -> Result<(), OsError>;
    /// Opens a session of OpenCode in a terminal of the person's.
    fn open_terminal(&self, session: &OpenSession, env: &Environment) -> Result<(), OsError>;
    /// Puts text into the clipboard.
    fn copy(&self, text: &str) -> Result<(), OsError>;
    /// Lets the person choose a folder or a file; answers `None` when they chose none.
    fn choose(&self, what: Choose, then: Chosen);
    /// Asks the person yes or no, outside of the window: a page cannot answer for them.
    fn confirm(&self, what: Confirm, then: Confirmed);
    /// Does the app start at login? `None` where that cannot be had.
    fn autostart(&self) -> Option<bool>;
    /// Makes it so.
    fn set_autostart(&self, on: bool) -> Result<(), OsError>;
    /// Ends the process.
    fn exit(&self);
}

/// Called with what was chosen.
pub type Chosen = Box<dyn FnOnce(Option<PathBuf>) + Send>;

/// Called with what the person said.
pub type Confirmed = Box<dyn FnOnce(bool) + Send>;

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Confirm {
    /// May agents work anywhere?
    AnyFolder,
}

/// What is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choose {
    /// A folder that agents may work in.
    Folder,
    /// The OpenCode program.
    Program,
}

/// What the OS did not do, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct OsError(pub String);

impl OsError {
    /// Of whatever it said.
    pub fn of(error: impl std::fmt::Display) -> Self {
        Self(crate::text::line(&error.to_string()))
    }
}
