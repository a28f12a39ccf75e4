//! Budgets on the real OpenCode: a run that is at a limit waits in its session until the person says so.

use orgx_peer::{Ask, Attention, BudgetLimit, Command, Environment, Paths, Peer as Handle, Tenant};
use orgx_tests::process::until;
use orgx_tests::{Stage, opencode, story, task};
use serde_json::{Value, json};
use std::path::Path;

const GO_ON: &str = "Go on with the task where you stopped.";

/// A turn that writes a file; 1,050 tokens, 0.375 cents.
fn write(file: &str) -> Value {
    let path = format!("{{{{cwd}}}}/{file}");
    json!({
        "tool_calls": [{ "name": "write", "arguments": { "filePath": path, "content": "x\n" } }],
        "usage": { "prompt_tokens": 1_000, "completion_tokens": 50 },
    })
}

/// Two files and a last word; after the first file it waits for the gate `go`, which nobody opens.
fn work(stage: &Stage, prompt: &str) {
    let mut second = write("two.txt");
    second["gate"] = "go".into();
    stage.model.script(prompt, json!([write("one.txt"), second, { "text": "Done." }]));
}

/// What it does when it is told to go on: another file, and a last word.
fn more_work(stage: &Stage) {
    stage.model.script(GO_ON, json!([write("three.txt"), { "text": "Done." }]));
}

pub(super) fn configure(stage: &Stage, budget: &str) {
    std::fs::write(stage.config().join("config.toml"), format!("[budget]\n{budget}\n")).unwrap();
}

/// The running peer, as another program of the person sees it.
pub(super) async fn handle(stage: &Stage) -> Handle {
    let env = Environment::of([])
        .with("HOME", stage.home())
        .with("ORGX_PEER_STATE_DIR", stage.state())
        .with("ORGX_PEER_CONFIG_DIR", stage.config());
    let paths = Paths::of(&env).unwrap();
    let base_url = url::Url::parse(&stage.gateway.base_url()).unwrap();
    Handle::attach(&paths, &Tenant::new(&base_url, "w")).await.expect("the peer runs")
}

/// Returns once the person is asked about the run's budget, with what is asked.
pub(super) async fn asked(handle: &Handle, run_id: &str) -> Attention {
    let mut snapshots = handle.watch();
    let about = |all: &[Attention]| all.iter().find(|one| one.run_id == run_id).cloned();
    let waited = snapshots.wait_for(|now| about(&now.attention).is_some());
    let now =
        tokio::time::timeout(orgx_tests::WAIT, waited).await.expect("nobody is asked").expect("it runs");
    about(&now.attention).unwrap()
}

pub(super) async fn answer(handle: &Handle, attention: &Attention, answer: orgx_peer::Answer) {
    handle.command(Command::Answer { id: attention.id.clone(), answer }).await.expect("it is asked");
}

fn deny() -> orgx_peer::Answer {
    orgx_peer::Answer::Deny { reason: None }
}

/// The session is idle in OpenCode, and has so many messages of the person's side.
async fn rests(stage: &Stage, folder: &Path, run_id: &str, prompts: usize) {
    let server = opencode::shared().await;
    let path = format!("/session/{}/message", stage.session(run_id));
    let users = async || {
        let messages = server.get(&path).await;
        messages.as_array().unwrap().iter().filter(|message| message["info"]["role"] == "user").count()
    };
    // The prompt to go on may be on its way.
    orgx_tests::process::until("the session is not prompted", async || users().await >= prompts).await;
    server.idle(folder).await;
    assert_eq!(users().await, prompts);
}

#[test]
fn a_run_at_its_tokens_waits_idle_and_goes_on_with_as_much_again() {
    story(async {
        let stage = Stage::set().await;
        configure(&stage, "run = { tokens = 1_050 }");
        work(&stage, "Write files");
        more_work(&stage);
        let peer = stage.peer().await;
        let handle = handle(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "Write files"));
        let attention = asked(&handle, "run").await;
        let budget = Ask::Budget { limit: BudgetLimit::Tokens, day: false, most: 1_050, used: 1_050 };
        assert_eq!(attention.what, budget);
        assert!(attention.id.starts_with("run@budget-"), "{}", attention.id);
        rests(&stage, &stage.project, "run", 1).await;
        answer(&handle, &attention, orgx_peer::Answer::Allow).await;
        // 1,050 before, 1,050 of another file: at the limit once more.
        let again = asked(&handle, "run").await;
        assert_ne!(again.id, attention.id);
        let budget = Ask::Budget { limit: BudgetLimit::Tokens, day: false, most: 2_100, used: 2_100 };
        assert_eq!(again.what, budget);
        rests(&stage, &stage.project, "run", 2).await;
        stage.model.script(GO_ON, json!([{ "text": "Done." }]));
        answer(&handle, &again, orgx_peer::Answer::Allow).await;
        let completed = stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 2_100 + 110, "all of it counts");
        rests(&stage, &stage.project, "run", 3).await;
        let steps = stage.steps("run");
        let paused = "paused at its budget: 1,050 of 1,050 tokens; the person is asked".to_owned();
        assert!(steps.contains(&paused), "{steps:?}");
        assert!(!stage.project.join("two.txt").exists(), "nothing was done while it waited");
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn a_run_that_is_stopped_at_its_budget_fails_with_the_limit_and_the_use() {
    story(async {
        let stage = Stage::set().await;
        configure(&stage, "run = { tokens = 1_000 }");
        work(&stage, "Write files");
        let peer = stage.peer().await;
        let handle = handle(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "Write files"));
        let attention = asked(&handle, "run").await;
        answer(&handle, &attention, deny()).await;
        let words = "stopped at its budget: 1,050 of 1,000 tokens".to_owned();
        assert_eq!(stage.failure("run").await, (words, true));
        rests(&stage, &stage.project, "run", 1).await;
        peer.stop_well().await;
    });
}

#[test]
fn money_is_counted_as_opencode_counts_it_and_no_answer_is_a_no() {
    story(async {
        let stage = Stage::set().await;
        configure(&stage, "run = { cents = 1 }");
        let mut turn = write("one.txt");
        turn["usage"]["prompt_tokens"] = 4_000.into();
        let waits = json!({ "gate": "go", "text": "Done." });
        stage.model.script("Spend", json!([turn, waits]));
        let peer = stage.peer().await;
        let handle = handle(&stage).await;
        // Nobody is waited for in the last minute of a task.
        let mut dispatch = task("run", &stage.project, "Spend");
        dispatch["timeout_seconds"] = 75.into();
        stage.gateway.dispatch(dispatch);
        let attention = asked(&handle, "run").await;
        assert_eq!(attention.what, Ask::Budget { limit: BudgetLimit::Cents, day: false, most: 1, used: 1 });
        let words = "stopped at its budget: $0.01 of $0.01".to_owned();
        assert_eq!(stage.failure("run").await, (words, true));
        peer.stop_well().await;
    });
}

#[test]
fn a_run_that_is_cancelled_while_it_is_held_ends_as_cancelled() {
    story(async {
        let stage = Stage::set().await;
        configure(&stage, "run = { tokens = 1_000 }");
        work(&stage, "Write files");
        let peer = stage.peer().await;
        let handle = handle(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "Write files"));
        asked(&handle, "run").await;
        handle.command(Command::Cancel { run_id: "run".into(), exact: true }).await.unwrap();
        assert_eq!(stage.failure("run").await, ("cancelled".to_owned(), false));
        until("the question is still there", async || handle.snapshot().attention.is_empty()).await;
        peer.stop_well().await;
    });
}

#[test]
fn a_run_that_was_held_when_its_peer_was_killed_is_held_again_and_goes_on() {
    story(async {
        let stage = Stage::set().await;
        configure(&stage, "run = { tokens = 1_050 }");
        work(&stage, "Write files");
        stage.model.script(GO_ON, json!([{ "text": "Done." }]));
        let peer = stage.peer().await;
        let before = handle(&stage).await;
        stage.gateway.dispatch(task("run", &stage.project, "Write files"));
        asked(&before, "run").await;
        rests(&stage, &stage.project, "run", 1).await;
        peer.kill().await;
        let peer = stage.peer().await;
        let after = handle(&stage).await;
        let attention = asked(&after, "run").await;
        let budget = Ask::Budget { limit: BudgetLimit::Tokens, day: false, most: 1_050, used: 1_050 };
        assert_eq!(attention.what, budget);
        rests(&stage, &stage.project, "run", 1).await;
        answer(&after, &attention, orgx_peer::Answer::Allow).await;
        let completed = stage.completion("run").await;
        assert_eq!(completed["tokens_used"], 1_050 + 110);
        rests(&stage, &stage.project, "run", 2).await;
        peer.stop_well().await;
    });
}

#[test]
fn the_days_budget_holds_what_runs_and_keeps_what_waits_from_starting() {
    story(async {
        let stage = Stage::set().await;
        configure(&stage, "day = { tokens = 2_000 }");
        work(&stage, "Write files");
        stage.model.script(GO_ON, json!([{ "text": "Done." }]));
        stage.model.script("Say hello", json!([{ "text": "Hello." }]));
        let other = stage.project("other");
        let third = stage.project("third");
        let peer = stage.peer().await;
        let handle = handle(&stage).await;
        stage.gateway.dispatch(task("one", &stage.project, "Write files"));
        stage.gateway.dispatch(task("two", &other, "Write files"));
        let first = asked(&handle, "one").await;
        let second = asked(&handle, "two").await;
        for attention in [&first, &second] {
            let Ask::Budget { limit: BudgetLimit::Tokens, day: true, most: 2_000, used } = attention.what
            else {
                panic!("{attention:?}");
            };
            assert_eq!(used, 2_100);
        }
        answer(&handle, &first, deny()).await;
        let words = "stopped at the day's budget: 2,100 of 2,000 tokens".to_owned();
        assert_eq!(stage.failure("one").await, (words, true));
        stage.gateway.dispatch(task("three", &third, "Say hello"));
        let waits = asked(&handle, "three").await;
        assert!(matches!(waits.what, Ask::Budget { day: true, .. }), "{waits:?}");
        let prompts =
            |word: &str| stage.model.requests().iter().filter(|one| one.prompt.contains(word)).count();
        assert_eq!(prompts("Say hello"), 0, "it cost nothing");
        // One yes is for the day: both go on.
        answer(&handle, &waits, orgx_peer::Answer::Allow).await;
        stage.completion("three").await;
        assert_eq!(stage.completion("two").await["tokens_used"], 1_050 + 110);
        peer.stop_well().await;
        stage.was_strictly_well_behaved();
    });
}

#[test]
fn the_days_sum_survives_a_restart() {
    story(async {
        let stage = Stage::set().await;
        configure(&stage, "day = { tokens = 110 }");
        stage.model.script("Say hello", json!([{ "text": "Hello." }]));
        let peer = stage.peer().await;
        stage.gateway.dispatch(task("one", &stage.project, "Say hello"));
        stage.completion("one").await;
        peer.stop_well().await;
        let peer = stage.peer().await;
        let handle = handle(&stage).await;
        stage.gateway.dispatch(task("two", &stage.project, "Say hello"));
        let attention = asked(&handle, "two").await;
        let budget = Ask::Budget { limit: BudgetLimit::Tokens, day: true, most: 110, used: 110 };
        assert_eq!(attention.what, budget);
        answer(&handle, &attention, deny()).await;
        let words = "not started: the day's budget is used up: 110 of 110 tokens".to_owned();
        assert_eq!(stage.failure("two").await, (words, true));
        peer.stop_well().await;
    });
}
