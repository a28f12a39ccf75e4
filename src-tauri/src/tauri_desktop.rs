//! The real desktop, by Tauri. Every touch of Tauri is here, in `window`, in `commands` and in `lib`.

mod autostart;
mod notify;
mod panel;
mod tray;
#[cfg(target_os = "linux")]
mod watcher;

pub(crate) use autostart::ARGUMENT as AUTOSTARTED;

use crate::controller::Input;
use crate::desktop::{Choose, Chosen, Confirm, Confirmed, Desktop, OsError};
use crate::notifications::{Key, Notification};
use crate::tray::Tray;
use crate::view::model::WindowState;
use crate::window::{self, LABEL};
use arboard::Clipboard;
use orgx_peer::{Environment, OpenSession};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tauri::{AppHandle, Emitter};
use tauri_plugin_dialog::{DialogExt, MessageDialogButtons, MessageDialogKind};
use tokio::sync::mpsc::UnboundedSender;
use url::Url;

/// The event that brings the window a new state.
const STATE: &str = "state";

/// The real desktop.
pub(crate) struct TauriDesktop {
    app: AppHandle,
    tray: Arc<tray::Place>,
    notifications: notify::Notifications,
    /// Kept, because on X11 what is copied lives as long as who copied it.
    clipboard: Mutex<Option<Clipboard>>,
    windows: window::Windows,
}

impl TauriDesktop {
    /// Of this app. `patience`: how long a place for the icon is waited for before it counts as missing.
    pub(crate) fn new(
        app: &AppHandle,
        inputs: &UnboundedSender<Input>,
        windows: window::Windows,
        patience: Duration,
    ) -> Self {
        Self {
            app: app.clone(),
            tray: tray::Place::new(app, inputs, patience),
            notifications: notify::Notifications::new(app, inputs),
            clipboard: Mutex::default(),
            windows,
        }
    }

    fn on_main_thread(&self, act: impl FnOnce(&AppHandle) + Send + 'static) {
        let app = self.app.clone();
        if let Err(error) = self.app.run_on_main_thread(move || act(&app)) {
            tracing::warn!(%error, "the event loop is gone");
        }
    }
}

impl Desktop for TauriDesktop {
    fn now(&self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
    }

    fn set_tray(&self, tray: &Tray) {
        self.tray.set(tray.clone());
    }

    fn open_window(&self) {
        let windows = self.windows.clone();
        self.on_main_thread(move |app| windows.open(app));
    }

    fn close_window(&self) {
        self.on_main_thread(window::close);
    }

    fn send(&self, state: &WindowState) {
        if let Err(error) = self.app.emit_to(LABEL, STATE, state) {
            tracing::warn!(%error, "the window did not get its state");
        }
    }

    fn notify(&self, notification: &Notification) {
        self.notifications.show(&self.app, notification);
    }

    fn withdraw(&self, key: &Key) {
        self.notifications.withdraw(&self.app, key);
    }

    fn open_url(&self, url: &Url) -> Result<(), OsError> {
        tauri_plugin_opener::open_url(url.as_str(), None::<&str>).map_err(OsError::of)
    }

    fn show_in_folder(&self, path: &Path) -> Result<(), OsError> {
        let path = path.to_owned();
        // A file manager that has to be started takes its time.
        let show = move || {
            let shown = if path.is_dir() {
                tauri_plugin_opener::open_path(&path, None::<&str>)
            } else {
                let folder = path.parent().unwrap_or(&path).to_owned();
                tauri_plugin_opener::reveal_item_in_dir(&path)
                    .or_else(|_| tauri_plugin_opener::open_path(folder, None::<&str>))
            };
            if let Err(error) = shown {
                tracing::warn!(%error, "the file manager did not open");
            }
        };
        std::thread::Builder::new().name("file-manager".into()).spawn(show).map(drop).map_err(OsError::of)
    }

    fn open_terminal(&self, session: &OpenSession, env: &Environment) -> Result<(), OsError> {
        session.in_terminal(env).map_err(OsError::of)
    }

    fn copy(&self, text: &str) -> Result<(), OsError> {
        let mut clipboard = self.clipboard.lock().unwrap_or_else(PoisonError::into_inner);
        if clipboard.is_none() {
            *clipboard = Some(Clipboard::new().map_err(OsError::of)?);
        }
        let Some(open) = clipboard.as_mut() else { return Ok(()) };
        open.set_text(text).map_err(|error| {
            *clipboard = None;
            OsError::of(error)
        })
    }

    fn choose(&self, what: Choose, then: Chosen) {
        let path =
            |chosen: Option<tauri_plugin_dialog::FilePath>| chosen.and_then(|path| path.into_path().ok());
        match what {
            Choose::Folder => {
                let dialog = self.app.dialog().file().set_title("A folder that agents may work in");
                dialog.pick_folder(move |chosen| then(path(chosen)));
            }
            Choose::Program => {
                let dialog = self.app.dialog().file().set_title("The OpenCode program");
                dialog.pick_file(move |chosen| then(path(chosen)));
            }
        }
    }

    fn confirm(&self, what: Confirm, then: Confirmed) {
        let (title, text, yes) = match what {
            Confirm::AnyFolder => (
                "Let agents work in any folder?",
                "Tasks of OrgX may then read and change all that you may: keys, mail and settings, too.",
                "Allow any folder",
            ),
        };
        let buttons = MessageDialogButtons::OkCancelCustom(yes.to_owned(), "Cancel".to_owned());
        let dialog = self.app.dialog().message(text).title(title).kind(MessageDialogKind::Warning);
        dialog.buttons(buttons).show(then);
    }

    fn autostart(&self) -> Option<bool> {
        autostart::is_on(&self.app)
    }

    fn set_autostart(&self, on: bool) -> Result<(), OsError> {
        autostart::set(&self.app, on)
    }

    fn exit(&self) {
        self.app.exit(0);
    }
}
