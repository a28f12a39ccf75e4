//! The actor: one loop that owns the state. A signal comes in, `orgx_proto` decides, effects go out.

use super::agents;
use super::budget::budgets;
use super::command::{Command, Reply, Request};
use super::event::PeerEvent;
use super::folders::Looked;
use super::link::LinkFacts;
use super::publish::PUBLISH_EVERY;
use super::receipts::Receipts;
use super::reload::AsRead;
use super::remote::{self, RemoteSignal};
use super::run_task::{RunReport, RunTask, TaskId};
use super::snapshot::{ClaudeCode, PeerSnapshot, RecentRun};
use super::timeline::Timelines;
use super::today::DayCounts;
use super::undo::Undone;
use crate::awake::Awake;
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::Detected;
use crate::driver::claude_code::ClaudeCode as ClaudeCodeDriver;
use crate::driver::opencode::OpenCode;
use crate::gateway::{Api, Door, License, Socket, SocketEvent};
use crate::http::{self, CallError};
use crate::journal::{Journal, Memory};
use crate::limits;
use crate::outbox::Outbox;
use crate::rules::{self, Compiled, Rules};
use crate::sessions::Turn;
use crate::webhook::{Notice, Webhook};
use orgx_proto::attention::Remote;
use orgx_proto::connection::{Connection, Event, Offer, SleepWatch, Versions, upgrade_url};
use orgx_proto::delivery::Delivery;
use orgx_proto::dispatch::{Dispatcher, Ended, Limits, PauseState};
use orgx_proto::health::Works;
use orgx_proto::ids::RunId;
use orgx_proto::receipt::Answer;
use orgx_proto::time::Millis;
use secrecy::ExposeSecret;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::timeout;

/// Results of what was started in the background.
#[derive(Debug)]
pub(super) enum Signal {
    /// With the number of the look.
    Folder(RunId, u64, Looked),
    Undone(Box<Undone>),
    License(Result<License, CallError>),
    Presence(Result<(), CallError>),
    KeptRules(Option<Compiled>),
    /// With the number of the fetch.
    Rules(u64, Result<Compiled, String>),
    Detected(Detected),
    Claude(Detected),
    /// Free bytes where there are fewest: the state folder's disk, or the outbox's.
    Space(Option<u64>),
    Receipt(RunId, Answer),
    Remote(RemoteSignal),
}

/// What an actor is made of.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) as_read: Option<AsRead>,
    pub(super) installation_id: String,
    pub(super) journal: Journal,
    pub(super) memory: Memory,
    pub(super) outbox: Option<Outbox>,
    pub(super) tell: watch::Sender<PeerSnapshot>,
    pub(super) events: broadcast::Sender<PeerEvent>,
    pub(super) inbox: mpsc::Receiver<Request>,
}

/// Both ends of a queue that the actor reads and others write.
type Channel<T> = (mpsc::Sender<T>, mpsc::Receiver<T>);

/// The one owner of the state.
pub(super) struct Actor {
    pub(super) config: Config,
    /// What of it was read last from environment and file.
    pub(super) as_read: Option<AsRead>,
    pub(super) clock: Clock,
    pub(super) sleep: SleepWatch,
    pub(super) connection: Connection,
    pub(super) delivery: Delivery,
    pub(super) dispatcher: Dispatcher,
    /// The pause that the journal and OrgX know of.
    pub(super) pause_told: PauseState,
    pub(super) receipts: Receipts,
    /// Ends of runs that the journal could not take yet.
    pub(super) unwritten: VecDeque<Ended>,
    pub(super) journal: Journal,
    pub(super) journal_trouble: Option<String>,
    pub(super) outbox: Option<Outbox>,
    pub(super) outbox_trouble: Option<String>,
    pub(super) driver: Arc<OpenCode>,
    pub(super) claude_driver: Arc<ClaudeCodeDriver>,
    pub(super) tasks: HashMap<RunId, RunTask>,
    pub(super) task_number: u64,
    /// The newest look at each run's folder: the answer to an older one counts no more.
    pub(super) folder_checks: HashMap<RunId, u64>,
    pub(super) folder_check: u64,
    /// The lifecycle receiver, when it is on.
    pub(super) webhook: Option<Webhook>,
    /// Who looks at OpenCode's sessions.
    pub(super) looking: Turn,
    pub(super) recent: VecDeque<RecentRun>,
    pub(super) timelines: Timelines,
    pub(super) awake: Awake,
    pub(super) counts: DayCounts,
    /// What those who watch know to wait for the person: ids and runs.
    pub(super) asked: Vec<(String, RunId)>,
    /// What of it is asked at OrgX, too.
    pub(super) remote: Remote,
    pub(super) link: LinkFacts,
    pub(super) api: Arc<Api>,
    pub(super) door: Door,
    /// What the door's protocol is, and is to be.
    pub(super) versions: Versions,
    pub(super) socket: Option<Socket>,
    /// Tells a socket's events from those of one that is no longer ours.
    pub(super) tag: u64,
    pub(super) socket_events: Channel<(u64, SocketEvent)>,
    pub(super) signals: (mpsc::UnboundedSender<Signal>, mpsc::UnboundedReceiver<Signal>),
    pub(super) reports: Channel<(TaskId, RunReport)>,
    pub(super) inbox: mpsc::Receiver<Request>,
    pub(super) stopping: bool,
    pub(super) rules: watch::Sender<Rules>,
    /// The newest fetch of the skill rules.
    pub(super) fetch: Option<AbortHandle>,
    pub(super) fetch_number: u64,
    pub(super) ignored_rules: Vec<String>,
    pub(super) due: Due,
    pub(super) opened_before: bool,
    pub(super) license: License,
    pub(super) agent: Detected,
    pub(super) claude: Option<ClaudeCode>,
    /// Free bytes, as of the last look.
    pub(super) space: Option<u64>,
    /// Could the skill rules not be fetched the last time?
    pub(super) rules_fetch: Works,
    pub(super) warnings: VecDeque<String>,
    pub(super) tell_snapshot: watch::Sender<PeerSnapshot>,
    pub(super) events: broadcast::Sender<PeerEvent>,
    pub(super) changed: bool,
    pub(super) published: Millis,
    /// Terminals left over by a peer that died; told once the loop runs.
    pub(super) leftovers: Memory,
}

/// When each recurring thing is due next; `None` while it is under way, or switched off.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Due {
    pub(super) license: Option<Millis>,
    pub(super) presence: Option<Millis>,
    pub(super) rules: Option<Millis>,
    pub(super) detect: Option<Millis>,
    pub(super) claude: Option<Millis>,
    pub(super) journal: Option<Millis>,
    pub(super) midnight: Option<Millis>,
}

impl Actor {
    pub(super) fn new(parts: Parts) -> Result<Self, reqwest::Error> {
        let Parts { config, as_read, installation_id, journal, mut memory, outbox, tell, events, inbox } =
            parts;
        let offer = agents::offer(&config, &installation_id);
        let key = config.key.expose_secret();
        // Both were checked when the configuration was read.
        let [protocol, bearer] = Offer::subprotocols(remote::version(&config), key).unwrap_or_default();
        let door = Door {
            client: http::client(&config.base_url, None)?,
            url: upgrade_url(&config.base_url, &offer).unwrap_or_else(|_| config.base_url.clone()),
            protocol,
            bearer: bearer.into(),
        };
        let api = Api {
            client: http::client(&config.base_url, None)?,
            clock: config.clock.clone(),
            base_url: config.base_url.clone(),
            key: config.key.clone(),
            workspace_id: config.workspace_id.clone(),
            plugin_id: config.plugin_id.clone(),
            installation_id,
            drivers: offer.drivers.iter().map(ToString::to_string).collect(),
        };
        let limits = Limits { concurrent: config.runs.concurrent, per_folder: config.runs.per_folder };
        let past = std::mem::take(&mut memory.past);
        let mut dispatcher = Dispatcher::new(limits, agents::all(), past);
        dispatcher.set_offered(agents::offered(&config));
        dispatcher.set_ask_when_dirty(config.runs.ask_when_dirty);
        Ok(Self {
            sleep: SleepWatch::new(config.clock.ticks()),
            clock: config.clock.clone(),
            connection: Connection::default(),
            delivery: Delivery::default(),
            dispatcher,
            webhook: None,
            looking: Turn::default(),
            pause_told: PauseState::Open,
            receipts: Receipts::default(),
            unwritten: VecDeque::new(),
            journal,
            journal_trouble: None,
            outbox,
            outbox_trouble: None,
            driver: Arc::new(OpenCode::new(&config.opencode, &config.paths, &config.tenant())),
            claude_driver: Arc::new(ClaudeCodeDriver::new(
                &config.claude,
                config.paths.claude(&config.tenant()),
            )),
            tasks: HashMap::new(),
            task_number: 0,
            folder_checks: HashMap::new(),
            folder_check: 0,
            recent: VecDeque::new(),
            timelines: Timelines::default(),
            awake: Awake::default(),
            counts: DayCounts::default(),
            asked: Vec::new(),
            remote: Remote::new(&config.plugin_id),
            link: LinkFacts::new(&config.base_url),
            api: Arc::new(api),
            door,
            versions: Versions::new(remote::version(&config)),
            socket: None,
            tag: 0,
            socket_events: mpsc::channel(limits::SOCKET_QUEUE),
            signals: mpsc::unbounded_channel(),
            reports: mpsc::channel(limits::RUN_EVENTS),
            inbox,
            stopping: false,
            rules: watch::Sender::new(Rules::default()),
            fetch: None,
            fetch_number: 0,
            ignored_rules: Vec::new(),
            due: Due::default(),
            opened_before: false,
            license: License::Unknown,
            agent: Detected::default(),
            claude: None,
            space: None,
            rules_fetch: Works::Yes,
            warnings: VecDeque::new(),
            tell_snapshot: tell,
            events,
            changed: true,
            published: Millis(0),
            leftovers: memory,
            as_read,
            config,
        })
    }

    /// Runs until somebody wants it to stop.
    pub(super) async fn run(mut self) {
        self.begin().await;
        while self.turn().await {}
        self.wind_down().await;
    }

    async fn begin(&mut self) {
        for warning in std::mem::take(&mut self.config.warnings) {
            self.warn(warning);
        }
        let effects = self.dispatcher.set_budgets(budgets(&self.config), self.clock.now());
        self.carry_out(effects).await;
        self.count_today().await;
        let leftovers = std::mem::take(&mut self.leftovers);
        self.take_up(leftovers).await;
        self.receive();
        self.look_for_claude();
        let path = self.config.paths.rules(&self.config.tenant());
        self.in_background(async move { Signal::KeptRules(rules::kept(path).await) });
        let now = self.clock.now().mono;
        self.due.license = Some(now);
        self.due.presence = Some(now);
        self.due.detect = Some(now);
        self.connect(Event::Hurry);
    }

    /// One thing that happens; `false` once the peer is to stop.
    pub(super) async fn turn(&mut self) -> bool {
        self.notice_pause().await;
        self.send_what_can_be_sent();
        self.publish();
        let deadline = self.deadline();
        let has_room = self.delivery.has_room();
        let blocked = self.socket.as_ref().filter(|socket| self.connection.is_open() && !socket.has_room());
        tokio::select! {
            Some((tag, event)) = self.socket_events.1.recv() => {
                if tag == self.tag {
                    self.on_socket(event).await;
                }
            }
            Some((id, report)) = self.reports.1.recv(), if has_room => {
                // What a task says that was left behind counts no more.
                if self.tasks.get(&id.run_id).is_some_and(|task| task.is(&id)) {
                    self.on_report(&id.run_id, report).await;
                }
            }
            Some(signal) = self.signals.1.recv() => self.on_signal(signal).await,
            request = self.inbox.recv(), if !self.stopping => match request {
                Some(Request { command: Command::Stop, answer }) => {
                    let _gone = answer.send(Ok(Reply::Done));
                    return false;
                }
                Some(Request { command: Command::Undo { run_id, exact, undone }, answer }) => {
                    self.undo(&run_id, exact, undone, answer).await;
                }
                Some(Request { command: Command::Sessions { all, directory }, answer }) => {
                    self.tell_sessions(all, directory, answer);
                }
                Some(Request { command: Command::Open { run_id, attach }, answer }) => {
                    self.tell_how_to_open(&run_id, attach, answer).await;
                }
                Some(Request { command: Command::Lifecycle { limit, after }, answer }) => {
                    self.tell_lifecycle(limit, after, answer);
                }
                Some(Request { command, answer }) => {
                    let reply = self.on_command(command).await;
                    self.publish_now();
                    let _gone = answer.send(reply);
                }
                None => return false,
            },
            notice = next_notice(self.webhook.as_mut()) => self.on_notice(notice).await,
            () = ready(blocked), if blocked.is_some() => {}
            () = new_lines(self.outbox.as_mut()) => self.changed = true,
            () = self.clock.sleep_until(deadline) => self.tick().await,
        }
        true
    }

    fn deadline(&self) -> Millis {
        let Due { license, presence, rules, detect, claude, journal, midnight } = self.due;
        let due = [license, presence, rules, detect, claude, journal, midnight];
        // What the socket has no room for is not due: its room is awaited.
        let delivery =
            self.delivery.poll_timeout().filter(|_| self.socket.as_ref().is_some_and(Socket::has_room));
        let publish = self.changed.then(|| self.published + PUBLISH_EVERY);
        let remote = self.remote.poll_timeout();
        [self.connection.poll_timeout(), delivery, self.dispatcher.poll_timeout(), remote]
            .into_iter()
            .chain(due)
            .chain([publish, self.receipts.poll_timeout(), Some(self.sleep.poll_timeout())])
            .flatten()
            .min()
            .unwrap_or(Millis(u64::MAX / 2))
    }

    async fn tick(&mut self) {
        self.look_for_a_sleep();
        let now = self.clock.now();
        self.connect(Event::Tick);
        let effects = self.dispatcher.tick(now);
        self.carry_out(effects).await;
        self.post_receipts(now.mono);
        self.ask_orgx(now);
        let is_due = |due: &mut Option<Millis>| due.take_if(|at| *at <= now.mono).is_some();
        if is_due(&mut self.due.license) {
            let api = Arc::clone(&self.api);
            self.in_background(async move { Signal::License(api.license().await) });
        }
        if is_due(&mut self.due.presence) && self.config.presence {
            let (api, presence) = (Arc::clone(&self.api), self.presence());
            self.in_background(async move { Signal::Presence(api.presence(&presence).await) });
        }
        if is_due(&mut self.due.rules) {
            self.fetch_rules();
        }
        if is_due(&mut self.due.midnight) {
            self.look_at_the_day(now).await;
        }
        if is_due(&mut self.due.journal) {
            self.write_ends().await;
        }
        if is_due(&mut self.due.claude) {
            self.look_for_claude();
        }
        if is_due(&mut self.due.detect) {
            self.look_for_opencode();
            let places = [Some(self.config.paths.state.clone()), self.config.outbox.clone()];
            self.in_background(async move {
                let look =
                    move || places.iter().flatten().filter_map(|place| crate::doctor::free(place)).min();
                // A disk that does not answer tells nothing.
                let looked = timeout(limits::FOLDER_CHECK, tokio::task::spawn_blocking(look)).await;
                Signal::Space(looked.ok().and_then(Result::ok).flatten())
            });
        }
    }

    pub(super) fn tell(&self, event: PeerEvent) {
        // Nobody may be listening.
        let _unheard = self.events.send(event);
    }

    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    pub(super) fn in_background(&self, work: impl Future<Output = Signal> + Send + 'static) -> AbortHandle {
        let signals = self.signals.0.clone();
        let task = tokio::spawn(async move {
            // An actor that is gone needs no answer.
            let _gone = signals.send(work.await);
        });
        task.abort_handle()
    }
}

async fn new_lines(outbox: Option<&mut Outbox>) {
    match outbox {
        Some(outbox) => outbox.changed().await,
        None => std::future::pending().await,
    }
}

async fn next_notice(webhook: Option<&mut Webhook>) -> Notice {
    match webhook {
        Some(webhook) => webhook.next().await,
        None => std::future::pending().await,
    }
}

async fn ready(socket: Option<&Socket>) {
    match socket {
        Some(socket) => socket.ready().await,
        None => std::future::pending().await,
    }
}
