//! An icon in the panel as the panel sees it: its pixels, its tooltip, and its menu to read and to click.

use futures_util::StreamExt;
use std::collections::HashMap;
use std::time::Duration;
use tokio::time::{Instant, timeout};
use zbus::proxy::{CacheProperties, SignalStream};
use zbus::{OwnedVariant, Proxy, Variant};

/// Signals may name a menu that is already older than the next; a look this often is as good as all of them.
const LOOK: Duration = Duration::from_millis(500);

/// Number, properties and children of the menu's root, as they come.
type Layout = (i32, HashMap<String, OwnedVariant>, Vec<OwnedVariant>);

/// Pictures of an icon: width, height and ARGB bytes each.
pub type Pixels = Vec<(i32, i32, Vec<u8>)>;

/// An entry of the menu.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    id: i32,
    /// What it says; empty for a line.
    pub label: String,
    /// Can it be clicked?
    pub enabled: bool,
    /// What is below it.
    pub entries: Vec<Entry>,
}

impl Entry {
    /// The entry whose label begins so, here or deeper, the way there named label by label.
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        let Some((first, rest)) = path.split_first() else { return Some(self) };
        self.entries.iter().find(|entry| entry.label.starts_with(first))?.at(rest)
    }

    /// Is there an entry at that path?
    pub fn has(&self, path: &[&str]) -> bool {
        self.at(path).is_some()
    }

    /// The labels of this level.
    pub fn labels(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry.label.as_str()).collect()
    }
}

/// The icon.
#[derive(Debug)]
pub struct Tray {
    item: Proxy<'static>,
    menu: Proxy<'static>,
}

impl Tray {
    pub(super) async fn of(connection: &zbus::Connection, item: &str) -> Self {
        let (service, path) = item.split_once('/').expect("a name and a path");
        let (service, path) = (service.to_owned(), format!("/{path}"));
        let item = proxy(connection, &service, &path, "org.kde.StatusNotifierItem").await;
        let menu: zbus::OwnedObjectPath = item.get_property("Menu").await.expect("its menu");
        let menu = proxy(connection, &service, menu.as_str(), "com.canonical.dbusmenu").await;
        Self { item, menu }
    }

    /// The whole menu.
    pub async fn menu(&self) -> Entry {
        let asked = self.menu.call("GetLayout", &(0_i32, -1_i32, Vec::<&str>::new())).await;
        let (_, (id, properties, children)): (u32, Layout) = asked.expect("the menu");
        let properties = properties.iter().map(|(name, value)| (name.clone(), &**value)).collect();
        of(id, properties, children.iter().map(|child| entry(child)).collect())
    }

    /// The menu, once it is as wanted.
    pub async fn menu_with(&self, what: &str, wanted: impl Fn(&Entry) -> bool) -> Entry {
        let mut changes = signals(&self.menu).await;
        let end = Instant::now() + crate::WAIT;
        loop {
            let menu = self.menu().await;
            if wanted(&menu) {
                return menu;
            }
            assert!(
                Instant::now() < end,
                "waited {} s for {what}; there is {menu:#?}",
                crate::WAIT.as_secs()
            );
            let _changed = timeout(LOOK, changes.next()).await;
        }
    }

    /// Clicks the entry at that path, once it is there and can be clicked.
    pub async fn click(&self, path: &[&str]) {
        let can = |menu: &Entry| menu.at(path).is_some_and(|entry| entry.enabled);
        let end = Instant::now() + crate::WAIT;
        loop {
            let menu = self.menu_with(&format!("{path:?} in the menu"), can).await;
            let id = menu.at(path).expect("it was waited for").id;
            let event = (id, "clicked", Variant::from(0_i32), 0_u32);
            let answer: zbus::Result<()> = self.menu.call("Event", &event).await;
            // The app may answer when it is already gone: that is what quitting is. But a menu that was made anew since
            // it was read does not know the entry any more.
            if !answer.is_err_and(|error| is_stale(&error)) {
                return;
            }
            assert!(Instant::now() < end, "the menu is always older than the click on {path:?}");
        }
    }

    /// A click on the icon itself.
    pub async fn activate(&self) {
        let activated: zbus::Result<()> = self.item.call("Activate", &(0_i32, 0_i32)).await;
        activated.expect("it can be clicked");
    }

    /// What the tooltip says.
    pub async fn tooltip(&self) -> String {
        let tip: OwnedVariant = self.item.get_property("ToolTip").await.expect("a tooltip");
        match whole(&tip) {
            // The icon's name, its pixels, a title, a text.
            Variant::Structure(tip) => tip.fields().iter().skip(2).filter_map(text).collect(),
            _ => String::new(),
        }
    }

    /// The tooltip, once it is as wanted.
    pub async fn tooltip_with(&self, wanted: &str) -> String {
        let mut changes = signals(&self.item).await;
        let end = Instant::now() + crate::WAIT;
        loop {
            let tip = self.tooltip().await;
            if tip.contains(wanted) {
                return tip;
            }
            assert!(Instant::now() < end, "waited {} s for {wanted:?}; it is {tip:?}", crate::WAIT.as_secs());
            let _changed = timeout(LOOK, changes.next()).await;
        }
    }

    /// The icon's pictures, once they are as wanted.
    pub async fn pixels_with(&self, what: &str, wanted: impl Fn(&Pixels) -> bool) -> Pixels {
        let mut changes = signals(&self.item).await;
        let end = Instant::now() + crate::WAIT;
        loop {
            let pixels = self.pixels().await;
            if wanted(&pixels) {
                return pixels;
            }
            assert!(Instant::now() < end, "waited {} s for {what}", crate::WAIT.as_secs());
            let _changed = timeout(LOOK, changes.next()).await;
        }
    }

    /// The icon's pictures: width, height and ARGB bytes each.
    pub async fn pixels(&self) -> Pixels {
        self.item.get_property("IconPixmap").await.expect("its pixels")
    }
}

fn is_stale(error: &zbus::Error) -> bool {
    match error {
        zbus::Error::FDO(error) => matches!(**error, zbus::fdo::Error::InvalidArgs(_)),
        zbus::Error::MethodError(name, ..) => name.as_str() == "org.freedesktop.DBus.Error.InvalidArgs",
        _ => false,
    }
}

async fn proxy(connection: &zbus::Connection, service: &str, path: &str, interface: &str) -> Proxy<'static> {
    let builder = zbus::proxy::Builder::new(connection)
        .destination(service.to_owned())
        .path(path.to_owned())
        .interface(interface.to_owned())
        .cache_properties(CacheProperties::No);
    builder.build().await.expect("a proxy")
}

async fn signals(of: &Proxy<'static>) -> SignalStream<'static> {
    of.receive_all_signals().await.expect("its signals")
}

fn entry(layout: &Variant<'_>) -> Entry {
    let fields = match whole(layout) {
        Variant::Structure(layout) => layout.fields(),
        other => panic!("no menu entry: {other:?}"),
    };
    let [Variant::I32(id), Variant::Dict(properties), Variant::Array(children)] = fields else {
        panic!("no menu entry: {fields:?}")
    };
    let properties = properties.iter().filter_map(|(name, value)| Some((text(name)?, value))).collect();
    of(*id, properties, children.inner().iter().map(entry).collect())
}

fn of(id: i32, properties: HashMap<String, &Variant<'_>>, entries: Vec<Entry>) -> Entry {
    let label = properties.get("label").and_then(|label| text(label)).unwrap_or_default();
    let enabled = !matches!(properties.get("enabled").map(|value| whole(value)), Some(Variant::Bool(false)));
    // An underscore marks the key to press; two are one.
    let label = label.replace("__", "\u{0}").replace('_', "").replace('\u{0}', "_");
    Entry { id, label, enabled, entries }
}

fn whole<'v, 'a>(value: &'v Variant<'a>) -> &'v Variant<'a> {
    match value {
        Variant::Variant(inner) => whole(inner),
        value => value,
    }
}

fn text(value: &Variant<'_>) -> Option<String> {
    match whole(value) {
        Variant::Str(text) => Some(text.to_string()),
        _ => None,
    }
}
