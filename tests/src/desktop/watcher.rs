//! The panel's side of the tray: a `StatusNotifierWatcher` that comes, goes and comes again as a story wants.
#![allow(
    clippy::unused_self,
    clippy::unused_async,
    clippy::used_underscore_binding,
    reason = "the bus's interfaces prescribe methods and arguments"
)]

use super::bus::Bus;
use super::keyring::wait_for_name;
use super::recorded::Recorded;
use super::tray::Tray;
use zbus::message::Header;
use zbus::object_server::SignalEmitter;

pub(super) const NAME: &str = "org.kde.StatusNotifierWatcher";
pub(super) const PATH: &str = "/StatusNotifierWatcher";

/// The watcher. Dropping it takes it off the bus.
#[derive(Debug)]
pub struct Watcher {
    items: Recorded<String>,
    connection: zbus::Connection,
}

impl Watcher {
    /// Puts one on the bus.
    pub async fn appear(bus: &Bus) -> Self {
        let items = Recorded::default();
        let service = Service { items: items.clone() };
        let builder = bus.builder().serve_at(PATH, service).name(NAME);
        Self { items, connection: builder.build().await.expect("the watcher's name is free") }
    }

    /// Waits for an icon, and gives it.
    pub async fn icon(&self) -> Tray {
        self.icon_after(0).await
    }

    /// Waits for one more icon than that many, and gives it.
    pub async fn icon_after(&self, before: usize) -> Tray {
        let registered = self.items.until("an icon in the panel", |items| items.len() > before).await;
        Tray::of(&self.connection, registered.last().expect("there is one")).await
    }

    /// How many icons have registered so far.
    pub fn registered(&self) -> usize {
        self.items.all().len()
    }

    /// Takes it off the bus; returns once it is gone.
    pub async fn disappear(self, bus: &zbus::Connection) {
        self.connection.close().await.expect("the connection closes");
        wait_for_name(bus, NAME, false).await;
    }
}

struct Service {
    items: Recorded<String>,
}

#[zbus::interface(name = "org.kde.StatusNotifierWatcher")]
impl Service {
    async fn register_status_notifier_item(
        &self,
        service: &str,
        #[zbus(header)] header: Header<'_>,
        #[zbus(signal_emitter)] emitter: SignalEmitter<'_>,
    ) {
        // Either a bus name, or the path of an object of the caller's.
        let sender = header.sender().map(ToString::to_string).unwrap_or_default();
        let item = if service.starts_with('/') {
            format!("{sender}{service}")
        } else {
            format!("{service}/StatusNotifierItem")
        };
        let _told = Self::status_notifier_item_registered(&emitter, &item).await;
        self.items.push(item);
    }

    async fn register_status_notifier_host(&self, _service: &str) {}

    #[zbus(property)]
    fn registered_status_notifier_items(&self) -> Vec<String> {
        self.items.all()
    }

    #[zbus(property)]
    fn is_status_notifier_host_registered(&self) -> bool {
        true
    }

    #[zbus(property)]
    fn protocol_version(&self) -> i32 {
        0
    }

    #[zbus(signal)]
    async fn status_notifier_item_registered(emitter: &SignalEmitter<'_>, service: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn status_notifier_host_registered(emitter: &SignalEmitter<'_>) -> zbus::Result<()>;
}
