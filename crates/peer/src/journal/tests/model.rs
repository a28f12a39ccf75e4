//! Dispatcher, journal and delivery together, against a plain model of what must be remembered, and against an agent
//! and an OrgX that count. What happens is drawn at random: dispatches and repeats of them, agents at work, sockets
//! that come and go, pauses, questions to the person, clocks that jump, and crashes between any two effects.
//!
//! What must hold, whatever happens (design, promises 1 to 4):
//! - a key is prompted at most once;
//! - the journal remembers what the model remembers, after every step;
//! - once everything has calmed down, every run that OrgX gave has an end there, a spent one exactly one, and every
//!   deviation that was kept has arrived.

use super::super::memory::remember;
use super::super::write;
use super::*;
use orgx_proto::agent::{Action, ActionKind, AgentEnd, AgentEvent, Failure, Totals};
use orgx_proto::delivery::{Delivery, Out};
use orgx_proto::dispatch::{Dispatcher, Effect, Limits, Start};
use orgx_proto::message::Provider;
use orgx_proto::skill_rules::Match;
use orgx_proto::time::{Millis, Now};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

const RUNS: usize = 5;
const HOUR: i64 = 60 * 60 * 1000;

#[derive(Clone, Debug)]
enum Happens {
    Dispatch(usize),
    Folder(usize, bool),
    NotAllowed(usize),
    Answer(usize, bool),
    Prompt(usize),
    Work(usize, u8),
    Ends(usize, bool),
    Cancel(usize),
    Pause(bool),
    Resume,
    Passes(u64),
    ClockJumps(i64),
    SocketOpens,
    SocketBreaks,
    Flows(usize),
    Pongs(usize),
    Crashes,
    /// After so many more effects.
    CrashesSoon(usize),
}

fn happens() -> impl Strategy<Value = Happens> {
    let run = 0..RUNS;
    prop_oneof![
        6 => run.clone().prop_map(Happens::Dispatch),
        5 => (run.clone(), prop::bool::weighted(0.85)).prop_map(|(run, ok)| Happens::Folder(run, ok)),
        1 => run.clone().prop_map(Happens::NotAllowed),
        1 => (run.clone(), any::<bool>()).prop_map(|(run, yes)| Happens::Answer(run, yes)),
        6 => run.clone().prop_map(Happens::Prompt),
        5 => (run.clone(), 0..4u8).prop_map(|(run, what)| Happens::Work(run, what)),
        4 => (run.clone(), any::<bool>()).prop_map(|(run, ok)| Happens::Ends(run, ok)),
        1 => run.prop_map(Happens::Cancel),
        1 => any::<bool>().prop_map(Happens::Pause),
        1 => Just(Happens::Resume),
        1 => (0..120_000u64).prop_map(Happens::Passes),
        1 => (-8 * HOUR..8 * HOUR).prop_map(Happens::ClockJumps),
        3 => Just(Happens::SocketOpens),
        1 => Just(Happens::SocketBreaks),
        4 => (1..12usize).prop_map(Happens::Flows),
        3 => (0..4usize).prop_map(Happens::Pongs),
        2 => Just(Happens::Crashes),
        2 => (0..6usize).prop_map(Happens::CrashesSoon),
    ]
}

/// What must be remembered, in the plainest way.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Model {
    /// Runs that wait or are under way, in the order they came; is the key spent, and the text gone?
    left: Vec<(String, bool, bool)>,
    /// Spent keys of runs that are over.
    past: BTreeSet<String>,
    /// Deviations and terminals that nobody confirmed.
    unconfirmed: BTreeSet<String>,
}

impl Model {
    fn did(&mut self, effect: &Effect) {
        match effect {
            Effect::Queue { dispatch, .. } => {
                self.left.push((dispatch.run_id.to_string(), false, false));
                // What its last try left is over.
                self.unconfirmed.retain(|frame| !frame.contains(&about(dispatch.run_id.as_str())));
            }
            Effect::Spend(spent) => self.mark(spent.run_id.as_str(), |run| run.1 = true),
            Effect::Erase(run_id) => self.mark(run_id.as_str(), |run| run.2 = true),
            Effect::Keep(frame) => {
                self.unconfirmed.insert(frame.json.to_string());
            }
            Effect::End(ended) => {
                self.left.retain(|(run, ..)| run != ended.run_id.as_str());
                self.past.extend(ended.key.as_ref().map(ToString::to_string));
                self.unconfirmed.insert(ended.terminal.json.to_string());
            }
            _ => {}
        }
    }

    fn mark(&mut self, run_id: &str, change: impl Fn(&mut (String, bool, bool))) {
        self.left.iter_mut().filter(|(run, ..)| run == run_id).for_each(change);
    }

    fn of(memory: &Memory) -> Self {
        let spent = |left: &orgx_proto::dispatch::Left| left.spent.as_ref().map(|spent| spent.prompted);
        let left = memory.left.iter().map(|left| {
            (left.dispatch.run_id.to_string(), spent(left).is_some(), spent(left).unwrap_or_default())
        });
        Self {
            left: left.collect(),
            past: memory.past.iter().map(|past| past.key.to_string()).collect(),
            unconfirmed: memory.unconfirmed.iter().map(|frame| frame.json.to_string()).collect(),
        }
    }
}

fn about(run_id: &str) -> String {
    format!("\"run_id\":\"{run_id}\"")
}

/// The peer between a journal that survives, and an agent and an OrgX that count.
struct World {
    db: Connection,
    model: Model,
    dispatcher: Dispatcher,
    delivery: Delivery,
    now: Now,
    /// Runs whose driver was started by this peer, and what it was started with.
    started: HashMap<String, Start>,
    /// Effects until the next crash.
    fuse: Option<usize>,
    /// The agent's side: prompts by key.
    prompts: BTreeMap<String, usize>,
    /// OrgX's side.
    given: BTreeSet<String>,
    frames: Vec<String>,
    pongs: VecDeque<u64>,
    /// What was kept, and must arrive.
    kept: BTreeSet<String>,
    /// The ends of spent runs, as they were journaled.
    ends: BTreeMap<String, BTreeSet<String>>,
}

impl World {
    fn new() -> Self {
        let mut db = Connection::open_in_memory().expect("a database");
        schema::prepare(&mut db).expect("tables");
        Self {
            db,
            model: Model::default(),
            dispatcher: dispatcher(Vec::new()),
            delivery: Delivery::default(),
            now: Now { mono: Millis(1), wall: Timestamp(1_795_168_800_000) },
            started: HashMap::new(),
            fuse: None,
            prompts: BTreeMap::new(),
            given: BTreeSet::new(),
            frames: Vec::new(),
            pongs: VecDeque::new(),
            kept: BTreeSet::new(),
            ends: BTreeMap::new(),
        }
    }

    fn happens(&mut self, what: &Happens) {
        self.now.mono = self.now.mono + Duration::from_millis(1);
        self.now.wall.0 += 1;
        let id = |run: usize| RunId::new(format!("r{run}"));
        let now = self.now;
        match *what {
            Happens::Dispatch(run) => {
                self.given.insert(id(run).to_string());
                let effects = self.dispatcher.dispatch(dispatch(&id(run).to_string()), now);
                self.carry_out(effects);
            }
            Happens::Folder(run, ok) => {
                // Two runs share each folder.
                let folder = Some(format!("/w/{}", run / 2));
                let folder = if ok { Ok(folder) } else { Err(Failure::lasting("refused")) };
                let effects = self.dispatcher.folder(&id(run), folder, now);
                self.carry_out(effects);
            }
            Happens::NotAllowed(run) => {
                let refused = Failure::lasting("not allowed");
                let effects = self.dispatcher.ask_folder(&id(run), format!("/w/{}", run / 2), refused, now);
                self.carry_out(effects);
            }
            Happens::Answer(run, yes) => {
                let run = id(run);
                let answered =
                    if yes { self.dispatcher.allow(&run, now) } else { self.dispatcher.deny(&run, now) };
                self.carry_out(answered.unwrap_or_default());
            }
            Happens::Prompt(run) => self.prompt(&id(run)),
            Happens::Work(run, what) => self.work(&id(run), what),
            Happens::Ends(run, ok) => self.ends(&id(run), ok),
            Happens::Cancel(run) => {
                let effects = self.dispatcher.cancel(&id(run), now);
                self.carry_out(effects);
            }
            Happens::Pause(after) => self.dispatcher.pause(after),
            Happens::Resume => {
                let effects = self.dispatcher.resume(now);
                self.carry_out(effects);
            }
            Happens::Passes(ms) => {
                self.now.mono = self.now.mono + Duration::from_millis(ms);
                self.now.wall.0 += ms as i64;
                let effects = self.dispatcher.tick(self.now);
                self.carry_out(effects);
            }
            Happens::ClockJumps(by) => self.now.wall.0 += by,
            Happens::SocketOpens => self.delivery.opened(),
            Happens::SocketBreaks => {
                self.delivery.closed();
                self.pongs.clear();
            }
            Happens::Flows(most) => self.flows(most),
            Happens::Pongs(skip) => self.pong(skip),
            Happens::Crashes => self.crash(),
            Happens::CrashesSoon(effects) => self.fuse = Some(effects),
        }
    }

    /// As the actor does; `false` when it crashed on the way.
    fn carry_out(&mut self, effects: Vec<Effect>) -> bool {
        let mut todo = VecDeque::from(effects);
        while let Some(effect) = todo.pop_front() {
            if let Some(left) = &mut self.fuse {
                if *left == 0 {
                    self.crash();
                    return false;
                }
                *left -= 1;
            }
            self.model.did(&effect);
            let db = &self.db;
            let written = match &effect {
                Effect::Queue { dispatch, at, after_pause } => write::queue(db, dispatch, *at, *after_pause),
                Effect::Spend(spent) => write::spend(db, spent),
                Effect::Erase(run_id) => write::erase(db, run_id),
                Effect::Account(run_id, balance) => write::account(db, run_id, balance),
                Effect::Keep(frame) => {
                    self.kept.insert(frame.json.to_string());
                    write::deviation(db, frame)
                }
                Effect::End(ended) => {
                    if ended.key.is_some() {
                        self.ends
                            .entry(ended.run_id.to_string())
                            .or_default()
                            .insert(ended.terminal.json.to_string());
                    }
                    write::end(db, ended)
                }
                _ => Ok(()),
            };
            written.expect("written");
            match effect {
                Effect::Start(start) => {
                    self.started.insert(start.run_id.to_string(), *start);
                }
                Effect::Send(frame) => self.delivery.push(frame),
                _ => {}
            }
        }
        true
    }

    /// The driver goes on: a session, the key spent, the prompt; or it looks a run up that a peer before began.
    fn prompt(&mut self, run_id: &RunId) {
        let Some(start) = self.started.get(run_id.as_str()).cloned() else { return };
        let session = SessionHandle::new(format!("ses_{run_id}"));
        let has_it = self.prompts.contains_key(start.key.as_str());
        match &start.resume {
            Some(resume) if !has_it && resume.prompted => return self.ends(run_id, false),
            Some(_) => {}
            None => {
                let place = PromptPlace { session: Some(session.clone()), message_id: Some("msg_1".into()) };
                let Some(effects) = self.dispatcher.spend(run_id, place, self.now) else { return };
                if !self.carry_out(effects) {
                    return;
                }
            }
        }
        let effects = self.dispatcher.started(run_id, &session, self.now);
        if !self.carry_out(effects) {
            return;
        }
        if !has_it {
            assert!(!start.prompt.is_empty(), "the text is still there");
            *self.prompts.entry(start.key.to_string()).or_default() += 1;
        }
        // Between the prompt and the word of it a crash may come.
        let effects = self.dispatcher.prompted(run_id, self.now);
        self.carry_out(effects);
    }

    fn work(&mut self, run_id: &RunId, what: u8) {
        let event = AgentEvent::Action(Action {
            kind: ActionKind::ToolCall { tool: "bash".into() },
            detail: format!("{what}"),
            evidence_ref: None,
            matched_text: String::new(),
            answers: true,
        });
        let rule = Match {
            skill_id: "s".into(),
            evidence_kind: "e".into(),
            dedupe_key: format!("{run_id}:{what}"),
            rule: 0,
        };
        let matches = if what > 1 { vec![rule] } else { Vec::new() };
        let effects = self.dispatcher.agent(run_id, &event, &matches, self.now);
        self.carry_out(effects);
    }

    fn ends(&mut self, run_id: &RunId, ok: bool) {
        if !self.started.contains_key(run_id.as_str()) {
            return;
        }
        let totals = Totals { tokens_used: 7, cost_cents: 0.0, provider: Provider::Anthropic };
        let prompted = self.dispatcher.run(run_id).is_some_and(|run| run.live.is_some());
        let end = if ok && prompted {
            AgentEnd::Completed(totals)
        } else {
            AgentEnd::Failed(Failure::recoverable("it broke"))
        };
        self.started.remove(run_id.as_str());
        let effects = self.dispatcher.ended(run_id, &end, self.now);
        self.carry_out(effects);
    }

    fn flows(&mut self, most: usize) {
        for _ in 0..most {
            match self.delivery.next(self.now.mono) {
                Some(Out::Text(text)) => self.frames.push(text.to_string()),
                Some(Out::Ping(counter)) => self.pongs.push_back(counter),
                None => return,
            }
        }
    }

    /// A pong comes; those before it may have been passed over.
    fn pong(&mut self, skip: usize) {
        let last = (skip + 1).min(self.pongs.len());
        let Some(counter) = self.pongs.drain(..last).next_back() else { return };
        let confirmed = self.delivery.pong(counter);
        for frame in &confirmed {
            match frame.class {
                Class::Terminal => write::confirm(&self.db, frame).expect("confirmed"),
                Class::Deviation => write::forget(&self.db, std::slice::from_ref(frame)).expect("forgotten"),
                Class::Step | Class::Lasting | Class::Continuation => continue,
            }
            self.model.unconfirmed.remove(&*frame.json);
        }
    }

    /// Everything but the journal is gone; another peer takes up what it says.
    fn crash(&mut self) {
        self.fuse = None;
        self.started.clear();
        self.pongs.clear();
        let memory = remember(&self.db).expect("a memory");
        self.delivery = Delivery::default();
        self.dispatcher = dispatcher(memory.past);
        for frame in memory.unconfirmed {
            self.delivery.push(frame);
        }
        // A new process has a new clock.
        self.now.mono = Millis(1);
        for left in memory.left {
            let effects = self.dispatcher.restore(left, self.now);
            self.carry_out(effects);
        }
    }

    fn agrees(&self) {
        let memory = remember(&self.db).expect("a memory");
        assert_eq!(Model::of(&memory), self.model);
        for (key, times) in &self.prompts {
            assert_eq!(*times, 1, "{key}");
        }
    }

    /// Nothing goes wrong any more; OrgX asks again for what has no end.
    fn calms_down(&mut self) {
        self.fuse = None;
        self.delivery.closed();
        self.pongs.clear();
        self.delivery.opened();
        self.happens(&Happens::Resume);
        for _ in 0..4 * RUNS {
            for run in 0..RUNS {
                self.happens(&Happens::Folder(run, true));
                self.happens(&Happens::Prompt(run));
                self.happens(&Happens::Ends(run, true));
            }
            // What was cancelled and whose agent is silent is left behind.
            self.happens(&Happens::Passes(limits_stop()));
            for run in self.given.clone() {
                if !self.has_end(&run)
                    && !self.dispatcher.runs().any(|known| known.dispatch.run_id.as_str() == run)
                {
                    let effects = self.dispatcher.dispatch(dispatch(&run), self.now);
                    self.carry_out(effects);
                }
            }
            self.delivery.ping();
            self.flows(10_000);
            let last = self.pongs.len();
            self.pong(last);
        }
        self.agrees();
    }

    fn has_end(&self, run: &str) -> bool {
        let is_end = |frame: &&String| frame.contains("task.completed") || frame.contains("task.failed");
        self.frames.iter().filter(is_end).any(|frame| frame.contains(&about(run)))
    }
}

fn limits_stop() -> u64 {
    orgx_proto::limits::STOP_WITHIN.as_millis() as u64
}

fn dispatcher(past: Vec<orgx_proto::dispatch::Past>) -> Dispatcher {
    let drivers = BTreeMap::from([(DriverId::opencode(), "opencode")]);
    Dispatcher::new(Limits::default(), drivers, past)
}

/// 600 stories, or as many more as `PROPTEST_CASES` wants.
fn many() -> ProptestConfig {
    let config = ProptestConfig::default();
    ProptestConfig { cases: config.cases.max(600), ..config }
}

proptest! {
    #![proptest_config(many())]

    #[test]
    fn one_key_one_prompt_one_end_whatever_happens(story in prop::collection::vec(happens(), 1..120)) {
        let mut world = World::new();
        for what in &story {
            world.happens(what);
            world.agrees();
        }
        world.calms_down();
        prop_assert_eq!(world.delivery.unconfirmed(), 0);
        prop_assert!(world.model.left.is_empty(), "{:?}", world.model.left);
        for run in &world.given {
            prop_assert!(world.has_end(run), "{} has no end", run);
        }
        for (run, ends) in &world.ends {
            prop_assert_eq!(ends.len(), 1, "{} ended more than once", run);
            prop_assert!(ends.iter().all(|end| world.frames.contains(end)), "the end of {} was not told", run);
        }
        for deviation in &world.kept {
            prop_assert!(world.frames.contains(deviation), "lost: {}", deviation);
        }
    }
}
