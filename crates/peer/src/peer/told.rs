//! Frames as those who look on see them: an event, and a place in the run's timeline.

use super::actor::Actor;
use super::event::PeerEvent;
use super::snapshot::{DeviationView, StepView};
use orgx_proto::delivery::Outgoing;
use serde_json::Value;

impl Actor {
    /// The frame for those who watch. It goes to OrgX, or is about a run of the person's own.
    pub(super) fn show(&mut self, frame: &Outgoing) {
        let value: Value = serde_json::from_str(&frame.json).unwrap_or_default();
        let text = |at: &str| value.pointer(at).and_then(Value::as_str).unwrap_or_default().to_owned();
        let at = self.clock.now().wall.0;
        let run_id = frame.run_id.to_string();
        let tokens_used = value.get("tokens_used").and_then(Value::as_u64);
        let event = match value.get("kind").and_then(Value::as_str) {
            Some("task.started") => PeerEvent::Started { run_id, session: text("/session_handle") },
            Some("task.step") => {
                let summary = text("/step/summary");
                if let Some(path) = edited(&summary) {
                    self.timelines.edited(&frame.run_id, text("/step/evidence_ref"), path.to_owned());
                }
                let step = StepView { at, kind: text("/step/kind"), summary: summary.clone() };
                self.timelines.step(&frame.run_id, step);
                PeerEvent::Step { run_id, summary }
            }
            Some("task.deviation") => {
                let (skill_id, evidence_kind) = (text("/skill_id"), text("/evidence_kind"));
                let evidence_ref = text("/evidence_ref");
                let file = self.timelines.file(&frame.run_id, &evidence_ref);
                let deviation = DeviationView {
                    at,
                    skill_id: skill_id.clone(),
                    evidence_kind: evidence_kind.clone(),
                    evidence_ref: evidence_ref.clone(),
                    file: file.clone(),
                };
                self.timelines.deviation(&frame.run_id, deviation);
                PeerEvent::Deviation { run_id, skill_id, evidence_kind, evidence_ref, file }
            }
            Some("task.completed") => PeerEvent::Ended { run_id, completed: true, tokens_used, reason: None },
            _ => PeerEvent::Ended {
                run_id,
                completed: false,
                tokens_used: None,
                reason: Some(text("/reason")),
            },
        };
        self.tell(event);
    }
}

/// The file of a step that says `edit <path> — <what>`; none when the path was cut.
fn edited(summary: &str) -> Option<&str> {
    let rest = summary.strip_prefix("edit ")?;
    let path = rest.split_once(" — ").map_or(rest, |(path, _)| path).trim();
    (!path.is_empty() && !path.ends_with('…')).then_some(path)
}

#[cfg(test)]
mod tests {
    use super::edited;

    #[test]
    fn the_file_of_an_edit_is_known_from_its_step() {
        assert_eq!(edited("edit src/a b.rs — +1 -1"), Some("src/a b.rs"));
        assert_eq!(edited("edit a.rs"), Some("a.rs"));
        assert_eq!(edited("edit a/very/long/pa…"), None);
        assert_eq!(edited("call bash — edit a.rs"), None);
    }
}
