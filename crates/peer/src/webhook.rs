//! The lifecycle receiver: a loopback HTTP server that is told of sessions that begin and end, a store of what it was
//! told, and the sinks that pass it on. Off by default.
//!
//! Promises:
//! - one receiver on this computer: a second peer waits until the first one's is gone;
//! - nothing is taken from a web page, from another computer, or from whoever does not know the secret (unless the
//!   person allows that);
//! - what was answered with 200 is an event, or was one already: neither lost nor doubled, whatever ends us;
//! - the actor is never waited for, nor does it wait.
//!
//! PROTOCOL: contract F; `docs/lifecycle.md`.

mod answer;
mod file;
mod gate;
mod processes;
mod server;
mod signature;
mod sinks;
mod store;
#[cfg(test)]
mod tests;
mod view;

pub(crate) use file::WebhookFile;
pub(crate) use signature::{HEADER as SIGNATURE, sign};
pub(crate) use store::Numbered;
pub use view::{BufferView, ForwardView, LifecycleSession, LifecycleState, LifecycleView};

use crate::clock::Clock;
use crate::config::LifecycleConfig;
use crate::instance::{Instance, LockError};
use crate::limits;
use crate::paths::Paths;
use answer::Desk;
use file::Secret;
use orgx_proto::ids::RunId;
use orgx_proto::lifecycle::{End, Happened, Teller};
use orgx_proto::time::Timestamp;
use sinks::buffer::Buffer;
use sinks::forward::Forward;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use store::{Store, Tell, Titles, Told};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// What a receiver needs.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub(crate) config: LifecycleConfig,
    pub(crate) paths: Paths,
    pub(crate) clock: Clock,
}

/// What a run of ours tells of the session that it has.
#[derive(Clone, Debug)]
pub(crate) enum RunTold {
    /// It is in it.
    Began(RunId, Box<Happened>),
    /// It is over.
    Over(RunId, End, Timestamp),
}

/// What happens to a receiver.
#[derive(Clone, Debug)]
pub(crate) enum Notice {
    /// How it stands changed.
    Changed,
    /// A session began or ended.
    Session(Box<LifecycleSession>),
    /// Something a person should know.
    Warning(String),
    /// It began, and these runs of ours have sessions as far as it knows.
    Runs(Vec<RunId>),
}

/// A question to the store, with where its answer goes.
type Asked = (Which, oneshot::Sender<Option<Vec<Numbered>>>);

/// Which events.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Which {
    /// The newest so many.
    Newest(usize),
    /// The first so many after this number.
    After(i64, usize),
}

/// A receiver that runs, or tries to.
#[derive(Debug)]
pub(crate) struct Webhook {
    view: watch::Receiver<LifecycleView>,
    notices: mpsc::Receiver<Notice>,
    runs: mpsc::Sender<RunTold>,
    questions: mpsc::Sender<Asked>,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Webhook {
    /// Starts one in the background.
    pub(crate) fn start(parts: Parts) -> Self {
        let starting = LifecycleView {
            state: LifecycleState::Starting,
            unsigned: parts.config.allow_unsigned,
            titles: parts.config.titles,
            ..LifecycleView::default()
        };
        let (tell, view) = watch::channel(starting);
        let (notify, notices) = mpsc::channel(limits::WEBHOOK_NOTICES);
        let (runs, told) = mpsc::channel(limits::WEBHOOK_RUNS);
        let (questions, asked) = mpsc::channel(limits::CONTROL_CLIENTS);
        let stop = CancellationToken::new();
        let receiver = Receiver { parts, view: tell, notify, told, asked, stop: stop.clone() };
        let task = tokio::spawn(receiver.run());
        Self { view, notices, runs, questions, stop, task }
    }

    /// How it stands.
    pub(crate) fn view(&self) -> LifecycleView {
        self.view.borrow().clone()
    }

    /// The next thing that happens.
    pub(crate) async fn next(&mut self) -> Notice {
        tokio::select! {
            biased;
            Some(notice) = self.notices.recv() => notice,
            Ok(()) = self.view.changed() => Notice::Changed,
            // Its task is gone, and says nothing more.
            else => std::future::pending().await,
        }
    }

    /// A run of ours tells of its session. Nobody waits.
    pub(crate) fn tell(&self, told: RunTold) {
        if self.runs.try_send(told).is_err() {
            tracing::warn!("the session of a run is not told of: too many wait");
        }
    }

    /// Events; none while there is no store. Nobody waits but who awaits it.
    pub(crate) fn events(
        &self,
        which: Which,
    ) -> impl Future<Output = Option<Vec<Numbered>>> + Send + 'static {
        let questions = self.questions.clone();
        async move {
            let (answer, answered) = oneshot::channel();
            questions.send((which, answer)).await.ok()?;
            answered.await.ok()?
        }
    }

    /// Stops listening, lets what is under way finish, and is gone.
    pub(crate) async fn stop(self) {
        let Self { notices, stop, mut task, .. } = self;
        stop.cancel();
        // Nobody waits to be heard any more.
        drop(notices);
        if timeout(limits::WEBHOOK_CLOSE, &mut task).await.is_err() {
            task.abort();
        }
    }
}

/// The task's side.
struct Receiver {
    parts: Parts,
    view: watch::Sender<LifecycleView>,
    notify: mpsc::Sender<Notice>,
    told: mpsc::Receiver<RunTold>,
    asked: mpsc::Receiver<Asked>,
    stop: CancellationToken,
}

/// What runs while it listens. Dropping it ends all of it.
struct Open {
    store: Store,
    stop: CancellationToken,
    server: JoinHandle<()>,
    _tasks: Vec<AbortOnDropHandle<()>>,
    /// Held while we listen.
    _instance: Instance,
}

impl Receiver {
    async fn run(mut self) {
        let mut said = None;
        let open = loop {
            let stop = self.stop.clone();
            match self.open().await {
                Ok(open) => break open,
                Err(words) => {
                    if said.as_ref() != Some(&words) {
                        self.warn(format!("Session events are not received: {words}.")).await;
                        said = Some(words.clone());
                    }
                    self.view
                        .send_modify(|view| (view.state, view.words) = (LifecycleState::Failed, Some(words)));
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(limits::WEBHOOK_RETRY) => {}
                () = self.nobody() => return,
            }
        };
        self.begin(&open).await;
        loop {
            tokio::select! {
                () = self.stop.cancelled() => break,
                Some(told) = self.told.recv() => take(&open.store, told).await,
                Some((which, answer)) = self.asked.recv() => {
                    let store = open.store.clone();
                    tokio::spawn(async move {
                        let events = match which {
                            Which::Newest(limit) => store.newest(limit).await,
                            Which::After(number, limit) => store.after(number, limit).await,
                        };
                        let _gone = answer.send(events.ok());
                    });
                }
                else => break,
            }
        }
        self.close(open).await;
    }

    /// Questions that come before there is a store get no answer; resolves when nobody is left to ask.
    async fn nobody(&mut self) {
        while let Some((_, answer)) = self.asked.recv().await {
            let _gone = answer.send(None);
        }
    }

    /// Takes the lock, the store and a port; why not, in a part of a sentence.
    async fn open(&mut self) -> Result<Open, String> {
        let Parts { config, paths, clock } = &self.parts;
        let instance = Instance::acquire(&paths.webhook_lock()).map_err(|error| match error {
            LockError::Held { .. } => {
                "another peer on this computer receives them; this one will when that one stops".to_owned()
            }
            error @ LockError::Io { .. } => error.to_string(),
        })?;
        let (sessions, mut seen) = mpsc::channel(limits::WEBHOOK_NOTICES);
        let tell = Tell { view: self.view.clone(), newest: watch::Sender::new(0), sessions };
        let newest = tell.newest.clone();
        let path = paths.lifecycle();
        let titles = if config.titles { Titles::Kept } else { Titles::Forgotten };
        let opened = tokio::task::spawn_blocking(move || Store::open(&path, titles, tell)).await;
        let (store, notice) =
            opened.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
        if let Some(notice) = notice {
            self.warn(notice).await;
        }
        let buffer = config.buffer_dir.as_deref().map(|dir| Buffer::new(dir, config.buffer_max));
        let forward =
            config.forward.clone().map(Forward::new).transpose().map_err(|error| error.to_string())?;
        let names = buffer.as_ref().map(Buffer::name).into_iter().chain(forward.as_ref().map(Forward::name));
        store.sinks(names.collect()).await.map_err(|error| error.to_string())?;
        let listener = server::bind(config.port)
            .await
            .map_err(|error| format!("no port could be had on this computer ({error})"))?;
        let port = listener.local_addr().map_err(|error| error.to_string())?.port();
        let url = format!("http://127.0.0.1:{port}/webhook/opencode");
        let (titles, given) = (config.titles, config.secret.clone());
        let (place, told) = (paths.clone(), url.clone());
        let secret = tokio::task::spawn_blocking(move || {
            let secret = Secret::find(&place, given.as_ref());
            WebhookFile::write(&place, Some(told), &secret, titles).map(|()| secret)
        });
        let secret = secret.await.map_err(|error| error.to_string())?;
        let secret = secret
            .map_err(|error| format!("webhook.json in the state folder cannot be written ({error})"))?;
        let words = (config.port != 0 && config.port != port)
            .then(|| format!("Port {} is taken, so session events are received on port {port}", config.port));
        self.view.send_modify(|view| {
            (view.state, view.url) = (LifecycleState::Listening, Some(url.clone()));
            view.words.clone_from(&words);
            view.buffer = buffer.as_ref().map(Buffer::view);
            view.forward = forward.as_ref().map(Forward::view);
        });
        tracing::info!(url, "session events are received");
        if let Some(words) = words {
            self.warn(format!("{words}.")).await;
        }
        let desk = Desk {
            port,
            secret,
            allow_unsigned: config.allow_unsigned,
            titles: config.titles,
            store: store.clone(),
            clock: clock.clone(),
            view: self.view.clone(),
            most: limits::WEBHOOK_WAITING,
            waiting: AtomicUsize::new(0),
        };
        let stop = CancellationToken::new();
        let server = tokio::spawn(server::serve(listener, Arc::new(desk), stop.clone()));
        let mut tasks = vec![AbortOnDropHandle::new(tokio::spawn(processes::watch(
            store.clone(),
            newest.subscribe(),
            clock.clone(),
        )))];
        let (warn, mut warnings) = mpsc::channel(limits::CONTROL_CLIENTS);
        if let Some(buffer) = buffer {
            let run = buffer.run(store.clone(), newest.subscribe(), self.view.clone(), warn.clone());
            tasks.push(AbortOnDropHandle::new(tokio::spawn(run)));
        }
        if let Some(forward) = forward {
            let view = self.view.clone();
            let run = forward.run(store.clone(), newest.subscribe(), clock.clone(), view, warn);
            tasks.push(AbortOnDropHandle::new(tokio::spawn(run)));
        }
        let notify = self.notify.clone();
        tasks.push(AbortOnDropHandle::new(tokio::spawn(async move {
            loop {
                let notice = tokio::select! {
                    Some(session) = seen.recv() => Notice::Session(Box::new(session)),
                    Some(words) = warnings.recv() => Notice::Warning(words),
                    else => return,
                };
                if notify.send(notice).await.is_err() {
                    return;
                }
            }
        })));
        Ok(Open { store, stop, server, _tasks: tasks, _instance: instance })
    }

    /// A peer before us may not have told how its runs ended.
    async fn begin(&self, open: &Open) {
        match open.store.runs().await {
            Ok(runs) => drop(self.notify.send(Notice::Runs(runs)).await),
            Err(error) => tracing::warn!(%error, "sessions of runs are not looked at"),
        }
    }

    async fn close(mut self, open: Open) {
        open.stop.cancel();
        let _ended = open.server.await;
        // What runs told before the end is told.
        self.told.close();
        while let Some(told) = self.told.recv().await {
            take(&open.store, told).await;
        }
        let (place, given) = (self.parts.paths.clone(), self.parts.config.secret.clone());
        let written = tokio::task::spawn_blocking(move || {
            let secret = Secret::find(&place, given.as_ref());
            WebhookFile::close(&place, &secret)
        });
        if !matches!(written.await, Ok(Ok(()))) {
            tracing::warn!("webhook.json still has an address where nobody listens");
        }
    }

    async fn warn(&self, words: String) {
        let _gone = self.notify.send(Notice::Warning(words)).await;
    }
}

async fn take(store: &Store, told: RunTold) {
    let result = match told {
        RunTold::Began(run, happened) => {
            let at = happened.at;
            let told = Told { teller: Teller::Run(run), happened: *happened, title: None, process: None, at };
            store.take(told).await.map(drop)
        }
        RunTold::Over(run, end, at) => store.end_run(run, end, at).await,
    };
    if let Err(error) = result {
        tracing::warn!(%error, "the session of a run could not be stored");
    }
}
