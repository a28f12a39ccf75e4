//! What may leave the peer: frames and outbox records of bounded size, with nothing in them that hides.

use orgx_proto::agent::{AgentEnd, AgentEvent, PromptPlace};
use orgx_proto::delivery::Outgoing;
use orgx_proto::dispatch::{Dispatcher, Effect, Past};
use orgx_proto::ids::{DispatchKey, DriverId, RunId, SessionHandle};
use orgx_proto::limits;
use orgx_proto::message::{Dispatch, Task};
use orgx_proto::time::{Millis, Now, Timestamp};
use orgx_proto::work_graph::Record;
use serde_json::Value;
use std::collections::BTreeMap;

/// A dispatcher with one run that works.
pub(super) struct OneRun {
    dispatcher: Dispatcher,
    run_id: RunId,
    terminals: usize,
}

impl Default for OneRun {
    fn default() -> Self {
        let mut run =
            Self { dispatcher: dispatcher_with(Vec::new()), run_id: RunId::new("run_1"), terminals: 0 };
        let dispatch = Dispatch {
            run_id: run.run_id.clone(),
            key: DispatchKey::new("key_1"),
            timeout: limits::DEFAULT_TIMEOUT,
            task: Task { title: "a task".into(), ..Task::default() },
            local: false,
        };
        let (run_id, now) = (run.run_id.clone(), now(0));
        run.dispatcher.dispatch(dispatch, now);
        run.dispatcher.folder(&run_id, Ok(Some("/w/api".into())), now);
        run.dispatcher.spend(&run_id, PromptPlace::default(), now);
        run.dispatcher.started(&run_id, &SessionHandle::new("ses_1"), now);
        run
    }
}

impl OneRun {
    pub(super) fn event(&mut self, event: &AgentEvent) {
        let effects = self.dispatcher.agent(&self.run_id, event, &[], now(1));
        self.check(&effects);
    }

    /// The agent is done: so is the run, with one terminal.
    pub(super) fn end(mut self, end: &AgentEnd) {
        for _ in 0..2 {
            let effects = self.dispatcher.ended(&self.run_id, end, now(2));
            self.check(&effects);
            assert_eq!(self.terminals, 1);
        }
        assert_eq!(self.dispatcher.runs().count(), 0);
    }

    fn check(&mut self, effects: &[Effect]) {
        for effect in effects {
            match effect {
                Effect::Send(frame) => self.terminals += usize::from(assert_frame(frame)),
                Effect::Record(record) => assert_record(record),
                _ => {}
            }
        }
    }
}

/// A dispatcher that remembers these runs.
pub(super) fn dispatcher_with(past: Vec<Past>) -> Dispatcher {
    let drivers = BTreeMap::from([(DriverId::opencode(), "opencode")]);
    Dispatcher::new(orgx_proto::dispatch::Limits::default(), drivers, past)
}

pub(super) fn now(ms: u64) -> Now {
    Now { mono: Millis(ms), wall: Timestamp(1_795_168_800_000_i64.saturating_add_unsigned(ms)) }
}

/// Fit for a log line and for a person: one line of so many characters at most, and no key in it.
pub(super) fn assert_fit(text: &str, chars: usize) {
    assert_plain(text, chars);
    assert!(!has_key(text), "a key: {text}");
}

/// One line of so many characters at most.
pub(super) fn assert_plain(text: &str, chars: usize) {
    assert!(text.chars().count() <= chars, "longer than {chars} characters: {text}");
    assert!(!text.contains(|c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}')), "{text:?}");
}

/// Is there something like an OrgX key in it? That of the tests counts.
fn has_key(text: &str) -> bool {
    text.match_indices("oxk_").any(|(at, _)| {
        let own = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_');
        !own && text[at + 4..].chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count() >= 3
    })
}

/// A frame is JSON of a known kind within its bounds. Is it a terminal?
pub(super) fn assert_frame(frame: &Outgoing) -> bool {
    let json: Value = serde_json::from_str(&frame.json).unwrap_or_default();
    assert_eq!(json.get("run_id").and_then(Value::as_str), Some(frame.run_id.as_str()));
    for (at, chars) in [
        ("/reason", limits::REASON_CHARS),
        ("/step/summary", limits::SUMMARY_CHARS),
        ("/step/evidence_ref", limits::REF_CHARS),
        ("/evidence_ref", limits::REF_CHARS),
    ] {
        if let Some(text) = json.pointer(at).and_then(Value::as_str) {
            assert_fit(text, chars);
        }
    }
    let kind = json.get("kind").and_then(Value::as_str).unwrap_or_default();
    assert!(
        ["task.started", "task.step", "task.deviation", "task.completed", "task.failed"].contains(&kind),
        "{kind}"
    );
    matches!(kind, "task.completed" | "task.failed")
}

/// A record is one line of JSON within its bound.
pub(super) fn assert_record(record: &Record) {
    let line = record.to_line();
    assert!(line.len() <= crate::limits::OUTBOX_LINE_BYTES, "a line of {} bytes", line.len());
    assert_eq!(line.matches('\n').count(), 1);
    assert!(serde_json::from_str::<Value>(&line).is_ok_and(|record| record.is_object()), "{line}");
}
