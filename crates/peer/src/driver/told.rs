//! What a run has told the peer already: when its server is started anew in the middle of it, the driver reads the
//! whole state again, and nothing may be told a second time.

use super::Order;
use orgx_proto::agent::{AgentEvent, PromptPlace};
use orgx_proto::dispatch::Resume;
use std::collections::HashMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

/// How often something was told, by its hash.
type Counts = HashMap<u64, u32>;

/// Is a run held at a budget?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Hold {
    #[default]
    No,
    Yes,
    /// It was let go on, and the prompt for it is not granted yet.
    Released,
}

/// What was told.
#[derive(Debug, Default)]
pub(super) struct Told {
    /// Where the prompt went.
    pub(super) place: Option<PromptPlace>,
    pub(super) started: bool,
    pub(super) prompted: bool,
    /// Where the first prompt went, once another one has followed it.
    pub(super) began: Option<String>,
    /// Is it held at a budget?
    hold: Hold,
    events: Counts,
    /// What will come again, and is known.
    again: Counts,
}

impl Told {
    /// From here on everything is told from the beginning.
    pub(super) fn begin_again(&mut self) {
        self.again = self.events.clone();
    }

    /// The peer wants this of it. One that may go on stays held until its prompt is granted: its server may end before.
    pub(super) fn ordered(&mut self, order: &Order) {
        match order {
            Order::Hold => self.hold = Hold::Yes,
            Order::GoOn => self.hold = Hold::Released,
            Order::Reply(..) => {}
        }
    }

    /// Was it let go on, and not prompted since?
    pub(super) fn is_released(&self) -> bool {
        self.hold == Hold::Released
    }

    /// Another prompt follows, under this id.
    pub(super) fn goes_on(&mut self, message_id: String) {
        (self.prompted, self.hold) = (false, Hold::No);
        if let Some(place) = &mut self.place {
            let before = place.message_id.replace(message_id);
            self.began = self.began.take().or(before);
        }
    }

    /// A peer before us began it: that is where it stands.
    pub(super) fn take_up(&mut self, resume: &Resume) {
        self.place = Some(resume.place.clone());
        self.prompted = resume.prompted;
        self.hold = if resume.held { Hold::Yes } else { Hold::No };
        self.began.clone_from(&resume.began);
    }

    /// What is to be looked up when the agent is gone and another one takes over; `None`: nothing was prompted.
    pub(super) fn resume(&self) -> Option<Resume> {
        let place = self.place.clone()?;
        Some(Resume {
            place,
            prompted: self.prompted,
            began: self.began.clone(),
            held: self.hold != Hold::No,
        })
    }

    /// Is this news?
    pub(super) fn is_new(&mut self, event: &AgentEvent) -> bool {
        let Some(hash) = hash(event) else { return true };
        if let Some(known) = self.again.get_mut(&hash).filter(|known| **known > 0) {
            *known -= 1;
            return false;
        }
        *self.events.entry(hash).or_default() += 1;
        true
    }
}

/// `None` for the peer's own words, which nothing repeats.
fn hash(event: &AgentEvent) -> Option<u64> {
    let mut hasher = DefaultHasher::new();
    match event {
        AgentEvent::Action(action) => {
            (action.kind.name(), action.kind.tool(), &action.detail, &action.evidence_ref).hash(&mut hasher);
        }
        AgentEvent::Chat => "chat".hash(&mut hasher),
        AgentEvent::Remark(_) => return None,
    }
    Some(hasher.finish())
}

#[cfg(test)]
mod tests {
    use super::*;
    use orgx_proto::agent::{Action, ActionKind};
    use orgx_proto::redact::Redacted;

    fn call(tool: &str) -> AgentEvent {
        AgentEvent::Action(Action {
            kind: ActionKind::ToolCall { tool: tool.into() },
            detail: "done".into(),
            evidence_ref: Some("call_1".into()),
            matched_text: String::new(),
            answers: true,
        })
    }

    #[test]
    fn a_run_that_may_go_on_stays_held_until_its_prompt_is_granted() {
        let place = PromptPlace { session: None, message_id: Some("msg_1".into()) };
        let mut told = Told { place: Some(place), prompted: true, ..Told::default() };
        let stands = |told: &Told| {
            let resume = told.resume().expect("it was prompted");
            (resume.held, resume.prompted, resume.place.message_id, told.is_released())
        };
        told.ordered(&Order::Hold);
        assert_eq!(stands(&told), (true, true, Some("msg_1".into()), false));
        told.ordered(&Order::GoOn);
        assert_eq!(stands(&told), (true, true, Some("msg_1".into()), true), "its server may end now");
        told.goes_on("msg_2".into());
        assert_eq!(stands(&told), (false, false, Some("msg_2".into()), false));
        told.ordered(&Order::Hold);
        told.ordered(&Order::GoOn);
        told.ordered(&Order::Hold);
        assert_eq!(stands(&told), (true, false, Some("msg_2".into()), false), "held again before it went on");
    }

    #[test]
    fn what_is_read_again_is_told_once_and_what_comes_new_is_told() {
        let mut told = Told::default();
        let remark = AgentEvent::Remark(Redacted::new("a word"));
        let first = [call("read"), call("read"), AgentEvent::Chat, remark.clone()];
        assert!(first.iter().all(|event| told.is_new(event)), "the same may happen twice");
        told.begin_again();
        let again = [call("read"), AgentEvent::Chat, call("read"), call("read"), call("bash"), remark];
        let news: Vec<bool> = again.iter().map(|event| told.is_new(event)).collect();
        assert_eq!(news, [false, false, false, true, true, true]);
        told.begin_again();
        assert!(!told.is_new(&call("bash")), "a third time, too");
    }
}
