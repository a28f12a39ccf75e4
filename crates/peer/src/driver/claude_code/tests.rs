//! Every way in which a `claude` can behave, played by scripts that say what 2.1.328 was seen to say.

use super::*;
use crate::config::PermissionMode;
use crate::driver::program::LOOK;
use crate::driver::{Order, Report};
use orgx_proto::agent::{PermissionRule, PromptPlace, RuleAction};
use orgx_proto::dispatch::Resume;
use orgx_proto::ids::{DispatchKey, DriverId, RunId, SessionHandle};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tokio::sync::mpsc;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A session that there was before.
const SESSION: &str = "0b5e1d0e-9f0c-4c57-8a52-5f3c0ab1e001";
const INIT: &str = r#"{"type":"system","subtype":"init"}"#;
const WRITE: &str = r#"{"type":"assistant","message":{"id":"msg_1","content":[{"type":"tool_use","id":"toolu_1","name":"Write","input":{"file_path":"a.rs","content":"unwrap()\n"}}],"usage":{"input_tokens":30,"output_tokens":1}}}"#;
const WRITTEN: &str = r#"{"type":"user","message":{"content":[{"type":"tool_result","tool_use_id":"toolu_1"}]},"tool_use_result":{"structuredPatch":[]}}"#;
const DONE: &str = r#"{"type":"result","subtype":"success","is_error":false,"total_cost_usd":0.25,"modelUsage":{"m":{"inputTokens":100,"outputTokens":16,"costUSD":0.25}}}"#;

struct World {
    dir: tempfile::TempDir,
    config: ClaudeConfig,
}

/// How a run ended, and what it told.
#[derive(Debug)]
struct Told {
    end: AgentEnd,
    session: Option<String>,
    steps: Vec<String>,
    spent: Vec<PromptPlace>,
    used: (u64, f64),
}

impl Told {
    fn failure(&self) -> (&str, bool) {
        match &self.end {
            AgentEnd::Failed(failure) => (failure.reason.as_str(), failure.recoverable),
            AgentEnd::Completed(totals) => panic!("completed with {totals:?}"),
        }
    }

    fn tokens(&self) -> u64 {
        match &self.end {
            AgentEnd::Completed(totals) => totals.tokens_used,
            AgentEnd::Failed(failure) => panic!("{}", failure.reason),
        }
    }
}

fn says(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("printf '%s\\n' '{line}'\n")).collect()
}

/// What a test does while a run is under way, by what the run says.
type OnReport<'a> = dyn FnMut(&Report, &mpsc::UnboundedSender<Order>, &CancellationToken) + 'a;

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let config = ClaudeConfig { enabled: true, ..ClaudeConfig::default() };
        Self { dir, config }
    }

    fn start(&self) -> Start {
        Start {
            run_id: RunId::new("run"),
            key: DispatchKey::new("key"),
            driver: DriverId::claude_code(),
            title: "SECRET title".into(),
            prompt: "--SECRET prompt".into(),
            model: None,
            agent: None,
            session: None,
            permission: Vec::new(),
            ask_before_commands: false,
            folder: self.dir.path().to_str().map(Into::into),
            resume: None,
            restored: false,
        }
    }

    /// A `claude` that is signed in, and does this when it is given a task.
    fn claude(&self, script: &str) -> PathBuf {
        let signed_in = r#"{"loggedIn":true,"authMethod":"claude.ai"}"#;
        self.program(&format!(
            "case \"$1\" in auth) echo '{signed_in}'; exit 0;; --version) echo '2.1.328 (Claude Code)'; exit 0;; esac\n{script}"
        ))
    }

    fn program(&self, script: &str) -> PathBuf {
        let (program, new) = (self.dir.path().join("claude"), self.dir.path().join("new"));
        std::fs::write(&new, format!("#!/bin/sh\n{script}\n")).expect("a program");
        std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o755)).expect("a program");
        std::fs::rename(&new, &program).expect("a program");
        program
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }

    fn driver(&self, program: PathBuf) -> ClaudeCode {
        let config = ClaudeConfig { program: Some(program), ..self.config.clone() };
        ClaudeCode::new(&config, self.dir.path().join("claude-t"))
    }

    async fn run(&self, script: &str) -> Told {
        self.run_with(script, self.start(), &mut |_, _, _| {}).await
    }

    async fn run_with(&self, script: &str, start: Start, on_report: &mut OnReport<'_>) -> Told {
        let driver = self.driver(self.claude(script));
        self.follow(&driver, start, on_report).await
    }

    async fn follow(&self, driver: &ClaudeCode, start: Start, on_report: &mut OnReport<'_>) -> Told {
        let (reports, mut inbox) = mpsc::channel(64);
        let (orders, wanted) = mpsc::unbounded_channel();
        let stop = CancellationToken::new();
        let io = RunIo::new(reports, wanted, stop.clone());
        let mut told = Told {
            end: AgentEnd::Failed(Failure::lasting("unknown")),
            session: None,
            steps: Vec::new(),
            spent: Vec::new(),
            used: (0, 0.0),
        };
        let run = async {
            let end = driver.run(start, &io).await;
            drop(io);
            end
        };
        let listen = async {
            while let Some(report) = inbox.recv().await {
                on_report(&report, &orders, &stop);
                match report {
                    Report::Spend(place, grant) => {
                        assert!(self.file("prompt").is_empty(), "prompted before its key was spent");
                        told.spent.push(place);
                        grant.send(true).expect("it waits");
                    }
                    Report::GoOn(_, grant) => grant.send(true).expect("it waits"),
                    Report::Started(session) => told.session = Some(session.as_str().to_owned()),
                    Report::Used { tokens, cents } => told.used = (tokens, cents),
                    Report::Event(event) => told.steps.push(match event {
                        orgx_proto::agent::AgentEvent::Action(action) => {
                            format!("{} {}", action.kind.name(), action.detail)
                        }
                        orgx_proto::agent::AgentEvent::Chat => "chat".into(),
                        orgx_proto::agent::AgentEvent::Remark(words) => words.into_string(),
                    }),
                    _ => {}
                }
            }
        };
        let (end, ()) = tokio::join!(run, listen);
        told.end = end;
        told
    }
}

#[tokio::test]
async fn a_task_runs_with_its_prompt_on_standard_input_and_nothing_of_it_among_the_arguments() {
    let world = World::new();
    let script = format!(
        "printf '%s\\n' \"$@\" > args; env > env; pwd > cwd; cat > prompt\n{}",
        says(&[INIT, WRITE, WRITTEN, DONE])
    );
    let told = world.run(&script).await;
    assert_eq!(told.tokens(), 116);
    assert_eq!(told.steps, ["a.rs +1 -0"]);
    assert_eq!(told.used, (116, 25.0));
    assert_eq!(world.file("prompt"), "--SECRET prompt");
    let session = told.session.expect("a session");
    assert!(uuid::Uuid::parse_str(&session).is_ok());
    let place = PromptPlace { session: Some(SessionHandle::new(session.clone())), message_id: None };
    assert_eq!(told.spent, [place], "the session is known before the prompt");
    let args = format!("-p\n--output-format=stream-json\n--verbose\n--session-id={session}\n");
    assert_eq!(world.file("args"), args);
    let folder = world.dir.path().canonicalize().expect("real");
    assert_eq!(Path::new(world.file("cwd").trim()).canonicalize().expect("real"), folder);
    let env = world.file("env");
    assert!(env.contains("ORGX_RUN_ID=run\n") && !env.contains("ORGX_API_KEY"), "{env}");
    let left: Vec<_> = std::fs::read_dir(world.dir.path()).expect("a folder").flatten().collect();
    assert!(
        !left.iter().any(|entry| entry.file_name().to_string_lossy().starts_with("claude-t")),
        "a record"
    );
}

#[tokio::test]
async fn a_task_and_the_settings_name_model_agent_session_mode_and_plugins() {
    let mut world = World::new();
    world.config.permission_mode = Some(PermissionMode::AcceptEdits);
    world.config.plugin_dir = Some("/opt/a plugin".into());
    let start = Start {
        model: Some("anthropic/claude-x".into()),
        agent: Some("--evil".into()),
        session: Some(SessionHandle::new(SESSION)),
        ..world.start()
    };
    let script = format!("printf '%s\\n' \"$@\" > args\n{}", says(&[INIT, DONE]));
    let told = world.run_with(&script, start, &mut |_, _, _| {}).await;
    assert_eq!(told.session.as_deref(), Some(SESSION));
    let wanted = format!(
        "--resume={SESSION}\n--permission-mode=acceptEdits\n--plugin-dir=/opt/a plugin\n\
                          --model=claude-x\n--agent=--evil\n"
    );
    assert!(world.file("args").ends_with(&wanted), "{}", world.file("args"));
}

#[tokio::test]
async fn what_it_cannot_be_told_fails_before_anything_is_started() {
    let world = World::new();
    let rule = PermissionRule { permission: "bash".into(), pattern: "*".into(), action: RuleAction::Deny };
    let start = || world.start();
    for (start, reason) in [
        (
            Start { folder: None, ..start() },
            "the task names no folder, and no default folder is set on this computer",
        ),
        (
            Start { permission: vec![rule], ..start() },
            "this task limits what the agent may do, in rules that Claude Code cannot be held to",
        ),
        (
            Start { ask_before_commands: true, ..start() },
            "the person wants to be asked before commands, and Claude Code can ask nobody here",
        ),
        (
            Start { session: Some(SessionHandle::new("ses_1")), ..start() },
            "the session that this task goes on with is none of Claude Code's",
        ),
        (
            Start { model: Some("openai/gpt".into()), ..start() },
            "the task names a model of openai, which Claude Code cannot run",
        ),
    ] {
        let told = world.run_with("touch began", start, &mut |_, _, _| {}).await;
        assert_eq!(told.failure(), (reason, false));
        assert!(told.spent.is_empty() && !world.dir.path().join("began").exists());
    }
}

#[tokio::test]
async fn one_that_is_missing_signed_out_broken_or_silent_is_one_clear_failure() {
    let world = World::new();
    let gone = world.driver(world.dir.path().join("gone"));
    let told = world.follow(&gone, world.start(), &mut |_, _, _| {}).await;
    assert_eq!(
        told.failure(),
        ("`claude` could not be started (No such file or directory (os error 2))", false)
    );
    assert!(told.spent.is_empty());

    let out = world.driver(world.program(r#"echo '{"loggedIn":false}'; exit 1"#));
    let told = world.follow(&out, world.start(), &mut |_, _, _| {}).await;
    assert_eq!(told.failure(), (SIGNED_OUT, true));
    assert!(told.spent.is_empty(), "the key is free for when it is signed in");

    for (script, reason, recoverable) in [
        (
            "echo \"Error: --agent 'x' not found in /home/me/secret\" >&2; exit 1",
            "claude exited 1: --agent 'x' not found in [path]",
            false,
        ),
        ("kill -KILL $$", "claude was ended from outside by signal 9", true),
        ("echo garbage; echo '{'", "claude said nothing that this version of OrgX Peer understands", false),
    ] {
        assert_eq!(world.run(script).await.failure(), (reason, recoverable), "{script}");
    }
}

#[tokio::test]
async fn a_flood_on_the_terminal_and_a_line_without_end_are_drained_and_the_run_completes() {
    let world = World::new();
    let flood =
        "head -c 3000000 /dev/zero | tr '\\0' 'e' >&2; head -c 9000000 /dev/zero | tr '\\0' 'x'; echo";
    let told = world.run(&format!("{}{flood}\n{}", says(&[INIT]), says(&[DONE]))).await;
    assert_eq!(told.tokens(), 116);
    assert_eq!(told.steps, ["a line of Claude Code was longer than 8 MiB and was left out here"]);
}

#[tokio::test]
async fn a_cancel_ends_it_and_a_child_that_heeds_no_term() {
    let world = World::new();
    let script = format!("trap '' TERM; sleep 300 & echo $! > child; {}\nwait", says(&[INIT, WRITE]));
    let began = Instant::now();
    let told = world
        .run_with(&script, world.start(), &mut |report, _, stop| {
            if matches!(report, Report::Used { .. }) {
                stop.cancel();
            }
        })
        .await;
    assert_eq!(told.failure(), ("stopped before it was done", true));
    assert!(began.elapsed() >= limits::CLI_STOP, "it was asked first");
    let child: u32 = world.file("child").trim().parse().expect("a child");
    while crate::driver::opencode::owner::started(child).is_some() {
        tokio::time::sleep(LOOK).await;
    }
}

#[tokio::test]
async fn a_run_at_its_budget_is_held_without_a_process_and_goes_on_in_its_session() {
    let world = World::new();
    // The first call works until it is told to stop, the second goes on.
    let script = format!(
        "printf '%s ' \"$@\" >> args; cat > prompt\ncase \"$*\" in\n*--resume=*) {};;\n*) {}sleep 300 & wait;;\nesac",
        says(&[INIT, DONE]).trim_end().replace('\n', ";"),
        says(&[INIT, WRITE, WRITTEN]).replace('\n', ";"),
    );
    let mut held = false;
    let told = world
        .run_with(&script, world.start(), &mut |report, orders, _| {
            if matches!(report, Report::Event(_)) && !std::mem::replace(&mut held, true) {
                orders.send(Order::Hold).expect("it listens");
                orders.send(Order::GoOn).expect("it listens");
            }
        })
        .await;
    assert_eq!(told.tokens(), 116, "the session's sums have all of it");
    assert_eq!(world.file("prompt"), orgx_proto::prompt::GO_ON);
    let session = told.session.expect("a session");
    assert!(world.file("args").contains(&format!("--resume={session}")), "{}", world.file("args"));
    assert_eq!(told.spent.len(), 1, "one key, one prompt of the task");
}

#[tokio::test]
async fn a_run_of_before_is_told_as_cut_off_and_one_that_was_held_waits_on() {
    let world = World::new();
    let resume = |held| Resume {
        place: PromptPlace { session: Some(SessionHandle::new(SESSION)), message_id: None },
        prompted: true,
        began: None,
        held,
    };
    let start = |held| Start { resume: Some(resume(held)), restored: true, ..world.start() };
    let script = format!("printf '%s ' \"$@\" > args; cat > prompt\n{}", says(&[INIT, DONE]));
    let told = world.run_with(&script, start(false), &mut |_, _, _| {}).await;
    assert_eq!(told.failure(), ("peer restarted during the run", true));
    assert_eq!(world.file("prompt"), "", "it is never prompted again");
    let told = world
        .run_with(&script, start(true), &mut |report, orders, _| {
            if matches!(report, Report::Started(_)) {
                orders.send(Order::GoOn).expect("it listens");
            }
        })
        .await;
    assert_eq!(told.tokens(), 116);
    assert!(world.file("args").contains(&format!("--resume={SESSION}")));
    assert_eq!(world.file("prompt"), orgx_proto::prompt::GO_ON);
}

#[tokio::test]
async fn what_is_known_of_it_is_told_in_words() {
    let world = World::new();
    let signed_in = world.driver(world.claude("")).detect().await;
    assert_eq!(signed_in.words, "Claude Code 2.1.328, signed in (claude.ai)");
    assert!(signed_in.installed && signed_in.authenticated && signed_in.subscription_active);
    let out = world.driver(
        world.program("case $1 in auth) echo '{\"loggedIn\":false}';; *) echo '2.1.0 (Claude Code)';; esac"),
    );
    let out = out.detect().await;
    assert_eq!(out.words, "Claude Code 2.1.0 is not signed in: run `claude auth login`");
    assert!(out.installed && !out.authenticated);
    let none = ClaudeCode::new(&ClaudeConfig::default(), PathBuf::new()).detect().await;
    assert_eq!((none.words.as_str(), none.installed), (MISSING, false));
}
