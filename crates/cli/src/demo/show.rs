//! What the demo shows: each thing as it happens, then a summary.

use orgx_peer::{PeerEvent, ReceiptState};
use orgx_sandbox::scene::{RUN, Scene};
use std::io::Write;
use std::time::Instant;

/// Writes to stdout, and counts.
pub(super) struct Show {
    began: Instant,
    connection: String,
    steps: usize,
    deviations: Vec<String>,
    end: Option<Result<u64, String>>,
    receipt: Option<ReceiptState>,
}

impl Show {
    pub(super) fn begin(scene: &Scene) -> Self {
        say("OrgX Peer demo. Nothing leaves this computer, and nothing is left behind.");
        say("");
        say(&format!("  OrgX    a small one on this computer ({})", scene.gateway().base_url()));
        say(&format!("  Agent   {}", scene.agent()));
        say("  Rule    careful-retries: a file edit that sets max_retries above 3");
        say("");
        Self {
            began: Instant::now(),
            connection: String::new(),
            steps: 0,
            deviations: Vec::new(),
            end: None,
            receipt: None,
        }
    }

    pub(super) fn event(&mut self, event: &PeerEvent) {
        let line = match event {
            // It may be told twice: as it happened, and as it was found.
            PeerEvent::Connection { words, .. } if self.connection == *words => return,
            PeerEvent::Connection { words, .. } => {
                self.connection.clone_from(words);
                words.clone()
            }
            PeerEvent::Warning { words } => words.clone(),
            PeerEvent::Arrived { title, .. } => format!("Task arrived: {title}"),
            PeerEvent::Started { session, .. } => format!("Started in session {session}"),
            PeerEvent::Step { summary, .. } => {
                self.steps += 1;
                format!("Step: {summary}")
            }
            PeerEvent::Deviation { skill_id, evidence_ref, .. } => {
                self.deviations.push(skill_id.clone());
                format!("Deviation: the rule of {skill_id} is broken (evidence {evidence_ref})")
            }
            PeerEvent::Ended { tokens_used, reason, .. } => {
                let end = reason.clone().map_or(Ok(tokens_used.unwrap_or_default()), Err);
                let line = match &end {
                    Ok(_) => "Completed".to_owned(),
                    Err(reason) => format!("Failed: {reason}"),
                };
                self.end = Some(end);
                line
            }
            PeerEvent::Receipt { state, .. } => {
                self.receipt = Some(*state);
                format!("Receipt {}", state.as_str().replace('_', " "))
            }
            PeerEvent::Rules { count, .. } => {
                format!("{count} skill rule{} in use", if *count == 1 { "" } else { "s" })
            }
            PeerEvent::License { .. }
            | PeerEvent::Agent { .. }
            | PeerEvent::Attention { .. }
            | PeerEvent::SessionStarted { .. }
            | PeerEvent::SessionEnded { .. }
            | PeerEvent::Answered { .. } => return,
        };
        say(&format!("  {:5.1} s  {line}", self.began.elapsed().as_secs_f64()));
    }

    /// The summary; did everything happen that should?
    pub(super) fn end(&self, scene: &Scene) -> bool {
        let lines = std::fs::read_to_string(scene.outbox()).map_or(0, |text| text.lines().count());
        let changed = scene.changed();
        say("");
        say(&match &self.end {
            Some(Ok(_)) => format!("{RUN} completed"),
            Some(Err(reason)) => format!("{RUN} failed: {reason}"),
            None => format!("{RUN} did not end"),
        });
        say(&format!("  File        {}", changed.unwrap_or("http.py is not as it should be")));
        say(&format!("  Steps       {}", self.steps));
        say(&format!("  Deviations  {} ({})", self.deviations.len(), self.deviations.join(", ")));
        say(&format!("  Tokens      {}", self.end.as_ref().and_then(|end| end.as_ref().ok()).unwrap_or(&0)));
        say(&format!(
            "  Receipt     {}",
            self.receipt.map_or("none", ReceiptState::as_str).replace('_', " ")
        ));
        say(&format!(
            "  Outbox      {lines} lines of counts, ids and paths; the demo's own is gone with its folder,"
        ));
        say("              yours will be ~/.config/useorgx/wizard/hooks/events.jsonl");
        say("");
        say("Next: set ORGX_API_KEY and ORGX_WORKSPACE_ID, then `orgx-peer run`.");
        matches!(self.end, Some(Ok(tokens)) if tokens > 0)
            && changed.is_some()
            && self.deviations == ["careful-retries"]
            && self.receipt == Some(ReceiptState::Delivered)
            && lines > 0
    }
}

fn say(line: &str) {
    // A reader that went away ends nothing.
    let _unread = writeln!(std::io::stdout(), "{line}");
}
