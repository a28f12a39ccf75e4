//! The sandbox as a program: a gateway and a model (and a daemon) to point a peer at, and a view of what it sends.

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use orgx_sandbox::{daemon::Daemon, gateway::Gateway, model::Model};
use serde_json::json;

const USAGE: &str = "\
A loopback OrgX for trying orgx-peer without an account. Ends on ctrl-c.

Usage: orgx-sandbox [--daemon] [--task TITLE [--dir DIR]]

  --daemon      also start the daemon that the OpenCode driver contract describes
  --task TITLE  dispatch one task as soon as a peer is connected
  --dir DIR     the folder that task works in
";

/// The key and the workspace to type in.
const KEY: &str = "oxk_sandbox";
const WORKSPACE: &str = "sandbox";

#[derive(Debug, Default, PartialEq)]
struct Args {
    daemon: Option<WithDaemon>,
    task: Option<String>,
    dir: Option<PathBuf>,
}

#[derive(Debug, PartialEq)]
struct WithDaemon;

#[tokio::main]
async fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(problem) => {
            let _ = writeln!(io::stderr().lock(), "{problem}\n\n{USAGE}");
            return ExitCode::from(2);
        }
    };
    match run(args).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr().lock(), "orgx-sandbox: {error}");
            ExitCode::FAILURE
        }
    }
}

fn parse(given: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut args = Args::default();
    let mut given = given;
    while let Some(arg) = given.next() {
        match arg.as_str() {
            "--daemon" => args.daemon = Some(WithDaemon),
            "--task" => args.task = Some(given.next().ok_or("--task needs a title")?),
            "--dir" => args.dir = Some(given.next().ok_or("--dir needs a folder")?.into()),
            other => return Err(format!("{other}: not an option")),
        }
    }
    if args.dir.is_some() && args.task.is_none() {
        return Err("--dir is the folder of a --task".to_owned());
    }
    Ok(args)
}

async fn run(args: Args) -> io::Result<()> {
    let gateway = Gateway::start().await?;
    let model = Model::start().await?;
    let daemon = match args.daemon {
        Some(WithDaemon) => Some(Daemon::start().await?),
        None => None,
    };
    gateway.accept_key(Some(KEY.to_owned()));
    gateway.set_workspaces(&[(WORKSPACE, "Sandbox")]);
    say(&format!("gateway  {}", gateway.base_url()))?;
    say(&format!("model    {}", model.base_url()))?;
    if let Some(daemon) = &daemon {
        say(&format!("daemon   {}", daemon.url()))?;
    }
    say(&format!("key      {KEY} (others: those that it gives out itself)"))?;
    let agent =
        daemon.as_ref().map_or_else(String::new, |daemon| format!("OPENCODE_SERVER_URL={} ", daemon.url()));
    say("sign in to it, in the browser or with that key, and run a peer:")?;
    say(&format!("  ORGX_BASE_URL={} orgx-peer login", gateway.base_url()))?;
    say(&format!("  {agent}orgx-peer run"))?;
    say("or the desktop app, which asks how to sign in:")?;
    say(&format!("  ORGX_BASE_URL={} {agent}orgx-tray", gateway.base_url()))?;
    say("or, without signing in:")?;
    say(&format!(
        "  ORGX_API_KEY={KEY} ORGX_WORKSPACE_ID={WORKSPACE} ORGX_BASE_URL={} {agent}orgx-peer run",
        gateway.base_url()
    ))?;
    if let Some(title) = args.task {
        let dir = args.dir.map(|dir| dir.canonicalize()).transpose()?;
        gateway.dispatch(task(&title, dir));
    }
    tokio::select! {
        shown = show(&gateway) => shown,
        interrupted = tokio::signal::ctrl_c() => interrupted,
    }
}

fn task(title: &str, dir: Option<PathBuf>) -> serde_json::Value {
    // A peer remembers dispatch keys across restarts, of itself and of us: each start needs its own.
    let start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let mut task = json!({"title": title, "driver": "opencode"});
    if let Some(dir) = dir {
        task["repo_path"] = dir.display().to_string().into();
    }
    json!({
        "kind": "task.dispatch",
        "run_id": format!("run_{start}"),
        "idempotency_key": format!("dispatch_{start}"),
        "timeout_seconds": 900,
        "task": task,
    })
}

/// Prints every frame as it arrives.
async fn show(gateway: &Gateway) -> io::Result<()> {
    let mut shown = 0;
    loop {
        // A wait that ran out of time is simply begun again.
        if let Ok(frames) = gateway.wait_for("a frame", |frames| frames.len() > shown).await {
            for frame in &frames[shown..] {
                say(&format!("{}", frame.value))?;
            }
            shown = frames.len();
        }
    }
}

fn say(line: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")?;
    out.flush()
}
