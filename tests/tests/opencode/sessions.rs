//! `orgx-peer sessions` against real OpenCodes: several servers, folders and sessions, at work and gone.

use orgx_sandbox::opencode::OpenCodeHome;
use orgx_tests::opencode::{Place, Server, linked, path_with, shared};
use orgx_tests::process::{self, until};
use orgx_tests::{Stage, programs, story};
use rustix::process::Signal;
use serde_json::{Value, json};
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};
use tokio::process::{Child, Command};

/// Dollars for a million tokens of the sandbox's model: in, out, read from a cache.
const PRICES: (f64, f64, f64) = (3.0, 15.0, 0.3);

/// `orgx-peer sessions --json` of one folder, without a running peer, with an OpenCode's home.
struct List<'a> {
    stage: &'a Stage,
    home: OpenCodeHome,
    environment: Vec<(&'static str, String)>,
}

impl<'a> List<'a> {
    fn of(stage: &'a Stage, server: &Server) -> Self {
        let mut environment = vec![("OPENCODE_SERVER_URL", server.url())];
        environment.extend(server.password.clone().map(|password| ("OPENCODE_SERVER_PASSWORD", password)));
        Self { stage, home: server.home().clone(), environment }
    }

    async fn told(&self, folder: &Path, arguments: &[&str]) -> Vec<Value> {
        let (told, trouble) = self.said(folder, arguments).await;
        assert_eq!(trouble, "");
        told
    }

    async fn said(&self, folder: &Path, arguments: &[&str]) -> (Vec<Value>, String) {
        let mut command = Command::new(programs::peer());
        command.args(["sessions", "--json", "--directory"]).arg(folder).args(arguments);
        command.env_clear().envs(self.home.env()).env("PATH", path_with(None));
        command
            .env("ORGX_PEER_STATE_DIR", self.stage.state())
            .env("ORGX_PEER_CONFIG_DIR", self.stage.config());
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let output = command.stdin(Stdio::null()).output().await.expect("orgx-peer starts");
        let told = serde_json::from_slice(&output.stdout).expect("JSON");
        (told, String::from_utf8_lossy(&output.stderr).into_owned())
    }

    /// What the sessions of these folders do, by title.
    async fn states(&self, folders: &[&Path]) -> Vec<(String, String)> {
        let mut states = Vec::new();
        for folder in folders {
            for told in self.told(folder, &[]).await {
                assert_eq!(told["directory"], folder.to_str().unwrap());
                let word = |name: &str| told[name].as_str().unwrap().to_owned();
                states.push((word("title"), word("state")));
            }
        }
        states.sort();
        states
    }

    /// Returns once they do this: `title state`, a line each.
    async fn until(&self, folders: &[&Path], expected: [&str; 4]) {
        let end = Instant::now() + orgx_tests::WAIT;
        loop {
            let states = self.states(folders).await;
            let seen: Vec<_> = states.into_iter().map(|(title, state)| format!("{title} {state}")).collect();
            if seen == expected {
                return;
            }
            assert!(Instant::now() < end, "{seen:?} instead of {expected:?}");
        }
    }

    async fn one(&self, folder: &Path) -> Value {
        let mut told = self.told(folder, &[]).await;
        assert_eq!(told.len(), 1, "{told:?}");
        told.remove(0)
    }

    async fn until_one(&self, folder: &Path, state: &str) -> Value {
        until(state, async || self.one(folder).await["state"] == state).await;
        self.one(folder).await
    }
}

fn usage(prompt: u64, cached: u64, completion: u64) -> Value {
    json!({ "prompt_tokens": prompt, "cached_tokens": cached, "completion_tokens": completion })
}

/// What a session must have cost, and its tokens, by what the model reported: (prompt, cached, completion) each time.
fn is_counted(told: &Value, reported: &[(u64, u64, u64)]) {
    let sum = |of: fn(&(u64, u64, u64)) -> u64| reported.iter().map(of).sum::<u64>();
    let (input, cached, output) = (sum(|one| one.0 - one.1), sum(|one| one.1), sum(|one| one.2));
    let expected =
        json!({ "input": input, "output": output, "reasoning": 0, "cache_read": cached, "cache_write": 0 });
    assert_eq!(told["tokens"], expected, "{told}");
    let dollars = (input as f64 * PRICES.0 + output as f64 * PRICES.1 + cached as f64 * PRICES.2) / 1e6;
    let cost = told["cost"].as_f64().unwrap();
    assert!((cost - dollars).abs() < 1e-9, "{cost} instead of {dollars}");
}

#[test]
fn four_sessions_in_two_projects_are_told_right_at_every_step() {
    story(async {
        let stage = Stage::set_with(json!({ "permission": { "bash": "ask" } })).await;
        let (one, other) = (stage.project.clone(), stage.project("other"));
        let folders = [one.as_path(), other.as_path()];
        let bash = json!({ "command": "ls", "description": "List the folder" });
        stage.model.script("WRITES", json!([
            { "tool_calls": [{ "name": "write", "arguments": { "filePath": "{{cwd}}/a.txt", "content": "a\n" } }],
              "usage": usage(98_765, 12_345, 789) },
            { "gate": "go", "text": "Done.", "usage": usage(120_001, 90_000, 1_234) },
        ]));
        stage.model.script(
            "LISTS",
            json!([
                { "tool_calls": [{ "name": "bash", "arguments": bash }], "usage": usage(5_000, 0, 70) },
                { "text": "Done.", "usage": usage(6_000, 5_000, 8) },
            ]),
        );
        let server = shared().await;
        let list = List::of(&stage, &server);
        let writes = server.session(&one, "a writes").await;
        let lists = server.session(&one, "b lists").await;
        let asks = server.session(&other, "c asks").await;
        let fails = server.session(&other, "d fails").await;
        list.until(&folders, ["a writes idle", "b lists idle", "c asks idle", "d fails idle"]).await;

        server.prompt(&writes, "WRITES").await;
        list.until(&folders, ["a writes active", "b lists idle", "c asks idle", "d fails idle"]).await;
        server.prompt(&lists, "LISTS").await;
        list.until(&folders, ["a writes active", "b lists waiting_input", "c asks idle", "d fails idle"])
            .await;
        server.prompt(&asks, "QUESTION").await;
        list.until(
            &folders,
            ["a writes active", "b lists waiting_input", "c asks waiting_input", "d fails idle"],
        )
        .await;
        server.prompt(&fails, "E500").await;
        list.until(
            &folders,
            ["a writes active", "b lists waiting_input", "c asks waiting_input", "d fails blocked"],
        )
        .await;
        let told = list.told(&other, &[]).await;
        let blocked = told.iter().find(|told| told["id"] == fails.as_str()).unwrap();
        assert!(blocked["why"].as_str().is_some_and(|why| !why.is_empty()), "{blocked}");
        assert_eq!(blocked["pid"], server.pid, "the process that has it");
        assert_eq!(blocked["model"], "fake/fake-1");

        stage.model.open("go");
        list.until(
            &folders,
            ["a writes ready", "b lists waiting_input", "c asks waiting_input", "d fails blocked"],
        )
        .await;
        reply(&server, &one, "permission", &json!({ "reply": "once" })).await;
        list.until(&folders, ["a writes ready", "b lists ready", "c asks waiting_input", "d fails blocked"])
            .await;
        reply(&server, &other, "question", &json!({ "answers": [["Blue"]] })).await;
        list.until(&folders, ["a writes ready", "b lists ready", "c asks ready", "d fails blocked"]).await;
        server.abort(&fails).await;
        server.idle(&other).await;

        // OpenCode counts up a moment after it is idle.
        let of = async |id: &str| {
            let told = list.told(&one, &[]).await;
            told.into_iter().find(|told| told["id"] == id).unwrap()
        };
        until("the cost", async || of(&lists).await["tokens"]["output"] == 78).await;
        is_counted(&of(&writes).await, &[(98_765, 12_345, 789), (120_001, 90_000, 1_234)]);
        is_counted(&of(&lists).await, &[(5_000, 0, 70), (6_000, 5_000, 8)]);
    });
}

#[test]
fn a_subagent_stands_behind_its_parent_and_its_ask_is_its_parents() {
    story(async {
        let stage = Stage::set_with(json!({ "permission": { "bash": "ask" } })).await;
        let bash = json!({ "command": "ls", "description": "List the folder" });
        stage.model.script(
            "SUBAGENT",
            json!([
                { "tool_calls": [{ "name": "bash", "arguments": bash }], "usage": usage(900, 0, 9) },
                { "text": "Done.", "usage": usage(1_000, 900, 1) },
            ]),
        );
        let server = shared().await;
        let list = List::of(&stage, &server);
        let parent = server.session(&stage.project, "parent").await;
        server.prompt(&parent, "TASK").await;
        let told = list.until_one(&stage.project, "waiting_input").await;
        assert_eq!(told["id"], parent.as_str());
        let all = list.told(&stage.project, &["--all"]).await;
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!((&all[0]["id"], &all[1]["parent_id"]), (&json!(parent), &json!(parent)));
        assert_eq!(all[1]["state"], "waiting_input");
        reply(&server, &stage.project, "permission", &json!({ "reply": "once" })).await;
        list.until_one(&stage.project, "ready").await;
        until("the cost", async || list.told(&stage.project, &["--all"]).await[1]["tokens"]["output"] == 10)
            .await;
        let all = list.told(&stage.project, &["--all"]).await;
        is_counted(&all[1], &[(900, 0, 9), (1_000, 900, 1)]);
        is_counted(&all[0], &[(100, 0, 10), (100, 0, 10)]);
    });
}

#[test]
fn what_was_killed_has_exited_and_is_not_active_again_when_its_server_is() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("WAITS", json!([{ "gate": "never", "text": "Done." }]));
        let _place = Place::take().await;
        let mut server = Server::start(None).await;
        let other = shared().await;
        let elsewhere = stage.project("elsewhere");
        let session = server.session(&stage.project, "killed").await;
        let theirs = other.session(&elsewhere, "of another server").await;
        server.prompt(&session, "WAITS").await;
        other.prompt(&theirs, "WAITS").await;
        let mut list = List::of(&stage, &server);
        let told = list.until_one(&stage.project, "active").await;
        assert_eq!(told["pid"], server.pid);
        // The other server has a home and a database of its own, which only it can tell of.
        list.environment = List::of(&stage, &other).environment;
        let told = list.until_one(&elsewhere, "active").await;
        assert_eq!((&told["id"], &told["pid"]), (&json!(theirs), &json!(other.pid)));
        assert_eq!(
            list.one(&stage.project).await["state"],
            "active",
            "found by looking, beside the other one"
        );

        server.kill();
        let told = list.until_one(&stage.project, "exited").await;
        assert_eq!((&told["id"], &told["pid"]), (&json!(session), &Value::Null));
        assert_eq!(list.one(&elsewhere).await["state"], "active");
        server.restart().await;
        assert_eq!(list.one(&stage.project).await["state"], "exited");
        other.abort(&theirs).await;
    });
}

#[test]
fn a_server_whose_password_is_not_known_makes_nothing_wrong() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("WAITS", json!([{ "gate": "go", "text": "Done." }]));
        let _place = Place::take().await;
        let mut server = Server::start(Some("nobody knows it")).await;
        let (finished, killed) = (stage.project.clone(), stage.project("killed"));
        let first = server.session(&finished, "first").await;
        let list = List { stage: &stage, home: server.home().clone(), environment: Vec::new() };
        assert_eq!(list.one(&finished).await["state"], "idle");
        server.prompt(&first, "WAITS").await;
        let told = list.until_one(&finished, "active").await;
        assert_eq!(told["pid"], server.pid);
        stage.model.open("go");
        list.until_one(&finished, "ready").await;
        stage.model.script("STAYS", json!([{ "gate": "never", "text": "Done." }]));
        let second = server.session(&killed, "second").await;
        server.prompt(&second, "STAYS").await;
        let prompted = Instant::now();
        list.until_one(&killed, "active").await;
        server.kill();
        list.until_one(&killed, "exited").await;
        assert_eq!(list.one(&finished).await["state"], "ready");
        // Who begins within two seconds of a message may be taken for the one who began it.
        process::until("the message is old", async || prompted.elapsed() > Duration::from_secs(3)).await;
        server.restart().await;
        assert_eq!(list.one(&killed).await["state"], "exited");
    });
}

#[test]
fn an_opencode_that_a_person_runs_is_seen_by_its_process() {
    story(async {
        let stage = Stage::set().await;
        stage.model.script("WAITS", json!([{ "gate": "go", "text": "Done.", "usage": usage(300, 100, 5) }]));
        stage.model.script("STAYS", json!([{ "gate": "never", "text": "Done." }]));
        let _place = Place::take().await;
        let home = OpenCodeHome::create(stage.root(), &stage.model.base_url()).unwrap();
        let list = List { stage: &stage, home: home.clone(), environment: Vec::new() };
        let killed = stage.project("killed");
        assert!(list.told(&stage.project, &["--all"]).await.is_empty(), "no OpenCode was ever used here");

        let mut run = by_hand(&stage, &home, &stage.project, "WAITS");
        // While OpenCode makes its tables they are those of older versions, which is told.
        until("a session", async || !list.said(&stage.project, &[]).await.0.is_empty()).await;
        let told = list.until_one(&stage.project, "active").await;
        assert_eq!((&told["title"], &told["pid"]), (&json!("by hand"), &json!(run.id().unwrap())));
        stage.model.open("go");
        assert!(run.wait().await.unwrap().success());
        let told = list.one(&stage.project).await;
        assert_eq!(told["state"], "ready");
        is_counted(&told, &[(300, 100, 5)]);

        let mut run = by_hand(&stage, &home, &killed, "STAYS");
        until("a session", async || !list.told(&killed, &[]).await.is_empty()).await;
        list.until_one(&killed, "active").await;
        process::send(i32::try_from(run.id().unwrap()).unwrap(), Signal::KILL);
        run.wait().await.unwrap();
        assert_eq!(list.one(&killed).await["state"], "exited");
        assert_eq!(list.one(&stage.project).await["state"], "ready");
    });
}

/// `opencode run`, as a person starts it.
fn by_hand(stage: &Stage, home: &OpenCodeHome, folder: &Path, prompt: &str) -> Child {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(linked(stage.root()));
    command.args(["run", "--format", "json", "--title", "by hand", prompt]);
    command.env_clear().envs(home.env()).env("PATH", path_with(None)).env("PWD", folder).current_dir(folder);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    command.spawn().expect("opencode starts")
}

/// Answers the one thing that is asked in a folder.
async fn reply(server: &Server, folder: &Path, what: &str, answer: &Value) {
    let folder = folder.display();
    let open = server.get(&format!("/{what}?directory={folder}")).await;
    let id = open[0]["id"].as_str().unwrap_or_else(|| panic!("nothing is asked: {open}"));
    server.post(&format!("/{what}/{id}/reply?directory={folder}"), answer).await;
}
