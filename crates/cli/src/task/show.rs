//! How a run reads as it goes.

use crate::attention;
use crate::show::text::{clean, count, wrap};
use crate::show::when::clock;
use crate::show::{Style, Tone, WIDTH, say};
use crate::words;
use orgx_peer::PeerEvent;
use std::time::Instant;

/// What is shown of a run as it goes.
pub(super) struct Show {
    began: Instant,
    style: Style,
}

impl Show {
    pub(super) fn new(style: Style) -> Self {
        Self { began: Instant::now(), style }
    }

    /// One event, when it is of this run; at its end, whether it completed.
    pub(super) fn event(&mut self, of: &str, event: &PeerEvent) -> Option<bool> {
        let (tone, words, end) = tell(of, event)?;
        self.line(tone, &words);
        end
    }

    pub(super) fn line(&mut self, tone: Tone, words: &str) {
        let seconds = self.began.elapsed().as_secs();
        say(&lines(seconds, tone, words, self.style));
    }
}

fn lines(seconds: u64, tone: Tone, words: &str, style: Style) -> String {
    let time = format!("{:>5}  ", clock(seconds));
    let wrapped = wrap(words, WIDTH - time.len());
    let one = |(at, line): (usize, &String)| {
        let before = if at == 0 { time.clone() } else { " ".repeat(time.len()) };
        format!("{}{}", style.paint(Tone::Mute, &before), style.paint(tone, line))
    };
    wrapped.iter().enumerate().map(one).collect::<Vec<_>>().join("\n")
}

/// How an event of this run reads; with the end's, whether it completed.
fn tell(of: &str, event: &PeerEvent) -> Option<(Tone, String, Option<bool>)> {
    Some(match event {
        PeerEvent::Started { run_id, session } if run_id == of => {
            (Tone::Mute, format!("Session {session}"), None)
        }
        PeerEvent::Step { run_id, summary } if run_id == of => (Tone::Head, clean(summary), None),
        PeerEvent::Attention { attention } if attention.run_id == of => {
            (Tone::Care, attention::in_short(attention), None)
        }
        PeerEvent::Deviation { run_id, skill_id, evidence_ref, .. } if run_id == of => {
            (Tone::Care, format!("Deviation from {skill_id} (evidence {evidence_ref})"), None)
        }
        PeerEvent::Ended { run_id, completed: true, tokens_used, .. } if run_id == of => {
            let tokens = tokens_used.map(|tokens| format!(", {} tokens", count(tokens))).unwrap_or_default();
            (Tone::Well, format!("Done{tokens}"), Some(true))
        }
        PeerEvent::Ended { run_id, completed: false, reason, .. } if run_id == of => {
            match reason.as_deref() {
                Some(words::CANCELLED) => (Tone::Mute, "Cancelled".to_owned(), Some(false)),
                Some(reason) => (Tone::Bad, format!("Run failed: {reason}"), Some(false)),
                None => (Tone::Bad, "Run failed".to_owned(), Some(false)),
            }
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_reads_as_it_goes_and_others_are_not_shown() {
        let of = |run_id: &str| {
            let run_id = run_id.to_owned();
            vec![
                PeerEvent::Started { run_id: run_id.clone(), session: "ses_1".into() },
                PeerEvent::Step { run_id: run_id.clone(), summary: "call bash — run the tests".into() },
                PeerEvent::Attention {
                    attention: orgx_peer::Attention {
                        id: format!("{run_id}@per_1"),
                        run_id: run_id.clone(),
                        what: orgx_peer::Ask::Folder { folder: "/w/shop".into() },
                        ..Default::default()
                    },
                },
                PeerEvent::Step {
                    run_id: run_id.clone(),
                    summary: format!("edit {} — add a line\x1b[2J", "long/".repeat(30)),
                },
                PeerEvent::Deviation {
                    evidence_kind: String::new(),
                    run_id: run_id.clone(),
                    skill_id: "careful-retries".into(),
                    evidence_ref: "call_3".into(),
                    file: None,
                },
                PeerEvent::Ended {
                    run_id: run_id.clone(),
                    completed: true,
                    tokens_used: Some(18_412),
                    reason: None,
                },
                PeerEvent::Ended {
                    run_id: run_id.clone(),
                    completed: false,
                    tokens_used: None,
                    reason: Some("cancelled".into()),
                },
                PeerEvent::Ended {
                    run_id,
                    completed: false,
                    tokens_used: None,
                    reason: Some("no OpenCode".into()),
                },
            ]
        };
        assert!(of("other").iter().all(|event| tell("mine", event).is_none()));
        let mut ends = Vec::new();
        let shown: Vec<String> = of("mine")
            .iter()
            .zip([0, 5, 6, 65, 600, 6_000, 7, 8])
            .filter_map(|(event, seconds)| {
                let (tone, words, end) = tell("mine", event)?;
                ends.extend(end);
                Some(lines(seconds, tone, &words, Style::Plain))
            })
            .collect();
        assert_eq!(ends, [true, false, false]);
        let text = shown.join("\n");
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH) && !text.contains('\x1b'), "{text}");
        insta::assert_snapshot!(text);
    }
}
