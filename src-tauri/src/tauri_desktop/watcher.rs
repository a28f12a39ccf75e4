//! Waits for something that shows StatusNotifier icons: a panel that starts after us, or again.

use futures_util::StreamExt;

/// PROTOCOL: the name that such a thing has on the session bus.
const WATCHER: &str = "org.kde.StatusNotifierWatcher";

/// Resolves when one appears from now on; never where there is no session bus.
pub(super) async fn appeared() {
    if watch().await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn watch() -> zbus::Result<()> {
    let connection = zbus::Connection::session().await?;
    let bus = zbus::fdo::DBusProxy::new(&connection).await?;
    let mut changes = bus.receive_name_owner_changed_with_args(&[(0, WATCHER)]).await?;
    while let Some(change) = changes.next().await {
        if change.args()?.new_owner().is_some() {
            return Ok(());
        }
    }
    Err(zbus::Error::Failure("the session bus is gone".into()))
}
