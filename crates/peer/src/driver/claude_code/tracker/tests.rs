//! Lines as 2.1.328 was seen to print them, and the seed's fixture traces as a table.

use super::*;
use serde_json::{Value, json};

fn tracker(session: Session) -> Tracker {
    Tracker::new(Path::new("/w/api"), session)
}

fn observe(tracker: &mut Tracker, lines: &[Value]) -> Vec<String> {
    let told = lines.iter().flat_map(|line| tracker.observe(line.to_string().as_bytes())).collect::<Vec<_>>();
    told.iter().map(shown).collect()
}

fn shown(event: &AgentEvent) -> String {
    match event {
        AgentEvent::Chat => "chat".to_owned(),
        AgentEvent::Remark(words) => format!("remark {words}"),
        AgentEvent::Action(action) => {
            let kind = if matches!(action.kind, ActionKind::FileEdit { .. }) { "edit" } else { "call" };
            let (name, detail, matched) = (action.kind.name(), &action.detail, &action.matched_text);
            format!(
                "{kind} {name} — {detail} [{}] <{matched}>",
                action.evidence_ref.as_deref().unwrap_or("-")
            )
        }
    }
}

fn answer(id: &str, tokens: u64, content: &Value) -> Value {
    json!({"message": {"id": id, "role": "assistant", "content": content,
        "usage": {"input_tokens": tokens, "output_tokens": 1, "cache_read_input_tokens": 0}},
        "parent_tool_use_id": null, "session_id": "s", "type": "assistant"})
}

fn call(id: &str, tool: &str, input: &Value) -> Value {
    answer(&format!("msg_{id}"), 9, &json!([{"type": "tool_use", "id": id, "name": tool, "input": input}]))
}

fn result_of(id: &str, failed: bool, patch: &Value) -> Value {
    json!({"type": "user", "message": {"role": "user", "content":
        [{"type": "tool_result", "tool_use_id": id, "content": "SECRET output", "is_error": failed}]},
        "tool_use_result": {"structuredPatch": patch}})
}

fn result(with: &Value) -> Value {
    let mut line = json!({"subtype": "success", "is_error": false, "result": "All done.", "session_id": "s",
        "total_cost_usd": 0.5, "usage": {"input_tokens": 100, "output_tokens": 20}, "type": "result"});
    if let (Some(line), Some(with)) = (line.as_object_mut(), with.as_object()) {
        line.extend(with.clone());
    }
    line
}

fn failure(end: &AgentEnd) -> (String, bool) {
    match end {
        AgentEnd::Failed(failure) => (failure.reason.as_str().to_owned(), failure.recoverable),
        AgentEnd::Completed(totals) => panic!("completed with {totals:?}"),
    }
}

fn totals(end: &AgentEnd) -> (u64, f64) {
    match end {
        AgentEnd::Completed(totals) => (totals.tokens_used, totals.cost_cents),
        AgentEnd::Failed(failure) => panic!("{}", failure.reason),
    }
}

#[test]
fn each_tool_is_a_step_once_with_its_path_or_the_agents_own_words_and_its_text_is_for_rules_only() {
    let mut run = tracker(Session::New);
    let patch = json!([{"lines": [" a", "-b", "+c", "+d"]}]);
    let told = observe(
        &mut run,
        &[
            json!({"type": "system", "subtype": "init", "session_id": "s"}),
            call("1", "Write", &json!({"file_path": "/w/api/a.rs", "content": "one\ntwo\n"})),
            result_of("1", false, &json!([])),
            // The same answer comes again with its next part.
            call("1", "Write", &json!({"file_path": "/w/api/a.rs", "content": "one\ntwo\n"})),
            call("2", "Edit", &json!({"file_path": "/w/api/a.rs", "old_string": "b", "new_string": "c\nd"})),
            result_of("2", false, &patch),
            call("3", "NotebookEdit", &json!({"notebook_path": "/else/n.ipynb", "new_source": "x"})),
            result_of("3", false, &json!([])),
            call(
                "4",
                "MultiEdit",
                &json!({"file_path": "b", "edits": [{"old_string": "o", "new_string": "n"}, {"new_string": "m"}]}),
            ),
            result_of("4", false, &json!([])),
            call("5", "Bash", &json!({"command": "rm -rf secret", "description": "Tidy up"})),
            result_of("5", false, &Value::Null),
            call("6", "Read", &json!({"file_path": "/w/api/c.rs"})),
            result_of("6", true, &Value::Null),
            call("7", "WebFetch", &json!({"url": "https://docs.example/x?token=1", "prompt": "p"})),
            result_of("7", false, &Value::Null),
            call("8", "TodoWrite", &json!({"todos": []})),
            result_of("8", false, &Value::Null),
            call("9", "Write", &json!({"file_path": "/w/api/d.rs", "content": "x"})),
            result_of("9", true, &Value::Null),
            json!({"type": "new in the next version"}),
        ],
    );
    assert_eq!(
        told,
        [
            "edit a.rs — +2 -0 [1] <a.rs one\ntwo\n>",
            "edit a.rs — +2 -1 [2] <a.rs c\nd>",
            "edit /else/n.ipynb — +1 -0 [3] </else/n.ipynb x>",
            "edit b — +2 -1 [4] <b n\nm>",
            "call Bash — Tidy up [5] <Bash Tidy up rm -rf secret>",
            "call Read — failed: c.rs [6] <Read>",
            "call WebFetch — docs.example [7] <WebFetch https://docs.example/x?token=1>",
            "call TodoWrite — done [8] <TodoWrite>",
            "call Write — failed: d.rs [9] <Write>",
        ]
    );
    assert!(run.unfinished().is_empty());
}

#[test]
fn a_subagents_tools_are_steps_and_what_was_denied_is_told_once_and_breaks_no_rule() {
    let mut run = tracker(Session::New);
    let mut of_subagent = call("in", "Read", &json!({"file_path": "/w/api/x"}));
    of_subagent["parent_tool_use_id"] = "task".into();
    let told = observe(
        &mut run,
        &[
            call("task", "Task", &json!({"description": "Look around", "prompt": "SECRET"})),
            of_subagent,
            result_of("in", false, &Value::Null),
            call("no", "Bash", &json!({"command": "curl evil", "description": "Fetch"})),
            json!({"type": "system", "subtype": "permission_denied", "tool_name": "Bash", "tool_use_id": "no"}),
            result_of("no", true, &Value::Null),
            answer("m", 1, &json!([{"type": "text", "text": "SECRET"}])),
            answer("m", 1, &json!([{"type": "text", "text": "more"}])),
            result(&json!({"permission_denials": [{"tool_name": "Bash", "tool_use_id": "no"},
            {"tool_name": "Write", "tool_use_id": "earlier"}]})),
        ],
    );
    let denied = |tool| {
        format!("remark asked for permission ({tool}); denied, because Claude Code can ask nobody here")
    };
    assert_eq!(
        told,
        ["call Read — x [in] <Read>".to_owned(), denied("Bash"), "chat".to_owned(), denied("Write"),]
    );
    let open = run.unfinished();
    assert_eq!(
        open.iter().map(shown).collect::<Vec<_>>(),
        ["call Task — not finished: Look around [task] <Task Look around>",]
    );
}

#[test]
fn tokens_and_cents_are_those_of_all_models_and_of_this_run_alone() {
    let model = |input: u64, dollars: f64| {
        json!({"inputTokens": input, "outputTokens": 1, "cacheReadInputTokens": 2,
        "cacheCreationInputTokens": 3, "costUSD": dollars})
    };
    let line =
        result(&json!({"modelUsage": {"a": model(100, 1.0), "b": model(10, 0.25)}, "total_cost_usd": 1.25,
        "model_usage_since_last_result": {"a": model(4, 0.125)}}));
    for (session, wanted) in [(Session::New, (122, 125.0)), (Session::GoneOnWith, (10, 12.5))] {
        let mut run = tracker(session);
        observe(&mut run, &[answer("m", 3, &json!([])), line.clone()]);
        assert_eq!(totals(&run.end(Exit::Code(0), None)), wanted, "{session:?}");
    }
    // Of before it told these; and while it runs, what its answers are known to have used.
    let mut run = tracker(Session::New);
    observe(&mut run, &[answer("m", 3, &json!([])), answer("m", 5, &json!([])), answer("n", 2, &json!([]))]);
    assert_eq!(run.used(), (9, 0.0));
    observe(&mut run, &[result(&json!({}))]);
    assert_eq!(run.used(), (120, 50.0));
}

#[test]
fn a_run_that_was_held_counts_what_it_used_before_and_after() {
    let mut run = tracker(Session::New);
    observe(&mut run, &[answer("m", 99, &json!([]))]);
    run.goes_on();
    observe(&mut run, &[answer("n", 9, &json!([]))]);
    assert_eq!(run.used(), (110, 0.0));
    // The session's sums have all of it.
    observe(
        &mut run,
        &[result(&json!({"modelUsage": {"a": {"inputTokens": 300, "costUSD": 2.0}}, "total_cost_usd": 2.0}))],
    );
    assert_eq!(run.used(), (300, 200.0));
}

#[test]
fn every_end_has_one_sentence() {
    let refused = |status: u64, text: &str| {
        result(
            &json!({"is_error": true, "terminal_reason": "api_error", "api_error_status": status, "result": text}),
        )
    };
    let line_long = "x".repeat(1_000);
    for (line, reason, recoverable) in [
        (
            result(&json!({"subtype": "error_max_turns", "is_error": true, "result": null})),
            "claude result error_max_turns",
            false,
        ),
        (
            result(&json!({"subtype": "error_during_execution", "is_error": true, "result": null,
            "errors": ["No conversation found with session ID: 1"]})),
            "No conversation found with session ID: 1",
            true,
        ),
        (refused(400, "API Error: 400 no such thing\nmore"), "API Error: 400 no such thing", false),
        (refused(529, "Overloaded"), "Overloaded", true),
        (refused(429, "API Error: 429 in /home/me/x"), "API Error: 429 in [path]", true),
        (
            refused(401, "Invalid API key"),
            "Claude Code's sign-in was refused (Invalid API key); its owner runs `claude auth login`",
            true,
        ),
        (refused(400, &line_long), &line_long[..300], false),
    ] {
        let mut run = tracker(Session::New);
        observe(&mut run, std::slice::from_ref(&line));
        // What it says is better than how it exits.
        assert_eq!(failure(&run.end(Exit::Code(1), None)), (reason.to_owned(), recoverable), "{line}");
    }
    let said = Redacted::new("--agent 'x' not found");
    let silent = tracker(Session::New);
    assert_eq!(
        failure(&silent.end(Exit::Code(1), Some(&said))),
        ("claude exited 1: --agent 'x' not found".into(), false)
    );
    let nonsense = "claude said nothing that this version of OrgX Peer understands: --agent 'x' not found";
    assert_eq!(failure(&silent.end(Exit::Code(0), Some(&said))), (nonsense.into(), false));
    assert_eq!(
        failure(&silent.end(Exit::Signal(Some(9)), None)),
        ("claude was ended from outside by signal 9".into(), true)
    );
}

#[test]
fn a_tool_that_a_hook_puts_off_is_no_end_and_is_told() {
    let mut run = tracker(Session::New);
    observe(
        &mut run,
        &[result(&json!({"stop_reason": "tool_deferred", "terminal_reason": "tool_deferred", "result": ""}))],
    );
    assert!(!run.is_over_by_itself());
    assert!(!failure(&run.end(Exit::Code(0), None)).1);
}

#[test]
fn a_model_that_refuses_is_told_once_for_each_row_of_tries() {
    let mut run = tracker(Session::New);
    let retry = |attempt: u64| json!({"type": "system", "subtype": "api_retry", "attempt": attempt, "error_status": 429});
    let told = observe(&mut run, &[retry(1), retry(2), retry(3), retry(1)]);
    assert_eq!(told, ["remark the model provider answered 429; Claude Code asks it again"; 2]);
}

/// PROTOCOL: contract E2, E6: the traces of the seed's own tests, restated.
#[test]
fn the_seeds_fixture_lines_are_understood_as_the_contract_says() {
    let tool = json!({"kind": "tool_call", "tool": "grep", "summary": "look", "ref": "call-1"});
    let edit = json!({"kind": "file_edit", "path": "src/http.ts", "summary": "lower max attempts", "diff_ref": "diff-7"});
    let bare = json!({"kind": "file_edit", "path": "src/http.ts"});
    let tokens = |n: u64| json!({"kind": "tokens_used", "delta": n});
    let done = |n: u64| json!({"kind": "assistant_completed", "tokens_used": n});
    let steps = [
        "call grep — look [call-1] <grep look>",
        "edit src/http.ts — lower max attempts [diff-7] <src/http.ts lower max attempts>",
    ];
    for (lines, told, exit, tokens_used) in [
        (vec![tool.clone(), edit.clone(), done(3_400)], &steps[..], Exit::Code(0), 3_400),
        (
            vec![tool.clone(), edit.clone(), tokens(1_000), tokens(200), done(9)],
            &steps[..],
            Exit::Code(0),
            1_200,
        ),
        // PROTOCOL: an end of file after exit 0 is a completion.
        (vec![tokens(7)], &[][..], Exit::Code(0), 7),
        (
            vec![bare, json!({"kind": "unheard of"}), json!([1]), json!(null)],
            &["edit src/http.ts —  [-] <src/http.ts >"][..],
            Exit::Code(0),
            0,
        ),
    ] {
        let mut run = tracker(Session::New);
        assert_eq!(observe(&mut run, &lines), told);
        assert_eq!(totals(&run.end(exit, None)), (tokens_used, 0.0), "{lines:?}");
    }
    for (line, exit, reason, recoverable) in [
        (
            json!({"kind": "error", "message": "rate limited", "recoverable": true}),
            Exit::Code(0),
            "rate limited",
            true,
        ),
        (json!({"kind": "error"}), Exit::Code(1), "claude errored", false),
        (tokens(1), Exit::Code(2), "claude exited 2", false),
        (tokens(1), Exit::Signal(None), "claude was ended from outside", true),
    ] {
        let mut run = tracker(Session::New);
        observe(&mut run, &[line]);
        assert_eq!(failure(&run.end(exit, None)), (reason.to_owned(), recoverable));
    }
}

#[test]
fn whatever_it_prints_nothing_panics_and_nonsense_says_nothing() {
    let mut run = tracker(Session::New);
    for line in [
        "",
        "{",
        "[]",
        "null",
        "{\"type\":1}",
        "{\"type\":\"assistant\"}",
        "{\"type\":\"user\"}",
        "\u{0}",
        "{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\"}]}}",
    ] {
        assert!(run.observe(line.as_bytes()).is_empty(), "{line}");
    }
}
