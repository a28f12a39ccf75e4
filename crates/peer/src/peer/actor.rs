//! The actor: one loop that owns the state. A signal comes in, `orgx_proto` decides, effects go out.

use super::event::PeerEvent;
use super::receipts::Receipts;
use super::run_task::{RunReport, RunTask};
use super::snapshot::{OutboxView, PeerSnapshot, RecentRun, RunView};
use super::words;
use crate::clock::Clock;
use crate::config::Config;
use crate::driver::opencode::OpenCode;
use crate::driver::{Detected, Driver};
use crate::gateway::{Api, Door, License, Presence, Socket, SocketEvent};
use crate::http::{self, CallError};
use crate::journal::{Journal, Memory};
use crate::limits;
use crate::outbox::Outbox;
use crate::rules::{self, Compiled, Rules};
use orgx_proto::agent::Failure;
use orgx_proto::connection::{Action, Connection, Event, Offer, State, upgrade_url};
use orgx_proto::delivery::{Class, Delivery};
use orgx_proto::dispatch::{Dispatcher, Limits};
use orgx_proto::ids::{DriverId, RunId};
use orgx_proto::message::{Inbound, parse};
use orgx_proto::receipt::Answer;
use orgx_proto::time::{Millis, Now};
use secrecy::ExposeSecret;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::time::sleep_until;

/// How often a changed snapshot is published: what people can see, and no more.
const PUBLISH_EVERY: Duration = Duration::from_millis(50);

/// What somebody wants.
#[derive(Debug)]
pub(super) enum Command {
    Cancel(RunId),
    Stop,
}

/// Results of what was started in the background.
#[derive(Debug)]
pub(super) enum Signal {
    Folder(RunId, Result<Option<String>, Failure>),
    License(Result<License, CallError>),
    Presence(Result<(), CallError>),
    KeptRules(Option<Compiled>),
    Rules(Result<Compiled, String>),
    Detected(Detected),
    Receipt(RunId, Answer),
}

/// What an actor is made of.
pub(super) struct Parts {
    pub(super) config: Config,
    pub(super) installation_id: String,
    pub(super) journal: Journal,
    pub(super) memory: Memory,
    pub(super) outbox: Option<Outbox>,
    pub(super) tell: watch::Sender<PeerSnapshot>,
    pub(super) events: broadcast::Sender<PeerEvent>,
    pub(super) inbox: mpsc::Receiver<Command>,
}

/// The one owner of the state.
pub(super) struct Actor {
    pub(super) config: Config,
    pub(super) clock: Clock,
    pub(super) connection: Connection,
    pub(super) delivery: Delivery,
    pub(super) dispatcher: Dispatcher,
    pub(super) receipts: Receipts,
    pub(super) journal: Journal,
    pub(super) outbox: Option<Outbox>,
    outbox_trouble: Option<String>,
    pub(super) driver: Arc<OpenCode>,
    pub(super) tasks: HashMap<RunId, RunTask>,
    pub(super) recent: VecDeque<RecentRun>,
    pub(super) api: Arc<Api>,
    door: Door,
    pub(super) socket: Option<Socket>,
    /// Tells a socket's events from those of one that is no longer ours.
    tag: u64,
    socket_events: (mpsc::Sender<(u64, SocketEvent)>, mpsc::Receiver<(u64, SocketEvent)>),
    pub(super) signals: (mpsc::UnboundedSender<Signal>, mpsc::UnboundedReceiver<Signal>),
    pub(super) reports: (mpsc::Sender<(RunId, RunReport)>, mpsc::Receiver<(RunId, RunReport)>),
    inbox: mpsc::Receiver<Command>,
    pub(super) rules: watch::Sender<Rules>,
    ignored_rules: Vec<String>,
    due: Due,
    opened_before: bool,
    license: License,
    agent: Detected,
    warnings: VecDeque<String>,
    pub(super) tell_snapshot: watch::Sender<PeerSnapshot>,
    pub(super) events: broadcast::Sender<PeerEvent>,
    changed: bool,
    published: Millis,
    /// Terminals left over by a peer that died; told once the loop runs.
    leftovers: Memory,
}

/// When each recurring thing is due next; `None` while it is under way, or switched off.
#[derive(Debug, Default)]
struct Due {
    license: Option<Millis>,
    presence: Option<Millis>,
    rules: Option<Millis>,
    detect: Option<Millis>,
}

impl Actor {
    pub(super) fn new(parts: Parts) -> Result<Self, reqwest::Error> {
        let Parts { config, installation_id, journal, mut memory, outbox, tell, events, inbox } = parts;
        let drivers = BTreeMap::from([(DriverId::opencode(), "opencode")]);
        let offer = Offer {
            workspace_id: config.workspace_id.clone(),
            plugin_id: config.plugin_id.clone(),
            drivers: drivers.keys().cloned().collect(),
            installation_id: Some(installation_id.clone()),
        };
        let key = config.key.expose_secret();
        // Both were checked when the configuration was read.
        let [protocol, bearer] = Offer::subprotocols(key).unwrap_or_default();
        let door = Door {
            client: http::client(&config.base_url, None)?,
            url: upgrade_url(&config.base_url, &offer).unwrap_or_else(|_| config.base_url.clone()),
            protocol,
            bearer: bearer.into(),
        };
        let api = Api {
            client: http::client(&config.base_url, Some(limits::ORGX_CALL))?,
            base_url: config.base_url.clone(),
            key: config.key.clone(),
            workspace_id: config.workspace_id.clone(),
            plugin_id: config.plugin_id.clone(),
            installation_id,
            drivers: drivers.keys().map(ToString::to_string).collect(),
        };
        let limits = Limits { concurrent: config.runs.concurrent, per_folder: config.runs.per_folder };
        let past = std::mem::take(&mut memory.past);
        Ok(Self {
            clock: Clock::new(),
            connection: Connection::default(),
            delivery: Delivery::default(),
            dispatcher: Dispatcher::new(limits, drivers, past),
            receipts: Receipts::default(),
            journal,
            outbox,
            outbox_trouble: None,
            driver: Arc::new(OpenCode::new(&config.opencode, &config.paths.state)),
            tasks: HashMap::new(),
            recent: VecDeque::new(),
            api: Arc::new(api),
            door,
            socket: None,
            tag: 0,
            socket_events: mpsc::channel(limits::SOCKET_QUEUE),
            signals: mpsc::unbounded_channel(),
            reports: mpsc::channel(limits::RUN_EVENTS),
            inbox,
            rules: watch::Sender::new(Rules::default()),
            ignored_rules: Vec::new(),
            due: Due::default(),
            opened_before: false,
            license: License::Unknown,
            agent: Detected::default(),
            warnings: VecDeque::new(),
            tell_snapshot: tell,
            events,
            changed: true,
            published: Millis(0),
            leftovers: memory,
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
        let leftovers = std::mem::take(&mut self.leftovers);
        self.take_up(leftovers).await;
        let path = self.config.paths.rules(&self.config.workspace_id);
        self.in_background(async move { Signal::KeptRules(rules::kept(path).await) });
        let now = self.clock.now().mono;
        self.due = Due { license: Some(now), presence: None, rules: None, detect: Some(now) };
        self.connect(Event::Hurry);
    }

    /// One thing that happens; `false` once the peer is to stop.
    pub(super) async fn turn(&mut self) -> bool {
        self.send_what_can_be_sent();
        self.publish();
        let deadline = self.clock.instant(self.deadline());
        let has_room = self.delivery.has_room();
        let blocked = self.socket.as_ref().filter(|socket| self.connection.is_open() && !socket.has_room());
        tokio::select! {
            Some((tag, event)) = self.socket_events.1.recv() => {
                if tag == self.tag {
                    self.on_socket(event).await;
                }
            }
            Some((run_id, report)) = self.reports.1.recv(), if has_room => self.on_report(&run_id, report).await,
            Some(signal) = self.signals.1.recv() => self.on_signal(signal).await,
            command = self.inbox.recv() => match command {
                Some(Command::Cancel(run_id)) => {
                    let effects = self.dispatcher.cancel(&run_id, self.clock.now());
                    self.carry_out(effects).await;
                }
                Some(Command::Stop) | None => return false,
            },
            () = ready(blocked), if blocked.is_some() => {}
            () = sleep_until(deadline) => self.tick().await,
        }
        true
    }

    fn deadline(&self) -> Millis {
        let due = [self.due.license, self.due.presence, self.due.rules, self.due.detect];
        let publish = self.changed.then(|| self.published + PUBLISH_EVERY);
        [self.connection.poll_timeout(), self.delivery.poll_timeout(), self.dispatcher.poll_timeout()]
            .into_iter()
            .chain(due)
            .chain([publish, self.receipts.poll_timeout()])
            .flatten()
            .min()
            .unwrap_or(Millis(u64::MAX / 2))
    }

    async fn tick(&mut self) {
        let now = self.clock.now();
        self.connect(Event::Tick);
        let effects = self.dispatcher.tick(now);
        self.carry_out(effects).await;
        self.post_receipts(now.mono);
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
        if is_due(&mut self.due.detect) {
            let driver = Arc::clone(&self.driver);
            self.in_background(async move { Signal::Detected(driver.detect().await) });
        }
    }

    pub(super) fn presence(&self) -> Presence {
        Presence {
            online: self.connection.is_open(),
            queue_depth: self.dispatcher.queued(),
            agent: self.agent.clone(),
        }
    }

    /// Tells the connection what happened and does what it says.
    fn connect(&mut self, event: Event) {
        let before = self.connection.state();
        let action = self.connection.handle(self.clock.now().mono, event, rand::random());
        match action {
            Some(Action::Connect) => {
                self.tag += 1;
                self.socket = Some(Socket::open(self.door.clone(), self.tag, self.socket_events.0.clone()));
            }
            Some(Action::Ping) => {
                let counter = self.delivery.barrier(self.clock.now().mono);
                if let Some(socket) = &self.socket {
                    socket.send(orgx_proto::delivery::Out::Ping(counter));
                }
            }
            Some(Action::Drop) => self.lose_socket(),
            // The socket is closed by `wind_down`, which can wait for it.
            Some(Action::Close) | None => {}
        }
        let after = self.connection.state();
        if before != after {
            self.changed = true;
            let open = after == State::Open;
            if open || matches!(after, State::Waiting { .. }) {
                let words = self.connection_words();
                tracing::info!(open, "{words}");
                self.tell(PeerEvent::Connection { open, words });
            }
        }
    }

    fn connection_words(&self) -> String {
        let host = self.config.base_url.host_str().unwrap_or_default();
        words::connection(&self.connection.state(), host, self.clock.now().mono)
    }

    fn lose_socket(&mut self) {
        self.socket = None;
        self.tag += 1;
        let unconfirmed = self.delivery.closed();
        self.receipts.socket_lost(&unconfirmed);
        self.post_receipts(self.clock.now().mono);
    }

    async fn on_socket(&mut self, event: SocketEvent) {
        match event {
            SocketEvent::Opened => {
                self.connect(Event::Opened);
                self.delivery.opened();
                self.due.presence = Some(self.clock.now().mono);
                // At boot the rules are being fetched already.
                if std::mem::replace(&mut self.opened_before, true) {
                    self.fetch_rules();
                }
            }
            SocketEvent::Refused { status, retry_after } => {
                self.connect(Event::Refused { status, retry_after });
                self.lose_socket();
            }
            SocketEvent::Failed(why) => {
                self.connect(Event::Failed(why));
                self.lose_socket();
            }
            SocketEvent::Closed { code, reason } => {
                self.connect(Event::Closed { code, reason });
                self.lose_socket();
            }
            SocketEvent::Text(text) => {
                self.connect(Event::Heard);
                self.on_frame(&text).await;
            }
            SocketEvent::Pong(counter) => {
                self.connect(Event::Heard);
                for frame in counter.map_or_else(Vec::new, |counter| self.delivery.pong(counter)) {
                    if frame.class == Class::Terminal {
                        self.terminal_confirmed(frame.run_id).await;
                    }
                }
                self.changed = true;
            }
            SocketEvent::Heard => self.connect(Event::Heard),
        }
    }

    async fn on_frame(&mut self, text: &str) {
        let now = self.clock.now();
        let effects = match parse(text) {
            Inbound::Dispatch(dispatch) => {
                let arrived = PeerEvent::Arrived {
                    run_id: dispatch.run_id.to_string(),
                    title: orgx_proto::redact::Redacted::cut(&dispatch.task.title, 200).into_string(),
                };
                tracing::info!(run_id = %dispatch.run_id, "a task arrived");
                self.tell(arrived);
                self.dispatcher.dispatch(*dispatch, now)
            }
            Inbound::Unusable { run_id, reason } => {
                tracing::warn!(%run_id, %reason, "a dispatch cannot be run");
                self.dispatcher.unusable(run_id, &reason, now)
            }
            Inbound::Cancel(cancel) => {
                tracing::info!(run_id = %cancel.run_id, "OrgX cancels");
                self.dispatcher.cancel(&cancel.run_id, now)
            }
            Inbound::RulesReload => {
                self.fetch_rules();
                Vec::new()
            }
            Inbound::Ignored(why) => {
                tracing::debug!(%why, "ignored");
                Vec::new()
            }
        };
        self.carry_out(effects).await;
    }

    async fn on_signal(&mut self, signal: Signal) {
        let now = self.clock.now();
        match signal {
            Signal::Folder(run_id, folder) => {
                let effects = self.dispatcher.folder(&run_id, folder, now);
                self.carry_out(effects).await;
            }
            Signal::License(result) => self.on_license(result, now),
            Signal::Presence(result) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "presence was not taken");
                }
                self.due.presence = Some(now.mono + limits::PRESENCE_EVERY);
            }
            Signal::KeptRules(kept) => {
                if let Some(kept) = kept {
                    self.use_rules(kept, true);
                }
                self.fetch_rules();
            }
            Signal::Rules(Ok(rules)) => self.use_rules(rules, false),
            Signal::Rules(Err(why)) => {
                let kept = self.rules.borrow().set.len();
                let instead = match kept {
                    0 => "no rules are matched until then".to_owned(),
                    kept => format!("the {kept} from last time are used"),
                };
                self.warn(format!("The skill rules could not be fetched ({why}); {instead}."));
                self.rules.send_modify(|rules| rules.loading = false);
                self.due.rules = Some(now.mono + limits::RULES_RETRY);
            }
            Signal::Detected(agent) => {
                if agent.words != self.agent.words {
                    tracing::info!("{}", agent.words);
                    self.tell(PeerEvent::Agent { words: agent.words.clone() });
                }
                self.agent = agent;
                self.due.detect = Some(now.mono + limits::DETECT_EVERY);
            }
            Signal::Receipt(run_id, answer) => self.on_receipt(run_id, answer, now.mono).await,
        }
        self.changed = true;
    }

    fn on_license(&mut self, result: Result<License, CallError>, now: Now) {
        match result {
            Ok(license) => {
                self.due.license = Some(now.mono + limits::LICENSE_EVERY);
                match license {
                    License::Revoked => self.warn(
                        "OrgX says that this installation's license is revoked or unpaid (402): it may refuse \
                         deviations. Tasks go on; see OrgX's billing page."
                            .into(),
                    ),
                    License::Degraded => tracing::info!("license degraded: OrgX may refuse deviations"),
                    License::Active | License::Unknown => {}
                }
                self.license = license.clone();
                self.tell(PeerEvent::License { license });
            }
            Err(error) => {
                self.due.license = Some(now.mono + limits::LICENSE_RETRY);
                self.warn(format!("The license heartbeat was not taken: OrgX {error}."));
            }
        }
    }

    fn fetch_rules(&mut self) {
        self.due.rules = None;
        self.rules.send_modify(|rules| rules.loading = true);
        let (api, path) = (Arc::clone(&self.api), self.config.paths.rules(&self.config.workspace_id));
        self.in_background(async move { Signal::Rules(rules::fetch(&api, &path).await) });
    }

    fn use_rules(&mut self, compiled: Compiled, loading: bool) {
        let count = compiled.set.len();
        let ignored: Vec<String> =
            compiled.ignored.iter().map(|rule| format!("{}: {}", rule.skill_id, rule.reason)).collect();
        for rule in &ignored {
            tracing::warn!(%rule, "a skill rule is not used");
        }
        if !loading {
            tracing::info!(count, ignored = ignored.len(), "skill rules are in use");
            self.tell(PeerEvent::Rules { count, ignored: ignored.clone() });
        }
        self.ignored_rules = ignored;
        self.rules.send_replace(Rules { set: compiled.set, loading });
    }

    fn send_what_can_be_sent(&mut self) {
        let Some(socket) = self.socket.as_ref().filter(|_| self.connection.is_open()) else { return };
        let now = self.clock.now().mono;
        while socket.has_room() {
            let Some(out) = self.delivery.next(now) else { return };
            socket.send(out);
            self.changed = true;
        }
    }

    pub(super) fn warn(&mut self, words: String) {
        tracing::warn!("{words}");
        self.warnings.push_back(words.clone());
        while self.warnings.len() > 20 {
            self.warnings.pop_front();
        }
        self.changed = true;
        self.tell(PeerEvent::Warning { words });
    }

    pub(super) fn tell(&self, event: PeerEvent) {
        // Nobody may be listening.
        let _unheard = self.events.send(event);
    }

    pub(super) fn touch(&mut self) {
        self.changed = true;
    }

    pub(super) fn in_background(&self, work: impl Future<Output = Signal> + Send + 'static) {
        let signals = self.signals.0.clone();
        tokio::spawn(async move {
            // An actor that is gone needs no answer.
            let _gone = signals.send(work.await);
        });
    }

    fn publish(&mut self) {
        let now = self.clock.now().mono;
        let first = self.published == Millis(0);
        if !self.changed || !(first || now.since(self.published) >= PUBLISH_EVERY) {
            return;
        }
        self.watch_outbox();
        self.changed = false;
        self.published = now;
        let mut runs: Vec<RunView> = self.dispatcher.runs().map(RunView::from).collect();
        runs.sort_by(|a, b| (a.arrived_at, &a.run_id).cmp(&(b.arrived_at, &b.run_id)));
        let rules = self.rules.borrow().set.clone();
        let suspended = rules.suspended();
        let suspended = suspended.iter().map(|rule| format!("{}: {}", rule.skill_id, rule.reason));
        self.tell_snapshot.send_replace(PeerSnapshot {
            connected: self.connection.is_open(),
            connection: self.connection_words(),
            license: self.license.clone(),
            agent: self.agent.clone(),
            rules: rules.len(),
            ignored_rules: self.ignored_rules.iter().cloned().chain(suspended).collect(),
            runs,
            recent: self.recent.iter().cloned().collect(),
            unconfirmed: self.delivery.unconfirmed(),
            outbox: self
                .outbox
                .as_ref()
                .zip(self.config.outbox.as_ref())
                .map(|(outbox, path)| OutboxView::new(path, outbox.health())),
            warnings: self.warnings.iter().cloned().collect(),
        });
    }

    /// Tells when the outbox begins to fail, and when it works again.
    fn watch_outbox(&mut self) {
        let trouble = self.outbox.as_ref().and_then(|outbox| outbox.health().trouble);
        if trouble == self.outbox_trouble {
            return;
        }
        match &trouble {
            Some(words) => self.warn(format!("{}.", capitalized(words))),
            None => tracing::info!("the local trail works again"),
        }
        self.outbox_trouble = trouble;
    }

    /// The agents may have changed: look soon.
    pub(super) fn look_at_agents(&mut self) {
        if self.due.detect.is_some() {
            self.due.detect = Some(self.clock.now().mono);
        }
    }
}

fn capitalized(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

async fn ready(socket: Option<&Socket>) {
    match socket {
        Some(socket) => socket.ready().await,
        None => std::future::pending().await,
    }
}
