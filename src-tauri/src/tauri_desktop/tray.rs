//! The icon in the tray. On Linux it needs a StatusNotifier host, which may come late, or never: what is to be shown is
//! kept and shown once there is one.

use crate::controller::{Input, TrayPlace};
use crate::tray::icon::{Rgba, Theme, icon, size_for};
use crate::tray::panel::{Told, theme};
use crate::tray::{Click, Item, Menu, Tray};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tauri::image::Image;
use tauri::menu::{IsMenuItem, MenuItem, PredefinedMenuItem, Submenu};
use tauri::tray::{MouseButton, MouseButtonState, TrayIcon, TrayIconBuilder, TrayIconEvent};
use tauri::{AppHandle, Wry};
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;

/// A place is looked for again after this, then after twice that, and so on.
const AGAIN: Duration = Duration::from_millis(500);
/// But never later than this.
const AGAIN_MAX: Duration = Duration::from_secs(60);

/// The icon's place.
pub(super) struct Place {
    app: AppHandle,
    inputs: UnboundedSender<Input>,
    state: Mutex<State>,
    failed: Notify,
}

#[derive(Default)]
struct State {
    wanted: Option<Tray>,
    icon: Option<TrayIcon>,
    /// What the items of this menu, and of the one before, stand for: a click may be late.
    clicks: Vec<(String, Click)>,
    menus: u64,
    missing: bool,
    /// What it stands on.
    panel: Told,
}

impl Place {
    pub(super) fn new(app: &AppHandle, inputs: &UnboundedSender<Input>, patience: Duration) -> Arc<Self> {
        let this = Arc::new(Self {
            app: app.clone(),
            inputs: inputs.clone(),
            state: Mutex::default(),
            failed: Notify::new(),
        });
        let place = Arc::clone(&this);
        app.on_menu_event(move |_, event| place.clicked(event.id().as_ref()));
        let place = Arc::clone(&this);
        app.on_tray_icon_event(move |_, event| place.icon_clicked(&event));
        tauri::async_runtime::spawn(Arc::clone(&this).look_for_a_place(patience));
        let place = Arc::clone(&this);
        super::panel::watch(move |change| place.heard(change));
        this
    }

    /// The desktop said something of its panel.
    fn heard(self: &Arc<Self>, change: super::panel::Change) {
        let differs = {
            let mut state = self.lock();
            let before = theme(&state.panel);
            change(&mut state.panel);
            theme(&state.panel) != before
        };
        if differs {
            self.show();
        }
    }

    /// Shows this now, or when there is a place.
    pub(super) fn set(self: &Arc<Self>, tray: Tray) {
        self.lock().wanted = Some(tray);
        self.show();
    }

    fn show(self: &Arc<Self>) {
        let this = Arc::clone(self);
        if let Err(error) = self.app.run_on_main_thread(move || this.show_here()) {
            tracing::warn!(%error, "the event loop is gone");
        }
    }

    /// On the main thread.
    fn show_here(&self) {
        let mut state = self.lock();
        let Some(tray) = state.wanted.clone() else { return };
        if let Err(error) = self.put(&mut state, &tray) {
            drop(state);
            tracing::debug!(%error, "no place for the icon");
            self.failed.notify_one();
        }
    }

    fn put(&self, state: &mut State, tray: &Tray) -> tauri::Result<()> {
        state.menus += 1;
        let mut made = Made { app: &self.app, prefix: format!("{}-", state.menus), clicks: Vec::new() };
        let menu = made.menu(&tray.menu)?;
        let clicks = made.clicks;
        let image = image(tray, theme(&state.panel), self.scale());
        if let Some(icon) = &state.icon {
            icon.set_menu(Some(menu))?;
            icon.set_tooltip(Some(&tray.tooltip))?;
            icon.set_icon_with_as_template(Some(image), cfg!(target_os = "macos"))?;
        } else {
            let builder = TrayIconBuilder::with_id("main")
                .icon(image)
                .icon_as_template(cfg!(target_os = "macos"))
                .tooltip(&tray.tooltip)
                .menu(&menu)
                .show_menu_on_left_click(cfg!(target_os = "macos"));
            #[cfg(target_os = "linux")]
            let builder = builder.title("OrgX Peer");
            state.icon = Some(builder.build(&self.app)?);
            self.tell(TrayPlace::There);
        }
        let before = state.clicks.len().saturating_sub(200);
        state.clicks.drain(..before);
        state.clicks.extend(clicks);
        Ok(())
    }

    fn clicked(&self, id: &str) {
        let click =
            self.lock().clicks.iter().rev().find(|(known, _)| known == id).map(|(_, click)| click.clone());
        if let Some(click) = click {
            // Nobody listens any more once the program ends.
            let _over = self.inputs.send(Input::Tray(click));
        }
    }

    fn icon_clicked(&self, event: &TrayIconEvent) {
        let opens = matches!(
            event,
            TrayIconEvent::Click { button: MouseButton::Left, button_state: MouseButtonState::Up, .. }
        );
        if opens && !cfg!(target_os = "macos") {
            let _over = self.inputs.send(Input::Tray(Click::Open));
        }
    }

    /// Tries again when something that shows icons appears, and from time to time.
    async fn look_for_a_place(self: Arc<Self>, patience: Duration) {
        let began = tokio::time::Instant::now();
        let mut wait = AGAIN;
        loop {
            self.failed.notified().await;
            let left = (began + patience).saturating_duration_since(tokio::time::Instant::now());
            tokio::select! {
                () = tokio::time::sleep(if left.is_zero() { wait } else { wait.min(left) }) => {}
                () = appeared() => {}
            }
            wait = (wait * 2).min(AGAIN_MAX);
            if began.elapsed() >= patience && !std::mem::replace(&mut self.lock().missing, true) {
                self.tell(TrayPlace::Missing);
            }
            self.show();
        }
    }

    fn tell(&self, place: TrayPlace) {
        let _over = self.inputs.send(Input::TrayPlace(place));
    }

    fn scale(&self) -> f64 {
        let monitor = self.app.primary_monitor().ok().flatten();
        monitor.map_or(1.0, |monitor| monitor.scale_factor())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(target_os = "linux")]
async fn appeared() {
    super::watcher::appeared().await;
}

#[cfg(not(target_os = "linux"))]
async fn appeared() {
    std::future::pending().await
}

fn image(tray: &Tray, theme: Theme, scale: f64) -> Image<'static> {
    let Rgba { width, height, data } = icon(tray.glyph, tray.overlay, theme, size_for(scale));
    Image::new_owned(data, width, height)
}

/// A menu in the making.
struct Made<'a> {
    app: &'a AppHandle,
    prefix: String,
    clicks: Vec<(String, Click)>,
}

impl Made<'_> {
    fn menu(&mut self, menu: &Menu) -> tauri::Result<tauri::menu::Menu<Wry>> {
        let items = self.items(&menu.0)?;
        tauri::menu::Menu::with_items(self.app, &refs(&items))
    }

    fn items(&mut self, items: &[Item]) -> tauri::Result<Vec<Box<dyn IsMenuItem<Wry>>>> {
        items.iter().map(|item| self.item(item)).collect()
    }

    fn item(&mut self, item: &Item) -> tauri::Result<Box<dyn IsMenuItem<Wry>>> {
        Ok(match item {
            Item::Words(words) => Box::new(MenuItem::new(self.app, escaped(words), false, None::<&str>)?),
            Item::Button(label, click) => {
                let id = format!("{}{}", self.prefix, self.clicks.len());
                self.clicks.push((id.clone(), click.clone()));
                Box::new(MenuItem::with_id(self.app, id, escaped(label), true, None::<&str>)?)
            }
            Item::Sub(label, items) => {
                let items = self.items(items)?;
                Box::new(Submenu::with_items(self.app, escaped(label), true, &refs(&items))?)
            }
            Item::Separator => Box::new(PredefinedMenuItem::separator(self.app)?),
        })
    }
}

fn refs(items: &[Box<dyn IsMenuItem<Wry>>]) -> Vec<&dyn IsMenuItem<Wry>> {
    items.iter().map(AsRef::as_ref).collect()
}

/// `&` stands before a mnemonic, here as on Windows; `_`, which does on Linux, is escaped below us.
fn escaped(label: &str) -> String {
    label.replace('&', "&&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_sign_of_a_title_becomes_a_mnemonic() {
        assert_eq!(escaped("Salt & pepper_grinder"), "Salt && pepper_grinder");
    }
}
