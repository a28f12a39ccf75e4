mod known;
mod soundness;

use super::*;
use crate::limits;
use serde_json::{Value, json};

const NOW: Timestamp = Timestamp(1_795_169_100_000);

fn ids() -> Ids {
    Ids { event: "evt_00112233445566aa".into(), trace: "trc_8899aabbccddeeff".into() }
}

fn read(body: &Value) -> Result<Posted, Refused> {
    Posted::read(body.to_string().as_bytes(), NOW)
}

fn event(body: &Value) -> Event {
    Event::new(&read(body).expect("it is taken").happened(NOW), ids(), NOW)
}

#[test]
fn an_exit_status_has_one_phase_one_outcome_and_one_reason() {
    let (completed, failed, stopped) = (Phase::Completed, Phase::Failed, Phase::Stopped);
    for (status, phase, reason) in [
        (None, completed, "exit_code_0"),
        (Some(0), completed, "exit_code_0"),
        (Some(1), failed, "exit_code_1"),
        (Some(42), failed, "exit_code_42"),
        (Some(127), failed, "exit_code_127"),
        (Some(128), failed, "exit_code_128"),
        (Some(-1), failed, "exit_code_-1"),
        (Some(i64::MIN), failed, "exit_code_-9223372036854775808"),
        (Some(129), stopped, "signal_1"),
        (Some(130), stopped, "sigint"),
        (Some(137), stopped, "sigkill"),
        (Some(143), stopped, "sigterm"),
        (Some(144), stopped, "signal_16"),
        (Some(256), stopped, "signal_128"),
    ] {
        let end = End::of_status(status);
        let outcome = match phase {
            Phase::Completed => Outcome::Success,
            Phase::Failed => Outcome::Failure,
            _ => Outcome::Cancelled,
        };
        assert_eq!((end.phase(), end.outcome(), end.reason()), (phase, outcome, reason), "{status:?}");
        assert_eq!(end.exit_status(), Some(status.unwrap_or(0)), "{status:?}");
    }
}

#[test]
fn an_end_is_written_as_its_readers_know_it() {
    let event =
        event(&json!({"session_id": "ses_x", "cwd": "/w", "duration_seconds": 12, "exit_status": 143}));
    assert_eq!(
        event.to_line(),
        concat!(
            r#"{"id":"evt_00112233445566aa","timestamp":"2026-11-20T10:05:00.000Z","source":"opencode","type":"actor.stopped","#,
            r#""provenance":{"platform":"opencode","platform_event":"session.stopped","author":"opencode","author_type":"bot","#,
            r#""session_id":"ses_x","working_directory":"/w"},"#,
            r#""payload":{"lifecycle":{"phase":"stopped","terminal":true,"outcome":"cancelled","reason":"sigterm","dedupe_key":"opencode:ses_x:stopped"},"#,
            r#""session":{"id":"ses_x","adapter":"opencode","harness":"opencode","cwd":"/w","ended_at":"2026-11-20T10:05:00.000Z","exit_status":143},"#,
            r#""session_id":"ses_x","cwd":"/w","duration_seconds":12,"exit_status":143,"summary":"","model":""},"trace_id":"trc_8899aabbccddeeff"}"#,
            "\n"
        )
    );
}

#[test]
fn a_start_has_its_beginning_and_no_end() {
    let event =
        event(&json!({"session_id": "ses_x", "hook_type": "start", "model": "m", "harness": "claude-code"}));
    assert_eq!(
        serde_json::to_value(&event).expect("JSON"),
        json!({
            "id": "evt_00112233445566aa", "timestamp": "2026-11-20T10:05:00.000Z", "source": "opencode", "type": "resource.changed",
            "provenance": {"platform": "claude-code", "platform_event": "session.started", "author": "claude-code",
                "author_type": "bot", "session_id": "ses_x", "working_directory": ""},
            "payload": {
                "lifecycle": {"phase": "started", "terminal": false, "dedupe_key": "claude-code:ses_x:started"},
                "session": {"id": "ses_x", "adapter": "claude-code", "harness": "claude-code",
                    "started_at": "2026-11-20T10:05:00.000Z"},
                "session_id": "ses_x", "cwd": "", "duration_seconds": 0, "exit_status": 0, "summary": "", "model": "m",
            },
            "trace_id": "trc_8899aabbccddeeff",
        })
    );
}

#[test]
fn a_post_is_read_with_its_defaults() {
    let posted = read(&json!({"session_id": "s"})).expect("the least there is");
    assert_eq!(
        (posted.hook, posted.exit_status, posted.subject.harness),
        (Hook::Stop, None, Harness::OpenCode)
    );
    let nulls = json!({"session_id": "s", "cwd": null, "duration_seconds": null, "exit_status": null, "summary": null,
        "model": null, "hook_type": null, "timestamp": null, "title": null, "pid": null, "harness": null, "more": {}});
    assert_eq!(read(&nulls), Ok(posted));
    let full = json!({"session_id": "s", "hook_type": "start", "cwd": "/w", "duration_seconds": 1.5, "summary": "did it",
        "model": "m", "title": " Fix\nit ", "pid": 4711, "timestamp": "2026-11-20T12:00:00+02:00"});
    let full = read(&full).expect("all there is");
    assert_eq!((full.hook, full.pid, full.model.as_str()), (Hook::Start, Some(4711), "m"));
    assert_eq!(full.timestamp, Some(Timestamp(1_795_168_800_000)));
    assert_eq!(full.title.as_deref(), Some(" Fix ⏎ it"));
    assert_eq!(full.duration_seconds.map(|n| n.to_string()).as_deref(), Some("1.5"));
}

#[test]
fn what_is_no_json_object_is_refused_in_the_references_words() {
    for body in
        [&b""[..], b"{", b"null", b"[]", b"\"x\"", b"7", b"{}{}", b"\xff\xfe", b"{\"session_id\":\"\xff\"}"]
    {
        let refused = Posted::read(body, NOW).expect_err("refused");
        assert_eq!(refused.to_string(), "Invalid JSON payload", "{}", String::from_utf8_lossy(body));
    }
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(200), "]".repeat(200));
    assert_eq!(Posted::read(deep.as_bytes(), NOW), Err(Refused::NotJson));
}

#[test]
fn a_field_that_cannot_be_used_is_named() {
    let id = "x".repeat(limits::ID_BYTES + 1);
    for (field, body, why) in [
        ("session_id", json!({}), "is required"),
        ("session_id", json!({"session_id": null}), "is required"),
        ("session_id", json!({"session_id": ""}), "must not be empty"),
        ("session_id", json!({"session_id": " \t"}), "must not be empty"),
        ("session_id", json!({"session_id": "a\nb"}), "must be one line of text"),
        ("session_id", json!({"session_id": {}}), "must be a string"),
        ("session_id", json!({"session_id": 7}), "must be a string"),
        ("session_id", json!({"session_id": id}), "is longer than 256 bytes"),
        (
            "harness",
            json!({"session_id": "s", "harness": "codex"}),
            "must be \"opencode\" or \"claude-code\"",
        ),
        ("harness", json!({"session_id": "s", "harness": 1}), "must be a string"),
        ("hook_type", json!({"session_id": "s", "hook_type": "begin"}), "must be \"start\" or \"stop\""),
        ("cwd", json!({"session_id": "s", "cwd": ["/w"]}), "must be a string"),
        ("cwd", json!({"session_id": "s", "cwd": "/".repeat(4_097)}), "is longer than 4096 bytes"),
        (
            "duration_seconds",
            json!({"session_id": "s", "duration_seconds": -1}),
            "must be a number of seconds, not below 0",
        ),
        (
            "duration_seconds",
            json!({"session_id": "s", "duration_seconds": "9"}),
            "must be a number of seconds, not below 0",
        ),
        ("exit_status", json!({"session_id": "s", "exit_status": "1"}), "must be a whole number"),
        ("exit_status", json!({"session_id": "s", "exit_status": 1.5}), "must be a whole number"),
        ("exit_status", json!({"session_id": "s", "exit_status": u64::MAX}), "must be a whole number"),
        ("summary", json!({"session_id": "s", "summary": 1}), "must be a string"),
        ("model", json!({"session_id": "s", "model": "m".repeat(129)}), "is longer than 128 bytes"),
        ("timestamp", json!({"session_id": "s", "timestamp": 1}), "must be a string"),
        ("title", json!({"session_id": "s", "title": true}), "must be a string"),
        ("pid", json!({"session_id": "s", "pid": 0}), "must be the number of a process"),
        ("pid", json!({"session_id": "s", "pid": -4}), "must be the number of a process"),
        ("pid", json!({"session_id": "s", "pid": 4_294_967_295_u64}), "must be the number of a process"),
        ("pid", json!({"session_id": "s", "pid": "4"}), "must be a whole number"),
    ] {
        let refused = read(&body).expect_err("refused");
        assert_eq!(refused, Refused::Field { field, why: why.to_owned() }, "{body}");
        assert_eq!(refused.to_string(), format!("{field} {why}"));
    }
    read(&json!({"session_id": "x".repeat(256), "cwd": "/".repeat(4_096), "model": "m".repeat(128)}))
        .expect("the bounds themselves");
}

#[test]
fn a_time_counts_when_it_can_be_one_and_is_left_out_when_not() {
    for (text, at) in [
        ("2026-11-20T10:00:00.007Z", Some(1_795_168_800_007)),
        ("2026-11-20T11:00:00+01:00", Some(1_795_168_800_000)),
        // An hour ahead is a clock that is off.
        ("2026-11-20T11:05:00Z", Some(1_795_172_700_000)),
        ("2027-11-20T10:00:00Z", None),
        ("1969-12-31T00:00:00Z", None),
        ("2026-11-20T10:00:00", None),
        ("yesterday", None),
        ("", None),
    ] {
        let posted = read(&json!({"session_id": "s", "timestamp": text})).expect("taken");
        assert_eq!(posted.timestamp, at.map(Timestamp), "{text}");
        assert_eq!(posted.happened(NOW).at, Timestamp(at.unwrap_or(NOW.0)), "{text}");
    }
    let told = event(&json!({"session_id": "s", "timestamp": "2026-11-20T10:00:00Z"}));
    assert_eq!(told.payload.session.ended_at.as_deref(), Some("2026-11-20T10:00:00.000Z"));
    assert_eq!(told.timestamp, "2026-11-20T10:05:00.000Z", "when it was taken");
}

#[test]
fn secrets_in_free_text_are_masked_and_long_text_is_cut() {
    let body = json!({"session_id": "s", "summary": format!("key oxk_0123456789abcdef {}", "y".repeat(9_000)),
        "title": "oxk_0123456789abcdef"});
    let posted = read(&body).expect("taken");
    assert!(!posted.summary.contains("oxk_0") && !posted.title.unwrap_or_default().contains("oxk_0"));
    assert_eq!(posted.summary.chars().count(), limits::LIFECYCLE_SUMMARY_CHARS);
}

#[test]
fn an_end_without_a_status_says_none_and_is_posted_on_with_one_that_means_the_same() {
    let subject = Subject { harness: Harness::OpenCode, session: SessionHandle::new("s") };
    for (end, phase, outcome, status) in [
        (End::run_completed(), "completed", "success", 0),
        (End::run_failed(), "failed", "failure", 1),
        (End::run_cancelled(), "stopped", "cancelled", 143),
        (End::process_gone(), "stopped", "unknown", 143),
    ] {
        let event = Event::new(&Happened::new(subject.clone(), NOW, Some(end)), ids(), NOW);
        let value = serde_json::to_value(&event).expect("JSON");
        assert_eq!(value.pointer("/payload/lifecycle/phase"), Some(&json!(phase)));
        assert_eq!(value.pointer("/payload/lifecycle/outcome"), Some(&json!(outcome)));
        assert_eq!(value.pointer("/payload/session/exit_status"), None, "{phase}");
        assert_eq!(value.pointer("/payload/exit_status"), None, "{phase}");
        let post = event.to_post();
        assert_eq!((&post["exit_status"], &post["hook_type"]), (&json!(status), &json!("stop")));
        let again = read(&post).expect("our own receiver takes it");
        assert_eq!(again.happened(NOW).phase().as_str(), phase, "and makes the same of it");
    }
}

#[test]
fn what_is_posted_on_is_the_event_and_what_a_connector_reads() {
    let told = event(
        &json!({"session_id": "s", "hook_type": "start", "cwd": "/w", "timestamp": "2026-11-20T10:00:00Z"}),
    );
    let post = told.to_post();
    assert_eq!(post["payload"], serde_json::to_value(&told.payload).expect("JSON"));
    for (field, value) in [
        ("session_id", json!("s")),
        ("hook_type", json!("start")),
        ("cwd", json!("/w")),
        ("harness", json!("opencode")),
        ("timestamp", json!("2026-11-20T10:00:00.000Z")),
        ("type", json!("resource.changed")),
    ] {
        assert_eq!(post[field], value, "{field}");
    }
}

#[test]
fn an_event_that_is_read_back_is_the_same() {
    let told = event(&json!({"session_id": "s", "exit_status": 3, "duration_seconds": 0.25, "summary": "é"}));
    let back: Event = serde_json::from_str(&told.to_line()).expect("an event");
    assert_eq!(back, told);
    assert_eq!(back.to_line(), told.to_line());
}
