//! Asks the desktop what its panel looks like, and hears when that changes.
//!
//! Promise: nobody waits for it. The icon stands at once, made of what is known; whatever a desktop says later, or
//! never, changes its colours then.

use crate::tray::panel::Told;
#[cfg(target_os = "linux")]
use futures_util::StreamExt;
#[cfg(any(target_os = "linux", windows))]
use std::time::Duration;
#[cfg(target_os = "linux")]
use zbus::proxy::{Builder, CacheProperties};
#[cfg(target_os = "linux")]
use zbus::{Connection, OwnedVariant, Proxy, Variant};

/// What is heard changes this.
pub(super) type Change = Box<dyn FnOnce(&mut Told) + Send>;

/// A service on the bus that does not answer in this time is as good as none.
#[cfg(target_os = "linux")]
const ANSWER: Duration = Duration::from_secs(5);

/// PROTOCOL: the portal's settings.
#[cfg(target_os = "linux")]
const PORTAL: Service = Service {
    name: "org.freedesktop.portal.Desktop",
    path: "/org/freedesktop/portal/desktop",
    interface: "org.freedesktop.portal.Settings",
    read: "Read",
    changed: "SettingChanged",
    key: ("org.freedesktop.appearance", "color-scheme"),
};

/// PROTOCOL: Xfce's settings; its panel is dark or light whatever the theme is.
#[cfg(target_os = "linux")]
const XFCE: Service = Service {
    name: "org.xfce.Xfconf",
    path: "/org/xfce/Xfconf",
    interface: "org.xfce.Xfconf",
    read: "GetProperty",
    changed: "PropertyChanged",
    key: ("xfce4-panel", "/panels/dark-mode"),
};

/// Tells what the desktop says, now and whenever it changes. On the main thread.
#[cfg(target_os = "linux")]
pub(super) fn watch(tell: impl Fn(Change) + Clone + Send + Sync + 'static) {
    let desktop = std::env::var("XDG_CURRENT_DESKTOP").unwrap_or_default();
    let is_xfce = desktop.split(':').any(|name| name.eq_ignore_ascii_case("XFCE"));
    tell(Box::new(move |told| told.desktop = desktop));
    watch_gtk(tell.clone());
    if is_xfce {
        let tell = tell.clone();
        tauri::async_runtime::spawn(XFCE.follow(move |value| {
            let is_dark = value.and_then(|value| match whole(&value) {
                Variant::Bool(is_dark) => Some(*is_dark),
                _ => None,
            });
            tell(Box::new(move |told| told.panel_is_dark = is_dark));
        }));
    }
    tauri::async_runtime::spawn(PORTAL.follow(move |value| {
        let scheme = value.and_then(|value| match whole(&value) {
            Variant::U32(scheme) => Some(*scheme),
            _ => None,
        });
        tell(Box::new(move |told| told.scheme = scheme));
    }));
}

/// The taskbar's colour. Its changes are announced to windows alone, and mostly there is none: it is looked at.
#[cfg(windows)]
pub(super) fn watch(tell: impl Fn(Change) + Clone + Send + Sync + 'static) {
    const LOOK: Duration = Duration::from_secs(5);
    let look = || {
        let key = r"Software\Microsoft\Windows\CurrentVersion\Themes\Personalize";
        let key = windows_registry::CURRENT_USER.open(key).ok()?;
        key.get_u32("SystemUsesLightTheme").ok().map(|light| light == 0)
    };
    let is_dark = look();
    tell(Box::new(move |told| told.panel_is_dark = is_dark));
    tauri::async_runtime::spawn(async move {
        loop {
            tokio::time::sleep(LOOK).await;
            let is_dark = look();
            tell(Box::new(move |told| told.panel_is_dark = is_dark));
        }
    });
}

/// Here the OS colours the icon by itself.
#[cfg(not(any(target_os = "linux", windows)))]
pub(super) fn watch(_: impl Fn(Change) + Clone + Send + Sync + 'static) {}

#[cfg(target_os = "linux")]
fn watch_gtk(tell: impl Fn(Change) + Clone + 'static) {
    use gtk::prelude::GtkSettingsExt;
    let Some(settings) = gtk::Settings::default() else { return };
    let read = move |settings: &gtk::Settings| {
        let theme = settings.gtk_theme_name().map(String::from).unwrap_or_default();
        let prefers_dark = settings.is_gtk_application_prefer_dark_theme();
        tell(Box::new(move |told| {
            told.theme = theme;
            told.prefers_dark = prefers_dark;
        }));
    };
    read(&settings);
    settings.connect_gtk_theme_name_notify(read.clone());
    settings.connect_gtk_application_prefer_dark_theme_notify(read);
}

/// Something on the session bus that keeps a setting by a group and a name.
#[cfg(target_os = "linux")]
struct Service {
    name: &'static str,
    path: &'static str,
    interface: &'static str,
    read: &'static str,
    changed: &'static str,
    key: (&'static str, &'static str),
}

#[cfg(target_os = "linux")]
impl Service {
    async fn follow(self, tell: impl Fn(Option<OwnedVariant>) + Send) {
        if let Err(error) = self.hear(tell).await {
            tracing::debug!(%error, service = self.name, "the desktop's colours are not heard");
        }
    }

    async fn hear(&self, tell: impl Fn(Option<OwnedVariant>)) -> zbus::Result<()> {
        let connection = Connection::session().await?;
        let proxy: Proxy<'_> = Builder::new(&connection)
            .destination(self.name)
            .path(self.path)
            .interface(self.interface)
            .cache_properties(CacheProperties::No)
            .build()
            .await?;
        // Heard before it is read, so that no change falls between the two.
        let mut changes = proxy.receive_signal(self.changed).await?;
        let mut owners = std::pin::pin!(proxy.receive_owner_changed().await?);
        tell(self.ask(&proxy).await);
        loop {
            tokio::select! {
                Some(change) = changes.next() => {
                    let body = change.body();
                    let (group, name, value): (String, String, OwnedVariant) = body.deserialize()?;
                    if (group.as_str(), name.as_str()) == self.key {
                        tell(Some(value));
                    }
                }
                // It came late, or again. One that goes has said what it said.
                Some(owner) = owners.next() => if owner.is_some() {
                    tell(self.ask(&proxy).await);
                },
                else => return Ok(()),
            }
        }
    }

    async fn ask(&self, proxy: &Proxy<'_>) -> Option<OwnedVariant> {
        let asked = tokio::time::timeout(ANSWER, proxy.call(self.read, &self.key));
        asked.await.ok()?.inspect_err(|error| tracing::debug!(%error, service = self.name)).ok()
    }
}

/// A value in a value is that value.
#[cfg(target_os = "linux")]
fn whole<'v, 'a>(value: &'v Variant<'a>) -> &'v Variant<'a> {
    match value {
        Variant::Variant(inner) => whole(inner),
        value => value,
    }
}
