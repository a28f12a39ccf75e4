//! When the peer is killed.

use super::Setting;
use super::rng::Rng;
use super::world::{Agent, World};
use orgx_sandbox::gateway::Received;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Something after which it is killed, at once or a little later.
#[derive(Clone, Debug)]
pub(super) struct Moment {
    event: Event,
    later: Duration,
    /// When the event does not come: killed all the same.
    patience: Duration,
}

#[derive(Clone, Debug)]
enum Event {
    /// The nth frame of these kinds that reaches OrgX.
    Frame(&'static [&'static str], usize),
    /// The nth barrier ping.
    Barrier(usize),
    /// A receipt is posted.
    Receipt,
    /// The nth prompt reaches the agent.
    Prompt(usize),
    /// The peer asks this of OpenCode.
    Call(&'static str),
    /// The same, and OpenCode never hears of it.
    Swallowed(&'static str),
    /// Nothing but time.
    Time,
}

/// How far things were before.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    frames: usize,
    pings: usize,
    receipts: usize,
    prompts: usize,
    calls: usize,
}

const TERMINALS: &[&str] = &["task.completed", "task.failed"];
const CREATE: &str = "POST /session?";
const PROMPT: &str = "/prompt_async";

impl Moment {
    pub(super) fn choose(setting: Setting, rng: &mut Rng) -> Self {
        let nth = 1 + rng.below(3);
        let mut events = vec![
            Event::Frame(&["task.started"], nth),
            Event::Frame(&["task.step"], 1 + rng.below(8)),
            Event::Frame(&["task.deviation"], nth),
            Event::Frame(&["task.deviation"], 1),
            Event::Frame(TERMINALS, nth),
            Event::Frame(TERMINALS, 1),
            Event::Barrier(1 + rng.below(4)),
            Event::Receipt,
            Event::Prompt(nth),
            Event::Time,
            Event::Time,
        ];
        if setting == Setting::OpenCode {
            events.extend([CREATE, PROMPT].map(Event::Call));
            events.extend([CREATE, PROMPT].map(Event::Swallowed));
        }
        let (mut patience, event) = (setting.patience(), rng.pick(&events));
        if matches!(event, Event::Time) {
            patience = Duration::from_millis(rng.next() % (2 * setting.patience().as_millis() as u64));
        }
        let later = if rng.chance(40) { 0 } else { rng.next() % 300 };
        Self { event, later: Duration::from_millis(later), patience }
    }

    /// Before the peer gets to do anything.
    pub(super) fn prepare(&self, world: &World) -> Mark {
        if let (Event::Swallowed(call), Agent::OpenCode { way, .. }) = (&self.event, &world.agent) {
            way.hold(call);
        }
        let calls = match (&self.event, &world.agent) {
            (Event::Call(call) | Event::Swallowed(call), Agent::OpenCode { way, .. }) => way.calls(call),
            _ => 0,
        };
        let gateway = &world.stage.gateway;
        let frames = match self.event {
            Event::Frame(kinds, _) => count(&gateway.frames(), kinds),
            _ => 0,
        };
        Mark {
            frames,
            pings: gateway.pings().len(),
            receipts: receipts(&gateway.requests()),
            prompts: world.prompted(),
            calls,
        }
    }

    /// Returns when it has come, or does not.
    pub(super) async fn comes(&self, mark: &Mark, world: &World) {
        let gateway = &world.stage.gateway;
        let event = async {
            match &self.event {
                Event::Frame(kinds, nth) => {
                    let pred = |all: &[Received]| count(all, kinds) >= mark.frames + nth;
                    drop(gateway.wait_for("a frame", pred).await);
                }
                Event::Barrier(nth) => {
                    drop(gateway.wait_pings("a ping", |all| all.len() >= mark.pings + nth).await);
                }
                Event::Receipt => {
                    let pred = |all: &[orgx_sandbox::Request]| receipts(all) > mark.receipts;
                    drop(gateway.wait_request("a receipt", pred).await);
                }
                Event::Prompt(nth) => world.prompted_times(mark.prompts + nth).await,
                Event::Call(call) | Event::Swallowed(call) => match &world.agent {
                    Agent::OpenCode { way, .. } => way.called(call, mark.calls + 1).await,
                    _ => std::future::pending().await,
                },
                Event::Time => std::future::pending().await,
            }
        };
        if timeout(self.patience, event).await.is_ok() {
            sleep(self.later).await;
        }
    }
}

fn count(frames: &[Received], kinds: &[&str]) -> usize {
    frames.iter().filter(|frame| kinds.contains(&frame.kind())).count()
}

fn receipts(requests: &[orgx_sandbox::Request]) -> usize {
    requests.iter().filter(|request| request.path.ends_with("/receipt")).count()
}
