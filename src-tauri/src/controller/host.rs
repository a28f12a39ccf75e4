//! The peer, hosted in this process or attached to in another one: a task that owns it, and says what it says.
//!
//! Promises: a peer that runs for this workspace already is attached to, and never fought over. Commands are carried
//! out in the order in which they came, and none holds up the next; before one is answered, what became of it is said.
//! When it is over it says so once, and how.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use orgx_peer::{
    Command, CommandError, Config, LockError, Paths, Peer, PeerEvent, PeerSnapshot, Reply, StartError, Tenant,
};
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{mpsc, oneshot};

/// What a peer says.
#[derive(Debug)]
pub enum Said {
    /// It runs.
    Up {
        /// In another process?
        elsewhere: bool,
    },
    /// How everything stands.
    Snapshot(Box<PeerSnapshot>),
    /// Something happened.
    Event(Box<PeerEvent>),
    /// It is over.
    Over(Over),
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Over {
    /// It could not start.
    NotStarted(String),
    /// It was stopped, by whomever.
    Stopped,
    /// It broke.
    Broke,
}

/// How to get a peer.
#[derive(Debug)]
pub enum Plan {
    /// Of this configuration; or of another process, if one has its workspace.
    Host(Box<Config>),
    /// Of another process.
    Attach(Paths, Tenant),
}

type Asked = (Command, oneshot::Sender<Result<Reply, CommandError>>);

/// A handle to the task. Dropping it ends a peer of this process without a word to OrgX; [`Host::stop`] does not.
#[derive(Debug)]
pub struct Host {
    commands: mpsc::UnboundedSender<Asked>,
    stop: Option<oneshot::Sender<()>>,
}

impl Host {
    /// Gets a peer; `say` is told what it says.
    pub fn start(plan: Plan, say: impl FnMut(Said) + Send + 'static) -> Self {
        let (commands, inbox) = mpsc::unbounded_channel();
        let (stop, stopped) = oneshot::channel();
        tokio::spawn(live(plan, inbox, stopped, say));
        Self { commands, stop: Some(stop) }
    }

    /// Asks it something; the answer comes in its own time.
    pub fn ask(&self, command: Command) -> impl Future<Output = Result<Reply, CommandError>> + Send + use<> {
        let (answer, answered) = oneshot::channel();
        // One that is gone answers nothing, which is the answer.
        let _gone = self.commands.send((command, answer));
        async { answered.await.unwrap_or(Err(CommandError::Gone)) }
    }

    /// Ends a peer of this process by its rules, or lets go of another's. It then says that it is over.
    pub fn stop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _gone = stop.send(());
        }
    }
}

async fn live(
    plan: Plan,
    mut inbox: mpsc::UnboundedReceiver<Asked>,
    mut stopped: oneshot::Receiver<()>,
    mut say: impl FnMut(Said),
) {
    let (peer, elsewhere) = match get(plan).await {
        Ok(got) => got,
        Err(why) => return say(Said::Over(Over::NotStarted(why))),
    };
    say(Said::Up { elsewhere });
    let mut watch = peer.watch();
    let mut events = peer.events();
    let first = watch.borrow_and_update().clone();
    say(Said::Snapshot(Box::new(first)));
    let asked_to_stop = {
        let mut under_way = FuturesUnordered::new();
        loop {
            tokio::select! {
                // Dropped without a word counts as asked: nobody is there to be told any more.
                _ = &mut stopped => break true,
                changed = watch.changed() => {
                    if changed.is_err() {
                        break false;
                    }
                    let now = watch.borrow_and_update().clone();
                    say(Said::Snapshot(Box::new(now)));
                }
                event = events.recv() => match event {
                    Ok(event) => say(Said::Event(Box::new(event))),
                    Err(RecvError::Lagged(missed)) => tracing::warn!(missed, "events were missed"),
                    // The watch tells the end, too.
                    Err(RecvError::Closed) => break false,
                },
                Some((command, answer)) = inbox.recv() => {
                    let peer = &peer;
                    under_way.push(async move { (peer.command(command).await, answer) });
                }
                Some((reply, answer)) = under_way.next() => {
                    if watch.has_changed().is_ok_and(|changed| changed) {
                        let now = watch.borrow_and_update().clone();
                        say(Said::Snapshot(Box::new(now)));
                    }
                    let _unheard = answer.send(reply);
                }
            }
        }
    };
    let over = match (asked_to_stop, elsewhere) {
        // Another's goes on.
        (true, true) => Over::Stopped,
        (true, false) => {
            peer.stop().await;
            Over::Stopped
        }
        (false, _) if peer.ended().await => Over::Stopped,
        (false, _) => Over::Broke,
    };
    say(Said::Over(over));
}

async fn get(plan: Plan) -> Result<(Peer, bool), String> {
    let (config, paths, tenant) = match plan {
        Plan::Attach(paths, tenant) => (None, paths, tenant),
        Plan::Host(config) => {
            let (paths, tenant) = (config.paths.clone(), config.tenant());
            (Some(config), paths, tenant)
        }
    };
    if let Some(config) = config {
        match Peer::start(*config).await {
            Ok(peer) => return Ok((peer, false)),
            Err(StartError::Lock(LockError::Held { .. })) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    let peer = Peer::attach(&paths, &tenant).await.map_err(|error| error.to_string())?;
    Ok((peer, true))
}
