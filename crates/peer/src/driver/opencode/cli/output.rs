//! What one `opencode run` says: NDJSON on one pipe, words for people on the other. Both are always read.

use super::super::event::{self, Event};
use crate::driver::lines::Lines;
use crate::driver::program::Process;
use crate::limits;
use serde_json::{Value, json};
use std::collections::VecDeque;
use tokio::io::AsyncReadExt;
use tokio::process::{ChildStderr, ChildStdout};

/// Something that it said.
#[derive(Debug)]
pub(super) enum Seen {
    /// A line of NDJSON: its session, and what it means for a run.
    Event(String, Option<Event>),
    /// A line for people.
    Said(Vec<u8>),
    /// A line of NDJSON that was too long to take.
    TooLong,
    /// No whole line.
    Nothing,
}

/// Both pipes.
#[derive(Debug)]
pub(super) struct Output {
    events: Option<ChildStdout>,
    words: Option<ChildStderr>,
    event_lines: Lines,
    word_lines: Lines,
    ready: VecDeque<Seen>,
}

impl Output {
    pub(super) fn of(process: &mut Process) -> Self {
        let (events, words) = process.take_output();
        Self {
            events,
            words,
            event_lines: Lines::default(),
            word_lines: Lines::bounded(limits::CLI_SAID_BYTES),
            ready: VecDeque::new(),
        }
    }

    /// Has it said everything?
    pub(super) fn is_over(&self) -> bool {
        self.events.is_none() && self.words.is_none() && self.ready.is_empty()
    }

    /// What comes next. Nothing is lost when this is dropped before it is there.
    pub(super) async fn next(&mut self) -> Seen {
        if let Some(seen) = self.ready.pop_front() {
            return seen;
        }
        let (mut one, mut two) = ([0; 8 * 1024], [0; 8 * 1024]);
        tokio::select! {
            read = read(self.events.as_mut(), &mut one) => {
                let skipped = self.event_lines.skipped();
                let mut lines = Vec::new();
                if read == 0 {
                    self.events = None;
                    self.event_lines.finish(|line| lines.push(line.to_vec()));
                } else {
                    self.event_lines.push(&one[..read], |line| lines.push(line.to_vec()));
                }
                self.ready.extend(lines.iter().filter_map(|line| understand(line)));
                self.ready.extend((skipped..self.event_lines.skipped()).map(|_| Seen::TooLong));
            }
            read = read(self.words.as_mut(), &mut two) => {
                let ready = &mut self.ready;
                if read == 0 {
                    self.words = None;
                    self.word_lines.finish(|line| ready.push_back(Seen::Said(line.to_vec())));
                } else {
                    self.word_lines.push(&two[..read], |line| ready.push_back(Seen::Said(line.to_vec())));
                }
            }
        }
        self.ready.pop_front().unwrap_or(Seen::Nothing)
    }
}

/// Zero at the end; waits for ever on a pipe that was read to its end before.
async fn read<R: tokio::io::AsyncRead + Unpin>(pipe: Option<&mut R>, into: &mut [u8]) -> usize {
    match pipe {
        Some(pipe) => pipe.read(into).await.unwrap_or_default(),
        None => std::future::pending().await,
    }
}

/// One line of NDJSON. PROTOCOL: opencode.md 5; what is unknown only tells of its session.
fn understand(line: &[u8]) -> Option<Seen> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let session = line.get("sessionID")?.as_str().filter(|id| id.starts_with("ses"))?.to_owned();
    let part = || line.get("part");
    let event = match line.get("type")?.as_str()? {
        "tool_use" | "text" => part().and_then(event::part),
        "step_finish" => part().and_then(answer),
        "error" => {
            let about = json!({ "sessionID": session, "error": line.get("error")? });
            let frame = json!({ "payload": { "type": "session.error", "properties": about } });
            event::read(&frame).map(|(_, event)| event)
        }
        _ => None,
    };
    Some(Seen::Event(session, event))
}

/// The end of a step is all that is said of a model's answer.
fn answer(step: &Value) -> Option<Event> {
    event::answer(&json!({
        "role": "assistant",
        "id": step.get("messageID")?,
        "tokens": step.get("tokens"),
        "cost": step.get("cost"),
        "finish": step.get("reason"),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_line_is_understood_and_what_is_none_is_left_out() {
        let step = r#"{"type":"step_finish","timestamp":1,"sessionID":"ses_1","part":{"id":"prt_1","messageID":"msg_1",
            "type":"step-finish","reason":"stop","tokens":{"total":117,"input":100,"output":10,"reasoning":2,
            "cache":{"write":1,"read":4}},"cost":0.00045}}"#;
        let Some(Seen::Event(session, Some(Event::Answer(answer)))) = understand(step.as_bytes()) else {
            panic!("a step");
        };
        assert_eq!((session.as_str(), answer.id.as_str(), answer.tokens), ("ses_1", "msg_1", 117));
        assert!((answer.cost_dollars - 0.00045).abs() < 1e-12);
        assert_eq!(answer.finish.as_deref(), Some("stop"));
        let error = r#"{"type":"error","sessionID":"ses_1","error":{"name":"APIError","data":{"message":"no","statusCode":401}}}"#;
        let Some(Seen::Event(_, Some(Event::Error(trouble)))) = understand(error.as_bytes()) else {
            panic!("an error");
        };
        assert_eq!((trouble.message.as_str(), trouble.status), ("no", Some(401)));
        for (line, tells_of_its_session) in [
            (r#"{"type":"step_start","sessionID":"ses_1","part":{}}"#, true),
            (r#"{"type":"new","sessionID":"ses_1"}"#, true),
            (r#"{"type":"step_finish","sessionID":"ses_1","part":null}"#, true),
            (r#"{"type":"text","sessionID":"1"}"#, false),
            (r#"{"type":"text"}"#, false),
            ("[]", false),
            ("half a {", false),
            ("", false),
        ] {
            let seen = understand(line.as_bytes());
            assert_eq!(matches!(seen, Some(Seen::Event(_, None))), tells_of_its_session, "{line}");
        }
    }
}
