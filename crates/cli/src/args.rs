//! What can be asked of the program.

use crate::logging::LogFormat;
use clap::{Args as Options, Parser, Subcommand};
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
    /// See a task run, without OrgX and without an account.
    ///
    /// Starts a small OrgX on this computer and a scripted model, gives a task to OpenCode (if you have it, else to a
    /// built-in stand-in), and shows what happens: steps, a broken skill rule, the result, the receipt. Everything is
    /// in a temporary folder that is gone afterwards.
    Demo(DemoOptions),
}

const RUN_ENVIRONMENT: &str = "\
Environment:
  ORGX_API_KEY              your OrgX key (oxk_...); required
  ORGX_WORKSPACE_ID         the workspace whose tasks to take; required
  ORGX_BASE_URL             where OrgX is [default: https://useorgx.com];
                            http only on this computer
  ORGX_WIZARD_HOOK_OUTBOX   where the local trail goes [default:
                            ~/.config/useorgx/wizard/hooks/events.jsonl]
  OPENCODE_SERVER_URL       an OpenCode server on this computer to use; with
                            OPENCODE_SERVER_PASSWORD (and _USERNAME) when it
                            has a password
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
