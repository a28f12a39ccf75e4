//! The rules that a normalized event keeps, whoever made it.

use super::Phase;
use super::event::kind;
use serde_json::Value;

/// A rule that an event breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field} {why}")]
pub struct Unsound {
    /// What of it.
    pub field: &'static str,
    /// What it must be.
    pub why: &'static str,
}

/// Which rules an event breaks; none: it is sound. PROTOCOL: contract F4, what the reference's own check looks at.
pub fn check(event: &Value) -> Vec<Unsound> {
    let mut unsound = Vec::new();
    let mut must = |is_so: bool, field, why| {
        if !is_so {
            unsound.push(Unsound { field, why });
        }
    };
    let at = |pointer: &str| event.pointer(pointer);
    let filled = |pointer: &str| at(pointer).and_then(Value::as_str).is_some_and(|text| !text.is_empty());
    let phase = at("/payload/lifecycle/phase").cloned().unwrap_or_default();
    let phase = serde_json::from_value::<Phase>(phase).ok();
    must(phase.is_some(), "payload.lifecycle.phase", "must be one of the five phases");
    let terminal = at("/payload/lifecycle/terminal").and_then(Value::as_bool);
    must(terminal.is_some(), "payload.lifecycle.terminal", "must be true or false");
    if let (Some(phase), Some(terminal)) = (phase, terminal) {
        must(phase.is_terminal() == terminal, "payload.lifecycle.terminal", "must go with the phase");
    }
    let outcome = at("/payload/lifecycle/outcome");
    let is_outcome = |outcome: &Value| serde_json::from_value::<super::Outcome>(outcome.clone()).is_ok();
    let needed = phase.is_some_and(Phase::is_terminal);
    must(outcome.is_some() || !needed, "payload.lifecycle.outcome", "is required at an end");
    must(outcome.is_none_or(is_outcome), "payload.lifecycle.outcome", "must be one of the four outcomes");
    must(filled("/payload/lifecycle/dedupe_key"), "payload.lifecycle.dedupe_key", "must not be empty");
    must(filled("/payload/session/id"), "payload.session.id", "must not be empty");
    must(filled("/payload/session/adapter"), "payload.session.adapter", "must not be empty");
    must(filled("/payload/session/harness"), "payload.session.harness", "must not be empty");
    if let Some(phase) = phase {
        let told = at("/type").and_then(Value::as_str);
        must(told == Some(kind(phase)), "type", "must go with the phase");
    }
    unsound
}
