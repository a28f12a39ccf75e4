//! What can be asked of the program.

use crate::logging::LogFormat;
use clap::{Args as Options, Parser, Subcommand, ValueEnum};
use std::path::PathBuf;

/// Lets the coding agent on this computer work for OrgX.
///
/// The peer holds one connection to OrgX, takes the tasks that your team plans there, runs them in your own OpenCode
/// on your own subscription, and reports each step, each broken skill rule and one result. File contents, prompts and
/// transcripts are not sent to OrgX.
#[derive(Debug, Parser)]
#[command(name = "orgx-peer", version, arg_required_else_help = true, max_term_width = 80)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Serve OrgX until you stop it (Ctrl-C).
    ///
    /// Takes the tasks of one workspace, runs up to two at once, and starts OpenCode when a task needs it and none
    /// runs. On Ctrl-C or SIGTERM running tasks end as "peer stopped", and OrgX may give them out again.
    #[command(after_long_help = RUN_ENVIRONMENT)]
    Run(RunOptions),
    /// Connect this computer with your OrgX account.
    ///
    /// Prints a link: open it in a browser on any computer, sign in to OrgX there and press Connect. The key that OrgX
    /// then gives is kept in the keychain, and `orgx-peer run` needs no environment any more. Connecting anew replaces
    /// the keys that other OrgX plugins on this computer got in this way.
    #[command(after_long_help = LOGIN_HELP)]
    Login(LoginOptions),
    /// Remove the key from this computer.
    ///
    /// From the keychain, and from the file if there is one. Settings, runs, receipts and the local trail stay. The key
    /// goes on to work elsewhere until you remove it in OrgX.
    #[command(
        after_long_help = "Exit codes: 0 there is no key here any more, 1 there may be one, 2 wrong usage."
    )]
    Logout,
    /// See a task run, without OrgX and without an account.
    ///
    /// Starts a small OrgX on this computer and a scripted model, gives a task to OpenCode (if you have it, else to a
    /// built-in stand-in), and shows what happens: steps, a broken skill rule, the result, the receipt. Everything is
    /// in a temporary folder that is gone afterwards.
    Demo(DemoOptions),
    /// Say how the running peer is doing.
    #[command(after_long_help = PEER_HELP)]
    Status(StatusOptions),
    /// Let the running peer start no more of OrgX's tasks.
    ///
    /// The connection stays open and OrgX's tasks that arrive wait; what runs is finished. This lasts, also over a restart,
    /// until `orgx-peer resume`. A task of your own (`orgx-peer task`) runs while it is paused, too.
    #[command(after_long_help = PEER_HELP)]
    Pause(PauseOptions),
    /// Let the running peer take tasks again.
    #[command(after_long_help = PEER_HELP)]
    Resume(PeerOptions),
    /// End a run.
    ///
    /// The agent is asked to stop and waited for; OrgX hears that the run was cancelled.
    #[command(after_long_help = PEER_HELP)]
    Cancel(CancelOptions),
    /// See what waits for you, and answer it.
    ///
    /// Tasks that may only start with your word, and agents that ask: may it run this command, and what do you want?
    /// What nobody answers in time is denied, and the agent goes on without it.
    Attention(AttentionOptions),
    /// List the newest runs, show one, or open one's session in OpenCode.
    #[command(after_long_help = PEER_HELP)]
    Runs(RunsOptions),
    /// List OpenCode's sessions on this computer: what they are, cost and do.
    ///
    /// From OpenCode's own database, which is only read, and from every OpenCode server of yours that runs. Works with
    /// and without a running peer.
    #[command(after_long_help = SESSIONS_HELP)]
    Sessions(SessionsOptions),
    /// List what the lifecycle receiver was told: sessions that began and ended.
    ///
    /// Of agents on this computer, by senders that post to the receiver ([lifecycle] in config.toml), and of OrgX's
    /// tasks. docs/lifecycle.md says more.
    #[command(after_long_help = PEER_HELP)]
    Lifecycle(LifecycleOptions),
    /// Tell the lifecycle receiver of one session: for shells and hooks of other tools.
    ///
    /// Always ends with 0 within a second, whatever happens, and says nothing unless it is asked to: an agent's exit
    /// waits for it.
    Hook(HookOptions),
    /// List the newest receipts, and whether OrgX has them.
    #[command(after_long_help = PEER_HELP)]
    Receipts(ListOptions),
    /// Show the local trail: counts, ids and paths of what was done.
    Outbox(OutboxOptions),
    /// Run a task of your own, which OrgX never hears of.
    ///
    /// It goes through the same queue and the same agent as OrgX's tasks, and each step is shown as it comes. Ctrl-C
    /// cancels it.
    #[command(after_long_help = TASK_HELP)]
    Task(TaskOptions),
    /// Write, look at or remove the plugin for OpenCode.
    ///
    /// With it, sessions that you run by hand are told to the peer (when
    /// `lifecycle` is on in config.toml), and a server of OpenCode is found by
    /// its state file. It is one file in OpenCode's folder for plugins; a file
    /// that was not written by this program is left alone.
    #[command(after_long_help = "Exit codes: 0 done, 1 not done, 2 wrong usage.")]
    Plugin(PluginOptions),
    /// Look at everything that a peer needs, and say what to do.
    ///
    /// Key, clock, DNS, TLS, gateway, license, OpenCode and its login, folders, outbox, disk, lock, autostart. Works
    /// without a key and without a running peer; changes nothing. Takes at most 30 seconds.
    #[command(after_long_help = "Exit codes: 0 nothing failed, 1 something did.")]
    Doctor(DoctorOptions),
    /// Write a zip for a bug report, without keys, prompts or titles.
    ///
    /// Versions, what `doctor` finds, how the running peer is, the newest runs, the settings and the size of the local
    /// trail. Your home folder is written as ~. A README in it says what is in it and what is not.
    Diagnostics(DiagnosticsOptions),
}

const PEER_HELP: &str = "\
Needs no key. Exit codes: 0 done, 1 the peer refused, 2 wrong usage, 3 no peer
is running.";

const ANSWER_HELP: &str = "\
Several choices for one question are separated by ||, as in
--answer 'Red || Blue', when it takes several.

Needs no key. Exit codes: 0 done, 1 the peer refused, 2 wrong usage, 3 no peer
is running.";

const SESSIONS_HELP: &str = "\
States: Working; Needs you (it asks something); Blocked (the model refuses, and
is asked again); Ready (finished within five minutes); Idle (finished before);
Exited (did not finish, and its process is gone).

Exit codes: 0 listed, 1 nothing could be read, 2 wrong usage.";

const TASK_HELP: &str = "\
Needs no key. Exit codes: 0 completed, 1 failed, cancelled or refused, 2 wrong
usage, 3 no peer is running.";

const LOGIN_HELP: &str = "\
Environment:
  ORGX_BASE_URL             where OrgX is [default: https://useorgx.com]; it is
                            kept in config.toml, too

Exit codes: 0 signed in, 1 not, 2 wrong usage, or no workspace was chosen.";

const RUN_ENVIRONMENT: &str = "\
Sign in first: `orgx-peer login`. What is set here wins over that.

Environment:
  ORGX_API_KEY              your OrgX key (oxk_...); the keychain is then not
                            looked into
  ORGX_WORKSPACE_ID         the workspace whose tasks to take
  ORGX_BASE_URL             where OrgX is [default: https://useorgx.com];
                            http only on this computer
  ORGX_WIZARD_HOOK_OUTBOX   where the local trail goes [default:
                            ~/.config/useorgx/wizard/hooks/events.jsonl]
  OPENCODE_SERVER_URL       an OpenCode server on this computer to use; with
                            OPENCODE_SERVER_PASSWORD (and _USERNAME) when it
                            has a password
  ORGX_PEER_WEBHOOK_PORT    be told of sessions that begin and end, at this
                            port (0: any); OPENCODE_WEBHOOK_SECRET is the
                            secret, ORGX_PEER_BUFFER_DIR the buffer's folder
  ORGX_PEER_CONFIG_DIR      the folder of config.toml
  ORGX_PEER_STATE_DIR       the folder of the journal and the locks

Allowed folders and other settings are in config.toml; the README lists them.
The environment wins over the file.

Exit codes: 0 stopped as asked, 1 could not go on, 2 something is not set or
cannot be used.";

/// Options of `run`.
#[derive(Debug, Options)]
pub(crate) struct RunOptions {
    /// How log lines look on stderr.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub(crate) log_format: LogFormat,
    /// Log more of what the program does; twice for everything.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Options of `login`.
#[derive(Debug, Options)]
pub(crate) struct LoginOptions {
    /// Read a key from standard input instead: the first line of it.
    #[arg(long, conflicts_with = "found")]
    pub(crate) key_stdin: bool,
    /// Use the sign-in of the OrgX wizard on this computer.
    #[arg(long)]
    pub(crate) found: bool,
    /// The workspace whose tasks this computer takes.
    #[arg(long, value_name = "ID")]
    pub(crate) workspace: Option<String>,
    /// Keep the key in a file that only you can read, not in the keychain.
    #[arg(long)]
    pub(crate) file: bool,
}

/// Options of `demo`.
#[derive(Debug, Options)]
pub(crate) struct DemoOptions {
    /// The opencode program to use, instead of the one on PATH.
    #[arg(long, env = "ORGX_OPENCODE_BIN", value_name = "PROGRAM")]
    pub(crate) opencode: Option<PathBuf>,
    /// Use the built-in stand-in even when there is an OpenCode.
    #[arg(long)]
    pub(crate) stand_in: bool,
    /// Also show the program's own log on stderr.
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
}

/// Which running peer.
#[derive(Debug, Options)]
pub(crate) struct PeerOptions {
    /// The workspace whose peer is meant, when several run.
    #[arg(long, value_name = "ID", env = "ORGX_WORKSPACE_ID", hide_env_values = true)]
    pub(crate) workspace: Option<String>,
}

/// Options of `status`.
#[derive(Debug, Options)]
pub(crate) struct StatusOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// As JSON (docs/cli.md says what is in it).
    #[arg(long)]
    pub(crate) json: bool,
    /// Go on, with each change, until Ctrl-C.
    #[arg(long)]
    pub(crate) watch: bool,
}

/// Options of `pause`.
#[derive(Debug, Options)]
pub(crate) struct PauseOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// Finish what has already come, the waiting ones included, before it is paused.
    #[arg(long)]
    pub(crate) after_current_runs: bool,
}

/// Options of `cancel`.
#[derive(Debug, Options)]
pub(crate) struct CancelOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// The run's id, or the start of it.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
}

/// Options of `sessions`.
#[derive(Debug, Options)]
pub(crate) struct SessionsOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// As JSON (docs/cli.md says what is in it).
    #[arg(long)]
    pub(crate) json: bool,
    /// Archived ones and those of subagents, too.
    #[arg(long)]
    pub(crate) all: bool,
    /// Only those of this folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) directory: Option<PathBuf>,
    /// How many [default: 20 in a list, all as JSON].
    #[arg(short = 'n', long, value_name = "N")]
    pub(crate) limit: Option<usize>,
}

/// Options of `lifecycle`.
#[derive(Debug, Options)]
pub(crate) struct LifecycleOptions {
    #[command(flatten)]
    pub(crate) list: ListOptions,
    /// Go on with new events as they come, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
}

/// Options of `hook`.
#[derive(Debug, Options)]
pub(crate) struct HookOptions {
    #[command(subcommand)]
    pub(crate) command: HookCommand,
}

/// What is told.
#[derive(Debug, Subcommand)]
pub(crate) enum HookCommand {
    /// A session began.
    Start(HookFacts),
    /// A session ended.
    Stop(HookFacts),
}

/// What is told of a session.
#[derive(Debug, Options)]
pub(crate) struct HookFacts {
    /// The session's id.
    #[arg(long, value_name = "ID")]
    pub(crate) session_id: String,
    /// Its folder.
    #[arg(long, value_name = "DIR")]
    pub(crate) cwd: Option<String>,
    /// The exit status of its process: $?.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    pub(crate) exit_status: Option<i64>,
    /// How long it took, in seconds.
    #[arg(long, value_name = "SECONDS")]
    pub(crate) duration: Option<f64>,
    /// Its model.
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// What it came to, in a few words.
    #[arg(long, value_name = "TEXT")]
    pub(crate) summary: Option<String>,
    /// The agent: opencode or claude-code [default: opencode].
    #[arg(long, value_name = "NAME")]
    pub(crate) harness: Option<String>,
    /// The agent's process: when it is gone without a word, the session is over.
    #[arg(long, value_name = "PID")]
    pub(crate) pid: Option<u32>,
    /// Say why it was not taken.
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

/// Options of `attention`.
#[derive(Debug, Options)]
pub(crate) struct AttentionOptions {
    #[command(subcommand)]
    pub(crate) command: AttentionCommand,
}

/// What of the attention.
#[derive(Debug, Subcommand)]
pub(crate) enum AttentionCommand {
    /// List what waits for you, oldest first.
    #[command(after_long_help = PEER_HELP)]
    List(AttentionListOptions),
    /// Answer something that waits for you.
    ///
    /// The first answer counts, wherever it is given.
    #[command(after_long_help = ANSWER_HELP)]
    Answer(AnswerOptions),
}

/// Options of `attention list`.
#[derive(Debug, Options)]
pub(crate) struct AttentionListOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// As JSON (docs/cli.md says what is in it).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `attention answer`.
#[derive(Debug, Options)]
pub(crate) struct AnswerOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// What it answers: an id of the list, or the start of one.
    #[arg(value_name = "ID")]
    pub(crate) id: String,
    /// Yes or no; for questions, no, or --answer.
    #[arg(value_enum, value_name = "WORD", required_unless_present = "answers", conflicts_with = "answers")]
    pub(crate) word: Option<Word>,
    /// Why not: the agent reads it. With `deny`.
    #[arg(long, value_name = "WORDS", conflicts_with = "answers")]
    pub(crate) reason: Option<String>,
    /// The answer to a question; once for each, in their order.
    #[arg(long = "answer", value_name = "TEXT")]
    pub(crate) answers: Vec<String>,
}

/// What a person says to a yes-or-no question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Word {
    /// This once.
    Allow,
    /// This, and the same again while the run lasts.
    AllowForRun,
    /// No.
    Deny,
}

/// What is done with a run.
#[derive(Debug, Subcommand)]
pub(crate) enum RunsCommand {
    /// Go on with a run's session in OpenCode, once the run has ended.
    Resume(OpenOptions),
    /// Watch a run's session in OpenCode, in the server that works on it; go on with it when none does.
    Attach(OpenOptions),
    /// Take back what a run changed in its folder, by OpenCode's own revert; `--redo` does it again.
    ///
    /// Every file that the run changed, commands included, is put back as it was before, whatever was written into it
    /// since; `--redo` brings that back, too, until the session is prompted again. OpenCode can do so in a git
    /// repository only.
    #[command(after_long_help = PEER_HELP)]
    Undo(UndoOptions),
}

/// Options of `runs resume` and `runs attach`.
#[derive(Debug, Options)]
pub(crate) struct OpenOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// The run's id, or the start of it.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Only say the command, without what is secret.
    #[arg(long)]
    pub(crate) print: bool,
}

/// Options of `runs undo`.
#[derive(Debug, Options)]
pub(crate) struct UndoOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// The run's id, or the start of it.
    #[arg(value_name = "RUN")]
    pub(crate) run: String,
    /// Do again what was taken back.
    #[arg(long)]
    pub(crate) redo: bool,
}

/// Options of `runs`.
#[derive(Debug, Options)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub(crate) struct RunsOptions {
    #[command(subcommand)]
    pub(crate) command: Option<RunsCommand>,
    /// Only this one, with all that is known: its id, or the start of it.
    #[arg(value_name = "RUN")]
    pub(crate) run: Option<String>,
    #[command(flatten)]
    pub(crate) list: ListOptions,
}

/// Options of a list.
#[derive(Debug, Options)]
pub(crate) struct ListOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// As JSON (docs/cli.md says what is in it).
    #[arg(long)]
    pub(crate) json: bool,
    /// How many.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) limit: usize,
}

/// Options of `outbox`.
#[derive(Debug, Options)]
pub(crate) struct OutboxOptions {
    #[command(subcommand)]
    pub(crate) command: OutboxCommand,
}

/// What of the outbox.
#[derive(Debug, Subcommand)]
pub(crate) enum OutboxCommand {
    /// Say where it is.
    Path(PeerOptions),
    /// Show its last lines.
    Tail(TailOptions),
}

/// Options of `outbox tail`.
#[derive(Debug, Options)]
pub(crate) struct TailOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// How many lines.
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
    pub(crate) lines: usize,
    /// Go on with new lines as they come, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// The lines as they are in the file.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `task`.
#[derive(Debug, Options)]
pub(crate) struct TaskOptions {
    #[command(flatten)]
    pub(crate) peer: PeerOptions,
    /// What to do; `-` reads it from standard input.
    #[arg(value_name = "PROMPT")]
    pub(crate) prompt: String,
    /// The folder to work in [default: this one].
    #[arg(long, value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
    /// The model, as provider/model [default: the agent's choice].
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// The agent: opencode or claude_code [default: the first of them that
    /// takes tasks].
    #[arg(long, value_name = "AGENT")]
    pub(crate) driver: Option<String>,
}

/// Options of `plugin`.
#[derive(Debug, Options)]
pub(crate) struct PluginOptions {
    #[command(subcommand)]
    pub(crate) command: PluginCommand,
    /// As JSON (docs/plugin.md says what is in it).
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What to do with the plugin.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Write it, or bring it up to date.
    Install,
    /// Say whether it is there.
    Status,
    /// Remove it.
    Remove,
}

/// Options of `doctor`.
#[derive(Debug, Options)]
pub(crate) struct DoctorOptions {
    /// As JSON (docs/cli.md says what is in it).
    #[arg(long)]
    pub(crate) json: bool,
}

/// Options of `diagnostics`.
#[derive(Debug, Options)]
pub(crate) struct DiagnosticsOptions {
    /// Where to write it [default: orgx-peer-diagnostics-<time>.zip, here].
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
}
