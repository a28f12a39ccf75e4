//! Every way in which `opencode run` can end, played by scripts that say what 1.18.33 was seen to say.

use super::*;
use crate::driver::Report;
use crate::driver::program::LOOK;
use orgx_proto::agent::{PermissionRule, RuleAction};
use orgx_proto::ids::{DispatchKey, DriverId};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

/// What a script prints to say that it takes a step, that it made one, and that the model is done.
const STARTS: &str = r#"{"type":"step_start","sessionID":"ses_1","part":{"type":"step-start"}}"#;
const DONE: &str = r#"{"type":"step_finish","sessionID":"ses_1","part":{"messageID":"msg_2","reason":"stop","tokens":{"input":100,"output":10,"reasoning":1,"cache":{"read":3,"write":2}},"cost":0.5}}"#;
const STEP: &str = r#"{"type":"step_finish","sessionID":"ses_1","part":{"messageID":"msg_1","reason":"tool-calls","tokens":{"input":1,"output":2,"reasoning":0,"cache":{"read":0,"write":0}},"cost":0.25}}"#;
const TOOL: &str = r#"{"type":"tool_use","sessionID":"ses_1","part":{"type":"tool","tool":"bash","callID":"call_1","messageID":"msg_1","state":{"status":"completed","input":{"command":"rm -rf secret","description":"Look"},"title":"rm -rf secret"}}}"#;

struct World {
    dir: tempfile::TempDir,
    cli: Cli,
}

/// How a run ended, and what it told.
struct Told {
    end: AgentEnd,
    session: Option<String>,
    steps: Vec<String>,
    spent: bool,
}

impl Told {
    fn failure(&self) -> (&str, bool) {
        match &self.end {
            AgentEnd::Failed(failure) => (failure.reason.as_str(), failure.recoverable),
            AgentEnd::Completed(_) => panic!("it completed"),
        }
    }

    fn tokens(&self) -> u64 {
        match &self.end {
            AgentEnd::Completed(totals) => totals.tokens_used,
            AgentEnd::Failed(failure) => panic!("{}", failure.reason),
        }
    }
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let env = crate::config::Environment::of([("HOME", "/nowhere"), ("PATH", "/usr/bin:/bin")]);
        let draft = crate::config::Draft::parse(
            &env,
            crate::paths::Paths { config: dir.path().into(), state: dir.path().into(), runtime: None },
            "",
        );
        let config = draft.expect("a draft").opencode.expect("settings");
        let cli = Cli::new(&config, dir.path().join("cli-t"));
        Self { dir, cli }
    }

    fn start(&self) -> Start {
        Start {
            run_id: RunId::new("run_1"),
            key: DispatchKey::new("key_1"),
            driver: DriverId::opencode(),
            title: "a title".into(),
            prompt: "-x \"$(touch pwned)\"\n'two' lines".into(),
            model: None,
            agent: None,
            session: None,
            permission: Vec::new(),
            ask_before_commands: false,
            folder: Some(self.dir.path().display().to_string()),
            resume: None,
            restored: false,
        }
    }

    /// Runs a program of that shell script.
    async fn run(&self, script: &str) -> Told {
        self.run_with(script, self.start(), None).await
    }

    /// The same; stopped once it has told of its session, when there is a token to stop it with.
    async fn run_with(&self, script: &str, start: Start, stop: Option<CancellationToken>) -> Told {
        let program = self.dir.path().join("opencode");
        std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).expect("a file");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).expect("a program");
        let (reports, mut inbox) = mpsc::channel(64);
        let (_orders, wanted) = mpsc::unbounded_channel();
        let io = RunIo::new(reports, wanted, stop.clone().unwrap_or_default());
        let (mut session, mut steps, mut spent) = (None, Vec::new(), false);
        let listen = async {
            while let Some(report) = inbox.recv().await {
                match report {
                    Report::Spend(place, answer) => {
                        assert_eq!(place, PromptPlace::default());
                        spent = true;
                        answer.send(true).expect("somebody asked");
                    }
                    Report::Started(handle) => {
                        session = Some(handle.as_str().to_owned());
                        if let Some(stop) = &stop {
                            stop.cancel();
                        }
                    }
                    Report::Event(AgentEvent::Action(action)) => {
                        steps.push(format!("{} {}", action.kind.name(), action.detail));
                    }
                    Report::Event(AgentEvent::Remark(words)) => steps.push(words.into_string()),
                    _ => {}
                }
            }
        };
        let work = async {
            let end = Box::pin(self.cli.run(&program, start, &io)).await;
            drop(io);
            end
        };
        let both = async { tokio::join!(work, listen) };
        let (end, ()) = timeout(std::time::Duration::from_secs(60), both).await.expect("no run hangs");
        assert!(
            std::fs::read_dir(self.dir.path())
                .expect("a folder")
                .flatten()
                .all(|entry| { !entry.file_name().to_string_lossy().starts_with("cli-t") })
        );
        Told { end, session, steps, spent }
    }

    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(name)).unwrap_or_default()
    }
}

/// Prints these lines.
fn says(lines: &[&str]) -> String {
    lines.iter().fold("cat > /dev/null".to_owned(), |mut script, line| {
        let _infallible = write!(script, "\nprintf '%s\\n' '{line}'");
        script
    })
}

#[tokio::test]
async fn a_run_that_completes_has_its_steps_its_sums_and_the_prompt_as_it_was_written() {
    let world = World::new();
    let script = format!(
        "cat > prompt; printf '%s\\n' \"$@\" > args; env > env\n{}",
        says(&[STARTS, TOOL, STEP, DONE])
    );
    let script = script.replace("\ncat > /dev/null", "");
    let mut start = world.start();
    (start.model, start.agent) = (Some("anthropic/claude".into()), Some("plan".into()));
    let prompt = start.prompt.clone();
    let told = world.run_with(&script, start, None).await;
    let AgentEnd::Completed(totals) = &told.end else { panic!("{:?}", told.end) };
    assert_eq!(totals.tokens_used, 3 + 116);
    assert!((totals.cost_cents - 75.0).abs() < 1e-9);
    assert_eq!(totals.provider, orgx_proto::message::Provider::Anthropic);
    assert_eq!(
        (told.session.as_deref(), told.steps.as_slice()),
        (Some("ses_1"), &["bash Look".to_owned()][..])
    );
    assert!(told.spent);
    assert_eq!(world.file("prompt"), prompt, "as it was written, by standard input");
    let folder = world.dir.path().display().to_string();
    let args = ["run", "--format=json", &format!("--dir={folder}"), "--title=OrgX run run_1"];
    let args = [&args[..], &["--model=anthropic/claude", "--agent=plan"]].concat();
    assert_eq!(world.file("args").lines().collect::<Vec<_>>(), args);
    let env = world.file("env");
    assert!(env.contains(&format!("PWD={folder}\n")), "{env}");
    let ours: Vec<_> = env.lines().filter(|line| line.contains("ORGX_")).collect();
    assert_eq!(ours, ["ORGX_RUN_ID=run_1"]);
    assert!(!env.contains("OPENCODE_SERVER_"), "{env}");
    assert!(!world.dir.path().join("pwned").exists());
}

#[tokio::test]
async fn a_prompt_of_any_size_goes_in() {
    let world = World::new();
    let mut start = world.start();
    // Longer than an argument may be, and than a pipe holds.
    start.prompt = "x".repeat(300 * 1024);
    let script = format!("wc -c > size\n{}", says(&[DONE]).replace("cat > /dev/null", ""));
    assert_eq!(world.run_with(&script, start, None).await.tokens(), 116);
    assert_eq!(world.file("size").trim(), (300 * 1024).to_string());
}

#[tokio::test]
async fn every_way_to_end_is_told_in_words() {
    const REFUSED: &str = r#"{"type":"error","sessionID":"ses_1","error":{"name":"APIError","data":{"message":"Incorrect API key","statusCode":401,"isRetryable":false}}}"#;
    const UNKNOWN: &str = r#"{"type":"error","sessionID":"ses_1","error":{"name":"UnknownError","data":{"message":"Unexpected server error. Check server logs for details."}}}"#;
    const DECLINED: &str = "! permission requested: bash (rm -rf secret); auto-rejecting";
    let world = World::new();
    let permission = "OpenCode stopped, because it needed a permission and `opencode run` can ask nobody; allow it in \
                      OpenCode's configuration, or let OrgX Peer start OpenCode's server";
    for (script, reason, recoverable) in [
        ("exit 0".to_owned(), "`opencode run` ended with code 0 before it began", true),
        ("exit 127".into(), "`opencode run` ended with code 127 before it began", true),
        (
            "printf '\\033[91m\\033[1mError: \\033[0mSession not found\\n' >&2; exit 1".into(),
            "`opencode run` ended with code 1 before it began: Session not found",
            false,
        ),
        (
            format!("{}; exit 1", says(&[REFUSED])),
            "the model provider refused OpenCode's sign-in: Incorrect API key",
            false,
        ),
        (
            format!("{}; exit 1", says(&[UNKNOWN])),
            "OpenCode failed: Unexpected server error. Check server logs for details.",
            false,
        ),
        (format!("{}; exit 3", says(&[STARTS, DONE])), "`opencode run` ended with code 3", true),
        (says(&[STARTS, STEP]), "OpenCode stopped before the model had answered", true),
        (format!("{}; echo '{DECLINED}' >&2", says(&[STARTS, STEP])), permission, false),
        (
            format!("{}; kill -TERM $$", says(&[STARTS, STEP])),
            "`opencode run` was ended from outside, by signal 15",
            true,
        ),
        (
            format!("{}; kill -KILL $$", says(&[STARTS, DONE])),
            "`opencode run` was ended from outside, by signal 9",
            true,
        ),
        ("kill -INT $$".into(), "`opencode run` was ended from outside, by signal 2", true),
    ] {
        let told = world.run(&script).await;
        assert_eq!(told.failure(), (reason, recoverable), "{script}");
        assert!(told.spent, "{script}");
    }
    // A permission that was declined to a subagent does not end the run; the command it was for is nobody's business.
    let told = world.run(&format!("echo '{DECLINED}' >&2; sleep 0.2; {}", says(&[STARTS, DONE]))).await;
    assert_eq!(told.tokens(), 116);
    let words = "asked for permission (bash); declined, because `opencode run` can ask nobody";
    assert_eq!(told.steps, [words]);
}

#[tokio::test]
async fn what_this_dialect_cannot_do_is_refused_before_anything_is_spent() {
    const FOLDER: &str = "cannot check which folder the session works in";
    let world = World::new();
    let with = |change: &dyn Fn(&mut Start)| {
        let mut start = world.start();
        change(&mut start);
        start
    };
    let rule = || PermissionRule { permission: "bash".into(), pattern: "*".into(), action: RuleAction::Deny };
    for (start, words) in [
        (with(&|start| start.folder = None), "the task names no folder"),
        (with(&|start| start.folder = Some("/w/a%20b".into())), "a percent sign before two hex digits"),
        (with(&|start| start.permission.push(rule())), "this task limits what the agent may do"),
        (with(&|start| start.session = Some(SessionHandle::new("ses_1".to_owned()))), FOLDER),
        (with(&|start| start.folder = Some("/nowhere/at/all".into())), "could not be started"),
    ] {
        let told = world.run_with(&format!("touch ran\n{}", says(&[DONE])), start, None).await;
        let (said, recoverable) = told.failure();
        assert!(said.contains(words), "{said}");
        assert_eq!(recoverable, words == "could not be started", "{said}");
        assert!(!told.spent && !world.dir.path().join("ran").exists());
    }
}

#[tokio::test]
async fn an_agent_that_opencode_does_not_have_is_not_replaced_by_one_that_may_do_more() {
    let world = World::new();
    let mut start = world.start();
    start.agent = Some("nope".into());
    let script = "echo '! agent \"nope\" not found. Falling back to default agent' >&2; exec sleep 60";
    let told = world.run_with(script, start, None).await;
    assert_eq!(told.failure(), ("OpenCode has no agent of the name nope", false));
}

#[tokio::test]
async fn a_flood_on_the_terminal_and_a_line_without_end_are_drained_and_the_run_completes() {
    let world = World::new();
    let flood = "head -c 20000000 /dev/zero | tr '\\0' 'x' >&2; yes | head -n 200000 >&2";
    let long = "head -c 2000000 /dev/zero | tr '\\0' 'y'; echo";
    let told = world.run(&format!("{}; {flood}; {long}; printf '%s\\n' '{DONE}'", says(&[STARTS]))).await;
    assert_eq!(told.tokens(), 116);
    assert_eq!(told.steps, ["an event of the agent was longer than 1 MiB and was left out here"]);
}

#[tokio::test]
async fn a_cancel_ends_the_program_and_a_child_that_heeds_no_term() {
    let world = World::new();
    // What is ignored here is ignored by what it starts.
    let script = format!("trap '' TERM; sleep 300 & echo $! > child; {}; wait", says(&[STARTS]));
    let began = Instant::now();
    let told = world.run_with(&script, world.start(), Some(CancellationToken::new())).await;
    assert_eq!(told.failure(), ("stopped before it was done", true));
    assert!(began.elapsed() >= limits::CLI_STOP, "it was asked first");
    let child: i32 = world.file("child").trim().parse().expect("a child");
    let gone =
        || std::fs::read_to_string(format!("/proc/{child}/stat")).map_or(true, |stat| stat.contains(") Z "));
    for _ in 0..100 {
        if gone() {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
    panic!("the child runs on");
}

#[tokio::test]
async fn what_the_agent_left_running_does_not_hold_the_run() {
    let world = World::new();
    // It holds both pipes open.
    let told = world.run(&format!("{}; sleep 300 &", says(&[STARTS, DONE]))).await;
    assert_eq!(told.tokens(), 116);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_has_a_group_of_its_own_is_ended_with_a_run_that_is_stopped_and_a_program_of_the_persons_is_not()
{
    use std::os::unix::process::CommandExt;
    let world = World::new();
    // A program of the person's, in whose environment stands the number of the OpenCode that is stopped.
    let script = format!(
        "echo $$ > pid; OPENCODE_PID=$$ setsid sleep 300 & echo $! > child\nuntil [ -e go ]; do sleep 0.05; done\n{}; wait",
        says(&[STARTS])
    );
    let stop = CancellationToken::new();
    let told = world.run_with(&script, world.start(), Some(stop));
    let persons = async {
        let pid = loop {
            let pid = world.file("pid");
            if pid.ends_with('\n') {
                break pid;
            }
            tokio::time::sleep(LOOK).await;
        };
        let mut command = std::process::Command::new("sleep");
        let command = command.arg("300").env("OPENCODE_PID", pid.trim()).env_remove("ORGX_RUN_ID");
        let persons = command.process_group(0).spawn().expect("sleep");
        std::fs::write(world.dir.path().join("go"), "").expect("a file");
        persons
    };
    let (told, mut persons) = tokio::join!(told, persons);
    assert_eq!(told.failure(), ("stopped before it was done", true));
    let child = world.file("child");
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
    assert!(stat.map_or(true, |stat| stat.contains(") Z ")), "it runs on");
    assert!(persons.try_wait().expect("ours").is_none(), "another program was ended");
    persons.kill().expect("ours");
    let _status = persons.wait();
}
