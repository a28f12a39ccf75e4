//! The desktop portal's settings, as far as they tell light from dark.
#![allow(clippy::unused_async, reason = "the bus's interfaces prescribe methods and arguments")]

use super::bus::Bus;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use zbus::object_server::SignalEmitter;
use zbus::{OwnedVariant, Variant};

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";
const KEY: (&str, &str) = ("org.freedesktop.appearance", "color-scheme");

/// The portal. Dropping it takes it off the bus.
#[derive(Debug)]
pub struct Portal {
    scheme: Arc<AtomicU32>,
    connection: zbus::Connection,
}

impl Portal {
    /// What is preferred: nothing.
    pub const NOTHING: u32 = 0;
    /// What is preferred: dark.
    pub const DARK: u32 = 1;
    /// What is preferred: light.
    pub const LIGHT: u32 = 2;
    /// The portal takes every question and answers none.
    pub const SILENT: u32 = u32::MAX;

    /// Puts one on the bus.
    pub async fn appear(bus: &Bus, scheme: u32) -> Self {
        let scheme = Arc::new(AtomicU32::new(scheme));
        let builder = bus.builder().serve_at(PATH, Service { scheme: Arc::clone(&scheme) }).name(NAME);
        Self { scheme, connection: builder.build().await.expect("the portal's name is free") }
    }

    /// From now on the person prefers this.
    pub async fn prefer(&self, scheme: u32) {
        self.scheme.store(scheme, Ordering::SeqCst);
        let emitter = SignalEmitter::new(&self.connection, PATH).expect("its path");
        let told = Service::setting_changed(&emitter, KEY.0, KEY.1, Variant::U32(scheme)).await;
        told.expect("it is told");
    }
}

struct Service {
    scheme: Arc<AtomicU32>,
}

#[zbus::interface(name = "org.freedesktop.portal.Settings")]
impl Service {
    async fn read(&self, group: &str, key: &str) -> zbus::fdo::Result<OwnedVariant> {
        let scheme = self.scheme.load(Ordering::SeqCst);
        if scheme == Portal::SILENT {
            std::future::pending::<()>().await;
        }
        if (group, key) != KEY {
            return Err(zbus::fdo::Error::Failed("there is no such setting".to_owned()));
        }
        // PROTOCOL: this method puts the value into a second variant.
        let value = Variant::Variant(Box::new(Variant::U32(scheme)));
        OwnedVariant::try_from(value).map_err(|error| zbus::fdo::Error::Failed(error.to_string()))
    }

    #[zbus(signal)]
    async fn setting_changed(
        emitter: &SignalEmitter<'_>,
        group: &str,
        key: &str,
        value: Variant<'_>,
    ) -> zbus::Result<()>;
}
