use super::*;
use proptest::prelude::*;

fn sound() -> Value {
    serde_json::to_value(event(&json!({"session_id": "s", "exit_status": 1}))).expect("JSON")
}

#[test]
fn each_rule_that_is_broken_is_named() {
    assert_eq!(check(&sound()), []);
    for (at, value, field) in [
        ("/payload/lifecycle/phase", json!("done"), "payload.lifecycle.phase"),
        ("/payload/lifecycle/phase", Value::Null, "payload.lifecycle.phase"),
        ("/payload/lifecycle/phase", json!("started"), "payload.lifecycle.terminal"),
        ("/payload/lifecycle/terminal", json!(false), "payload.lifecycle.terminal"),
        ("/payload/lifecycle/terminal", json!("yes"), "payload.lifecycle.terminal"),
        ("/payload/lifecycle/outcome", json!("fine"), "payload.lifecycle.outcome"),
        ("/payload/lifecycle/dedupe_key", json!(""), "payload.lifecycle.dedupe_key"),
        ("/payload/session/id", json!(""), "payload.session.id"),
        ("/payload/session/id", json!(7), "payload.session.id"),
        ("/payload/session/adapter", json!(""), "payload.session.adapter"),
        ("/payload/session/harness", Value::Null, "payload.session.harness"),
        ("/type", json!("resource.changed"), "type"),
    ] {
        let mut event = sound();
        *event.pointer_mut(at).expect("a field") = value;
        let broken = check(&event);
        assert!(broken.iter().any(|broken| broken.field == field), "{at}: {broken:?}");
    }
    let mut without = sound();
    without["payload"]["lifecycle"].as_object_mut().expect("an object").remove("outcome");
    assert_eq!(check(&without).len(), 1, "an end has an outcome");
    for nonsense in [json!(null), json!([]), json!({}), json!({"payload": 1})] {
        assert!(check(&nonsense).len() >= 5, "{nonsense}");
    }
}

proptest! {
    #[test]
    fn whatever_is_taken_becomes_a_sound_event(
        id in "[ -~é]{1,60}", status in proptest::option::of(any::<i64>()), start in any::<bool>(),
        cwd in proptest::option::of(".{0,60}"), summary in ".{0,60}"
    ) {
        let body = json!({"session_id": id, "exit_status": status, "cwd": cwd, "summary": summary,
            "hook_type": if start { "start" } else { "stop" }});
        if let Ok(posted) = read(&body) {
            let made = Event::new(&posted.happened(NOW), ids(), NOW);
            let value = serde_json::to_value(&made).expect("JSON");
            prop_assert_eq!(check(&value), []);
            prop_assert_eq!(made.to_line().matches('\n').count(), 1);
            prop_assert!(Posted::read(made.to_post().to_string().as_bytes(), NOW).is_ok());
        } else {
            prop_assert!(id.trim().is_empty());
        }
    }

    #[test]
    fn no_body_breaks_the_reader(body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _whatever = Posted::read(&body, NOW);
    }
}
