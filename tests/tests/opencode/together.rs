//! More than one session at work: two runs at once, and a run with a subagent.

use orgx_tests::{Stage, story, task};
use serde_json::{Value, json};

/// Writes its own file, waits for the other one, and writes a second one.
fn twin(name: &str) -> Value {
    let write = |file: String, id: String| {
        let path = format!("{{{{cwd}}}}/{file}");
        json!([{ "id": id, "name": "write", "arguments": { "filePath": path, "content": "x\n" } }])
    };
    json!([
        { "tool_calls": write(format!("{name}-1.txt"), format!("call_{name}_1")) },
        { "gate": "both", "tool_calls": write(format!("{name}-2.txt"), format!("call_{name}_2")) },
        { "text": "Done." },
    ])
}

#[test]
fn two_runs_in_two_folders_at_once_keep_their_steps_apart() {
    story(async {
        let stage = Stage::set().await;
        let other = stage.project("other");
        for name in ["castor", "pollux"] {
            stage.model.script(name, twin(name));
        }
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("run_castor", &stage.project, "castor"));
        stage.gateway.dispatch(task("run_pollux", &other, "pollux"));
        // Both are in the middle of their work now.
        stage.asked("castor", 2).await;
        stage.asked("pollux", 2).await;
        stage.model.open("both");
        for (name, folder) in [("castor", &stage.project), ("pollux", &other)] {
            let run_id = format!("run_{name}");
            stage.completion(&run_id).await;
            let expected = [1, 2].map(|n| format!("edit {name}-{n}.txt — +1 -0"));
            assert_eq!(stage.steps(&run_id), expected);
            assert!(folder.join(format!("{name}-2.txt")).is_file());
        }
        assert_ne!(stage.session("run_castor"), stage.session("run_pollux"));
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_subagents_tokens_count_and_its_end_is_not_the_runs() {
    story(async {
        let stage = Stage::set().await;
        let usage = |tokens: u64| json!({ "prompt_tokens": tokens, "completion_tokens": 1 });
        let call = json!({ "description": "part of the work", "prompt": "SUBAGENT answer", "subagent_type": "general" });
        stage.model.script(
            "PARENT",
            json!([
                { "tool_calls": [{ "name": "task", "arguments": call }], "usage": usage(1_000) },
                { "tool_calls": [{ "name": "write", "arguments": { "filePath": "{{cwd}}/after.txt", "content": "a\n" } }],
                  "usage": usage(20_000) },
                { "text": "All done.", "usage": usage(400) },
            ]),
        );
        stage.model.script("SUBAGENT", json!([{ "text": "My part.", "usage": usage(70_000) }]));
        let _peer = stage.peer().await;
        stage.gateway.dispatch(task("run", &stage.project, "PARENT"));
        let completed = stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 1_000 + 20_000 + 400 + 70_000 + 4);
        assert_eq!(stage.steps("run"), ["call task — part of the work", "edit after.txt — +1 -0"]);
    });
}
