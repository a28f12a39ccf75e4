//! What a line of `opencode run` says.

use super::super::event::{self, Event};
use crate::driver::program::Piece;
use serde_json::{Value, json};

/// Something that it said.
#[derive(Debug)]
pub(super) enum Seen {
    /// A line of NDJSON: its session, and what it means for a run.
    Event(String, Option<Event>),
    /// A line for people.
    Said(Vec<u8>),
    /// A line of NDJSON that was too long to take.
    TooLong,
    /// Nothing that anybody needs.
    Nothing,
}

impl From<Piece> for Seen {
    fn from(piece: Piece) -> Self {
        match piece {
            Piece::Line(line) => understand(&line).unwrap_or(Self::Nothing),
            Piece::Word(line) => Self::Said(line),
            Piece::TooLong => Self::TooLong,
        }
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
