//! One event feed per server, shared by all its runs.
//!
//! The feed is always read: a client that stops reading makes OpenCode hold the events in its own memory. A run that
//! is slower than its events loses some, is told so, and reads the state again; the same after a reconnect, because
//! OpenCode does not replay. Facts: opencode.md 2.1.

use super::client::Client;
use super::event::{self, Event};
use crate::driver::lines::Lines;
use crate::http::CallError;
use crate::limits;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout};

/// What a run gets.
#[derive(Debug)]
pub(super) enum Item {
    /// An event of this session: the run's own or a subagent's.
    Event(String, Event),
    /// Events were missed: read the state again.
    Resync,
    /// The server is gone.
    Lost(String),
}

/// The feeds in use, by origin.
#[derive(Debug, Default)]
pub(super) struct Feeds(Mutex<HashMap<String, Weak<Feed>>>);

/// One server's feed; ends with its last run.
#[derive(Debug)]
pub(super) struct Feed {
    routes: Arc<Mutex<Routes>>,
    open: watch::Receiver<Opening>,
    reader: AbortHandle,
}

#[derive(Clone, Debug)]
enum Opening {
    Trying,
    Open,
    Failed(CallError),
}

/// Which run an event goes to, by session.
type Routes = HashMap<String, mpsc::Sender<Item>>;

/// A run's place in the feed.
#[derive(Debug)]
pub(super) struct Subscription {
    feed: Arc<Feed>,
    items: mpsc::Receiver<Item>,
    sender: mpsc::WeakSender<Item>,
}

impl Feeds {
    /// The feed of this server, once it is open.
    pub(super) async fn open(&self, client: &Client) -> Result<Arc<Feed>, CallError> {
        let feed = self.get(client);
        let mut open = feed.open.clone();
        let state = open.wait_for(|state| !matches!(state, Opening::Trying)).await;
        match state.map(|state| state.clone()) {
            Ok(Opening::Failed(error)) => Err(error),
            _ => Ok(feed),
        }
    }

    fn get(&self, client: &Client) -> Arc<Feed> {
        let mut feeds = lock(&self.0);
        feeds.retain(|_, feed| feed.strong_count() > 0);
        let origin = client.origin().to_string();
        if let Some(feed) =
            feeds.get(&origin).and_then(Weak::upgrade).filter(|feed| !feed.reader.is_finished())
        {
            return feed;
        }
        let routes = Arc::new(Mutex::new(Routes::new()));
        let (tell, open) = watch::channel(Opening::Trying);
        let reader = tokio::spawn(read(client.clone(), Arc::clone(&routes), tell)).abort_handle();
        let feed = Arc::new(Feed { routes, open, reader });
        feeds.insert(origin, Arc::downgrade(&feed));
        feed
    }
}

impl Drop for Feed {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

impl Feed {
    /// Follows a session and, from then on, its subagents.
    pub(super) fn subscribe(self: Arc<Self>, session: &str) -> Subscription {
        let (sender, items) = mpsc::channel(limits::RUN_EVENTS);
        let weak = sender.downgrade();
        lock(&self.routes).insert(session.to_owned(), sender);
        Subscription { feed: self, items, sender: weak }
    }
}

impl Subscription {
    /// What comes next.
    pub(super) async fn next(&mut self) -> Item {
        match self.items.recv().await {
            // The queue was full until now: what came meanwhile is lost. Empty it, and start from the state. Looked at
            // only now, because it may have filled up since this was called.
            Some(_) if self.items.len() + 1 >= limits::RUN_EVENTS => {
                while self.items.try_recv().is_ok() {}
                Item::Resync
            }
            Some(item) => item,
            None => Item::Lost("the connection to OpenCode was lost".to_owned()),
        }
    }

    /// Follows a subagent that the state told of.
    pub(super) fn follow(&self, session: &str) {
        if let Some(sender) = self.sender.upgrade() {
            lock(&self.feed.routes).insert(session.to_owned(), sender);
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        let Some(own) = self.sender.upgrade() else { return };
        lock(&self.feed.routes).retain(|_, sender| !sender.same_channel(&own));
    }
}

/// Reads until nobody listens or the server is gone.
async fn read(client: Client, routes: Arc<Mutex<Routes>>, tell: watch::Sender<Opening>) {
    let mut wait = limits::FEED_BACKOFF_FIRST;
    let mut lost_since = Instant::now();
    let mut opened = false;
    loop {
        // A server that is still starting may take a connection and never answer. PROTOCOL: opencode.md 0.6.
        let head_within = if opened { limits::FEED_BACKOFF_CAP } else { limits::AGENT_CALL };
        match client.events(head_within).await {
            Ok(mut response) => {
                let mut lines = Lines::default();
                let mut head = true;
                // Silence for longer than three heartbeats is a dead stream.
                while let Ok(Ok(Some(chunk))) = timeout(limits::FEED_SILENCE, response.chunk()).await {
                    if std::mem::take(&mut head) {
                        if std::mem::replace(&mut opened, true) {
                            tracing::info!("the OpenCode event feed is open again; the state is read anew");
                            lock(&routes).values().for_each(|run| drop(run.try_send(Item::Resync)));
                        }
                        tell.send_replace(Opening::Open);
                        wait = limits::FEED_BACKOFF_FIRST;
                    }
                    let skipped = lines.skipped();
                    lines.push(&chunk, |line| route(&routes, line));
                    if lines.skipped() > skipped {
                        // What was too long to read is in the state.
                        lock(&routes).values().for_each(|run| drop(run.try_send(Item::Resync)));
                    }
                }
                // From here on: a silence that ended the stream, or a sleep of the computer, is no try that failed.
                if !head {
                    lost_since = Instant::now();
                }
            }
            Err(error) if !opened => {
                tell.send_replace(Opening::Failed(error));
                return;
            }
            Err(_) => {}
        }
        if lost_since.elapsed() > limits::FEED_LOST {
            let lost = || Item::Lost("the connection to OpenCode was lost".to_owned());
            lock(&routes).drain().for_each(|(_, run)| drop(run.try_send(lost())));
            return;
        }
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(limits::FEED_BACKOFF_CAP);
    }
}

/// What a line of the feed says, and of which session. PROTOCOL: opencode.md 2.1, frames are single `data:` lines;
/// durable events come a second time as `sync`.
pub(crate) fn decode(line: &[u8]) -> Option<(String, Event)> {
    let data = line.strip_prefix(b"data:")?;
    event::read(&serde_json::from_slice(data).ok()?)
}

fn route(routes: &Mutex<Routes>, line: &[u8]) {
    let Some((session, event)) = decode(line) else { return };
    let mut routes = lock(routes);
    if let Event::Created { parent: Some(parent) } = &event
        && let Some(run) = routes.get(parent).cloned()
    {
        routes.insert(session.clone(), run);
    }
    if let Some(run) = routes.get(&session) {
        let _full = run.try_send(Item::Event(session, event));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing is left half-done under these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn a_run_that_lost_events_is_told_to_read_the_state_and_then_goes_on() {
        let reader = tokio::spawn(std::future::pending::<()>()).abort_handle();
        let routes = Arc::new(Mutex::new(Routes::new()));
        let (_tell, open) = watch::channel(Opening::Open);
        let feed = Arc::new(Feed { routes: Arc::clone(&routes), open, reader });
        let mut run = Arc::clone(&feed).subscribe("ses_run");
        let busy = |session: &str| {
            let about = format!(r#"{{"sessionID":"{session}","status":{{"type":"busy"}}}}"#);
            format!(r#"data: {{"payload":{{"type":"session.status","properties":{about}}}}}"#)
        };
        route(&routes, busy("ses_other").as_bytes());
        for _ in 0..=limits::RUN_EVENTS {
            route(&routes, busy("ses_run").as_bytes());
        }
        assert!(matches!(run.next().await, Item::Resync));
        route(&routes, busy("ses_run").as_bytes());
        assert!(matches!(run.next().await, Item::Event(session, _) if session == "ses_run"));
        drop(run);
        assert!(lock(&routes).is_empty(), "who left is not followed");
    }
    #[tokio::test]
    async fn an_event_too_long_to_read_is_in_the_state_and_its_run_is_sent_there() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let origin = format!("http://{}/", listener.local_addr().expect("an address"));
        let (go, mut gate) = mpsc::channel(1);
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a reader");
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: hello\n\n";
            stream.write_all(head.as_bytes()).await.expect("the head");
            let about = r#"{"sessionID":"ses_run","status":{"type":"busy"}}"#;
            let event = |pad: usize| {
                let pad = "x".repeat(pad);
                format!(
                    "data: {{\"pad\":\"{pad}\",\"payload\":{{\"type\":\"session.status\",\"properties\":{about}}}}}\n"
                )
            };
            let fits = event(limits::LINE_BYTES - (event(0).len() - 1));
            assert_eq!(fits.len(), limits::LINE_BYTES + 1, "a line break more than the line");
            for line in [fits, event(limits::LINE_BYTES), event(0)] {
                let _next = gate.recv().await;
                stream.write_all(line.as_bytes()).await.expect("an event");
            }
            std::future::pending::<()>().await;
        });
        let is_event = |item: &Item| matches!(item, Item::Event(session, _) if session == "ses_run");
        let client = Client::new(origin.parse().expect("an address"), None, "test").expect("a client");
        let mut run = Feeds::default().open(&client).await.expect("a feed").subscribe("ses_run");
        for is_expected in [is_event, |item: &Item| matches!(item, Item::Resync), is_event] {
            go.send(()).await.expect("a server");
            let item = run.next().await;
            assert!(is_expected(&item), "{item:?}");
        }
    }
}
