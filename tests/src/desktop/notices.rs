//! The desktop's notifications: a daemon that shows nothing, remembers everything, and clicks when it is told to.
#![allow(
    clippy::unused_self,
    clippy::unused_async,
    clippy::used_underscore_binding,
    reason = "the bus's interfaces prescribe methods and arguments"
)]

use super::bus::Bus;
use super::recorded::Recorded;
use std::collections::HashMap;
use zbus::OwnedVariant;
use zbus::object_server::SignalEmitter;

const NAME: &str = "org.freedesktop.Notifications";
const PATH: &str = "/org/freedesktop/Notifications";

/// A notification.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Its number.
    pub id: u32,
    /// Its title.
    pub title: String,
    /// Its body, as the app sent it.
    pub body: String,
    /// Its buttons: the name and the label of each.
    pub actions: Vec<(String, String)>,
    /// Has the app taken it back?
    pub closed: bool,
}

impl Notice {
    /// The name of the button with this label.
    pub fn button(&self, label: &str) -> &str {
        let button = self.actions.iter().find(|(_, says)| says == label);
        button.map_or_else(|| panic!("no button {label:?} on {self:?}"), |(name, _)| name.as_str())
    }
}

/// The daemon. Dropping it takes it off the bus.
#[derive(Debug)]
pub struct Notices {
    shown: Recorded<Notice>,
    connection: zbus::Connection,
}

impl Notices {
    /// Puts one on the bus.
    pub async fn appear(bus: &Bus) -> Self {
        let shown = Recorded::default();
        let builder = bus.builder().serve_at(PATH, Service { shown: shown.clone() }).name(NAME);
        Self { shown, connection: builder.build().await.expect("the daemon's name is free") }
    }

    /// All so far.
    pub fn all(&self) -> Vec<Notice> {
        self.shown.all()
    }

    /// Waits for the first whose title begins so.
    pub async fn titled(&self, title: &str) -> Notice {
        self.shown.first(&format!("a notification {title:?}"), |notice| notice.title.starts_with(title)).await
    }

    /// Waits until all so far are as wanted.
    pub async fn until(&self, what: &str, wanted: impl FnMut(&[Notice]) -> bool) -> Vec<Notice> {
        self.shown.until(what, wanted).await
    }

    /// The person presses that button.
    pub async fn press(&self, notice: &Notice, label: &str) {
        self.invoke(notice, notice.button(label)).await;
    }

    /// The person clicks the notification itself.
    pub async fn click(&self, notice: &Notice) {
        assert!(notice.actions.iter().any(|(name, _)| name == "default"), "no click is heard on {notice:?}");
        self.invoke(notice, "default").await;
    }

    async fn invoke(&self, notice: &Notice, action: &str) {
        let emitter = SignalEmitter::new(&self.connection, PATH).expect("a path");
        Service::action_invoked(&emitter, notice.id, action).await.expect("it is sent");
        Service::notification_closed(&emitter, notice.id, 2).await.expect("it is sent");
    }
}

struct Service {
    shown: Recorded<Notice>,
}

#[zbus::interface(name = "org.freedesktop.Notifications")]
impl Service {
    #[allow(clippy::too_many_arguments, reason = "the interface is not ours")]
    async fn notify(
        &self,
        _app: String,
        replaces: u32,
        _icon: String,
        title: String,
        body: String,
        actions: Vec<String>,
        _hints: HashMap<String, OwnedVariant>,
        _lasts: i32,
    ) -> u32 {
        let pairs = actions.chunks(2).map(|pair| (pair[0].clone(), pair.get(1).cloned().unwrap_or_default()));
        let actions = pairs.collect();
        let mut id = replaces;
        self.shown.change(|all| {
            if id == 0 {
                id = u32::try_from(all.len()).expect("few") + 1;
            }
            all.push(Notice { id, title, body, actions, closed: false });
        });
        id
    }

    async fn close_notification(&self, id: u32, #[zbus(signal_emitter)] emitter: SignalEmitter<'_>) {
        self.shown.change(|all| {
            all.iter_mut().filter(|notice| notice.id == id).for_each(|notice| notice.closed = true);
        });
        let _told = Self::notification_closed(&emitter, id, 3).await;
    }

    async fn get_capabilities(&self) -> Vec<String> {
        ["actions", "body", "body-markup"].map(ToOwned::to_owned).to_vec()
    }

    async fn get_server_information(&self) -> (String, String, String, String) {
        ("desk".to_owned(), "OrgX".to_owned(), "1".to_owned(), "1.2".to_owned())
    }

    #[zbus(signal)]
    async fn action_invoked(emitter: &SignalEmitter<'_>, id: u32, action: &str) -> zbus::Result<()>;

    #[zbus(signal)]
    async fn notification_closed(emitter: &SignalEmitter<'_>, id: u32, reason: u32) -> zbus::Result<()>;
}
