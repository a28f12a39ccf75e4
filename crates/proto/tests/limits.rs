//! The bounds of what comes in over the wire and of what goes out: what is just within passes, what is past it is
//! refused in a sentence with the number in it, or cut. The table of all limits is `docs/limits.md`.

#![allow(clippy::expect_used, reason = "a test that cannot be set up fails")]

use orgx_proto::ids::{DispatchKey, RunId, SessionHandle};
use orgx_proto::limits;
use orgx_proto::message::{Inbound, parse};
use orgx_proto::time::Timestamp;
use orgx_proto::work_graph::{Entry, Record, Subject};
use serde_json::{Value, json};

fn dispatch(change: impl FnOnce(&mut Value)) -> Inbound {
    let mut frame = json!({ "kind": "task.dispatch", "run_id": "r", "idempotency_key": "k",
                            "task": { "title": "t", "driver": "opencode" } });
    change(&mut frame);
    parse(&frame.to_string())
}

#[test]
fn an_id_and_a_path_of_the_bound_are_taken_and_longer_ones_are_named() {
    for (at, bound, field) in [
        ("/idempotency_key", limits::ID_BYTES, "the dispatch's idempotency_key"),
        ("/task/driver", limits::ID_BYTES, "task.driver"),
        ("/task/repo_path", limits::PATH_BYTES, "task.repo_path"),
    ] {
        let with = |bytes: usize| {
            dispatch(|frame| match at {
                "/task/repo_path" => frame["task"]["repo_path"] = json!("x".repeat(bytes)),
                at => *frame.pointer_mut(at).expect("a field") = json!("x".repeat(bytes)),
            })
        };
        assert!(matches!(with(bound), Inbound::Dispatch(_)), "{field}");
        let Inbound::Unusable { run_id, reason } = with(bound + 1) else { panic!("{field} is too long") };
        assert_eq!(
            (run_id.as_str(), reason.as_str()),
            ("r", format!("{field} is longer than {bound} bytes").as_str())
        );
    }
    // Without a usable run there is nobody to answer.
    let with = |bytes: usize| dispatch(|frame| frame["run_id"] = json!("x".repeat(bytes)));
    assert!(matches!(with(limits::ID_BYTES), Inbound::Dispatch(_)));
    assert!(matches!(with(limits::ID_BYTES + 1), Inbound::Ignored(_)));
}

#[test]
fn a_frame_nested_to_the_bound_is_read_and_a_deeper_one_is_ignored() {
    let nested = |levels: usize| {
        let more = format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        parse(&format!(r#"{{"more":{more},"kind":"rules.reload"}}"#))
    };
    // The frame itself is the first level.
    assert_eq!(nested(limits::JSON_DEPTH - 1), Inbound::RulesReload);
    for levels in [limits::JSON_DEPTH, 100_000] {
        let Inbound::Ignored(why) = nested(levels) else { panic!("{levels} levels are too many") };
        assert!(why.as_str().contains("recursion limit exceeded"), "{why}");
    }
}

#[test]
fn what_goes_into_the_outbox_is_cut_to_its_bounds() {
    let long = "x".repeat(10_000);
    let subject = Subject {
        run_id: RunId::new("r"),
        session: SessionHandle::new(long.clone()),
        key: DispatchKey::new("k"),
        cwd: Some(long.clone()),
        source_client: "opencode",
    };
    let entry = Entry::Step {
        kind: orgx_proto::message::StepKind::ToolCall,
        evidence_ref: &long,
        summary_chars: 1,
        tool: Some(&long),
    };
    let line = Record::new(&subject, &entry, Timestamp(0)).to_line();
    let line: Value = serde_json::from_str(&line).expect("a record");
    for (at, bound) in [
        ("/turn_id", limits::REF_CHARS),
        ("/cwd", limits::PATH_BYTES),
        ("/summary/evidence_ref", limits::REF_CHARS),
        ("/summary/tool_name", limits::TOOL_NAME_CHARS),
    ] {
        let text = line.pointer(at).and_then(Value::as_str).expect("a text");
        assert_eq!(text.chars().count(), bound, "{at}");
        assert!(text.ends_with('…'), "{at}");
    }
}
