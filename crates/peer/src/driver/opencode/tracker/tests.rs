//! Stories as a real OpenCode 1.18 tells them, shortened.

use super::super::event;
use super::*;
use serde_json::{Value, json};

const RUN: &str = "ses_run";

struct Story {
    tracker: Tracker,
    told: Vec<String>,
}

impl Story {
    fn new() -> Self {
        Self { tracker: Tracker::new(RUN, Path::new("/w/shop")), told: Vec::new() }
    }

    /// Takes one event as it comes over `/global/event`.
    fn hear(&mut self, kind: &str, properties: Value) -> &mut Self {
        let frame = json!({ "directory": "/w/shop", "payload": { "id": "evt_1", "type": kind, "properties": properties } });
        if let Some((session, event)) = event::read(&frame) {
            let told = self.tracker.observe(&session, event);
            self.told.extend(told.iter().map(short));
        }
        self
    }

    fn tool(&mut self, call: &str, tool: &str, state: Value) -> &mut Self {
        self.hear(
            "message.part.updated",
            json!({ "part": { "type": "tool", "tool": tool, "callID": call,
            "id": "prt_1", "sessionID": RUN, "messageID": "msg_a", "state": state } }),
        )
    }

    fn answer(&mut self, session: &str, id: &str, rest: Value) -> &mut Self {
        let mut info =
            json!({ "id": id, "sessionID": session, "role": "assistant", "providerID": "anthropic" });
        info.as_object_mut().expect("an object").extend(rest.as_object().expect("an object").clone());
        self.hear("message.updated", json!({ "sessionID": session, "info": info }))
    }

    fn idle(&mut self) -> &mut Self {
        self.hear("session.status", json!({ "sessionID": RUN, "status": { "type": "idle" } }))
    }

    fn end(&self) -> AgentEnd {
        self.tracker.end((0, 0.0))
    }
}

fn short(told: &Told) -> String {
    match told {
        Told::Agent(AgentEvent::Action(action)) => {
            let kind = match action.kind {
                ActionKind::FileEdit { .. } => "edit",
                ActionKind::ToolCall { .. } => "call",
            };
            format!("{kind} {} — {} | {}", action.kind.name(), action.detail, action.matched_text.trim_end())
        }
        Told::Agent(AgentEvent::Chat) => "chat".into(),
        Told::Agent(AgentEvent::Remark(text)) => text.to_string(),
        Told::Asked(session, asking) => {
            let what = match &asking.what {
                Asked::Permission(it) => format!("{} {}", it.kind, it.patterns.join(", ")),
                Asked::Questions(all) => format!("{} questions", all.len()),
            };
            format!("{session} asks {}: {what}", asking.id)
        }
        Told::AskGone(id) => format!("{id} is gone"),
        Told::PerhapsOver => "over?".into(),
        Told::Runaway => "runaway".into(),
    }
}

#[test]
fn each_tool_becomes_the_step_it_is() {
    let mut story = Story::new();
    story
        .tool("c1", "read", json!({ "status": "running", "input": { "filePath": "/w/shop/a.rs" } }))
        .tool("c1", "read", json!({ "status": "completed", "title": "w/shop/a.rs", "input": { "filePath": "/w/shop/a.rs" } }))
        .tool("c1", "read", json!({ "status": "completed", "title": "again", "input": {} }))
        .tool("c2", "write", json!({ "status": "completed", "input": { "filePath": "/w/shop/b.txt", "content": "one\ntwo\n" } }))
        .tool("c3", "edit", json!({ "status": "completed", "metadata": { "filediff": { "additions": 2, "deletions": 1 } },
            "input": { "filePath": "/elsewhere/c.rs", "oldString": "x", "newString": "max_retries = 9" } }))
        .tool("c4", "bash", json!({ "status": "completed", "title": "rm -rf build",
            "input": { "command": "rm -rf build", "description": "Clean up" } }))
        .tool("c5", "read", json!({ "status": "error", "error": "File not found: /w/shop/d", "input": { "filePath": "/w/shop/d" } }))
        .tool("c6", "edit", json!({ "status": "error", "error": "no match", "input": { "filePath": "/w/shop/e" } }))
        .tool("c7", "webfetch", json!({ "status": "completed", "title": "https://h.example/p?k=1",
            "input": { "url": "https://h.example/p?k=1" } }))
        .tool("c8", "apply_patch", json!({ "status": "completed", "input": { "patchText":
            "*** Begin Patch\n*** Update File: src/x.rs\n@@\n-old\n+new line\n*** Add File: y.rs\n+only\n*** End Patch" } }))
        .tool("c9", "todowrite", json!({ "status": "completed", "input": {} }));
    assert_eq!(
        story.told,
        [
            "call read — a.rs | read w/shop/a.rs",
            "edit b.txt — +2 -0 | b.txt one\ntwo",
            "edit /elsewhere/c.rs — +2 -1 | /elsewhere/c.rs max_retries = 9",
            "call bash — Clean up | bash rm -rf build rm -rf build",
            "call read — failed: d | read",
            "call edit — failed: e | edit",
            "call webfetch — h.example | webfetch https://h.example/p?k=1 https://h.example/p?k=1",
            "edit src/x.rs — +1 -1 | src/x.rs new line",
            "edit y.rs — +1 -0 | y.rs only",
            "call todowrite — done | todowrite",
        ]
    );
}

#[test]
fn files_that_a_command_changed_are_told_once_and_those_of_tools_not_again() {
    let mut story = Story::new();
    let patch = json!({ "part": { "type": "patch", "hash": "h", "sessionID": RUN, "messageID": "msg_a",
        "files": ["/w/shop/b.txt", "/w/shop/gen/out.rs"] } });
    story
        .tool(
            "c1",
            "write",
            json!({ "status": "completed", "input": { "filePath": "/w/shop/b.txt", "content": "x" } }),
        )
        .hear("message.part.updated", patch.clone())
        .hear("message.part.updated", patch);
    assert_eq!(
        story.told,
        ["edit b.txt — +1 -0 | b.txt x", "edit gen/out.rs — changed by a command | gen/out.rs"]
    );
}

#[test]
fn tokens_and_cost_are_of_all_answers_subagents_included() {
    let mut story = Story::new();
    let use_of = |input: u64, cost: f64| {
        json!({ "cost": cost,
        "tokens": { "total": 9, "input": input, "output": 10, "reasoning": 1, "cache": { "read": 100, "write": 5 } } })
    };
    story
        .answer(RUN, "msg_1", json!({}))
        .answer(RUN, "msg_1", use_of(1000, 0.01))
        .answer(RUN, "msg_1", use_of(1000, 0.01))
        .answer("ses_child", "msg_2", use_of(50, 0.0051))
        .idle();
    let AgentEnd::Completed(totals) = story.end() else { panic!("completed") };
    assert_eq!(totals.tokens_used, 1116 + 166);
    assert!((totals.cost_cents - 1.51).abs() < 1e-9);
    assert_eq!(totals.provider, Provider::Anthropic);
    let AgentEnd::Completed(totals) = story.tracker.end((5000, 0.5)) else { panic!("completed") };
    assert_eq!(
        (totals.tokens_used, totals.cost_cents),
        (5000, 50.0),
        "events were missed: OpenCode's own sum counts"
    );
}

#[test]
fn token_counts_beyond_all_bounds_stay_a_number() {
    let mut story = Story::new();
    for id in ["msg_1", "msg_2"] {
        story.answer(RUN, id, json!({ "finish": "stop", "tokens": { "input": 1e300, "output": 1e300 } }));
    }
    let AgentEnd::Completed(totals) = story.end() else { panic!("completed") };
    assert_eq!(totals.tokens_used, u64::MAX);
}

#[test]
fn only_the_runs_own_idle_may_be_its_end() {
    let mut story = Story::new();
    story
        .hear("session.created", json!({ "info": { "id": "ses_child", "parentID": RUN } }))
        .hear("session.status", json!({ "sessionID": RUN, "status": { "type": "busy" } }))
        .hear("session.idle", json!({ "sessionID": "ses_child" }))
        .hear(
            "session.error",
            json!({ "sessionID": "ses_child", "error": { "name": "APIError", "data": {} } }),
        )
        .hear("session.status", json!({ "sessionID": RUN, "status": { "type": "retry", "attempt": 1 } }));
    assert_eq!(story.told, [""; 0]);
    story.answer(RUN, "msg_a", json!({ "finish": "stop" })).idle().idle();
    assert_eq!(story.told, ["over?", "over?"], "idle may come twice");
    assert!(matches!(story.end(), AgentEnd::Completed(_)));
}

fn error(name: &str, data: Value) -> Value {
    json!({ "sessionID": RUN, "error": { "name": name, "data": data } })
}

#[test]
fn each_error_is_told_for_what_it_is() {
    for (name, data, reason, recoverable) in [
        (
            "APIError",
            json!({ "message": "Incorrect API key provided: sk-proj-abcdef012345", "statusCode": 401, "isRetryable": false }),
            "the model provider refused OpenCode's sign-in: Incorrect API key provided: [redacted]",
            false,
        ),
        (
            "APIError",
            json!({ "message": "overloaded", "statusCode": 529, "isRetryable": true }),
            "the model provider answered 529: overloaded",
            true,
        ),
        (
            "UnknownError",
            json!({ "message": "Model not found: fake/nope.\n    at stack (/home/me/x.ts:1)" }),
            "OpenCode failed: Model not found: fake/nope.",
            false,
        ),
        (
            "UnknownError",
            json!({ "message": "ENOENT: /home/me/w/api/x" }),
            "OpenCode failed: ENOENT: [path]",
            false,
        ),
        ("MessageAbortedError", json!({ "message": "Aborted" }), "stopped in OpenCode", false),
        (
            "ProviderAuthError",
            json!({ "message": "no key" }),
            "the model provider refused OpenCode's sign-in: no key",
            false,
        ),
        ("MessageOutputLengthError", json!({}), "OpenCode failed: MessageOutputLengthError", false),
    ] {
        let mut story = Story::new();
        story.hear("session.error", error(name, data)).idle();
        assert_eq!(
            story.told[0], "over?",
            "an unknown agent never goes idle: the error asks for the status, too"
        );
        let AgentEnd::Failed(failure) = story.end() else { panic!("failed") };
        assert_eq!((failure.reason.as_str(), failure.recoverable), (reason, recoverable));
    }
}

#[test]
fn a_context_overflow_is_not_the_end_and_work_after_an_error_takes_it_back() {
    let mut story = Story::new();
    story.hear("session.error", error("ContextOverflowError", json!({ "message": "too long" })));
    story.answer(RUN, "msg_1", json!({ "error": { "name": "ContextOverflowError", "data": {} } }));
    assert_eq!(story.told, [""; 0]);

    story.hear("session.error", error("APIError", json!({ "message": "x", "statusCode": 500 })));
    story.answer(RUN, "msg_2", json!({ "finish": "stop" })).idle();
    assert!(matches!(story.end(), AgentEnd::Completed(_)));
    story.answer(RUN, "msg_2", json!({ "error": { "name": "APIError", "data": { "statusCode": 400 } } }));
    assert!(matches!(story.end(), AgentEnd::Failed(_)), "an error told by the answer itself, after the idle");
}

#[test]
fn an_idle_session_whose_model_had_no_last_word_has_not_done_its_work() {
    let stopped = AgentEnd::Failed(Failure::recoverable("OpenCode stopped before the model had answered"));
    let mut story = Story::new();
    assert!(story.tracker.is_silent());
    assert_eq!(story.end(), stopped, "it never began");
    let tokens = json!({ "input": 100, "output": 10, "cache": { "read": 0, "write": 0 } });
    for (id, answer, done) in [
        ("msg_a", json!({ "time": { "created": 1 } }), false),
        ("msg_a", json!({ "finish": "tool-calls", "tokens": tokens }), false),
        ("msg_b", json!({ "time": { "created": 2, "completed": 3 } }), false),
        ("msg_c", json!({ "finish": "unknown" }), false),
        ("msg_d", json!({ "finish": "length" }), true),
        ("msg_b", json!({ "time": { "created": 2, "completed": 3 } }), true),
        // Early versions name no finish.
        ("msg_e", json!({ "tokens": tokens }), true),
    ] {
        story.answer(RUN, id, answer.clone());
        assert_eq!(story.end() != stopped, done, "{id} {answer}");
    }
    story.answer("ses_child", "msg_f", json!({}));
    assert_ne!(story.end(), stopped, "a subagent's last word is its own matter");
    assert!(!story.tracker.is_silent());
}

#[test]
fn answers_without_an_end_are_a_runaway_and_an_end_clears_them() {
    let mut story = Story::new();
    for n in 0..limits::RUNAWAY_ANSWERS - 1 {
        story.answer(RUN, &format!("msg_{n}"), json!({ "finish": "unknown" }));
        story.answer(RUN, &format!("msg_{n}"), json!({ "finish": "unknown" }));
    }
    assert_eq!(story.told, [""; 0]);
    story.answer(RUN, "msg_ok", json!({ "finish": "tool-calls" }));
    for n in 100..100 + limits::RUNAWAY_ANSWERS + 3 {
        story.answer(RUN, &format!("msg_{n}"), json!({ "finish": "unknown" }));
    }
    assert_eq!(story.told, ["runaway"]);
}

#[test]
fn asks_are_told_once_and_again_when_they_could_not_be_answered() {
    let mut story = Story::new();
    let ask = json!({ "id": "per_1", "sessionID": "ses_child", "permission": "bash", "patterns": ["ls"] });
    story.hear("permission.asked", ask.clone()).hear("permission.asked", ask.clone());
    story.hear("question.asked", json!({ "id": "que_1", "sessionID": RUN, "questions": [{}, {}] }));
    story.tracker.forget_ask("per_1");
    story.hear("permission.asked", ask);
    assert_eq!(
        story.told,
        ["ses_child asks per_1: bash ls", "ses_run asks que_1: 2 questions", "ses_child asks per_1: bash ls"]
    );
}

#[test]
fn an_ask_that_was_answered_elsewhere_is_gone_once_and_our_own_answer_tells_nothing() {
    let mut story = Story::new();
    let ask = |id: &str| json!({ "id": id, "sessionID": RUN, "permission": "bash", "patterns": [] });
    let replied = |id: &str| json!({ "sessionID": RUN, "requestID": id, "reply": "once" });
    story.hear("permission.replied", replied("per_0")).hear("permission.asked", ask("per_1"));
    story.hear("permission.replied", replied("per_1")).hear("permission.replied", replied("per_1"));
    story.hear("permission.asked", ask("per_1"));
    assert_eq!(story.told, ["ses_run asks per_1: bash ", "per_1 is gone"]);

    let mut story = Story::new();
    story.hear("permission.asked", ask("per_2"));
    story.tracker.ask_over("per_2");
    story.hear("permission.replied", replied("per_2"));
    story.hear("question.asked", json!({ "id": "que_1", "sessionID": RUN, "questions": [{}] }));
    story.hear("question.rejected", json!({ "sessionID": RUN, "requestID": "que_1" }));
    story.hear("question.asked", json!({ "id": "que_2", "sessionID": RUN, "questions": [{}] }));
    story.hear("question.replied", json!({ "sessionID": RUN, "requestID": "que_2", "answers": [["x"]] }));
    assert_eq!(
        story.told[1..],
        [
            "ses_run asks que_1: 1 questions",
            "que_1 is gone",
            "ses_run asks que_2: 1 questions",
            "que_2 is gone"
        ]
    );
}

#[test]
fn an_ask_that_is_listed_no_more_is_gone_and_asked_again_should_it_turn_up() {
    let mut story = Story::new();
    let ask = |id: &str| json!({ "id": id, "sessionID": RUN, "permission": "bash", "patterns": [] });
    story.hear("permission.asked", ask("per_1")).hear("permission.asked", ask("per_2"));
    let listed = HashSet::from(["per_2".to_owned()]);
    assert_eq!(story.tracker.asks_but(&listed), [Told::AskGone("per_1".into())]);
    assert_eq!(story.tracker.asks_but(&listed), []);
    story.hear("permission.asked", ask("per_1"));
    assert_eq!(story.told.last().map(String::as_str), Some("ses_run asks per_1: bash "));
    story.tracker.drop_asks();
    assert_eq!(story.tracker.asks_but(&HashSet::new()), [], "nothing of it is anybody's any more");
    story.hear("permission.asked", ask("per_2"));
    assert_eq!(story.told.len(), 3);
}

#[test]
fn a_permission_names_its_file_as_seen_from_the_runs_folder() {
    let mut story = Story::new();
    for (file, shown) in [("/w/shop/src/a.rs", "src/a.rs"), ("/etc/hosts", "/etc/hosts")] {
        let ask = json!({ "id": file, "sessionID": RUN, "permission": "edit", "patterns": ["x"],
            "metadata": { "filepath": file, "diff": "@@ -1 +1 @@\n-a\n+b\n" } });
        let frame = json!({ "payload": { "type": "permission.asked", "properties": ask } });
        let (session, event) = event::read(&frame).expect("an ask");
        let told = story.tracker.observe(&session, event);
        let [Told::Asked(_, asking)] = told.as_slice() else { panic!("{told:?}") };
        let Asked::Permission(permission) = &asking.what else { panic!("a permission") };
        assert_eq!(permission.file.as_ref().map(Redacted::as_str), Some(shown));
        assert_eq!(permission.lines, Some((1, 1)));
    }
}

#[test]
fn the_first_word_is_told_and_the_persons_own_text_is_none() {
    let mut story = Story::new();
    story
        .hear(
            "message.part.updated",
            json!({ "part": { "type": "text", "text": "the prompt", "sessionID": RUN } }),
        )
        .hear("message.part.delta", json!({ "sessionID": RUN, "field": "text", "delta": "I " }))
        .hear("message.part.delta", json!({ "sessionID": RUN, "field": "text", "delta": "will" }));
    assert_eq!(story.told, ["chat"]);
}

#[test]
fn what_is_unknown_or_malformed_changes_nothing() {
    let mut story = Story::new();
    for frame in [
        json!(null),
        json!([]),
        json!({}),
        json!({ "payload": 1 }),
        json!({ "payload": { "type": "session.status" } }),
        json!({ "payload": { "type": "plugin.added", "properties": {} } }),
        json!({ "payload": { "type": "message.part.updated", "properties": { "part": { "type": "tool" } } } }),
        json!({ "payload": { "type": "session.error", "properties": { "sessionID": RUN } } }),
        json!({ "payload": { "type": "sync", "syncEvent": { "type": "session.updated.1" } } }),
    ] {
        assert_eq!(event::read(&frame), None, "{frame}");
    }
    story.hear("message.updated", json!({ "info": { "role": "user", "id": "msg_u", "sessionID": RUN } }));
    assert_eq!(story.told, [""; 0]);
}

#[test]
fn what_has_been_used_so_far_is_the_sum_of_all_answers_and_only_grows() {
    let mut story = Story::new();
    assert_eq!(story.tracker.used(), (0, 0.0));
    let tokens = |input: u64| json!({ "tokens": { "input": input, "output": 1 }, "cost": 0.5 });
    story.answer(RUN, "msg_1", tokens(10)).answer(RUN, "msg_1", tokens(10));
    assert_eq!(story.tracker.used(), (11, 0.5));
    story.answer(RUN, "msg_1", tokens(3)).answer("ses_child", "msg_2", tokens(20));
    assert_eq!(story.tracker.used(), (32, 1.0), "a subagent's, too");
}

#[test]
fn the_provider_is_whose_model_had_the_last_word() {
    let mut story = Story::new();
    let done = |provider: &str, finish: &str| json!({ "providerID": provider, "finish": finish, "tokens": { "input": 1, "output": 1 } });
    story
        .answer(RUN, "msg_a", done("anthropic", "tool-calls"))
        .answer(RUN, "msg_b", done("openai", "stop"))
        .answer("ses_child", "msg_c", done("anthropic", "stop"))
        .answer(RUN, "msg_a", done("anthropic", "tool-calls"));
    let AgentEnd::Completed(totals) = story.end() else { panic!("it completed") };
    assert_eq!(totals.provider, Provider::Openai);
}

#[test]
fn what_a_session_did_before_the_run_is_not_the_runs() {
    let mut story = Story::new();
    story.tracker.begin_after("msg_b");
    let answer = |tokens: u64| json!({ "finish": "stop", "tokens": { "input": tokens }, "cost": 1.0 });
    let wrote =
        json!({ "status": "completed", "input": { "filePath": "/w/shop/b.txt", "content": "one\n" } });
    story.answer(RUN, "msg_a", answer(100)).tool("c1", "write", wrote).answer(
        "ses_child",
        "msg_ab",
        answer(50),
    );
    assert!(!story.tracker.is_settled(), "it had no answer yet");
    assert_eq!((story.tracker.used().0, story.told.len()), (0, 0));
    story.answer(RUN, "msg_c", answer(7)).answer("ses_child", "msg_d", answer(5));
    assert!(story.tracker.is_settled());
    assert_eq!(story.tracker.used(), (12, 2.0));
}
